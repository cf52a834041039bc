"""Commands that choose on dev and score on test."""

from __future__ import annotations

from pathlib import Path

import click

from ink.cli.jobs import tracked
from ink.cli.machine import use_machine
from ink.cli.options import (
    config_option,
    domain_files_options,
    domain_option,
    load_settings,
    make_domain,
    output_option,
    path_option,
    prepared_corpus,
    seed_option,
)


@click.command("tune-v-knn")
@config_option
@domain_option
@domain_files_options
@path_option("--datastore", "The domain's datastore.")
@output_option
def tune_v_knn(config: Path, domain: str, datastore: Path, output: Path, **files: Path) -> None:
    """Choose V-kNN's k, lambda and T on the domain's dev set."""
    with tracked(config, "tune-v-knn", system="v_knn", domain=domain, seed=None) as job:
        from ink.config.slices.training_slices import TuningSettings
        from ink.evaluation.tune import tune_vanilla

        use_machine()
        settings = load_settings(config, TuningSettings, domain)
        tune_vanilla(make_domain(settings.data, **files), datastore, settings, output)
        job.record.artifact("combiner.json", output)


@click.command("evaluate")
@config_option
@click.option("--system", required=True, help="The system's name in the config.")
@domain_option
@seed_option
@domain_files_options
@path_option("--adapter", "The system's adapter, if it has one.", required=False)
@path_option("--datastore", "The system's datastore, if it has one.", required=False)
@path_option("--combiner", "The system's combiner, if it has one.", required=False)
@path_option("--model", "The checkpoint that takes the base model's place, if it has one.", required=False)
@path_option("--general-corpus", "Raw text of the general domain, to score what was forgotten.", required=False)
@path_option("--general-data", "Binarised text of the general domain.", required=False)
@path_option("--hypotheses", "Where to write the translations of the test set.")
@path_option("--scores", "Where to write the scores (JSON).")
def evaluate(
    config: Path,
    system: str,
    domain: str,
    seed: int,
    adapter: Path | None,
    datastore: Path | None,
    combiner: Path | None,
    model: Path | None,
    general_corpus: Path | None,
    general_data: Path | None,
    hypotheses: Path,
    scores: Path,
    **files: Path,
) -> None:
    """Translate a domain's test set with one system and score it."""
    with tracked(config, "evaluate", system=system, domain=domain, seed=seed) as job:
        from ink.assembly import Parts
        from ink.config.slices.result_slices import EvaluationSettings
        from ink.evaluation.system import GeneralTest, evaluate_system
        from ink.systems import system_named

        use_machine()
        settings = load_settings(config, EvaluationSettings, domain)
        general = None
        if general_corpus is not None and general_data is not None:
            name = str(settings.data.general_domain)
            general = GeneralTest(name, general_corpus, prepared_corpus(settings.data, general_data))
        evaluate_system(
            system,
            domain,
            seed,
            make_domain(settings.data, **files),
            Parts(adapter, datastore, combiner, system_named(system).without_keys, model=model),
            general,
            settings,
            hypotheses,
            scores,
        )
        job.scored(scores, hypotheses)
