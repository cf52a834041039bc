"""Python, packages and commands, looked up without importing what is heavy."""

from __future__ import annotations

import os
import shutil
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from ink.runtime.errors import InkError
from ink.runtime.project import project_path
from ink.tools.doctor.finding import Finding, error, ok, warning

PROJECT_FILE = project_path("pyproject.toml")
FAISS = ("faiss-cpu", "faiss-gpu")
REPAIR = "run make environment" if project_path("Makefile").is_file() else "install ink-knn-mt again with pip"


def project() -> dict[str, Any]:
    """Return the project table of pyproject.toml."""
    try:
        found: dict[str, Any] = tomllib.loads(PROJECT_FILE.read_text(encoding="utf-8"))["project"]
    except FileNotFoundError:
        raise InkError(
            f"{PROJECT_FILE} is missing; install the package from its repository with {REPAIR}",
            code="project/incomplete",
        ) from None
    return found


def installed(name: str) -> Version | None:
    """Return the version of an installed package, None where there is none."""
    try:
        return Version(metadata.version(name))
    except metadata.PackageNotFoundError:
        return None


def python() -> Finding:
    """Check the version of Python against pyproject.toml's range."""
    version, allowed = Version(".".join(map(str, sys.version_info[:3]))), project()["requires-python"]
    if version in SpecifierSet(allowed):
        return ok("python", f"{version} ({sys.executable})")
    return error("python", f"{version} ({sys.executable}), but {allowed} is needed: name one with make PYTHON=...")


def packages(device: str) -> Iterator[Finding]:
    """Check every package that the code needs against pyproject.toml's ranges, and that there is one FAISS."""
    described = project()
    requirements = [Requirement(line) for line in described["dependencies"]]
    problems = []
    for requirement in requirements:
        version = installed(requirement.name)
        if version is None:
            problems.append(f"{requirement.name} is not installed ({requirement.specifier} is needed)")
        elif version not in requirement.specifier:
            problems.append(f"{requirement.name} is {version}, but {requirement.specifier} is needed")
    if problems:
        yield from (error("packages", f"{text}: {REPAIR}") for text in problems)
    else:
        yield ok(
            "packages", f"{len(requirements)} packages in the ranges of pyproject.toml, torch {installed('torch')}"
        )
    ranges = [Requirement(line) for extra in ("cpu", "gpu") for line in described["optional-dependencies"][extra]]
    yield faiss({one.name: one.specifier for one in ranges if one.name in FAISS}, device)


def faiss(ranges: dict[str, SpecifierSet], device: str) -> Finding:
    """Check that exactly one of the packages that bring the module `faiss` is there: each overwrites the other.

    `device`: index.device, which it has to support.
    """
    found = {name: version for name in FAISS if (version := installed(name)) is not None}
    if len(found) == 2:
        both = " and ".join(f"{name} {version}" for name, version in found.items())
        return error(
            "faiss", f"{both} are both installed and overwrite one another: make environment FAISS=cpu (or gpu)"
        )
    if not found:
        return error("faiss", "neither faiss-cpu nor faiss-gpu is installed: make environment FAISS=cpu (or gpu)")
    ((name, version),) = found.items()
    if version not in ranges[name]:
        return error("faiss", f"{name} is {version}, but {ranges[name]} is needed: {REPAIR}")
    if name == "faiss-cpu" and device != "cpu":
        return error(
            "faiss", f"{name} {version} knows no GPU, but index.device is {device}: make environment FAISS=gpu"
        )
    return ok("faiss", f"{name} {version}")


def compiler() -> Finding:
    """Check for a C++ compiler, which building fairseq needs; once it is built nothing does."""
    name = os.environ.get("CXX", "c++")
    found = shutil.which(name) or shutil.which("g++")
    if found:
        return ok("compiler", found)
    if installed("fairseq-fixed") is None:
        return error(
            "compiler", f"no C++ compiler ({name}, g++), and fairseq has to be compiled: install g++ or set CXX"
        )
    return warning("compiler", f"no C++ compiler ({name}, g++); fairseq is built already, a new environment needs one")


def commands() -> Iterator[Finding]:
    """Check that the commands of this environment are the ones that are found on PATH."""
    own = Path(sys.executable).parent
    for name in ("snakemake", "ink"):
        found = shutil.which(name)
        if found is None:
            yield error(name, f"not on PATH: source {own}/activate")
        elif Path(found).parent != own:
            yield warning(name, f"{found} is of another environment than {own}: source {own}/activate")
        else:
            yield ok(name, found)
