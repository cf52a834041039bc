"""Raw text to the model's input and back: Moses normalisation and tokenisation, then byte pair encoding."""

from __future__ import annotations

import io
import re
from pathlib import Path

from sacremoses import MosesDetokenizer, MosesPunctNormalizer, MosesTokenizer
from subword_nmt.apply_bpe import BPE

from ink.config.sections.parallel_text import Tokenisation
from ink.corpus.model_text import LINE_BREAKS, Marks
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_lines

SEPARATOR = "@@"

_VERSIONS = ("0.1", "0.2")

_BPE_JOINT = re.compile(f"{SEPARATOR} |{SEPARATOR} ?$")


class _Tokenizer(MosesTokenizer):
    """sacremoses' tokeniser with its character classes as sets made once, in place of once a word; the same output."""

    def __init__(self, lang: str) -> None:
        super().__init__(lang=lang)
        self._lower = frozenset(self.IsLower)
        self._alpha = frozenset(self.IsAlpha)

    def islower(self, text: str) -> bool:
        return self._lower.issuperset(text)

    def isanyalpha(self, text: str) -> bool:
        return not self._alpha.isdisjoint(text)


class TextProcessor:
    """A sentence pair's way into the model and a translation's way out of it; one line in, one line out.

    Without `bpe_codes` words stay whole. Codes may be subword-nmt's or fastBPE's.
    With `known`, the subwords of the source's and the target's dictionary, a subword that the dictionary lacks is split
    into smaller ones that it has, by undoing merges.
    """

    marks = Marks.CONTINUED

    def __init__(
        self, settings: Tokenisation, bpe_codes: Path | None, known: tuple[set[str], set[str]] | None = None
    ) -> None:
        self.escaped = self._escape = settings.escape
        self._dash_splits = settings.aggressive_dash_splits
        self._source = _side(settings.source_tokeniser_language, settings.normalise_punctuation)
        self._target = _side(settings.target_tokeniser_language, settings.normalise_punctuation)
        self._source_detokeniser = MosesDetokenizer(lang=settings.source_tokeniser_language)
        self._target_detokeniser = MosesDetokenizer(lang=settings.target_tokeniser_language)
        codes = read_codes(bpe_codes) if bpe_codes is not None else None
        source_known, target_known = known if known is not None else (None, None)
        self._source_bpe = _byte_pairs(codes, source_known)
        # both sides share one cache of words where they share their subwords
        self._target_bpe = self._source_bpe if source_known == target_known else _byte_pairs(codes, target_known)

    def tokenise_source(self, line: str) -> str:
        """Return the source line as Moses tokens with single spaces between them."""
        return self._tokenise(line, *self._source)

    def tokenise_target(self, line: str) -> str:
        """Return the target line as Moses tokens with single spaces between them."""
        return self._tokenise(line, *self._target)

    def encode_source(self, line: str) -> str:
        """Return the source line as the model's tokens, subwords marked with @@; an empty line stays empty."""
        return _segment(self.tokenise_source(line), self._source_bpe)

    def encode_target(self, line: str) -> str:
        """Return the target line as the model's tokens, subwords marked with @@; an empty line stays empty."""
        return _segment(self.tokenise_target(line), self._target_bpe)

    def segment(self, tokenised: str) -> str:
        """Split each word of a tokenised source line into its subwords."""
        return _segment(tokenised, self._source_bpe)

    def decode_target(self, tokens: str) -> str:
        """Return the model's target tokens as text: subwords joined, detokenised, unescaped where `escape` is set."""
        return self._decode(tokens, self._target_detokeniser)

    def decode_source(self, bpe: str) -> str:
        """Return source tokens as text, as `decode_target` does, by the source language's rules."""
        return self._decode(bpe, self._source_detokeniser)

    def _decode(self, bpe: str, detokeniser: MosesDetokenizer) -> str:
        words = _BPE_JOINT.sub("", bpe).split()
        return str(detokeniser.detokenize(words, unescape=self._escape))

    def _tokenise(self, line: str, normaliser: MosesPunctNormalizer | None, tokeniser: _Tokenizer) -> str:
        line = line.translate(LINE_BREAKS)
        if normaliser is not None:
            line = normaliser.normalize(line)
        tokens = tokeniser.tokenize(line, aggressive_dash_splits=self._dash_splits, escape=self._escape)
        return " ".join(tokens)


def read_codes(path: Path) -> str:
    """Return a file of BPE codes in subword-nmt's form; fastBPE's `left right count` lines lose their count.

    InkError names file and line where a line is neither.
    """
    lines = read_lines(path)
    version = lines[:1] if lines and lines[0].startswith("#version:") else []
    if version and version[0].split()[-1] not in _VERSIONS:
        raise InkError(
            f"{path}, line 1: {version[0]!r} is not a version of BPE codes; expected one of {_VERSIONS}",
            code="vocabulary/not-bpe-codes",
        )
    merges = [line.strip(" \r").split(" ") for line in lines[len(version) :]]
    if not merges:
        raise InkError(f"{path} holds no BPE codes", code="vocabulary/not-bpe-codes")
    if not version and all(len(merge) == 2 and merge[1].isdecimal() for merge in merges):
        raise InkError(
            f"{path} has a token and its count per line: it is a dictionary; BPE codes are needed here",
            code="vocabulary/not-bpe-codes",
        )
    if "\t" in lines[0]:
        raise InkError(
            f"{path} has a piece and its score per line: it is a SentencePiece vocabulary; name the model beside it",
            code="vocabulary/not-bpe-codes",
        )
    counted = not version and len(merges[0]) == 3
    for number, merge in enumerate(merges, start=len(version) + 1):
        if not all(merge) or len(merge) != (3 if counted else 2) or (counted and not merge[2].isdecimal()):
            expected = "two subwords and a count" if counted else "two subwords"
            raise InkError(
                f"{path}, line {number}: {' '.join(merge)!r} is no BPE merge, expected {expected}",
                code="vocabulary/not-bpe-codes",
            )
    if counted:
        version = ["#version: 0.2"]
    return "\n".join([*version, *(" ".join(merge[:2]) for merge in merges)]) + "\n"


def _byte_pairs(codes: str | None, known: set[str] | None) -> BPE | None:
    return None if codes is None else BPE(io.StringIO(codes), separator=SEPARATOR, vocab=known)


def _segment(tokenised: str, byte_pairs: BPE | None) -> str:
    return tokenised if byte_pairs is None else " ".join(byte_pairs.segment_tokens(tokenised.split(" ")))


def _side(language: str, normalise: bool) -> tuple[MosesPunctNormalizer | None, _Tokenizer]:
    return MosesPunctNormalizer(lang=language) if normalise else None, _Tokenizer(language)
