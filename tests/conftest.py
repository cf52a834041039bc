"""What tests share: one core, and a tiny model with a tiny corpus that take the real path to disk and back."""

from __future__ import annotations

import os

# Before anything brings OpenMP in: results are compared bit by bit, and the tests' machine has other work.
os.environ["OMP_NUM_THREADS"] = "1"

import copy
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from ink.domain import Domain

pytest_plugins = ["failures_page", "fuzzing.summary"]

hypothesis.settings.register_profile("ink", deadline=None, max_examples=50)
hypothesis.settings.load_profile("ink")

# Everything that the code reads, resolved for one domain.
SETTINGS: dict[str, Any] = {
    "device": "cpu",
    "precision": "fp32",
    "data": {"source_language": "xx", "target_language": "yy", "general_domain": "general"},
    "text": {
        "source_tokeniser_language": "de",
        "target_tokeniser_language": "en",
        "normalise_punctuation": True,
        "aggressive_dash_splits": True,
        "split_unknown_subwords": False,
        "escape": False,
        "bpe_merges": 30,
        "max_length": 60,
        "max_length_ratio": 5.0,
    },
    "base_model": {
        "path": None,
        "bpe_codes": None,
        "source_dictionary": None,
        "target_dictionary": None,
        "train": {
            "encoder_layers": 2,
            "decoder_layers": 2,
            "dimension": 16,
            "ffn_dimension": 32,
            "attention_heads": 2,
            "dropout": 0.1,
            "learning_rate": 2.0e-3,
            "warmup_updates": 10,
            "batch_tokens": 400,
            "processes": 1,
            "label_smoothing": 0.1,
            "max_epochs": 2,
            "average_last": 2,
        },
    },
    "datastore": {"batch_tokens": 200, "shards": 1},
    "index": {
        "type": "exact",
        "device": "cpu",
        "lists": 4,
        "code_bytes": 8,
        "probes": 4,
        "training_sample": 2000,
        "seed": 7,
    },
    "decoding": {"beam": 3, "length_penalty": 0.6, "max_len_a": 1.2, "max_len_b": 5, "batch_sentences": 4},
    "evaluation": {"sacrebleu_tokeniser": "13a", "bootstrap_samples": 50, "bootstrap_seed": 12345, "comet": None},
    "training": {
        "learning_rate": 5.0e-3,
        "warmup_updates": 4,
        "betas": [0.9, 0.98],
        "weight_decay": 1.0e-4,
        "clip_norm": 0.0,
        "batch_tokens": 200,
        "update_frequency": 1,
        "processes": 1,
        "dropout": 0.1,
        "label_smoothing": 0.1,
        "patience": 10,
        "dev_sentences": 4,
        "dev_beam": 1,
        "average_last": 2,
        "checkpoint_updates": 2,
    },
    "adapter": {
        "inner_dimension": 8,
        "initialisation": "zero",
        "max_epochs": 2,
        "sizes": [],
        "label_smoothings": [],
        "dropouts": [],
    },
    "ink": {
        "max_rounds": 2,
        "rounds_per_job": 1,
        "variant": "paper",
        "k": 4,
        "alpha": 0.2,
        "beta": 0.2,
        "neighbours": "per_round",
        "refresh": "every_round",
        "refresh_index": "reuse",
        "ablations": [],
        "controls": [],
        "search": False,
        "search_over": [0.1, 0.3],
    },
    "knn_kd": {
        "k": 3,
        "temperature": 10.0,
        "weight": 1.0,
        "stored": 6,
        "own_entry": "included",
        "max_epochs": 3,
        "learning_rate": 3.0e-3,
        "warmup_updates": 4,
        "batch_tokens": 200,
        "update_frequency": 1,
        "processes": 1,
        "dropout": 0.2,
        "attention_dropout": 0.1,
        "activation_dropout": 0.1,
        "label_smoothing": 0.1,
    },
    "v_knn": {
        "key": "decoder_output",
        "k": [2, 4],
        "lambda": [0.3, 0.7],
        "temperature": [1, 10],
        "select_by": "likelihood",
    },
    "combiner_training": {
        "learning_rate": 1.0e-2,
        "betas": [0.9, 0.98],
        "epsilon": 1.0e-8,
        "clip_norm": 1.0,
        "batch_sentences": 3,
        "label_smoothing": 0.001,
        "max_updates": 60,
        "check_every": 10,
        "best_from": 20,
        "patience": 30,
        "base_dropout": "none",
    },
    "a_knn": {"key": "decoder_output", "max_k": 4, "temperature": 10, "hidden": 8, "dropout": 0.0},
    "r_knn": {
        "key": "decoder_output",
        "max_k": 4,
        "hidden_calibration": 4,
        "hidden_weight": 8,
        "top_probabilities": 8,
        "sigma": 0.01,
        "alpha0": 1.0,
        "decay": 20,
    },
    "own_systems": {},
    "knn_accuracy": {"domains": ["koran"], "k": [2, 4], "bucket_edges": [0, 10, 20, None]},
    "speed": {
        "domain": "koran",
        "systems": ["r_knn", "ink"],
        "batch_sentences": [2, 4],
        "repeats": 2,
        "sentences": 5,
    },
    "mlflow": {"tracking_uri": None},
}


@dataclass(frozen=True)
class Tiny:
    """A 2+2-layer Transformer with random weights and a corpus of 60 sentences; nobody writes into its folders.

    Training sentences 0 and 1 are the same pair; the last test pair is empty.
    """

    base_model: Path
    vocabulary: Path
    corpus: Path
    data: Path
    languages: tuple[str, str]
    domain: Domain

    @property
    def settings(self) -> dict[str, Any]:
        """A complete set of settings, to be changed at will."""
        return copy.deepcopy(SETTINGS)


@pytest.fixture(scope="session", autouse=True)
def one_core() -> None:
    import faiss
    import torch

    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, one_core: None) -> Tiny:
    from ink.corpus.files import write_corpus
    from ink.corpus.prepare import prepare
    from ink.corpus.prepared import PreparedCorpus
    from ink.corpus.vocabulary import learn_vocabulary

    folder = tmp_path_factory.mktemp("tiny")
    text, (source, target) = SETTINGS["text"], ("xx", "yy")
    write_corpus(folder / "corpus", "koran", _sentences(), source, target, "synthetic")
    learn_vocabulary(folder / "corpus", text, source, target, folder / "vocabulary")
    prepare(folder / "corpus", folder / "vocabulary", text, source, target, folder / "binarised")
    data = PreparedCorpus(folder / "binarised", source, target)
    write_random_model(folder / "model.pt", data, seed=1)
    return Tiny(
        base_model=folder / "model.pt",
        vocabulary=folder / "vocabulary",
        corpus=folder / "corpus",
        data=folder / "binarised",
        languages=(source, target),
        domain=Domain(folder / "model.pt", folder / "vocabulary", folder / "corpus", data),
    )


@pytest.fixture(scope="session")
def store_of() -> Callable[..., Any]:
    """Write a datastore by hand: `store_of(path, keys, values, index=..., model=..., corpus=...)`."""
    import numpy as np

    from ink.datastore.index import build_index
    from ink.datastore.storage import DatastoreMeta, create_datastore, open_datastore, seal

    def write(
        path: Path,
        keys: Any,
        values: Any,
        index: dict[str, Any] | None = None,
        model: str = "model",
        corpus: str = "corpus",
    ) -> Any:
        entries, dimension = np.shape(keys)
        meta = DatastoreMeta(entries, dimension, 1, "decoder_output", model, corpus, log_probs=False)
        store = create_datastore(path, meta)
        store.keys[:], store.values[:], store.offsets[:] = keys, values, [0, entries]
        build_index(store.keys, index or {"type": "exact"}, store.index_path)
        seal(store)
        return open_datastore(path)

    return write


@pytest.fixture
def out_of_memory_above() -> Iterator[Callable[[Any, int], list[int]]]:
    """`out_of_memory_above(network, tokens)`: no source with more tokens, padding counted, fits any more.

    Stands for a device with little memory. Returns a list of the tokens of each pass that was tried.
    """
    import torch

    hooks: list[Any] = []

    def arrange(network: Any, tokens: int) -> list[int]:
        tried: list[int] = []

        def check(_layer: Any, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> None:
            hidden = inputs[0] if inputs else keywords["x"]
            tried.append(hidden.shape[0] * hidden.shape[1])
            if tried[-1] > tokens:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

        hooks.append(network.encoder.layers[0].register_forward_pre_hook(check, with_kwargs=True))
        return tried

    yield arrange
    for hook in hooks:
        hook.remove()


def write_random_model(path: Path, data: Any, seed: int) -> None:
    """Let fairseq's Trainer write a post-norm Transformer with shared embeddings and random weights."""
    import torch
    from fairseq import tasks

    from ink.training.objective import Objective
    from ink.training.trainer import Optimisation, TrainingRun, fairseq_config

    options = ["--arch", "transformer", "--share-all-embeddings", "--dropout", "0.1"]
    for side in ("encoder", "decoder"):
        options += [f"--{side}-layers", "2", f"--{side}-embed-dim", "16", f"--{side}-ffn-embed-dim", "32"]
        options += [f"--{side}-attention-heads", "2"]
    config = fairseq_config(data, Optimisation.from_settings(SETTINGS, "training", seed), model=options)
    torch.manual_seed(seed)
    task = tasks.setup_task(config.task)
    model = task.build_model(config.model)
    for name, parameter in model.named_parameters():
        # biases and layer norms, which start at 0 and 1, must not hide a missing term
        if parameter.dim() == 1:
            parameter.data += 0.1 * torch.randn_like(parameter)
        assert parameter.isfinite().all(), name
    config.checkpoint.no_save_optimizer_state = True
    task.load_dataset("train")
    run = TrainingRun(config, task, model, Objective(0.1), section="training")
    run.trainer.save_checkpoint(str(path), {})


def _sentences() -> dict[str, list[tuple[str, str]]]:
    words = {
        "die Leitung": "the line",
        "der Text": "the text",
        "das Wort": "the word",
        "ein Fehler": "a mistake",
        "kein Signal": "no signal",
        "Gott": "God",
    }
    verbs = {"sieht": "sees", "findet": "finds", "prüft": "tests", "liest": "reads", "meldet": "reports"}
    tails = {".": ".", "heute .": "today .", "nicht mehr .": "no longer .", "im alten Buch .": "in the old book ."}
    draw = random.Random(3)
    pairs: list[tuple[str, str]] = []
    while len(pairs) < 75:
        subject, object_ = draw.sample(sorted(words), 2)
        verb, tail = draw.choice(sorted(verbs)), draw.choice(sorted(tails))
        pair = (f"{subject} {verb} {object_} {tail}", f"{words[subject]} {verbs[verb]} {words[object_]} {tails[tail]}")
        if pair not in pairs:
            pairs.append(pair)
    return {"train": [pairs[0], *pairs[:59]], "dev": pairs[59:66], "test": [*pairs[66:], ("", "")]}
