"""What a config uses of its downloads, and what of that is not there yet."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from ink.config import load
from ink.tools.download.provided_files import files_to_come, provided_files

CONFIG = Path(__file__).resolve().parents[3] / "config"
NOTHING = {"url": None, "path": None, "sha256": None}


@pytest.fixture
def paper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The paper's experiment, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return copy.deepcopy(load(CONFIG / "paper.yaml"))


def test_what_is_there_is_not_waited_for(paper: dict[str, Any]) -> None:
    model, codes, *_ = files = provided_files(paper)["wmt19_model"]
    (Path("downloads") / "wmt19_model").mkdir(parents=True)
    (Path("downloads") / "wmt19_model" / ".unpacked.json").write_text('{"sha256": "0"}')
    for path in files[1:]:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()
    assert files_to_come(paper)["wmt19_model"] == [model]
    assert codes == paper["base_model"]["bpe_codes"]


def test_where_somebody_has_put_files_nothing_is_brought(paper: dict[str, Any]) -> None:
    """What lacks there is hers to add: no job may replace what she has put there."""
    _, codes, *_ = provided_files(paper)["wmt19_model"]
    Path(codes).parent.mkdir(parents=True)
    assert "wmt19_model" in provided_files(paper)
    Path(codes).touch()
    assert "wmt19_model" not in provided_files(paper)
    assert "multi_domain_data" in provided_files(paper)


def test_what_lies_elsewhere_comes_with_no_download(paper: dict[str, Any]) -> None:
    paper["base_model"]["path"] = "downloads/wmt19_model_finetuned/model.pt"
    paper["data"]["binarised"]["folder"] = "downloads/multi_domain_data/../mine/{domain}"
    found = provided_files(paper)
    assert paper["base_model"]["path"] not in found["wmt19_model"]
    assert "multi_domain_data" not in found


def test_what_the_section_does_not_name_is_not_brought(paper: dict[str, Any]) -> None:
    paper["downloads"] = {"comet_settings": NOTHING}
    assert provided_files(paper) == {"comet_settings": ["downloads/wmt20-comet-da/hparams.yaml"]}
    del paper["downloads"]
    assert provided_files(paper) == files_to_come(paper) == {}


def test_an_experiment_that_needs_nothing_from_elsewhere(paper: dict[str, Any]) -> None:
    assert provided_files(load(CONFIG / "config.yaml")) == provided_files(load(CONFIG / "own-corpus.yaml")) == {}
