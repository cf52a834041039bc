"""English morphology: plurals, articles, verb forms, do-support."""

from __future__ import annotations

import re
from dataclasses import dataclass

_VOWELS = "aeiou"
_SOUNDS_CONSONANT = ("uni", "unan", "usa", "use", "usu", "eu", "one", "uti", "uri", "ure")
_SOUNDS_VOWEL = ("hour", "honest", "honour", "heir")
_LETTERS_WITH_VOWEL = "AEFHILMNORSX"

# irregular verbs whose last consonant is doubled before -ing
_DOUBLED = ("begin", "cut", "forbid", "forget", "get", "put", "quit", "reset", "run", "set", "shut", "sit", "unset")
_BE = {("present", 1, "sg"): "am", ("present", 3, "sg"): "is", ("past", 1, "sg"): "was", ("past", 3, "sg"): "was"}
_PLAIN_AUXILIARIES = frozenset({"can", "could", "may", "might", "must", "ought", "shall", "should", "will", "would"})


def indefinite_article(following: str) -> str:
    """a or an, by the sound that `following` begins with."""
    word = re.split(r"[\s-]", following, maxsplit=1)[0]
    if word.isupper() and (len(word) > 1 or following[1:2] == "-"):
        return "an" if word[0] in _LETTERS_WITH_VOWEL else "a"
    lowered = word.lower()
    if lowered.startswith(_SOUNDS_VOWEL):
        return "an"
    if lowered.startswith(("unin", "unim", "unid")):
        return "an"
    return "a" if lowered.startswith(_SOUNDS_CONSONANT) or lowered[0] not in _VOWELS else "an"


def plural(noun: str) -> str:
    """The regular plural of a noun's last word."""
    if re.search(r"[^aeiou]y$", noun):
        return noun[:-1] + "ies"
    if re.search(r"(s|x|z|ch|sh)$", noun):
        return noun + "es"
    return noun + "s"


def third_person(verb: str) -> str:
    """The third person singular of a full verb."""
    if verb == "have":
        return "has"
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ies"
    return verb + ("es" if re.search(r"(s|x|z|ch|sh|o)$", verb) else "s")


def regular_past(verb: str) -> str:
    """The regular past of a full verb."""
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ied"
    return verb + ("d" if verb.endswith("e") else "ed")


@dataclass(frozen=True)
class EnglishVerb:
    """A verb with what follows it before its object: switch + off, be + located."""

    base: str
    rest: str
    past: str
    participle: str

    @classmethod
    def parse(cls, text: str) -> EnglishVerb:
        """Read `treat`, `carry out` or `take off, took, taken`."""
        parts = [part.strip() for part in text.split(",")]
        base, _, rest = parts[0].partition(" ")
        if base == "be":
            return cls(base, rest, "was", "been")
        past = parts[1] if len(parts) > 1 else regular_past(base)
        return cls(base, rest, past, parts[2] if len(parts) > 2 else past)

    @property
    def gerund(self) -> str:
        """The -ing form with the rest of the verb."""
        base = self.base
        if base.endswith("ie"):
            form = base[:-2] + "ying"
        elif base.endswith("e") and base != "be" and not base.endswith(("ee", "oe", "ye")):
            form = base[:-1] + "ing"
        elif self.past == f"{base}{base[-1]}ed" or base in _DOUBLED:
            form = f"{base}{base[-1]}ing"
        else:
            form = base + "ing"
        return join(form, self.rest)

    @property
    def infinitive(self) -> str:
        return join(self.base, self.rest)

    @property
    def passive(self) -> str:
        return join(self.participle, self.rest)


def join(*words: str) -> str:
    """The words that are not empty, one space between."""
    return " ".join(word for word in words if word)


def be(tense: str, person: int, number: str) -> str:
    """A finite form of be."""
    if (tense, person, number) in _BE:
        return _BE[tense, person, number]
    return "are" if tense == "present" else "were"


def finite(verb: EnglishVerb, tense: str, person: int, number: str) -> str:
    """A finite form of a full verb without what follows it."""
    if verb.base == "be":
        return be(tense, person, number)
    if tense == "past":
        return verb.past
    return third_person(verb.base) if (person, number) == (3, "sg") else verb.base


def predicate(
    verb: EnglishVerb,
    *,
    tense: str,
    person: int,
    number: str,
    modal: str = "",
    passive: bool = False,
    negated: bool = False,
    inverted: bool = False,
    adverb: str = "",
) -> tuple[str, str]:
    """The predicate as (what stands before an inverted subject, the rest); the first is empty without inversion.

    `tense` is present, past or perfect (has done); `modal` is a word such as `can` or a phrase such as `have to`;
    `adverb` (always, often) stands before the full verb and after an auxiliary.
    """
    head, tail = _chain(verb, tense, modal, passive)
    tense = "present" if tense == "perfect" else tense
    negation = "not" if negated else ""
    tail = join(adverb, tail)
    if head.base in _PLAIN_AUXILIARIES:
        first = head.base
    elif head.base == "be" or (head.base == "have" and head.rest == "auxiliary"):
        first = finite(head, tense, person, number)
    elif negated or inverted:
        first = finite(EnglishVerb("do", "", "did", "done"), tense, person, number)
        tail = join(adverb, head.base, tail.removeprefix(adverb).strip())
    else:
        return "", join(adverb, finite(head, tense, person, number), tail.removeprefix(adverb).strip())
    if inverted:
        return first, join(negation, tail)
    return "", join("cannot", tail) if negated and first == "can" else join(first, negation, tail)


def _chain(verb: EnglishVerb, tense: str, modal: str, passive: bool) -> tuple[EnglishVerb, str]:
    """The verb that carries the tense, and everything after it."""
    if modal:
        word, _, rest = modal.partition(" ")
        tail = join(rest, "be", verb.passive) if passive else join(rest, verb.infinitive)
        past = word if word in _PLAIN_AUXILIARIES else "had" if word == "have" else regular_past(word)
        return EnglishVerb(word, "", past, ""), tail
    if tense == "perfect":
        tail = join("been", verb.passive) if passive else verb.passive
        return EnglishVerb("have", "auxiliary", "had", "had"), tail
    if passive:
        return EnglishVerb("be", "", "was", "been"), verb.passive
    return verb, verb.rest
