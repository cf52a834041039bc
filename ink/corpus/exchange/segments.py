"""A unit's text as a line."""

from __future__ import annotations

import re

_LINE_BREAKS = re.compile(r"\s*[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]\s*")


def one_line(text: str) -> str:
    """Return a text without white space around it, and each run of line breaks within it, with that around, a space."""
    return _LINE_BREAKS.sub(" ", text.strip())


def without_accelerator(text: str, marker: str) -> str:
    """Remove `marker` from before the letter or digit that it makes an accelerator key, where there is one such place.

    (&F), as languages without Latin letters have it, goes whole. Doubled markers, entities such as &amp; and texts with
    several marked letters, which are names such as max_line_width, stay as they are.
    """
    sign = re.escape(marker)
    entity = r"(?!#?\w+;)" if marker == "&" else ""
    places = [*re.finditer(rf"(?<!{sign}){sign}(?=[^\W_]){entity}", text)]
    if len(places) != 1:
        return text
    start, end = places[0].span()
    if text[start - 1 : start] == "(" and text[end + 1 : end + 2] == ")":
        return text[: start - 1].rstrip() + text[end + 2 :]
    return text[:start] + text[end:]
