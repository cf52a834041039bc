"""Seeds of one experiment that ran on several machines become one folder of results."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from ink.cli.results import merge as command
from ink.cli.results import report
from ink.runtime.errors import InkError
from ink.tools.merging import merge
from ink.tools.publishing import publish


def run(*arguments: Any, of: Any = command) -> None:
    done = CliRunner().invoke(of, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output


def change_config(results: Path, **changed: Any) -> None:
    path = results / "config.yaml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    for section, value in changed.items():
        config[section] = {**config[section], **value} if isinstance(value, dict) else value
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")


def as_seed_2(results: Path) -> Path:
    """Make what another machine has: the same experiment with seed 2, in which INK translates as the Adapter did."""
    other = results.parent / "elsewhere"
    shutil.copytree(results, other)
    for domain in ("koran", "medical"):
        for kind, suffix in (("hypotheses", "en"), ("scores", "json")):
            adapter, ink = (other / kind / system / domain / f"seed1.{suffix}" for system in ("adapter", "ink"))
            ink.write_text(adapter.read_text("utf-8").replace('"adapter"', '"ink"'), encoding="utf-8")
    for path in [*other.rglob("seed1.*")]:
        path.write_text(path.read_text(encoding="utf-8").replace('"seed": 1', '"seed": 2'), encoding="utf-8")
        path.rename(path.with_name(path.name.replace("seed1", "seed2")))
    (call,) = json.loads((other / "environment.json").read_text(encoding="utf-8"))
    (other / "environment.json").write_text(json.dumps([call | {"git_commit": "beef"}]), encoding="utf-8")
    curves = pd.read_csv(other / "curves.csv").assign(seed=2)
    curves.to_csv(other / "curves.csv", index=False)
    change_config(other, seeds=[2], device="cuda:1", threads={"training": 3}, index={"device": "cuda:1"})
    return other


@pytest.fixture
def seeds(experiment: Callable[..., Path]) -> tuple[Path, Path]:
    """results/small, which has seed 1, and results/elsewhere, which has seed 2."""
    first = experiment()
    return first, as_seed_2(first)


def test_tables_are_of_the_seeds_of_all(seeds: tuple[Path, Path]) -> None:
    merged = seeds[0].parent / "both"
    run(*seeds, "--into", merged)
    config = yaml.safe_load((merged / "config.yaml").read_text(encoding="utf-8"))
    assert (config["experiment"], config["seeds"], config["device"]) == ("both", [1, 2], "cpu")
    by_seed = [
        json.loads((merged / f"scores/ink/koran/seed{seed}.json").read_text(encoding="utf-8"))["bleu"]["score"]
        for seed in (1, 2)
    ]
    assert by_seed[0] != by_seed[1]
    table = pd.read_csv(merged / "tables" / "table2.csv", index_col="system")
    assert table.loc["ink", "bleu_koran"] == pytest.approx(sum(by_seed) / 2)
    assert table.loc[["off_the_shelf", "v_knn", "a_knn", "ink"], "seeds"].tolist() == [1, 1, 2, 2]
    assert "training seeds 1, 2" in (merged / "tables" / "gains.md").read_text(encoding="utf-8")
    curves = pd.read_csv(merged / "curves.csv")
    assert curves.groupby(["system", "domain"])["seed"].unique().map(list).tolist() == [[1, 2]] * 4
    calls = json.loads((merged / "environment.json").read_text(encoding="utf-8"))
    assert [call["git_commit"] for call in calls] == ["c0ffee", "beef"]
    assert (merged / "report.html").is_file()


def test_copies_without_text_merge_to_the_same_tables(seeds: tuple[Path, Path]) -> None:
    for results in seeds:
        run(results, of=report)
    change_config(seeds[1], experiment="elsewhere")
    copies = [publish(results, without_text=True) for results in seeds]
    whole, without = seeds[0].parent / "both", copies[0].parent / "both"
    shutil.copytree(seeds[0].parent / "paper", without.parent / "paper")
    for parts, target in ((seeds, whole), (copies, without)):
        run(*parts, "--into", target)
    assert (without / "statistics").is_dir() and not (without / "hypotheses").exists()
    for path in (whole / "tables").iterdir():
        assert (without / "tables" / path.name).read_bytes() == path.read_bytes(), path.name


def test_what_was_merged_can_be_published(seeds: tuple[Path, Path]) -> None:
    merged = seeds[0].parent / "both"
    run(*seeds, "--into", merged)
    assert (publish(merged) / "scores/ink/koran/seed2.json").is_file()


def test_nothing_is_left_where_merging_fails(seeds: tuple[Path, Path]) -> None:
    (seeds[1] / "environment.json").write_text("[{}]", encoding="utf-8")
    with pytest.raises(InkError, match=r"environment\.json"):
        merge(seeds, seeds[0].parent / "both")
    assert not [path for path in seeds[0].parent.iterdir() if "both" in path.name]


def refused(parts: tuple[Path, ...], message: str, name: str = "both") -> None:
    with pytest.raises(InkError, match=message):
        merge(parts, parts[0].parent / name)
    assert not (parts[0].parent / name / "scores").exists() or name == "small"


def test_two_of_one_seed_are_refused(seeds: tuple[Path, Path]) -> None:
    refused((seeds[0], seeds[1], seeds[1]), r"elsewhere and .*elsewhere both have seed 2; name results of different")


def test_other_settings_are_refused_and_named(seeds: tuple[Path, Path]) -> None:
    change_config(seeds[1], ink={"alpha": 0.7})
    refused(seeds, r"are no seeds of one experiment: they differ in ink\.alpha \(\S+, 0\.7\); ink compare shows")


def test_another_test_set_is_refused(seeds: tuple[Path, Path]) -> None:
    path = seeds[1] / "references" / "koran.en"
    path.write_text(path.read_text(encoding="utf-8").replace("the", "these", 1), encoding="utf-8")
    refused(seeds, "the test references of koran in .* differ: their scores are of different test sets")


def test_another_base_model_is_refused(seeds: tuple[Path, Path]) -> None:
    for path in (seeds[1] / "scores").rglob("*.json"):
        path.write_text(path.read_text(encoding="utf-8").replace('"fingerprint"', '"other"'), encoding="utf-8")
    refused(seeds, r"have different base models \(fingerprint and other\): train it once")


def test_text_beside_counts_is_refused(seeds: tuple[Path, Path]) -> None:
    run(seeds[0], of=report)
    copy = publish(seeds[0], without_text=True)
    refused((copy, seeds[1]), "one has text and the other counts in its place; publish both with --without-text")


def test_a_folder_that_is_there_and_a_name_that_is_none_are_refused(seeds: tuple[Path, Path]) -> None:
    refused(seeds, "is there already", name="small")
    refused(seeds, "the folder's name is the experiment's, which is a plain folder name of letters", name="ü")


def test_one_folder_is_no_merge(seeds: tuple[Path, Path]) -> None:
    done = CliRunner().invoke(command, [str(seeds[0]), "--into", str(seeds[0].parent / "both")])
    assert done.exit_code == 2
    assert "name two folders of results or more" in done.output
