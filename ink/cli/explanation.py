"""The command that shows what a translation was made of."""

from __future__ import annotations

import io
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from ink.cli.machine import use_machine
from ink.cli.options import config_option, load_config, path_option

if TYPE_CHECKING:
    from ink.explanation.explanation import Explanation


@click.command("explain")
@config_option
@click.option("--system", required=True, help="A system that retrieves, such as r_knn.")
@click.option("--domain", required=True, help="The domain it was trained for.")
@click.option("--seed", type=int, help="Seed of the trained system (default: the config's first).")
@click.option("--text", help="What to translate, in place of standard input.")
@click.option("--neighbours", type=click.IntRange(min=1), default=8, show_default=True, help="Shown for each token.")
@path_option("--html", "Write a page to this file, in place of text.", required=False)
def explain(
    config: Path, system: str, domain: str, seed: int | None, text: str | None, neighbours: int, html: Path | None
) -> None:
    """Translate raw text and show, token by token, the training sentences that were retrieved and what they added.

    Takes one sentence a line, as `ink translate` does, and finds the same translations. A line that is empty or not
    UTF-8 is named on standard error and left out (the latter: exit code 1 at the end).
    """
    from ink.config.slices.result_slices import TranslationSettings
    from ink.errors import InkError
    from ink.explanation.as_page import as_page
    from ink.explanation.as_text import as_text, heading
    from ink.explanation.explainer import load_explainer
    from ink.files import write_atomically
    from ink.settings import settings_for
    from ink.translation.lines import batches, standard_input

    use_machine()
    whole = load_config(config)
    settings = settings_for(whole, TranslationSettings, domain)

    def warn(message: str) -> None:
        print(message, file=sys.stderr, flush=True)

    explainer, about = load_explainer(whole, settings, system, domain, seed, neighbours, warn)
    stream: BinaryIO = standard_input() if text is None else io.BytesIO(os.fsencode(text))
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for_page: list[Explanation] = []
    explained, refused = 0, 0
    for lines in batches(stream, settings.decoding.batch_sentences):
        refused += sum(line.text is None for line in lines)
        for explanation in explainer.explain(lines):
            if html is None:
                sys.stdout.write(f"{'' if explained else heading(about)}\n{as_text(explanation, about, width)}")
            else:
                for_page.append(explanation)
            explained += 1
        sys.stdout.flush()
    if not explained:
        raise InkError("nothing was explained: the input has no line with text")
    if html is not None:
        page = as_page(for_page, about)
        with write_atomically(html) as temporary:
            temporary.write_text(page, encoding="utf-8")
    if refused:
        warn(f"{refused} of the input's lines could not be read and were left out")
        sys.exit(1)
