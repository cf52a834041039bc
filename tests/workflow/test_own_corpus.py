"""A person's own text and checkpoint through the real workflow, and what she sees when the text is wrong."""

from __future__ import annotations

import copy
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ink.config import load
from ink.runtime.whole_files import read_json, read_lines

REPOSITORY = Path(__file__).resolve().parents[2]
MICRO = load(Path(__file__).with_name("micro.yaml"))
SUBJECTS = {"Der Arzt": "The doctor", "Die Leitung": "The line", "Das Gericht": "The court", "Ein Bote": "A messenger"}
VERBS = {"prüft": "checks", "sieht": "sees", "findet": "finds"}
OBJECTS = {"den Text": "the text", "das Kabel": "the cable", "die Tür": "the door", "kein Wort": "no word"}
PAIRS = [
    (f"{subject} {verb} {object_}.", f"{SUBJECTS[subject]} {VERBS[verb]} {OBJECTS[object_]}.")
    for subject in SUBJECTS
    for verb in VERBS
    for object_ in OBJECTS
]


def write_text(folder: Path, domain: str, split: str, pairs: Sequence[tuple[str, str]]) -> None:
    folder.mkdir(exist_ok=True)
    for side, language in enumerate(("de", "en")):
        text = "\n".join(pair[side] for pair in pairs)  # the last line without newline is a line
        (folder / f"{domain}.{split}.{language}").write_text(text, encoding="utf-8")


def experiment(folder: Path, base: Path, **changes: Any) -> dict[str, Any]:
    """The micro experiment on text and checkpoint of one's own."""
    config: dict[str, Any] = copy.deepcopy(MICRO)
    config.update(experiment="own", domains=["koran", "it"], systems=["off_the_shelf", "adapter"])
    config["data"].update(source="files", general_domain=None, synthetic=None)
    config["data"]["files"] = {
        "pattern": f"{folder}/{{domain}}.{{split}}.{{language}}",
        "splits": {"koran": ["train", "dev", "test"], "it": ["dev", "test"]},
        "split_seed": 1,
        "held_out": {"dev": 5, "test": 5},
    }
    config["base_model"] = {
        "path": str(base / "base_model" / "model.pt"),
        "bpe_codes": str(base / "vocabulary" / "bpecodes"),
        "source_dictionary": str(base / "vocabulary" / "dict.de.txt"),
        "target_dictionary": str(base / "vocabulary" / "dict.en.txt"),
        "train": None,
    }
    config["text"]["bpe_merges"] = None
    config["adapter"]["max_epochs"] = 1
    config.update(changes)
    return config


@pytest.mark.slow
def test_own_text_and_checkpoint_run_to_the_tables(after_micro: Callable[[], Any], tmp_path: Path) -> None:
    workspace = after_micro()
    text, base = tmp_path / "Jörg's Texte", tmp_path / "his models & $HOME"
    shutil.copytree(workspace.path / "work" / "micro", base)
    write_text(text, "koran", "train", [*PAIRS[:30], ("", "An empty source."), (PAIRS[35][0], PAIRS[35][1])])
    write_text(text, "koran", "dev", PAIRS[30:34])
    write_text(text, "koran", "test", PAIRS[34:40])
    write_text(text, "it", "dev", PAIRS[40:43])
    write_text(text, "it", "test", [("", ""), *PAIRS[43:47]])
    config = experiment(text, base)
    name = workspace.write_config("own.yaml", config)
    run = workspace.snakemake("--cores", "2", "--configfile", name)
    assert run.code == 0, run.text[-5000:]
    assert run.planned == {
        "adopt_vocabulary": 1,
        "ingest_corpus": 2,
        "prepare_corpus": 2,
        "train_adapter": 1,
        "evaluate": 3,
        "table1": 1,
        "table2": 1,
        "figures": 1,
        "report": 1,
    }
    results = workspace.path / "results" / "own"
    assert read_lines(results / "references" / "it.en") == [pair[1] for pair in [("", ""), *PAIRS[43:47]]]
    assert len(read_lines(results / "hypotheses" / "off_the_shelf" / "it" / "seed1.en")) == 5
    prepared = read_json(results / "corpus" / "koran.json")
    assert prepared["sentences"] == {"train": 31, "dev": 4, "test": 6}
    assert prepared["dropped"] == {"empty": 1, "too_long": 0, "ratio": 0}
    assert prepared["test_pairs_in_train"] == 1
    score = read_json(results / "scores" / "adapter" / "koran" / "seed1.json")
    assert score["general"] is None
    assert score["sentences"] == 6
    table: Any = pd.read_csv(results / "tables" / "table2.csv").set_index("system").to_dict(orient="index")
    assert list(table) == ["off_the_shelf", "adapter"]
    assert pd.isna(table["adapter"]["bleu_it"])
    assert not pd.isna(table["off_the_shelf"]["bleu_it"])
    ours, theirs = [
        line for line in (results / "tables" / "table2.md").read_text().splitlines() if line.startswith("| Adapter")
    ]
    assert "60.14" in theirs, "the paper's table stands below"
    assert [cell.strip() for cell in ours.split("|")][4:6] == ["–", "–"]  # IT, and so the average
    assert not (results / "tables" / "general.md").exists()
    for path in [*text.iterdir(), Path(config["base_model"]["path"])]:
        path.touch()
    assert workspace.plan("--configfile", name).planned == {}, "the same text with a new time is the same text"
    with (text / "koran.test.de").open("a", encoding="utf-8") as file:
        file.write(" ")
    changed = workspace.plan("--configfile", name).planned
    assert changed["ingest_corpus"] == 1
    assert changed["evaluate"] == 2  # Koran's; IT's stays


def broken(folder: Path, name: str) -> list[str]:
    """Make the text wrong in one way; return what the error has to say."""
    source, target = folder / "koran.train.de", folder / "koran.train.en"
    if name == "different line counts":
        target.write_text("".join(f"{pair[1]}\n" for pair in PAIRS[:28]), encoding="utf-8")
        return [f"{source} has 30 lines and {target} has 28: line 29 of {source} has no counterpart"]
    if name == "not UTF-8":
        source.write_bytes(source.read_bytes().replace("Tür".encode(), "Tür".encode("latin-1"), 1))
        return [f"{source}, line 3: not valid UTF-8"]
    target.write_text("")
    return [f"{target} is empty"]


@pytest.mark.parametrize("name", ["different line counts", "not UTF-8", "an empty file"])
@pytest.mark.usefixtures("without_tracking")
def test_a_failed_job_shows_log_error_and_the_command_that_repeats_it(
    workspace: Any, tmp_path: Path, name: str
) -> None:
    text = tmp_path / "Jörg's Texte & $HOME"
    write_text(text, "koran", "train", PAIRS[:30])
    write_text(text, "koran", "dev", PAIRS[30:34])
    write_text(text, "koran", "test", PAIRS[34:40])
    expected = broken(text, name)
    config = workspace.write_config("own.yaml", experiment(text, tmp_path))
    failed = workspace.snakemake("work/own/corpus/koran", "--cores", "1", f"--configfile={config}")
    assert failed.code != 0
    assert "log: results/own/logs/ingest_corpus/koran.log\n" in failed.text
    for part in expected:
        assert f"  | error: {part}" in failed.text
    assert "Traceback" not in failed.text
    assert not (workspace.path / "work" / "own" / "corpus" / "koran").exists()
    (repeat,) = [line for line in failed.text.splitlines() if line.startswith("to repeat: ")]
    command = shlex.split(repeat.removeprefix("to repeat: "))
    assert command[0] == "ink"
    ink = str(Path(sys.executable).with_name("ink"))
    repeated = subprocess.run([ink, *command[1:]], cwd=workspace.path, capture_output=True, text=True)
    assert repeated.returncode == 1
    assert f"error: {expected[0]}" in repeated.stderr


REAL_TEXT = os.environ.get("INK_REAL_TEXT")


@pytest.mark.skipif(not REAL_TEXT, reason="INK_REAL_TEXT does not name a folder with real text")
def test_a_real_base_model_translates_real_text_as_it_should(workspace: Any, tmp_path: Path) -> None:
    """The first 100 lines of the Koran's test set: BLEU 3.2, chrF 21.0, where all 2,000 lines have 2.8 and 21.1."""
    real, text = Path(str(REAL_TEXT)), tmp_path / "text"
    lines = {language: read_lines(real / "corpora" / f"koran.test.{language}")[:100] for language in ("de", "en")}
    write_text(text, "koran", "test", list(zip(lines["de"], lines["en"], strict=True)))
    base = real / "base"
    config = load(REPOSITORY / "config" / "own-corpus.yaml")
    config.update(experiment="real", domains=["koran"], systems=["off_the_shelf"])
    config["knn_accuracy"]["domains"], config["speed"]["domain"] = [], None
    config["data"].update(general_domain=None)
    config["data"]["files"].update(pattern=f"{text}/{{domain}}.{{split}}.{{language}}", splits={"koran": ["test"]})
    config["base_model"].update(
        path=str(base / "model.pt"),
        bpe_codes=str(base / "bpecodes"),
        source_dictionary=str(base / "dict.de.txt"),
        target_dictionary=str(base / "dict.en.txt"),
    )
    scores = "results/real/scores/off_the_shelf/koran/seed1.json"
    run = workspace.snakemake(scores, "--cores", "2", f"--configfile={workspace.write_config('real.yaml', config)}")
    assert run.code == 0, run.text[-5000:]
    score = read_json(workspace.path / scores)
    assert score["bleu"]["score"] == pytest.approx(3.22, abs=0.3)
    assert score["chrf"]["score"] == pytest.approx(20.98, abs=0.5)
