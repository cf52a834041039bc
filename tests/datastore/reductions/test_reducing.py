"""A reduced datastore has what is left of the whole, and says so; the model's own predictions are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ink.config.sections.base_system import Index
from ink.config.sections.reductions import Reduction
from ink.datastore.build import Extraction, build_datastore, teacher_forced
from ink.datastore.reductions.known_reductions import METHODS
from ink.datastore.reductions.reducing import predicted, reduce_datastore
from ink.datastore.search import Searcher
from ink.datastore.storage import ReducedFrom, open_datastore
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json

EXACT = Index(type="exact")
HALF = Reduction(method="random", keep=0.5)
MERGED = Reduction(method="greedy_merging", k=2)


@pytest.fixture(scope="module")
def model(tiny: Any) -> Any:
    return tiny.domain.load_model(tiny.settings)


@pytest.fixture(scope="module")
def whole(tiny: Any, model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("to-reduce") / "store"
    text, corpus = model.parallel_text(tiny.domain.data, "train"), tiny.domain.data.fingerprint
    build_datastore(Extraction(model, text, corpus, "decoder_output", 500), path, EXACT)
    return path


def test_every_method_of_the_config_is_known() -> None:
    assert set(METHODS) == set(Reduction.model_json_schema()["properties"]["method"]["enum"])


def test_what_is_left_is_what_it_was(whole: Path, tmp_path: Path) -> None:
    meta = reduce_datastore(whole, HALF, EXACT, tmp_path / "half")
    store, before = open_datastore(tmp_path / "half"), open_datastore(whole)
    assert meta == store.meta
    entries, dimension = before.meta.entries, before.meta.dimension
    assert meta.reduced == ReducedFrom("random", entries, dimension, counts=False)
    assert store.numbers is not None and len(store.numbers) == meta.entries == round(entries / 2)
    assert np.array_equal(store.keys, before.keys[store.numbers])
    assert np.array_equal(store.values, before.values[store.numbers])
    assert store.log_probs is not None and before.log_probs is not None
    assert np.array_equal(store.log_probs, before.log_probs[store.numbers])
    assert np.array_equal(store.offsets, before.offsets)
    assert [store.number(entry) for entry in (0, 5)] == store.numbers[[0, 5]].tolist()
    assert before.number(5) == 5
    # each of its own keys finds itself
    found = Searcher(store, EXACT).search(torch.from_numpy(np.array(store.keys)).float(), 1)
    assert float(found.distances.max()) < 1e-3
    assert found.log_counts is None
    assert "reduced" not in read_json(whole / "meta.json")


def test_merged_entries_come_with_how_many_they_stand_for(whole: Path, tmp_path: Path) -> None:
    meta = reduce_datastore(whole, MERGED, EXACT, tmp_path / "merged")
    store = open_datastore(tmp_path / "merged")
    assert meta.entries < open_datastore(whole).meta.entries
    assert store.counts is not None and store.counts.sum() == open_datastore(whole).meta.entries
    found = Searcher(store, EXACT).search(torch.from_numpy(np.array(store.keys[:7])).float().unsqueeze(0), 3)
    assert found.log_counts is not None
    np.testing.assert_allclose(found.log_counts.exp(), store.counts[found.ids], rtol=1e-6)
    swapped = found.select(torch.tensor([2, 0]).expand(1, 7, 2))
    assert swapped.log_counts is not None
    assert torch.equal(swapped.log_counts, found.log_counts[..., [2, 0]])


def test_a_control_has_as_many_entries_as_what_it_is_one_of(whole: Path, tmp_path: Path) -> None:
    merged = reduce_datastore(whole, MERGED, EXACT, tmp_path / "merged")
    control = Reduction(method="random", as_many_as="merged")
    meta = reduce_datastore(whole, control, EXACT, tmp_path / "control", as_many_as=tmp_path / "merged")
    assert meta.entries == merged.entries
    assert meta.reduced is not None and not meta.reduced.counts


def test_predictions_are_those_of_a_pass_over_the_text(tiny: Any, model: Any, whole: Path) -> None:
    store = open_datastore(whole)
    expected = np.empty(store.meta.entries, np.int64)
    text = model.parallel_text(tiny.domain.data, "train")
    for entries, _, _, log_probs in teacher_forced(
        model, text, "decoder_output", 300, with_log_probs=True, description=""
    ):
        assert log_probs is not None
        expected[entries] = log_probs.argmax(-1).numpy()
    found = predicted(model, store, 100)
    # keys are stored in half precision, which may decide between two that are all but equal
    assert (found == expected).mean() > 0.99


def test_plac_drops_what_the_model_knows(model: Any, whole: Path, tmp_path: Path) -> None:
    store = open_datastore(whole)
    known = predicted(model, store, 4096) == store.values
    meta = reduce_datastore(whole, Reduction(method="plac", k=1), EXACT, tmp_path / "plac", model=model)
    left = open_datastore(tmp_path / "plac").numbers
    assert left is not None and len(left) == meta.entries
    dropped = np.setdiff1d(np.arange(store.meta.entries), left)
    assert known[dropped].all()


PROJECTED = Reduction(method="pca", dimension=4, of="merged")


def test_a_projection_goes_on_from_what_was_merged(whole: Path, tmp_path: Path) -> None:
    merged = reduce_datastore(whole, MERGED, EXACT, tmp_path / "merged")
    meta = reduce_datastore(tmp_path / "merged", PROJECTED, EXACT, tmp_path / "small")
    store, before = open_datastore(tmp_path / "small"), open_datastore(tmp_path / "merged")
    original = open_datastore(whole).meta
    assert meta.reduced == ReducedFrom("pca", original.entries, original.dimension, counts=True)
    assert (meta.entries, meta.dimension) == (merged.entries, 4)
    for name in ("numbers", "counts", "values", "log_probs", "offsets"):
        assert np.array_equal(getattr(store, name), getattr(before, name)), name
    # a query of the model's is projected on its way, and still finds what it was
    queries = torch.from_numpy(np.array(before.keys[:9])).float()
    found = Searcher(store, EXACT).search(queries, 1)
    assert float(found.distances.max()) < 1e-2
    assert found.log_counts is not None


def test_entries_are_drawn_of_what_was_merged(whole: Path, tmp_path: Path) -> None:
    reduce_datastore(whole, MERGED, EXACT, tmp_path / "merged")
    meta = reduce_datastore(tmp_path / "merged", HALF, EXACT, tmp_path / "few")
    few, merged, original = (open_datastore(path) for path in (tmp_path / "few", tmp_path / "merged", whole))
    assert meta.entries == round(merged.meta.entries / 2)
    assert few.numbers is not None and merged.numbers is not None
    assert few.counts is not None and merged.counts is not None
    # numbers are those of the whole datastore
    assert np.array_equal(few.keys, original.keys[few.numbers])
    assert np.array_equal(few.counts, merged.counts[np.searchsorted(merged.numbers, few.numbers)])


@pytest.mark.parametrize(
    ("first", "then"),
    [(HALF, MERGED), (HALF, Reduction(method="plac", k=2)), (Reduction(method="pca", dimension=4), HALF)],
)
def test_what_cannot_go_on_from_a_reduced_datastore_is_refused(
    whole: Path, tmp_path: Path, first: Reduction, then: Reduction
) -> None:
    reduce_datastore(whole, first, EXACT, tmp_path / "first")
    with pytest.raises(
        InkError, match=f"by {first.method}, and {then.method} cannot reduce it further; name the whole"
    ):
        reduce_datastore(tmp_path / "first", then, EXACT, tmp_path / "then")


def test_a_reduced_datastore_may_have_an_index_of_its_own_settings(whole: Path, tmp_path: Path) -> None:
    index = Index(type="ivfpq", lists=8, code_bytes=8, probes=2, training_sample=2000, seed=7)
    reduce_datastore(whole, Reduction(method="random", keep=0.9, lists=3), index, tmp_path / "few")
    small = Reduction(method="pca", dimension=4, code_bytes=2)
    reduce_datastore(whole, small, index, tmp_path / "small")
    found = [Searcher(open_datastore(tmp_path / name), index).index for name in ("few", "small")]
    assert [(one.nlist, one.pq.code_size) for one in found] == [(3, 8), (8, 2)]


@pytest.mark.failure(
    "Datastores and combiners",
    "a reduction that leaves fewer entries than the index has lists",
    "`index.lists is 300, but the datastore has 280 entries; lower index.lists to 280 or less, ... "
    "[index/impossible-settings]`",
)
def test_an_index_that_does_not_fit_what_is_left_is_refused(whole: Path, tmp_path: Path) -> None:
    entries = open_datastore(whole).meta.entries
    index = Index(type="ivfpq", lists=300, code_bytes=8, probes=4, training_sample=2000, seed=7)
    few = Reduction(method="random", keep=280 / entries)
    with pytest.raises(InkError, match=r"index\.lists is 300, but the datastore has 280 entries"):
        reduce_datastore(whole, few, index, tmp_path / "few")
    assert not (tmp_path / "few").exists()


@pytest.mark.parametrize("damage", ["numbers", "counts"])
def test_an_array_cut_short_is_named(whole: Path, tmp_path: Path, damage: str) -> None:
    reduce_datastore(whole, MERGED, EXACT, tmp_path / "merged")
    file = tmp_path / "merged" / f"{damage}.npy"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(InkError, match=rf"{damage}\.npy is cut short"):
        open_datastore(tmp_path / "merged")
