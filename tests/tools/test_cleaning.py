"""What `ink clean` takes away and what it leaves."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from ink.cli import ink as ink_command
from ink.config import load
from ink.runtime.errors import InkError

MICRO = Path(__file__).parents[1] / "workflow" / "micro.yaml"
GOES = [
    "datastores/decoder_output/koran/keys.npy",
    "datastores/decoder_output/koran/index.faiss",
    "datastores/ink/koran/seed1/keys.npy",
    "neighbours/decoder_output/koran/ids.npy",
    "models/knn_kd/koran/seed1/model.pt",
    "ink/koran/seed1/rounds/1/state.pt",
    "ink/koran/seed1/datastores/2/keys.npy",
    "base_model/model.pt",
    "adapters/adapter/koran/seed1/epochs/1.safetensors",
    "binarised/.it.partial/dict.de.txt",
    "adapters/ink/koran/.seed1.unfinished/checkpoint.pt",
    "combiners/r_knn/koran/.seed1.partial/weights.safetensors",
    "vocabulary/.bpecodes.lock",
]
STAYS = [
    "adapters/adapter/koran/seed1/adapter.safetensors",
    "adapters/ink/koran/seed1/record.json",
    "combiners/v_knn/koran/combiner.json",
    "combiners/r_knn/koran/seed1/combiner.json",
    "combiners/r_knn/koran/seed1/weights.safetensors",
    "corpus/koran/train.de",
    "binarised/koran/prepared.json",
    "vocabulary/bpecodes",
]
RESULTS = ["scores/ink/koran/seed1.json", "tables/table2.csv", "hypotheses/ink/koran/seed1.en", "logs/train_base.log"]


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of a finished experiment, in the folder that the test works in."""
    monkeypatch.chdir(tmp_path)
    for name in [*(f"work/micro/{name}" for name in GOES + STAYS), *(f"results/micro/{name}" for name in RESULTS)]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(5000))
    (tmp_path / "work" / "other" / "datastores").mkdir(parents=True)
    return tmp_path


def clean(*arguments: str) -> Any:
    return CliRunner().invoke(ink_command, ["clean", str(MICRO), *arguments])


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_datastores_and_checkpoints_go_and_scores_stay(experiment: Path) -> None:
    done = clean()
    assert done.exit_code == 0, done.output
    assert files(experiment / "work" / "micro") == set(STAYS)
    assert files(experiment / "results" / "micro") == set(RESULTS)
    assert (experiment / "work" / "other" / "datastores").is_dir()
    assert re.fullmatch(r"freed [\d.]+ kB; results/micro stays", done.output.splitlines()[-1])
    again = clean()
    assert (again.exit_code, again.output) == (0, "work/micro has nothing to remove\n")


def test_the_base_model_is_kept_on_request(experiment: Path) -> None:
    assert clean("--keep-base-model").exit_code == 0
    assert files(experiment / "work" / "micro") == {*STAYS, "base_model/model.pt"}


def test_a_base_model_that_was_given_is_never_removed(
    experiment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load(MICRO)
    config["text"]["bpe_merges"] = None
    names = ("path", "bpe_codes", "source_dictionary", "target_dictionary")
    config["base_model"] = dict.fromkeys(names, "work/micro/base_model/model.pt")
    (tmp_path / "given.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    assert CliRunner().invoke(ink_command, ["clean", "given.yaml"]).exit_code == 0
    assert files(experiment / "work" / "micro") == {*STAYS, "base_model/model.pt"}


def test_all_of_work_goes_on_request(experiment: Path) -> None:
    assert clean("--all").exit_code == 0
    assert not (experiment / "work" / "micro").exists()
    assert (experiment / "work" / "other").is_dir()
    assert files(experiment / "results" / "micro") == set(RESULTS)


@pytest.mark.parametrize("more", [(), ("--all",)])
def test_a_dry_run_lists_sizes_and_removes_nothing(experiment: Path, more: tuple[str, ...]) -> None:
    before = files(experiment)
    done = clean("--dry-run", *more)
    assert done.exit_code == 0
    assert files(experiment) == before
    *listed, total = done.output.splitlines()
    assert total.startswith("would free ")
    assert all(line.endswith("kB") for line in listed)
    assert [line.split()[0] for line in listed] == (
        ["work/micro"]
        if more
        else [
            "work/micro/adapters/adapter/koran/seed1/epochs",
            "work/micro/adapters/ink/koran/.seed1.unfinished",
            "work/micro/base_model",
            "work/micro/binarised/.it.partial",
            "work/micro/combiners/r_knn/koran/.seed1.partial",
            "work/micro/datastores",
            "work/micro/ink",
            "work/micro/models",
            "work/micro/neighbours",
            "work/micro/vocabulary/.bpecodes.lock",
        ]
    )


@pytest.mark.failure(
    "Two at once and killed",
    "`ink clean` while the experiment is running",
    "`experiment ... is being run by process 4711 since ...; wait for it or stop it, then clean [job/already-running]`",
)
def test_nothing_goes_while_a_workflow_of_the_experiment_is_running(experiment: Path) -> None:
    before = files(experiment / "work")
    script = "from ink.runtime.experiment_lock import hold; hold('micro'); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdin is not None and running.stdout is not None
        running.stdout.readline()
        refused = clean()
        running.stdin.close()
    assert isinstance(refused.exception, InkError)
    assert f"experiment micro is being run by process {running.pid} since" in str(refused.exception)
    assert files(experiment / "work") == before


def test_a_link_is_left_to_its_owner(experiment: Path, tmp_path: Path) -> None:
    store = experiment / "work" / "micro" / "datastores"
    store.rename(tmp_path / "elsewhere")
    store.symlink_to(tmp_path / "elsewhere")
    refused = clean()
    assert isinstance(refused.exception, InkError)
    assert f"work/micro/datastores is a link to {tmp_path / 'elsewhere'}" in str(refused.exception)
    assert (tmp_path / "elsewhere" / "decoder_output").is_dir()
