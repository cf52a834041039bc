"""What tests share: one core, and a tiny model with a tiny corpus that take the real path to disk and back."""

from __future__ import annotations

import os

# Before anything brings OpenMP in: results are compared bit by bit, and the tests' machine has other work.
os.environ["OMP_NUM_THREADS"] = "1"

import random
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from every_setting import SETTINGS, Everything
from warm.programme import INK, SNAKEMAKE

from ink.config.languages import LanguagePair
from ink.config.sections.base_system import Index
from ink.config.sections.parallel_text import Text
from ink.nmt.domain_files import Domain

pytest_plugins = ["failures_page", "fuzzing.summary"]

hypothesis.settings.register_profile("ink", deadline=None, max_examples=50)
hypothesis.settings.load_profile("ink")

# What a shell starts in the background ignores Ctrl-C, and so would the processes of tests, some of which wait for it.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Tiny:
    """A 2+2-layer Transformer with random weights and a corpus of 60 sentences; nobody writes into its folders.

    Training sentences 0 and 1 are the same pair; the last test pair is empty.
    """

    base_model: Path
    vocabulary: Path
    corpus: Path
    data: Path
    languages: LanguagePair
    domain: Domain

    @property
    def settings(self) -> Everything:
        """A complete set of settings."""
        return Everything.model_validate(SETTINGS)


@pytest.fixture(scope="session", autouse=True)
def one_core() -> None:
    import faiss
    import torch

    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def programmes_end() -> Iterator[None]:
    """Leave no process behind."""
    yield
    INK.end()
    SNAKEMAKE.end()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, one_core: None) -> Tiny:
    from ink.corpus.own_text import write_corpus
    from ink.corpus.preparation import prepare
    from ink.corpus.prepared_corpus import PreparedCorpus
    from ink.corpus.vocabulary import learn_vocabulary

    folder = tmp_path_factory.mktemp("tiny")
    text, languages = Text(**SETTINGS["text"]), LanguagePair("xx", "yy")
    write_corpus(folder / "corpus", "koran", _sentences(), languages, "synthetic")
    learn_vocabulary(folder / "corpus", text, languages, folder / "vocabulary")
    prepare(folder / "corpus", folder / "vocabulary", text, languages, folder / "binarised")
    data = PreparedCorpus(folder / "binarised", languages)
    write_random_model(folder / "model.pt", data, seed=1)
    return Tiny(
        base_model=folder / "model.pt",
        vocabulary=folder / "vocabulary",
        corpus=folder / "corpus",
        data=folder / "binarised",
        languages=languages,
        domain=Domain(folder / "model.pt", folder / "vocabulary", folder / "corpus", data),
    )


@pytest.fixture(scope="session")
def store_of() -> Callable[..., Any]:
    """Write a datastore by hand: `store_of(path, keys, values, index=..., model=..., corpus=..., offsets=...)`.

    Without `offsets` it is of one sentence.
    """
    import numpy as np

    from ink.datastore.index import build_index
    from ink.datastore.storage import DatastoreMeta, create_datastore, open_datastore, seal

    def write(
        path: Path,
        keys: Any,
        values: Any,
        index: Index | None = None,
        model: str = "model",
        corpus: str = "corpus",
        offsets: Sequence[int] | None = None,
    ) -> Any:
        entries, dimension = np.shape(keys)
        bounds = [0, entries] if offsets is None else [*offsets]
        meta = DatastoreMeta(entries, dimension, len(bounds) - 1, "decoder_output", model, corpus, log_probs=False)
        store = create_datastore(path, meta)
        store.keys[:], store.values[:], store.offsets[:] = keys, values, bounds
        build_index(store.keys, index or Index(type="exact"), store.index_path)
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

    from ink.nmt.model_loading import FAIRSEQ
    from ink.nmt.training_run import Optimisation
    from ink.training.objective import Objective

    settings = Everything.model_validate(SETTINGS)
    model = FAIRSEQ.untrained(data, settings.base_model.train, seed)
    for name, parameter in model.network.named_parameters():
        # biases and layer norms, which start at 0 and 1, must not hide a missing term
        if parameter.dim() == 1:
            parameter.data += 0.1 * torch.randn_like(parameter)
        assert parameter.isfinite().all(), name
    run: Any = model.train_on(data, Optimisation.from_settings(settings, "training", seed), Objective(0.1))
    run.config.checkpoint.no_save_optimizer_state = True
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
