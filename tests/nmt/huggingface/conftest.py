"""Domains with small Hugging Face models, each made once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from nmt.small_huggingface import languages_of, write_model

from ink.corpus.preparation import prepare
from ink.corpus.prepared_corpus import PreparedCorpus
from ink.nmt.domain_files import Domain
from ink.nmt.huggingface.huggingface_model import HuggingFaceBackend
from ink.nmt.huggingface.vocabulary_folder import make_vocabulary
from ink.nmt.text_loading import load_text
from ink.runtime.whole_files import read_lines


@pytest.fixture(scope="session")
def domain_of(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Domain]:
    """`domain_of(kind)`: the tiny corpus, prepared for a model of this kind."""

    @cache
    def make(kind: str) -> Domain:
        folder = tmp_path_factory.mktemp(kind)
        lines = [read_lines(tiny.corpus / f"train.{language}") for language in tiny.languages]
        return make_domain(tiny, folder, kind, *lines)

    return make


def make_domain(tiny: Any, folder: Path, kind: str, sources: list[str], targets: list[str]) -> Domain:
    write_model(folder / "model", kind, sources, targets)
    make_vocabulary(folder / "model", tiny.languages, languages_of(kind), folder / "vocabulary")
    settings = tiny.settings.text
    text = load_text(folder / "vocabulary", settings, tiny.languages)
    prepare(tiny.corpus, folder / "vocabulary", settings, tiny.languages, folder / "data", text)
    data = PreparedCorpus(folder / "data", tiny.languages)
    return Domain(folder / "model", folder / "vocabulary", tiny.corpus, data, HuggingFaceBackend())
