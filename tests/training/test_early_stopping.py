"""When training stops and what is averaged, on curves worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ink.training.early_stopping import Stopping, best_round, select_rounds


def curve(*scores: float) -> list[dict[str, Any]]:
    return [{"round": number, "dev_bleu": score} for number, score in enumerate(scores, start=1)]


@pytest.mark.parametrize(
    ("scores", "best"),
    [((3.0,), 1), ((1.0, 2.0, 3.0), 3), ((1.0, 3.0, 2.0), 2), ((3.0, 3.0, 3.0), 1), ((0.0, 2.0, 1.0, 2.0), 2)],
)
def test_the_best_round_is_the_first_of_equals(scores: tuple[float, ...], best: int) -> None:
    assert best_round(curve(*scores)) == best


@pytest.mark.parametrize(
    ("scores", "patience", "stops"),
    [
        ((), 1, False),
        ((1.0,), 1, False),
        ((1.0, 0.9), 1, True),
        ((1.0, 1.0), 1, True),  # as good is no improvement
        ((1.0, 1.1), 1, False),
        ((2.0, 1.0), 2, False),
        ((2.0, 1.0, 1.9), 2, True),
        ((2.0, 1.0, 2.1, 1.0), 2, False),
        ((2.0, 1.0, 2.1, 1.0, 2.1), 2, True),
    ],
)
def test_training_stops_after_patience_rounds_without_a_better_one(
    scores: tuple[float, ...], patience: int, stops: bool
) -> None:
    assert Stopping(99, patience).has_run_out(curve(*scores)) is stops


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ((3.0, 3.0, 3.0), 3),
        ((0.0, 2.0, 1.0, 2.0), 4),
        ((2.0, 1.996, 1.0), 2),  # both are 2.00
        ((2.0, 1.994, 1.0), 1),
        ((1.996, 2.004), 2),
        ((2.004, 1.996), 2),
    ],
)
def test_as_released_the_best_is_the_last_of_equals_to_two_places(scores: tuple[float, ...], best: int) -> None:
    history = curve(*scores)
    assert best_round(history, "released") == best
    assert select_rounds(history, 1, "released").best == best
    assert select_rounds(history, 1, "released").averaged == sorted({best, len(scores)})
    # `patience` rounds after the best one it stops, and no sooner
    assert Stopping(99, max(1, len(scores) - best), "released").has_run_out(history) is (best < len(scores))
    assert not Stopping(99, len(scores) - best + 1, "released").has_run_out(history)


@pytest.mark.parametrize(
    ("scores", "average_last", "rounds"),
    [
        ((1.0, 2.0, 3.0, 4.0, 5.0, 6.0), 5, [2, 3, 4, 5, 6]),
        ((9.0, 2.0, 3.0, 4.0, 5.0, 6.0), 5, [1, 2, 3, 4, 5, 6]),
        ((1.0, 2.0, 9.0, 4.0, 5.0, 6.0), 5, [2, 3, 4, 5, 6]),
        ((1.0, 2.0), 5, [1, 2]),
        ((1.0, 9.0, 1.0, 1.0), 1, [2, 4]),
        ((1.0,), 1, [1]),
    ],
)
def test_the_last_rounds_and_the_best_are_averaged_once_each(
    scores: tuple[float, ...], average_last: int, rounds: list[int]
) -> None:
    assert select_rounds(curve(*scores), average_last).averaged == rounds


@given(st.lists(st.integers(0, 5), min_size=1, max_size=15), st.integers(1, 6), st.integers(1, 6))
def test_a_run_that_stops_has_its_best_round_patience_ago(scores: list[int], patience: int, last: int) -> None:
    history = curve(*map(float, scores))
    for length in range(1, len(history) + 1):
        if Stopping(99, patience).has_run_out(history[:length]):
            assert length - best_round(history[:length]) == patience
            history = history[:length]
            break
    averaged = select_rounds(history, last).averaged
    assert best_round(history) in averaged
    assert {entry["round"] for entry in history[-last:]} <= set(averaged)
    assert len(averaged) <= last + 1
