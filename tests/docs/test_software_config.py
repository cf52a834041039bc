"""docs/translation-memory.md does what it says: its commands run as they stand, its settings are accepted."""

from __future__ import annotations

import copy
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from ink.cli import ink as ink_command
from ink.config import Config, check, has_training, load, mixed_domains, resolve, text_files

REPOSITORY = Path(__file__).resolve().parents[2]
TEXT = (REPOSITORY / "docs" / "translation-memory.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)


*IMPORTS, EDIT = blocks("bash")
(TRAINED,) = (yaml.safe_load(block) for block in blocks("yaml"))


def merged(config: Config, changes: Config) -> Config:
    """The settings of a file into which somebody has written `changes`."""
    found = copy.deepcopy(config)
    for key, value in changes.items():
        whole = not isinstance(value, dict) or key in ("splits", "train")
        found[key] = value if whole else merged(found.get(key) or {}, value)
    return found


def write_inputs() -> None:
    """What the commands read, in the present folder: enough segments for the sizes that they ask for."""
    pairs = [(f"Datei {number:b} öffnen", f"Open file {number:b}") for number in range(3000)]
    other = [(f"Seite {number:b} drucken", f"Print page {number:b}") for number in range(2500)]
    for name, found in (("product", pairs), ("everyday", other)):
        for side, language in enumerate(("de", "en")):
            Path(f"{name}.{language}").write_text("".join(f"{pair[side]}\n" for pair in found), encoding="utf-8")
    segments = '<tuv xml:lang="de-DE"><seg>{}</seg></tuv><tuv xml:lang="en-US"><seg>{}</seg></tuv>'
    for path, found in (("product.tmx", pairs), ("memories/field.tmx", [*other[:50], *pairs[:50]])):
        Path(path).parent.mkdir(exist_ok=True)
        units = "".join(f"<tu>{segments.format(*pair)}</tu>" for pair in found)
        Path(path).write_text(f'<tmx version="1.4"><header/><body>{units}</body></tmx>', encoding="utf-8")
    Path("po").mkdir()
    header = 'msgid ""\nmsgstr ""\n"Language: de\\n"\n'
    entries = "\n".join(f'msgid "{target}"\nmsgstr "{source}"\n' for source, target in pairs)
    Path("po/app.po").write_text(f"{header}\n{entries}", encoding="utf-8")


def test_every_import_runs_and_the_experiment_finds_its_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_inputs()
    outputs = []
    for block in IMPORTS:
        program, *arguments = shlex.split(block)
        assert program == "ink"
        done = CliRunner().invoke(ink_command, arguments, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        outputs.append(done.output)
    assert [output.split(":")[0] for output in outputs[:3]] == ["product.tmx", "po", "product.de, product.en"]
    assert all("text/product/test.de, .en: 1,500 pairs; " in output for output in outputs[:3])
    assert "50 pairs have a source sentence of the text to keep apart from" in outputs[3]
    config = merged(edited(), TRAINED)
    paths = [
        path
        for domain in ("product", "general")
        for one in text_files(config, domain)
        for path in (one.source, one.target)
    ]
    assert len(paths) == 6 + 8
    assert [path for path in paths if not Path(path).is_file()] == []


def edited() -> Any:
    """The experiment that the page's command makes of config/software.yaml."""
    command = EDIT.partition(" > ")[0]
    done = subprocess.run(shlex.split(command), cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return resolve(yaml.safe_load(done.stdout))


def test_the_experiment_is_complete_with_a_model_of_one_s_own_or_one_that_is_trained() -> None:
    config = edited()
    check(config)
    assert (config["experiment"], config["domains"], config["speed"]["domain"]) == ("product", ["product"], "product")
    assert config["data"]["files"]["pattern"] == "text/{domain}/{split}.{language}"
    trained = merged(config, TRAINED)
    check(trained)
    assert mixed_domains(trained) == ["general"]
    assert has_training(trained, "general")
    software = load(REPOSITORY / "config" / "software.yaml")
    assert {key for key, value in software.items() if trained[key] != value} == {
        *("experiment", "domains", "data", "text", "base_model", "knn_accuracy", "speed")
    }


def test_ink_alone_is_accepted() -> None:
    alone = {"systems": ["off_the_shelf", "ink"], "seeds": [1], "speed": {"domain": None}}
    alone |= {"ink": {"ablations": [], "controls": []}, "adapter": {"label_smoothings": []}}
    check(merged(edited(), alone))
