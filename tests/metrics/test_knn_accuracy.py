"""Mean kNN accuracy against brute force, and its buckets by hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ink.config.sections.base_system import Index
from ink.config.sections.measurements import AccuracyMeasure
from ink.datastore.build import Extraction, build_datastore
from ink.datastore.search import Searcher
from ink.datastore.storage import ModelDatastore, open_datastore
from ink.metrics import knn_accuracy
from ink.metrics.knn_accuracy import Tally, buckets, count, measure_knn_accuracy, ranks, tally_of
from ink.nmt.adapter import write_adapter
from ink.nmt.model_loading import BaseModelFiles
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json

KS, EDGES = [1, 3, 4], [0, 6, 15, None]


@pytest.fixture(scope="module")
def sources(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModelDatastore]:
    """The base model and one with an adapter, each with the datastore of its training set."""
    folder = tmp_path_factory.mktemp("sources")
    model = tiny.domain.load_model(tiny.settings)
    torch.manual_seed(5)
    model.attach_adapters(4, dropout=0.0)
    for parameter in model.network.adapters.parameters():
        parameter.data = 0.3 * torch.randn_like(parameter)
    adapter = folder / "adapter.safetensors"
    write_adapter(adapter, model.adapter_weights(), base_model=model.base_fingerprint)
    found = {}
    for system, path in (("off_the_shelf", None), ("ink", adapter)):
        model = tiny.domain.load_model(tiny.settings, adapter=path)
        build_datastore(
            Extraction(
                model,
                model.parallel_text(tiny.domain.data, "train"),
                tiny.domain.data.fingerprint,
                "decoder_output",
                500,
            ),
            folder / system,
            Index(type="exact"),
        )
        found[system] = ModelDatastore(folder / system, path)
    return found


def measured(tiny: Any, sources: dict[str, ModelDatastore], output: Path, **changed: Any) -> Any:
    settings = tiny.settings.changed(knn_accuracy={"k": KS, "bucket_edges": EDGES}).changed(**changed)
    base_model = BaseModelFiles(tiny.base_model, tiny.vocabulary, tiny.languages)
    measure_knn_accuracy(base_model, tiny.domain.data, sources, 3, settings, output)
    return read_json(output)


@torch.no_grad()
def by_brute_force(tiny: Any, source: ModelDatastore) -> tuple[dict[int, list[float | None]], dict[int, float]]:
    """Sentence by sentence, without padding, every distance to every key; by bucket, and without ends of sentence."""
    model = tiny.domain.load_model(tiny.settings, adapter=source.adapter)
    store, dataset = open_datastore(source.path), model.parallel_text(tiny.domain.data, "dev")
    keys = np.asarray(store.keys, dtype=np.float64)
    shares: dict[int, list[list[float]]] = {k: [[] for _ in EDGES[1:]] for k in KS}
    inner: dict[int, list[float]] = {k: [] for k in KS}
    for sentence in range(len(dataset)):
        pair = dataset.batch([sentence])
        text, target = pair.source[0], pair.target[0]
        previous = torch.cat([target[-1:], target[:-1]])
        encoder_out = model.network.encoder(text[None], src_lengths=torch.tensor([len(text)]))
        output = model.network.decoder.extract_features(previous[None], encoder_out=encoder_out)[0][0]
        for query, token in zip(output.double().numpy(), target.tolist(), strict=True):
            nearest = np.argsort(((keys - query) ** 2).sum(axis=1), kind="stable")
            rank = 0 if token < 4 else token - 4  # <s>, <pad>, </s>, <unk> come first
            bucket = 0 if rank < 6 else 1 if rank < 15 else 2
            for k in KS:
                share = sum(store.values[entry] == token for entry in nearest[:k]) / k
                shares[k][bucket].append(share)
                if token != 2:  # </s>
                    inner[k].append(share)
    by_bucket = {k: [sum(row) / len(row) if row else None for row in rows] for k, rows in shares.items()}
    return by_bucket, {k: sum(row) / len(row) for k, row in inner.items()}


def test_both_models_against_brute_force(tiny: Any, sources: dict[str, ModelDatastore], tmp_path: Path) -> None:
    found = measured(tiny, sources, tmp_path / "seed3.json")
    expected = {system: by_brute_force(tiny, source) for system, source in sources.items()}
    for system, (by_k, without_end) in expected.items():
        for k, row in by_k.items():
            assert found["models"][system]["accuracy"][str(k)] == pytest.approx(row), (system, k)
            inner = found["models"][system]["accuracy_without_end_of_sentence"]
            assert inner[str(k)] == pytest.approx(without_end[k]), (system, k)
    assert expected["off_the_shelf"] != expected["ink"]
    assert found["models"]["off_the_shelf"]["model"] != found["models"]["ink"]["model"]
    assert (found["domain"], found["seed"], found["k"], found["bucket_edges"]) == ("koran", 3, KS, EDGES)
    model = tiny.domain.load_model(tiny.settings)
    dataset = model.parallel_text(tiny.domain.data, "dev")
    tokens = [token for sentence in range(len(dataset)) for token in dataset.batch([sentence]).target[0].tolist()]
    assert sum(found["positions"]["buckets"]) == len(tokens)
    assert found["positions"]["without_end_of_sentence"] == len(tokens) - len(dataset)
    assert found["positions"]["special_symbols"]["</s>"] == len(dataset) == 7
    assert found["dictionary"] == {"types": len(model.target_vocabulary) - 4, "special_symbols": 4}
    entries = open_datastore(sources["ink"].path).meta.entries
    assert [model["entries"] for model in found["models"].values()] == [entries, entries]
    assert found["measured"]["corpus"] == tiny.domain.data.fingerprint


def test_positions_beyond_the_last_edge_are_counted_and_in_no_bucket(
    tiny: Any, sources: dict[str, ModelDatastore], tmp_path: Path
) -> None:
    whole = measured(tiny, sources, tmp_path / "whole.json")
    cut = measured(tiny, sources, tmp_path / "cut.json", knn_accuracy={"bucket_edges": EDGES[:-1]})
    assert cut["positions"]["buckets"] == whole["positions"]["buckets"][:-1]
    # what is without ends of sentence is of all positions
    assert cut["positions"]["without_end_of_sentence"] == whole["positions"]["without_end_of_sentence"]
    assert cut["positions"]["beyond_the_last_edge"] == whole["positions"]["buckets"][-1] > 0
    assert whole["positions"]["beyond_the_last_edge"] == 0
    for system in sources:
        rows = whole["models"][system]["accuracy"]
        assert cut["models"][system]["accuracy"] == {k: row[:-1] for k, row in rows.items()}


def test_the_size_of_batches_and_searches_changes_nothing(
    tiny: Any, sources: dict[str, ModelDatastore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = measured(tiny, sources, tmp_path / "whole.json")
    monkeypatch.setattr(knn_accuracy, "GATHERED_AT_ONCE", 4 * 16 * 3)  # three queries
    assert measured(tiny, sources, tmp_path / "parts.json", datastore={"batch_tokens": 40}) == whole


def test_ranks_begin_after_the_special_symbols_which_are_among_the_most_frequent() -> None:
    assert ranks(np.array([4, 5, 1004, 2, 3]), 4).tolist() == [0, 1, 1000, 0, 0]


def test_buckets_by_hand() -> None:
    found = np.array([0, 999, 1000, 4999, 5000, 41999, 42000])
    assert buckets(found, [0, 1000, 5000, 42000]).tolist() == [0, 0, 1, 1, 2, 2, 3]
    assert buckets(found, [0, 1000, None]).tolist() == [0, 0, 1, 1, 1, 1, 1]


def test_counts_by_hand() -> None:
    tally = Tally(np.zeros((2, 3), np.int64), np.zeros(3, np.int64))
    values = np.array([[7, 8, 7, 9], [5, 5, 5, 5], [6, 6, 0, 0], [7, 7, 7, 7]])
    present = np.array([[True] * 4, [True] * 4, [True, True, False, False], [True] * 4])
    # the third target is a token that an absent neighbour seems to have; the last position is beyond the edges
    count(tally, values, present, np.array([7, 4, 0, 7]), np.array([0, 0, 1, 3]), [1, 4])
    assert tally.hits.tolist() == [[1, 0, 0], [2, 0, 0]]
    assert tally.positions.tolist() == [2, 1, 0]
    assert (tally.beyond, tally.missing) == (1, 2)
    assert tally.accuracy([1, 4]) == {"1": [0.5, 0.0, None], "4": [0.25, 0.0, None]}


class _Misleading:
    """An index that finds entries in an order of its own, and one too few."""

    def search(self, queries: Any, k: int) -> tuple[Any, Any]:
        ids = torch.tensor([[2, 1, 0, -1]] * len(queries))
        return torch.tensor([[0.1, 0.2, 0.3, torch.inf]] * len(queries)), ids[:, :k]


def test_neighbours_are_sorted_by_distances_recomputed_from_the_keys(
    store_of: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_of(tmp_path / "store", [[0.0, 1.0], [0.0, 2.0], [0.0, 3.0], [0.0, 4.0]], [9, 8, 7, 6])
    searcher = Searcher(store, Index(type="exact"))
    searcher.index = _Misleading()
    passed = [(None, torch.zeros(2, 2), torch.tensor([9, 7]), None)]
    monkeypatch.setattr(knn_accuracy, "teacher_forced", lambda *_, **__: iter(passed))

    class Model:
        class target_vocabulary:
            special = 4
            end = 9

    measure = AccuracyMeasure(k=[1, 4], bucket_edges=[0, 4, None])
    tallies = tally_of(Model(), object(), searcher, measure, 100, "test")  # type: ignore[arg-type]
    tally = tallies.by_bucket
    assert (tallies.without_end.hits.tolist(), tallies.without_end.positions.tolist()) == ([[0], [1]], [1])
    # by the keys entry 0 (9) is nearest and entry 2 (7) is third
    assert tally.hits.tolist() == [[0, 1], [1, 1]]
    assert tally.missing == 2
    assert Counter(tally.special) == Counter()


def test_a_datastore_of_another_model_is_refused_and_nothing_is_written(
    tiny: Any, sources: dict[str, ModelDatastore], tmp_path: Path
) -> None:
    crossed = {"off_the_shelf": sources["off_the_shelf"], "ink": ModelDatastore(sources["off_the_shelf"].path, None)}
    crossed["ink"] = ModelDatastore(crossed["ink"].path, sources["ink"].adapter)
    with pytest.raises(InkError, match="was made with model"):
        measured(tiny, crossed, tmp_path / "seed3.json")
    assert not (tmp_path / "seed3.json").exists()


def test_more_neighbours_than_entries_are_refused(
    tiny: Any, sources: dict[str, ModelDatastore], tmp_path: Path
) -> None:
    with pytest.raises(InkError, match="2000 neighbours requested from datastore"):
        measured(tiny, sources, tmp_path / "seed3.json", knn_accuracy={"k": [2, 2000]})
