"""Adapter and INK side by side, epoch by round: training loss, the neighbours' vote, dev BLEU, from a run's records.

`vote` is the share of training positions that have the right token among their neighbours in the round's datastore.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ink.config import load
from ink.runtime.whole_files import read_json
from ink.systems.layout import Layout


def history_of(layout: Layout, system: str, domain: str, seed: int) -> list[dict[str, Any]]:
    """The epochs or rounds of a finished training."""
    history: list[dict[str, Any]] = read_json(Path(layout.adapter(system, domain, seed)).parent / "record.json")[
        "history"
    ]
    return history


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--domain", "domains", multiple=True, help="Only these domains (repeatable).")
@click.option("--seed", default=1, show_default=True)
@click.option(
    "--every", default=5, show_default=True, help="Epochs between two lines; the first and last are always there."
)
@click.option(
    "--system", default="ink", show_default=True, help="What stands beside the Adapter: INK or a variation of it."
)
def main(config: Path, domains: tuple[str, ...], seed: int, every: int, system: str) -> None:
    """Print a table a domain."""
    settings = load(config)
    layout = Layout(settings)
    for domain in domains or settings["domains"]:
        adapter, ink = (history_of(layout, name, domain, seed) for name in ("adapter", system))
        print(f"\n{domain}: Adapter {len(adapter)} epochs, {system} {len(ink)} rounds (seed {seed})\n")
        print("| epoch | Adapter: nll, bits | dev BLEU | INK: nll, bits | dev BLEU | L_i, bits | vote |")
        print("|---|---|---|---|---|---|---|")
        last = max(len(adapter), len(ink))
        for number in sorted({1, len(adapter), len(ink), *range(every, last + 1, every)}):
            cells = [f"{number}"]
            for history, names in (
                (adapter, ("nll_loss", "dev_bleu")),
                (ink, ("nll_loss", "dev_bleu", "loss_i", "share_with_target")),
            ):
                entry = history[number - 1] if number <= len(history) else {}
                cells += [f"{entry[name]:.2f}" if name in entry else "" for name in names]
            print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
