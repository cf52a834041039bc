"""The command that puts two experiments, or two runs, side by side."""

from __future__ import annotations

from pathlib import Path

import click

from ink.cli.options import PATH
from ink.home import with_home


@click.command("compare")
@click.argument("a")
@click.argument("b")
@click.option("--csv", type=PATH, help="Write the rows to this file as well, for programs.")
def compare(a: str, b: str, csv: Path | None) -> None:
    """Put two experiments, or two runs, side by side: scores, differences and how sure they are, settings.

    A and B are two experiments, each a name under results/ or a folder (mini, results/mini), or two runs, each written
    EXPERIMENT:SYSTEM/DOMAIN/seedN (mini:ink/koran/seed1). Differences are B less A, with a paired bootstrap over the
    test sentences. Reads results alone.
    """
    from ink.reporting.compare import as_text, write_csv
    from ink.reporting.compare import compare as compare_both

    found = compare_both(with_home(a), with_home(b))
    if csv is not None:
        write_csv(found, csv)
    click.echo(as_text(found))
