"""Translation memories in TMX: what is read of them, and everything in them that must not be."""

from __future__ import annotations

from pathlib import Path

import pytest

from ink.corpus.exchange.reading import read_units
from ink.corpus.exchange.units import UnitPairs
from ink.runtime.errors import InkError

DE_EN = ("de", "en")


def tuv(language: str, text: str) -> str:
    return f'<tuv xml:lang="{language}"><seg>{text}</seg></tuv>'


def unit(*segments: tuple[str, str], name: str = "") -> str:
    return f"<tu{name}>{''.join(tuv(*segment) for segment in segments)}</tu>"


def tmx(*units: str, prolog: str = '<!DOCTYPE tmx SYSTEM "tmx14.dtd">') -> str:
    body = "\n".join(units)
    return f'<?xml version="1.0"?>\n{prolog}\n<tmx version="1.4"><header srclang="*all*"/><body>\n{body}\n</body></tmx>'


def read(folder: Path, text: str | bytes, languages: tuple[str, str] = DE_EN) -> UnitPairs:
    path = folder / "memory.tmx"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_units(path, languages, "en")


def test_pairs_are_found_in_whatever_order_a_unit_has_its_languages(tmp_path: Path) -> None:
    text = tmx(unit(("en", "Open"), ("de", "Öffnen")), unit(("de", "Sichern"), ("fr", "Enregistrer"), ("en", "Save")))
    found = read(tmp_path, text)
    assert (found.units, found.pairs) == (2, [("Öffnen", "Open"), ("Sichern", "Save")])
    assert read(tmp_path, text, ("en", "fr")).pairs == [("Save", "Enregistrer")]


@pytest.mark.parametrize(
    ("codes", "languages", "expected"),
    [
        (["de-DE", "en-US"], ("de", "en"), ("0", "1")),
        (["EN_gb", "DE_at"], ("de", "en"), ("1", "0")),
        (["de-AT", "de", "en"], ("de", "en"), ("1", "2")),
        (["de-CH", "de-AT", "en"], ("de", "en"), ("0", "2")),
        (["pt-PT", "pt-BR", "en"], ("en", "pt_br"), ("2", "1")),
        (["zh-Hans-CN", "en"], ("zh_hans", "en"), ("0", "1")),
        (["den", "de", "en"], ("de", "en"), ("1", "2")),
    ],
)
def test_regions_are_matched(
    tmp_path: Path, codes: list[str], languages: tuple[str, str], expected: tuple[str, str]
) -> None:
    text = tmx(unit(*((code, str(place)) for place, code in enumerate(codes))))
    assert read(tmp_path, text, languages).pairs == [expected]


def test_codes_in_the_attribute_of_old_files_are_read(tmp_path: Path) -> None:
    text = tmx("<tu><tuv lang='DE-DE'><seg>Ja</seg></tuv><tuv lang='EN-US'><seg>Yes</seg></tuv></tu>", prolog="")
    assert read(tmp_path, text).pairs == [("Ja", "Yes")]


def test_units_without_one_of_the_languages_are_counted(tmp_path: Path) -> None:
    found = read(tmp_path, tmx(unit(("de", "a"), ("en", "b")), unit(("de", "c")), unit(("en", "d")), unit(("fr", "e"))))
    assert found.left_out == {"without en": 1, "without de": 2}


@pytest.mark.failure(
    "Text and vocabulary",
    "a translation memory without one of the languages",
    "refused: the languages that it has are listed with the number of their units [text/other-language]",
)
def test_a_file_without_one_of_the_languages_lists_those_that_it_has(tmp_path: Path) -> None:
    text = tmx(unit(("fr-FR", "a"), ("en-US", "b")), unit(("en-US", "c"), ("it", "d")))
    with pytest.raises(
        InkError, match=r"memory\.tmx: none of its 2 units has both de and en.* en-us \(2\), fr-fr \(1\)"
    ):
        read(tmp_path, text)
    with pytest.raises(InkError, match=r"both de and fr; its languages are none \(1\)"):
        read(tmp_path, tmx("<tu><tuv><seg>a</seg></tuv><tuv><seg>b</seg></tuv></tu>"), ("de", "fr"))
    with pytest.raises(InkError, match=r"holds no translation unit"):
        read(tmp_path, tmx())


def test_markup_and_placeholders_are_kept_and_elements_without_text_counted(tmp_path: Path) -> None:
    kept = 'Drücken Sie <bpt i="1">&lt;b&gt;</bpt>%1$s<ept i="1">&lt;/b&gt;</ept> &amp; ~Weiter {0}\n   jetzt'
    found = read(tmp_path, tmx(unit(("de", kept), ("en", "Press <ph x='1'>&lt;br/&gt;</ph> %1$s"))))
    assert found.pairs == [("Drücken Sie <b>%1$s</b> & ~Weiter {0}\n   jetzt", "Press <br/> %1$s")]
    assert found.bare == 0
    assert read(tmp_path, tmx(unit(("de", "Ja<ph x='1'/>"), ("en", "Yes")), unit(("de", "a"), ("en", "b")))).bare == 1


def bomb(levels: int, text: str) -> str:
    entities = ['<!ENTITY a0 "ha">']
    entities += [f'<!ENTITY a{level} "{f"&a{level - 1};" * 10}">' for level in range(1, levels)]
    return tmx(unit(("de", text), ("en", "x"), name=' tuid="bomb"'), prolog=f"<!DOCTYPE tmx [{''.join(entities)}]>")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            bomb(9, "&a8;"),
            r"memory\.tmx: not well-formed XML \(Maximum entity amplification",
            marks=pytest.mark.failure(
                "Text and vocabulary",
                "a translation memory with XML entities that multiply, or that name a file",
                "refused; nothing is expanded, opened or fetched [text/unknown-format]",
            ),
        ),
        (bomb(2, "&a1;"), r"line 4, unit 1 \(bomb\): the entity &a1; is not expanded"),
        (
            tmx(unit(("de", "ok"), ("en", "&x;")), prolog='<!DOCTYPE tmx [<!ENTITY x SYSTEM "FOLDER/x.dtd">]>'),
            r"line 4, unit 1: the entity &x; is not expanded",
        ),
        (
            tmx(unit(("de", "&y;"), ("en", "b")), prolog='<!DOCTYPE tmx [<!ENTITY % x SYSTEM "FOLDER/x.dtd"> %x;]>'),
            r"unit 1: the entity &y; is not expanded",
        ),
        (tmx(unit(("de", "a&nbsp;b"), ("en", "b"))), r"unit 1: the entity &nbsp; is not expanded; write the character"),
    ],
)
def test_no_entity_is_expanded_and_nothing_else_is_opened(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.dtd").write_text('<!ENTITY y "read">')
    with pytest.raises(InkError, match=message) as raised:
        read(tmp_path, text.replace("FOLDER", str(tmp_path)))
    assert "\n" not in str(raised.value)


def test_the_entities_of_xml_and_characters_by_number_are_text(tmp_path: Path) -> None:
    found = read(tmp_path, tmx(unit(("de", "&lt;&amp;&gt;&quot;&apos;&#228;&#xE4;"), ("en", "b"))))
    assert found.pairs == [("<&>\"'ää", "b")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            tmx(unit(("de", "a"), ("en", "b")))[:-30],
            r"memory\.tmx: not well-formed XML \(.*line 4",
            marks=pytest.mark.failure(
                "Text and vocabulary",
                "a translation memory that is cut short",
                "refused, with the line [text/unknown-format]",
            ),
        ),
        (tmx(unit(("de", "a & b"), ("en", "b"))), r"not well-formed XML \(.*line 4"),
        ("", r"not well-formed XML \(Document is empty"),
        ("de\ten\nÖffnen\tOpen\n", r"not well-formed XML"),
        ("<html><body/></html>", r"memory\.tmx is not TMX, though its name says so"),
        (tmx(unit(("de", "ä"), ("en", "b"))).encode("latin-1"), r"not well-formed XML"),
    ],
    ids=["cut short", "ampersand", "empty", "no XML", "other XML", "Latin-1"],
)
def test_what_is_no_tmx_is_named_in_one_line(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(InkError, match=message) as raised:
        read(tmp_path, text)
    assert "\n" not in str(raised.value)


def test_other_encodings_that_the_file_declares_are_read(tmp_path: Path) -> None:
    text = tmx(unit(("de", "Öffnen"), ("en", "Open")))
    for encoding in ("utf-16", "iso-8859-1", "utf-8-sig"):
        declared = text.replace('version="1.0"', f'version="1.0" encoding="{encoding.removesuffix("-sig")}"', 1)
        assert read(tmp_path, declared.encode(encoding)).pairs == [("Öffnen", "Open")]
