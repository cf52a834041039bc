"""Packages and commands: what is missing, too old, twice there or another environment's."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from packaging.version import Version

from ink.tools.doctor import environment
from ink.tools.doctor.finding import ERROR, OK, WARNING


def with_versions(monkeypatch: pytest.MonkeyPatch, **versions: str | None) -> None:
    """Let packages be installed in these versions, None for not at all; others stay as they are."""
    real = environment.installed

    def pretended(name: str) -> Version | None:
        if (key := name.replace("-", "_")) in versions:
            version = versions[key]
            return None if version is None else Version(version)
        return real(name)

    monkeypatch.setattr(environment, "installed", pretended)


def test_this_environment_is_in_order() -> None:
    assert environment.python().status == OK
    assert [finding.status for finding in environment.packages("cpu")] == [OK, OK]


def test_another_python_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment.sys, "version_info", (3, 12, 1))
    found = environment.python()
    assert (found.status, found.text.split()[0]) == (ERROR, "3.12.1")
    assert ">=3.11" in found.text


def test_every_package_that_is_missing_or_too_old_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with_versions(monkeypatch, safetensors=None, snakemake="7.0", torch="2.13.0+cpu")
    found = [finding for finding in environment.packages("cpu") if finding.check == "packages"]
    assert [finding.status for finding in found] == [ERROR, ERROR]
    assert "safetensors is not installed (>=0.4 is needed)" in found[0].text
    assert "snakemake is 7.0, but <10,>=9.0 is needed" in found[1].text


@pytest.mark.failure(
    "Config",
    "faiss-cpu and faiss-gpu both installed",
    "`ink doctor`: `error  faiss  ... are both installed and overwrite one another`",
)
@pytest.mark.parametrize(
    ("versions", "device", "status", "message"),
    [
        ({"faiss_cpu": "1.15.1", "faiss_gpu": None}, "cpu", OK, "faiss-cpu 1.15.1"),
        ({"faiss_cpu": None, "faiss_gpu": "1.15.1"}, "cuda:1", OK, "faiss-gpu 1.15.1"),
        ({"faiss_cpu": "1.15.1", "faiss_gpu": "1.15.1"}, "cpu", ERROR, "are both installed and overwrite one another"),
        ({"faiss_cpu": None, "faiss_gpu": None}, "cpu", ERROR, "neither faiss-cpu nor faiss-gpu is installed"),
        ({"faiss_cpu": "1.7", "faiss_gpu": None}, "cpu", ERROR, "faiss-cpu is 1.7, but >=1.9 is needed"),
        ({"faiss_cpu": "1.15.1", "faiss_gpu": None}, "cuda", ERROR, "knows no GPU, but index.device is cuda"),
    ],
)
def test_there_is_one_faiss(
    monkeypatch: pytest.MonkeyPatch, versions: dict[str, str | None], device: str, status: str, message: str
) -> None:
    with_versions(monkeypatch, **versions)
    (found,) = [finding for finding in environment.packages(device) if finding.check == "faiss"]
    assert found.status == status
    assert message in found.text


@pytest.mark.parametrize(("fairseq", "status"), [("0.12.3.1", WARNING), (None, ERROR)])
def test_a_compiler_is_needed_until_fairseq_is_built(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fairseq: str | None, status: str
) -> None:
    with_versions(monkeypatch, fairseq_fixed=fairseq)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment.compiler().status == status


def test_commands_of_no_environment_and_of_another_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = Path(sys.executable).parent
    monkeypatch.setenv("PATH", str(own))
    assert [(finding.status, finding.text) for finding in environment.commands()] == [
        (OK, str(own / "snakemake")),
        (OK, str(own / "ink")),
    ]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert [finding.status for finding in environment.commands()] == [ERROR, ERROR]
    for name in ("snakemake", "ink"):
        (tmp_path / name).touch(mode=0o755)
    found = list(environment.commands())
    assert [finding.status for finding in found] == [WARNING, WARNING]
    assert f"{tmp_path}/ink is of another environment than {own}" in found[1].text
