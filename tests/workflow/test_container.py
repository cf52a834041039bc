"""Jobs in a container: the config names the image, and an option of Snakemake asks for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ink.config import check, load
from ink.runtime.errors import InkError

MICRO = load(Path(__file__).with_name("micro.yaml"))
# takes the calls of the real one down, and does what it is asked to on the spot: the image is not looked at
APPTAINER = """#!/bin/bash
if [ "$1" = --version ]; then echo "apptainer version 1.3.4"; exit; fi
echo "$*" >> "$CALLS"
exec "${@: -3}"
"""
CALL = ("--configfile", "micro.yaml", "--config", "container=images/ink.sif")


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the calls of apptainer are, of which there is a stand-in."""
    programmes = tmp_path / "programmes"
    programmes.mkdir()
    (programmes / "apptainer").write_text(APPTAINER, encoding="utf-8")
    (programmes / "apptainer").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programmes}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return tmp_path / "calls"


@pytest.mark.usefixtures("without_tracking")
def test_a_job_runs_in_the_image_where_that_is_asked_for(workspace: Any, calls: Path) -> None:
    image = workspace.path / "images" / "ink.sif"
    image.parent.mkdir()
    image.touch()
    method = ("--software-deployment-method", "apptainer")
    done = workspace.snakemake("--cores", "1", *CALL, *method, "--until", "generate_corpus")
    assert done.code == 0, done.text
    (call,) = calls.read_text(encoding="utf-8").splitlines()
    assert "images/ink.sif" in call and "generate-corpus" in call
    assert workspace.files("work/micro/corpus/koran/train.*")


def test_without_the_option_the_image_has_no_effect(clone: Any, calls: Path) -> None:
    """Not even on what is planned: adding the setting runs nothing again."""
    with_image, without = clone.plan(*CALL), clone.plan(*CALL[:2])
    assert with_image.planned == without.planned
    assert not calls.exists()


@pytest.mark.parametrize("image", ["two words", "{domain}.sif", "", 3])
def test_what_is_no_image_is_refused(image: Any) -> None:
    with pytest.raises(InkError, match=r"container: found .*; allowed: null, or an image"):
        check({**MICRO, "container": image})
