"""Commands that render, compare and publish results."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ink.cli import completion, options
from ink.runtime.home import with_home
from ink.systems.known_systems import OFF_THE_SHELF

if TYPE_CHECKING:
    from ink.config.slices.result_slices import FigureSettings, TableSettings
    from ink.results.paired_comparisons import Comparisons
    from ink.results.records.scores import Selection


@click.command("report")
@click.argument("results", type=options.PATH)
@click.option("--page-only", is_flag=True, help="Leave tables and figures as they are.")
@click.pass_context
def report(context: click.Context, results: Path, page_only: bool) -> None:
    """Render an experiment's tables, figures and report.html from its results folder alone (results/mini)."""
    from ink.config import has_leaderboard, load_resolved
    from ink.results.contents import experiment_config
    from ink.results.page.page import render

    config = experiment_config(results)
    if not page_only:
        for command in (tables, figures):
            context.invoke(command, config=config, results=results, names=())
        if has_leaderboard(load_resolved(config)):
            context.invoke(leaderboard, config=config, results=results)
    click.echo(f"report: {render(results)}")


@click.command("publish")
@click.argument("results", type=options.PATH)
@click.option("--allow-dirty", is_flag=True, help="Publish what ran with code that no commit holds.")
@click.option(
    "--without-text",
    is_flag=True,
    help="Leave out translations and references; counts by sentence stay, for intervals.",
)
@click.option("--models", is_flag=True, help="Put base model, vocabulary and INK's adapters beside them.")
@click.option("--explained", help="With --models: a domain whose datastore goes along, for ink explain.")
def publish(results: Path, allow_dirty: bool, without_text: bool, models: bool, explained: str | None) -> None:
    """Copy a finished experiment's results (results/mini) to results/published, to be committed for readers."""
    from ink.tools.publishing import publish as copy

    if explained is not None and not models:
        raise click.UsageError("--explained needs --models")
    copied = copy(results, allow_dirty=allow_dirty, without_text=without_text, models=models, explained=explained)
    click.echo(f"published: {copied}")


@click.command("merge")
@click.argument("results", type=options.PATH, nargs=-1, required=True)
@options.path("--into", "A new folder: results/NAME.")
@click.pass_context
def merge(context: click.Context, results: tuple[Path, ...], into: Path) -> None:
    """Make one experiment of an experiment's seeds that ran on several machines, and render its tables and report.

    RESULTS are the folders of results, copied to this machine, or published copies of them; each has seeds of its own.
    """
    from ink.tools.merging import merge as merge_seeds

    if len(results) < 2:
        raise click.UsageError("name two folders of results or more")
    merge_seeds(results, into)
    context.invoke(report, results=into, page_only=False)


TABLES = ("table1", "table2", "gains", "memory", "general", "table3", "table4", "controls", "table5")
FIGURES = ("figure3", "figure4", "training")


@click.command("tables")
@options.config
@options.path("--results", "The experiment's results folder.")
@click.argument("names", nargs=-1, type=click.Choice(TABLES))
def tables(config: Path, results: Path, names: tuple[str, ...]) -> None:
    """Render tables (all of them by default) from the results folder alone."""
    from ink.config import (
        ablated_domains,
        accuracy_domains,
        accuracy_systems,
        controlled_domains,
        mixed_domains,
        speed_systems,
    )
    from ink.config.slices.result_slices import TableSettings
    from ink.metrics.known_metrics import SCORED_WITH_TRANSLATION, compared_metrics, make_metrics
    from ink.results.records.scores import Selection
    from ink.results.tables import added_memory, controls, forgetting, gains, table1, table2, table3, table4, table5

    settings = options.load_settings(config, TableSettings)
    described = settings.plain()
    domains, systems, seeds = settings.domains, settings.systems, settings.seeds
    output = results / "tables"
    runs = Selection(results, domains, systems, seeds)
    # of Table 2 and the gains, which compare the same
    comparisons = _comparisons(settings, runs)
    for name in names or TABLES:
        if name == "table1":
            table1.render(results, output, domains, settings.data.source, mixed_domains(described))
        elif name == "table2":
            languages = [settings.data.source_language, settings.data.target_language]
            metrics = make_metrics(settings.evaluation.metrics, described)
            restored = settings.data.source == "binarised"
            table2.render(runs, output, metrics, comparisons, languages, restored)
        elif name == "gains":
            gains.render(output, comparisons)
        elif name == "memory":
            added_memory.render(runs, output)
        elif name == "table3":
            if measured := accuracy_domains(described):
                accuracy, compared = settings.knn_accuracy, accuracy_systems(described)
                table3.render(Selection(results, measured, compared, seeds), output, accuracy.k, accuracy.bucket_edges)
        elif name == "table4":
            if ablations := ablated_domains(described):
                compared = ["ink", *itertools.chain(*ablations.values())]
                ablated = Selection(results, [*ablations], compared, seeds)
                table4.render(output, ablations, _comparisons(settings, ablated))
        elif name == "controls":
            if controlled := controlled_domains(described):
                compared = controls.systems_of([*itertools.chain(*controlled.values())])
                varied = Selection(results, [*controlled], compared, seeds)
                controls.render(output, controlled, _comparisons(settings, varied))
        elif name == "table5":
            if timed := speed_systems(described):
                domain, batches = str(settings.speed.domain), settings.speed.batch_sentences
                table5.render(results, output, domain, timed, batches)
        elif (general := settings.data.general_domain) is not None:
            at_once = [
                metric
                for metric in compared_metrics(settings.evaluation.metrics, described)
                if metric.name in SCORED_WITH_TRANSLATION
            ]
            forgetting.render(runs, output, general, at_once)


@click.command("figures")
@options.config
@options.path("--results", "The experiment's results folder.")
@click.argument("names", nargs=-1, type=click.Choice(FIGURES))
def figures(config: Path, results: Path, names: tuple[str, ...]) -> None:
    """Draw figures (all that the experiment has by default) from the results folder alone."""
    from ink.config import adapted_domains, curve_systems, figures_of, for_domain, gaining_systems, sizes_of
    from ink.config.slices.result_slices import FigureSettings
    from ink.metrics.known_metrics import find_metric
    from ink.results.figures import figure3, figure4, training_figure
    from ink.results.records.scores import Selection, labels
    from ink.results.records.training_curves import read_curves
    from ink.systems.layout import Run

    settings = options.load_settings(config, FigureSettings)
    described = settings.plain()
    domains, systems, seeds = adapted_domains(described), settings.systems, settings.seeds
    output = results / "figures"
    for name in figures_of(described):
        if names and name not in names:
            continue
        if name == "figure3":
            adapters = {domain: for_domain(described["adapter"], domain, domains) for domain in domains}
            inner = {domain: adapter["inner_dimension"] for domain, adapter in adapters.items()}
            sizes = {domain: sizes_of(described, domain) for domain in domains}
            metric = find_metric(settings.evaluation.metrics[0]).from_settings(described)
            figure3.render(Selection(results, domains, systems, seeds), output, inner, sizes, metric)
        elif name == "training":
            trained = curve_systems(described)
            runs = [Run(system, domain, seed) for domain in domains for system in trained for seed in seeds]
            training_figure.render(read_curves(results, runs), output, labels(trained), settings.training)
        else:
            gaining = Selection(results, domains, [OFF_THE_SHELF, *gaining_systems(described)], seeds)
            figure4.render(output, _comparisons(settings, gaining)[0])


@click.command("gather-curves")
@click.argument("records", nargs=-1, required=True, type=options.PATH)
@options.path("--output", "The table of all curves (CSV).")
def gather_curves(records: tuple[Path, ...], output: Path) -> None:
    """Put the curves of trainings into one table, from their records, SYSTEM/DOMAIN/seedN/record.json each."""
    from ink.results.records.training_curves import gather

    gather(records, output)


@click.command("leaderboard")
@options.config
@options.path("--results", "The experiment's results folder.")
def leaderboard(config: Path, results: Path) -> None:
    """Render the leaderboard, a table and a figure, from the results folder alone, whatever the config says of it."""
    from ink.config import adapted_domains, speed_systems
    from ink.config.slices.result_slices import LeaderboardSettings
    from ink.metrics.known_metrics import make_metrics
    from ink.results import leaderboard as board
    from ink.results.figures import leaderboard_figure
    from ink.results.records.decoding_speeds import read_speeds
    from ink.results.records.scores import Selection
    from ink.results.tables import leaderboard_table

    settings = options.load_settings(config, LeaderboardSettings)
    described = settings.plain()
    runs = Selection(results, adapted_domains(described) or settings.domains, settings.systems, settings.seeds)
    metrics = make_metrics(settings.evaluation.metrics, described)
    speeds = read_speeds(results, settings.speed.domain, speed_systems(described))
    found = board.leaderboard(runs, metrics, described, speeds)
    leaderboard_table.render(found, results / "tables")
    leaderboard_figure.render(found, results / "figures")


def _comparisons(settings: TableSettings | FigureSettings, runs: Selection) -> list[Comparisons]:
    """Compare these systems in each metric in which readers see gains, the first of the config's metrics first."""
    from ink.metrics.known_metrics import compared_metrics
    from ink.results.paired_comparisons import Comparisons

    evaluation = settings.evaluation
    return [
        Comparisons(runs, metric, evaluation.bootstrap_samples, evaluation.bootstrap_seed)
        for metric in compared_metrics(evaluation.metrics, settings.plain())
    ]


@click.command("compare")
@click.argument("a", shell_complete=completion.experiments)
@click.argument("b", shell_complete=completion.experiments)
@click.option("--csv", type=options.PATH, help="Write the rows to this file as well, for programs.")
@click.option("--json", "as_json", is_flag=True, help="Rows, runs that only one has, and settings, as JSON.")
def compare(a: str, b: str, csv: Path | None, as_json: bool) -> None:
    """Put two experiments, or two runs, side by side: scores, differences and how sure they are, settings.

    A and B are two experiments, each a name under results/ or a folder (mini, results/mini), or two runs, each written
    EXPERIMENT:SYSTEM/DOMAIN/seedN (mini:ink/koran/seed1). Differences are B less A, with a paired bootstrap over the
    test sentences. Reads results alone.
    """
    from ink.results.comparison_text import as_text
    from ink.results.run_comparison import as_plain, write_csv
    from ink.results.run_comparison import compare as compare_both

    found = compare_both(with_home(a), with_home(b))
    if csv is not None:
        write_csv(found, csv)
    click.echo(json.dumps(as_plain(found), indent=2, ensure_ascii=False) if as_json else as_text(found))
