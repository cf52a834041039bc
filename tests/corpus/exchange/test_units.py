"""A unit's text as a line: line breaks and accelerator keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ink.corpus.exchange.units import one_line, without_accelerator


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("  a\n\n   b\t", "a b"),
        ("a\r\nb\u2028c\u0085d\x0be", "a b c d e"),
        ("a  b\tc", "a  b\tc"),
        ("\n", ""),
        ("a\u00a0b", "a\u00a0b"),
    ],
)
def test_line_breaks_become_a_space(text: str, line: str) -> None:
    assert one_line(text) == line


@given(st.text())
def test_any_text_is_one_line(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1
    assert one_line(one_line(text)) == one_line(text)


@pytest.mark.parametrize(
    ("text", "marker", "expected"),
    [
        ("&Öffnen", "&", "Öffnen"),
        ("Sichern &unter …", "&", "Sichern unter …"),
        ("Ö_ffnen", "_", "Öffnen"),
        ("~Datei", "~", "Datei"),
        ("文件(&F)", "&", "文件"),
        ("Drag && drop", "&", "Drag && drop"),
        ("Drag & drop", "&", "Drag & drop"),
        ("&amp; und &#228;", "&", "&amp; und &#228;"),
        ("&Text &amp; Bild", "&", "Text &amp; Bild"),
        ("max_line_width", "_", "max_line_width"),
        ("100 %_", "_", "100 %_"),
    ],
)
def test_accelerator_keys_go_and_names_and_entities_stay(text: str, marker: str, expected: str) -> None:
    assert without_accelerator(text, marker) == expected
