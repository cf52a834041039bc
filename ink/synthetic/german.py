"""German morphology: declension of articles, adjectives, nouns and pronouns; conjugation of verbs."""

from __future__ import annotations

from dataclasses import dataclass

CASES = ("nom", "acc", "dat", "gen")
GENDERS = ("m", "f", "n", "pl")

_DEFINITE = {
    "m": ("der", "den", "dem", "des"),
    "f": ("die", "die", "der", "der"),
    "n": ("das", "das", "dem", "des"),
    "pl": ("die", "die", "den", "der"),
}
_RELATIVE = {**_DEFINITE, "m": ("der", "den", "dem", "dessen"), "pl": ("die", "die", "denen", "deren")}
_DER_WORD = {
    "m": ("er", "en", "em", "es"),
    "f": ("e", "e", "er", "er"),
    "n": ("es", "es", "em", "es"),
    "pl": ("e", "e", "en", "er"),
}
_EIN_WORD = {**_DER_WORD, "m": ("", "en", "em", "es"), "n": ("", "", "em", "es")}
_STRONG = {
    "m": ("er", "en", "em", "en"),
    "f": ("e", "e", "er", "er"),
    "n": ("es", "es", "em", "en"),
    "pl": ("e", "e", "en", "er"),
}
_WEAK = {
    "m": ("e", "en", "en", "en"),
    "f": ("e", "e", "en", "en"),
    "n": ("e", "e", "en", "en"),
    "pl": ("en", "en", "en", "en"),
}
_MIXED = {**_WEAK, "m": ("er", "en", "en", "en"), "n": ("es", "es", "en", "en")}
_ADJECTIVE = {"strong": _STRONG, "weak": _WEAK, "mixed": _MIXED}

_CONTRACTIONS = {
    "in dem": "im", "an dem": "am", "bei dem": "beim", "von dem": "vom", "zu dem": "zum", "zu der": "zur",
    "in das": "ins",
}  # fmt: skip

_INSEPARABLE = ("be", "emp", "ent", "er", "ge", "miss", "ver", "zer", "über", "unter", "wider", "voll", "hinter")
_REFLEXIVE = ("mich", "dich", "sich", "uns", "euch", "sich")


def article(gender: str, case: str) -> str:
    """The definite article; `gender` is m, f, n or pl, `case` nom, acc, dat or gen."""
    return _DEFINITE[gender][CASES.index(case)]


def relative_pronoun(gender: str, case: str) -> str:
    """The relative pronoun der, die, das."""
    return _RELATIVE[gender][CASES.index(case)]


def der_word(stem: str, gender: str, case: str) -> str:
    """A determiner declined like dieser: `stem` is dies, jed, all, ..."""
    return stem + _DER_WORD[gender][CASES.index(case)]


def ein_word(stem: str, gender: str, case: str) -> str:
    """A determiner declined like ein: `stem` is ein, kein, sein, unser, ..."""
    ending = _EIN_WORD[gender][CASES.index(case)]
    return ("eur" if stem == "euer" and ending else stem) + ending


def adjective(stem: str, declension: str, gender: str, case: str) -> str:
    """An attributive adjective; `declension` is strong (no article), weak (after der) or mixed (after ein)."""
    ending = _ADJECTIVE[declension][gender][CASES.index(case)]
    return stem.removesuffix("e") + ending if stem.endswith("e") else stem + ending


def noun(lemma: str, gender: str, genitive: str, plural: str | None, case: str, number: str) -> str:
    """A declined noun; a masculine whose genitive ends in -(e)n is weak: all but the nominative is as the genitive."""
    if number == "pl":
        if plural is None:
            raise ValueError(f"{lemma} has no plural")
        return plural + "n" if case == "dat" and plural[-1] not in "ns" else plural
    if case == "gen":
        return genitive
    if gender == "m" and case != "nom" and genitive in (lemma + "n", lemma + "en"):
        return genitive
    if gender == "m" and case != "nom" and genitive == lemma + "ns":
        return genitive.removesuffix("s")
    return lemma


def contract(preposition: str, phrase: str) -> str:
    """Preposition and noun phrase, in + dem becoming im and so on."""
    first, _, rest = phrase.partition(" ")
    short = _CONTRACTIONS.get(f"{preposition.lower()} {first}")
    if preposition[0].isupper() and short:
        short = short.capitalize()
    return f"{short} {rest}" if short and rest else f"{preposition} {phrase}"


def _needs_e(stem: str) -> bool:
    if stem[-1] in "dt":
        return True
    return stem[-1] in "mn" and len(stem) > 2 and (stem[-2] in "fgdtbpkm" or stem[-3:-1] == "ch") and stem[-2:] != "mm"


@dataclass(frozen=True)
class GermanVerb:
    """A verb by its principal parts; `prefix` is the separable one or empty, the other parts come without it."""

    infinitive: str
    prefix: str
    third: str
    preterite: str
    participle: str
    auxiliary: str
    reflexive: bool = False

    @classmethod
    def parse(cls, text: str) -> GermanVerb:
        """Read `kaufen` (weak), `auf~nehmen, nimmt, nahm, genommen`, `sich irren`; `ist gegangen` means sein."""
        reflexive = text.startswith("sich ")
        parts = [part.strip() for part in text.removeprefix("sich ").split(",")]
        prefix, _, infinitive = parts[0].rpartition("~")
        stem = infinitive[:-2] if infinitive.endswith("en") else infinitive[:-1]
        link = "e" if _needs_e(stem) else ""
        auxiliary = "haben"
        if parts[-1].startswith("ist"):
            auxiliary = "sein"
            parts[-1] = parts[-1].removeprefix("ist").strip()
        parts = [part for part in parts if part]
        if len(parts) == 1:
            bare = infinitive.endswith("ieren") or infinitive.startswith(_INSEPARABLE)
            participle = ("" if bare else "ge") + stem + link + "t"
            return cls(
                infinitive, prefix, stem + link + "t", stem + link + "te", prefix + participle, auxiliary, reflexive
            )
        if len(parts) != 4:
            raise ValueError(f"{text!r}: a strong verb needs infinitive, third person, preterite, participle")
        return cls(infinitive, prefix, parts[1], parts[2], prefix + parts[3], auxiliary, reflexive)

    @property
    def full_infinitive(self) -> str:
        return self.prefix + self.infinitive

    @property
    def zu_infinitive(self) -> str:
        """anzurufen, zu kaufen."""
        return f"{self.prefix}zu{self.infinitive}" if self.prefix else f"zu {self.infinitive}"

    def present(self, person: int, number: str) -> str:
        """The finite present without the separable prefix; `person` 1 to 3, `number` sg or pl."""
        stem = self.infinitive[:-2] if self.infinitive.endswith("en") else self.infinitive[:-1]
        if number == "pl":
            return stem + ("et" if _needs_e(stem) else "t") if person == 2 else self.infinitive
        if person == 3:
            return self.third
        if person == 1:
            return stem[:-2] + "le" if self.infinitive.endswith("eln") else stem + "e"
        root = self.third.removesuffix("t")
        if root.endswith(("s", "ß", "z", "x")):
            return self.third
        changed_dental = _needs_e(stem) and not self.third.endswith("et")
        return self.third + "st" if changed_dental and not root.endswith("t") else root + "st"

    def past(self, person: int, number: str) -> str:
        """The finite preterite without the separable prefix."""
        return preterite(self.preterite, person, number)


def preterite(base: str, person: int, number: str) -> str:
    """A finite form of the preterite whose first person singular is `base`: kaufte, ging, wurde."""
    if base.endswith("e"):
        return base + {(2, "sg"): "st", (1, "pl"): "n", (2, "pl"): "t", (3, "pl"): "n"}.get((person, number), "")
    link = "e" if base[-1] in "dtsßz" else ""
    endings = {(2, "sg"): link + "st", (1, "pl"): "en", (2, "pl"): link + "t", (3, "pl"): "en"}
    return base + endings.get((person, number), "")


# lemma: the six forms of the present, the preterite
_IRREGULAR = {
    "sein": (("bin", "bist", "ist", "sind", "seid", "sind"), "war"),
    "haben": (("habe", "hast", "hat", "haben", "habt", "haben"), "hatte"),
    "werden": (("werde", "wirst", "wird", "werden", "werdet", "werden"), "wurde"),
    "können": (("kann", "kannst", "kann", "können", "könnt", "können"), "konnte"),
    "müssen": (("muss", "musst", "muss", "müssen", "müsst", "müssen"), "musste"),
    "sollen": (("soll", "sollst", "soll", "sollen", "sollt", "sollen"), "sollte"),
    "dürfen": (("darf", "darfst", "darf", "dürfen", "dürft", "dürfen"), "durfte"),
    "wollen": (("will", "willst", "will", "wollen", "wollt", "wollen"), "wollte"),
}


def auxiliary(lemma: str, tense: str, person: int, number: str) -> str:
    """A finite form of sein, haben, werden or a modal verb; `tense` is present or past."""
    present, past = _IRREGULAR[lemma]
    return present[person - 1 + (3 if number == "pl" else 0)] if tense == "present" else preterite(past, person, number)


def reflexive_pronoun(person: int, number: str) -> str:
    """mich, dich, sich, ..."""
    return _REFLEXIVE[person - 1 + (3 if number == "pl" else 0)]
