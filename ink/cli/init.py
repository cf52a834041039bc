"""`ink init`: begins a project that uses the installed workflow."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from ink.cli.options import PATH
from ink.tools.new_project import EXPERIMENTS, create_project


@click.command("init")
@click.argument("folder", type=PATH)
@click.option(
    "--experiment", type=click.Choice(list(EXPERIMENTS)), default="mini", help="What it begins with (default: mini)."
)
def init(folder: Path, experiment: str) -> None:
    """Write a project into FOLDER, new or empty: config, Snakefile, README. `snakemake --cores all` there runs it."""
    for path in create_project(folder, experiment):
        click.echo(path)
    click.echo(f"Go on with: cd {shlex.quote(str(folder))} && snakemake --cores all")
