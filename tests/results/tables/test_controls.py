"""The table of controls from hypotheses made on purpose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ink.metrics.bleu import Bleu
from ink.metrics.metric import Metric
from ink.metrics.ter import Ter
from ink.results.paired_comparisons import Comparisons
from ink.results.records.scores import Selection
from ink.results.tables import controls

AddRun = Callable[..., Any]
BLEU = Bleu("13a")
CONTROLS = {"koran": ["ink_exact_neighbours", "adapter_smoothing0.2"], "law": ["adapter_smoothing0.2"]}
ROWS = [
    *(("koran", "adapter_smoothing0.2"), ("koran", "adapter")),
    *(("koran", "ink_exact_neighbours"), ("koran", "ink"), ("law", "adapter_smoothing0.2"), ("law", "adapter")),
]
ERRORS = {"adapter_smoothing0.2": 0.35, "adapter": 0.4, "ink_exact_neighbours": 0.25, "ink": 0.3}


def compare(results: Path, seeds: Sequence[int] = (1,), metric: Metric = BLEU) -> Comparisons:
    return Comparisons(Selection(results, [*CONTROLS], [*ERRORS], seeds), metric, 100, 12345)


def render(results: Path, seeds: Sequence[int] = (1,)) -> list[Path]:
    return controls.render(results / "tables", CONTROLS, [compare(results, seeds)])


def add_all(add: AddRun, seeds: Sequence[int] = (1,)) -> None:
    for domain, system in ROWS:
        for seed in seeds:
            add(system, domain, ERRORS[system], seed)


def test_each_control_is_compared_with_what_it_varies(results: Path, add_run: AddRun, rows_of: Any) -> None:
    add_all(add_run)
    csv, markdown, _, _ = render(results)
    table = pd.read_csv(csv, float_precision="round_trip", keep_default_na=False, na_values=[""])
    assert [*zip(table["domain"], table["system"], strict=True)] == ROWS
    for row in table.to_dict("records"):
        if row["system"] in ("adapter", "ink"):
            assert pd.isna(row["baseline"]) and pd.isna(row["difference"])
            continue
        assert row["baseline"] == ("ink" if row["system"].startswith("ink") else "adapter")
        found = compare(results).of(row["system"], row["baseline"], [row["domain"]])
        assert found is not None
        assert [row[name] for name in ("difference", "lower", "upper", "p_value")] == [
            *(found.gain, found.lower, found.upper, found.p_value)
        ]
    shown = rows_of(markdown)
    assert shown[0][:3] == ["Koran", "Adapter (label smoothing 0.2)", "Adapter"]
    assert [row[1] for row in shown if len(row) > 1 and row[1]][2:4] == ["INK, exact neighbours", "INK"]


def test_several_seeds_are_compared_seed_by_seed(results: Path, add_run: AddRun) -> None:
    add_all(add_run, (1, 2, 3))
    table = pd.read_csv(render(results, (1, 2, 3))[0]).set_index(["domain", "system"])

    def bleu(system: str) -> pd.Series[float]:
        folder = results / "scores" / system / "koran"
        return pd.Series([pd.read_json(folder / f"seed{seed}.json")["bleu"]["score"] for seed in (1, 2, 3)])

    differences = bleu("ink_exact_neighbours") - bleu("ink")
    row = table.loc[("koran", "ink_exact_neighbours")]
    assert row["seeds"] == 3 and row["bleu"] == pytest.approx(bleu("ink_exact_neighbours").mean())
    assert row["difference_mean"] == pytest.approx(differences.mean())
    assert row["difference_deviation"] == pytest.approx(differences.std())
    assert row["difference"] == pytest.approx(differences[0])


def test_another_metric_has_a_table_of_its_own(results: Path, add_run: AddRun, add_ter: AddRun) -> None:
    add_all(add_run)
    for domain, system in ROWS:
        add_ter(results, system, domain)
    both = [compare(results), compare(results, metric=Ter())]
    csv, markdown, _, _ = controls.render(results / "tables", CONTROLS, both)
    table = pd.read_csv(csv).set_index(["domain", "system"])
    found = both[1].of("adapter_smoothing0.2", "adapter", ["law"])
    assert found is not None and found.gain < 0  # fewer errors
    assert table.loc[("law", "adapter_smoothing0.2"), "ter_difference"] == pytest.approx(found.gain)
    assert "below 0 the control is ahead" in markdown.read_text(encoding="utf-8").partition("**TER of controls")[2]
