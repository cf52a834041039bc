"""Reading of a translator's file, or a folder of such files, by its suffix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ink.config.languages import LanguagePair
from ink.corpus.exchange.gettext_catalogue import read_catalogue
from ink.corpus.exchange.tmx import read_tmx
from ink.corpus.exchange.units import OtherLanguages, UnitPairs
from ink.corpus.exchange.xliff import read_xliff
from ink.runtime.errors import InkError

READERS: dict[str, Callable[[Path, bytes, LanguagePair, str], UnitPairs]] = {
    ".tmx": read_tmx,
    ".po": read_catalogue,
    ".xlf": read_xliff,
    ".xliff": read_xliff,
}


def read_units(path: Path, languages: LanguagePair, msgid_language: str) -> UnitPairs:
    """Return what a file, or every file in a folder and below, gives in two languages; unchanged, as units have it.

    In a folder, files of other languages are passed over and counted. InkError where all files are of other languages,
    where none is of a known kind, and where one cannot be read.
    """
    if not path.is_dir():
        return _read(path, languages, msgid_language)
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in READERS and file.is_file())
    if not files:
        raise InkError(
            f"{path} holds no file of a format that is read ({', '.join(READERS)})", code="text/unknown-format"
        )
    total, refused = UnitPairs(files=0), []
    for file in files:
        try:
            total.add(_read(file, languages, msgid_language))
        except OtherLanguages as error:
            refused.append(error)
    if not total.files:
        raise InkError(
            f"{refused[0]} (the first of {len(files)} files in {path}, none of which is in these languages)",
            code="text/other-language",
        )
    total.passed_over = len(refused)
    return total


def _read(path: Path, languages: LanguagePair, msgid_language: str) -> UnitPairs:
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InkError(
            f"{path} is of no format that is read: its name should end with one of {', '.join(READERS)}; "
            "give two text files with --text",
            code="text/unknown-format",
        )
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InkError(f"{path} does not exist", code="text/missing") from None
    except OSError as error:
        raise InkError(f"{path} cannot be read ({error.strerror})", code="file/unreadable") from None
    found = reader(path, data, languages, msgid_language)
    if not found.units:
        raise InkError(
            f"{path} holds no translation unit; export it again, or check that it is whole", code="text/empty"
        )
    return found
