"""Determiners of both languages: articles, possessives, quantifiers."""

from __future__ import annotations

from dataclasses import dataclass

from ink.synthetic import german


@dataclass(frozen=True)
class Determiner:
    """A closed-class word: how it declines, what adjectives do after it, which numbers it takes, its renderings."""

    kind: str
    stem: str
    declension: str
    numbers: str
    singular: str
    plural: str


DETERMINERS = {
    "definite": Determiner("article", "", "weak", "sg pl mass", "the", "the"),
    "indefinite": Determiner("ein", "ein", "mixed", "sg", "a", ""),
    "bare": Determiner("none", "", "strong", "pl mass", "", ""),
    "this": Determiner("der", "dies", "weak", "sg pl mass", "this", "these"),
    "every": Determiner("der", "jed", "weak", "sg", "every; each", ""),
    "all": Determiner("der", "all", "weak", "pl", "", "all; all the"),
    "no": Determiner("ein", "kein", "mixed", "sg pl mass", "no", "no"),
    "some": Determiner("der", "einig", "strong", "pl", "", "some; a few"),
    "many": Determiner("der", "viel", "strong", "pl", "", "many; numerous"),
    "several": Determiner("der", "mehrer", "strong", "pl", "", "several; various"),
    "such": Determiner("der", "solch", "weak", "pl", "", "such"),
    "my": Determiner("ein", "mein", "mixed", "sg pl", "my", "my"),
    "our": Determiner("ein", "unser", "mixed", "sg pl", "our", "our"),
    "your": Determiner("ein", "Ihr", "mixed", "sg pl", "your", "your"),
    "your_plural": Determiner("ein", "euer", "mixed", "sg pl", "your", "your"),
    "Our": Determiner("ein", "Unser", "mixed", "sg pl", "Our", "Our"),
    "zero": Determiner("none", "", "strong", "sg pl mass", "", ""),
    "number": Determiner("number", "", "strong", "pl", "", ""),
}

POSSESSIVES = {"m": ("sein", "his"), "n": ("sein", "its"), "f": ("ihr", "her"), "pl": ("ihr", "their")}


def declined(determiner: Determiner, numeral: str, gender: str, case: str) -> str:
    """The German determiner; `numeral` stands in for one that is a number."""
    if determiner.kind == "article":
        return german.article(gender, case)
    if determiner.kind == "ein":
        return german.ein_word(determiner.stem, gender, case)
    if determiner.kind == "der":
        return german.der_word(determiner.stem, gender, case)
    return numeral
