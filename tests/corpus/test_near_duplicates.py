"""Which lines count as nearly the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ink.corpus.near_duplicates import SHARED, _trigrams, near_duplicates


@pytest.mark.parametrize(
    ("line", "other", "near"),
    [
        ("Die Datei %1 konnte nicht geöffnet werden.", "Die Datei %2 konnte nicht geöffnet werden!", True),
        ("Zeile 12 löschen", "Zeile 7 löschen", True),
        ("Spalte 12", "Zeile 12", False),
        ("Zeile 12 löschen", "Zeile 74 löschen", True),
        ("Sichern unter", "SICHERN UNTER …", True),
        ("Ein Bild aus einer Datei einfügen", "Ein Bild aus der Datei einfügen", True),
        ("Datei öffnen", "Datei schließen", False),
        ("Ja", "Nein", False),
        ("…", "…", True),
        ("…", "?", False),
        ("", "Ja", False),
    ],
)
def test_what_is_nearly_the_same(line: str, other: str, near: bool) -> None:
    assert near_duplicates([line], ["etwas ganz anderes", other]) == [near]
    assert near_duplicates([other], [line]) == [near]


@given(
    lines=st.lists(st.text("abc 1.", max_size=12), max_size=6),
    among=st.lists(st.text("abc 1.", max_size=12), max_size=8),
)
def test_the_same_as_by_comparing_each_with_each(lines: list[str], among: list[str]) -> None:
    def share(line: str, other: str) -> float:
        ours, theirs = _trigrams(line), _trigrams(other)
        return len(ours & theirs) / len(ours | theirs)

    expected = [any(share(line, other) >= SHARED for other in among) for line in lines]
    assert near_duplicates(lines, among) == expected
