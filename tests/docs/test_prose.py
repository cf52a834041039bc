"""README, docs and docstrings keep to short sentences, and no link of any page is broken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs.prose import REPOSITORY, Sentence, average_words, of_docstrings, of_documents, sentences

LONGEST, AVERAGE = 35, 20  # words
README_LINES = 120
AMERICAN = re.compile(
    r"\b(?:colors?|colored|behaviors?|favor(?:s|ed|ite)?|neighbor\w*|centers?|centered|analyz(?:e[srd]?|ing)"
    r"|\w{3,}(?<!\bres)(?<!\bovers)iz(?:e|es|ed|ers?|ing|ations?)|label(?:ed|ing)|model(?:ed|ing)|cancel(?:ed|ing)"
    r"|travel(?:ed|ing)|catalogs?|dialogs?|gray|fulfill|defense|judgment|honor(?:s|ed)?|labor)\b",
    re.IGNORECASE,
)


def documents() -> list[Path]:
    outside = [REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "config/README.md")]
    return [*outside, *sorted((REPOSITORY / "docs").rglob("*.md"))]


def anchors(document: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and Markdown renderers make them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_sentences_of_readme_and_docs_are_short() -> None:
    found = of_documents()
    assert len(found) > 1000
    assert_short(found)


def test_sentences_of_docstrings_are_short() -> None:
    found = of_docstrings()
    assert len(found) > 2000
    assert_short(found)


def assert_short(found: list[Sentence]) -> None:
    assert [(each.words, each.file, each.text) for each in found if each.words > LONGEST] == []
    assert average_words(found) <= AVERAGE


def test_sentences_end_where_they_end_and_code_is_one_word() -> None:
    paragraph = "One two `a b. C` [three four](x.md). Five,\nsix e.g. Seven."
    text = f"# Title\n\n{paragraph}\n\n- eight\n- nine\n\n| ten | eleven |\n"
    found = [(each.text, each.words, each.in_table) for each in sentences("x.md", text)]
    assert found == [
        ("One two CODE three four.", 5, False),
        ("Five, six e.g Seven.", 4, False),
        ("eight", 1, False),
        ("nine", 1, False),
        ("ten", 1, True),
        ("eleven", 1, True),
    ]


@pytest.mark.parametrize("found", [of_documents(), of_docstrings()], ids=["README and docs", "docstrings"])
def test_spelling_is_british(found: list[Sentence]) -> None:
    """Outside code and quoted titles; artifacts are MLflow's own word, tokenizer.json is a file."""
    american = [
        (word, each.file, each.text)
        for each in found
        for word in AMERICAN.findall(re.sub(r'"[^"]*"|tokenizer\.json', "", each.text))
    ]
    assert american == []


def test_american_spelling_is_seen() -> None:
    words = "color favored neighbors center analyze normalizing initialization modeling canceled gray tokenizers"
    assert AMERICAN.findall(words) == words.split()
    assert not AMERICAN.findall("sizes, colours, neighbours, normalising, a prize, resized, seizing, centre, licensed")


def test_readme_stays_short() -> None:
    assert len((REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()) <= README_LINES


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_every_link_leads_to_a_page_and_to_a_heading_of_it(document: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
        if link.startswith("http"):
            continue
        name, _, anchor = link.partition("#")
        target = document.parent / name if name else document
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), link


def test_every_page_is_linked_from_the_readme_in_two_clicks_at_most() -> None:
    def linked(document: Path) -> set[Path]:
        links = re.findall(r"\]\(([^)\s#]+\.md)[^)]*\)", document.read_text(encoding="utf-8"))
        return {(document.parent / link).resolve() for link in links if not link.startswith("http")}

    readme = REPOSITORY / "README.md"
    first = linked(readme)
    reached = first | {page for document in first if document.exists() for page in linked(document)}
    assert set((REPOSITORY / "docs").rglob("*.md")) <= reached
