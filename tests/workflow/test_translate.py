"""`ink translate` with the systems that the micro experiment has trained, on lines of every kind."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from warm.programme import INK

from ink.runtime.whole_files import read_lines


def translate(folder: Path, text: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = ("--threads", "1", "translate", "--config", "results/micro/config.yaml", *arguments)
    return INK.run(*command, cwd=folder, input=text)


@pytest.mark.parametrize("system", ["off_the_shelf", "knn_kd", "v_knn", "r_knn_without_keys", "adapter", "ink_r_knn"])
def test_the_test_set_is_translated_as_it_was_scored(micro: Any, system: str) -> None:
    folder = micro[0].path
    source = (folder / "work/micro/corpus/koran/test.de").read_bytes()
    # all of it in one batch, as in the evaluation: fairseq's length limit follows the batch's longest source
    done = translate(folder, source, "--system", system, "--domain", "koran", "--batch-size", "32")
    assert done.returncode == 0, done.stderr.decode()
    scored = read_lines(folder / f"results/micro/hypotheses/{system}/koran/seed1.en")
    assert len(done.stdout.decode().splitlines()) == len(scored)
    assert done.stdout.decode().split("\n")[:-1] == scored


def test_a_copied_adapter_file_translates_as_the_system_it_was_trained_as(micro: Any, tmp_path: Path) -> None:
    folder = micro[0].path
    source = (folder / "work/micro/corpus/koran/test.de").read_bytes()
    carried = tmp_path / "koran.safetensors"
    shutil.copy(folder / "work/micro/adapters/ink/koran/seed1/adapter.safetensors", carried)
    by_file, by_system, unadapted = (
        translate(folder, source, "--scores", *chosen)
        for chosen in (
            ("--adapter", str(carried)),
            ("--system", "ink", "--domain", "koran"),
            ("--system", "off_the_shelf", "--domain", "koran"),
        )
    )
    assert by_file.returncode == 0, by_file.stderr.decode()
    assert by_file.stdout == by_system.stdout != unadapted.stdout
    described = INK.run("describe-adapter", carried, cwd=folder, text=True, check=True).stdout
    command = "ink finish-ink --config results/micro/config.yaml --domain koran --seed 1"
    assert {"system           ink", "domain           koran", f"trained with     {command}"} <= {
        *described.splitlines()
    }


@pytest.mark.failure(
    "Translating",
    "a line that is not UTF-8",
    "left empty, `line 3: not valid UTF-8 (...); left empty`, exit code 1 at the end",
)
@pytest.mark.failure(
    "Translating",
    "a line longer than the model's limit",
    "translated in pieces, `line 5: ... tokens are more than the model's ...; translated in 2 pieces`",
)
def test_every_line_is_answered_or_refused_by_number(micro: Any) -> None:
    lines = [
        b"Gott ist gut.",
        b"",
        b"\xff\xfe kaputt",
        "Ein \U0001f600 Zeichen\x07\u2028hier.".encode(),
        b"Wort " * 2000,
    ]
    done = translate(micro[0].path, b"\n".join(lines), "--system", "ink", "--domain", "koran", "--scores")
    found = done.stdout.decode().split("\n")[:-1]
    assert len(found) == len(lines)
    assert [line.partition("\t")[2] == "" for line in found[1:3]] == [True, True]
    assert all(line.partition("\t")[2] for line in (found[0], found[3], found[4]))
    assert done.returncode == 1
    message = done.stderr.decode()
    assert "line 3: not valid UTF-8" in message
    assert "line 5: " in message
    assert "pieces" in message
    assert "1 of the input's lines" in message


@pytest.mark.failure(
    "Translating",
    "a system that has not been trained",
    "`... has not been trained for koran; run: snakemake --cores all results/... [results/incomplete]`",
)
def test_what_was_not_trained_is_named_with_the_command_that_trains_it(micro: Any) -> None:
    done = translate(micro[0].path, b"", "--system", "ink", "--domain", "koran", "--seed", "7")
    assert done.returncode == 1
    assert "snakemake --cores all results/micro/scores/ink/koran/seed7.json" in done.stderr.decode()
