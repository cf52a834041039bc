"""An explanation made by hand, of text that a terminal or a page could stumble over."""

from __future__ import annotations

import pytest

from ink.tools.explanation.explanation import ExplainedSystem, Explanation, Neighbour, Piece, Token
from ink.tools.explanation.subwords import END, Subword
from ink.tools.explanation.training_pairs import Occurrence

HOSTILE = """<script>alert("1")</script> & 'x' \x1b[31mمرحبا\u202e \U0001f600</style>"""


@pytest.fixture
def about() -> ExplainedSystem:
    return ExplainedSystem("mini", "R-kNN†", "r_knn_without_keys", "ko<r>an", 7, 8, "de", "en")


@pytest.fixture
def explanation() -> Explanation:
    """A word of two pieces and the end of the sentence; the first token has two of its three neighbours described."""
    target = f"Be merciful. {HOSTILE}"
    occurrence = Occurrence(204, HOSTILE, target, 2, 9, Subword("merci", joined_after=True), (3, 8))
    other = Occurrence(31, "Sei gut.", "Be good.", 2, 4, Subword("good"), (3, 7))
    end = Occurrence(31, "Sei gut.", "Be good.", 4, 4, END, (8, 8))
    tokens = (
        Token(
            Subword("merci", joined_after=True),
            0.5,
            0.7,
            0.2,
            0.6,
            (Neighbour(12.345, 0.7, True, occurrence), Neighbour(1234.5, 0.2, False, other)),
            3,
            1,
            0.1,
        ),
        Token(Subword("ful", joined_before=True), 0.00004, 0.0, 0.0001, 0.6, (), 0, 0, 0.0),
        Token(END, 0.9, 1.0, 0.8, 0.5, (Neighbour(0.0, 1.0, True, end),), 1, 1, 0.0),
    )
    return Explanation(3, HOSTILE, "merciful", -0.4, (Piece(HOSTILE, "merciful", -0.4, tokens),))
