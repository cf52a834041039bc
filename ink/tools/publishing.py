"""An experiment's results as committed copies for readers: results/published/EXPERIMENT.

Copied are small files, and those that tables, figures and the report are made of: they can be rendered again from the
copy. What a run leaves for itself stays behind.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Mapping, Set
from pathlib import Path
from typing import Any

from ink.config import load_resolved, metrics_of
from ink.metrics.known_metrics import make_metrics
from ink.results.contents import experiment_config, missing_files
from ink.results.records.metric_scores import score_in, statistics_of
from ink.results.records.scores import hypotheses_file, read_references, read_scores
from ink.results.records.sentence_statistics import (
    SentenceStatistics,
    fingerprint,
    has_statistics,
    write_statistics,
)
from ink.results.records.workflow_calls import calls
from ink.runtime.errors import InkError
from ink.runtime.experiment_lock import holder
from ink.runtime.whole_files import sha256_of, write_atomically
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

    `without_text` leaves translations and references out, for text that may not be given away. In their place the copy
    has counts by sentence (ink/results/records/sentence_statistics.py), of which tables, figures and intervals are
    computed again. `models` puts base model, vocabulary and
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
        if without_text:
            _write_statistics(results, config, temporary)
        if models:
            copy_models(config, temporary / FOLDER, explained)
            write_cards(config, temporary / FOLDER, results)
    return target


def _write_statistics(results: Path, config: Mapping[str, Any], copy: Path) -> None:
    """Count every run's statistics by sentence in each metric in which it has a score; those on file are copied."""
    if has_statistics(results):
        return
    metrics = make_metrics(metrics_of(config), config)
    references: dict[str, str] = {}
    for score in read_scores(results):
        run = (score.system, score.domain, score.seed)
        if score.domain not in references:
            references[score.domain] = fingerprint(read_references(results, score.domain))
        scored = {metric: score_in(metric, results, score) for metric in metrics}
        counted = {
            metric.name: statistics_of(metric, results, score)
            for metric, found in scored.items()
            if found is not None and found.segments is None
        }
        translations = sha256_of(hypotheses_file(results, *run))
        write_statistics(copy, *run, SentenceStatistics(counted, translations, references[score.domain]))


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
