"""Patterns: German and English with slots that are filled together.

Slots of the German side, each named once and put into the English side by its name:
    [1: acc drug]            a noun phrase of class drug in a case; classes may be alternatives: drug/device
    [1: mit dat drug pl]     with a preposition (in dem becomes im) and flags: sg, pl, plain, a determiner's key
    [2: int 2 30]            a number, see numbers.py
    [c: clause]              a verb-final clause; [c: inverted] the verb first; [c: main] the verb second
    [v: zu person]           an infinitive with zu; English [v] is `to do`, [v ing] is `doing`, [v bare] is `do`
    [1 wird/werden]          agreement with the number of phrase 1; English [1 is/are] likewise
"""

from __future__ import annotations

import re
from functools import cache

from ink.synthetic import german, numbers
from ink.synthetic.clauses import Clause, Clauses
from ink.synthetic.phrases import Phrase

_SLOT = re.compile(r"\[([^\[\]]+)\]")


class Patterns:
    """Fills patterns with phrases and clauses."""

    def __init__(self, clauses: Clauses) -> None:
        self.clauses = clauses
        self.phrases = clauses.phrases
        self.rng = clauses.rng
        self.phrases.fill = self.fill

    def draw(self, kind: str, name: str, depth: int = 0) -> tuple[str, str]:
        """A filled pattern of the section [kind name]."""
        pattern = self.phrases.draw(self.phrases.lexicon.pairs[kind, name])
        return self.fill(pattern.german, pattern.english, depth)

    def fill(self, german_text: str, english_text: str, depth: int) -> tuple[str, str]:
        """Fill every slot of both sides."""
        if "[" not in german_text:
            return german_text, english_text
        filled: dict[str, Phrase | Clause | tuple[str, str]] = {}

        def german_slot(match: re.Match[str]) -> str:
            label, colon, specification = match[1].partition(":")
            if not colon:
                return _agreeing(match[1], filled)
            return self._fill_slot(label, tuple(specification.split()), filled, depth)

        german_side = _SLOT.sub(german_slot, german_text)
        english_side = _SLOT.sub(lambda match: _english(match[1], filled), english_text)
        return german_side, english_side

    def _fill_slot(
        self, label: str, words: tuple[str, ...], filled: dict[str, Phrase | Clause | tuple[str, str]], depth: int
    ) -> str:
        kind = words[0]
        if kind in numbers.KINDS:
            pair = numbers.number(kind, list(words[1:]), self.rng)
            filled[label] = pair
            return pair[0]
        if kind == "name":
            pair = self.phrases.name(words[1])
            filled[label] = pair
            return pair[0]
        if kind in ("clause", "inverted", "main"):
            clause = self.clauses.clause(depth + 1, tenses=set(words[1:]) or None, adjuncts=self.rng.random() < 0.5)
            filled[label] = clause
            clause.front = clause.english_front = None
            return clause.german("final" if kind == "clause" else kind)
        if kind == "zu" and words[1] not in german.CASES:
            clause = self.clauses.infinitive(depth, tuple(words[1:]))
            filled[label] = clause
            return clause.german("zu")
        preposition, case, classes, flags = _phrase_slot(words)
        phrase = self.phrases.phrase(classes, depth, flags)
        filled[label] = phrase
        return german.contract(preposition, phrase.german(case)) if preposition else phrase.german(case)


@cache
def _phrase_slot(words: tuple[str, ...]) -> tuple[str, str, tuple[str, ...], frozenset[str]]:
    index = next((i for i, word in enumerate(words) if word in german.CASES), None)
    if index is None or index + 1 >= len(words):
        raise ValueError(f"slot {' '.join(words)!r}: expected a case and a class, or one of {', '.join(numbers.KINDS)}")
    return " ".join(words[:index]), words[index], tuple(words[index + 1].split("/")), frozenset(words[index + 2 :])


def _agreeing(text: str, filled: dict[str, Phrase | Clause | tuple[str, str]], language: str = "german") -> str:
    label, _, forms = text.partition(" ")
    phrase = filled[label]
    assert isinstance(phrase, Phrase)
    singular, _, plural = forms.partition("/")
    number = phrase.number if language == "german" else phrase.english_number
    return singular if number == "sg" else plural


def _english(text: str, filled: dict[str, Phrase | Clause | tuple[str, str]]) -> str:
    label, _, form = text.partition(" ")
    value = filled[label]
    if isinstance(value, tuple):
        return value[1]
    if isinstance(value, Clause):
        if form == "bare":
            return value.english("formal")
        return value.english({"ing": "gerund", "to": "zu"}.get(form, "final"))
    if "/" in form:
        return _agreeing(text, filled, "english")
    return value.english_object if form == "object" else value.english
