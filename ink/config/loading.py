"""Reading an experiment's YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ink.config.domains import Config
from ink.config.paths import expand_home
from ink.errors import InkError
from ink.given_text import check_is_text, without_mark


class _UniqueKeyLoader(yaml.SafeLoader):
    """PyYAML's safe loader that refuses a key given twice, of which YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {key.value!r} is given twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def load(path: Path | str) -> Config:
    """Read an experiment's YAML file, unchecked, with `~` in its paths expanded.

    InkError names file and line where it is missing or no YAML.
    """
    try:
        data = Path(path).read_bytes()
        check_is_text(path, data)
        text = without_mark(data).decode("utf-8")
    except OSError as error:
        raise InkError(f"{path}: the configuration cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise InkError(f"{path}: the configuration is not UTF-8 (byte {error.start})") from None
    try:
        config = yaml.load(text, Loader=_UniqueKeyLoader)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InkError(f"{path}{line}: not valid YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise InkError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(config, dict):
        found = "nothing" if config is None else f"a {type(config).__name__}"
        raise InkError(f"{path}: an experiment is a mapping of settings, but the file holds {found}")
    expand_home(config)
    return config
