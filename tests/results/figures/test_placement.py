"""Labels placed by hand-made candidates, and around many marks."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ink.results.figures.placement import Box, Candidate, along, around, place

FRAME = Box(0, 0, 600, 400)


def test_boxes() -> None:
    box = Box(0, 0, 10, 10)
    assert box.overlaps(Box(9, 9, 20, 20))
    assert not box.overlaps(Box(10, 0, 20, 10))  # sharing an edge shares no area
    assert box.overlaps(Box(12, 0, 20, 10), margin=3) and not box.overlaps(Box(13, 0, 20, 10), margin=3)
    assert box.contains(Box(0, 1, 10, 9)) and not box.contains(Box(0, 1, 11, 9))
    assert box.nearest((15, 5)) == (10, 5) and box.nearest((-3, 14)) == (0, 10) and box.nearest((4, 4)) == (4, 4)
    for through in (((-5, 5), (15, 5)), ((-1, -1), (1, 1)), ((5, 5), (5, 50)), ((2, 2), (3, 3))):
        assert box.is_crossed_by(through)
    for past in (((-5, 11), (15, 11)), ((-5, 5), (-1, 5)), ((-2, 9), (2, 13)), ((12, -5), (12, 20))):
        assert not box.is_crossed_by(past)


def test_a_label_takes_the_cheapest_place_that_is_free() -> None:
    near, far = Candidate(Box(10, 10, 30, 20), 1.0), Candidate(Box(100, 10, 120, 20), 5.0)
    assert place([[near, far]], [], [], FRAME, 1) == [near]
    assert place([[near, far]], [Box(25, 15, 27, 17)], [], FRAME, 1) == [far]  # a mark
    assert place([[near, far]], [], [((0, 15), (40, 15))], FRAME, 1) == [far]  # a line
    assert place([[near, far]], [], [], Box(50, 0, 600, 400), 1) == [far]  # outside
    # two want the same place: the one for which giving way costs less does, whoever comes first
    dearer = Candidate(Box(100, 10, 120, 20), 50.0)
    assert place([[near, far], [near, dearer]], [], [], FRAME, 1) == [far, near]
    assert place([[near, dearer], [near, far]], [], [], FRAME, 1) == [near, far]


def test_nothing_free_takes_the_least_bad_and_no_label_none() -> None:
    near, far = Candidate(Box(10, 10, 30, 20), 1.0), Candidate(Box(700, 10, 720, 20), 5.0)
    assert place([[near, far]], [Box(0, 0, 50, 50)], [], FRAME, 1) == [near]  # on a mark rather than outside
    assert place([], [Box(0, 0, 50, 50)], [], FRAME, 1) == []


def test_a_label_keeps_away_from_a_mark_that_it_would_seem_to_name() -> None:
    candidates = around((100, 100), 40, 10, 6, 5)
    marks = [Box(96, 96, 104, 104), Box(106, 96, 114, 104)]
    ((chosen,),) = [place([candidates], marks, [], FRAME, 1)]
    assert abs(chosen.box.nearest((100, 100))[0] - 100) <= abs(chosen.box.nearest((110, 100))[0] - 110)
    assert not any(chosen.box.overlaps(mark, 1) for mark in marks)


def test_places_around_a_mark_begin_beside_it_and_those_away_from_it_have_a_leader() -> None:
    candidates = around((100, 100), 40, 10, 6, 5)
    assert candidates[0].leader is None
    assert [candidate.cost for candidate in candidates] == sorted(candidate.cost for candidate in candidates)
    furthest = candidates[-1]
    assert furthest.leader == ((100, 100), furthest.box.nearest((100, 100)))


def test_places_along_a_line_touch_it_nowhere() -> None:
    for candidate in along(200, FRAME, 80, 12, 3):
        assert FRAME.contains(candidate.box)
        assert candidate.box.bottom == 203 or candidate.box.top == 197


@given(st.lists(st.tuples(st.integers(40, 560), st.integers(40, 360)), min_size=1, max_size=9))
def test_labels_of_marks_anywhere_are_apart_inside_and_the_same_again(points: list[tuple[int, int]]) -> None:
    marks = [Box(x - 5, y - 5, x + 5, y + 5) for x, y in points]
    labels = [around(point, 60, 14, 7, 8) for point in points]
    placed = place(labels, marks, [], FRAME, 2)
    assert len(placed) == len(points)
    for first, second in itertools.combinations(placed, 2):
        assert not first.box.overlaps(second.box, 2)
    for candidate in placed:
        assert FRAME.contains(candidate.box)
        assert not any(candidate.box.overlaps(mark, 2) for mark in marks)
    assert place(labels, marks, [], FRAME, 2) == placed
