"""`ink config`: looks into an experiment's configuration."""

from __future__ import annotations

from pathlib import Path

import click

from ink.cli.options import PATH


@click.group()
def config() -> None:
    """Look into an experiment's configuration."""


@config.command()
@click.argument("file", type=PATH)
def show(file: Path) -> None:
    """Print every setting of FILE's experiment and where its value comes from: FILE, its scale, or the default.

    The output is YAML, and complete: it is an experiment's file itself.
    """
    from ink.config import check, read, resolve
    from ink.config.printing import whole_text

    stated = read(file)
    check(resolve(stated))
    click.echo(whole_text(stated, str(file)), nl=False)
