"""BLEU of beam search on the first sentences of the dev set: what stopping and tuning look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from fairseq.data import Dictionary, LanguagePairDataset

from ink.config.sections.base_system import Decoding
from ink.config.slices.training_slices import DevSettings
from ink.corpus.text import TextProcessor
from ink.domain import Domain
from ink.files import read_lines
from ink.metrics.bleu import Bleu
from ink.metrics.metric import Texts
from ink.nmt.generation import generate


class DevBleu:
    """Translates the first `sentences` dev lines and scores them against the raw references."""

    def __init__(
        self,
        dataset: LanguagePairDataset,
        target_dictionary: Dictionary,
        references: Path,
        text: TextProcessor,
        decoding: Decoding,
        *,
        sentences: int,
        tokeniser: str,
    ) -> None:
        self.dataset = dataset
        self.target_dictionary = target_dictionary
        self.references = read_lines(references)[:sentences]
        self.text = text
        self.decoding = decoding
        self.bleu = Bleu(tokeniser)

    def __call__(self, model: torch.nn.Module) -> float:
        """Return the BLEU of `model`, which is left in the mode (training or not) it came in."""
        training = model.training
        model.eval()
        found = generate(
            model,
            self.dataset,
            self.target_dictionary,
            self.decoding,
            description="dev",
            indices=range(len(self.references)),
        )
        model.train(training)
        hypotheses = [self.text.decode_target(line) for line in found.hypotheses]
        return self.bleu.score(Texts(hypotheses, self.references)).score


def dev_bleu_of(task: Any, domain: Domain, settings: DevSettings, *, beam: int) -> DevBleu:
    """Make the dev scorer of a domain, with `beam` hypotheses in place of decoding.beam."""
    return DevBleu(
        domain.data.load(task, "dev"),
        task.target_dictionary,
        domain.corpus / f"dev.{domain.data.target_language}",
        TextProcessor(settings.text, domain.vocabulary / "bpecodes"),
        settings.decoding.model_copy(update={"beam": beam}),
        sentences=settings.training.dev_sentences,
        tokeniser=settings.evaluation.sacrebleu_tokeniser,
    )
