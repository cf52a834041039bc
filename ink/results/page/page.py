"""The page, put together from an experiment's results as they lie there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ink.config import load_resolved, metrics_of
from ink.metrics.known_metrics import compared_metrics
from ink.results import contents
from ink.results.contents import Piece, experiment_config
from ink.results.headline import headline
from ink.results.page.drawing import inline_svg
from ink.results.records.job_times import Spent, spent_by_rule
from ink.results.records.scores import Score, read_scores
from ink.results.records.workflow_calls import calls
from ink.results.tables.table_files import domain_label, rounded
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_lines, write_atomically

LANGUAGES = {"de": "German", "en": "English", "fr": "French", "es": "Spanish", "zh": "Chinese", "ru": "Russian"}
# by data.source
TEXTS = {"synthetic": "a generated corpus", "files": "text of its own", "binarised": "text binarised elsewhere"}


@dataclass(frozen=True)
class Shown:
    """A table or figure as it stands on the page; caption and notes where the body does not have its own."""

    name: str
    title: str
    body: Markup
    caption: str = ""
    notes: Sequence[str] = ()


def render(results: Path) -> Path:
    """Write RESULTS/report.html of the tables and figures that are there; return its path.

    The same results give the same bytes, wherever they lie. InkError where `results` is no experiment's folder, has no
    score, or lacks the tables that the headline is made of.
    """
    results = Path(results)
    config = load_resolved(experiment_config(results))
    scores = read_scores(results)
    environment = Environment(
        loader=PackageLoader("ink.results.page", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(duration=duration, score=rounded)
    spent = spent_by_rule(results)
    metrics = compared_metrics(metrics_of(config), config)
    tables = [piece for piece in contents.tables(config) if _file(results, "tables", piece, "html").is_file()]
    figures = [piece for piece in contents.figures(config) if _file(results, "figures", piece, "svg").is_file()]
    text = environment.get_template("page.html").render(
        experiment=config["experiment"],
        setting=_setting(config),
        headline=headline(results, config["domains"], metrics),
        metric=metrics[0].heading,
        domains=[domain_label(domain) for domain in config["domains"]],
        seeds=config["seeds"],
        tables=[_table(results, piece) for piece in tables],
        figures=[_figure(results, piece) for piece in figures],
        absent=_absent(config, [*tables, *figures]),
        spent=spent,
        total_cpu=sum(one.cpu_seconds or 0 for one in spent),
        total_startup=_total_startup(spent),
        total_wall=sum(one.wall_seconds or 0 for one in spent),
        jobs=sum(one.jobs for one in spent),
        calls=calls(results),
        signatures=_signatures(scores),
        config="\n".join(read_lines(results / "config.yaml")),
    )
    path = results / "report.html"
    with write_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return path


def duration(seconds: float | None) -> str:
    """Write seconds as a reader says them: 8 s, 3 min 5 s, 2 h 7 min; a dash for what was not measured."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min"


def _total_startup(spent: list[Spent]) -> float | None:
    """Sum up start-up over the rules; None where no job has written it down."""
    known = [one.startup_seconds for one in spent if one.startup_seconds is not None]
    return sum(known) if known else None


def _file(results: Path, folder: str, piece: Piece, suffix: str) -> Path:
    return results / folder / f"{piece.name}.{suffix}"


def _table(results: Path, piece: Piece) -> Shown:
    fragment = "\n".join(read_lines(_file(results, "tables", piece, "html")))
    # the fragments are the tables' own, escaped where they were made
    return Shown(piece.name, piece.title, Markup(fragment))


def _figure(results: Path, piece: Piece) -> Shown:
    caption, *notes = _paragraphs(_file(results, "figures", piece, "md"))
    drawing = inline_svg(_file(results, "figures", piece, "svg"), caption)
    # a table may have the figure's name
    name = f"{piece.name}-figure" if _file(results, "tables", piece, "html").is_file() else piece.name
    return Shown(name, piece.title, drawing, caption, notes)


def _paragraphs(markdown: Path) -> list[str]:
    """Read what is said of a figure, paragraphs of Markdown of which the first is bold, as plain text."""
    paragraphs = "\n".join(read_lines(markdown)).strip().split("\n\n")
    return [re.sub(r"\\(.)", r"\1", text.removeprefix("**").removesuffix("**")) for text in paragraphs]


def _absent(config: Mapping[str, Any], shown: list[Piece]) -> list[tuple[str, str]]:
    """List what is not on the page, and why."""
    titles = {piece.title for piece in shown}
    unscored = [] if "comet" in metrics_of(config) else [("COMET in Table 2", "evaluation.comet names no model")]
    return unscored + [
        (piece.title, piece.absent or "asked for, but not rendered: the workflow has not finished")
        for piece in [*contents.tables(config), *contents.figures(config)]
        if piece.title not in titles
    ]


def _setting(config: Mapping[str, Any]) -> str:
    """Say on what the systems were compared: languages, text, domains and seeds."""
    data = config["data"]
    languages = " to ".join(LANGUAGES.get(data[side], data[side]) for side in ("source_language", "target_language"))
    labels = [domain_label(domain) for domain in config["domains"]]
    domains = "one domain" if len(labels) == 1 else f"{len(labels)} domains"
    return f"{languages}, {TEXTS[data['source']]} in {domains} ({', '.join(labels)})"


def _signatures(scores: list[Score]) -> list[str]:
    """List sacrebleu's signatures of every score on the page."""
    tested = [*scores, *(score.general for score in scores if score.general is not None)]
    signatures = {one.signature for test in tested for one in test.metrics.values()}
    if not signatures:
        raise InkError("the report has no score to show; run the workflow first", code="results/none")
    return sorted(signatures)
