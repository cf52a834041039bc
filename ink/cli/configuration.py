"""Commands that check an experiment's configuration and look into it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ink.cli.options import PATH


@click.command("check-config")
@click.argument("config", type=PATH)
def check_config(config: Path) -> None:
    """Check a config without running anything, and that BLEU's tokeniser can work here.

    What looks odd in the text that it names, such as text that is tokenised already, is told on standard error. So is a
    base model of the Hugging Face hub that is not pinned.
    """
    from ink.config import check, load
    from ink.config.hub_model import HubModel
    from ink.corpus.raw_text import beginning, remarks
    from ink.metrics.bleu_tokeniser import bleu_with
    from ink.nmt.huggingface.hub_record import read_hub_record
    from ink.runtime.given_text import marks_inside
    from ink.runtime.whole_files import read_lines
    from ink.tools.costs.text_amounts import source_files

    found = load(config)
    check(found)
    bleu_with(found["evaluation"]["sacrebleu_tokeniser"])
    if mark := marks_inside(config, read_lines(config)):
        click.echo(f"warning: {mark}", err=True)
    if (model := HubModel.of(found["base_model"])) is not None:
        record = read_hub_record(Path(model.folder))
        if advice := model.warning(None if record is None else record.commit):
            click.echo(f"warning: {advice}", err=True)
    named = [side for files in source_files(found).values() for one in files for side in (one.source, one.target)]
    for path in filter(Path.is_file, map(Path, dict.fromkeys(named))):
        for remark in remarks(path, beginning(path)):
            click.echo(f"warning: {remark}", err=True)
    click.echo(f"{config}: in order")


@click.group()
def config() -> None:
    """Look into an experiment's configuration."""


@config.command()
@click.argument("file", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="The settings as JSON, without where they come from.")
def show(file: Path, as_json: bool) -> None:
    """Print every setting of FILE's experiment and where its value comes from: FILE, its scale, or the default.

    The output is YAML, and complete: it is an experiment's file itself.
    """
    from ink.config import check, read, resolve
    from ink.config.printing import whole_text

    stated = read(file)
    whole = resolve(stated)
    check(whole)
    if as_json:
        click.echo(json.dumps(whole, indent=2, ensure_ascii=False))
        return
    click.echo(whole_text(stated, str(file)), nl=False)
