"""Gettext catalogues: which entries give pairs, in which direction, and what is wrong with a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from ink.corpus.exchange.reading import read_units
from ink.corpus.exchange.units import UnitPairs
from ink.runtime.errors import InkError

DE_EN = ("de", "en")
PLURAL = 'msgid "%d file"\nmsgid_plural "%d files"\n'


def po(*entries: str, language: str | None = "de", charset: str = "UTF-8", more: str = "") -> str:
    language_line = f'"Language: {language}\\n"\n' if language is not None else ""
    header = f'msgid ""\nmsgstr ""\n{language_line}"Content-Type: text/plain; charset={charset}\\n"\n{more}'
    return "\n".join([header, *entries])


def entry(msgid: str, msgstr: str, before: str = "") -> str:
    return f'{before}msgid "{msgid}"\nmsgstr "{msgstr}"\n'


def read(
    folder: Path, text: str | bytes, languages: tuple[str, str] = DE_EN, name: str = "app.po", msgid: str = "en"
) -> UnitPairs:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_units(path, languages, msgid)


def test_the_translation_is_on_the_side_of_its_language(tmp_path: Path) -> None:
    text = po(entry("Open", "Öffnen"))
    assert read(tmp_path, text).pairs == [("Öffnen", "Open")]
    assert read(tmp_path, text, ("en", "de")).pairs == [("Open", "Öffnen")]
    assert read(tmp_path, po(entry("Ouvrir", "Öffnen")), ("fr", "de"), msgid="fr").pairs == [("Ouvrir", "Öffnen")]
    catalogue = po(entry("Ouvrir", "Öffnen"), more='"X-Source-Language: fr\\n"\n')
    assert read(tmp_path, catalogue, ("de", "fr")).pairs == [("Öffnen", "Ouvrir")]
    assert read(tmp_path, po(entry("Open", "Öffnen"), language="de_AT")).pairs == [("Öffnen", "Open")]


def test_fuzzy_obsolete_and_untranslated_entries_are_left_out_and_counted(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        po(
            entry("Open", "Öffnen"),
            entry("Close", "Öffnen", "#, fuzzy, c-format\n"),
            entry("Save", ""),
            PLURAL + 'msgstr[0] ""\nmsgstr[1] ""\n',
            '#~ msgid "Old"\n#~ msgstr "Alt"\n',
            entry("Menu", "Menü", 'msgctxt "bar"\n'),
        ),
    )
    assert found.pairs == [("Öffnen", "Open"), ("Menü", "Menu")]
    assert (found.units, found.left_out) == (6, {"untranslated": 2, "fuzzy": 1, "obsolete": 1})


@pytest.mark.parametrize(
    ("forms", "expected"),
    [
        (["%d Datei", "%d Dateien"], [("%d Datei", "%d file"), ("%d Dateien", "%d files")]),
        (["%d Datei", ""], [("%d Datei", "%d file")]),
        (["", "%d Dateien"], [("%d Dateien", "%d files")]),
        (["%d 个文件"], [("%d 个文件", "%d files")]),
        (["%d файл", "%d файла", "%d файлов"], [("%d файлов", "%d files")]),
    ],
)
def test_plural_forms_give_pairs_where_both_sides_have_them(
    tmp_path: Path, forms: list[str], expected: list[tuple[str, str]]
) -> None:
    strings = "".join(f'msgstr[{number}] "{form}"\n' for number, form in enumerate(forms))
    assert read(tmp_path, po(PLURAL + strings)).pairs == expected


def test_keys_markup_and_placeholders_are_kept_and_escapes_read(tmp_path: Path) -> None:
    text = po(entry(r"_Open <b>%s</b>\n\t\"{name}\"", r"Ö_ffnen <b>%s</b>\n\t\"{name}\""))
    assert read(tmp_path, text).pairs == [('Ö_ffnen <b>%s</b>\n\t"{name}"', '_Open <b>%s</b>\n\t"{name}"')]


@pytest.mark.parametrize("name", ["de.po", "de_DE.po", "po/app-de.po", "app.de.po", "locale/de/LC_MESSAGES/app.po"])
def test_without_a_header_the_path_says_the_language(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, entry("Open", "Öffnen"), name=name).pairs == [("Öffnen", "Open")]


@pytest.mark.parametrize(
    ("text", "languages", "message"),
    [
        pytest.param(
            po(entry("Open", "Ouvrir"), language="fr"),
            DE_EN,
            r"app\.po translates into fr \(Language in its header\), and de is wanted",
            marks=pytest.mark.failure(
                "Text and vocabulary",
                "a gettext catalogue of another language",
                "refused, with both languages [text/other-language]",
            ),
        ),
        (po(entry("Colour", "Color"), language="en_US"), DE_EN, r"translates into en_US .*, and de is wanted"),
        (
            po(entry("Open", "Öffnen")),
            ("de", "fr"),
            r"translates from en, which is neither de nor fr; .*--msgid-language",
        ),
        (entry("Open", "Öffnen"), DE_EN, r"does not say into which language.* add 'Language: de' to its header"),
        (po(entry("a", "b"), language="German"), DE_EN, r"translates into German \(Language"),
    ],
)
def test_another_language_is_named(tmp_path: Path, text: str, languages: tuple[str, str], message: str) -> None:
    with pytest.raises(InkError, match=message):
        read(tmp_path, text, languages)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            po(entry("Open", "Öffnen")).encode("latin-1"),
            r"app\.po is not valid UTF-8 \(.*\); convert it with `msgconv --to-code=UTF-8",
            marks=pytest.mark.failure(
                "Text and vocabulary",
                "a gettext catalogue that is not UTF-8",
                "refused, with the command that converts it [text/not-utf-8]",
            ),
        ),
        (
            po(entry("Open", "Öffnen"), charset="ISO-8859-1").encode("latin-1"),
            r"app\.po is in ISO-8859-1, and not UTF-8",
        ),
        (po(entry("Open", "Öffnen"), charset="KLINGON"), r"app\.po is in KLINGON, and not UTF-8"),
        (po('msgid "a\nmsgstr "b"\n'), r"app\.po is not a whole gettext catalogue \(.*line 6"),
        (po('msgid "a"\nmsgid "b"\nmsgstr "c"\n'), r"not a whole gettext catalogue \(.*line 7"),
        ("Öffnen = Open\n", r"not a whole gettext catalogue \(.*line 1"),
        (po(), r"app\.po holds no translation unit"),
        ("", r"does not say into which language"),
    ],
)
def test_what_is_no_catalogue_is_named_in_one_line(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(InkError, match=message) as raised:
        read(tmp_path, text)
    assert "\n" not in str(raised.value)


def test_a_charset_in_a_message_is_text(tmp_path: Path) -> None:
    text = entry("<meta charset=latin1>", "<meta charset=latin1> ä")
    assert read(tmp_path, text, name="de.po").pairs == [("<meta charset=latin1> ä", "<meta charset=latin1>")]


def test_a_byte_order_mark_is_not_text(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbf" + po(entry("Open", "Öffnen")).encode()).pairs == [("Öffnen", "Open")]


def test_a_folder_gives_what_its_files_of_these_languages_give(tmp_path: Path) -> None:
    for language, word in (("de", "Öffnen"), ("fr", "Ouvrir"), ("en_GB", "Open")):
        read_into = tmp_path / "po" / f"{language}.po"
        read_into.parent.mkdir(exist_ok=True)
        read_into.write_text(po(entry("Open", word), entry("Save", ""), language=language), encoding="utf-8")
    (tmp_path / "po" / "app.pot").write_text(po(entry("Open", "")), encoding="utf-8")
    (tmp_path / "po" / "more").mkdir()
    (tmp_path / "po" / "more" / "help.po").write_text(po(entry("Help", "Hilfe")), encoding="utf-8")
    found = read_units(tmp_path / "po", DE_EN, "en")
    assert found.pairs == [("Öffnen", "Open"), ("Hilfe", "Help")]
    assert (found.files, found.passed_over, found.units, found.left_out) == (2, 2, 3, {"untranslated": 1})
    with pytest.raises(
        InkError, match=r"it is wanted \(the first of 4 files in .*po, none of which is in these languages\)"
    ):
        read_units(tmp_path / "po", ("it", "en"), "en")
    (tmp_path / "po" / "de.po").write_text("nonsense")
    with pytest.raises(InkError, match=r"de\.po is not a whole gettext catalogue"):
        read_units(tmp_path / "po", DE_EN, "en")


def test_a_folder_without_such_files_a_missing_file_and_another_kind_are_named(tmp_path: Path) -> None:
    with pytest.raises(InkError, match=r"holds no file of a format that is read \(\.tmx, \.po, \.xlf, \.xliff\)"):
        read_units(tmp_path, DE_EN, "en")
    with pytest.raises(InkError, match=r"gone\.tmx does not exist"):
        read_units(tmp_path / "gone.tmx", DE_EN, "en")
    (tmp_path / "memory.csv").touch()
    with pytest.raises(InkError, match=r"memory\.csv is of no format that is read.*give two text files with --text"):
        read_units(tmp_path / "memory.csv", DE_EN, "en")
