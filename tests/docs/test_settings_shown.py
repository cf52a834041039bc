"""Settings that the how-to pages show are accepted where a reader would write them: in an experiment's file."""

from __future__ import annotations

import copy
import re

import pytest
import yaml
from docs.prose import REPOSITORY

from ink.config import Config, check, load
from ink.runtime.errors import InkError

MINI = REPOSITORY / "config" / "config.yaml"
PAGES = ("gpu", "reducing", "choosing")


def blocks(page: str) -> list[Config]:
    text = (REPOSITORY / "docs" / f"{page}.md").read_text(encoding="utf-8")
    return [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)]


def written_into(config: Config, changes: Config) -> Config:
    """The settings of a file into which somebody has written `changes`."""
    found = copy.deepcopy(config)
    for key, value in changes.items():
        found[key] = written_into(found.get(key) or {}, value) if isinstance(value, dict) else value
    return found


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_shows_is_accepted(page: str) -> None:
    shown = blocks(page)
    assert shown
    for settings in shown:
        check(written_into(load(MINI), settings))


def test_a_misspelt_setting_is_seen() -> None:
    with pytest.raises(InkError, match="unknown key"):
        check(written_into(load(MINI), {"training": {"proceses": 2}}))
