"""Raw text to SentencePiece's pieces and back, and pieces learned: for fairseq models whose text is segmented so."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

from ink.corpus.model_text import Marks
from ink.runtime.errors import InkError

LONGEST_LINE = 1 << 16  # bytes; longer ones teach nothing


class PieceText:
    """A sentence pair's way into the model and a translation's way out of it, by a SentencePiece model of both sides.

    Lines are raw: the model normalises them itself. A character that it does not know is a piece of its own, which the
    dictionary takes for the unknown token.
    """

    marks = Marks.BEGUN
    escaped = False

    def __init__(self, model: Path) -> None:
        self._processor = load_pieces(model)

    def encode(self, line: str) -> str:
        """Return a line of either side as the model's pieces; an empty line stays empty."""
        # no piece has a space of any kind in it, whichever the model leaves as they are
        return " ".join(self._processor.encode(" ".join(line.split()), out_type=str))

    def encode_source(self, line: str) -> str:
        """Return the source line as the model's pieces; an empty line stays empty."""
        return self.encode(line)

    def encode_target(self, line: str) -> str:
        """Return the target line as the model's pieces; an empty line stays empty."""
        return self.encode(line)

    def decode_target(self, tokens: str) -> str:
        """Return the model's target pieces as text."""
        return str(self._processor.decode(tokens.split())).strip()


def load_pieces(model: Path) -> SentencePieceProcessor:
    """Load a SentencePiece model; InkError names a file that is absent or is none."""
    if not model.is_file():
        raise InkError(f"{model} does not exist", code="file/missing")
    try:
        return SentencePieceProcessor(model_file=str(model))
    except (RuntimeError, OSError):  # its text is of lines in C++
        raise InkError(
            f"{model} is no whole SentencePiece model; name the one that the base model's text was segmented with",
            code="vocabulary/not-bpe-codes",
        ) from None


def learn_pieces(lines: Iterable[str], count: int, corpus: Path) -> bytes:
    """Learn a unigram model of at most `count` pieces, every character among them; return the bytes of its file.

    InkError names the text, `corpus`, where it has more characters than that, or none.
    """
    written = io.BytesIO()
    try:
        SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=written,
            model_type="unigram",
            vocab_size=count,
            hard_vocab_limit=False,
            character_coverage=1.0,
            max_sentence_length=LONGEST_LINE,
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        reason = " ".join(str(error).split())[-200:]
        raise InkError(
            f"{corpus}: no SentencePiece model of {count} pieces can be learned from the training text ({reason}); set "
            "text.bpe_merges to another number",
            code="vocabulary/nothing-to-learn",
        ) from None
    return written.getvalue()
