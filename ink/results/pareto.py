"""The Pareto front: points that no other point beats."""

from __future__ import annotations

import math
from collections.abc import Sequence


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """List the places of the points on the front, the highest first coordinate first; of both, more is better.

    A point is on the front unless another is at least as high in both coordinates and higher in one. Equal points are
    on it together. Sorts once: O(n log n). ValueError where a coordinate is no finite number.
    """
    if not all(map(math.isfinite, (value for point in points for value in point))):
        raise ValueError("a point of a Pareto front has a coordinate that is no finite number")
    front: list[int] = []
    for place in sorted(range(len(points)), key=lambda place: (-points[place][0], -points[place][1], place)):
        # those before it are at least as high in the first coordinate, so that the highest of their second decides
        if not front or points[place][1] > points[front[-1]][1] or points[place] == points[front[-1]]:
            front.append(place)
    return front
