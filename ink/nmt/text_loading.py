"""How raw text becomes a model's tokens, and its tokens text, as the vocabulary folder tells."""

from __future__ import annotations

from pathlib import Path

from ink.config.languages import LanguagePair
from ink.config.sections.parallel_text import Tokenisation
from ink.corpus.model_text import ModelText
from ink.corpus.vocabulary import CODES, PIECES, known_subwords
from ink.nmt.huggingface import DESCRIPTION


def load_text(
    vocabulary: Path, settings: Tokenisation, languages: LanguagePair, *, split_unknown: bool = False
) -> ModelText:
    """Return the text of the model whose vocabulary this is.

    It goes through the model's own tokeniser, a SentencePiece model, or Moses' rules and BPE codes. settings, and
    `split_unknown`, which divides subwords that the dictionary lacks, are of the last alone.
    """
    if is_huggingface(vocabulary):
        # most experiments do without
        from ink.nmt.huggingface.subword_text import SubwordText

        return SubwordText(vocabulary, languages)
    if (vocabulary / PIECES).is_file():
        from ink.corpus.pieces import PieceText

        return PieceText(vocabulary / PIECES)
    # with its tables of every character, which many jobs do without
    from ink.corpus.segmentation import TextProcessor

    known = known_subwords(vocabulary, languages) if split_unknown else None
    return TextProcessor(settings, vocabulary / CODES, known)


def is_huggingface(vocabulary: Path) -> bool:
    """Tell whether a vocabulary folder is a Hugging Face model's."""
    return (vocabulary / DESCRIPTION).is_file()
