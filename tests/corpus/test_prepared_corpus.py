"""Binarised text as a model meets it: whole, and made with the model's own dictionaries."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from ink.corpus.prepared_corpus import PreparedCorpus
from ink.runtime.errors import InkError


@pytest.fixture
def data(tiny: Any, tmp_path: Path) -> PreparedCorpus:
    """A copy to be damaged."""
    return PreparedCorpus(Path(shutil.copytree(tiny.data, tmp_path / "binarised")), tiny.languages)


@pytest.fixture
def model(tiny: Any) -> Any:
    return tiny.domain.load_model(tiny.settings)


@pytest.mark.parametrize("language", ["xx", "yy"])
def test_data_of_another_dictionary_of_the_same_size_are_refused_and_both_are_named(
    tiny: Any, data: PreparedCorpus, model: Any, language: str
) -> None:
    tiny.domain.load_model(tiny.settings).parallel_text(data, "train")
    path = data.path / f"dict.{language}.txt"
    first, second, *rest = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([second, first, *rest, ""]), encoding="utf-8")
    with pytest.raises(InkError, match=rf"binarised with .*binarised/dict\.{language}\.txt, .* {tiny.vocabulary}"):
        model.parallel_text(data, "train")


def test_other_counts_make_no_other_dictionary(data: PreparedCorpus, model: Any) -> None:
    path = data.path / "dict.xx.txt"
    lines = [line.partition(" ")[0] for line in path.read_text(encoding="utf-8").splitlines()]
    path.write_text("".join(f"{token} 1\n" for token in lines), encoding="utf-8")
    assert len(model.parallel_text(data, "train")) == 60


@pytest.mark.parametrize("kind", ["bin", "idx"])
@pytest.mark.parametrize("share", [0, 0.2, 0.9])
def test_binarised_text_cut_short_is_named(data: PreparedCorpus, model: Any, kind: str, share: float) -> None:
    file = data.path / f"train.xx-yy.yy.{kind}"
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    with pytest.raises(InkError, match=r"train\.xx-yy\.yy\.(bin|idx) .*; prepare the text again"):
        model.parallel_text(data, "train")


@pytest.mark.parametrize("name", ["train.xx-yy.xx.bin", "train.xx-yy.xx.idx", "dict.xx.txt"])
def test_a_missing_part_is_named(data: PreparedCorpus, model: Any, name: str) -> None:
    (data.path / name).unlink()
    with pytest.raises(InkError, match=f"{name} does not exist"):
        model.parallel_text(data, "train")


def test_a_description_without_fingerprint_is_named(data: PreparedCorpus) -> None:
    (data.path / "prepared.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InkError, match=r"prepared\.json: fingerprint is missing"):
        _ = data.fingerprint
