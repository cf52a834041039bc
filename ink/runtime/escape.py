"""Characters that a terminal or a page would obey, shown in place of obeyed."""

from __future__ import annotations

REPLACEMENT = "\ufffd"
CONTROL_PICTURES = 0x2400
# They turn around everything that follows, a reader's own text included.
_DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_SHOWN = {
    **{code: chr(CONTROL_PICTURES + code) for code in range(0x20)},
    0x7F: "\u2421",
    **dict.fromkeys(range(0x80, 0xA0), REPLACEMENT),
    **dict.fromkeys(map(ord, _DIRECTIONS), REPLACEMENT),
    **dict.fromkeys(map(ord, "\u2028\u2029"), " "),
    ord("\t"): " ",
}


def visible(text: str) -> str:
    """Return text in which no character commands a terminal, breaks a line or turns the writing's direction.

    It has as many characters as before. Letters that combine, joiners and right-to-left text stay.
    """
    return text.translate(_SHOWN)
