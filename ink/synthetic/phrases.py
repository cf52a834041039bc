"""Noun phrases in both languages: determiner, adjectives, noun, attributes, relative clause."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from ink.synthetic import english, german, numbers
from ink.synthetic.determiners import DETERMINERS, POSSESSIVES, Determiner, declined
from ink.synthetic.lexicon import Lexicon, Zipf, renderings
from ink.synthetic.voice import Voice
from ink.synthetic.words import Noun


@dataclass(frozen=True)
class Phrase:
    """A noun phrase or pronoun: German forms by case, English as subject and as object, and what agrees with it."""

    forms: tuple[str, str, str, str]
    english: str
    english_object: str
    gender: str
    number: str
    english_number: str
    person: int = 3
    human: bool = False
    pronoun: bool = False
    classes: frozenset[str] = frozenset()

    def german(self, case: str) -> str:
        return self.forms[german.CASES.index(case)]

    def followed(self, german_text: str, english_text: str) -> Phrase:
        """This phrase with something after it, in every case."""
        nom, acc, dat, gen = (f"{form} {german_text}" for form in self.forms)
        text = f"{self.english} {english_text}"
        return replace(self, forms=(nom, acc, dat, gen), english=text, english_object=text)


PRONOUNS = {
    "ich": Phrase(("ich", "mich", "mir", "meiner"), "I", "me", "m", "sg", "sg", 1, True, True),
    "du": Phrase(("du", "dich", "dir", "deiner"), "you", "you", "m", "sg", "pl", 2, True, True),
    "er": Phrase(("er", "ihn", "ihm", "seiner"), "he", "him", "m", "sg", "sg", 3, True, True),
    "sie": Phrase(("sie", "sie", "ihr", "ihrer"), "she", "her", "f", "sg", "sg", 3, True, True),
    "wir": Phrase(("wir", "uns", "uns", "unser"), "we", "us", "pl", "pl", "pl", 1, True, True),
    "ihr": Phrase(("ihr", "euch", "euch", "euer"), "you", "you", "pl", "pl", "pl", 2, True, True),
    "they": Phrase(("sie", "sie", "ihnen", "ihrer"), "they", "them", "pl", "pl", "pl", 3, True, True),
    "Sie": Phrase(("Sie", "Sie", "Ihnen", "Ihrer"), "you", "you", "pl", "pl", "pl", 3, True, True),
    "Wir": Phrase(("Wir", "Uns", "Uns", "Unser"), "We", "Us", "pl", "pl", "pl", 1, True, True),
    "Er": Phrase(("Er", "Ihn", "Ihm", "Seiner"), "He", "Him", "m", "sg", "sg", 3, True, True),
}

Item = TypeVar("Item")
Relative = Callable[[Phrase, int], tuple[str, str]]
Fill = Callable[[str, str, int], tuple[str, str]]


class Phrases:
    """Draws noun phrases from a lexicon. `relative` and `fill` are set by the clauses and patterns that use it.

    `rng` draws what is said, `voice` how it is put into English.
    """

    def __init__(self, lexicon: Lexicon, rng: random.Random, voice: Voice) -> None:
        self.lexicon = lexicon
        self.rng = rng
        self.voice = voice
        self.human = frozenset(lexicon.style["human"].split())
        self.relative: Relative
        self.fill: Fill

    def chance(self, name: str, noun_class: str = "") -> bool:
        """True with the domain's probability for `name`, or for `name.noun_class` where it has one."""
        table = self.lexicon.weights["chance"]
        return self.rng.random() < table.get(f"{name}.{noun_class}", table[name])

    def draw(self, words: Zipf[tuple[Item, ...]]) -> Item:
        """A word, in one of its renderings."""
        return self.voice.choose(words.draw(self.rng))

    def weighted(self, name: str, allowed: set[str] | None = None) -> str:
        """A key of the domain's [weights NAME], among `allowed`."""
        weights = self.lexicon.weights[name]
        keys = [key for key in weights if allowed is None or key in allowed]
        return self.rng.choices(keys, [weights[key] for key in keys])[0]

    def pronoun(self) -> Phrase:
        """A subject pronoun of the domain."""
        return PRONOUNS[self.weighted("pronoun")]

    def noun(self, name: str, common: bool = False) -> Noun:
        """A noun of the class `name`, now and then as head of a compound; `common` leaves out names."""
        noun = self.draw(self.lexicon.nouns[name])
        while common and noun.kind in ("name", "unique"):
            noun = self.draw(self.lexicon.nouns[name])
        modifiers = self.lexicon.pairs.get(("modifier", name))
        if modifiers and noun.kind == "noun" and "-" not in noun.lemma and self.chance("compound"):
            first = self.draw(modifiers)
            alike = noun.lemma.lower().startswith(first.german.lower()[:4]) or noun.english.startswith(first.english)
            if not alike:
                return noun.compound(first.german, first.english)
        return noun

    def name(self, name: str) -> tuple[str, str]:
        """A name put together from a stem and an ending: a drug, a file."""
        stem = self.draw(self.lexicon.pairs["stem", name])
        ending = self.draw(self.lexicon.pairs["ending", name])
        return stem.german + ending.german, stem.english + ending.english

    def phrase(
        self, classes: tuple[str, ...], depth: int = 0, flags: frozenset[str] = frozenset(), owner: Phrase | None = None
    ) -> Phrase:
        """A noun phrase of one of `classes`.

        `flags`: sg or pl, a key of DETERMINERS, plain (bare of adjectives and attributes). `owner` is what a possessive
        would refer to.
        """
        name = self.rng.choice(classes)
        common = not flags.isdisjoint({"pl", "bare", "zero", "indefinite"})
        only_titles = name not in self.lexicon.nouns
        if ("title", name) in self.lexicon.pairs and (only_titles or (not common and self.chance("title", name))):
            return self._title(name, depth)
        if ("stem", name) in self.lexicon.pairs and (name not in self.lexicon.nouns or self.chance("name")):
            german_name, english_name = self.name(name)
            return self._invariable(german_name, english_name, name)
        if name in self.human and depth < 2 and not flags and self.chance("those"):
            return self._those(name, depth)
        return self._common(self.noun(name, common), name, depth, flags, owner)

    def _invariable(self, german_name: str, english_name: str, name: str) -> Phrase:
        genitive = german_name if german_name[-1] in "sßzx" or "." in german_name else german_name + "s"
        forms = (german_name, german_name, german_name, genitive)
        return Phrase(
            forms, english_name, english_name, "n", "sg", "sg", human=name in self.human, classes=frozenset({name})
        )

    def _title(self, name: str, depth: int) -> Phrase:
        """A pattern that stands for a whole phrase: die Verordnung (EG) Nr. 1/2003; a leading article is declined.

        The word after it may be given as nominative/oblique/genitive: der Herr/Herrn/Herrn der Welten.
        """
        pattern = self.draw(self.lexicon.pairs["title", name])
        german_text, english_text = self.fill(pattern.german, pattern.english, depth + 1)
        first, _, rest = german_text.partition(" ")
        gender = {"der": "m", "die": "f", "das": "n", "die(pl)": "pl"}.get(first)
        forms = (german_text, german_text, german_text, german_text)
        if gender is not None:
            head, _, rest = rest.partition(" ")
            nominative, oblique, genitive = (head.split("/") * 3)[:3] if "/" in head else (head, head, head)
            heads = (nominative, oblique if gender == "m" else nominative, oblique, genitive)
            nom, acc, dat, gen = (
                english.join(german.article(gender, case), each, rest)
                for case, each in zip(german.CASES, heads, strict=True)
            )
            forms = (nom, acc, dat, gen)
        number = "pl" if gender == "pl" else "sg"
        return Phrase(
            forms, english_text, english_text, gender or "n", number, number, human=name in self.human,
            classes=frozenset({name}),
        )  # fmt: skip

    def _those(self, name: str, depth: int) -> Phrase:
        """diejenigen, die ...: those who ..."""
        forms = ("diejenigen", "diejenigen", "denjenigen", "derjenigen")
        head = Phrase(forms, "those", "those", "pl", "pl", "pl", human=True, classes=frozenset({name}))
        return self._with_relative(head, depth)

    def _with_relative(self, head: Phrase, depth: int) -> Phrase:
        german_clause, english_clause = self.relative(head, depth + 1)
        return head.followed(f", {german_clause} ,", english_clause)

    def _determiner(self, noun: Noun, name: str, flags: frozenset[str], owner: Phrase | None) -> tuple[str, str]:
        """(key of DETERMINERS or possessive, number)."""
        forced = next((flag for flag in flags if flag in DETERMINERS), None)
        if noun.kind == "unique":
            return "definite", "sg"
        if forced == "indefinite" and (noun.mass or noun.english_number == "mass"):
            forced = "bare" if noun.mass else forced
        if noun.mass:
            number = "mass"
        elif noun.kind == "plural":
            number = "pl"
        else:
            number = next((flag for flag in ("sg", "pl") if flag in flags), "")
        if forced and (number or forced) and (not number or number in DETERMINERS[forced].numbers.split()):
            choices = [each for each in DETERMINERS[forced].numbers.split() if each != "mass" or number == "mass"]
            choices = [each for each in choices if not number or each == number]
            return forced, self.rng.choices(choices, [3 if each == "sg" else 1 for each in choices])[0]
        countable = noun.english_number == "count" and number != "mass"
        if owner is not None and not owner.pronoun and number != "mass" and self.chance("possessive"):
            return "possessive", number or self.rng.choice(("sg", "sg", "pl"))
        if not number:
            number = "pl" if self.chance("plural", name) else "sg"
        uncounted = {"definite", "bare", "this", "no", "our", "my", "your", "Our", "your_plural"}
        allowed = {key for key, each in DETERMINERS.items() if number in each.numbers.split()}
        if not countable:
            allowed &= uncounted
        table = f"determiner.{name}" if f"determiner.{name}" in self.lexicon.weights else "determiner"
        return self.weighted(table, allowed), number

    def _common(self, noun: Noun, name: str, depth: int, flags: frozenset[str], owner: Phrase | None) -> Phrase:
        human = name in self.human
        if noun.kind == "name":
            genitive = noun.genitive
            number = "pl" if noun.english_number == "plural" else "sg"
            name_forms = (noun.lemma, noun.lemma, noun.lemma, genitive)
            return Phrase(
                name_forms,
                noun.english,
                noun.english,
                noun.gender,
                "sg",
                number,
                human=human,
                classes=frozenset({name}),
            )
        key, number = self._determiner(noun, name, flags, owner)
        german_number = "sg" if number == "mass" else number
        english_number = "sg" if number == "mass" or noun.english_number == "mass" else german_number
        if noun.english_number == "plural":
            english_number = "pl"
        gender = "pl" if german_number == "pl" else noun.gender
        adjectives = []
        if "plain" not in flags and name in self.lexicon.adjectives and self.chance("adjective"):
            drawn = self.draw(self.lexicon.adjectives[name])
            if drawn.english not in noun.english:
                adjectives.append(drawn)
        if key == "possessive":
            assert owner is not None
            stem, word = POSSESSIVES[owner.gender if owner.number == "sg" else "pl"]
            word = "their" if owner.english_number == "pl" else word if owner.human else "its"
            determiner = Determiner("ein", stem, "mixed", "sg pl", word, word)
        else:
            determiner = DETERMINERS[key]
        numeral = numbers.number("word", [], self.rng) if key == "number" else ("", "")
        forms = []
        for case in german.CASES:
            if determiner.kind == "none" and case == "gen" and not adjectives:
                # A bare genitive shows its case on an adjective only: der Schutz von Patienten.
                forms.append("")
                continue
            words = [declined(determiner, numeral[0], gender, case)]
            words += [german.adjective(each.stem, determiner.declension, gender, case) for each in adjectives]
            words.append(noun.german(case, german_number, determiner.declension))
            forms.append(english.join(*words))
        if not forms[3]:
            forms[3] = "von " + forms[2]
        head = english.join(
            *(each.english for each in adjectives), noun.english if english_number == "sg" else noun.english_plural
        )
        choices = determiner.singular if english_number == "sg" else determiner.plural or determiner.singular
        word = self.voice.choose(renderings(choices))
        if key == "definite" and german_number == "pl" and "plain" not in flags and self.voice.chance("bare"):
            word = ""
        if word == "a":
            word = english.indefinite_article(head) if noun.english_number == "count" else ""
        if noun.kind == "unique" and noun.english_number == "mass":
            word = ""
        word = word or numeral[1]
        text = english.join(word, head)
        nom, acc, dat, gen = forms
        result = Phrase(
            (nom, acc, dat, gen), text, text, gender, german_number, english_number, human=human,
            classes=noun.classes | {name},
        )  # fmt: skip
        return result if "plain" in flags else self._extended(result, name, depth)

    def _extended(self, head: Phrase, name: str, depth: int) -> Phrase:
        """The phrase with an attribute or a relative clause after it, or as it is."""
        attributes = self.lexicon.pairs.get(("attribute", name))
        if attributes and depth < 2 and self.chance("attribute"):
            pattern = self.draw(attributes)
            german_text, english_text = self.fill(pattern.german, pattern.english, depth + 1)
            return head.followed(german_text, english_text)
        suited = any(len(self.lexicon.verbs_with(role, head.classes)) for role in ("subject", "passive"))
        if depth < 1 and suited and self.chance("relative"):
            return self._with_relative(head, depth)
        return head
