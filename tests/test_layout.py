"""The house: which part of ink may know which, no two modules of one name, and who knows Snakemake."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "ink"

# part -> what it may import besides itself and `runtime`
MAY_IMPORT = {
    "runtime": set(),
    "synthetic": set(),
    "config": {"systems", "metrics"},  # the names of what it may choose
    "corpus": {"config", "systems"},
    "nmt": {"config", "corpus"},
    "datastore": {"config", "nmt"},
    "combiners": {"config", "nmt", "datastore", "metrics", "systems"},
    "systems": {"config", "corpus", "nmt", "datastore", "combiners"},
    "metrics": {"config", "corpus", "nmt", "datastore", "combiners", "systems"},
    "training": {"config", "corpus", "nmt", "datastore", "combiners", "metrics"},
    "results": {"config", "systems", "metrics"},
    "tracking": {"config", "systems", "metrics"},
    "tools": {"config", "corpus", "nmt", "datastore", "combiners", "metrics", "systems", "results"},
    "serving": {"config", "combiners", "systems", "results", "tracking", "tools"},
    "cli": {
        *("config", "corpus", "synthetic", "nmt", "datastore", "combiners", "systems", "metrics", "training"),
        *("results", "tracking", "tools", "serving"),
    },
}
# The bottom of two parts, which everybody above `runtime` may know: names, and where files are.
FACTS = {
    *("ink.systems.known_systems", "ink.systems.systems_of_experiment", "ink.systems.variations"),
    *("ink.systems.search_methods", "ink.systems.layout"),
    "ink.metrics.known_metrics",
}
# part -> the only modules of another part that it may import
ONLY_FACTS = {("config", "systems"), ("config", "metrics"), ("corpus", "systems"), ("combiners", "systems")}

# Outside the commands, what `snakemake` stands in: advice to the reader, or files that a workflow leaves.
KNOW_SNAKEMAKE = {
    "config/overrides.py": "how --config hands text in",
    "config/paths.py": "braces in a path would be wildcards",
    "config/sections/experiment.py": "the option that runs jobs in a container",
    "results/contents.py": "advice",
    "systems/inference.py": "advice",
    "systems/layout.py": "an argument may be a wildcard",
    "tools/doctor/environment.py": "is the command there",
    "tools/doctor/machine.py": "advice",
    "tools/doctor/space.py": "the size of .snakemake",
    "tools/new_project.py": "the Snakefile and README of a project",
    "tools/published_models.py": "advice",
    "tools/publishing.py": "advice",
    "tracking/mlflow_run.py": "what started a run",
    "tracking/provenance.py": "its version",
}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in PACKAGE.rglob("*.py")}


def imported(nodes: Iterator[ast.AST]) -> set[str]:
    """The modules of ink that statements import."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "ink":
            found |= {
                whole if (whole := f"{node.module}.{alias.name}") in MODULES else node.module for alias in node.names
            }
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.partition(".")[0] == "ink"}
    return found


def part_of(module: str) -> str:
    return [*module.split("."), ""][1]


TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_arrows_point_one_way(part: str) -> None:
    for module, tree in TREES.items():
        if part_of(module) == part:
            for other in imported(ast.walk(tree)):
                there = part_of(other)
                if there not in {part, "runtime", ""}:
                    assert there in MAY_IMPORT[part], f"{module} imports {other}"
                    if (part, there) in ONLY_FACTS:
                        assert other in FACTS, f"{module} imports {other}"


def test_every_folder_has_its_arrows() -> None:
    assert {part_of(name) for name in MODULES} - {""} == set(MAY_IMPORT)


def test_no_module_imports_itself_by_way_of_others() -> None:
    TopologicalSorter({name: imported(iter(tree.body)) for name, tree in TREES.items()}).prepare()


def test_no_module_name_is_used_twice() -> None:
    files = [path for folder in ("ink", "tests", "benchmarks") for path in (REPOSITORY / folder).rglob("*.py")]
    names = Counter(path.name for path in files if path.name not in {"__init__.py", "conftest.py"})
    assert [name for name, count in names.items() if count > 1] == []


def test_nothing_imports_snakemake() -> None:
    for module, tree in TREES.items():
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert "snakemake" not in {name.partition(".")[0] for name in names}, module


def test_only_commands_and_these_modules_know_snakemake() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES.values()
        if "snakemake" in path.read_text(encoding="utf-8").lower()
    }
    assert {path for path in found if not path.startswith("cli/")} == set(KNOW_SNAKEMAKE)
