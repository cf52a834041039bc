"""Raw text to a Hugging Face model's tokens and back, by the model's own tokenisers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ink.config.languages import LanguagePair
from ink.corpus.model_text import LINE_BREAKS, Marks
from ink.corpus.token_list import TokenList
from ink.nmt.huggingface.vocabulary_folder import read_tokenisers, read_vocabulary


class SubwordText:
    """A sentence pair's way into the model and a translation's way out of it, by the tokenisers of a vocabulary folder.

    What looks like a special token in the text is text.
    """

    def __init__(self, vocabulary: Path, languages: LanguagePair) -> None:
        self._source_tokens, self._target_tokens = read_vocabulary(vocabulary, languages)
        tokenisers = read_tokenisers(vocabulary)
        self._source, self._target = tokenisers.source, tokenisers.target
        self._reads_tags = tokenisers.kind == "MarianTokenizer"
        # FSMT's text goes through Moses and BPE, that of all others through SentencePiece
        self.escaped = tokenisers.kind == "FSMTTokenizer"
        self.marks = Marks.ENDED if self.escaped else Marks.BEGUN

    def encode_source(self, line: str) -> str:
        """Return the source line as the model's tokens; an empty line stays empty."""
        return self._encode(self._source, self._source_tokens, line)

    def encode_target(self, line: str) -> str:
        """Return the target line as the model's tokens; an empty line stays empty."""
        return self._encode(self._target, self._target_tokens, line)

    def decode_target(self, tokens: str) -> str:
        """Return the model's target tokens as text, special tokens left out."""
        numbers = [self._target_tokens.index(token) for token in tokens.split()]
        # a tokeniser of the source puts translations together, by the rules of its target
        return str(self._source.decode(numbers, skip_special_tokens=True)).strip()

    def _encode(self, tokeniser: Any, tokens: TokenList, line: str) -> str:
        text = line.translate(LINE_BREAKS)
        if self._reads_tags and text.startswith(">>"):
            text = f" {text}"  # a tag it would be at the very beginning alone
        pieces = tokeniser.tokenize(text, split_special_tokens=True)
        return " ".join(tokens.symbols[number] for number in tokeniser.convert_tokens_to_ids(pieces))
