"""The report's page from results written by hand."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ink.cli.results import report
from ink.results.page.page import duration, render
from ink.runtime.errors import InkError

Make = Callable[..., Path]
VOID = {"meta", "br", "hr", "img", "input", "link", "path", "use", "col"}


class Elements(HTMLParser):
    """Collects tags with their attributes and text, and checks that what is opened is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def rendered(results: Path) -> str:
    done = CliRunner().invoke(report, [str(results)], catch_exceptions=False)
    assert done.exit_code == 0
    return (results / "report.html").read_text(encoding="utf-8")


def page_only(results: Path) -> str:
    CliRunner().invoke(report, ["--page-only", str(results)], catch_exceptions=False)
    return (results / "report.html").read_text(encoding="utf-8")


@pytest.fixture
def html(rendered_once: Path) -> str:
    return (rendered_once / "report.html").read_text(encoding="utf-8")


def test_the_page_is_whole_and_needs_nothing_else(html: str) -> None:
    page = Elements(html)
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & {tag for tag, _ in page.found}
    for _, attributes in page.found:
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("href", "src", "xlink:href", "action"):
                assert value is not None
                assert value.startswith("#")
    styles = re.findall(r"<style[^>]*>(.*?)</style>", html, flags=re.DOTALL)
    assert len(styles) == 4  # the page's, and the figures'
    for style in styles:
        assert "url(" not in style
        assert "@import" not in style
    ids = [attributes["id"] for _, attributes in page.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {str(attributes["href"])[1:] for tag, attributes in page.found if tag == "a"}
    assert targets <= set(ids)


def test_it_says_what_came_out_how_and_what_it_took(html: str) -> None:
    text = Elements(html).text
    assert "German to English, a generated corpus in 2 domains (Medical, Koran)" in text
    assert "Best on average is " in text
    assert re.search(r"INK (is better than|is worse than|and) Adapter", text)
    # the two evaluations, the base model and the round that was too short to be measured; tables are not counted
    assert "4 jobs, 3 min 48 s of CPU time" in text
    assert "710 MB" in text
    assert "snakemake --cores 2 --config 'seeds=[1, 2]'" in text
    assert "c0ffee" in text
    assert "torch 2.13.0" in text
    assert "nrefs:1|case:mixed|eff:no|tok:13a" in text
    assert "experiment: small" in text


def test_start_up_is_shown_apart_where_jobs_wrote_it_down(finished: Path) -> None:
    without = page_only(finished)
    assert "tart-up" not in without
    (finished / "benchmarks" / "train_base.startup").write_text("20.0\n", encoding="utf-8")
    (finished / "benchmarks" / "evaluate" / "ink" / "koran" / "seed1.startup").write_text("2.8\n", encoding="utf-8")
    html = page_only(finished)
    text = Elements(html).text
    assert "4 jobs, 3 min 48 s of CPU time, 23 s of it start-up (10 %)" in text
    assert "CPU of it start-up Wall clock" in text
    assert "train_base 1 3 min 10 s 20 s 3 min 20 s" in text
    assert "evaluate 2 38 s 3 s 42 s" in text
    assert "train_ink_round 1 – – 0 s" in text
    (finished / "benchmarks" / "train_base.startup").unlink()
    (finished / "benchmarks" / "evaluate" / "ink" / "koran" / "seed1.startup").unlink()
    assert page_only(finished) == without


def test_tables_and_figures_are_on_it_in_the_readers_order(html: str) -> None:
    sections = re.findall(r'<section id="(\w+)">', html)
    tables = ["table2", "table1", "table3", "table4", "table5", "memory", "general", "gains"]
    assert [name for name in sections if name in tables] == tables
    assert sections[-7:-4] == ["figure3", "figure4", "training"]
    assert html.count('<figure class="table">') >= len(tables)
    assert html.count("<svg ") == 3
    assert Elements(html).text.count("BLEU against the memory that a system adds") == 1


def test_what_is_not_there_is_said(experiment: Make) -> None:
    results = experiment(
        knn_accuracy={"domains": []}, speed={"domain": None}, systems=["off_the_shelf", "knn_kd"], ink={"ablations": []}
    )
    text = Elements(rendered(results)).text
    absent = text.partition("What is not here COMET")[2].partition("Where the time went")[0]
    for message in (
        "in Table 2 : evaluation.comet names no model.",
        "Table 3: kNN accuracy before and after adapting : INK is not among the systems.",
        "Table 4: INK without its parts : INK is not among the systems.",
        "Table 5: decoding speed : speed.domain is null.",
        "Figure 3: BLEU and memory : no system adds memory to the base model.",
    ):
        assert message in absent
    assert "Table 1" not in absent


def test_the_same_results_give_the_same_bytes_in_another_place(finished: Path, html: str) -> None:
    rendered_names = ("tables", "figures")
    before = {path.name: path.read_bytes() for name in rendered_names for path in (finished / name).iterdir()}
    for name in rendered_names:
        shutil.rmtree(finished / name)
    assert rendered(finished) == html
    assert {path.name: path.read_bytes() for name in rendered_names for path in (finished / name).iterdir()} == before


def test_page_only_leaves_the_tables(finished: Path) -> None:
    table = finished / "tables" / "table1.html"
    table.write_text('<figure class="table"><figcaption>changed</figcaption></figure>\n', encoding="utf-8")
    assert "<figcaption>changed</figcaption>" in page_only(finished)


def test_what_is_asked_for_and_not_rendered_is_said(finished: Path) -> None:
    (finished / "tables" / "table5.html").unlink()
    message = "Table 5: decoding speed : asked for, but not rendered: the workflow has not finished."
    assert message in Elements(page_only(finished)).text


def test_text_of_the_results_is_escaped(finished: Path) -> None:
    with (finished / "config.yaml").open("a", encoding="utf-8") as file:
        file.write("# <script>alert(1)</script>\n")
    html = page_only(finished)
    assert "<script" not in html
    assert "# &lt;script&gt;" in html


def test_without_benchmarks_and_environment_the_page_says_so(finished: Path) -> None:
    shutil.rmtree(finished / "benchmarks")
    (finished / "environment.json").unlink()
    text = Elements(page_only(finished)).text
    assert "are not among these results" in text
    assert "was not written down" in text


@pytest.mark.parametrize(("name", "message"), [("nothing", "is not there"), ("small", "has no config.yaml")])
def test_a_folder_that_is_no_experiment(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "small").mkdir()
    with pytest.raises(InkError, match=message):
        render(tmp_path / name)


def test_an_experiment_without_scores(finished: Path) -> None:
    shutil.rmtree(finished / "scores")
    with pytest.raises(InkError, match="no score under"):
        render(finished)


@pytest.mark.parametrize(
    ("seconds", "message"), [(None, "–"), (0.4, "0 s"), (59.4, "59 s"), (185, "3 min 5 s"), (7620, "2 h 7 min")]
)
def test_durations(seconds: float | None, message: str) -> None:
    assert duration(seconds) == message


def test_it_imports_no_model_code(finished: Path) -> None:
    program = (
        "import sys\n"
        "from ink.cli.results import report\n"
        "report(sys.argv[1:], standalone_mode=False)\n"
        "print(*sorted({'torch', 'fairseq', 'faiss', 'mlflow', 'snakemake'} & set(sys.modules)))\n"
    )
    arguments = [sys.executable, "-c", program, str(finished)]
    done: Any = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1:] == [""]
