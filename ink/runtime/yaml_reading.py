"""Reading YAML that anybody may have written."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import yaml

from ink.runtime.errors import InkError

# Far beyond any experiment's, and far below what Python's recursion and a machine's memory hold.
DEEPEST = 50
MOST_VALUES = 100_000


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which also refuses what it would silently lose, or break or work for ever on.

    - a key given twice, of which YAML would keep the last
    - nesting without end
    - aliases that hold themselves, or that stand for more values than a file can have
    - scalars that are not what their tag or form says
    """

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise _problem(f"nested more than {DEEPEST} deep", self.peek_event())
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_document(self, node: yaml.Node) -> Any:
        if (count := _count_values(node, {})) > MOST_VALUES:
            raise _problem(f"it holds {count:,} values, aliases counted, and {MOST_VALUES:,} are allowed", node)
        return super().construct_document(node)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # PyYAML's own constructors of numbers and dates leave these through
            if not isinstance(node, yaml.ScalarNode):
                raise
            kind = node.tag.rpartition(":")[2]
            raise _problem(f"{node.value!r} cannot be read as {kind}; text stands in quotes", node) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise _problem(f"the key {key.value!r} is given twice", key)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def _problem(problem: str, place: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=place.start_mark)


def _count_values(node: yaml.Node, known: dict[int, int | None]) -> int:
    """Count the values that a node stands for, those behind aliases as often as they are named."""
    if id(node) in known:
        count = known[id(node)]
        if count is None:
            raise _problem("an alias stands within what it is the name of", node)
        return count
    known[id(node)] = None
    inner = node.value if isinstance(node, yaml.CollectionNode) else ()
    parts = itertools.chain(*inner) if isinstance(node, yaml.MappingNode) else inner
    count = 1 + sum(_count_values(part, known) for part in parts)
    known[id(node)] = count
    return count


def read_yaml(text: str, path: Path | str) -> Any:
    """Return what YAML text says; InkError names `path` and the line where it is none."""
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InkError(
            f"{path}{line}: not valid YAML: {error.problem or error.context}", code="config/not-yaml"
        ) from None
    except yaml.YAMLError as error:
        raise InkError(f"{path}: not valid YAML: {' '.join(str(error).split())}", code="config/not-yaml") from None
