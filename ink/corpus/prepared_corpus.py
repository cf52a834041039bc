"""A prepared corpus as others see it: its fingerprint, and whether its files are whole and a model's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ink.config.languages import LanguagePair
from ink.corpus.indexed_tokens import FAIRSEQ_NAMES, binarised_file, read_header, read_lengths
from ink.corpus.numbering import Numbering, numbering_file, read_numbering
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json


@dataclass(frozen=True)
class PreparedCorpus:
    """Binarised text of one domain and its two languages."""

    path: Path
    languages: LanguagePair

    @property
    def fingerprint(self) -> str:
        """Tells this binarised corpus from others."""
        return str(read_json(self.path / "prepared.json", "fingerprint")["fingerprint"])

    @property
    def domain(self) -> str:
        """The name of its domain."""
        return str(read_json(self.path / "prepared.json", "domain")["domain"])

    def check(
        self,
        split: str,
        symbols: Sequence[Sequence[str]],
        longest: Sequence[int],
        *,
        vocabulary: Path,
        learned_positions: bool,
    ) -> None:
        """Raise InkError where a split is absent or cut short, or was not prepared for the model.

        - symbols: the types of the model's dictionaries, source and target, in their order
        - longest: how many tokens the model takes on either side
        - vocabulary: the folder that the model has its dictionaries from
        - learned_positions: whether its positional embeddings are learned, so that no split may have a longer sentence
        """
        for language, types, most in zip(self.languages, symbols, longest, strict=True):
            numbering = self._checked_numbering(language, types, vocabulary)
            # of the other splits too: a trainer reads its own without coming here
            for known in FAIRSEQ_NAMES:
                if known == split or self.file(known, language, "idx").exists():
                    lengths = self.check_whole(known, language)
                    # fairseq would leave longer ones out of training, and say so nowhere
                    if known == "train" or learned_positions:
                        self._check_lengths(known, language, lengths, most, numbering.added)

    def file(self, split: str, language: str, kind: str) -> Path:
        """Return one side of a split as fairseq keeps it; `kind` is bin or idx."""
        return self.path / binarised_file(split, self.languages, language, kind)

    def _checked_numbering(self, language: str, types: Sequence[str], vocabulary: Path) -> Numbering:
        """Two vocabularies of one size and other tokens would go unnoticed and turn every sentence into noise."""
        found = read_numbering(self.path, language)
        if list(found.symbols) != list(types):
            raise InkError(
                f"{self.path} was binarised with {numbering_file(self.path, language)}, which has other tokens than "
                f"the model's dictionary in {vocabulary}; prepare the text again with the model's vocabulary",
                code="vocabulary/other-dictionary",
            )
        return found

    def _check_lengths(self, split: str, language: str, lengths: NDArray[np.int32], most: int, added: int) -> None:
        longer = int((lengths > most).sum())
        if not longer:
            return
        remedy = f"lower text.max_length to {most - added}" if split == "train" else f"take these out of {split}"
        raise InkError(
            f"{self.path}: the model has {most} positions, but {longer} sentences of {split}.{language} have more "
            f"tokens, up to {int(lengths.max())}, end of sentence included; {remedy}, or use a model of more positions",
            code="text/too-long",
        )

    def check_whole(self, split: str, language: str) -> NDArray[np.int32]:
        """Return the lengths of one side of a split, (sentences,).

        Raises InkError where it is absent, cut short or not fairseq's.
        """
        text, index = self.file(split, language, "bin"), self.file(split, language, "idx")
        for path in (text, index):
            if not path.is_file():
                raise InkError(f"{path} does not exist; prepare the text again", code="text/binarised-damaged")
        try:
            lengths, (dtype, _) = read_lengths(index), read_header(index)
        except ValueError as error:
            raise InkError(
                f"{index} is cut short or not fairseq's ({error}); prepare the text again",
                code="text/binarised-damaged",
            ) from None
        needed, found = int(lengths.sum()) * dtype.itemsize, text.stat().st_size
        if found != needed:
            raise InkError(
                f"{text} has {found} of {needed} bytes; prepare the text again", code="text/binarised-damaged"
            )
        return lengths
