"""The command that scores translations with COMET."""

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


@click.command("score-comet")
@config_option
@click.option("--system", required=True, help="The system's name in the config.")
@domain_option
@run_seed_option
@corpus_option
@path_option("--hypotheses", "The system's translations of the test set.")
@output_option
def score_comet(
    config: Path, system: str, domain: str, seed: int, corpus: Path, hypotheses: Path, output: Path
) -> None:
    """Score a run's translations of a domain's test set with COMET."""
    with tracked(config, "score-comet", system=system, domain=domain, seed=seed) as job:
        from ink.evaluation.comet import score_with_comet

        use_machine()
        settings = load_settings(config, "score-comet", domain)
        score_with_comet(system, domain, seed, corpus, hypotheses, settings, output)
        job.scored_with_comet(output)
