"""What the commands that make and prepare text read."""

from __future__ import annotations

from ink.config.sections.base_system import BaseModelSource
from ink.config.sections.parallel_text import (
    Binarised,
    BinarisedFolder,
    Files,
    Languages,
    Lengths,
    MaxLength,
    Merges,
    Synthetic,
    Tokenisation,
    UnknownSubwords,
)
from ink.config.slices.slice import Slice
from ink.config.values import Path


class SyntheticText(Languages):
    """The synthetic corpus."""

    synthetic: Synthetic


class GenerationSettings(Slice):
    """What generate-corpus reads."""

    data: SyntheticText


class OwnText(Languages):
    """Text in files."""

    files: Files


class IngestionSettings(Slice):
    """What ingest-corpus reads."""

    data: OwnText


class BinarisedText(Languages):
    """Text that fairseq has binarised."""

    binarised: Binarised


class RestorationSettings(Slice):
    """What restore-corpus reads."""

    data: BinarisedText
    text: Tokenisation


class FolderOfText(Languages):
    """The folder of text that fairseq has binarised."""

    binarised: BinarisedFolder


class AdoptionSettings(Slice):
    """What adopt-corpus reads."""

    data: FolderOfText
    text: MaxLength


class MergedText(Merges, Tokenisation):
    """How subwords are learned."""


class VocabularySettings(Slice):
    """What learn-vocabulary reads."""

    data: Languages
    text: MergedText


class GivenModel(BaseModelSource):
    """A base model that is given, with all that belongs to it."""

    bpe_codes: Path
    source_dictionary: Path
    target_dictionary: Path


class GivenVocabularySettings(Slice):
    """What adopt-vocabulary reads."""

    data: Languages
    base_model: GivenModel


class PreparedText(Lengths, UnknownSubwords, Tokenisation):
    """How raw text becomes the model's input."""


class PreparationSettings(Slice):
    """What prepare-corpus reads."""

    data: Languages
    text: PreparedText
