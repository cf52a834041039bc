"""What the commands that make and prepare text read."""

from __future__ import annotations

from ink.config.sections import parallel_text
from ink.config.sections.base_system import BaseModelSource
from ink.config.slices.slice import Slice


class SyntheticText(parallel_text.Languages):
    """The synthetic corpus."""

    synthetic: parallel_text.Synthetic


class GenerationSettings(Slice):
    """What generate-corpus reads."""

    data: SyntheticText


class OwnText(parallel_text.Languages):
    """Text in files."""

    files: parallel_text.Files


class IngestionSettings(Slice):
    """What ingest-corpus reads."""

    data: OwnText


class BinarisedText(parallel_text.Languages):
    """Text that fairseq has binarised."""

    binarised: parallel_text.Binarised


class RestorationSettings(Slice):
    """What restore-corpus reads."""

    data: BinarisedText
    text: parallel_text.Tokenisation


class FolderOfText(parallel_text.Languages):
    """The folder of text that fairseq has binarised."""

    binarised: parallel_text.BinarisedFolder


class AdoptionSettings(Slice):
    """What adopt-corpus reads."""

    data: FolderOfText
    text: parallel_text.MaxLength


class MergedText(parallel_text.Merges, parallel_text.Tokenisation):
    """How subwords are learned."""


class VocabularySettings(Slice):
    """What learn-vocabulary reads."""

    data: parallel_text.Languages
    text: MergedText


class GivenVocabularySettings(Slice):
    """What adopt-vocabulary reads."""

    data: parallel_text.Languages
    base_model: BaseModelSource


class PreparedText(parallel_text.Lengths, parallel_text.UnknownSubwords, parallel_text.Tokenisation):
    """How raw text becomes the model's input."""


class PreparationSettings(Slice):
    """What prepare-corpus reads."""

    data: parallel_text.Languages
    text: PreparedText
