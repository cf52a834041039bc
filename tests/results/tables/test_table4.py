"""Table 4 from hypotheses made on purpose, beside the paper's or above it."""

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
from ink.results.tables import table4
from ink.runtime.errors import InkError

AddRun = Callable[..., Any]
RowsOf = Callable[[Path], list[list[str]]]
ALL = ["ink_without_refresh", "ink_without_l_r", "ink_without_l_i"]
BLEU = Bleu("13a")
ERRORS = {"ink": 0.3, "ink_without_refresh": 0.4, "ink_without_l_r": 0.35, "ink_without_l_i": 0.2}


def compare(results: Path, domains: Sequence[str], seeds: Sequence[int] = (1,), metric: Metric = BLEU) -> Comparisons:
    return Comparisons(Selection(results, domains, ["ink", *ALL], seeds), metric, 100, 12345)


def render(results: Path, ablations: dict[str, list[str]], seeds: Sequence[int] = (1,)) -> list[Path]:
    return table4.render(results / "tables", ablations, [compare(results, [*ablations], seeds)])


def add_all(add: AddRun, domain: str, seeds: Sequence[int] = (1,)) -> None:
    for system, error in ERRORS.items():
        for seed in seeds:
            add(system, domain, error, seed)


def signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def test_medical_beside_the_paper_s(results: Path, add_run: AddRun, rows_of: RowsOf) -> None:
    add_all(add_run, "medical")
    csv, markdown, latex, html = render(results, {"medical": ALL[::-1]})
    table = pd.read_csv(csv, float_precision="round_trip").set_index("system")
    assert list(table.index) == [*ALL, "ink"]  # in the paper's order, whatever the config's
    for system in ALL:
        found = compare(results, ["medical"]).of(system, "ink", ["medical"])
        assert found is not None
        row = table.loc[system]
        assert row[["difference", "lower", "upper", "p_value"]].tolist() == [
            *(found.gain, found.lower, found.upper, found.p_value)
        ]
        assert row["difference"] == pytest.approx(row["bleu"] - table.loc["ink", "bleu"])
    assert table["paper_bleu"].tolist() == [56.95, 57.25, 57.26, 57.75]
    assert table["paper_difference"].tolist()[:3] == [-0.8, -0.5, -0.49]
    assert table.loc["ink", ["difference", "p_value", "paper_difference"]].isna().all()

    without, whole = table.loc["ink_without_l_i"], table.loc["ink"]
    rows = rows_of(markdown)
    interval = f"[{signed(without['lower'])}, {signed(without['upper'])}]"
    assert rows[2] == [
        *("INK w/o L\\_i", f"**{without['bleu']:.2f}**", signed(without["difference"]), interval),
        *(f"{without['p_value']:.3f}", "57.26", "−0.49"),
    ]
    assert rows[3] == ["INK", f"{whole['bleu']:.2f}", "–", "–", "–", "**57.75**", "–"]
    text = markdown.read_text(encoding="utf-8")
    assert "below 0 the part that is left out helps" in text
    assert "100 resamples, random seed 12345" in text and "training seed 1." in text
    assert "The paper's: Medical, German to English" in text
    assert "**The paper's Table 4" not in text and "–: not there" not in text
    assert r"\multicolumn" in latex.read_text(encoding="utf-8") and "The paper" in html.read_text(encoding="utf-8")


def test_another_domain_above_the_paper_s_table(results: Path, add_run: AddRun, rows_of: RowsOf) -> None:
    add_all(add_run, "koran")
    csv, markdown, _, _ = render(results, {"koran": ALL[1:2], "law": []})
    assert pd.read_csv(csv)[["domain", "system"]].values.tolist() == [["koran", ALL[1]], ["koran", "ink"]]
    ours, _, theirs = markdown.read_text(encoding="utf-8").partition(
        "**The paper's Table 4, of another domain: Medical."
    )
    assert "56.95" not in ours
    assert "| INK w/o datastore refresh | 56.95 | −0.80 |" in theirs and "| INK | **57.75** | – |" in theirs
    assert "Ours: Koran of this experiment" in theirs


def test_several_seeds_are_compared_seed_by_seed(results: Path, add_run: AddRun, rows_of: RowsOf) -> None:
    add_all(add_run, "medical", (1, 2, 3))
    csv, markdown, _, _ = render(results, {"medical": ALL}, (1, 2, 3))
    table = pd.read_csv(csv).set_index("system")

    def bleu(system: str) -> pd.Series[float]:
        folder = results / "scores" / system / "medical"
        return pd.Series([pd.read_json(folder / f"seed{seed}.json")["bleu"]["score"] for seed in (1, 2, 3)])

    differences = bleu(ALL[0]) - bleu("ink")
    row = table.loc[ALL[0]]
    assert row["seeds"] == 3
    assert row[["bleu", "bleu_deviation"]].tolist() == pytest.approx([bleu(ALL[0]).mean(), bleu(ALL[0]).std()])
    assert row[["difference_mean", "difference_deviation"]].tolist() == pytest.approx(
        [differences.mean(), differences.std()]
    )
    assert row["difference"] == pytest.approx(differences[0])
    shown = f"{signed(differences.mean())} ± {differences.std():.2f}"
    assert rows_of(markdown)[0][2:4] == [shown, signed(differences[0])]
    text = markdown.read_text(encoding="utf-8")
    assert "Ours seed 1 | Ours 95% interval" in text and "difference, interval and p of seed 1." in text


def test_several_domains_are_a_block_each(results: Path, add_run: AddRun, rows_of: RowsOf) -> None:
    add_all(add_run, "medical")
    add_all(add_run, "law")
    _, markdown, _, _ = render(results, {"medical": ALL[:1], "law": ALL[1:2]})
    rows = rows_of(markdown)
    assert [row[:2] for row in rows if row[0]] == [
        *(["Medical", "INK w/o datastore refresh"], ["Medical", "INK"], ["Law", "INK w/o L\\_r"], ["Law", "INK"])
    ]
    assert rows[-1][-2:] == ["–", "–"]  # the paper has no ablation on Law


def test_another_metric_has_a_table_of_its_own_by_its_own_direction(
    results: Path, add_run: AddRun, add_ter: AddRun, rows_of: RowsOf
) -> None:
    add_all(add_run, "medical")
    for system in ("ink", *ALL[1:]):
        add_ter(results, system, "medical")
    alone = [path.read_text(encoding="utf-8") for path in render(results, {"medical": ALL})]
    both = [compare(results, ["medical"]), compare(results, ["medical"], metric=Ter())]
    csv, markdown, _, html = table4.render(results / "tables", {"medical": ALL}, both)
    table = pd.read_csv(csv, float_precision="round_trip").set_index("system")
    found = both[1].of("ink_without_l_r", "ink", ["medical"])
    assert found is not None and found.gain > 0  # more errors
    assert table.loc["ink_without_l_r", ["ter_difference", "ter_lower", "ter_upper", "ter_p_value"]].tolist() == [
        *(found.gain, found.lower, found.upper, found.p_value)
    ]
    assert table["ter"].isna().tolist() == [True, False, False, False]
    text = markdown.read_text(encoding="utf-8")
    of_bleu, _, of_ter = text.partition("\n**TER of INK without one of its parts")
    assert of_bleu == alone[1]
    assert "Diff.: TER less INK's; above 0 the part that is left out helps." in of_ter
    assert "56.95" not in of_ter and "| System | TER | Diff. | 95% interval | p |" in of_ter
    best = f"**{table['ter'].min():.2f}**"
    assert table["ter"].idxmin() == "ink_without_l_i" and f"| INK w/o L\\_i | {best} |" in of_ter
    assert "–: not there" in of_ter and "–: not there" not in of_bleu
    assert html.read_text(encoding="utf-8").startswith(alone[3])


def test_what_is_missing_is_a_dash_or_named(results: Path, add_run: AddRun, add_result: Any, rows_of: RowsOf) -> None:
    with pytest.raises(InkError, match="no score under"):
        render(results, {"medical": ALL})
    add_run("ink_without_l_r", "medical", 0.3)
    _, markdown, _, _ = render(results, {"medical": ALL})
    assert rows_of(markdown)[0] == ["INK w/o datastore refresh", "–", "–", "–", "–", "56.95", "−0.80"]
    assert rows_of(markdown)[1][2:5] == ["–", "–", "–"]
    assert "–: not there, or INK's score on that domain is not." in markdown.read_text(encoding="utf-8")
    add_result("ink", "medical", 99, sentences=40)
    add_run("ink_without_refresh", "medical", 0.3)
    with pytest.raises(InkError, match=r"seed1\.LANGUAGE does not exist"):
        render(results, {"medical": ALL})


def test_a_repeat_is_the_same_bytes(results: Path, add_run: AddRun) -> None:
    add_all(add_run, "medical")
    first = [path.read_bytes() for path in render(results, {"medical": ALL})]
    assert [path.read_bytes() for path in render(results, {"medical": ALL})] == first
