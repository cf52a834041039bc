"""Commands for the machine that an experiment runs on: what it lacks, and what may go."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from ink.cli.options import PATH


@click.command("doctor")
@click.argument("config", type=PATH)
@click.option("--offline", is_flag=True, help="Contact no server about what is still to be downloaded.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list of checks: status, check, text, code.")
def doctor(config: Path, offline: bool, as_json: bool) -> None:
    """Check that an experiment can run here: config, packages, device, files, disk, time. Writes nothing.

    A line a check: ok, warning (it will run) or error (it cannot; exit code 1). Disk, memory and time are estimates. Of
    what the section downloads names and is not here, the addresses are asked, a few seconds in all.
    """
    from ink.tools.doctor.examination import examine
    from ink.tools.doctor.finding import ERROR, aligned

    findings = list(examine(config, offline=offline))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(aligned(findings)))
    errors = sum(finding.status == ERROR for finding in findings)
    if errors:
        click.echo(f"{errors} of {len(findings)} checks failed", err=True)
        sys.exit(1)


@click.command("clean")
@click.argument("config", type=PATH)
@click.option("--dry-run", is_flag=True, help="Only list what would be removed, with sizes.")
@click.option("--keep-base-model", is_flag=True, help="Keep the base model that was trained here.")
@click.option("--all", "everything", is_flag=True, help="Remove all of work/EXPERIMENT.")
def clean(config: Path, dry_run: bool, keep_base_model: bool, everything: bool) -> None:
    """Remove an experiment's datastores and checkpoints; keep scores, hypotheses, tables and logs.

    Goes: datastores, stored neighbours, INK's rounds, kNN-KD's models, the base model if it was trained here, the
    adapters of single epochs, and what killed jobs left unfinished. Stays: all of results/EXPERIMENT, and of
    work/EXPERIMENT what is small, which is text, vocabulary, final adapters and combiners. With --all that goes too.

    Tables can still be rendered, with other reporting settings as well. `ink translate` needs the base model, V-kNN its
    datastore and kNN-KD its model. A changed setting of a system then trains the base model again, and all that
    follows from it; --keep-base-model prevents that.
    """
    from ink.cli.options import load_config
    from ink.runtime.disk import bytes_in_words
    from ink.systems.layout import Layout
    from ink.tools.cleaning import clean as remove
    from ink.tools.cleaning import removable

    settings = load_config(config)
    layout = Layout(settings)
    targets = removable(settings, everything=everything, keep_base_model=keep_base_model)
    if not targets:
        click.echo(f"{layout.work} has nothing to remove")
        return
    width = max(len(str(target.path)) for target in targets)
    for target in targets:
        click.echo(f"{target.path!s:<{width}}  {bytes_in_words(target.bytes)}")
    if not dry_run:
        remove(settings, targets)
    total = bytes_in_words(sum(target.bytes for target in targets))
    click.echo(f"{'would free' if dry_run else 'freed'} {total}; {layout.results} stays")
