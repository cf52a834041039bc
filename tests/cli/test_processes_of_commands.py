"""`ink train-adapter` where the config says that two processes train together."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

INK = Path(sys.executable).with_name("ink")


@pytest.mark.slow
def test_a_command_starts_its_processes_and_none_outlives_it(experiment: Any, spelled: Any) -> None:
    """They share its cores; its log has what the first one says; terminated it leaves nothing running."""
    experiment.write_config(training={"processes": 2, "checkpoint_updates": 1}, adapter={"max_epochs": 1})
    command = [str(INK), "--log", "job.log", "--threads", "2", *spelled("adapt", "--output", "out")]
    log = experiment.path("job.log")

    job = psutil.Popen(command, cwd=experiment.folder, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while len(started := [child for child in job.children() if "spawn_main" in " ".join(child.cmdline())]) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    job.terminate()
    job.wait(timeout=60)
    assert job.returncode == 143
    assert psutil.wait_procs(started, timeout=20)[1] == []
    assert not experiment.path("out").exists()

    ended = subprocess.run(command, cwd=experiment.folder, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert experiment.path("out/adapter.safetensors").exists()
    text = log.read_text(encoding="utf-8")
    assert text.count("adapter, epoch 1: dev BLEU") == 1
    assert text.count("adapter, epoch 1: loss") == 1
    assert "Warning" not in text
    assert "INFO" not in text


@pytest.mark.parametrize(("threads", "share"), [("4", "2"), ("1", "1"), ("3", "1")])
def test_a_process_takes_its_share_of_the_command_s_cores(threads: str, share: str) -> None:
    script = (
        "from ink.cli.threads import begin_process; begin_process(2)\n"
        "import faiss, os, torch\n"
        "print(torch.get_num_threads(), faiss.omp_get_max_threads(), os.environ['OMP_NUM_THREADS'])\n"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": threads}
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert ended.stdout.split() == [share] * 3
