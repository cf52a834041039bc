"""Translation memories in TMX: a unit has a segment in each of its languages."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from translate.misc.xml_helpers import getXMLlang
from translate.storage.tmx import tmxfile

from ink.config.languages import LanguagePair, normalised, position_of
from ink.corpus.exchange.units import OtherLanguages, UnitPairs
from ink.corpus.exchange.xml_files import check_entities, holds_bare_elements, parse


def read_tmx(path: Path, data: bytes, languages: LanguagePair, msgid_language: str) -> UnitPairs:
    """Return the pairs of a TMX file, `data`, in two languages, each of whatever region.

    A unit that has several segments in a language gives the one of the code requested, else the first. Inline
    elements keep their content, which is the markup that they stand for. OtherLanguages where no unit has both.
    """
    found, codes_found = UnitPairs(), Counter[str]()
    for number, unit in enumerate(parse(tmxfile, path, data, "TMX").units, start=1):
        name = unit.xmlelement.get("tuid")
        named = f"{number} ({name})" if name else str(number)
        check_entities(unit.xmlelement, f"{path}, line {unit.xmlelement.sourceline}, unit {named}")
        found.units += 1
        nodes = unit.getlanguageNodes()
        codes = [getXMLlang(node) or node.get("lang") or "" for node in nodes]
        codes_found.update({normalised(code) for code in codes})
        places = [position_of(language, codes) for language in languages]
        if lacking := [language for language, place in zip(languages, places, strict=True) if place is None]:
            found.left_out[f"without {lacking[0]}"] += 1
            continue
        chosen = [nodes[place] for place in places if place is not None]
        source, target = (unit.getNodeText(node) or "" for node in chosen)
        found.bare += any(holds_bare_elements(segment) for node in chosen for segment in node.iter("seg"))
        found.pairs.append((source, target))
    if found.units and not found.pairs:
        listed = ", ".join(f"{code or 'none'} ({count})" for code, count in codes_found.most_common(8))
        raise OtherLanguages(
            f"{path}: none of its {found.units} units has both {languages[0]} and {languages[1]}; its languages are "
            f"{listed}; name them with --source-language and --target-language"
        )
    return found
