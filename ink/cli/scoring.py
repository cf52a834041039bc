"""The command that scores translations with one more metric."""

from __future__ import annotations

from pathlib import Path

import click

from ink.cli.jobs import tracked
from ink.cli.machine import use_machine
from ink.cli.options import (
    config_option,
    corpus_option,
    domain_option,
    load_settings,
    output_option,
    path_option,
    run_seed_option,
)


@click.command("score")
@config_option
@click.option("--metric", required=True, help="The metric's name in the config.")
@click.option("--system", required=True, help="The system's name in the config.")
@domain_option
@run_seed_option
@corpus_option
@path_option("--hypotheses", "The system's translations of the test set.")
@output_option
def score(
    config: Path, metric: str, system: str, domain: str, seed: int, corpus: Path, hypotheses: Path, output: Path
) -> None:
    """Score a run's translations of a domain's test set with one metric."""
    with tracked(config, f"score-{metric}", system=system, domain=domain, seed=seed) as job:
        from ink.config.slices.result_slices import ScoringSettings
        from ink.metrics.scoring import score_run

        use_machine()
        settings = load_settings(config, ScoringSettings, domain, metric=metric)
        score_run(metric, system, domain, seed, corpus, hypotheses, settings, output)
        job.scored_with(metric, output)
