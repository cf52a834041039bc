"""docs/adding-a-metric.md does what it says: by one entry its metric is in tables, figures, comparisons and MLflow."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

import ink.metrics
from ink.cli import ink as command_line
from ink.cli.results import report
from ink.config import check, load, separate_metrics
from ink.config.slices.commands import settings_for
from ink.config.slices.result_slices import ScoringSettings
from ink.metrics.known_metrics import METRICS
from ink.metrics.score_files import score_run
from ink.results.comparison_text import as_text
from ink.results.run_comparison import compare
from ink.runtime.whole_files import read_json, read_lines, write_lines
from ink.systems.layout import Run
from ink.tracking.journal import Journal
from ink.tracking.mlflow_run import mlflow_run_of

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "adding-a-metric.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)


MODULE, ENTRY, TEST = blocks("python")
(NAMED,) = (yaml.safe_load(block) for block in blocks("yaml"))
(PLACE,) = re.findall(r"^`ink/metrics/(\w+)\.py`:$", TEXT, flags=re.MULTILINE)


@pytest.fixture
def metric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The document's module where the others are, and its entry."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / f"{PLACE}.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.setattr(ink.metrics, "__path__", [*ink.metrics.__path__, str(tmp_path / "more")])
    monkeypatch.delitem(sys.modules, f"ink.metrics.{PLACE}", raising=False)
    monkeypatch.setitem(METRICS, PLACE, ())
    monkeypatch.delitem(METRICS, PLACE)
    exec(ENTRY, {"METRICS": METRICS})


def test_the_test_of_the_document_passes(metric: None) -> None:
    exec(compile(TEST, "adding-a-metric.md", "exec"), {})


def word_errors(hypotheses: list[str], references: list[str]) -> float:
    """PER once more, by striking out words one by one."""
    errors = words = 0
    for hypothesis, reference in zip(hypotheses, references, strict=True):
        left, wanted = hypothesis.split(), reference.split()
        words += len(wanted)
        longer = max(len(left), len(wanted))
        for word in wanted:
            if word in left:
                left.remove(word)
                longer -= 1
        errors += longer
    return 100 * errors / words


def test_the_metric_is_in_table_2_a_figure_a_comparison_and_mlflow(
    metric: None, experiment: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert NAMED == {"evaluation": {"metrics": ["bleu", "chrf", PLACE]}}
    results = experiment(evaluation={"metrics": [PLACE, "bleu", "chrf"]})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ink.tracking.safe_uploader.SafeUploader.upload", lambda *arguments: None)
    config = load(results / "config.yaml")
    check(config)
    assert separate_metrics(config) == [PLACE]
    for domain in config["domains"]:
        references = read_lines(results / "references" / f"{domain}.en")
        for language in ("de", "en"):
            write_lines(tmp_path / "corpus" / domain / f"test.{language}", references)
    values = {}
    for path in [*(results / "hypotheses").rglob("seed1.en")]:
        system, domain = path.parts[-3:-1]
        if domain not in config["domains"]:
            continue
        corpus, output = tmp_path / "corpus" / domain, results / "scores" / system / domain / f"seed1.{PLACE}.json"
        values[system, domain] = word_errors(read_lines(path), read_lines(corpus / "test.en"))
        if (system, domain) == ("ink", "koran"):
            run = f"--config results/small/config.yaml --metric {PLACE} --system ink --domain koran --seed 1"
            files = f"--corpus {corpus} --hypotheses {path} --output {output}"
            ended = CliRunner().invoke(command_line, f"score {run} {files}".split())
            assert ended.exit_code == 0, ended.exception
        else:
            settings = settings_for(config, ScoringSettings, domain, metric=PLACE)
            score_run(PLACE, Run(system, domain, 1), corpus, path, settings, output)
    done = CliRunner().invoke(report, [str(results)], catch_exceptions=False)
    assert done.exit_code == 0, done.output

    table = pd.read_csv(results / "tables" / "table2.csv").set_index("system")
    assert table.loc["ink", f"{PLACE}_koran"] == pytest.approx(values["ink", "koran"])
    assert table.loc["r_knn", f"{PLACE}_average"] == pytest.approx(
        (values["r_knn", "medical"] + values["r_knn", "koran"]) / 2
    )
    assert f"{PLACE}_koran_mark" in table.columns
    markdown = (results / "tables" / "table2.md").read_text(encoding="utf-8")
    heading, _, *rows = markdown.partition("\n\n")[2].partition("\n\n")[0].splitlines()
    column = heading.split(" | ").index("PER Koran")
    lowest = min(
        value for (system, domain), value in values.items() if domain == "koran" and system in table.index[:-1]
    )
    bold = {cell for row in rows if "**" in (cell := row.split(" | ")[column])}
    assert bold == {f"**{lowest:.2f}**"}
    assert "PER: split at white space." in markdown
    assert "In PER, INK over Adapter: Medical" in markdown

    gained = pd.read_csv(results / "tables" / "gains.csv").set_index(["system", "baseline", "domain"])
    row = gained.loc[("ink", "adapter", "koran")]
    assert row["gain"] == pytest.approx(values["adapter", "koran"] - values["ink", "koran"])  # by falling
    assert row["lower"] <= row["gain"] <= row["upper"]
    assert "**Gain in PER over another system" in (results / "tables" / "gains.md").read_text(encoding="utf-8")
    ablated = pd.read_csv(results / "tables" / "table4.csv").set_index("system")
    assert ablated.loc["ink", PLACE] == pytest.approx(values["ink", "medical"])
    assert ablated.loc["ink_without_l_r", "difference"] == pytest.approx(
        values["ink_without_l_r", "medical"] - values["ink", "medical"]
    )
    page = (results / "report.html").read_text(encoding="utf-8")
    assert re.search(r"Best on average is .*, with PER \d", page) and "Average PER over Medical, Koran" in page

    gain = pd.read_csv(results / "figures" / "figure4.csv").set_index(["domain", "system"])
    assert gain.loc[("koran", "ink"), "gain"] == pytest.approx(
        values["off_the_shelf", "koran"] - values["ink", "koran"]
    )
    figure = pd.read_csv(results / "figures" / "figure3.csv").set_index(["domain", "system"])
    assert figure.loc[("koran", "ink"), PLACE] == pytest.approx(values["ink", "koran"])

    compared = compare("small:adapter/koran/seed1", "small:ink/koran/seed1")
    (row,) = compared.rows.to_dict("records")
    assert row[f"{PLACE}_gain"] == pytest.approx(values["ink", "koran"] - values["adapter", "koran"])
    assert row[f"{PLACE}_lower"] <= row[f"{PLACE}_gain"] <= row[f"{PLACE}_upper"]
    assert "PER A" in as_text(compared)

    job = read_json(results / "runs" / "ink" / "koran" / "seed1" / "jobs" / f"score-{PLACE}.json")
    assert job["metrics"][f"test/{PLACE}"][0] == pytest.approx(values["ink", "koran"])
    shown = mlflow_run_of(Journal(results, Run("ink", "koran", 1)))
    assert shown is not None
    assert f"PER {values['ink', 'koran']:.2f}" in shown.tags["mlflow.note.content"]
