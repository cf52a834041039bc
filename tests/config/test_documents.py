"""What is generated from the settings' models is current, and says of every setting what it is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from ink.cli import ink
from ink.config import load
from ink.config.documents import REFERENCE_PATH, documents
from ink.config.resolving import preset
from ink.config.schema import SCHEMA_PATH, schema
from ink.config.sections.experiment import Experiment
from ink.runtime.errors import InkError
from ink.systems.known_systems import SYSTEMS

REPOSITORY = Path(__file__).resolve().parents[2]
EXPERIMENTS = sorted((REPOSITORY / "config").glob("*.yaml"))


@pytest.mark.parametrize("path", [SCHEMA_PATH, REFERENCE_PATH], ids=lambda path: path.name)
def test_what_is_committed_is_what_is_generated(path: Path) -> None:
    assert documents()[path] == path.read_text(encoding="utf-8"), "run `make settings`"


def rows(page: str, section: str) -> dict[str, list[str]]:
    """The cells of a section's table, by setting."""
    heading = re.escape(section.replace("*", r"\*"))  # as Markdown has it
    (text,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", page, flags=re.MULTILINE | re.DOTALL)
    cells = [re.split(r"(?<!\\) ?\| ?", line)[1:-1] for line in text.splitlines() if line.startswith("| `")]
    return {name.strip("`"): rest for name, *rest in cells}


def test_the_page_has_every_setting_with_its_default_and_every_scale_s_value() -> None:
    page = REFERENCE_PATH.read_text(encoding="utf-8")
    training = rows(page, "training")
    assert [*training] == [*schema()["properties"]["training"]["properties"]]
    assert training["patience"][:2] == ["`10`", "a whole number of at least 1, or null, in epochs or rounds"]
    assert training["average_last"][0] == "`5`<br>mini: `3`<br>small: `1`"
    assert rows(page, "The experiment")["domains"][0] == "*required*"
    assert rows(page, "data.files.train_from.*.*")["weight"][0] == "*none*"

    def look(rules: dict[str, Any], place: str) -> None:
        for key, inner in rules["properties"].items():
            if "properties" in inner:
                look(inner, f"{place}.{key}" if place else key)
            else:
                assert key in rows(page, place or "The experiment"), (place, key)

    whole = dict(schema())
    whole["properties"] = {name: inner for name, inner in whole["properties"].items() if name != "downloads"}
    look(whole, "")


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.name)
def test_the_models_take_every_experiment_and_its_whole(path: Path) -> None:
    """The typed models allow what the schema made of them allows."""
    whole = load(path)
    typed = Experiment.model_validate(whole)
    assert typed.v_knn.lambda_ == whole["v_knn"]["lambda"]
    assert typed.plain() == whole


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.name)
def test_an_editor_takes_every_shipped_experiment(path: Path) -> None:
    """By the schema as it lies there, and any validator of JSON schema."""
    rules = yaml.safe_load(SCHEMA_PATH.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(rules)
    assert not list(Draft202012Validator(rules).iter_errors(yaml.safe_load(path.read_text(encoding="utf-8"))))
    assert rules["required"] == ["experiment", "domains", "data"]


def test_the_default_systems_are_all_of_the_paper_s() -> None:
    assert schema()["properties"]["systems"]["default"] == [*SYSTEMS]


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.name)
def test_config_show_prints_the_whole_and_where_values_are_from(path: Path) -> None:
    shown = CliRunner().invoke(ink, ["config", "show", str(path)], catch_exceptions=False)
    assert shown.exit_code == 0
    assert yaml.safe_load(shown.output) == load(path)
    origins = {line.split("  # ")[1] for line in shown.output.splitlines() if "  # " in line}
    scale = {f"scale {name}" for name in [yaml.safe_load(path.read_text(encoding="utf-8")).get("scale")] if name}
    assert origins == {str(path), "default", "this version of ink", *scale}


def test_config_show_prints_the_whole_for_scripts() -> None:
    path = REPOSITORY / "config" / "config.yaml"
    shown = CliRunner().invoke(ink, ["config", "show", "--json", str(path)], catch_exceptions=False)
    assert json.loads(shown.output) == load(path)


def test_config_show_names_the_origin_behind_each_value() -> None:
    path = "config/own-corpus.yaml"
    shown = CliRunner().invoke(ink, ["config", "show", str(REPOSITORY / path)], catch_exceptions=False).output
    values = preset("small")
    assert re.search(rf"^  lists: {values['index']['lists']} +# scale small$", shown, flags=re.MULTILINE)
    assert re.search(r"^  type: ivfpq +# default$", shown, flags=re.MULTILINE)
    assert re.search(r"^    splits: \{general: \[dev, test\], .*\} +# .*own-corpus\.yaml$", shown, flags=re.MULTILINE)


def test_config_show_refuses_what_the_workflow_would(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("experiment: a\ndomains: [b]\nscale: mimi\n", encoding="utf-8")
    result = CliRunner().invoke(ink, ["config", "show", str(path)])
    assert isinstance(result.exception, InkError) and "did you mean mini?" in str(result.exception)
