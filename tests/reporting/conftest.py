from __future__ import annotations

import functools
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sacrebleu.metrics import BLEU

SIGNATURE = "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"
ADAPTER_BYTES = {"adapter.safetensors": 1000}
WORDS = ["the", "line", "is", "long", "and", "a", "manager", "of", "leads", "it", "to", "old", "lead", "here"]
PAPER = Path(__file__).parents[2] / "results" / "paper"


def score_of(system: str, domain: str, bleu: float, /, seed: int = 1, **other: Any) -> dict[str, Any]:
    """A score as a run writes it; chrF is BLEU + 20, to be told apart."""
    score = {
        "system": system,
        "domain": domain,
        "seed": seed,
        "sentences": 300,
        "bleu": {"score": bleu, "signature": SIGNATURE},
        "chrf": {"score": bleu + 20, "signature": "nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.6.0"},
        "general": None,
        "added_memory": {} if system == "off_the_shelf" else ADAPTER_BYTES,
        "decoding": {"seconds": 3.2, "sentences_per_second": 93.7, "batch_sentences": 32},
        "settings": {"beam": 4},
        "model": "fingerprint",
        "chosen": None,
    }
    return score | other


def write_score(results: Path, system: str, domain: str, bleu: float, /, seed: int = 1, **other: Any) -> Path:
    path = results / "scores" / system / domain / f"seed{seed}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(score_of(system, domain, bleu, seed, **other)), encoding="utf-8")
    return path


def write_run_under(
    results: Path, system: str, domain: str, error: float, seed: int = 1
) -> tuple[list[str], list[str]]:
    """Write references, hypotheses that get each word wrong with probability `error`, and their score."""
    generator = random.Random(domain)
    references = [" ".join(generator.choices(WORDS, k=generator.randint(4, 12))) for _ in range(40)]
    generator = random.Random(f"{system} {domain}" if seed == 1 else f"{system} {domain} {seed}")
    hypotheses = [
        " ".join(generator.choice(WORDS) if generator.random() < error else word for word in reference.split())
        for reference in references
    ]
    files = {
        results / "references" / f"{domain}.en": references,
        results / "hypotheses" / system / domain / f"seed{seed}.en": hypotheses,
    }
    for path, lines in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines))
    write_score(results, system, domain, BLEU().corpus_score(hypotheses, [references]).score, seed, sentences=40)
    return hypotheses, references


@pytest.fixture
def write_run(tmp_path: Path) -> Callable[..., tuple[list[str], list[str]]]:
    """Write a run, hypotheses included, under tmp_path."""
    return functools.partial(write_run_under, tmp_path)


@pytest.fixture
def add_score(tmp_path: Path) -> Callable[..., Path]:
    """Write a score where a run would, under tmp_path."""
    return functools.partial(write_score, tmp_path)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """An experiment's folder, with the paper's own numbers beside it."""
    shutil.copytree(PAPER, tmp_path / "paper")
    return tmp_path / "mini"


@pytest.fixture
def add_result(results: Path) -> Callable[..., Path]:
    """Write a score where a run would, under the experiment's folder."""
    return functools.partial(write_score, results)


@pytest.fixture
def add_run(results: Path) -> Callable[..., tuple[list[str], list[str]]]:
    """Write a run, hypotheses included, under the experiment's folder."""
    return functools.partial(write_run_under, results)


@pytest.fixture
def general_of() -> Callable[..., dict[str, Any]]:
    """Make the part of a score that tells what was forgotten."""

    def make(bleu: float, domain: str = "general", sentences: int = 300) -> dict[str, Any]:
        metric = {"score": bleu, "signature": SIGNATURE}
        return {"domain": domain, "sentences": sentences, "bleu": metric, "chrf": metric}

    return make


@pytest.fixture
def rows_of() -> Callable[[Path], list[list[str]]]:
    """Read the cells of a Markdown table's body."""

    def read(markdown: Path) -> list[list[str]]:
        lines = [line for line in markdown.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
        return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]

    return read
