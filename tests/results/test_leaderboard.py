"""The leaderboard on results written by hand: its order, its fronts, its table, its figure, its place in the report."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from ink.cli.results import leaderboard as command
from ink.cli.results import report
from ink.metrics.bleu import Bleu
from ink.metrics.chrf import Chrf
from ink.metrics.ter import Ter
from ink.results.figures import leaderboard_figure
from ink.results.leaderboard import Leaderboard, leaderboard
from ink.results.records.decoding_speeds import Speeds
from ink.results.records.scores import Selection
from ink.results.tables import leaderboard_table
from ink.runtime.errors import InkError

Add = Callable[..., Path]
RowsOf = Callable[[Path], list[list[str]]]
CONFIG: dict[str, Any] = {
    "domains": ["koran", "law"],
    "systems": [],
    "datastore": {"shards": 1},
    "ink": {"search": False, "search_over": []},
    "v_knn": {"key": "decoder_output"},
    "r_knn": {"key": "decoder_output"},
    "own_systems": {},
    "reductions": {"half": {"method": "random", "keep": 0.5}},
}
SYSTEMS = ["off_the_shelf", "v_knn", "r_knn", "adapter", "ink", "v_knn+half"]
# BLEU, bytes, of both domains
MEASURED = {
    "off_the_shelf": (10.0, 0),
    "v_knn": (20.0, 500_000),
    "r_knn": (22.0, 3_000_000),
    "adapter": (25.0, 400_008),
    "ink": (26.0, 400_003),
    "v_knn+half": (18.0, 250_000),
}
SPEEDS = Speeds("law", 32, {"ink": 30.0, "r_knn": 40.0, "v_knn": 35.0}, "a processor, 2 of 4 cores")


@pytest.fixture
def board(results: Path, add_result: Add) -> Leaderboard:
    for system, (bleu, size) in MEASURED.items():
        for domain, more in (("koran", -1), ("law", 1)):
            add_result(system, domain, bleu + more, added_memory={"file": size})
    return leaderboard(Selection(results, ["koran", "law"], SYSTEMS, [1]), [Bleu("13a"), Chrf()], CONFIG, SPEEDS)


def test_the_best_comes_first_and_fronts_are_of_those_that_no_other_beats(board: Leaderboard) -> None:
    assert [entry.system for entry in board.entries] == [
        "ink",
        "adapter",
        "r_knn",
        "v_knn",
        "v_knn+half",
        "off_the_shelf",
    ]
    assert [entry.system for entry in board.entries if entry.memory_front] == ["ink", "v_knn+half", "off_the_shelf"]
    assert [entry.system for entry in board.entries if entry.speed_front] == ["ink", "r_knn"]
    by_name = {entry.system: entry for entry in board.entries}
    assert (by_name["ink"].scores["bleu"], by_name["ink"].memory, by_name["adapter"].speed) == (26.0, 800_006, None)
    assert (by_name["off_the_shelf"].training, by_name["ink"].training) == (0, None)


def test_some_bytes_of_a_file_s_header_put_nobody_on_the_front(results: Path, add_result: Add) -> None:
    add_result("adapter", "koran", 25, added_memory={"file": 800_016})
    add_result("ink", "koran", 24, added_memory={"file": 800_000})
    found = leaderboard(Selection(results, ["koran"], ["adapter", "ink"], [1]), [Bleu("13a")], CONFIG, None)
    assert [(entry.system, entry.memory_front) for entry in found.entries] == [("adapter", True), ("ink", False)]


def test_an_error_rate_ranks_the_lowest_first(
    results: Path, add_run: Callable[..., Any], add_ter: Callable[..., float]
) -> None:
    scores = {}
    for system, error in (("adapter", 0.1), ("ink", 0.6)):
        add_run(system, "koran", error)
        scores[system] = add_ter(results, system, "koran")
    found = leaderboard(Selection(results, ["koran"], ["ink", "adapter"], [1]), [Ter(), Bleu("13a")], CONFIG, None)
    assert scores["adapter"] < scores["ink"]
    assert [entry.system for entry in found.entries] == ["adapter", "ink"]
    assert [entry.memory_front for entry in found.entries] == [True, False]


def test_a_system_without_an_average_is_last_and_on_no_front(results: Path, add_result: Add) -> None:
    add_result("adapter", "koran", 99, added_memory={"file": 1})
    for domain in ("koran", "law"):
        add_result("ink", domain, 20, added_memory={"file": 5})
    found = leaderboard(Selection(results, ["koran", "law"], ["adapter", "ink"], [1]), [Bleu("13a")], CONFIG, None)
    assert [(entry.system, entry.memory_front) for entry in found.entries] == [("ink", True), ("adapter", False)]
    only = Selection(results, ["koran", "law"], ["adapter"], [1])
    with pytest.raises(InkError, match="no system has a score on each of koran, law: there is no leaderboard"):
        leaderboard(only, [Bleu("13a")], CONFIG, None)


def test_the_table(board: Leaderboard, results: Path, rows_of: RowsOf) -> None:
    csv, markdown, _, html = leaderboard_table.render(board, results / "tables")
    assert rows_of(markdown) == [
        ["**INK**", "**26.00**", "**46.00**", "0.80", "30.0", "–", "memory, speed", "42.48", "–", "–"],
        ["Adapter", "25.00", "45.00", "0.80", "–", "–", "–", "41.16", "–", "–"],
        ["R-kNN", "22.00", "42.00", "6.00", "**40.0**", "–", "speed", "42.27", "42.12", "–"],
        ["V-kNN", "20.00", "40.00", "1.00", "35.0", "–", "–", "40.98", "40.80", "42.51"],
        ["V-kNN + half", "18.00", "38.00", "0.50", "–", "–", "memory", "–", "–", "–"],
        ["Off-the-shelf NMT", "10.00", "30.00", "0.00", "–", "0", "memory", "30.87", "30.87", "31.52"],
    ]
    table = pd.read_csv(csv).set_index("system")
    assert list(table.columns) == [
        *("bleu", "chrf", "memory_bytes", "sentences_a_second", "training_cpu_seconds"),
        *("elsewhere_ink_paper", "elsewhere_knn_box", "elsewhere_knn_models", "memory_front", "speed_front"),
    ]
    assert table.loc["ink", ["memory_bytes", "memory_front", "speed_front"]].tolist() == [800_006, "yes", "yes"]
    assert pd.isna(table.loc["adapter", "sentences_a_second"])
    text = markdown.read_text(encoding="utf-8")
    assert "on Law with 32 sentences a batch" in text and "a processor, 2 of 4 cores" in text
    assert "<strong>INK</strong>" in html.read_text(encoding="utf-8")


def test_the_figure_plots_every_system_that_was_measured(board: Leaderboard, results: Path) -> None:
    svg, png, csv, markdown = leaderboard_figure.render(board, results / "figures")
    assert [path.name for path in (svg, png, markdown)] == [f"leaderboard.{end}" for end in ("svg", "png", "md")]
    table = pd.read_csv(csv)
    memory, speed = (table[table["axis"] == axis].set_index("system") for axis in ("memory", "speed"))
    assert set(memory.index) == set(SYSTEMS) and set(speed.index) == {"ink", "r_knn", "v_knn"}
    assert memory.loc["ink", ["memory_bytes", "bleu", "front"]].tolist() == [800_006, 26.0, True]
    assert speed.loc["v_knn", ["sentences_a_second", "front"]].tolist() == [35.0, False]
    drawn = leaderboard_figure.draw(board)
    assert [axes.get_title("left") or axes.get_title() for axes in drawn.axes] == ["BLEU and memory", "BLEU and speed"]
    (bold,) = {text.get_text() for axes in drawn.axes for text in axes.texts if text.get_fontweight() == "bold"}
    assert bold == "INK"


def test_without_speed_there_is_one_panel_and_the_table_says_so(
    results: Path, add_result: Add, rows_of: RowsOf
) -> None:
    add_result("off_the_shelf", "koran", 10)
    found = leaderboard(Selection(results, ["koran"], ["off_the_shelf"], [1]), [Bleu("13a")], CONFIG, None)
    assert len(leaderboard_figure.draw(found).axes) == 1
    _, markdown, _, _ = leaderboard_table.render(found, results / "tables")
    assert rows_of(markdown)[0][:6] == ["Off-the-shelf NMT", "10.00", "0.00", "–", "0", "memory"]
    assert "Speed has not been measured" in markdown.read_text(encoding="utf-8")


def invoked(what: Any, *arguments: str) -> None:
    CliRunner().invoke(what, arguments, catch_exceptions=False)


def test_it_is_in_the_report_where_the_config_has_it(experiment: Callable[..., Path]) -> None:
    results = experiment(leaderboard=True)
    invoked(report, str(results))
    html = (results / "report.html").read_text(encoding="utf-8")
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    sections = re.findall(r'<section id="([^"]+)">', html)
    assert sections.index("leaderboard") < sections.index("table2")
    assert sections.index("leaderboard-figure") < sections.index("figure3")


def test_the_command_renders_it_for_results_whose_config_has_none(experiment: Callable[..., Path]) -> None:
    results = experiment()
    invoked(command, "--config", str(results / "config.yaml"), "--results", str(results))
    assert (results / "tables" / "leaderboard.md").is_file() and (results / "figures" / "leaderboard.png").is_file()
    before = (results / "figures" / "leaderboard.svg").read_bytes()
    invoked(command, "--config", str(results / "config.yaml"), "--results", str(results))
    assert (results / "figures" / "leaderboard.svg").read_bytes() == before
