"""An SVG file as part of a page: what it names is renamed, so that two drawings on one page keep out of each other."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from markupsafe import Markup

from ink.runtime.errors import InkError

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
SMALLEST, LARGEST = 1.25, 1.8  # pixels of the page for a unit of the drawing, in which text is 6 to 8 high
_REFERENCE = re.compile(r"url\(#([^)]+)\)")


def inline_svg(path: Path, label: str) -> Markup:
    """Return the drawing as an element of a page, labelled for those who do not see it.

    Ids get the file's name in front, style sheets hold for this drawing alone, and what a drawing does not show
    (metadata, scripts) stays behind. InkError names a file that is no SVG.
    """
    path = Path(path)
    try:
        root = ElementTree.fromstring(path.read_bytes())
    except (OSError, ElementTree.ParseError) as error:
        raise InkError(f"{path} cannot be read as SVG ({error}); render it again", code="file/damaged") from None
    if root.tag != f"{{{SVG}}}svg":
        raise InkError(f"{path} is no SVG file; render it again", code="file/damaged")
    prefix = f"{path.stem}-"
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{SVG}}}metadata", f"{{{SVG}}}script"):
                parent.remove(child)
    for element in root.iter():
        for name, value in list(element.attrib.items()):
            element.set(name, _renamed(name, value, prefix))
        if element.tag == f"{{{SVG}}}style":
            element.text = f"#{prefix}drawing {{ {element.text or ''} }}"
    root.set("id", f"{prefix}drawing")
    root.set("role", "img")
    root.set("aria-label", label)
    # as wide as the page lets it be, within what keeps its text readable
    width = float(root.get("viewBox", "0 0 400 300").split()[2])
    root.set("style", f"min-width: {SMALLEST * width / 16:.1f}rem; max-width: {LARGEST * width / 16:.1f}rem")
    root.attrib.pop("width", None)
    root.attrib.pop("height", None)
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", XLINK)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _renamed(name: str, value: str, prefix: str) -> str:
    if name == "id":
        return prefix + value
    if name in ("href", f"{{{XLINK}}}href") and value.startswith("#"):
        return f"#{prefix}{value[1:]}"
    return _REFERENCE.sub(rf"url(#{prefix}\1)", value)
