"""What can happen to a file before a stranger hands it in: bytes, lines, encodings; of settings, their values."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]
Operation = Callable[[Draw, bytes, Sequence[bytes]], bytes]

# what software trips over, as UTF-8 where it is text
FRAGMENTS: list[bytes] = [
    "\ufeff".encode(),
    b"\0",
    b"\r\n",
    b"\r",
    b"\n",
    b"\n\n\n",
    b"\t",
    b" ",
    b"\x0b\x0c\x1c\x85",
    "\u0085\u2028\u2029".encode(),
    "\u00a0\u3000\u200b\u00ad".encode(),
    "\u202e\u2066".encode(),
    b"\x1b[2J\x07",
    "e\u0301\u0308 \u1100\u1161".encode(),
    "👩‍👩‍👧 🇩🇪 𝔘𝔫𝔦".encode(),
    "لا إله 中文字 कि".encode(),
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xc0\xaf",
    b"@@",
    b"@@ @@ x@@",
    b"<unk> </s> <s> <pad> <<unk>>",
    b" #fairseq:overwrite",
    b"#version: 0.2",
    b"#",
    b"\"'`",
    b"{}[]:,&*!|>%@",
    b"&#124; &amp; &lt; &apos;",
    b"../../etc/passwd",
    b"%s%n {0} {domain} $(id)",
    b"0",
    b"-1",
    b"1e309",
    b"\xd9\xa3\xc2\xb2\xe2\x85\xa7",  # digits of other scripts: an Arabic three, a superscript two, a Roman eight
    b"9" * 30,
    b"9" * 5000,
    b"a" * 20_000,
    b"a " * 1_500,
    "ü".encode() * 2_000,
    b"." * 2_000,
    b"\n" * 300,
]


class Handed:
    """What is handed in: the data, and in its representation how they differ from valid ones."""

    def __init__(self, data: Any, how: str) -> None:
        self.data = data
        self.how = how

    def __repr__(self) -> str:
        return f"Handed({self.how})"


def mutated(
    valid: bytes,
    fragments: Sequence[bytes] = (),
    most: int = 3,
    operations: Sequence[Operation] | None = None,
) -> st.SearchStrategy[Handed]:
    """Bytes that differ from `valid` by one to `most` operations; `fragments` are of this kind of file."""
    pieces = [*fragments, *FRAGMENTS]

    @st.composite
    def changed(draw: Draw) -> Handed:
        data = valid
        for _ in range(draw(st.integers(1, most))):
            data = draw(st.sampled_from(operations or OPERATIONS))(draw, data, pieces)
        same = next((at for at, (one, other) in enumerate(zip(valid, data, strict=False)) if one != other), 0)
        return Handed(data, f"{len(data)} bytes for {len(valid)}; at byte {same} {data[same : same + 200]!r}")

    return changed()


def revalued(valid: Any, most: int = 2) -> st.SearchStrategy[Handed]:
    """Nested mappings and lists that differ from `valid` in one to `most` of their values, keys or entries."""

    @st.composite
    def changed(draw: Draw) -> Handed:
        root, how = copy.deepcopy(valid), []
        for _ in range(draw(st.integers(1, most))):
            inner, path = root, []
            # the root is left as it is: bytes try that
            while places := list(inner) if isinstance(inner, dict) else list(range(len(inner))):
                place = draw(st.sampled_from(places))
                path.append(str(place))
                deeper = inner[place]
                if not (isinstance(deeper, dict | list) and len(deeper) and draw(st.integers(0, 3))):
                    how.append(f"{'.'.join(path)}: {_change(draw, inner, place)}")
                    break
                inner = deeper
        return Handed(root, "; ".join(how))

    return changed()


VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([10**9, 2**31, 2**63, 10**30, -(10**400), 0.5, -0.0, 1e-320, 1e308, float("inf"), float("nan")]),
    st.sampled_from(
        ["", " ", "0", "1e-3", "null", "~", "yes", "name\n", "\0", "\ufeffx", "a" * 3000, "ü/ö", "../x", "{x}"]
    ),
    st.sampled_from([[], [[]], {}, {"": {}}, {"koran": 1}, [None], ["koran", "koran"], [0] * 3000, [[[[[[1]]]]]]]),
)


def _change(draw: Draw, inner: Any, place: Any) -> str:
    """Change one entry of a mapping or a list, and say how."""
    what = draw(st.sampled_from(["value", "value", "value", "nearby", "drop", "name", "add"]))
    value = inner[place]
    if what == "drop":
        del inner[place]
        return "dropped"
    if what == "name" and isinstance(inner, dict):
        name = draw(st.sampled_from(["", "x", f"{place}s", "experiment\n", "\u202e", 1, None, True]))
        inner[name] = inner.pop(place)
        return f"renamed {name!r}"
    if what == "nearby" and isinstance(value, int | float) and not isinstance(value, bool):
        half = value // 2 if isinstance(value, int) else value / 2
        new = draw(st.sampled_from([value + 1, value - 1, value * 1000, half, -value, str(value), [value]]))
    else:
        new = copy.deepcopy(draw(VALUES))  # a second change may be one inside it
    if what != "add":
        inner[place] = new
    elif isinstance(inner, dict):
        inner[draw(st.sampled_from(["", "x", "koran", "law", 1]))] = new
    else:
        inner.insert(place, new)
    return f"{what} {new!r}"[:200]


def _flip(draw: Draw, data: bytes, _pieces: Sequence[bytes]) -> bytes:
    place = _place(draw, data)
    return data[:place] + bytes([draw(st.integers(0, 255))]) + data[place + 1 :]


def _insert(draw: Draw, data: bytes, pieces: Sequence[bytes]) -> bytes:
    place = _place(draw, data)
    return data[:place] + draw(st.sampled_from(pieces)) + data[place:]


def _prepend(draw: Draw, data: bytes, pieces: Sequence[bytes]) -> bytes:
    return bytes(draw(st.sampled_from(pieces))) + data


def _overwrite(draw: Draw, data: bytes, pieces: Sequence[bytes]) -> bytes:
    place = _place(draw, data)
    return data[:place] + draw(st.sampled_from(pieces)) + data[place + draw(st.integers(0, 40)) :]


def _delete(draw: Draw, data: bytes, _pieces: Sequence[bytes]) -> bytes:
    place = _place(draw, data)
    return data[:place] + data[place + draw(st.integers(1, 200)) :]


def _repeat(draw: Draw, data: bytes, _pieces: Sequence[bytes]) -> bytes:
    place = _place(draw, data)
    span = data[place : place + draw(st.integers(1, 60))]
    return data[:place] + span * draw(st.sampled_from([2, 3, 30])) + data[place + len(span) :]


def _truncate(draw: Draw, data: bytes, _pieces: Sequence[bytes]) -> bytes:
    return data[: _place(draw, data)]


def _lines(draw: Draw, data: bytes, pieces: Sequence[bytes]) -> bytes:
    lines = data.split(b"\n")
    place = draw(st.integers(0, len(lines) - 1))
    what = draw(st.sampled_from(["drop", "double", "swap", "add", "blank", "glue", "indent"]))
    if what == "drop":
        del lines[place]
    elif what == "double":
        lines.insert(place, lines[place])
    elif what == "swap":
        other = draw(st.integers(0, len(lines) - 1))
        lines[place], lines[other] = lines[other], lines[place]
    elif what == "add":
        lines.insert(place, draw(st.sampled_from(pieces)))
    elif what == "blank":
        lines[place] = b""
    elif what == "glue":
        lines[place : place + 2] = [b" ".join(lines[place : place + 2])]
    else:
        lines[place] = draw(st.sampled_from([b" ", b"  ", b"\t"])) + lines[place]
    return b"\n".join(lines)


def _words(draw: Draw, data: bytes, pieces: Sequence[bytes]) -> bytes:
    """Put a fragment in place of what follows a blank, up to the line's end."""
    lines = data.split(b"\n")
    place = draw(st.integers(0, len(lines) - 1))
    head, blank, _tail = lines[place].partition(b" ")
    lines[place] = head + blank + draw(st.sampled_from(pieces))
    return b"\n".join(lines)


def _exchange(draw: Draw, data: bytes, pieces: Sequence[bytes]) -> bytes:
    """Let two lines exchange their first words, or one have another's: as many lines, and each of as many words."""
    lines = data.split(b"\n")
    one, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    words = [lines[place].split(b" ") for place in (one, other)]
    what = draw(st.sampled_from(["exchange", "exchange", "longer", "longer", "copy", "fragment"]))
    if what == "exchange":
        words[0][0], words[1][0] = words[1][0], words[0][0]
    elif what == "copy":
        words[1][0] = words[0][0]
    elif what == "longer":
        words[1][0] += draw(st.sampled_from([b"x", b"@@", b"1", "\u00a0".encode(), "\u0301".encode()]))
    else:
        words[1][-1] = draw(st.sampled_from(pieces))
    lines[one], lines[other] = b" ".join(words[0]), b" ".join(words[1])
    return b"\n".join(lines)


def _whole(draw: Draw, data: bytes, _pieces: Sequence[bytes]) -> bytes:
    what = draw(st.sampled_from(["crlf", "cr", "bom", "no last line feed", "utf-16", "latin-1", "nothing", "blank"]))
    if what == "crlf":
        return data.replace(b"\n", b"\r\n")
    if what == "cr":
        return data.replace(b"\n", b"\r")
    if what == "bom":
        return "\ufeff".encode() + data
    if what == "no last line feed":
        return data.rstrip(b"\n")
    if what in ("utf-16", "latin-1"):
        return data.decode("utf-8", errors="replace").encode(what, errors="replace")
    return b"" if what == "nothing" else b"\n" * data.count(b"\n")


OPERATIONS: list[Operation] = [
    _flip,
    _insert,
    _insert,
    _prepend,
    _overwrite,
    _delete,
    _repeat,
    _truncate,
    _lines,
    _lines,
    _words,
    _exchange,
    _whole,
]
# of a file whose lines are each of a form that few operations leave them
ON_WORDS = [*OPERATIONS, *[_exchange] * 6]


def _place(draw: Draw, data: bytes) -> int:
    return int(draw(st.integers(0, max(0, len(data) - 1))))
