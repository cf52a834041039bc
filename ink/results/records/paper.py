"""The paper's own numbers, as printed: the committed files of results/paper, which stand beside ours."""

from __future__ import annotations

import shlex
from pathlib import Path

import pandas as pd

from ink.runtime.errors import InkError
from ink.systems.layout import paper_folder


def read_paper(results: Path, name: str) -> pd.DataFrame:
    """Read the paper's `name` (table1 to table5, figure4_text, memory), all columns as text, "" where a cell is empty.

    results: the experiment's folder, by which `paper_folder` finds them. InkError where they are not there.
    """
    path = paper_folder(results) / f"{name}.csv"
    if not path.is_file():
        raise InkError(
            f"{path}, the paper's own numbers, is missing; git checkout {shlex.quote(str(path))}",
            code="project/incomplete",
        )
    return pd.read_csv(path, dtype=str, keep_default_na=False)
