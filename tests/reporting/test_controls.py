"""The table of controls from hypotheses made on purpose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ink.metrics.bleu import Bleu
from ink.reporting import controls
from ink.reporting.comparisons import Comparisons

AddRun = Callable[..., Any]
CONTROLS = {"koran": ["ink_exact_neighbours", "adapter_smoothing0.2"], "law": ["adapter_smoothing0.2"]}
ROWS = [
    *(("koran", "adapter_smoothing0.2"), ("koran", "adapter")),
    *(("koran", "ink_exact_neighbours"), ("koran", "ink"), ("law", "adapter_smoothing0.2"), ("law", "adapter")),
]
ERRORS = {"adapter_smoothing0.2": 0.35, "adapter": 0.4, "ink_exact_neighbours": 0.25, "ink": 0.3}


def compare(results: Path) -> Comparisons:
    return Comparisons(results, [*CONTROLS], [*ERRORS], 1, 100, 12345, Bleu("13a"))


def render(results: Path, seeds: Sequence[int] = (1,)) -> list[Path]:
    return controls.render(results, results / "tables", CONTROLS, seeds, compare(results))


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
