"""The corpus: sentences drawn until every split has its size, none twice, none of one split in another."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping

from ink.synthetic.clauses import Clause, Clauses
from ink.synthetic.lexicon import lexicon
from ink.synthetic.patterns import Patterns
from ink.synthetic.phrases import PRONOUNS, Phrases
from ink.synthetic.voice import Voice
from ink.synthetic.words import Pair

# Test and dev are drawn first, so that they stay the same when train grows.
SPLIT_ORDER = ("test", "dev", "train")
MINIMUM_WORDS, MAXIMUM_WORDS = 4, 30

_COMMAS = re.compile(r"(?: ,)+(?= |$)")
_COMMA_BEFORE_STOP = re.compile(r"(?:\s*,)+\s*([.!?:;])")
_SPACE_BEFORE = re.compile(r"\s+([.!?:;,)])")
_QUOTED = re.compile(r'" (.*?) "')
_SPEECH = re.compile(r'([:.!?] "?)([a-zäöüß])(?![\w-]*\.\w)')


class Sentences:
    """Draws sentence pairs of one domain, from the random numbers that `seed` stands for."""

    def __init__(self, domain: str, seed: str) -> None:
        self.rng = random.Random(seed)
        self.lexicon = lexicon(domain)
        self.voice = Voice(random.Random(f"{seed}/english"), self.lexicon.weights["variation"])
        self.phrases = Phrases(self.lexicon, self.rng, self.voice)
        self.clauses = Clauses(self.phrases)
        self.patterns = Patterns(self.clauses)

    def draw(self) -> tuple[str, str]:
        """A sentence pair of 4 to 30 words on the German side."""
        while True:
            german_text, english_text = self._sentence(self.phrases.weighted("sentence"))
            german_text, english_text = _tidy(german_text), self.voice.contracted(_tidy(english_text))
            if (
                MINIMUM_WORDS <= german_text.count(" ") + 1 <= MAXIMUM_WORDS
                and english_text.count(" ") < MAXIMUM_WORDS + 5
            ):
                return german_text, english_text

    def _sentence(self, kind: str) -> tuple[str, str]:
        make = {
            "main": self._main, "before": self._subordinate_first, "after": self._subordinate_last,
            "question": self._question, "imperative": self._imperative, "coordination": self._coordination,
        }.get(kind)  # fmt: skip
        if make is not None:
            return make()
        return self.patterns.draw("pattern", kind)

    def _main(self) -> tuple[str, str]:
        clause = self.clauses.clause()
        return clause.german("main") + " .", clause.english("main") + " ."

    def _two_clauses(self) -> tuple[Clause, Clause]:
        """Two clauses of one time, past or not."""
        tenses = set(self.lexicon.weights["tense"])
        past = {tense for tense in tenses if tense.startswith(("preterite", "perfect"))}
        weights = self.lexicon.weights["tense"]
        share = sum(weights[tense] for tense in past) / sum(weights.values())
        chosen = past if self.rng.random() < share else tenses - past - {"future"}
        return self.clauses.clause(1, tenses=chosen), self.clauses.clause(1, tenses=chosen)

    def _subordinate_first(self) -> tuple[str, str]:
        word = self.phrases.draw(self.lexicon.pairs["subordinator", "before"])
        inner, outer = self._two_clauses()
        german_text = f"{word.german} {inner.german('final')} , {outer.german('inverted')} ."
        return german_text, self._with_subordinate(word, inner, outer, first=not self.voice.chance("order"))

    def _subordinate_last(self) -> tuple[str, str]:
        word = self.phrases.draw(self.lexicon.pairs["subordinator", "after"])
        outer, inner = self._two_clauses()
        german_text = f"{outer.german('main')} , {word.german} {inner.german('final')} ."
        movable = any(word.german == pair.german for pair, *_ in self.lexicon.pairs["subordinator", "before"].items)
        return german_text, self._with_subordinate(word, inner, outer, first=movable and self.voice.chance("order"))

    def _with_subordinate(self, word: Pair, inner: Clause, outer: Clause, *, first: bool) -> str:
        if first:
            return f"{word.english} {inner.english('final')} , {outer.english('main')} ."
        return f"{outer.english('main')} {word.english} {inner.english('final')} ."

    def _question(self) -> tuple[str, str]:
        clause = self.clauses.clause(tenses={"present", "perfect", "present können", "present müssen"})
        clause.front = clause.english_front = None
        clause.deontic = False
        return clause.german("inverted") + " ?", clause.english("question") + " ?"

    def _imperative(self) -> tuple[str, str]:
        order = self.lexicon.style["imperative"]
        objects = frozenset(self.lexicon.style.get("imperative objects", "").split())
        verb = self.clauses.plain_verb(tuple(self.lexicon.style["addressee"].split()), objects)
        clause = self.clauses.clause(
            verb=verb, subject=PRONOUNS["Sie" if order == "formal" else "ihr"], tenses={"present"}, active=True
        )
        clause.front = clause.english_front = None
        return clause.german(order) + " .", clause.english(order) + " ."

    def _coordination(self) -> tuple[str, str]:
        word = self.phrases.draw(self.lexicon.pairs["coordinator", ""])
        first, second = self._two_clauses()
        return (
            f"{first.german('main')} {word.german} {second.german('main')} .",
            f"{first.english('main')} {word.english} {second.english('main')} .",
        )


def _tidy(text: str) -> str:
    """Commas and stops in their places, one space between words, a capital at the beginning."""
    text = _COMMA_BEFORE_STOP.sub(r" \1", text)
    text = _COMMAS.sub(" ,", text)
    text = _SPACE_BEFORE.sub(r"\1", text)
    text = _QUOTED.sub(r'"\1"', " ".join(text.split())).replace("( ", "(")
    text = _SPEECH.sub(lambda match: match[1] + match[2].upper(), text)
    # A file name keeps its small letter.
    return text if "." in text.split(" ", 1)[0] else text[0].upper() + text[1:]


def generate(
    sentences: Mapping[str, Mapping[str, int]], seed: int, in_general: Mapping[str, int] | None = None
) -> dict[str, dict[str, list[tuple[str, str]]]]:
    """Generate parallel text: domain -> split -> [(German, English), ...], in the order and the sizes of `sentences`.

    in_general: how many of general's training pairs are of another domain's kind, by domain. They are drawn apart: no
    German sentence of them is in any split of any domain. The same `seed` gives the same sentences, whatever the other
    domains are. Within a domain no German sentence occurs twice, in the same split or another.
    ValueError for an unknown domain.
    """
    shares = dict(in_general or {}) if "general" in sentences else {}
    corpus: dict[str, dict[str, list[tuple[str, str]]]] = {}
    for domain, sizes in sentences.items():
        seen: set[str] = set()
        drawn = {}
        for split in sorted(sizes, key=lambda name: (SPLIT_ORDER.index(name) if name in SPLIT_ORDER else 9, name)):
            count = sizes[split] - (sum(shares.values()) if (domain, split) == ("general", "train") else 0)
            drawn[split] = _draw(Sentences(domain, f"{seed}/{domain}/{split}"), count, seen)
        corpus[domain] = {split: drawn[split] for split in sizes}
    if shares:
        everything = {source for splits in corpus.values() for pairs in splits.values() for source, _ in pairs}
        train = corpus["general"]["train"]
        for domain, count in shares.items():
            train += _draw(Sentences(domain, f"{seed}/general/{domain}"), count, everything)
        random.Random(f"{seed}/general/order").shuffle(train)
    return corpus


def _draw(source: Sentences, count: int, seen: set[str]) -> list[tuple[str, str]]:
    """Draw so many pairs whose German sentence is not in `seen`, and add it."""
    pairs: list[tuple[str, str]] = []
    while len(pairs) < count:
        pair = source.draw()
        if pair[0] not in seen:
            seen.add(pair[0])
            pairs.append(pair)
    return pairs
