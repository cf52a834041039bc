"""What the workflow plans of the paper's experiment on a machine that has nothing of it yet."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

from ink.config import load
from ink.tools.download.artefacts import ARTEFACTS
from ink.tools.download.provided_files import provided_files

REPOSITORY = Path(__file__).resolve().parents[2]
PAPER: dict[str, Any] = load(REPOSITORY / "config" / "paper.yaml")
DOMAINS, ROUNDS, ABLATIONS = 4, 200, 3
DOWNLOADS = {f"download_{name}": 1 for name in ARTEFACTS}
EVERYTHING = {
    "adopt_vocabulary": 1,
    "restore_corpus": DOMAINS,
    "adopt_corpus": DOMAINS,
    "build_datastore": DOMAINS,
    "store_neighbours": DOMAINS,
    "train_knn_kd": DOMAINS,
    "tune_v_knn": DOMAINS,
    "train_combiner": 3 * DOMAINS,
    "train_adapter": DOMAINS,
    "train_ink_round": (DOMAINS + ABLATIONS) * ROUNDS,
    "finish_ink": DOMAINS + ABLATIONS,
    "build_adapted_datastore": DOMAINS + 1,  # the Adapter's of Medical, for Table 3
    "evaluate": 9 * DOMAINS + ABLATIONS,
    "score": 9 * DOMAINS + ABLATIONS,  # COMET, for Tables 2 and 4
    "knn_accuracy": 1,
    "measure_speed": 1,
    **{f"table{number}": 1 for number in (1, 2, 3, 4, 5)},
    "gather_curves": 1,
    "figures": 1,
    "report": 1,
}


def touched(workspace: Any, names: list[str]) -> None:
    for name in names:
        for path in provided_files(PAPER)[name]:
            (workspace.path / path).parent.mkdir(parents=True, exist_ok=True)
            (workspace.path / path).touch()


def test_all_of_it_is_planned_downloads_first(clone: Any) -> None:
    plan = clone.plan("--configfile", "config/paper.yaml")
    assert plan.code == 0, plan.text
    assert plan.planned == {**DOWNLOADS, **EVERYTHING}
    # of the many that will have stopped none is worth reading a checkpoint of 1 GB for its hash
    later = re.findall(
        r"^rule train_ink_round:\n    input: (.*)\n    output: .*/rounds/(\d+)$", plan.text, re.MULTILINE
    )
    assert len(later) == EVERYTHING["train_ink_round"]
    assert {int(number) for files, number in later if ".pt" in files} == {1}
    assert not (clone.path / "downloads").exists()


def planned(workspace: Any, target: str, name: str = "config/paper.yaml", *more: str) -> dict[str, int]:
    """The jobs of one file of the scores, EXPERIMENT/FILE, of the off-the-shelf model on Koran."""
    experiment, file = target.split("/")
    plan = workspace.plan(f"results/{experiment}/scores/off_the_shelf/koran/{file}", "--configfile", name, *more)
    assert plan.code == 0, plan.text
    found: dict[str, int] = plan.planned
    assert set(found.values()) == {1}
    return found


SCORE = {"adopt_vocabulary", "restore_corpus", "adopt_corpus", "evaluate"}
COMET = {*SCORE, "score"}
MODEL_AND_TEXT = {"download_wmt19_model", "download_multi_domain_data"}


def test_a_job_waits_for_the_downloads_that_it_reads(clone: Any) -> None:
    assert planned(clone, "paper-scale/seed1.json").keys() == {*MODEL_AND_TEXT, *SCORE}
    assert planned(clone, "paper-scale/seed1.comet.json").keys() == {*DOWNLOADS, *COMET}


def test_what_is_there_is_not_fetched_whoever_brought_it(workspace: Any) -> None:
    touched(workspace, ["wmt19_model", "comet_model"])
    lacking = {*DOWNLOADS} - {"download_wmt19_model", "download_comet_model"}
    assert planned(workspace, "paper-scale/seed1.comet.json").keys() == {*lacking, *COMET}
    # another experiment of the folder shares it
    other = planned(workspace, "another/seed1.comet.json", "config/paper.yaml", "--config", "experiment=another")
    assert other.keys() == {*lacking, *COMET}


def test_without_the_download_the_missing_files_are_named(workspace: Any) -> None:
    config = copy.deepcopy(PAPER)
    del config["downloads"]["wmt19_model"]
    plan = workspace.plan("--configfile", workspace.write_config("mine.yaml", config))
    assert plan.code != 0
    assert "wmt19.de-en.ffn8192/dict.de.txt" in plan.text
    assert "Traceback" not in plan.text


def test_comet_may_come_from_the_hub(workspace: Any) -> None:
    config = copy.deepcopy(PAPER)
    config["downloads"] = {name: config["downloads"][name] for name in ("wmt19_model", "multi_domain_data")}
    config["evaluation"]["comet"] = {"model": "wmt20-comet-da", "encoder": None, "batch_sentences": 8}
    name = workspace.write_config("mine.yaml", config)
    assert planned(workspace, "paper-scale/seed1.comet.json", name).keys() == {*MODEL_AND_TEXT, *COMET}


def test_the_same_split_may_be_raw_text(workspace: Any, tmp_path: Path) -> None:
    """The alternative that the file describes."""
    config = copy.deepcopy(PAPER)
    splits = ["train", "dev", "test"]
    config["data"] |= {"source": "files", "binarised": None}
    config["data"]["files"] = {
        "pattern": f"{tmp_path}/{{domain}}.{{split}}.{{language}}",
        "splits": dict.fromkeys(config["domains"], splits),
        "split_seed": 1,
        "held_out": {"dev": 2000, "test": 2000},
    }
    del config["downloads"]["multi_domain_data"]
    for split in splits:
        for language in ("de", "en"):
            (tmp_path / f"koran.{split}.{language}").touch()
    found = planned(workspace, "paper-scale/seed1.json", workspace.write_config("mine.yaml", config))
    assert found.keys() == {"download_wmt19_model", "adopt_vocabulary", "ingest_corpus", "prepare_corpus", "evaluate"}
