"""COMET (Rei et al. 2020): the mean of a trained model's scores of the sentences, compared as comet-compare does."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from ink.metrics.bootstrap import Comparison, Pair
from ink.metrics.comet_files import find_checkpoint, is_checkpoint, short_name
from ink.metrics.comet_significance import SAMPLE_RATIO, TIE, compare_test_sets
from ink.metrics.metric import SentenceMetric, Texts
from ink.runtime.errors import InkError
from ink.runtime.whole_files import sha256_of


class Comet(SentenceMetric):
    """COMET times 100, of the model that the configuration names: on the Hugging Face hub, or a checkpoint's path."""

    name, heading = "comet", "COMET"
    scale = 100.0

    def __init__(self, model: str, encoder: str | None = None, batch_sentences: int = 1, device: str = "cpu") -> None:
        self.model = short_name(model)
        self.place, self.encoder = model, encoder
        self.batch_sentences, self.device = batch_sentences, device

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """Take the model that evaluation.comet names; InkError where it names none."""
        if (chosen := settings["evaluation"]["comet"]) is None:
            raise InkError(
                "evaluation.comet is null: name a model there to score with COMET", code="config/impossible-combination"
            )
        return cls(**chosen, device=settings.get("device", "cpu"))

    @classmethod
    def files(cls, settings: Mapping[str, Any]) -> dict[str, str]:
        """Name the checkpoint with its hparams.yaml, and the encoder's folder; what is on the hub is no file."""
        model, encoder = (settings["evaluation"]["comet"][name] for name in ("model", "encoder"))
        files = {} if encoder is None else {"encoder": encoder}
        if is_checkpoint(model):
            files |= {"model": model, "hparams": os.path.normpath(Path(model).parent / ".." / "hparams.yaml")}
        return files

    @property
    def signature(self) -> str:
        """The version of unbabel-comet."""
        return f"unbabel-comet {importlib.metadata.version('unbabel-comet')}"

    def fingerprint(self) -> str:
        """Return the SHA-256 of the model's checkpoint."""
        return sha256_of(find_checkpoint(self.place))

    def sentence_scores(self, texts: Texts) -> list[float]:
        """Return the model's own score of every sentence, about -1 to 1."""
        from ink.metrics.comet_model import load_comet, segment_scores
        from ink.nmt.device import torch_device

        model = load_comet(find_checkpoint(self.place), self.encoder)
        return segment_scores(model, texts, self.batch_sentences, torch_device(self.device))

    def compare(self, domains: Sequence[Sequence[Pair]], samples: int, seed: int) -> Comparison:
        """Compare two systems as comet-compare does; of several training seeds by a sentence's mean over them."""
        test_sets = [
            (np.mean([rows[:, 0] for rows, _ in pairs], axis=0), np.mean([rows[:, 0] for _, rows in pairs], axis=0))
            for pairs in domains
        ]
        found = compare_test_sets(test_sets, samples, seed)
        return replace(super().compare(domains, samples, seed), p_value=found.p_value, remark=found.remark)

    def comparison_note(self, samples: int, seed: int) -> str:
        """Say how `compare` compares."""
        return (
            "As in comet-compare: p of the two-sided paired t-test of the sentences' scores, and a paired bootstrap of "
            f"{samples} resamples of {SAMPLE_RATIO:.0%} of the sentences, random seed {seed}, in which a difference "
            f"below {100 * TIE:g} is none. Intervals are of as many resamples of all sentences."
        )


METRIC = Comet
