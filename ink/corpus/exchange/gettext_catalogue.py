"""Gettext catalogues (.po): msgid is the programme's own text, msgstr the translation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from translate.storage.poparser import PoParseError
from translate.storage.pypo import pofile

from ink.config.languages import LanguagePair, is_of
from ink.corpus.exchange.units import OtherLanguages, UnitPairs
from ink.runtime.errors import InkError

_UTF8 = ("", "CHARSET", "UTF-8", "UTF8", "ASCII", "US-ASCII")


def read_catalogue(path: Path, data: bytes, languages: LanguagePair, msgid_language: str) -> UnitPairs:
    """Return the pairs of a catalogue, `data`, whichever of the two languages it translates into.

    Obsolete, fuzzy and untranslated entries are left out and counted. The language of msgstr is the header's Language,
    else a part of the path such as de.po or de/LC_MESSAGES; the language of msgid is `msgid_language`. OtherLanguages
    where these are not the two requested.
    """
    store = _parse(path, data)
    header = store.parseheader() if any(unit.isheader() for unit in store.units) else {}
    translated_first = _translated_first(path, header, languages, msgid_language)
    found = UnitPairs()
    for unit in store.units:
        if unit.isheader():
            continue
        found.units += 1
        pairs = [(msgid, msgstr) for msgid, msgstr in _forms(unit) if msgid and msgstr]
        if (
            reason := "obsolete"
            if unit.isobsolete()
            else "fuzzy"
            if unit.isfuzzy()
            else ""
            if pairs
            else "untranslated"
        ):
            found.left_out[reason] += 1
            continue
        found.pairs += [(msgstr, msgid) if translated_first else (msgid, msgstr) for msgid, msgstr in pairs]
    return found


def _parse(path: Path, data: bytes) -> Any:
    advice = f"convert it with `msgconv --to-code=UTF-8 --output-file={path.name} {path.name}`"
    if (charset := re.search(rb'^"Content-Type:[^"\n]*charset=\s*([\w.-]*)', data, re.MULTILINE)) is not None:
        name = charset.group(1).decode("ascii", "replace")
        if name.upper() not in _UTF8:
            raise InkError(f"{path} is in {name}, and not UTF-8; {advice}", code="text/not-utf-8")
    try:
        return pofile.parsestring(data.removeprefix(b"\xef\xbb\xbf"))
    except UnicodeDecodeError as error:
        raise InkError(f"{path} is not valid UTF-8 ({error.reason}); {advice}", code="text/not-utf-8") from None
    except PoParseError as error:
        cause = " ".join(str(error).split())[:200]
        raise InkError(
            f"{path} is not a whole gettext catalogue ({cause}); `msgfmt -c {path.name}` says more",
            code="text/unknown-format",
        ) from None


def _translated_first(path: Path, header: Any, languages: LanguagePair, msgid_language: str) -> bool:
    """Whether msgstr is in the first of the two languages, and msgid in the second; OtherLanguages where neither."""
    msgid = header.get("X-Source-Language") or msgid_language
    places = [place for place, language in enumerate(languages) if is_of(msgid, language)]
    if not places:
        raise OtherLanguages(
            f"{path} translates from {msgid}, which is neither {languages[0]} nor {languages[1]}; if its msgid is in "
            "another language, say so with --msgid-language"
        )
    wanted = languages[1 - places[0]]
    language = header.get("Language", "").strip()
    if language and not is_of(language, wanted):
        raise OtherLanguages(f"{path} translates into {language} (Language in its header), and {wanted} is wanted")
    if not language and not any(is_of(part, wanted) for part in _parts(path)):
        raise OtherLanguages(
            f"{path} does not say into which language it translates; if it is {wanted}, add "
            f"'Language: {wanted}' to its header"
        )
    return places[0] == 1


def _parts(path: Path) -> Iterator[str]:
    """Yield the parts of a catalogue's path that may be its language's code: app-de.po, de/LC_MESSAGES/app.po."""
    yield path.stem
    yield from (path.stem.rpartition(sign)[2] for sign in ".-_")
    yield from (part.name for part in path.absolute().parents[:3])


def _forms(unit: Any) -> Iterator[tuple[str, str]]:
    """Yield msgid with msgstr, and of plural forms those that say the same.

    Of two forms both; msgid_plural with the last of several, which is the one for any number.
    """
    if not unit.hasplural():
        yield str(unit.source or ""), str(unit.target or "")
        return
    singular, plural = (str(form) for form in unit.source.strings[:2])
    translations = [str(form) for form in getattr(unit.target, "strings", [unit.target or ""])]
    if len(translations) == 2:
        yield singular, translations[0]
    yield plural, translations[-1]
