"""The two commands that take binarised text into an experiment, as the workflow calls them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner

from ink.cli import ink
from ink.config import load
from ink.runtime.whole_files import read_json, read_lines

REPOSITORY = Path(__file__).resolve().parents[2]


def run(*arguments: str | Path) -> None:
    result = CliRunner().invoke(ink, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output


def test_text_and_counts_are_where_the_workflow_expects_them(tiny: Any, tmp_path: Path) -> None:
    config = copy.deepcopy(load(REPOSITORY / "config" / "paper.yaml"))
    counts = read_json(tiny.data / "prepared.json", "sentences")["sentences"]
    config["domains"] = ["koran"]
    config["data"] |= {"source_language": "xx", "target_language": "yy"}
    config["data"]["binarised"]["folder"] = str(tiny.data.parent / "{domain}")
    config["data"]["binarised"]["sentences"]["koran"] = counts
    domain = tiny.data.name  # the folder's name stands for the domain's
    config["data"]["binarised"]["sentences"][domain] = counts
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    given = ("--config", tmp_path / "config.yaml", "--domain", domain)
    run("restore-corpus", *given, "--output", tmp_path / "corpus")
    summary, references = tmp_path / "summary.json", tmp_path / "references"
    folders = ("--corpus", tmp_path / "corpus", "--vocabulary", tiny.vocabulary, "--output", tmp_path / "binarised")
    run("adopt-corpus", *given, *folders, "--summary", summary, "--references", references)
    assert read_json(summary) == read_json(tmp_path / "binarised" / "prepared.json")
    assert read_json(summary)["sentences"] == counts
    assert read_json(summary)["domain"] == domain
    assert read_lines(references) == read_lines(tmp_path / "corpus" / "test.yy")
