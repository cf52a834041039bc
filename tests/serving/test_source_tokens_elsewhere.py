"""A system that searches by source tokens: found where the workflow keeps it, and in a folder of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ink.combiners.combiner_file import write_combiner
from ink.combiners.sentence_mixture import SentenceMixture
from ink.config.sections.base_system import Index
from ink.config.slices.commands import settings_for
from ink.config.slices.result_slices import TranslationSettings
from ink.datastore.build import Extraction, build_datastore
from ink.datastore.source_tokens.restricted_datastores import RestrictedDatastores
from ink.datastore.source_tokens.token_storing import store_source_tokens
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_lines
from ink.serving.answers import answers
from ink.serving.system_folder import load_system_folder, make_system_folder
from ink.systems.layout import Layout, Run
from ink.tools.explanation.explainer import load_explainer
from ink.tools.translation.translator import load_translator

RUN = Run("v_knn+source_tokens", "koran", 1)
V_KNN = {"k": 4, "lambda": 0.9, "temperature": 10}


@pytest.fixture
def layout(tiny: Any, tiny_experiment: Callable[..., Layout]) -> Layout:
    """An experiment with datastore, V-kNN and source tokens."""
    strategies = {"source_tokens": {"occurrences": 3}}
    found = tiny_experiment(["v_knn", "v_knn+source_tokens"], search_strategies=strategies)
    files = found.system_files(*RUN)
    model, corpus = tiny.domain.load_model(tiny.settings), tiny.domain.data.fingerprint
    text = model.parallel_text(tiny.domain.data, "train")
    extraction = Extraction(model, text, corpus, "decoder_output", 500)
    build_datastore(extraction, Path(files["datastore"]), Index(type="exact"))
    store_source_tokens(model, text, corpus, Path(files["source_tokens"]), batch_tokens=500)
    Path(files["combiner"]).parent.mkdir(parents=True)
    write_combiner(Path(files["combiner"]), "vanilla", V_KNN, chosen=V_KNN, tried=[V_KNN])
    return found


def test_it_takes_its_source_tokens_along_and_leaves_the_index(tiny: Any, layout: Layout, tmp_path: Path) -> None:
    lines = read_lines(tiny.corpus / "test.xx")[:6]
    settings = settings_for(layout.config, TranslationSettings, "koran")
    here = load_translator(layout, settings, *RUN, print)
    assert isinstance(here.system.mixture, SentenceMixture)
    assert isinstance(here.system.mixture.datastores, RestrictedDatastores)
    answered = answers(here, lines)
    assert answered != answers(load_translator(layout, settings, "off_the_shelf", "koran", 1, print), lines)
    make_system_folder(layout, RUN, tmp_path / "elsewhere")
    shutil.rmtree(layout.work)
    there = load_system_folder(tmp_path / "elsewhere", print)
    assert answers(there, lines) == answered
    assert {"keys.npy", "representations.npy"} <= set(there.system.files)
    assert not [*(tmp_path / "elsewhere").rglob("index.faiss")]


def test_the_system_that_searches_the_whole_is_explained_in_its_place(layout: Layout) -> None:
    settings = settings_for(layout.config, TranslationSettings, "koran")
    with pytest.raises(InkError, match=r"source tokens searches a part of the datastore; explain v_knn, which is"):
        load_explainer(layout, settings, *RUN, print)
