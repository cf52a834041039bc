"""The results, in sentences, from tables written by hand."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from ink.metrics.bleu import Bleu
from ink.metrics.comet import Comet
from ink.metrics.ter import Ter
from ink.results.headline import headline
from ink.runtime.errors import InkError

BLEU = Bleu("13a")
DOMAINS = ["medical", "law", "it", "koran"]  # the paper's
PAPER = Path(__file__).parents[2] / "results" / "paper"
TABLE2 = """system,bleu_average
off_the_shelf,3.0
adapter,15.346
ink,15.12
own,16.0
v_knn,
ink_r_knn,25.2
"""


def write(results: Path, table2: str, gains: list[str]) -> Path:
    shutil.copytree(PAPER, results.parent / "paper", dirs_exist_ok=True)
    (results / "tables").mkdir(parents=True)
    (results / "tables" / "table2.csv").write_text(table2, encoding="utf-8")
    lines = ["system,baseline,domain,gain,lower,upper", *gains]
    (results / "tables" / "gains.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return results


def test_by_hand(tmp_path: Path) -> None:
    gains = [
        "own,off_the_shelf,average,13.0,12.5,13.5",
        "ink,off_the_shelf,koran,1.0,0.5,1.5",
        "v_knn,off_the_shelf,average,,,",
        "ink,adapter,average,-0.226,-0.67,0.21",
        "ink,r_knn,average,-5.5,-6.0,-5.0",
        "ink_r_knn,off_the_shelf,average,22.2,21.0,23.0",
        "ink_r_knn,ink,average,10.1,9.19,11.02",
    ]
    found = headline(write(tmp_path / "mini", TABLE2, gains), DOMAINS, [BLEU])
    assert [(one.place, one.label, one.score, one.paper) for one in found.ranking] == [
        (1, "own", 16.0, None),
        (2, "Adapter", 15.346, 46.85),
        (3, "INK", 15.12, 47.85),
        (4, "Off-the-shelf NMT", 3.0, 35.03),
        (None, "INK + R-kNN", 25.2, None),
    ]
    assert found.without_average == ["V-kNN"]
    assert found.sentences == [
        "Best on average is own, with BLEU 16.00: "
        "+13.00 BLEU, 95 % interval [+12.50, +13.50] over the unadapted model.",
        "INK and Adapter cannot be told apart: "
        "−0.23 BLEU, 95 % interval [−0.67, +0.21] on average, an interval that includes 0.",
        "INK is worse than R-kNN: −5.50 BLEU, 95 % interval [−6.00, −5.00] on average.",
        "INK + R-kNN is better than INK: +10.10 BLEU, 95 % interval [+9.19, +11.02] on average.",
    ]


@pytest.mark.parametrize(
    ("interval", "message"), [("0.01,0.9", "INK is better than"), ("-0.9,-0.01", "INK is worse than")]
)
def test_a_difference_that_is_certain(tmp_path: Path, interval: str, message: str) -> None:
    found = headline(write(tmp_path / "mini", TABLE2, [f"ink,adapter,average,0.4,{interval}"]), DOMAINS, [BLEU])
    assert found.sentences[1].startswith(message)


TABLE_IN_THREE = """system,comet_average,bleu_average,ter_average
adapter,50.0,15.0,40.0
ink,52.0,14.0,42.0
"""
FIELDS = [f"{prefix}{name}" for prefix in ("", "comet_", "ter_") for name in ("gain", "lower", "upper")]


def test_every_metric_has_its_say_and_the_first_ranks(tmp_path: Path) -> None:
    results = write(tmp_path / "mini", TABLE_IN_THREE, [])
    gains = ",".join(["system,baseline,domain", *FIELDS])
    gains += "\nink,adapter,average,-1.0,-2.0,0.5,2.0,1.0,3.0,-2.0,-3.0,-1.0\n"
    (results / "tables" / "gains.csv").write_text(gains, encoding="utf-8")
    found = headline(results, DOMAINS, [BLEU, Comet("wmt20-comet-da"), Ter()])
    assert [(one.label, one.score, one.paper) for one in found.ranking] == [
        ("Adapter", 15.0, 46.85),
        ("INK", 14.0, 47.85),
    ]
    assert found.sentences == [
        "Best on average is Adapter, with BLEU 15.00.",
        "INK and Adapter cannot be told apart: "
        "−1.00 BLEU, 95 % interval [−2.00, +0.50] on average, an interval that includes 0.",
        "Best on average is INK, with COMET 52.00.",
        "INK is better than Adapter: +2.00 COMET, 95 % interval [+1.00, +3.00] on average.",
        "Best on average is Adapter, with TER 40.00.",
        "INK is worse than Adapter: −2.00 gained in TER, 95 % interval [−3.00, −1.00] on average.",
    ]


def test_an_error_rate_ranks_the_lowest_first_and_the_paper_has_none(tmp_path: Path) -> None:
    ranked = headline(write(tmp_path / "mini", TABLE_IN_THREE, []), DOMAINS, [Ter()]).ranking
    assert [(one.place, one.label, one.paper) for one in ranked] == [(1, "Adapter", None), (2, "INK", None)]


def test_one_system_is_best_of_nothing(tmp_path: Path) -> None:
    found = headline(write(tmp_path / "mini", "system,bleu_average\nink,15.0\n", []), DOMAINS, [BLEU])
    assert [one.place for one in found.ranking] == [1]
    assert found.sentences == []


@pytest.mark.parametrize(
    ("domains", "printed"),
    [
        (DOMAINS, [46.85, 47.85]),  # as printed, though INK's four average 47.96
        (["it", "koran"], [pytest.approx((48.21 + 21.68) / 2), pytest.approx((49.12 + 23.06) / 2)]),
        (["koran"], [21.68, 23.06]),
        (["koran", "libreoffice"], [None, None]),
    ],
)
def test_the_paper_stands_beside_its_own_domains_alone(tmp_path: Path, domains: list[str], printed: list[Any]) -> None:
    results = write(tmp_path / "mini", "system,bleu_average\nadapter,15.0\nink,14.0\n", [])
    assert [one.paper for one in headline(results, domains, [BLEU]).ranking] == printed


def test_one_domain_is_no_average(tmp_path: Path) -> None:
    found = headline(write(tmp_path / "mini", TABLE2, ["ink,adapter,average,0.4,0.1,0.9"]), ["libreoffice"], [BLEU])
    assert found.sentences == [
        "Best is own, with BLEU 16.00.",
        "INK is better than Adapter: +0.40 BLEU, 95 % interval [+0.10, +0.90].",
    ]


def test_a_table_that_is_missing(tmp_path: Path) -> None:
    results = write(tmp_path / "my results" / "mini", TABLE2, [])
    (results / "tables" / "gains.csv").unlink()
    with pytest.raises(InkError, match=r"gains\.csv does not exist; ink report '.*/my results/mini' renders it first"):
        headline(results, DOMAINS, [BLEU])
