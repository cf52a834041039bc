"""The commands that take a model from one toolkit to the other, and an adapter to AdapterHub's library."""

from __future__ import annotations

from pathlib import Path

import click

from ink.cli import options


@click.command("convert")
@click.argument("model", metavar="FROM", type=options.PATH)
@click.argument("output", metavar="TO", type=options.PATH)
@options.path("--vocabulary", "Folder of dictionaries and bpecodes (default: the checkpoint's).", required=False)
@click.option("--source-language", help="As the dictionary's file has it (default: what the checkpoint says).")
@click.option("--target-language", help="As the dictionary's file has it (default: what the checkpoint says).")
@click.option(
    "--escaped/--plain",
    default=None,
    help="Whether the model's text has & as &amp; or as it is (default: what its dictionaries tell).",
)
def convert(
    model: Path,
    output: Path,
    vocabulary: Path | None,
    source_language: str | None,
    target_language: str | None,
    escaped: bool | None,
) -> None:
    """Convert a fairseq Transformer to a folder of Hugging Face's FSMT, or such a folder to fairseq.

    FROM is a checkpoint, or else an FSMT folder, whose files say all that the options name. TO is a new folder: with
    config.json, model.safetensors, vocabularies and merges; or with model.pt, dictionaries and bpecodes. The weights
    are the same, bit by bit. What FSMT cannot express, such as learned positions, is refused.
    """
    languages = (source_language, target_language)
    if None in languages and languages != (None, None):
        raise click.UsageError("give both --source-language and --target-language, or neither")
    if model.is_dir() and (vocabulary, *languages, escaped) != (None,) * 4:
        raise click.UsageError(f"{model} is a folder, whose files say this already; leave the options out")
    from ink.cli.threads import use_machine
    from ink.config.languages import LanguagePair
    from ink.nmt.fsmt_conversion import to_fairseq, to_fsmt

    use_machine()
    if model.is_dir():
        summary = to_fairseq(model, output)
    else:
        pair = None if source_language is None else LanguagePair(source_language, str(target_language))
        summary = to_fsmt(model, vocabulary or model.parent, output, languages=pair, escaped=escaped)
    for line in summary:
        click.echo(line)


@click.command("convert-adapter")
@click.argument("adapter", metavar="FILE", type=options.PATH)
@click.argument("output", metavar="TO", type=options.PATH)
@options.path("--base-model", "Folder of the Hugging Face model that the adapter was trained on.")
def convert_adapter(adapter: Path, output: Path, base_model: Path) -> None:
    """Convert an adapter of a Hugging Face model to a folder of AdapterHub's library `adapters`.

    FILE is what ink has trained as the Adapter or INK. TO is a new folder: with adapter_config.json,
    adapter_interface.json and adapter.safetensors; a card beside the adapter goes along. README.md has the lines of
    Python by which transformers translates with it, without ink.
    """
    from ink.cli.threads import use_machine
    from ink.nmt.huggingface.library_adapter import write_library_adapter

    use_machine()
    for line in write_library_adapter(adapter, base_model, output):
        click.echo(line)
