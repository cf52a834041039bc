"""The lexicon of one domain: its own words, the shared ones, its senses of the ambiguous ones (lexicon/*.txt).

A line gives a German word and its English renderings, the preferred one first. They are kept together as a tuple of
words that differ in their English alone.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from itertools import accumulate
from typing import Generic, TypeVar

from ink.synthetic.english import EnglishVerb
from ink.synthetic.german import GermanVerb
from ink.synthetic.words import Adjective, Noun, Pair, Verb, parse_frame, parse_noun

Item = TypeVar("Item")

DOMAINS = ("general", "medical", "law", "it", "koran")
_FOLDER = "lexicon"
_BETWEEN_RENDERINGS = "; "


class Zipf(Generic[Item]):
    """Items drawn with probability proportional to 1 / (rank + offset) ** exponent, in their order."""

    def __init__(self, items: Sequence[Item], exponent: float = 0.8, offset: float = 2.0) -> None:
        self.items = list(items)
        self._cumulative = list(accumulate((rank + offset) ** -exponent for rank in range(len(self.items))))

    def draw(self, rng: random.Random) -> Item:
        if not self.items:
            raise LookupError("nothing to draw from")
        return rng.choices(self.items, cum_weights=self._cumulative)[0]

    def __len__(self) -> int:
        return len(self.items)


def sections(name: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield (kind, argument, German side, English side) for every entry of lexicon/NAME.txt."""
    text = resources.files(__package__).joinpath(_FOLDER, f"{name}.txt").read_text(encoding="utf-8")
    kind = argument = ""
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("[") and line.endswith("]") and " = " not in line:
            kind, _, argument = (part.strip() for part in line[1:-1].partition(" "))
            continue
        german_side, separator, english_side = line.rpartition(" = ")
        if not separator or not kind:
            raise ValueError(f"lexicon/{name}.txt, line {number}: expected `German = English` under a [section]")
        yield kind, argument, german_side.strip(), english_side.strip()


def renderings(english_side: str) -> list[str]:
    """The English renderings that a line lists, the preferred one first."""
    return [each.strip() for each in english_side.split(_BETWEEN_RENDERINGS)]


def ambiguous() -> Iterator[tuple[str, str, str, str, str]]:
    """Yield (kind, German side, domain, class or frame, English) for every sense in lexicon/ambiguous.txt."""
    for kind, _, german_side, senses in sections("ambiguous"):
        for sense in senses.split("|"):
            what, _, english_side = sense.partition(":")
            domain, _, argument = what.strip().partition(" ")
            yield kind, german_side, domain, argument.strip(), english_side.strip()


class Lexicon:
    """All words one domain may use, by kind and by semantic class."""

    def __init__(self, domain: str) -> None:
        self.domain = domain
        self.weights: dict[str, dict[str, float]] = {}
        self.modals: dict[str, tuple[tuple[str, str, str], ...]] = {}
        self.style: dict[str, str] = {}
        self.verbs: list[tuple[Verb, ...]] = []
        self._nouns: dict[str, list[tuple[Noun, ...]]] = {}
        self._adjectives: dict[str, list[tuple[Adjective, ...]]] = {}
        self._pairs: dict[tuple[str, str], list[tuple[Pair, ...]]] = {}
        for entry in sections(domain):
            self._add(*entry)
        own_nouns = {name: len(items) for name, items in self._nouns.items()}
        own_adjectives = {name: len(items) for name, items in self._adjectives.items()}
        # A domain that sets these settles them altogether; the other weights are completed from shared.txt.
        settled = {name for name in ("pronoun", "determiner", "tense") if name in self.weights}
        for kind, german_side, sense_domain, argument, english_side in ambiguous():
            if sense_domain == domain:
                self._add(kind, argument, german_side, english_side)
        for name, nouns in self._nouns.items():
            _bring_forward(nouns, own_nouns.get(name, 0))
        for name, adjectives in self._adjectives.items():
            _bring_forward(adjectives, own_adjectives.get(name, 0))
        for entry in sections("shared"):
            if entry[:1] != ("weights",) or entry[1] not in settled:
                self._add(*entry)
        self.nouns = {name: Zipf(_mixed(items, f"{domain}/{name}")) for name, items in self._nouns.items()}
        self.adjectives = {name: Zipf(_mixed(items, f"{domain}/{name}")) for name, items in self._adjectives.items()}
        self.pairs = {key: Zipf(items, exponent=0.5) for key, items in self._pairs.items()}
        self.verbs = _mixed(self.verbs, f"{domain}/verbs")
        self.all_verbs = Zipf(self.verbs, exponent=0.5)
        self._verbs_by_role: dict[tuple[str, frozenset[str]], Zipf[tuple[Verb, ...]]] = {}

    def _add(self, kind: str, argument: str, german_side: str, english_side: str) -> None:
        if kind == "noun" or kind == "name":
            classes = frozenset(argument.split())
            nouns = tuple(parse_noun(german_side, each, classes) for each in renderings(english_side))
            for name in argument.split():
                self._nouns.setdefault(name, []).append(nouns)
        elif kind == "verb":
            subjects, complements = parse_frame(argument)
            german_verb = GermanVerb.parse(german_side)
            self.verbs.append(
                tuple(
                    Verb(german_verb, EnglishVerb.parse(each), subjects, complements)
                    for each in renderings(english_side)
                )
            )
        elif kind == "adjective":
            adjectives = tuple(Adjective.parse(german_side, each) for each in renderings(english_side))
            for name in argument.split():
                self._adjectives.setdefault(name, []).append(adjectives)
        elif kind == "weights":
            self.weights.setdefault(argument, {}).setdefault(german_side, float(english_side))
        elif kind == "style":
            self.style.setdefault(german_side, english_side)
        elif kind == "modal":
            self.modals.setdefault(german_side, tuple(_modal(each) for each in renderings(english_side)))
        elif kind in PAIR_KINDS:
            for name in argument.split() or [""]:
                pairs = self._pairs.setdefault((kind, name), [])
                if all(pair.german != german_side for pair, *_ in pairs):
                    pairs.append(tuple(Pair(german_side, each) for each in renderings(english_side)))
        else:
            raise ValueError(f"unknown section [{kind}] in the lexicon of {self.domain}")

    def verbs_with(self, role: str, classes: frozenset[str]) -> Zipf[tuple[Verb, ...]]:
        """Verbs that a noun of one of `classes` suits as subject, object or passive (the subject of a passive)."""
        key = (role, classes)
        if key not in self._verbs_by_role:
            self._verbs_by_role[key] = Zipf(
                [verbs for verbs in self.verbs if classes & verbs[0].wanted(role)], exponent=0.5
            )
        return self._verbs_by_role[key]


PAIR_KINDS = frozenset(
    {
        "adjunct",
        "attribute",
        "modifier",
        "pattern",
        "subordinator",
        "coordinator",
        "stem",
        "ending",
        "title",
    }
)


def _modal(text: str) -> tuple[str, str, str]:
    """Read `must, have to, need to`: in the present, in the past, negated."""
    present, past, negated = (part.strip() for part in text.split(","))
    return present, past, negated


def _bring_forward(items: list[Item], own: int) -> None:
    """Move what follows the first `own` items a third of the way in: neither the rarest nor the commonest."""
    place = own // 3
    items[:] = items[:place] + items[own:] + items[place:own]


def _mixed(items: Sequence[Item], key: str) -> list[Item]:
    """The order of frequency: earlier lines tend to be more frequent; the same for every seed and split."""
    rng = random.Random(key)
    places = [i + rng.random() * len(items) for i in range(len(items))]
    return [items[i] for i in sorted(range(len(items)), key=places.__getitem__)]


@cache
def lexicon(domain: str) -> Lexicon:
    """The lexicon of `domain`, read once."""
    if domain not in DOMAINS:
        raise ValueError(f"unknown domain {domain!r}; there are {', '.join(DOMAINS)}")
    return Lexicon(domain)


def ambiguous_words() -> dict[str, dict[str, str]]:
    """Return German word -> domain -> preferred English, for the words whose English depends on the domain."""
    table: dict[str, dict[str, str]] = {}
    for kind, german_side, domain, _, english_side in ambiguous():
        word = german_side.split(",")[0]
        lemma = word.partition(" ")[2] if kind == "noun" and " " in word else word.replace("~", "")
        table.setdefault(lemma, {})[domain] = renderings(english_side)[0].split(",")[0]
    return table
