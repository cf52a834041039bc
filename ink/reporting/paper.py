"""The paper's own numbers, as printed: the committed files of results/paper, which stand beside ours."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ink.errors import InkError


def read_paper(results: Path, name: str) -> pd.DataFrame:
    """Read the paper's `name` (table1 to table5, figure4_text, memory), all columns as text, "" where a cell is empty.

    results: the experiment's folder, results/EXPERIMENT or results/published/EXPERIMENT; the paper's numbers lie in
    results/paper. InkError where they do not.
    """
    beside, *above = [folder / "paper" for folder in Path(results).absolute().parents[:2]]
    folder = next((folder for folder in above if folder.is_dir() and not beside.is_dir()), beside)
    path = folder / f"{name}.csv"
    if not path.is_file():
        raise InkError(f"{path}, the paper's own numbers, is missing; git checkout {path}")
    return pd.read_csv(path, dtype=str, keep_default_na=False)
