"""Raw lines in, translations out, whatever the lines hold; and the translator of what an experiment has trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ink.config.sections.base_system import Decoding
from ink.config.slices.result_slices import TranslationSettings
from ink.corpus.model_text import Marks, ModelText
from ink.nmt.adapter_file import read_metadata
from ink.nmt.beam_search import Translation
from ink.nmt.device import device_of
from ink.nmt.model_loading import BaseModelFiles, backend_of
from ink.nmt.oom import FittingBatches
from ink.nmt.text_loading import load_text
from ink.systems.inference import AssembledSystem, load_system
from ink.systems.layout import Layout
from ink.tools.translation.lines import Line

SENTENCE_ENDS = (".", "!", "?", ";", ":")
ORDINARY_LENGTH = 150  # tokens
BATCH_TOKENS = 4096  # of longer pieces


@dataclass(frozen=True)
class Hypothesis:
    """A detokenised translation and its score, the mean log-probability that beam search ranks by."""

    text: str
    score: float


class Translator:
    """Translates lines in batches; a line longer than the model's limit is translated in pieces.

    `warn` is told, with the line's number, of what a person should know. batch_lines: how many lines are translated
    together where nobody says otherwise.
    """

    def __init__(self, system: AssembledSystem, text: ModelText, decoding: Decoding, warn: Any) -> None:
        self.system = system
        self.text = text
        self.warn = warn
        self.model = system.model
        self.beam_search = self.model.beam_search(decoding, system.mixture)
        self.batch_lines = decoding.batch_sentences
        self.fitting = FittingBatches([], task="translating", setting="--batch-size", remedy="lower decoding.beam")
        # the end of sentence takes one position
        self.limit = self.model.longest_source - 1

    def translate(self, lines: Sequence[Line], nbest: int = 1) -> list[list[Hypothesis]]:
        """Return the best hypotheses of each line, best first; an empty or refused line has one empty hypothesis.

        A line in several pieces has the pieces' best translations joined as its one hypothesis.
        """
        results: list[list[Hypothesis]] = []
        for found in self.search_lines([self.pieces(line) for line in lines]):
            if len(found) == 1:
                results.append([self._hypothesis(translation) for translation in found[0][:nbest]])
            elif found:
                best = [self._hypothesis(translations[0]) for translations in found]
                results.append([Hypothesis(" ".join(h.text for h in best), sum(h.score for h in best) / len(best))])
            else:
                results.append([Hypothesis("", 0.0)])
        return results

    def pieces(self, line: Line) -> list[list[str]]:
        """Return a line as the model's tokens, in several pieces where it is longer than the limit, none if empty."""
        if line.text is None:
            self.warn(f"line {line.number}: {line.problem}; left empty")
            return []
        if line.remark:
            self.warn(f"line {line.number}: {line.remark}")
        tokens = self.text.encode_source(line.text).split()
        pieces = split_at_limit(tokens, self.limit, self.text.marks)
        if len(pieces) > 1:
            self.warn(
                f"line {line.number}: {len(tokens)} tokens are more than the model's {self.limit}; "
                f"translated in {len(pieces)} pieces"
            )
        return pieces

    def search_lines(self, lines: Sequence[Sequence[Sequence[str]]]) -> list[list[Sequence[Translation]]]:
        """Return what beam search finds for the pieces of each line; all lines' pieces are searched at once."""
        found = iter(self.search([piece for pieces in lines for piece in pieces]))
        return [[next(found) for _ in pieces] for pieces in lines]

    def search(self, pieces: Sequence[Sequence[str]]) -> list[Sequence[Translation]]:
        """Return what beam search finds for each piece, best first; those of like length go together."""
        found: list[Sequence[Translation]] = [[] for _ in pieces]
        lengths = [len(piece) for piece in pieces]
        self.fitting.lengths = np.array(lengths)  # what fitted is remembered from call to call
        for group in groups_of_like_length(lengths):
            for part, searched in self.fitting.run(
                lambda part: self._search_batch([pieces[number] for number in part]), group
            ):
                for number, hypotheses in zip(part, searched, strict=True):
                    found[number] = hypotheses
        return found

    def encode(self, piece: Sequence[str]) -> Tensor:
        """Return a piece's token numbers, end of sentence included: (length,) int64."""
        return self.model.source_vocabulary.encode(piece)

    def decode(self, tokens: Tensor) -> str:
        """Return the text of target token numbers (length,), detokenised."""
        return self.text.decode_target(self.model.target_vocabulary.text(tokens))

    def _search_batch(self, pieces: Sequence[Sequence[str]]) -> list[Sequence[Translation]]:
        batch = self.model.source_batch([self.encode(piece) for piece in pieces]).to(device_of(self.model.network))
        results: list[Sequence[Translation]] = [[] for _ in pieces]
        for index, translations in zip(batch.sentences.tolist(), self.beam_search(batch), strict=True):
            results[index] = translations
        return results

    def _hypothesis(self, translation: Translation) -> Hypothesis:
        return Hypothesis(self.decode(translation.tokens), float(translation.score))


def groups_of_like_length(lengths: Sequence[int]) -> list[list[int]]:
    """Return the numbers of the pieces that are translated together; `lengths` are in tokens.

    Beam search pads to a batch's longest source and lets every translation grow as long as that one's may. So a few
    long pieces would hold up all others: those beyond ORDINARY_LENGTH are batched with others of like length,
    BATCH_TOKENS at most.
    """
    ordinary = [number for number, length in enumerate(lengths) if length <= ORDINARY_LENGTH]
    long = sorted(
        (number for number, length in enumerate(lengths) if length > ORDINARY_LENGTH), key=lengths.__getitem__
    )
    groups = [ordinary] if ordinary else []
    for number in long:
        shortest = lengths[groups[-1][0]] if groups and groups[-1] is not ordinary else 0
        if shortest and lengths[number] * (len(groups[-1]) + 1) <= BATCH_TOKENS and lengths[number] <= 2 * shortest:
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups


def split_at_limit(tokens: Sequence[str], limit: int, marks: Marks = Marks.CONTINUED) -> list[list[str]]:
    """Split tokens into pieces of at most `limit`, after the last sentence end in reach, else between words.

    A subword is kept with the rest of its word unless the word alone is longer than `limit`.
    """
    pieces: list[list[str]] = []
    rest = list(tokens)
    while len(rest) > limit:
        head = rest[:limit]
        cut = next((n for n in range(limit, limit // 2, -1) if marks.bare(head[n - 1]) in SENTENCE_ENDS), None)
        if cut is None:
            cut = next((n for n in range(limit, 0, -1) if not marks.goes_on(head[n - 1], rest[n])), limit)
        pieces.append(rest[:cut])
        rest = rest[cut:]
    if rest:
        pieces.append(rest)
    return pieces


def load_translator(
    layout: Layout,
    settings: TranslationSettings,
    system: str,
    domain: str,
    seed: int | None,
    warn: Callable[[str], None],
) -> Translator:
    """Load the system that an experiment has trained for a domain, as `load_system` does."""
    return _translator(load_system(layout, settings, system, domain, seed), layout, settings, warn)


def load_translator_with_adapter(
    layout: Layout, settings: TranslationSettings, adapter: Path, warn: Callable[[str], None]
) -> Translator:
    """Load the base model and vocabulary of an experiment, with the adapter of a file from anywhere.

    Raises InkError where the adapter belongs to another base model.
    """
    read_metadata(adapter)  # before a model is loaded for it
    vocabulary = Path(layout.vocabulary)
    base_model = BaseModelFiles(Path(layout.base_model), vocabulary, settings.data.languages, backend_of(vocabulary))
    model = base_model.load(settings.device, settings.precision, adapter=adapter)
    return _translator(AssembledSystem(model, None, {adapter.name: adapter}), layout, settings, warn)


def _translator(
    system: AssembledSystem, layout: Layout, settings: TranslationSettings, warn: Callable[[str], None]
) -> Translator:
    vocabulary = Path(layout.vocabulary)
    split_unknown = settings.text.split_unknown_subwords
    text = load_text(vocabulary, settings.text, settings.data.languages, split_unknown=split_unknown)
    return Translator(system, text, settings.decoding, warn)
