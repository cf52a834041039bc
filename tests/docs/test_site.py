"""`make docs` writes a whole site: every page, command and setting, no broken link, nothing from another host."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from docs.prose import REPOSITORY
from lxml import html

from ink.cli import GROUPS
from ink.config.schema import schema

pytestmark = pytest.mark.xdist_group("site")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "site"
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)],
        cwd=REPOSITORY,
        check=True,
        env={"PATH": "", "PYTHONPATH": ":".join(sys.path), "NO_MKDOCS_2_WARNING": "1"},
    )
    return folder


def test_every_page_is_there_and_in_the_navigation(site: Path) -> None:
    navigation = {
        unquote(link.split("#")[0])
        for link in html.parse(site / "index.html").xpath("//nav//a/@href")
        if not link.startswith("http")
    }
    for page in (REPOSITORY / "docs").rglob("*.md"):
        name = str(page.relative_to(REPOSITORY / "docs").with_suffix(".html"))
        assert (site / name).is_file()
        assert name in navigation


def test_every_link_and_picture_leads_somewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        if page.name == "404.html":
            continue
        tree = html.parse(page)
        for link in tree.xpath("//a/@href | //img/@src"):
            name, _, anchor = unquote(link).partition("#")
            if name.startswith(("http:", "https:", "mailto:")):
                continue
            target = (page.parent / name) if name else page
            assert target.exists(), f"{page.relative_to(site)}: {link}"
            if anchor and target.suffix == ".html":
                there = html.parse(target).xpath("//*[@id=$name]", name=anchor)
                assert there or anchor == "__toc", f"{page.relative_to(site)}: {link}"


def test_nothing_comes_from_another_host(site: Path) -> None:
    for page in site.rglob("*.html"):
        tree = html.parse(page)
        for source in tree.xpath("//script/@src | //link[@rel='stylesheet']/@href | //img/@src"):
            assert not source.startswith(("http:", "https:", "//")), f"{page.relative_to(site)}: {source}"


def test_every_command_is_in_the_reference(site: Path) -> None:
    anchors = set(html.parse(site / "reference/commands.html").xpath("//h3/@id"))
    assert {f"ink-{command}" for group in GROUPS.values() for command in group} <= anchors


def test_an_option_has_its_default_or_is_required(site: Path) -> None:
    options: dict[str, set[tuple[str, str]]] = {}
    command = ""
    for element in html.parse(site / "reference/commands.html").xpath("//h3 | //tbody/tr"):
        if element.tag == "h3":
            command = element.get("id")
        else:
            name, *_, default = (cell.text_content().strip() for cell in element.xpath("td"))
            options.setdefault(command, set()).add((name, default))
    assert ("--domain", "required") in options["ink-train-adapter"]
    assert ("--beam", "") in options["ink-translate"]
    assert ("--batch-size", "") in options["ink-translate"]
    defaults = {default for found in options.values() for _, default in found}
    assert not [default for default in defaults if "UNSET" in default or default in ("None", "_required")]


def settings(rules: dict[str, Any], place: str = "") -> Iterator[tuple[str, str]]:
    """Yield every setting of a schema as section and key; `*` is any key of a mapping or entry of a list."""
    for kind in rules.get("anyOf", []):
        yield from settings(kind, place)
    for key, inner in rules.get("properties", {}).items():
        yield place, key
        yield from settings(inner, f"{place}.{key}" if place else key)
    for any_one in (rules.get("additionalProperties"), rules.get("items")):
        if isinstance(any_one, dict):
            yield from settings(any_one, f"{place}.*")


def test_every_setting_is_in_the_reference(site: Path) -> None:
    listed, section = set(), ""
    for element in html.parse(site / "configuration.html").xpath("//h2 | //tbody/tr/td[1]"):
        if element.tag == "h2":
            section = element.text_content().strip(" ¶\n")
        else:
            listed.add((section, element.text_content().strip()))
    # what each artefact of `downloads` has stands once
    wanted = {(re.sub(r"^downloads\.\w+", "downloads.*", place), key) for place, key in settings(schema())}
    sections = {f"{place}.{key}" if place else key for place, key in wanted}
    leaves = {
        (place or "The experiment", key)
        for place, key in wanted
        if not any(other.startswith(f"{place}.{key}." if place else f"{key}.") for other in sections)
    }
    assert len(leaves) > 150
    assert leaves - listed == set()
