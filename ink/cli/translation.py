"""Commands for people with a trained system: translate, see what a translation was made of, describe an adapter."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from ink.cli import completion, options
from ink.cli.threads import use_machine
from ink.runtime.errors import warn

if TYPE_CHECKING:
    from ink.systems.layout import Layout
    from ink.tools.explanation.explanation import Explanation


# an experiment's config, or the published models in its place
experiment = options.several(
    options.path("--config", "The experiment's config file.", required=False),
    click.option(
        "--demo",
        metavar="DOMAIN",
        help="In place of --config, --system and --domain: models that ink comes with (medical, law, it, koran).",
    ),
)


@click.command("translate")
@experiment
@click.option(
    "--system", shell_complete=completion.systems, help="A system that the experiment has trained, such as ink."
)
@click.option("--domain", shell_complete=completion.domains, help="The domain it was trained for.")
@click.option("--seed", type=int, help="Seed of the trained system (default: the config's first).")
@options.path("--adapter", "Adapter file to use, in place of --system, --domain and --seed.", required=False)
@click.option("--batch-size", type=click.IntRange(min=1), help="Lines translated together (default: the config's).")
@click.option("--beam", type=click.IntRange(min=1), help="Beam size (default: the config's).")
@click.option("--nbest", type=click.IntRange(min=1), default=1, show_default=True, help="Hypotheses a line.")
@click.option("--scores", is_flag=True, help="Put each hypothesis' score and a tab before it.")
def translate(
    config: Path | None,
    demo: str | None,
    system: str | None,
    domain: str | None,
    seed: int | None,
    adapter: Path | None,
    batch_size: int | None,
    beam: int | None,
    nbest: int,
    scores: bool,
) -> None:
    """Translate raw text from standard input, one line to a line.

    --system and --domain name a system that the experiment has trained. --adapter names an adapter file from anywhere,
    which goes with the experiment's base model. --demo koran takes INK as it was trained for the published `mini`.

    Empty lines stay empty; a line that is not UTF-8 is left empty and named on standard error (exit code 1 at the end).
    With --nbest above 1 each output line begins with its input line's number and a tab.
    """
    named = {"--system": system, "--domain": domain, "--seed": seed}
    if demo is None:
        _check_choice(named, adapter)
    from ink.config.slices.commands import settings_for
    from ink.config.slices.result_slices import TranslationSettings
    from ink.tools.published_models import TRANSLATING
    from ink.tools.translation.lines import batches, standard_input
    from ink.tools.translation.translator import load_translator, load_translator_with_adapter

    layout, system, domain = layout_of(config, demo, {**named, "--adapter": adapter}, TRANSLATING)
    use_machine()
    settings = settings_for(layout.config, TranslationSettings, domain)
    if beam is not None:
        settings = settings.model_copy(update={"decoding": settings.decoding.model_copy(update={"beam": beam})})
    if nbest > settings.decoding.beam:
        raise click.BadParameter(f"{nbest} hypotheses a line need --beam {nbest} or more", param_hint="--nbest")
    refused = 0
    if adapter is not None:
        translator = load_translator_with_adapter(layout, settings, adapter, warn)
    else:
        translator = load_translator(layout, settings, str(system), str(domain), seed, warn)
    for lines in batches(standard_input(), batch_size or settings.decoding.batch_sentences):
        refused += sum(line.text is None for line in lines)
        for line, hypotheses in zip(lines, translator.translate(lines, nbest), strict=True):
            for hypothesis in hypotheses:
                number = f"{line.number}\t" if nbest > 1 else ""
                score = f"{hypothesis.score:.4f}\t" if scores else ""
                sys.stdout.write(f"{number}{score}{hypothesis.text}\n")
        sys.stdout.flush()
    _end(refused, "left empty")


def layout_of(
    config: Path | None, demo: str | None, named: dict[str, Any], system_of_demo: str
) -> tuple[Layout, str | None, str | None]:
    """Return where the models are, and the system and domain that are meant."""
    from ink.systems.layout import Layout
    from ink.tools.published_models import demo as published

    given = [name for name, value in {"--config": config, **named}.items() if value is not None]
    if demo is not None:
        if given:
            raise click.UsageError(
                f"{given[0]} and --demo exclude each other: --demo is of the system {system_of_demo}"
            )
        return published(demo, system_of_demo), system_of_demo, demo
    if config is None:
        raise click.UsageError("Missing option '--config'; or give --demo with a domain")
    return Layout(options.load_config(config)), named["--system"], named["--domain"]


def _end(refused: int, treated: str) -> None:
    """End with exit code 1 where lines of the input could not be read; `treated` says how they were."""
    if refused:
        warn(f"{refused} of the input's lines could not be read and were {treated}")
        sys.exit(1)


def _check_choice(named: dict[str, Any], adapter: Path | None) -> None:
    """UsageError unless a trained system is named, or else an adapter's file."""
    given = [name for name, value in named.items() if value is not None]
    if adapter is not None and given:
        raise click.UsageError(
            f"{given[0]} and --adapter exclude each other: the adapter file says its system and domain"
        )
    for name in ("--system", "--domain"):
        if adapter is None and named[name] is None:
            raise click.UsageError(f"Missing option '{name}'; give --system and --domain, or --adapter")


@click.command("describe-adapter")
@click.argument("file", type=options.PATH)
@click.option("--json", "as_json", is_flag=True, help="Everything that the file says, as JSON.")
def describe_adapter(file: Path, as_json: bool) -> None:
    """Print what an adapter file says of itself: trained as what, with what, and for which base model."""
    from ink.nmt.adapter_file import described, read_metadata

    metadata = read_metadata(file)
    if as_json:
        click.echo(json.dumps(metadata, indent=2, ensure_ascii=False))
        return
    found = described(metadata)
    width = max(len(name) for name, _ in found)
    for name, value in found:
        click.echo(f"{name:<{width}}  {value}")


@click.command("explain")
@experiment
@click.option("--system", shell_complete=completion.systems, help="A system that retrieves, such as r_knn.")
@click.option("--domain", shell_complete=completion.domains, help="The domain it was trained for.")
@click.option("--seed", type=int, help="Seed of the trained system (default: the config's first).")
@click.option("--text", help="What to translate, in place of standard input.")
@click.option("--neighbours", type=click.IntRange(min=1), default=8, show_default=True, help="Shown for each token.")
@options.path("--html", "Write a page to this file, in place of text.", required=False)
def explain(
    config: Path | None,
    demo: str | None,
    system: str | None,
    domain: str | None,
    seed: int | None,
    text: str | None,
    neighbours: int,
    html: Path | None,
) -> None:
    """Translate raw text and show, token by token, the training sentences that were retrieved and what they added.

    Takes one sentence a line, as `ink translate` does, and finds the same translations. A line that is empty or not
    UTF-8 is named on standard error and left out (the latter: exit code 1 at the end).
    """
    from ink.config.slices.commands import settings_for
    from ink.config.slices.result_slices import TranslationSettings
    from ink.runtime.errors import InkError
    from ink.runtime.whole_files import write_atomically
    from ink.tools.explanation.as_page import as_page
    from ink.tools.explanation.as_text import as_text, heading
    from ink.tools.explanation.explainer import load_explainer
    from ink.tools.published_models import EXPLAINED
    from ink.tools.translation.lines import batches, standard_input

    named = {"--system": system, "--domain": domain, "--seed": seed}
    missing = [name for name in ("--system", "--domain") if named[name] is None]
    if demo is None and missing:
        raise click.UsageError(f"Missing option '{missing[0]}'")
    layout, system, domain = layout_of(config, demo, named, EXPLAINED)
    use_machine()
    settings = settings_for(layout.config, TranslationSettings, domain)
    explainer, about = load_explainer(layout, settings, str(system), str(domain), seed, warn)
    stream: BinaryIO = standard_input() if text is None else io.BytesIO(os.fsencode(text))
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for_page: list[Explanation] = []
    explained, refused = 0, 0
    for lines in batches(stream, settings.decoding.batch_sentences):
        refused += sum(line.text is None for line in lines)
        for explanation in explainer.explain(lines, neighbours):
            if html is None:
                sys.stdout.write(f"{'' if explained else heading(about)}\n{as_text(explanation, about, width)}")
            else:
                for_page.append(explanation)
            explained += 1
        sys.stdout.flush()
    if not explained:
        raise InkError("nothing was explained: the input has no line with text", code="translation/no-text")
    if html is not None:
        page = as_page(for_page, about)
        with write_atomically(html) as temporary:
            temporary.write_text(page, encoding="utf-8")
    _end(refused, "left out")
