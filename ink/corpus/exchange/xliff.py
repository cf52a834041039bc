"""XLIFF 1: units with a source and a target, in files that say their languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from translate.storage.xliff import Xliff1File

from ink.config.languages import LanguagePair, is_of
from ink.corpus.exchange.units import OtherLanguages, UnitPairs
from ink.corpus.exchange.xml_files import check_entities, holds_bare_elements, parse


def read_xliff(path: Path, data: bytes, languages: LanguagePair, msgid_language: str) -> UnitPairs:
    """Return the pairs of an XLIFF file, `data`, whichever of the two languages is its source.

    Units that are untranslated, in a state such as needs-review-translation, or not to be translated are left out and
    counted. OtherLanguages where no file within has the two languages.
    """
    found, foreign = UnitPairs(), dict[str, None]()
    units = parse(Xliff1File, path, data, "XLIFF 1").units
    for number, unit in enumerate(units, start=1):
        element = unit.xmlelement
        check_entities(element, f"{path}, line {element.sourceline}, unit {number} ({element.get('id')})")
        codes = _languages(unit)
        forwards, backwards = (
            all(is_of(code, language) for code, language in zip(order, languages, strict=True))
            for order in (codes, codes[::-1])
        )
        found.units += 1
        source, target = unit.source or "", unit.target or ""
        if not forwards and not backwards:
            foreign[" to ".join(code or "none" for code in codes)] = None
            found.left_out["in other languages"] += 1
        elif reason := _unfinished(unit, target):
            found.left_out[reason] += 1
        else:
            found.bare += any(holds_bare_elements(node) for node in (unit.source_dom, unit.target_dom))
            found.pairs.append((source, target) if forwards else (target, source))
    if foreign and found.left_out["in other languages"] == found.units:
        raise OtherLanguages(f"{path} translates {', '.join(foreign)}; {languages[0]} and {languages[1]} are wanted")
    return found


def _languages(unit: Any) -> tuple[str, str]:
    for file in unit.xmlelement.iterancestors(unit.namespaced("file")):
        return file.get("source-language") or "", file.get("target-language") or ""
    return "", ""


def _unfinished(unit: Any, target: str) -> str:
    state = unit.target_dom.get("state", "") if target.strip() else ""
    if not unit.istranslatable():
        return "not to be translated"
    if not target.strip():
        return "untranslated"
    return "unfinished" if state == "new" or state.startswith("needs-") else ""
