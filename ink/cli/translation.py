"""The command that translates a person's text."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ink.cli.machine import use_machine
from ink.cli.options import config_option, load_config


@click.command("translate")
@config_option
@click.option("--system", required=True, help="A system that the experiment has trained, such as ink.")
@click.option("--domain", required=True, help="The domain it was trained for.")
@click.option("--seed", type=int, help="Seed of the trained system (default: the config's first).")
@click.option("--batch-size", type=click.IntRange(min=1), help="Lines translated together (default: the config's).")
@click.option("--beam", type=click.IntRange(min=1), help="Beam size (default: the config's).")
@click.option("--nbest", type=click.IntRange(min=1), default=1, show_default=True, help="Hypotheses a line.")
@click.option("--scores", is_flag=True, help="Put each hypothesis' score and a tab before it.")
def translate(
    config: Path,
    system: str,
    domain: str,
    seed: int | None,
    batch_size: int | None,
    beam: int | None,
    nbest: int,
    scores: bool,
) -> None:
    """Translate raw text from standard input, one line to a line.

    Empty lines stay empty; a line that is not UTF-8 is left empty and named on standard error (exit code 1 at the end).
    With --nbest above 1 each output line begins with its input line's number and a tab.
    """
    from ink.settings import settings_for
    from ink.translation.lines import batches
    from ink.translation.loading import load_translator

    use_machine()
    whole = load_config(config)
    settings = settings_for(whole, "translate", domain)
    settings["decoding"] |= {name: value for name, value in {"beam": beam}.items() if value is not None}
    if nbest > settings["decoding"]["beam"]:
        raise click.BadParameter(f"{nbest} hypotheses a line need --beam {nbest} or more", param_hint="--nbest")
    refused = 0

    def warn(message: str) -> None:
        print(message, file=sys.stderr, flush=True)

    translator = load_translator(whole, settings, system, domain, seed, warn)
    for lines in batches(sys.stdin.buffer, batch_size or settings["decoding"]["batch_sentences"]):
        refused += sum(line.text is None for line in lines)
        for line, hypotheses in zip(lines, translator.translate(lines, nbest), strict=True):
            for hypothesis in hypotheses:
                number = f"{line.number}\t" if nbest > 1 else ""
                score = f"{hypothesis.score:.4f}\t" if scores else ""
                sys.stdout.write(f"{number}{score}{hypothesis.text}\n")
        sys.stdout.flush()
    if refused:
        warn(f"{refused} of the input's lines could not be read and were left empty")
        sys.exit(1)
