"""Progress of long jobs: a bar with its rate on a terminal, plain lines in a log."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from typing import Any, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")

SECONDS_BETWEEN_LINES = 10.0


class _PlainLines(tqdm):
    """tqdm that writes a line now and then in place of redrawing one, for logs."""

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Print the line that the bar would show."""
        if self.n:
            print(msg or str(self), file=sys.stderr, flush=True)


def progress(
    items: Iterable[Item],
    *,
    description: str,
    unit: str,
    total: int | None = None,
    postfix: str = "",
    initial: int = 0,
) -> tqdm[Item]:
    """Iterate over `items`, showing how far and how fast; call `.update_postfix` through tqdm's `set_postfix_str`.

    `initial` counts what had been done of `total` before.
    """
    shown: dict[str, Any] = {"desc": description, "unit": f" {unit}", "total": total, "postfix": postfix}
    if sys.stderr.isatty():
        return tqdm(items, initial=initial, dynamic_ncols=True, **shown)
    return _PlainLines(
        items,
        initial=initial,
        mininterval=SECONDS_BETWEEN_LINES,
        miniters=1,
        bar_format="{desc}: {n_fmt}/{total_fmt}{unit} [{elapsed}<{remaining}, {rate_fmt}{postfix}]",
        file=io.StringIO(),  # takes only the line feeds with which tqdm leaves a bar
        **shown,
    )
