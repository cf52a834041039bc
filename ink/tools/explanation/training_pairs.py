"""From an entry of a datastore back to the training pair that it was made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ink.corpus.model_text import Marks
from ink.corpus.prepared_corpus import PreparedCorpus
from ink.datastore.storage import Datastore
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_lines
from ink.tools.explanation.subwords import END, Place, Subword, places, subwords


@dataclass(frozen=True)
class Occurrence:
    """A token in its training pair.

    - line: number of the pair in the raw training text, from 1
    - source, target: the raw text of that pair
    - position: the token's number from 1 among the `length` tokens of the target, end of sentence included
    - place: where it stands in `target`, (start, end) in characters
    """

    line: int
    source: str
    target: str
    position: int
    length: int
    subword: Subword
    place: Place

    @property
    def parts(self) -> tuple[str, str, str]:
        """The target before the token, the token as it is written there, and the target after it."""
        start, end = self.place
        return self.target[:start], self.target[start:end], self.target[end:]


class TrainingPairs:
    """Knows the raw training text of one datastore.

    corpus: folder of the raw text; data: the same binarised, where pairs have been filtered out. `escaped` and
    `marks` as in `subwords`. Raises InkError where text and datastore do not belong together.
    """

    def __init__(
        self,
        datastore: Datastore,
        data: PreparedCorpus,
        corpus: Path,
        *,
        escaped: bool = False,
        marks: Marks = Marks.CONTINUED,
    ) -> None:
        self.datastore = datastore
        self.escaped, self.marks = escaped, marks
        source, target = (corpus / f"train.{language}" for language in data.languages)
        tokens = data.path / f"train.bpe.{data.languages.target}"
        self.sources, self.targets, self.tokens = read_lines(source), read_lines(target), read_lines(tokens)
        kept = data.path / "kept.npy"
        try:
            self.kept = np.load(kept)
        except (FileNotFoundError, ValueError, EOFError) as error:
            raise InkError(
                f"{kept} cannot be read ({error}); prepare the text again", code="translation/other-training-text"
            ) from None
        if not len(self.kept) == len(self.tokens) == datastore.meta.sentences:
            raise InkError(
                f"{tokens} has {len(self.tokens)} lines and {kept} {len(self.kept)}, but datastore {datastore.path} "
                f"was made of {datastore.meta.sentences} sentences; prepare the text and build the datastore again",
                code="translation/other-training-text",
            )
        last = int(self.kept.max())
        for path, lines in ((source, self.sources), (target, self.targets)):
            if len(lines) <= last:
                raise InkError(
                    f"{path} has {len(lines)} lines, but {kept} names line {last + 1}; "
                    "write the corpus and prepare the text again",
                    code="translation/other-training-text",
                )
        self._sentences: dict[int, tuple[list[Subword], list[Place]]] = {}

    def occurrence(self, entry: int) -> Occurrence:
        """Return where the datastore's entry `entry` comes from."""
        offsets, number = self.datastore.offsets, self.datastore.number(entry)
        sentence = int(np.searchsorted(offsets, number, side="right")) - 1
        position = number - int(offsets[sentence])
        length = int(offsets[sentence + 1] - offsets[sentence])
        tokens, where = self._sentence(sentence)
        if length != len(tokens):
            raise InkError(
                f"sentence {sentence} of datastore {self.datastore.path} has {length} tokens, but {len(tokens)} in the "
                "prepared text; prepare the text and build the datastore again",
                code="translation/other-training-text",
            )
        line = int(self.kept[sentence])
        source, target = self.sources[line], self.targets[line]
        return Occurrence(line + 1, source, target, position + 1, length, tokens[position], where[position])

    def _sentence(self, sentence: int) -> tuple[list[Subword], list[Place]]:
        """Return a sentence's tokens, the end included, and their places in its raw line."""
        if sentence not in self._sentences:
            line = self.targets[int(self.kept[sentence])]
            tokens = subwords(self.tokens[sentence].split(), escaped=self.escaped, marks=self.marks)
            where = places(line, [token.text for token in tokens])
            self._sentences[sentence] = [*tokens, END], [*where, (len(line), len(line))]
        return self._sentences[sentence]
