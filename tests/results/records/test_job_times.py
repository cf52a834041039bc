from __future__ import annotations

from pathlib import Path

import pytest

from ink.results.records.job_times import Spent, renders, spent_by_rule


def write(results: Path, name: str, text: str) -> None:
    path = results / "benchmarks" / f"{name}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_by_hand(tmp_path: Path) -> None:
    heading = "s\th:m:s\tmax_rss\tmean_load\tcpu_time\n"
    write(tmp_path, "train_base", f"{heading}10.5\t0:00:10\t500.25\t99.0\t9.5\n")
    write(tmp_path, "evaluate/ink/koran/seed1", f"{heading}20.0\t0:00:20\t700.0\t99.0\t18.0\n")
    write(tmp_path, "evaluate/ink/law/seed1", f"{heading}0.25\t0:00:00\tNA\tNA\tNA\n")
    write(tmp_path, "choose_ink/koran/seed1", f"{heading}0.2\t0:00:00\tNA\tNA\tnan\n")
    write(tmp_path, "table2", f"{heading}0.2\t0:00:00\t90.0\t1.0\t99.0\n")
    write(tmp_path, "report", f"{heading}0.2\t0:00:00\t90.0\t1.0\t99.0\n")
    assert spent_by_rule(tmp_path) == [
        Spent("evaluate", 2, 18.0, 20.25, 700.0),
        Spent("train_base", 1, 9.5, 10.5, 500.25),
        Spent("choose_ink", 1, None, 0.2, None),
    ]


def test_start_up_is_of_the_time_that_was_measured(tmp_path: Path) -> None:
    heading = "s\tmax_rss\tcpu_time\n"
    for name, seconds in {"evaluate/ink/koran": "18.0", "evaluate/ink/law": "4.0", "evaluate/ink/it": "NA"}.items():
        write(tmp_path, name, f"{heading}20.0\t700.0\t{seconds}\n")
    write(tmp_path, "train_base", f"{heading}10.5\t500.25\t9.5\n")
    # two processes that train together; a job whose last seconds were not measured; one that was not measured at all
    for name, text in {"koran": "2.5\n1.25\n", "law": "4.5\n", "it": "1.5\n"}.items():
        (tmp_path / "benchmarks" / "evaluate" / "ink" / f"{name}.startup").write_text(text)
    evaluate, base = spent_by_rule(tmp_path)
    assert (evaluate.cpu_seconds, evaluate.startup_seconds) == (22.0, 3.75 + 4.0)
    assert base.startup_seconds is None


def test_nothing_measured(tmp_path: Path) -> None:
    assert spent_by_rule(tmp_path) == []


@pytest.mark.parametrize("rule", ["table1", "tables", "figure3", "leaderboard", "report", "all"])
def test_rules_that_render(rule: str) -> None:
    assert renders(rule)


@pytest.mark.parametrize("rule", ["evaluate", "measure_speed", "prepare_corpus"])
def test_rules_that_measure(rule: str) -> None:
    assert not renders(rule)
