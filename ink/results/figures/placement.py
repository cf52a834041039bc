"""Where labels stand: beside what they name, clear of one another and of what is drawn, the same every time.

Each label has candidates, cheapest first in what its place costs in itself. One label after the other takes the
cheapest that is left, and then each in turn moves where that is cheaper, until none does. That depends on who comes
first: several orders are tried and the cheapest outcome is taken. Lengths are pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float]
Segment = tuple[Point, Point]

# What a place costs, beside its distance in pixels: on another label, on a mark, across what is drawn.
_OUTSIDE, _ON_LABEL, _ON_MARK, _CUTS_LABEL, _CROSSES, _ON_LINE, _CROSSES_LINE = 1e9, 1e7, 1e6, 1e5, 200.0, 60.0, 20.0
# and where another mark is nearer than its own, or not this much further away
_NEARER_TO_ANOTHER, _FURTHER = 60.0, 4.0
_DIRECTIONS = 16
_SWEEPS = 12


@dataclass(frozen=True)
class Box:
    """An upright rectangle."""

    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, other: Box, margin: float = 0.0) -> bool:
        """Whether the two share area, or come nearer than `margin`."""
        return (
            self.left < other.right + margin
            and other.left < self.right + margin
            and self.bottom < other.top + margin
            and other.bottom < self.top + margin
        )

    def contains(self, other: Box) -> bool:
        """Whether the other one lies within."""
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.bottom <= other.bottom
            and other.top <= self.top
        )

    def nearest(self, point: Point) -> Point:
        """Return the point of the rectangle that is nearest to `point`."""
        x, y = point
        return min(max(x, self.left), self.right), min(max(y, self.bottom), self.top)

    def is_crossed_by(self, segment: Segment) -> bool:
        """Whether part of the segment lies within (Liang and Barsky 1984)."""
        (x, y), (to_x, to_y) = segment
        start, end = 0.0, 1.0
        for origin, step, low, high in ((x, to_x - x, self.left, self.right), (y, to_y - y, self.bottom, self.top)):
            if step == 0:
                if not low < origin < high:
                    return False
                continue
            enter, leave = sorted(((low - origin) / step, (high - origin) / step))
            start, end = max(start, enter), min(end, leave)
        return start < end


@dataclass(frozen=True)
class Candidate:
    """A place for a label: its rectangle, what it costs in itself, the mark's centre, and the line that leads to it."""

    box: Box
    cost: float
    centre: Point | None = None
    leader: Segment | None = None


def around(
    point: Point, width: float, height: float, clearance: float, step: float, weight: float = 1.0
) -> list[Candidate]:
    """List places around a mark of radius `clearance`, in rings `step` apart; those further away have a leader.

    `weight`: how dear distance is to this label.
    """
    candidates = []
    for ring in range(12):
        distance = clearance + (0.3 + ring) * step
        for turn in range(_DIRECTIONS):
            angle = 2 * math.pi * turn / _DIRECTIONS
            x = point[0] + math.cos(angle) * (distance + width / 2)
            y = point[1] + math.sin(angle) * (distance + height / 2)
            box = Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
            end = box.nearest(point)
            gap = math.dist(point, end)
            leader = (point, end) if gap > clearance + step else None
            candidates.append(Candidate(box, weight * gap + 0.01 * turn, point, leader))
    return sorted(candidates, key=lambda candidate: candidate.cost)


def along(height_of_line: float, frame: Box, width: float, height: float, gap: float) -> list[Candidate]:
    """List places just above and below a horizontal line across the frame, from its left end to its right."""
    candidates = []
    room = frame.right - frame.left - width - 2 * gap
    for place in range(21):
        left = frame.left + gap + room * place / 20
        for cost, bottom in ((0.0, height_of_line + gap), (0.5, height_of_line - gap - height)):
            candidates.append(Candidate(Box(left, bottom, left + width, bottom + height), place + cost))
    return sorted(candidates, key=lambda candidate: candidate.cost)


def place(
    labels: Sequence[Sequence[Candidate]], marks: Sequence[Box], lines: Sequence[Segment], frame: Box, margin: float
) -> list[Candidate]:
    """Choose a candidate for each label: within `frame`, `margin` from other labels and from `marks`, off `lines`.

    Where there is no such place it is the least bad one.
    """
    priced = [[(_price(candidate, marks, lines, frame, margin), candidate) for candidate in those] for those in labels]
    forward = range(len(labels))
    rightward = sorted(forward, key=lambda number: labels[number][0].box.left)
    outcomes = [_settled(priced, order, margin) for order in (forward, forward[::-1], rightward, rightward[::-1])]
    return min(outcomes, key=lambda outcome: outcome[0])[1]


def _settled(
    priced: Sequence[Sequence[tuple[float, Candidate]]], order: Sequence[int], margin: float
) -> tuple[float, list[Candidate]]:
    """Let the labels choose in this order until none moves; return what all places cost together, and the places."""
    chosen: dict[int, tuple[float, Candidate]] = {}
    for _ in range(_SWEEPS):
        before = dict(chosen)
        for number in order:
            others = [other for place, (_, other) in chosen.items() if place != number]
            chosen[number] = _cheapest(priced[number], others, margin)
        if chosen == before:
            break
    return sum(price for price, _ in chosen.values()), [chosen[number][1] for number in range(len(priced))]


def _cheapest(
    priced: Sequence[tuple[float, Candidate]], others: Sequence[Candidate], margin: float
) -> tuple[float, Candidate]:
    best, least = priced[0][1], math.inf
    for price, candidate in priced:
        if price < least:
            price += sum(_between(candidate, other, margin) for other in others)
        if price < least:
            best, least = candidate, price
    return least, best


def _price(candidate: Candidate, marks: Sequence[Box], lines: Sequence[Segment], frame: Box, margin: float) -> float:
    price = candidate.cost
    if not frame.contains(candidate.box):
        price += _OUTSIDE
    price += _ON_MARK * sum(candidate.box.overlaps(mark, margin) for mark in marks)
    price += _ON_LINE * sum(candidate.box.is_crossed_by(line) for line in lines)
    if candidate.leader is not None:
        price += _CROSSES_LINE * sum(_cross(candidate.leader, line) for line in lines)
    if candidate.centre is not None:
        own = math.dist(candidate.box.nearest(candidate.centre), candidate.centre)
        for mark in marks:
            centre = ((mark.left + mark.right) / 2, (mark.bottom + mark.top) / 2)
            closer = own + _FURTHER - math.dist(candidate.box.nearest(centre), centre)
            if centre != candidate.centre and closer > 0:
                price += _NEARER_TO_ANOTHER * min(1.0, closer / _FURTHER)
            if candidate.leader is not None and mark.nearest(candidate.centre) != candidate.centre:
                price += _CROSSES * mark.is_crossed_by(candidate.leader)
    return price


def _between(candidate: Candidate, other: Candidate, margin: float) -> float:
    price = _ON_LABEL * candidate.box.overlaps(other.box, margin)
    for leader, box in ((candidate.leader, other.box), (other.leader, candidate.box)):
        if leader is not None:
            price += _CUTS_LABEL * box.is_crossed_by(leader)
    if candidate.leader is not None and other.leader is not None and _cross(candidate.leader, other.leader):
        price += _CROSSES
    return price


def _cross(first: Segment, second: Segment) -> bool:
    def side(start: Point, end: Point, point: Point) -> float:
        return (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])

    return (
        side(*first, second[0]) * side(*first, second[1]) < 0 and side(*second, first[0]) * side(*second, first[1]) < 0
    )
