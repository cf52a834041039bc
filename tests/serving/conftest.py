"""An experiment with the tiny model, in which systems are put where the workflow would keep them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ink.config import load
from ink.systems.layout import Layout

MICRO = Path(__file__).resolve().parents[1] / "workflow" / "micro.yaml"


@pytest.fixture
def tiny_experiment(tiny: Any, tmp_path: Path) -> Callable[..., Layout]:
    """Make an experiment of these systems and settings, with the tiny model and its text in place."""

    def make(systems: list[str], **settings: Any) -> Layout:
        config = load(MICRO) | settings
        config["data"] |= {"source_language": "xx", "target_language": "yy"}
        config |= {"domains": ["koran"], "systems": ["off_the_shelf", *systems]}
        config["decoding"] |= {"beam": 2, "max_len_a": 1.2, "max_len_b": 5}
        found = Layout(config, str(tmp_path / "work"))
        for path, place in ((tiny.vocabulary, found.vocabulary), (tiny.data, found.data("koran"))):
            shutil.copytree(path, place)
        Path(found.base_model).parent.mkdir()
        shutil.copy(tiny.base_model, found.base_model)
        return found

    return make
