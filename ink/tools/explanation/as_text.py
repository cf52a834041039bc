"""An explanation for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from tabulate import tabulate

from ink.runtime.escape import visible
from ink.tools.explanation.explanation import (
    ExplainedSystem,
    Explanation,
    Neighbour,
    Piece,
    Token,
    distance,
    probability,
)
from ink.tools.explanation.subwords import Subword

OPEN, CLOSE = "⟦", "⟧"
BAR, BAR_WIDTH = "█", 10


def heading(about: ExplainedSystem) -> str:
    """Return the lines that say what is explained, and how to read it."""
    return (
        f"{about}; k = {about.k}\n"
        "p = λ p_kNN + (1 - λ) p_NMT; · joins the pieces of a word; "
        f"{OPEN} {CLOSE} mark the neighbour's token; share: of p_kNN; distance: squared L2\n"
    )


def as_text(explanation: Explanation, about: ExplainedSystem, width: int | None = None) -> str:
    """Return an explanation as lines of text, wrapped to `width` columns where given."""
    languages = (about.source_language, about.target_language)
    lines = [f"line {explanation.number}"]
    lines += _pair(languages, visible(explanation.source), visible(explanation.translation), "  ", width)
    for number, piece in enumerate(explanation.pieces, start=1):
        if len(explanation.pieces) > 1:
            lines += ["", f"  piece {number} of {len(explanation.pieces)}"]
            lines += _pair(languages, visible(piece.source), visible(piece.translation), "  ", width)
        lines += ["", *_summary(piece)]
        for position, token in enumerate(piece.tokens, start=1):
            lines += ["", *_token(position, token, languages, width)]
    return "\n".join(lines) + "\n"


def name(subword: Subword) -> str:
    """Return a token as a reader sees it, its joints shown."""
    return f"({subword})" if subword.is_end else visible(str(subword))


def _summary(piece: Piece) -> list[str]:
    rows = [
        [
            str(number),
            name(token.subword),
            probability(token.p),
            (BAR * round(token.p * BAR_WIDTH)).ljust(BAR_WIDTH, "."),
            probability(token.interpolation),
            probability(token.p_knn),
            probability(token.p_nmt),
            f"{token.agreeing} of {token.found}",
        ]
        for number, token in enumerate(piece.tokens, start=1)
    ]
    headers = ("#", "token", "p", "", "λ", "p_kNN", "p_NMT", "neighbours with it")
    return _table(headers, rows, ("right", "left", "right", "left", "right", "right", "right", "left"), "  ")


def _token(position: int, token: Token, languages: tuple[str, str], width: int | None) -> list[str]:
    own, rest = probability(token.interpolation), probability(1 - token.interpolation)
    lines = [
        f"  {position}. {name(token.subword)}",
        f"     p = {own} × {probability(token.p_knn)} + {rest} × {probability(token.p_nmt)} = {probability(token.p)}",
    ]
    if not token.neighbours:
        return [*lines, "     no neighbour was found"]
    rows = [_neighbour(neighbour) for neighbour in token.neighbours]
    headers = ("share", "distance", "", "token", "in training pair")
    header, *described = _table(headers, rows, ("right", "right", "left", "left", "left"), "     ")
    lines.append(header)
    for neighbour, line in zip(token.neighbours, described, strict=True):
        occurrence = neighbour.occurrence
        before, marked, after = map(visible, occurrence.parts)
        shown = f"{before}{OPEN}{marked or ('end' if occurrence.subword.is_end else '')}{CLOSE}{after}"
        lines += [line, *_pair(languages, visible(occurrence.source), shown, " " * 14, width)]
    if more := token.found - len(token.neighbours):
        lines.append(f"     {more} more, share {probability(token.rest)}")
    return lines


def _neighbour(neighbour: Neighbour) -> list[str]:
    occurrence = neighbour.occurrence
    return [
        probability(neighbour.share),
        distance(neighbour.distance),
        "=" if neighbour.agrees else "≠",
        name(occurrence.subword),
        f"line {occurrence.line}, token {occurrence.position} of {occurrence.length}",
    ]


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]], align: Sequence[str], indent: str) -> list[str]:
    # the headers as a row: columns of their own would be padded
    text = tabulate([headers, *rows], tablefmt="plain", colalign=align, disable_numparse=True)
    return [f"{indent}{line.rstrip()}" for line in text.splitlines()]


def _pair(languages: tuple[str, str], source: str, target: str, indent: str, width: int | None) -> list[str]:
    """Return source and target, each behind its language."""
    longest = max(map(len, languages))
    lines: list[str] = []
    for language, text in zip(languages, (source, target), strict=True):
        first = f"{indent}{language.ljust(longest)}  "
        lines += [first + text] if width is None else _wrapped(text, first, width)
    return lines


def _wrapped(text: str, first: str, width: int) -> list[str]:
    beneath = " " * len(first)
    # a window too narrow for its indentation still gets words
    room = max(width, len(first) + 20)
    return textwrap.wrap(text, room, initial_indent=first, subsequent_indent=beneath) or [first]
