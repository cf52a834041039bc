"""The Pareto front against a slow version that compares every pair."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ink.results.pareto import pareto_front

# few values, so that ties are frequent, and any finite ones
COORDINATES = st.integers(0, 4).map(float) | st.floats(allow_nan=False, allow_infinity=False)
POINTS = st.lists(st.tuples(COORDINATES, COORDINATES), max_size=25)


def slow_front(points: list[tuple[float, float]]) -> set[int]:
    """Those that no other is at least as high as in both, and higher than in one."""
    return {
        place
        for place, (x, y) in enumerate(points)
        if not any(other_x >= x and other_y >= y and (other_x > x or other_y > y) for other_x, other_y in points)
    }


@given(POINTS)
def test_it_is_that_of_all_pairs(points: list[tuple[float, float]]) -> None:
    front = pareto_front(points)
    assert set(front) == slow_front(points) and len(set(front)) == len(front)
    assert [points[place] for place in front] == sorted((points[place] for place in front), key=lambda point: -point[0])


@given(POINTS, st.randoms(use_true_random=False))
def test_the_order_of_the_points_does_not_matter(points: list[tuple[float, float]], random: object) -> None:
    shuffled = list(points)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert sorted(points[place] for place in pareto_front(points)) == sorted(
        shuffled[place] for place in pareto_front(shuffled)
    )


def test_by_hand() -> None:
    points = [(20.0, -5.0), (23.0, -1.0), (16.0, 0.0), (23.0, -1.0), (23.0, -2.0), (10.0, 0.0)]
    assert pareto_front(points) == [1, 3, 2]
    assert pareto_front([]) == []


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_what_is_no_finite_number_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="no finite number"):
        pareto_front([(1.0, 2.0), (1.0, wrong)])
