"""The profile for Slurm names what the workflow has, and asks for what was counted at the paper's scale."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "benchmarks"))

import paper_scale
from rule_texts import rule_texts

from ink.config.slices.commands import READS

REPOSITORY = Path(__file__).resolve().parents[3]
SLURM, DEFAULT = (
    yaml.safe_load((REPOSITORY / "profiles" / name / "config.yaml").read_text(encoding="utf-8"))
    for name in ("slurm", "default")
)
RESOURCES = SLURM["set-resources"]
PROCESS = 1000  # MB that a process has before it holds anything


RULES = rule_texts()
LOCAL = {name for name, body in RULES.items() if "localrule: True" in body}
COUNTS = {
    count.__name__: count
    for count in (*paper_scale.TABLE2, *paper_scale.BEYOND)
    # jobs of train_ink_round and of build_adapted_datastore
    if count.__name__ not in ("ablations", "adapter_datastore")
}
LARGEST = {
    name: max((count(domain) for domain in paper_scale.DOMAINS), key=lambda cost: cost.jobs * cost.anonymous)
    for name, count in COUNTS.items()
}


def test_every_rule_that_is_sent_to_a_node_has_memory_and_time_and_no_other_is_named() -> None:
    assert {"table2", "figures", "report", "choose_ink"} <= LOCAL
    assert {"generate_corpus", "ingest_corpus", "train_base", "score", "measure_speed"} <= set(RULES) - LOCAL
    assert set(RESOURCES) == set(RULES) - LOCAL
    assert all({"mem_mb", "runtime"} <= set(requested) for requested in RESOURCES.values())
    assert set(SLURM["set-threads"]) <= set(RULES) - LOCAL


def test_what_holds_on_one_machine_holds_on_a_cluster() -> None:
    """But for the bound of GPUs, which the scheduler gives out there."""
    bounds = {"resources", "default-resources"}
    assert {name: SLURM.get(name) for name in set(DEFAULT) - bounds} == {
        name: value for name, value in DEFAULT.items() if name not in bounds
    }
    assert DEFAULT["resources"] == ["gpu=1"]
    assert "resources" not in SLURM


@pytest.mark.parametrize("rule", sorted(LARGEST))
def test_memory_and_time_are_enough_for_what_was_counted(rule: str) -> None:
    memory = LARGEST[rule].anonymous / 1e6 + PROCESS
    if rule == "train_ink_round":
        memory += paper_scale.LAW.keys / 1e6
    assert memory <= RESOURCES[rule]["mem_mb"] <= max(3 * memory, 8000)
    counts = COUNTS[rule]
    minutes = max(counts(domain).seconds(paper_scale.RATES["A100"]) / 60 for domain in paper_scale.DOMAINS)
    assert 2 * minutes <= RESOURCES[rule]["runtime"] <= max(3 * minutes, 120)


def test_a_rule_takes_a_gpu_where_its_command_computes_on_the_device() -> None:
    for name, body in RULES.items():
        command = re.search(r"\bink --log \{log:q\} (?:--threads \{threads\} )?([a-z-]+)", body)
        assert command is not None, name
        reads = READS[command[1]].model_fields if command[1] in READS else {}  # the page reads no settings
        computes = {"device", "index"} & set(reads)
        requested = re.search(
            r'gpu=(?:lambda wildcards: )?gpus\("([a-z-]+)"(?:, metric=\S+|, (config\S+\["processes"\]))?\),', body
        )
        assert (requested is not None) == ("gpu=" in body) == bool(computes), name
        if requested is not None:
            assert requested[1] == command[1], name
            # processes that train together have a GPU, and the cores of a process, each
            assert (f"* {requested[2]}\n" in body) == (requested[2] is not None), name
            assert ('["processes"]' in body) == (requested[2] is not None), name


def asked_for(plan: Any) -> dict[str, set[str]]:
    """Rule -> the GPUs that its jobs take, from a printed plan; jobs that say nothing take none."""
    found: dict[str, set[str]] = {}
    for name, body in re.findall(r"^(?:local)?rule (\w+):\n((?: .*\n)+)", plan.text, flags=re.MULTILINE):
        gpu = re.search(r"\bgpu=(\d+)", body)
        found.setdefault(name, set()).add("0" if gpu is None else gpu[1])
    return found


@pytest.mark.parametrize(
    ("override", "reading"), [("seeds=[1]", None), ("device=cuda", "device"), ("index={device: cuda}", "index")]
)
@pytest.mark.parametrize("profile", ["profiles/default", "profiles/slurm"])
def test_jobs_take_a_gpu_where_they_use_one(clone: Any, override: str, reading: str | None, profile: str) -> None:
    if profile == "profiles/slurm":
        pytest.importorskip("snakemake_executor_plugin_slurm", reason="make slurm installs it")
    # with a limit of cores, since a dry run otherwise prints the threads of one core
    plan = clone.plan("--workflow-profile", profile, "--cores", "2", "--config", override)
    assert plan.code == 0, plan.text
    requested = asked_for(plan)
    commands = {name: re.search(r'gpu=gpus\("([a-z-]+)"', RULES.get(name, "")) for name in requested}
    using = {name for name, found in commands.items() if found is not None and reading in READS[found[1]].model_fields}
    assert len(using) > 5 or reading is None
    assert requested == {name: {"1"} if name in using else {"0"} for name in requested}


@pytest.mark.failure(
    "Two at once and killed",
    "GPU jobs on one machine whose number nothing limits",
    "`device is cuda, and nothing limits how many jobs use it at a time; add gpu=1 to --resources [device/no-limit]`",
)
@pytest.mark.usefixtures("without_tracking")
def test_gpu_jobs_without_a_bound_are_refused_before_the_first_job(workspace: Any) -> None:
    """A list on the command line replaces the profile's, and its bound with it."""
    call = ("--cores", "2", "--configfile", "micro.yaml", "--config", "device=cuda", "--until", "generate_corpus")
    refused = workspace.snakemake(*call, "--resources", "mem_mb=8000")
    assert refused.code != 0
    message = "device is cuda, and nothing limits how many jobs use it at a time; add gpu=1 to --resources"
    assert f"{message} [device/no-limit]" in refused.text
    assert workspace.files("work/**/*") == []
    for bound in ([], ["--resources", "mem_mb=8000", "gpu=2"]):
        ran = workspace.snakemake(*call, *bound)
        assert ran.code == 0, ran.text
