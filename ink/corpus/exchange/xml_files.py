"""What TMX and XLIFF have in common: XML from anywhere, of which nothing is expanded or fetched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lxml import etree

from ink.runtime.errors import InkError


def parse(store: Any, path: Path, data: bytes, kind: str) -> Any:
    """Parse a file with the translate-toolkit's class `store`, which resolves no entities and loads no DTD.

    InkError names the line where it is not well-formed XML, and says so where it is not of this `kind`.
    """
    try:
        return store.parsestring(data)
    except etree.XMLSyntaxError as error:
        reason = " ".join(str(error.msg).split())
        raise InkError(
            f"{path}: not well-formed XML ({reason}); export it again, or correct that place",
            code="text/unknown-format",
        ) from None
    except (AssertionError, ValueError, LookupError, StopIteration) as error:
        reason = f" ({' '.join(str(error).split())})" if str(error) else ""
        raise InkError(
            f"{path} is not {kind}{reason}, though its name says so; rename it, or export it again",
            code="text/unknown-format",
        ) from None


def check_entities(element: Any, place: str) -> None:
    """Refuse a unit with an entity other than XML's own five: expanded it may be anything, left out text is missing."""
    for entity in element.iter(etree.Entity):
        raise InkError(
            f"{place}: the entity {entity.text} is not expanded; write the character itself and try again",
            code="text/unknown-format",
        )


def holds_bare_elements(element: Any) -> bool:
    """Whether an inline element within `element` has no text, so that nothing of it is in the segment's text."""
    return any(isinstance(inner.tag, str) and not "".join(inner.itertext()) for inner in element.iterdescendants())
