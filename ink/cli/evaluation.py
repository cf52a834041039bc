"""Commands that choose on dev, score on test, and measure what Tables 3 and 5 show."""

from __future__ import annotations

from pathlib import Path

import click

from ink.cli.jobs import tracked
from ink.cli.options import (
    PATH,
    base_model_option,
    config_option,
    corpus_option,
    data_option,
    domain_files_options,
    domain_option,
    load_config,
    load_settings,
    make_domain,
    output_option,
    path_option,
    prepared_corpus,
    run_seed_option,
    seed_option,
    vocabulary_option,
)
from ink.cli.threads import use_machine
from ink.systems.known_systems import OFF_THE_SHELF


@click.command("tune-v-knn")
@config_option
@domain_option
@domain_files_options
@path_option("--datastore", "The domain's datastore.")
@output_option
def tune_v_knn(config: Path, domain: str, datastore: Path, output: Path, **files: Path) -> None:
    """Choose V-kNN's k, lambda and T on the domain's dev set."""
    with tracked(config, "tune-v-knn", system="v_knn", domain=domain, seed=None) as job:
        from ink.combiners.fitting.vanilla_on_dev import tune_vanilla
        from ink.config.slices.training_slices import TuningSettings

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
        from ink.config.slices.result_slices import EvaluationSettings
        from ink.metrics.system_evaluation import GeneralTest, evaluate_system
        from ink.systems.inference import Parts
        from ink.systems.known_systems import system_named

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
        from ink.metrics.score_files import score_run

        use_machine()
        settings = load_settings(config, ScoringSettings, domain, metric=metric)
        score_run(metric, system, domain, seed, corpus, hypotheses, settings, output)
        job.scored_with(metric, output)


@click.command("knn-accuracy")
@config_option
@domain_option
@run_seed_option
@base_model_option
@vocabulary_option
@data_option
@path_option("--datastore", "The base model's datastore of the domain, keyed on decoder_output.")
@click.option(
    "--adapted",
    nargs=3,
    type=(str, PATH, PATH),
    metavar="SYSTEM ADAPTER DATASTORE",
    required=True,
    multiple=True,
    help="A system with an adapter, its adapter, and the datastore of the base model with it. May be repeated.",
)
@output_option
def knn_accuracy(
    config: Path,
    domain: str,
    seed: int,
    base_model: Path,
    vocabulary: Path,
    data: Path,
    datastore: Path,
    adapted: tuple[tuple[str, Path, Path], ...],
    output: Path,
) -> None:
    """Measure the mean kNN accuracy of the base model, of Adapter and of INK on a domain's dev set."""
    from ink.config.slices.result_slices import AccuracySettings
    from ink.metrics.knn_accuracy import Source, measure_knn_accuracy

    use_machine()
    settings = load_settings(config, AccuracySettings, domain)
    sources = {OFF_THE_SHELF: Source(datastore)}
    sources |= {system: Source(store, adapter) for system, adapter, store in adapted}
    prepared = prepared_corpus(settings.data, data)
    measure_knn_accuracy(domain, seed, base_model, vocabulary, prepared, sources, settings, output)


@click.command("measure-speed")
@config_option
@domain_option
@run_seed_option
@click.option("--system", "systems", required=True, multiple=True, help="A system that the experiment has trained.")
@output_option
def measure_speed(config: Path, domain: str, seed: int, systems: tuple[str, ...], output: Path) -> None:
    """Time beam search of trained systems on a domain's test set, in turn."""
    from ink.config.slices.commands import settings_for
    from ink.config.slices.result_slices import SpeedSettings
    from ink.metrics.speed import measure_speed as measure
    from ink.systems.inference import load_system
    from ink.systems.layout import Layout

    use_machine()
    whole = load_config(config)
    settings = settings_for(whole, SpeedSettings, domain)
    loaded = {system: load_system(whole, settings, system, domain, seed) for system in systems}
    data = prepared_corpus(settings.data, Path(Layout(whole).data(domain)))
    text = next(iter(loaded.values())).model.parallel_text(data, "test")
    measure(domain, seed, loaded, text, settings, output)
