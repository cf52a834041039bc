from __future__ import annotations

import functools
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from sacrebleu.metrics import BLEU

from ink.cli.results import report
from ink.config import accuracy_domains, accuracy_systems, curve_systems, load, scored_variations, speed_systems
from ink.metrics.metric import Texts
from ink.metrics.score_files import score_translations
from ink.metrics.ter import Ter
from ink.runtime.whole_files import read_lines, sha256_of
from ink.systems.known_systems import SYSTEMS
from ink.systems.variations import variation_named

REPOSITORY = Path(__file__).resolve().parents[2]

SIGNATURE = "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"
ADAPTER_BYTES = {"adapter.safetensors": 1000}
WORDS = ["the", "line", "is", "long", "and", "a", "manager", "of", "leads", "it", "to", "old", "lead", "here"]
PAPER = Path(__file__).parents[2] / "results" / "paper"
NOTHING_DROPPED = {"empty": 0, "too_long": 0, "ratio": 0}
# seconds, largest memory, CPU seconds; the shortest jobs are not measured
BENCHMARKS = {
    "train_base": "200.5\t900.25\t190.0",
    "evaluate/ink/koran/seed1": "20.0\t700.0\t18.5",
    "evaluate/ink/medical/seed1": "21.5\t710.5\t19.0",
    "train_ink_round/ink/koran/seed1/4": "0.1\tNA\tNA",
    "table2": "5.0\t100.0\t4.0",
}
CALL = {
    "started": "2026-01-02T03:04:05+00:00",
    "command": ["snakemake", "--cores", "2", "--config", "seeds=[1, 2]"],
    "config_files": ["config/config.yaml"],
    "git_commit": "c0ffee",
    "platform": "Linux-6.1-x86_64",
    "processor": "a processor",
    "cores": 2,
    "python": "3.11.2",
    "packages": {"ink": "0.1.0", "torch": "2.13.0", "sacrebleu": "2.6.0"},
}


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
def add_ter() -> Callable[..., float]:
    """Score a run, hypotheses included, in TER as its job does; return the score."""

    def write(results: Path, system: str, domain: str, seed: int = 1) -> float:
        hypotheses = results / "hypotheses" / system / domain / f"seed{seed}.en"
        found = Ter().score(Texts(read_lines(hypotheses), read_lines(results / "references" / f"{domain}.en")))
        content = {"system": system, "domain": domain, "seed": seed, "score": found.score}
        content |= {"signature": found.signature, "hypotheses": sha256_of(hypotheses)}
        _write(results / "scores" / system / domain / f"seed{seed}.ter.json", [json.dumps(content)])
        return found.score

    return write


@pytest.fixture
def general_of() -> Callable[..., dict[str, Any]]:
    """Make the part of a score that tells what was forgotten."""

    def make(bleu: float, domain: str = "general", sentences: int = 300) -> dict[str, Any]:
        metric = {"score": bleu, "signature": SIGNATURE}
        return {"domain": domain, "sentences": sentences, "bleu": metric, "chrf": metric}

    return make


@pytest.fixture
def rows_of() -> Callable[[Path], list[list[str]]]:
    """Read the cells of the body of the first table in a Markdown file."""

    def read(markdown: Path) -> list[list[str]]:
        _, _, table = markdown.read_text(encoding="utf-8").partition("**\n\n")
        lines = table.partition("\n\n")[0].splitlines()
        return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]

    return read


def write_experiment(results: Path, config: dict[str, Any], errors: dict[str, float], sentences: int = 20) -> Path:
    """Write what a finished run of `config` leaves in `results`, the paper's numbers beside it; no table.

    errors: how often each system, and what varies it, gets a word wrong.
    """
    shutil.copytree(REPOSITORY / "results" / "paper", results.parent / "paper", dirs_exist_ok=True)
    results.mkdir(parents=True)
    (results / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    general = config["data"]["general_domain"]
    for domain in [*config["domains"], general]:
        generator = random.Random(domain)
        references = [" ".join(generator.choices(WORDS, k=generator.randint(5, 14))) for _ in range(sentences)]
        _write(results / "references" / f"{domain}.en", references)
        counts = {"sentences": {"train": 1500, "dev": 200, "test": sentences}, "dropped": NOTHING_DROPPED}
        counts["tokens"] = {"train": {"source": 30_000, "target": 28_000}}
        _write(
            results / "corpus" / f"{domain}.json",
            [json.dumps({**counts, "test_pairs_in_train": 0, "test_sources_in_train": 3})],
        )
        of_domain = [*config["systems"], *scored_variations(config, domain)] if domain != general else ["off_the_shelf"]
        for system in of_domain:
            generator = random.Random(f"{system} {domain}")
            variation = variation_named(system)
            wrong = errors[system if variation is None else variation.of]
            hypotheses = [
                " ".join(generator.choice(WORDS) if generator.random() < wrong else word for word in line)
                for line in map(str.split, references)
            ]
            _write(results / "hypotheses" / system / domain / "seed1.en", hypotheses)
            found = score_translations(hypotheses, references, "13a")
            forgotten = {"domain": general, "sentences": sentences, **found} if system != "off_the_shelf" else None
            scores = score_of(system, domain, 0, **found, sentences=sentences, general=forgotten)
            _write(results / "scores" / system / domain / "seed1.json", [json.dumps(scores)])
    _write_measures(results, config)
    for name, row in BENCHMARKS.items():
        _write(results / "benchmarks" / f"{name}.tsv", ["s\tmax_rss\tcpu_time", row])
    _write(results / "environment.json", [json.dumps([CALL])])
    return results


def _write_measures(results: Path, config: dict[str, Any]) -> None:
    """Write what Tables 3 and 5 are made of, and the training curves, where the config has them."""
    curves = [
        f"{system},{domain},1,{number},{34 * number},{12 + number - 2 * (system == 'ink')}.5"
        for domain in config["domains"]
        for system in curve_systems(config)
        for number in (1, 2, 3)
    ]
    if curves:
        _write(results / "curves.csv", ["system,domain,seed,pass,updates,dev_bleu", *curves])
    ks, edges = config["knn_accuracy"]["k"], config["knn_accuracy"]["bucket_edges"]
    buckets = len(edges) - 1
    for domain in accuracy_domains(config):
        shares = {str(k): [round(0.6 - 0.05 * place, 4) for place in range(buckets)] for k in ks}
        without_end = {f"{k}": 0.45 for k in ks}
        model = {"accuracy": shares, "accuracy_without_end_of_sentence": without_end}
        model |= {"missing_neighbours": 0, "model": "fingerprint", "entries": 9}
        found: dict[str, Any] = {
            "domain": domain,
            "seed": 1,
            "k": ks,
            "bucket_edges": edges,
            "positions": {"buckets": [50] * buckets, "beyond_the_last_edge": 0, "special_symbols": {"</s>": 20}}
            | {"without_end_of_sentence": 50 * buckets - 20},
            "dictionary": {"types": 2788, "special_symbols": 4},
            "models": dict.fromkeys(accuracy_systems(config), model),
            "measured": {"part": "dev", "languages": ["de", "en"]},
        }
        _write(results / "knn_accuracy" / domain / "seed1.json", [json.dumps(found)])
    if speed_systems(config):
        sizes = config["speed"]["batch_sentences"]
        batches = [
            {"batch_sentences": size, "mean": 9.5 + size, "deviation": 0.5, "tokens_a_hypothesis": 20.25}
            for size in sizes
        ]
        found = {
            "domain": config["speed"]["domain"],
            "seed": 1,
            "sentences": 128,
            "repeats": 3,
            "decoding": {"beam": 4},
            "hardware": {"device": "cpu", "gpu": None, "processor": "a processor", "cores": 4, "threads": 2},
            "systems": {name: {"model": name, "batches": batches} for name in speed_systems(config)},
        }
        _write(results / "speed" / f"{config['speed']['domain']}.json", [json.dumps(found)])


def _write(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def make_experiment(root: Path, **changed: Any) -> Path:
    """Write ROOT/results/small: the shipped experiment with two domains, parts of the config as given."""
    config = load(REPOSITORY / "config" / "config.yaml")
    config |= {"experiment": "small", "domains": ["medical", "koran"]}
    config["evaluation"]["bootstrap_samples"] = 50
    config["ink"]["ablations"] = {"medical": ["without_refresh", "without_l_r", "without_l_i"], "koran": []}
    for section, value in changed.items():
        config[section] = {**config[section], **value} if isinstance(value, dict) else value
    errors = {system: 0.5 - 0.03 * place for place, system in enumerate(SYSTEMS)}
    return write_experiment(root / "results" / "small", config, errors)


@pytest.fixture
def experiment(tmp_path: Path) -> Callable[..., Path]:
    """Make results/small as a run leaves it, nothing rendered."""
    return functools.partial(make_experiment, tmp_path)


@pytest.fixture(scope="session")
def rendered_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """results/small with its tables, figures and report; look, do not touch."""
    results = make_experiment(tmp_path_factory.mktemp("rendered"))
    done = CliRunner().invoke(report, [str(results)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return results


@pytest.fixture
def finished(rendered_once: Path, tmp_path: Path) -> Path:
    """Copy results/small with its tables, figures and report, to be changed."""
    shutil.copytree(rendered_once.parent, tmp_path / "results")
    return tmp_path / "results" / "small"
