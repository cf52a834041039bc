"""Words of the lexicon: what a line of lexicon/*.txt says about one German word and its English."""

from __future__ import annotations

from dataclasses import dataclass

from ink.synthetic import english, german


@dataclass(frozen=True)
class Noun:
    """A noun or a name.

    `kind` is noun, adjectival (der Angeklagte), name (no article, no plural), plural (only a plural, as Eltern) or
    unique (always definite and singular, as die Kommission). The English of a unique one has no article where its
    number is mass. `english_number` is count, mass (information) or plural (data), which the English verb and article
    follow.
    """

    lemma: str
    gender: str
    genitive: str
    plural: str | None
    english: str
    english_plural: str
    english_number: str
    kind: str
    classes: frozenset[str] = frozenset()

    @property
    def mass(self) -> bool:
        """Never counted: takes no indefinite article on either side."""
        return self.plural is None and self.kind == "noun"

    def german(self, case: str, number: str, declension: str) -> str:
        """The declined form; `declension` matters for adjectival nouns."""
        if self.kind == "adjectival":
            return german.adjective(
                self.lemma.removesuffix("e"), declension, "pl" if number == "pl" else self.gender, case
            )
        if self.kind == "name":
            return self.genitive if case == "gen" else self.lemma
        return german.noun(self.lemma, self.gender, self.genitive, self.plural, case, number)

    def compound(self, first_german: str, first_english: str) -> Noun:
        """This noun as the head of a compound."""

        def put(form: str) -> str:
            return first_german + (form if first_german.endswith("-") else form[0].lower() + form[1:])

        return Noun(
            put(self.lemma), self.gender, put(self.genitive), None if self.plural is None else put(self.plural),
            f"{first_english} {self.english}", f"{first_english} {self.english_plural}",
            self.english_number, self.kind, self.classes,
        )  # fmt: skip


def parse_noun(german_side: str, english_side: str, classes: frozenset[str]) -> Noun:
    """Read `der Arzt, -es, Ärzte` and `doctor`; docs/corpus.md lists every form."""
    word, *forms = (part.strip() for part in german_side.split(","))
    singular, *english_forms = (part.strip() for part in english_side.split(","))
    mark = english_forms[0] if english_forms else ""
    english_number = {"-": "mass", "+": "plural"}.get(mark, "count")
    english_plural = mark if english_number == "count" and mark else singular
    if english_number == "count" and not mark:
        english_plural = english.plural(singular)
    determiner, _, lemma = word.partition(" ")
    if determiner not in ("der", "die", "das"):
        gender = forms[0] if forms else "n"
        name_genitive = forms[1] if len(forms) > 1 else word if word[-1] in "sßzx" else word + "s"
        number = english_number if mark == "+" else "count"
        return Noun(word, gender, name_genitive, None, singular, singular, number, "name", classes)
    gender = {"der": "m", "die": "f", "das": "n"}[determiner]
    if forms == ["adj"]:
        return Noun(lemma, gender, lemma, lemma, singular, english_plural, english_number, "adjectival", classes)
    if forms[-1:] == ["def"]:
        genitive = _form(lemma, forms[0]) if len(forms) > 1 else lemma
        return Noun(lemma, gender, genitive or lemma, None, singular, singular, english_number, "unique", classes)
    if forms == ["pl"]:
        return Noun(lemma, gender, lemma, lemma, singular, singular, english_number, "plural", classes)
    if gender == "f" and len(forms) == 1:
        forms = ["", forms[0]]
    if len(forms) != 2:
        raise ValueError(f"{german_side!r}: give genitive and plural, or adj, or pl")
    genitive, plural = (_form(lemma, form) for form in forms)
    return Noun(lemma, gender, genitive or lemma, plural, singular, english_plural, english_number, "noun", classes)


def _form(lemma: str, form: str) -> str | None:
    """`-s` is an ending, `=` the same word, `-` none, anything else the form itself."""
    if form in ("", "="):
        return lemma
    if form == "-":
        return None
    return lemma + form[1:] if form.startswith("-") else form


@dataclass(frozen=True)
class Complement:
    """What a verb wants beside its subject.

    - `kind`: a case (acc, dat), a preposition with its case (`auf acc`), clause (dass) or zu (an infinitive)
    - `preposition`: the English one before it, empty for a bare object
    - `passive`: false for `only-acc` (bekommen)
    """

    kind: str
    classes: tuple[str, ...]
    preposition: str = ""
    passive: bool = True


@dataclass(frozen=True)
class Verb:
    """A German verb, the English one and the frame they share."""

    german: german.GermanVerb
    english: english.EnglishVerb
    subjects: tuple[str, ...]
    complements: tuple[Complement, ...]

    @property
    def object(self) -> Complement | None:
        """The accusative object, which becomes the subject of a passive."""
        return next((each for each in self.complements if each.kind == "acc"), None)

    def wanted(self, role: str) -> frozenset[str]:
        """Classes that suit a role: subject, object or passive (the object as subject of a passive)."""
        if role == "subject":
            return frozenset(self.subjects)
        target = self.object
        if target is None or (role == "passive" and (not target.passive or self.german.reflexive)):
            return frozenset()
        return frozenset(target.classes)


def parse_frame(text: str) -> tuple[tuple[str, ...], tuple[Complement, ...]]:
    """Read `doctor/nurse > dat patient, acc drug, auf acc event (for)`."""
    subjects, _, rest = text.partition(">")
    complements = []
    for part in (part.strip() for part in rest.split(",") if part.strip()):
        part, _, preposition = part.partition("(")
        words = part.split()
        if words[0] == "clause" or (words[0] == "zu" and words[1:2] not in ([case] for case in german.CASES)):
            complements.append(Complement(words[0], tuple(words[1].split("/")) if words[1:] else ()))
            continue
        kind = " ".join(words[:-1])
        if not kind or kind.split()[-1] not in (*german.CASES, "only-acc"):
            raise ValueError(f"{text!r}: {part!r} needs a case and a class")
        passive = kind != "only-acc"
        kind = "acc" if kind == "only-acc" else kind
        complements.append(Complement(kind, tuple(words[-1].split("/")), preposition.strip(" )"), passive))
    return tuple(subjects.strip().split("/")), tuple(complements)


@dataclass(frozen=True)
class Adjective:
    """An adjective; `stem` is what endings are put on (hoh- for hoch)."""

    german: str
    stem: str
    english: str

    @classmethod
    def parse(cls, german_side: str, english_side: str) -> Adjective:
        """Read `neu` or `hoch, hoh`."""
        word, _, stem = (part.strip() for part in german_side.partition(","))
        return cls(word, stem or word, english_side)


@dataclass(frozen=True)
class Pair:
    """German and English of anything without morphology of its own; may hold slots, see patterns.py."""

    german: str
    english: str
