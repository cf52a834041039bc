"""Commands that make an experiment's results ready for readers."""

from __future__ import annotations

from pathlib import Path

import click

from ink.cli.options import PATH
from ink.cli.reporting import figures, tables


@click.command("report")
@click.argument("results", type=PATH)
@click.option("--page-only", is_flag=True, help="Leave tables and figures as they are.")
@click.pass_context
def report(context: click.Context, results: Path, page_only: bool) -> None:
    """Render an experiment's tables, figures and report.html from its results folder alone (results/mini)."""
    from ink.reporting.contents import experiment_config
    from ink.reporting.page.page import render

    config = experiment_config(results)
    if not page_only:
        for command in (tables, figures):
            context.invoke(command, config=config, results=results, names=())
    click.echo(f"report: {render(results)}")


@click.command("publish")
@click.argument("results", type=PATH)
@click.option("--allow-dirty", is_flag=True, help="Publish what ran with code that no commit holds.")
@click.option("--without-text", is_flag=True, help="Leave out translations and references, which may be confidential.")
def publish(results: Path, allow_dirty: bool, without_text: bool) -> None:
    """Copy a finished experiment's results (results/mini) to results/published, to be committed for readers."""
    from ink.publishing import publish as copy

    click.echo(f"published: {copy(results, allow_dirty=allow_dirty, without_text=without_text)}")
