"""The page stands alone: well-formed, without script or address, and its text is text whatever it holds."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from ink.runtime.escape import visible
from ink.tools.explanation.as_page import as_page, percent
from ink.tools.explanation.explanation import ExplainedSystem, Explanation

VOID = {"meta", "input", "br", "hr", "img", "link"}


class Page(HTMLParser):
    """What is on a page; every element must be closed in order."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.marked: list[str] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), (tag, names)
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "mark":
            self.marked.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag in ("td", "th"):
            self.text += " "

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data
        if "mark" in self.open:
            self.marked[-1] += data

    def having(self, name: str) -> list[str]:
        return [attributes[name] for _, attributes in self.elements if name in attributes]


@pytest.fixture
def source(about: ExplainedSystem, explanation: Explanation) -> str:
    other = replace(explanation, number=4, pieces=(explanation.pieces[0],) * 2)
    return as_page([explanation, other], about)


@pytest.fixture
def page(source: str) -> Page:
    return Page(source)


def test_it_needs_no_script_no_other_file_and_no_network(source: str, page: Page) -> None:
    assert source.startswith("<!doctype html>")
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form", "a"}
    assert not {name for _, attributes in page.elements for name in attributes} & {"src", "href", "srcset", "action"}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert not re.search(r"https?:|//|url\(|@import", re.sub(r"(?s)<body>.*", "", source).replace("<!doctype", ""))
    (policy,) = [value["content"] for _, value in page.elements if "http-equiv" in value]
    assert "default-src 'none'" in policy


@pytest.mark.failure(
    "Looking into a translation",
    "markup, control characters or turned writing in a sentence to explain",
    "text, on the terminal and on the page",
)
def test_hostile_text_is_text(page: Page, explanation: Explanation, about: ExplainedSystem) -> None:
    shown = visible(explanation.source)
    # the line, twice; its piece of two pieces, twice; the neighbour's source and the end of its target, three times
    assert page.text.count(shown) == 2 + 2 + 2 * 3
    assert page.text.count("ko<r>an") == 2
    assert "\x1b" not in page.text
    assert "\u202e" not in page.text


def test_every_token_opens_its_own_neighbours(source: str, page: Page) -> None:
    ids = page.having("id")
    assert len(set(ids)) == len(ids)
    choices = [attributes for tag, attributes in page.elements if tag == "input"]
    assert [choice["id"] for choice in choices] == [
        f"l{line}p{piece}t{token}" for line, piece in ((3, 1), (4, 1), (4, 2)) for token in (1, 2, 3)
    ]
    assert page.having("for") == [choice["id"] for choice in choices]
    # one of each piece is open at first
    assert [choice["name"] for choice in choices if "checked" in choice] == ["l3p1", "l4p1", "l4p2"]
    for choice in choices:
        assert f"{choice['id']}n" in ids
        assert f"#{choice['id']}:checked ~ .panels > #{choice['id']}n {{ display: block; }}" in source


def test_neighbours_are_marked_in_their_sentences(page: Page) -> None:
    # the first is the guide's
    assert page.marked == ["marked", *["merci", "good", "end"] * 3]
    text = " ".join(page.text.split())
    for message in (
        "= merci· share 0.700 distance 12.35 training line 204, token 2 of 9",
        "≠ good share 0.200 distance 1234 training line 31, token 2 of 4",
        "token 1 of 3, a piece of the word merciful",
        "Proposed by 1 of 3 neighbours",
        "1 more, share 0.100",
        "No neighbour was found.",
        "neighbours pkNN 0.700 × 0.600 0.420",
        "model pNMT 0.200 × 0.400 0.080",
        "together p 0.500 0.500",
        "Piece 2 of 2",
    ):
        assert message in text, message


def test_what_is_read_is_in_its_language_and_direction(page: Page) -> None:
    sides = [attributes for tag, attributes in page.elements if tag in ("dd", "p") and "dir" in attributes]
    assert sides
    assert {attributes["dir"] for attributes in sides} == {"auto"}
    assert {attributes["lang"] for attributes in sides} == {"de", "en"}


def test_bars_are_as_long_as_their_numbers() -> None:
    assert [percent(p) for p in (0.0, 0.1234, 1.0, 1.0000001, -1e-9)] == ["0.0%", "12.3%", "100.0%", "100.0%", "0.0%"]
    assert percent(0.7) == "70.0%"


def test_the_same_explanation_gives_the_same_page(
    about: ExplainedSystem, explanation: Explanation, source: str
) -> None:
    assert as_page([explanation], about) == as_page([explanation], about)
    assert "width:70.0%" in source


def test_a_language_of_a_region_or_script_is_named_as_html_names_it(
    explanation: Explanation, about: ExplainedSystem
) -> None:
    page = Page(as_page([explanation], replace(about, source_language="deu_Latn", target_language="pt_BR")))
    assert {attributes["lang"] for _, attributes in page.elements if "lang" in attributes} == {
        "en",
        "deu-Latn",
        "pt-BR",
    }
