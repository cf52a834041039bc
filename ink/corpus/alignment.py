"""Word alignment by IBM model 1 (Brown et al. 1993), and how much the choice of a translation varies."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

ITERATIONS = 5
_WORD = re.compile(r"\w*[^\W\d_]\w*(?:['’]\w+)?")

WordPair = tuple[Sequence[str], Sequence[str]]


def words(text: str) -> list[str]:
    """Return a sentence's words, lower-cased; numbers and punctuation, which leave no choice, are left out."""
    return _WORD.findall(text.lower())


@dataclass(frozen=True)
class Alignment:
    """A parallel text's word alignment.

    links: for each sentence pair the (source position, target position) of every target word that has a source word.
    table: source word -> target word -> t(target | source); the probabilities of a source word sum to 1.
    """

    links: list[list[tuple[int, int]]]
    table: Mapping[str, Mapping[str, float]]


def align(pairs: Sequence[WordPair], iterations: int = ITERATIONS) -> Alignment:
    """Align sentence pairs, each (source words, target words): every target word to one source word or to none.

    NLTK's IBM model 1, by expectation maximisation from a uniform table.
    """
    from nltk.translate import AlignedSent, IBMModel1

    text = [AlignedSent(list(target), list(source)) for source, target in pairs]
    model = IBMModel1(text, iterations)
    table: dict[str, dict[str, float]] = defaultdict(dict)
    for target_word, row in model.translation_table.items():
        for source_word, probability in row.items():
            if source_word is not None:
                table[source_word][target_word] = probability
    links = [sorted((place, position) for position, place in each.alignment if place is not None) for each in text]
    return Alignment(links, dict(table))


@dataclass(frozen=True)
class TranslationEntropy:
    """H(target word | source word) in bits, over the frequent source words, weighted by their frequency.

    of_links: of the words that alignment links; of_table: of t(target | source) (Melamed 1997), in which an alignment's
    doubts count as well. frequent: how many source words that is.
    """

    of_links: float
    of_table: float
    frequent: int


def translation_entropy(
    pairs: Iterable[tuple[str, str]], running_words: int = 25_000, seen: int = 20, iterations: int = ITERATIONS
) -> TranslationEntropy:
    """Measure how much translations vary, over source words seen `seen` times or more in the first `running_words`.

    pairs: sentence pairs as text. ValueError where there are fewer source words.
    """
    text: list[WordPair] = []
    counts: Counter[str] = Counter()
    for source, target in pairs:
        source_words, target_words = words(source), words(target)
        if source_words and target_words:
            text.append((source_words, target_words))
            counts.update(source_words)
        if counts.total() >= running_words:
            break
    else:
        raise ValueError(f"the text has {counts.total()} source words, of which {running_words} are needed")
    frequent = {word: count for word, count in counts.items() if count >= seen}
    alignment = align(text, iterations)
    linked: dict[str, Counter[str]] = defaultdict(Counter)
    for pair, links in zip(text, alignment.links, strict=True):
        for place, position in links:
            linked[pair[0][place]][pair[1][position]] += 1
    total = sum(frequent.values())
    of_links = sum(count * entropy(linked[word].values()) for word, count in frequent.items()) / total
    of_table = sum(count * entropy(alignment.table[word].values()) for word, count in frequent.items()) / total
    return TranslationEntropy(of_links, of_table, len(frequent))


def entropy(weights: Iterable[float]) -> float:
    """Return the entropy in bits of a distribution given by weights, which need not sum to 1; 0 without any."""
    positive = [weight for weight in weights if weight > 0]
    total = sum(positive)
    return -sum(weight / total * math.log2(weight / total) for weight in positive)
