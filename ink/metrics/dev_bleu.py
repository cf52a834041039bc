"""BLEU of beam search on the first sentences of the dev set: what stopping and tuning look at."""

from __future__ import annotations

from pathlib import Path

from ink.config.sections.base_system import Decoding
from ink.config.slices.training_slices import DevSettings
from ink.corpus.segmentation import TextProcessor
from ink.metrics.bleu import Bleu
from ink.metrics.metric import Texts
from ink.nmt.batches import ParallelText
from ink.nmt.beam_search import Mixture
from ink.nmt.domain_files import Domain
from ink.nmt.generation import generate
from ink.nmt.translation_model import TranslationModel
from ink.runtime.whole_files import read_lines


class DevBleu:
    """Translates the first `sentences` dev lines and scores them against the raw references."""

    def __init__(
        self,
        parallel_text: ParallelText,
        references: Path,
        text: TextProcessor,
        decoding: Decoding,
        *,
        sentences: int,
        tokeniser: str,
    ) -> None:
        self.references = read_lines(references)[:sentences]
        self.parallel_text = parallel_text.part(range(len(self.references)))
        self.text = text
        self.decoding = decoding
        self.bleu = Bleu(tokeniser)

    def __call__(self, model: TranslationModel, mixture: Mixture | None = None) -> float:
        """Return the BLEU of `model`, whose network is left in the mode (training or not) it came in."""
        training = model.network.training
        model.network.eval()
        found = generate(model, self.parallel_text, self.decoding, mixture=mixture, description="dev")
        model.network.train(training)
        hypotheses = [self.text.decode_target(line) for line in found.hypotheses]
        return self.bleu.score(Texts(hypotheses, self.references)).score


def dev_bleu_of(model: TranslationModel, domain: Domain, settings: DevSettings, *, beam: int) -> DevBleu:
    """Make the dev scorer of a domain for models like `model`, with `beam` hypotheses in place of decoding.beam."""
    return DevBleu(
        model.parallel_text(domain.data, "dev"),
        domain.corpus / f"dev.{domain.data.languages.target}",
        TextProcessor(settings.text, domain.vocabulary / "bpecodes"),
        settings.decoding.model_copy(update={"beam": beam}),
        sentences=settings.training.dev_sentences,
        tokeniser=settings.evaluation.sacrebleu_tokeniser,
    )
