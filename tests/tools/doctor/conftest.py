from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ink.config import check, load
from ink.tools.costs.workload import Workload, workload_of

REPOSITORY = Path(__file__).resolve().parents[3]
MICRO = REPOSITORY / "tests" / "workflow" / "micro.yaml"


@pytest.fixture
def config() -> Any:
    """The micro experiment, to be changed at will."""
    return load(MICRO)


@pytest.fixture
def own_corpus(tmp_path: Path) -> Any:
    """An experiment on text of its own, all of it there: 3 words a line."""
    found = load(REPOSITORY / "config" / "own-corpus.yaml")
    found["data"]["files"]["pattern"] = f"{tmp_path}/{{domain}}.{{split}}.{{language}}"
    for name in ("path", "bpe_codes", "source_dictionary", "target_dictionary"):
        found["base_model"][name] = str(tmp_path / name)
        (tmp_path / name).write_bytes(b"x\n" * 1000)
    for domain, splits in found["data"]["files"]["splits"].items():
        for split in splits:
            for language in ("de", "en"):
                lines = 400 if split == "train" else 100
                (tmp_path / f"{domain}.{split}.{language}").write_text("ein Wort mehr\n" * lines, encoding="utf-8")
    check(found)
    return found


@pytest.fixture
def workload_of_config() -> Callable[[Any], Workload]:
    """Estimates the workload of an experiment on generated text."""
    return lambda config: workload_of(config, {})
