"""The command that fetches what an experiment needs from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ink.cli.options import PATH
from ink.tools.download.artefacts import ARTEFACTS

if TYPE_CHECKING:
    from ink.tools.download.sources import Source


@click.command("download")
@click.argument("config", required=False, type=PATH)
@click.argument("names", nargs=-1, type=click.Choice(tuple(ARTEFACTS)))
@click.option(
    "--list",
    "list_only",
    is_flag=True,
    help="Only say what there is: address, size, licence, where it goes, whether it is there.",
)
@click.option("--json", "as_json", is_flag=True, help="With --list: the list as JSON.")
def download(config: Path | None, names: tuple[str, ...], list_only: bool, as_json: bool) -> None:
    """Fetch what the config's section downloads names, or the NAMES given, into downloads/, and check it.

    A download that broke off goes on where it was. What is there is checked against the sha256 that the config pins, or
    else against the one that it had when it first came.
    """
    from ink.cli.options import load_config
    from ink.tools.download.sources import listed, plainly_listed, sources

    if as_json and not list_only:
        raise click.UsageError("--json goes with --list")
    if config is None and not list_only:
        raise click.UsageError("Name the experiment's config file, or ask for --list.")
    settings = {} if config is None else load_config(config)
    # --list without a config, or of one that names nothing, shows all that is known
    wanted = names or (() if settings.get("downloads") or not list_only else tuple(ARTEFACTS))
    chosen = sources(settings, wanted)
    if as_json:
        click.echo(json.dumps(plainly_listed(chosen), indent=2, ensure_ascii=False))
        return
    if list_only:
        for line in listed(chosen):
            click.echo(line)
        return
    if not chosen:
        click.echo(f"{config}: its section downloads names nothing; `ink download --list` shows what can be named")
        return
    _fetch_all(chosen)


def _fetch_all(chosen: Iterable[Source]) -> None:
    from ink.runtime.disk import bytes_in_words
    from ink.runtime.startup import work_begins
    from ink.tools.download.fetch import fetch

    work_begins()
    for source in chosen:
        fetched = fetch(source)
        size = bytes_in_words(source.file.stat().st_size)
        how = "as the config says" if fetched.verified else f"unverified: not pinned in the config, see {source.record}"
        click.echo(
            f"{source.artefact.name}: {source.file} {'fetched' if fetched.new else 'was there'}, {size}, sha256 "
            f"{fetched.sha256} ({how})" + (f", unpacked to {source.unpacked}" if source.unpacked is not None else "")
        )
