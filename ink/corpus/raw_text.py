"""What raw text shows that it should not: byte-order marks inside it, and the signs of text that was prepared already.

Prepared text would be tokenised and segmented a second time, and be scored as if it were raw.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from ink.runtime.given_text import marks_inside, without_mark

BYTES_LOOKED_AT = 4 << 20  # of a file's beginning, where not all of it is read anyway
LINES_LOOKED_AT = 100_000  # for signs

_LONGEST_EXAMPLE = 60
_SUBWORD = re.compile(r"[^\s@]@@(?= |$)|(?:^| )▁\w")
_ESCAPE = re.compile(r"&(?:apos|quot|#91|#93|#124);")
_MARK_APART = re.compile(r"[^\s.,] [.,](?= |$)| @-@ ")
_MARK_ATTACHED = re.compile(r"\w[.,](?= |$)")
# scripts that leave no blank between words: Thai, Lao, Burmese, Khmer, kana, Han
_UNSPACED = "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]"
_BLANK = re.compile(f"(?<={_UNSPACED}) (?={_UNSPACED})")
_NO_BLANK = re.compile(f"(?<={_UNSPACED})(?={_UNSPACED})")
_BLANKS_OF_WORDS = 0.12  # of the places between two characters: a word has two to four of them, a phrase many

# what lines look like; how to tell that one does, and that one does not; from which share of them all are suspected
_SIGNS: tuple[tuple[str, Callable[[str], object], Callable[[str], object], float], ...] = (
    ("split into subwords", _SUBWORD.search, bool, 0.01),
    ("escaped as Moses escapes", _ESCAPE.search, bool, 0.01),
    (
        "tokenised",
        lambda line: _MARK_APART.search(line) or _has_words_apart(line),
        lambda line: _MARK_ATTACHED.search(line) or _NO_BLANK.search(line),
        0.5,
    ),
)


def remarks(path: Path | str, lines: Sequence[str]) -> list[str]:
    """Say what is odd in a file of raw text, a sentence for each oddity, with its count and an example."""
    found = [remark] if (remark := marks_inside(path, lines)) else []
    amount = f"{len(lines):,} lines" if len(lines) <= LINES_LOOKED_AT else f"the first {LINES_LOOKED_AT:,} lines"
    lines = lines[:LINES_LOOKED_AT]
    for description, shows, shows_the_contrary, share in _SIGNS:
        signs = [number for number, line in enumerate(lines) if shows(line)]
        if signs and len(signs) >= share * sum(bool(shows(line) or shows_the_contrary(line)) for line in lines):
            example = lines[signs[0]].strip()
            example = example if len(example) <= _LONGEST_EXAMPLE else f"{example[: _LONGEST_EXAMPLE - 2]}.."
            found.append(
                f"{path}: {len(signs):,} of {amount} look {description} already, such as line {signs[0] + 1}, "
                f"{example!r}; text is prepared here, so give it raw"
            )
    return found


def beginning(path: Path) -> list[str]:
    """Return the lines of a file, or of its first BYTES_LOOKED_AT; what is not UTF-8 is replaced."""
    with path.open("rb") as file:
        data = file.read(BYTES_LOOKED_AT)
    return without_mark(data).removesuffix(b"\n").decode("utf-8", "replace").split("\n")


def _has_words_apart(line: str) -> bool:
    blanks = len(_BLANK.findall(line))
    return blanks > 0 and blanks >= _BLANKS_OF_WORDS * (blanks + len(_NO_BLANK.findall(line)))
