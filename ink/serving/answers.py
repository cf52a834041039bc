"""What a served system answers: to each text its translation, as `ink translate` gives it, or one line of refusal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ink.runtime.errors import InkError
from ink.tools.translation.lines import Line, decode_line
from ink.tools.translation.translator import Translator


class Refused(InkError):
    """What was sent is no list of texts, said in one line."""

    code = "serving/wrong-request"


def answers(translator: Translator, texts: object) -> list[str]:
    """Return the translation of each text; one of several lines has as many, and what is empty stays empty.

    Lines are translated together as `ink translate` takes them from a file, `decoding.batch_sentences` at a time.
    Refused where `texts` is no list of texts; nothing is translated then.
    """
    by_text = lines_of(texts)
    lines = [line for one in by_text for line in one]
    found = iter(_translations(translator, lines))
    return ["\n".join(next(found) for _ in one) for one in by_text]


def lines_of(texts: object) -> list[list[Line]]:
    """Return the lines of each text, counted from 1 over all of them; Refused where these are no list of texts."""
    if not isinstance(texts, list | tuple):
        raise Refused(f"inputs is {_kind(texts)}, where a list of texts is needed")
    found: list[list[Line]] = []
    number = 0
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise Refused(f"inputs[{place}] is {_kind(text)}, where a text is needed")
        lines = []
        for raw in _bytes(text, place).split(b"\n"):
            number += 1
            lines.append(decode_line(number, raw))
            if lines[-1].text is None:
                raise Refused(f"inputs[{place}] is {lines[-1].problem}")
        found.append(lines)
    return found


def _translations(translator: Translator, lines: Sequence[Line]) -> Iterator[str]:
    size = translator.batch_lines
    for start in range(0, len(lines), size):
        for hypotheses in translator.translate(lines[start : start + size]):
            yield hypotheses[0].text


def _bytes(text: str, place: int) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Refused(f"inputs[{place}] is no text: half a character ({error.reason}) at {error.start}") from None


def _kind(value: object) -> str:
    return "null" if value is None else f"of the kind {type(value).__name__}"
