"""XLIFF 1: which units give pairs, and in which direction."""

from __future__ import annotations

from pathlib import Path

import pytest

from ink.corpus.exchange.reading import read_units
from ink.corpus.exchange.units import UnitPairs
from ink.runtime.errors import InkError

NAMESPACE = "urn:oasis:names:tc:xliff:document:1.2"


def xliff(*units: str, source: str = "en", target: str = ' target-language="de-DE"', version: str = "1.2") -> str:
    body = "".join(f'<trans-unit id="u{number}"{unit}</trans-unit>' for number, unit in enumerate(units, start=1))
    return (
        f'<xliff version="{version}" xmlns="{NAMESPACE}"><file original="a" source-language="{source}"{target} '
        f'datatype="plaintext"><body>{body}</body></file></xliff>'
    )


def unit(source: str, target: str, state: str = "", attributes: str = "") -> str:
    return f"{attributes}><source>{source}</source><target{state}>{target}</target>"


def read(folder: Path, text: str, languages: tuple[str, str] = ("de", "en")) -> UnitPairs:
    path = folder / "app.xlf"
    path.write_text(text, encoding="utf-8")
    return read_units(path, languages, "en")


def test_finished_units_give_pairs_in_either_direction(tmp_path: Path) -> None:
    text = xliff(
        unit("Open", "Öffnen"),
        unit("Save %1", "%1 sichern", ' state="translated"'),
        unit("Close", "Schliessen", ' state="needs-review-translation"'),
        unit("New", "Neu", ' state="new"'),
        unit("Help", ""),
        "><source>Quit</source>",
        unit("INK", "INK", attributes=' translate="no"'),
        unit('Press <x id="1"/>', '<g id="2">Drücken</g>'),
    )
    found = read(tmp_path, text)
    assert found.pairs == [("Öffnen", "Open"), ("%1 sichern", "Save %1"), ("Drücken", "Press")]
    assert found.left_out == {"unfinished": 2, "untranslated": 2, "not to be translated": 1}
    assert (found.units, found.bare) == (8, 1)
    assert read(tmp_path, text, ("en", "de")).pairs[0] == ("Open", "Öffnen")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            xliff(unit("a", "b"), target=' target-language="fr"'),
            r"app\.xlf translates en to fr; de and en are wanted",
        ),
        (xliff(unit("a", "b"), target=""), r"app\.xlf translates en to none"),
        (xliff(unit("a", "b"), version="2.0"), r"app\.xlf is not XLIFF 1 \(.*2\.x"),
        (xliff(unit("a", "b"))[:-20], r"not well-formed XML"),
        (xliff(unit("&nbsp;", "b")), r"not well-formed XML \(Entity 'nbsp' not defined"),
        (
            '<!DOCTYPE xliff [<!ENTITY e "x">]>' + xliff(unit("&e;", "b")),
            r"unit 1 \(u1\): the entity &e; is not expanded",
        ),
        ("<tmx/>", r"app\.xlf is not XLIFF 1"),
        (xliff(), r"holds no translation unit"),
    ],
)
def test_what_cannot_be_read_is_named_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InkError, match=message) as raised:
        read(tmp_path, text)
    assert "\n" not in str(raised.value)
