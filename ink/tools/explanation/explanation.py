"""What an explanation is: of every token of a translation, its probability's parts and its neighbours."""

from __future__ import annotations

from dataclasses import dataclass

from ink.tools.explanation.subwords import Subword
from ink.tools.explanation.training_pairs import Occurrence


@dataclass(frozen=True)
class Neighbour:
    """A retrieved entry: squared L2 distance, share of p_kNN, whether its value is the chosen token, its origin."""

    distance: float
    share: float
    agrees: bool
    occurrence: Occurrence


@dataclass(frozen=True)
class Token:
    """A token of the translation: p = interpolation p_knn + (1 - interpolation) p_nmt.

    - neighbours: the nearest, nearest first, as many as are to be shown
    - found: how many were retrieved in all
    - agreeing: how many of those found have this token as their value
    - rest: the share of p_kNN of those that are not in `neighbours`
    """

    subword: Subword
    p: float
    p_knn: float
    p_nmt: float
    interpolation: float
    neighbours: tuple[Neighbour, ...]
    found: int
    agreeing: int
    rest: float


@dataclass(frozen=True)
class Piece:
    """What was translated at one go: a whole line, or a part of one too long for the model. source: its text."""

    source: str
    translation: str
    score: float
    tokens: tuple[Token, ...]

    @property
    def words(self) -> list[list[tuple[int, Token]]]:
        """The tokens with their numbers from 1, those of one word together."""
        grouped: list[list[tuple[int, Token]]] = []
        for number, token in enumerate(self.tokens, start=1):
            if token.subword.joined_before and grouped:
                grouped[-1].append((number, token))
            else:
                grouped.append([(number, token)])
        return grouped


@dataclass(frozen=True)
class Explanation:
    """An input line, its number from 1, and its translation; score: the mean of the pieces' scores."""

    number: int
    source: str
    translation: str
    score: float
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class ExplainedSystem:
    """The system that is explained: its label and name, the experiment and domain, k, and its seed if it has one."""

    experiment: str
    label: str
    system: str
    domain: str
    seed: int | None
    k: int
    source_language: str
    target_language: str

    def __str__(self) -> str:
        """Describe the system on one line."""
        seed = "" if self.seed is None else f", seed {self.seed}"
        name = "" if self.label == self.system else f" ({self.system})"
        return f"{self.label}{name}, domain {self.domain}{seed}, experiment {self.experiment}"


SMALLEST = 0.001


def probability(p: float) -> str:
    """Return a probability or share with three decimals; what these would turn into 0 is called less than 0.001."""
    return f"<{SMALLEST}" if 0 < p < SMALLEST else f"{p:.3f}"


def distance(d: float) -> str:
    """Return a squared distance with two decimals, without where it has four digits before the point."""
    return f"{d:.2f}" if d < 1000 else f"{d:.0f}"
