"""The command that fetches what an experiment needs from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ink.cli.options import PATH
from ink.tools.download.artefacts import ARTEFACTS

if TYPE_CHECKING:
    from ink.config.hub_model import HubModel
    from ink.tools.download.sources import Source

BASE_MODEL = "base_model"  # of the Hugging Face hub, whose name the config's base_model.hub is


@click.command("download")
@click.argument("config", required=False, type=PATH)
@click.argument("names", nargs=-1, type=click.Choice((BASE_MODEL, *ARTEFACTS)))
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
    else against the one that it had when it first came. base_model is the model that base_model.hub names on the
    Hugging Face hub.
    """
    from ink.cli.options import load_config
    from ink.config.hub_model import HubModel
    from ink.runtime.errors import InkError
    from ink.tools.download.sources import sources

    if as_json and not list_only:
        raise click.UsageError("--json needs --list")
    if config is None and not list_only:
        raise click.UsageError("Name the experiment's config file, or ask for --list.")
    settings = {} if config is None else load_config(config)
    model = HubModel.of(settings.get("base_model") or {}) if not names or BASE_MODEL in names else None
    if model is None and BASE_MODEL in names:
        raise InkError(
            f"{BASE_MODEL}: base_model.hub names no model of the Hugging Face hub; name the config of one",
            code="config/unknown-name",
        )
    artefacts = tuple(name for name in names if name != BASE_MODEL)
    # --list without a config, or of one that names nothing, shows all that is known
    if not names and list_only and not settings.get("downloads") and model is None:
        artefacts = tuple(ARTEFACTS)
    chosen = sources(settings, artefacts) if artefacts or not names else []
    if list_only:
        _list(chosen, model, as_json)
        return
    if not chosen and model is None:
        click.echo(f"{config}: its section downloads names nothing; `ink download --list` shows what can be named")
        return
    if model is not None:
        _fetch_model(model, settings["base_model"])
    if chosen:
        _fetch_all(chosen)


def _list(chosen: Sequence[Source], model: HubModel | None, as_json: bool) -> None:
    from ink.tools.download.hub_listing import ListedModel
    from ink.tools.download.sources import listed, plainly_listed

    found = [] if model is None else [ListedModel.of(model)]
    if as_json:
        entries = [*(one.plain() for one in found), *plainly_listed(chosen)]
        click.echo(json.dumps(entries, indent=2, ensure_ascii=False))
        return
    for line in [*(line for one in found for line in one.lines()), *listed(chosen)]:
        click.echo(line)


def _fetch_model(model: HubModel, given: Mapping[str, Any]) -> None:
    from ink.nmt.huggingface.tokenisers import Languages
    from ink.runtime.disk import bytes_in_words
    from ink.runtime.startup import work_begins
    from ink.tools.download.hub_fetch import fetch_model

    work_begins()
    languages = Languages(given.get("source_code"), given.get("target_code"), given.get("tag"))
    record, new = fetch_model(model, languages)
    click.echo(
        f"{BASE_MODEL}: {model.folder} {'fetched' if new else 'was there'}, {bytes_in_words(record.bytes)}, "
        f"{record.hub} at commit {record.commit}" + ("" if model.is_pinned else f" ({model.revision}, not pinned)")
    )


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
