"""An experiment's results as committed copies for readers: results/published/EXPERIMENT.

Copied are small files, and those that tables, figures and the report are made of: they can be rendered again from the
copy. What a run leaves for itself stays behind.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Set
from pathlib import Path

from ink.config import load_resolved
from ink.results.contents import experiment_config, missing_files
from ink.results.records.workflow_calls import calls
from ink.runtime.errors import InkError
from ink.runtime.experiment_lock import holder
from ink.runtime.whole_files import write_atomically
from ink.tools.published_models import FOLDER, copy_models, write_cards

# logs, the journal of runs for MLflow, and the last call's process
LEFT_OUT = ("logs", "runs", "workflow.json")
# what holds the test set's own words
TEXT = ("hypotheses", "references")
LISTED = 5


def publish(
    results: Path,
    *,
    allow_dirty: bool = False,
    without_text: bool = False,
    models: bool = False,
    explained: str | None = None,
) -> Path:
    """Copy results/EXPERIMENT to results/published/EXPERIMENT, whole or not at all; return the copy.

    `without_text` leaves translations and references out, for text that may not be given away: tables and figures are
    there as they are, but intervals cannot be computed again from the copy. `models` puts base model, vocabulary and
    INK's adapters with their cards into its folder `models`, and `explained` what `ink explain` needs of this domain.

    InkError where `results` is no experiment's folder or is being written, where tables, figures or the report are
    missing, and, unless `allow_dirty`, where no commit holds the code that ran.
    """
    results = Path(results)
    config = load_resolved(experiment_config(results))
    name = config["experiment"]
    running = holder(name) if results.resolve() == (Path("results") / name).resolve() else None
    if running is not None:
        raise InkError(
            f"{results} is being written by process {running['pid']} since {running['started']}; publish it when the "
            "workflow has ended",
            code="job/already-running",
        )
    missing = [path for path in [*missing_files(results, config), results / "report.html"] if not path.is_file()]
    if missing:
        listed = ", ".join(str(path.relative_to(results)) for path in missing[:LISTED])
        more = f" and {len(missing) - LISTED} more" if len(missing) > LISTED else ""
        raise InkError(
            f"{results} is not complete: {listed}{more} missing; run the workflow to its end (snakemake --cores all), "
            f"or ink report {shlex.quote(str(results))} where only rendering is left",
            code="results/incomplete",
        )
    if not allow_dirty:
        _check_code(results)
    target = results.parent / "published" / name
    with write_atomically(target) as temporary:
        left_out = {*LEFT_OUT, *(TEXT if without_text else ())}
        shutil.copytree(results, temporary, ignore=_ignoring(results, left_out))
        if models:
            copy_models(config, temporary / FOLDER, explained)
            write_cards(config, temporary / FOLDER, results)
    return target


def _check_code(results: Path) -> None:
    ran = calls(results)
    if not ran:
        raise InkError(
            f"{results / 'environment.json'} is missing, which says with which code these results were made; run the "
            "workflow again, or publish them with --allow-dirty",
            code="results/unpublishable",
        )
    for call in ran:
        if not call.is_committed:
            raise InkError(
                f"{results}: the call of {call.started} ({call.command}) ran with code that no commit holds "
                f"({call.code}); commit it, remove {results} and run the workflow again, or publish with --allow-dirty",
                code="results/unpublishable",
            )


def _ignoring(results: Path, left_out: Set[str]) -> Callable[[str, list[str]], set[str]]:
    """Make copytree's filter: hidden files everywhere, and these names at the top."""

    def ignored(folder: str, names: list[str]) -> set[str]:
        hidden = {name for name in names if name.startswith(".")}
        return hidden | (left_out & set(names) if Path(folder) == results else set())

    return ignored
