"""BLEU of beam search on the first sentences of the dev set: what stopping and tuning look at."""

from __future__ import annotations

from ink.config.slices.training_slices import DevSettings
from ink.metrics.bleu import Bleu
from ink.metrics.metric import Texts
from ink.nmt.beam_search import Mixture
from ink.nmt.domain_files import Domain
from ink.nmt.generation import generate
from ink.nmt.text_loading import load_text
from ink.nmt.translation_model import TranslationModel
from ink.runtime.whole_files import read_lines


class DevBleu:
    """Translates the first dev sentences of a domain and scores them against the raw references.

    It is for models like `model`, and searches with `beam` hypotheses in place of decoding.beam.
    """

    def __init__(self, model: TranslationModel, domain: Domain, settings: DevSettings, *, beam: int) -> None:
        language = domain.data.languages.target
        self.references = read_lines(domain.corpus / f"dev.{language}")[: settings.training.dev_sentences]
        self.parallel_text = model.parallel_text(domain.data, "dev").part(range(len(self.references)))
        self.text = load_text(domain.vocabulary, settings.text, domain.data.languages)
        self.decoding = settings.decoding.model_copy(update={"beam": beam})
        self.bleu = Bleu(settings.evaluation.sacrebleu_tokeniser)

    def __call__(self, model: TranslationModel, mixture: Mixture | None = None) -> float:
        """Return the BLEU of `model`, whose network is left in the mode (training or not) it came in."""
        training = model.network.training
        model.network.eval()
        found = generate(model, self.parallel_text, self.decoding, mixture=mixture, description="dev")
        model.network.train(training)
        hypotheses = [self.text.decode_target(line) for line in found.hypotheses]
        return self.bleu.score(Texts(hypotheses, self.references)).score
