"""The models that are published beside results: which files, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sacrebleu import corpus_bleu

from ink.config import load
from ink.config.slices.commands import settings_for
from ink.config.slices.result_slices import TranslationSettings
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_lines
from ink.synthetic.generator import generate
from ink.systems.layout import Layout
from ink.tools.published_models import DEMO, TRANSLATING, copy_models, demo
from ink.tools.translation.lines import Line
from ink.tools.translation.translator import load_translator

REPOSITORY = Path(__file__).resolve().parents[2]
MINI = load(REPOSITORY / "config" / "config.yaml")
LINES = 100


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
    with pytest.raises(
        InkError, match=r"theirs/model.pt, which the experiment did not train: publish without --models"
    ):
        copy_models(config, Path("models"))


def test_what_has_not_been_trained_is_named(trained: Layout) -> None:
    Path(trained.adapter("ink", "law", 1)).unlink()
    with pytest.raises(InkError, match=r"adapters/ink/law/seed1/adapter.safetensors does not exist; run the workflow"):
        copy_models(MINI, Path("models"))


@pytest.mark.parametrize("domain", MINI["domains"])
def test_published_models_translate_as_the_published_table_says(domain: str) -> None:
    layout = demo(domain, TRANSLATING)
    settings = settings_for(layout.config, TranslationSettings, domain)
    translator = load_translator(layout, settings, TRANSLATING, domain, None, print)
    text = generate({domain: {"test": LINES}}, layout.config["data"]["synthetic"]["seed"])[domain]["test"]
    lines = [Line(number, source) for number, (source, _) in enumerate(text, start=1)]
    ours = [found[0].text for found in translator.translate(lines)]
    published = read_lines(REPOSITORY / DEMO / "hypotheses" / TRANSLATING / domain / "seed1.en")[:LINES]
    references = [target for _, target in text]
    assert references == read_lines(REPOSITORY / DEMO / "references" / f"{domain}.en")[:LINES]
    scores = [corpus_bleu(hypotheses, [references]).score for hypotheses in (ours, published)]
    assert scores[0] == pytest.approx(scores[1], abs=0.3)


@pytest.mark.failure(
    "Translating",
    "`ink translate --demo` or `ink explain --demo` with a domain for which no model is published",
    "`--demo: no model of INK is published for 'legal'; take one of medical, law, it, koran [config/unknown-name]`",
)
def test_a_domain_without_published_models_is_named() -> None:
    with pytest.raises(InkError, match="no model of INK is published for 'legal'; take one of medical, law, it, koran"):
        demo("legal", TRANSLATING)
    with pytest.raises(InkError, match=r"no model of INK \+ R-kNN is published for 'law'; take one of koran"):
        demo("law", "ink_r_knn")
