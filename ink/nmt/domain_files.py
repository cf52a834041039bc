"""Where the jobs of a domain find what they need."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ink.config.slices.slice import ModelSettings
from ink.corpus.prepared_corpus import PreparedCorpus
from ink.nmt.model_loading import FAIRSEQ, BaseModelFiles
from ink.nmt.translation_model import Backend, TranslationModel
from ink.runtime.whole_files import read_json


@dataclass(frozen=True)
class Domain:
    """A domain's raw text (`corpus`) and the same binarised (`data`), with the base model and its vocabulary.

    backend: what the base model is loaded with.
    """

    base_model: Path
    vocabulary: Path
    corpus: Path
    data: PreparedCorpus
    backend: Backend = FAIRSEQ

    @property
    def name(self) -> str:
        """The domain's name, as its raw text says it."""
        return str(read_json(self.corpus / "corpus.json", "domain")["domain"])

    def load_model(
        self, settings: ModelSettings, *, dropout: float | None = None, adapter: Path | None = None
    ) -> TranslationModel:
        """Load the base model, with `adapter` if one is named."""
        files = BaseModelFiles(self.base_model, self.vocabulary, self.data.languages, self.backend)
        return files.load(settings.device, settings.precision, adapter=adapter, dropout=dropout)
