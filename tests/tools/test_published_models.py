"""The models that are published beside results: which files, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ink.config import load
from ink.runtime.errors import InkError
from ink.systems.layout import Layout
from ink.tools.published_models import copy_models

MINI = load(Path(__file__).resolve().parents[2] / "config" / "config.yaml")


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A folder in which mini has been run, its files a word each."""
    monkeypatch.chdir(tmp_path)
    layout = Layout(MINI)
    files = [layout.base_model, *(f"{layout.vocabulary}/{name}" for name in ("bpecodes", "dict.de.txt", "dict.en.txt"))]
    files += [layout.adapter("ink", domain, 1) for domain in MINI["domains"]]
    files += [f"{layout.adapted_datastore('ink', 'koran', 1)}/{name}" for name in ("keys.npy", "index.faiss", ".lock")]
    files += [
        layout.combiner("ink_r_knn", "koran", 1),
        layout.combiner("ink_r_knn", "koran", 1).replace("combiner", "record"),
    ]
    files += [
        f"{layout.data('koran')}/{name}" for name in ("prepared.json", "kept.npy", "train.bpe.en", "train.bpe.de")
    ]
    files += [f"{layout.corpus('koran')}/{split}.{side}" for split in ("train", "test") for side in ("de", "en")]
    for file in files:
        path = Path(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file, encoding="utf-8")
    return layout


def copied(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


TRANSLATE = {
    "base_model/model.pt",
    *(f"vocabulary/{name}" for name in ("bpecodes", "dict.de.txt", "dict.en.txt")),
    *(f"adapters/ink/{domain}/seed1/adapter.safetensors" for domain in MINI["domains"]),
}
EXPLAIN = {
    "datastores/ink/koran/seed1/keys.npy",
    "datastores/ink/koran/seed1/index.faiss",
    "combiners/ink_r_knn/koran/seed1/combiner.json",
    *(f"binarised/koran/{name}" for name in ("prepared.json", "kept.npy", "train.bpe.en")),
    *(f"corpus/koran/train.{side}" for side in ("de", "en")),
}


@pytest.mark.parametrize(("explained", "expected"), [(None, TRANSLATE), ("koran", TRANSLATE | EXPLAIN)])
def test_what_translates_and_what_explains(trained: Layout, explained: str | None, expected: set[str]) -> None:
    copy_models(MINI, Path("models"), explained)
    assert copied(Path("models")) == expected
    for name in expected:
        assert (Path("models") / name).read_text(encoding="utf-8") == f"{trained.work}/{name}"


def test_a_model_of_somebody_else_is_not_given_away(trained: Layout) -> None:
    config: dict[str, Any] = {**MINI, "base_model": {**MINI["base_model"], "path": "theirs/model.pt"}}
    with pytest.raises(InkError, match=r"theirs/model.pt, a file of its own: publish without --models"):
        copy_models(config, Path("models"))


def test_what_has_not_been_trained_is_named(trained: Layout) -> None:
    Path(trained.adapter("ink", "law", 1)).unlink()
    with pytest.raises(InkError, match=r"adapters/ink/law/seed1/adapter.safetensors does not exist; run the workflow"):
        copy_models(MINI, Path("models"))
