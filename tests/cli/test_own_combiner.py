"""A combiner of one's own that learns from the neighbours' keys is trained and scored by the commands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from ink.cli import ink
from ink.combiners.combiner_file import load_combiner
from ink.combiners.fitting import dev_queries
from ink.combiners.fitting.dev_queries import DevQueries
from ink.combiners.fitting.mixture_loss import smoothed_loss
from ink.config.languages import LanguagePair
from ink.config.sections.base_system import Index
from ink.corpus.prepared_corpus import PreparedCorpus
from ink.datastore.search import Searcher
from ink.datastore.storage import open_datastore
from ink.nmt.model_loading import BaseModelFiles
from ink.runtime.whole_files import read_json

MODULE = '''
"""lambda and the shares of p_kNN come from the keys: a linear score of each, which is learnt unless told otherwise."""

import torch
from torch import nn

from ink.combiners.combiner import Combiner, log_shares, weights_of
from ink.combiners.features import present_neighbours


class ByKeys(Combiner):
    needs_keys = True

    def __init__(self, k, dimension, learns):
        self.k = k
        self.score = nn.Linear(dimension, 1)
        self.network = self.score if learns else None

    @classmethod
    def from_settings(cls, settings):
        return cls(settings["k"], settings["dimension"], settings["learns"])

    def weights(self, positions):
        neighbours = positions.neighbours
        keys = neighbours.keys
        assert keys.shape[:-1] == neighbours.distances.shape
        scores = self.score(keys).squeeze(-1)
        present = present_neighbours(neighbours.distances)
        share = torch.sigmoid(scores.masked_fill(~present, 0).sum(-1, keepdim=True) / self.k)
        return weights_of(share.log(), torch.log1p(-share), log_shares(scores, present), present)


COMBINER = ByKeys
'''
SETTINGS = {"combiner": "mine_by_keys", "key": "decoder_output", "k": 4, "dimension": 16, "learns": True}

SMOOTHED = {
    "combiner": "kernel_smoothed",
    "key": "decoder_output",
    "k": 4,
    "kernel": "gaussian",
    "retrieval_dropout": 1,
}


@pytest.fixture
def run(experiment: Any, spelled: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command of the experiment in this process, with the combiner's module where Python finds it."""
    folder = experiment.folder
    (folder / "mine_by_keys.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.chdir(folder)
    monkeypatch.setattr("ink.combiners.__path__", [*sys.modules["ink.combiners"].__path__, str(folder)])
    monkeypatch.setattr("ink.tracking.safe_uploader.SafeUploader.upload", lambda *arguments: None)
    monkeypatch.setattr("ink.cli.threads.keep_freed_memory", lambda: None)
    for name in ("mine_by_keys", "ink.combiners.mine_by_keys"):
        monkeypatch.delitem(sys.modules, name, raising=False)

    def ended(name: str, *more: str, system: str, **settings: Any) -> None:
        training = {"max_updates": 40, "check_every": 10, "best_from": 10, "learning_rate": 0.01, **settings}
        own = {
            "mine": SETTINGS,
            "fixed": {**SETTINGS, "learns": False, "k": [2, 4]},
            "smoothed": SMOOTHED,
        }
        experiment.write_config(own_systems=own, combiner_training=training)
        done = CliRunner().invoke(ink, spelled(name, "--system", system, *more), catch_exceptions=False)
        assert done.exit_code == 0, done.output

    return ended


@torch.no_grad()
def dev_loss(folder: Path) -> float:
    """The loss of dev with keys as decoding gets them, from the search itself."""
    model = BaseModelFiles(folder / "model.pt", folder / "vocabulary", LanguagePair("xx", "yy")).load()
    searcher = Searcher(open_datastore(folder / "datastore"), Index(type="exact"))
    combiner: Any = load_combiner(folder / "trained" / "combiner.json")
    dataset = model.parallel_text(PreparedCorpus(folder / "data", LanguagePair("xx", "yy")), "dev")
    stored = DevQueries(model, dataset, searcher, combiner, "none", 200).stored.nearest(combiner.k)
    assert stored.neighbours.keys is None
    found = searcher.search(stored.queries, combiner.k, keys=True)
    log_probs = probabilities(model, stored.queries)
    weights = combiner.weights(combiner.positions(found, stored.queries, log_probs))
    return float(smoothed_loss(weights, stored, 0.001)) / len(stored)


def probabilities(model: Any, keys: Any) -> Any:
    return torch.log_softmax(model.network.decoder.output_layer(keys), dim=-1)


@pytest.mark.parametrize("base_dropout", ["none", "released"])
def test_one_that_learns_from_keys_is_trained_and_scored(
    experiment: Any, run: Any, monkeypatch: pytest.MonkeyPatch, base_dropout: str
) -> None:
    # the set in several parts
    monkeypatch.setattr(dev_queries, "KEY_NUMBERS_AT_ONCE", 7 * 4 * 16)
    run("learn", "--output", "trained", system="mine", base_dropout=base_dropout)
    record = read_json(experiment.path("trained/record.json"))
    assert record["best_dev_loss"] == pytest.approx(dev_loss(experiment.folder), rel=1e-4)
    if base_dropout == "none":
        assert record["best_dev_loss"] < record["start_dev_loss"] - 0.01
        run(
            "score",
            "--datastore",
            "datastore",
            "--combiner",
            "trained/combiner.json",
            "--scores",
            "s.json",
            system="mine",
        )
        scored = read_json(experiment.path("s.json"))
        assert set(scored["added_memory"]) == {"index.faiss", "values.npy", "keys.npy", "weights.safetensors"}


@pytest.mark.parametrize("base_dropout", ["none", "released"])
def test_one_that_drops_neighbours_in_training_is_validated_on_those_that_decode(
    experiment: Any, run: Any, monkeypatch: pytest.MonkeyPatch, base_dropout: str
) -> None:
    monkeypatch.setattr(dev_queries, "KEY_NUMBERS_AT_ONCE", 7 * 4 * 16)
    run("learn", "--output", "trained", system="smoothed", base_dropout=base_dropout)
    record = read_json(experiment.path("trained/record.json"))
    assert record["best_dev_loss"] == pytest.approx(dev_loss(experiment.folder), rel=1e-4)
    assert record["best_dev_loss"] < record["start_dev_loss"] - 0.01


def test_one_that_weighs_keys_and_learns_nothing_is_chosen_among_its_settings(experiment: Any, run: Any) -> None:
    run("learn", "--output", "trained", system="fixed")
    tried = read_json(experiment.path("trained/combiner.json"))["tried"]
    assert [entry["k"] for entry in tried] == [2, 4]
    assert tried[0]["dev_loss"] != tried[1]["dev_loss"]
