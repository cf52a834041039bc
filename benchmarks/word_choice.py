"""How much the choice of a translation varies, in the embedded corpus and in real text.

For each text: H(English word | German word) after alignment by IBM model 1, over German words seen 20 times or more in
25,000 running words, a seeded draw of the training pairs (ink/corpus/alignment.py).
"""

from __future__ import annotations

import random
from pathlib import Path

import click

from ink.corpus.alignment import ITERATIONS, TranslationEntropy, translation_entropy
from ink.runtime.whole_files import read_lines
from ink.synthetic import DOMAINS, generate

GENERATED = 3000


def shuffled(pairs: list[tuple[str, str]], seed: int) -> list[tuple[str, str]]:
    """The pairs in an order drawn with `seed`."""
    return random.Random(seed).sample(pairs, len(pairs))


@click.command()
@click.option("--real", type=click.Path(path_type=Path), help="Folder with NAME.train.de and NAME.train.en.")
@click.option("--name", "names", multiple=True, default=("koran", "libreoffice"), help="A real text there.")
@click.option("--seed", default=2023, show_default=True, help="Seed of the generator.")
@click.option("--draw", default=1, show_default=True, help="Seed of the draw of sentences.")
@click.option("--iterations", default=ITERATIONS, show_default=True, help="Iterations of IBM model 1.")
def main(real: Path | None, names: tuple[str, ...], seed: int, draw: int, iterations: int) -> None:
    """Print a line a text: entropy of the linked words and of the translation table, bits."""
    print("| text | frequent German words | of links | of table |\n|---|---|---|---|")

    def show(name: str, found: TranslationEntropy) -> None:
        print(f"| {name} | {found.frequent} | {found.of_links:.2f} | {found.of_table:.2f} |", flush=True)

    for name, splits in generate({domain: {"train": GENERATED} for domain in DOMAINS}, seed).items():
        show(name, translation_entropy(shuffled(splits["train"], draw), iterations=iterations))
    for name in names if real else ():
        assert real is not None
        sides = [read_lines(real / f"{name}.train.{language}") for language in ("de", "en")]
        found = translation_entropy(shuffled(list(zip(*sides, strict=True)), draw), iterations=iterations)
        show(f"{name} (real)", found)


if __name__ == "__main__":
    main()
