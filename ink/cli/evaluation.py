"""Commands that choose on dev, score on test, and measure what Tables 3 and 5 show."""

from __future__ import annotations

from pathlib import Path

import click

from ink.cli import completion, options
from ink.cli.jobs import tracked
from ink.cli.threads import use_machine
from ink.systems.known_systems import OFF_THE_SHELF


@click.command("tune-v-knn")
@options.config
@click.option(
    "--system",
    default="v_knn",
    show_default=True,
    shell_complete=completion.systems,
    help="v_knn, or v_knn on a reduced datastore, such as v_knn+half.",
)
@options.domain
@options.domain_files
@options.path("--datastore", "The domain's datastore.")
@options.output
def tune_v_knn(config: Path, system: str, domain: str, datastore: Path, output: Path, **files: Path) -> None:
    """Choose V-kNN's k, lambda and T on the domain's dev set."""
    with tracked(config, "tune-v-knn", system=system, domain=domain, seed=None) as job:
        from ink.combiners.fitting.vanilla_on_dev import tune_vanilla
        from ink.config.slices.training_slices import TuningSettings

        use_machine()
        settings = options.load_settings(config, TuningSettings, domain)
        tune_vanilla(options.make_domain(settings.data, **files), datastore, settings, output)
        job.record.artifact("combiner.json", output)


@click.command("evaluate")
@options.config
@click.option("--system", shell_complete=completion.systems, required=True, help="The system's name in the config.")
@options.domain
@options.seed
@options.domain_files
@options.path("--adapter", "The system's adapter, if it has one.", required=False)
@options.path("--datastore", "The system's datastore, if it has one.", required=False)
@options.path("--combiner", "The system's combiner, if it has one.", required=False)
@options.path("--source-tokens", "The training text's source tokens, if it searches by them.", required=False)
@options.path("--model", "The checkpoint that takes the base model's place, if it has one.", required=False)
@options.path("--general-corpus", "Raw text of the general domain, to score what was forgotten.", required=False)
@options.path("--general-data", "Binarised text of the general domain.", required=False)
@options.path("--hypotheses", "Where to write the translations of the test set.")
@options.path("--scores", "Where to write the scores (JSON).")
def evaluate(
    config: Path,
    system: str,
    domain: str,
    seed: int,
    adapter: Path | None,
    datastore: Path | None,
    combiner: Path | None,
    source_tokens: Path | None,
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
        from ink.metrics.system_evaluation import GeneralTest, RunFiles, evaluate_system
        from ink.systems.inference import Parts, with_search
        from ink.systems.known_systems import system_named
        from ink.systems.layout import Run

        use_machine()
        settings = options.load_settings(config, EvaluationSettings, domain)
        general = None
        if general_corpus is not None and general_data is not None:
            name = str(settings.data.general_domain)
            general = GeneralTest(name, general_corpus, options.prepared_corpus(settings.data, general_data))
        parts = Parts(adapter, datastore, combiner, source_tokens, system_named(system).without_keys, model)
        evaluate_system(
            Run(system, domain, seed),
            options.make_domain(settings.data, **files),
            with_search(parts, system, settings),
            general,
            settings,
            RunFiles(hypotheses, scores),
        )
        job.scored(scores, hypotheses)


@click.command("score")
@options.config
@click.option("--metric", required=True, help="The metric's name in the config.")
@click.option("--system", shell_complete=completion.systems, required=True, help="The system's name in the config.")
@options.domain
@options.run_seed
@options.corpus
@options.path("--hypotheses", "The system's translations of the test set.")
@options.output
def score(
    config: Path, metric: str, system: str, domain: str, seed: int, corpus: Path, hypotheses: Path, output: Path
) -> None:
    """Score a run's translations of a domain's test set with one metric."""
    with tracked(config, f"score-{metric}", system=system, domain=domain, seed=seed) as job:
        from ink.config.slices.result_slices import ScoringSettings
        from ink.metrics.score_files import score_run
        from ink.systems.layout import Run

        use_machine()
        settings = options.load_settings(config, ScoringSettings, domain, metric=metric)
        score_run(metric, Run(system, domain, seed), corpus, hypotheses, settings, output)
        job.scored_with(metric, output)


@click.command("knn-accuracy")
@options.config
@options.domain
@options.run_seed
@options.base_model
@options.vocabulary
@options.data
@options.path("--datastore", "The base model's datastore of the domain, keyed on decoder_output.")
@click.option(
    "--adapted",
    nargs=3,
    type=(str, options.PATH, options.PATH),
    metavar="SYSTEM ADAPTER DATASTORE",
    required=True,
    multiple=True,
    help="A system with an adapter, its adapter, and the datastore of the base model with it. May be repeated.",
)
@options.output
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
    from ink.datastore.storage import ModelDatastore
    from ink.metrics.knn_accuracy import measure_knn_accuracy
    from ink.nmt.model_loading import BaseModelFiles, backend_of

    use_machine()
    settings = options.load_settings(config, AccuracySettings, domain)
    datastores = {OFF_THE_SHELF: ModelDatastore(datastore)}
    datastores |= {system: ModelDatastore(store, adapter) for system, adapter, store in adapted}
    files = BaseModelFiles(base_model, vocabulary, settings.data.languages, backend_of(vocabulary))
    measure_knn_accuracy(files, options.prepared_corpus(settings.data, data), datastores, seed, settings, output)


@click.command("measure-speed")
@options.config
@options.domain
@options.run_seed
@click.option(
    "--system",
    "systems",
    shell_complete=completion.systems,
    required=True,
    multiple=True,
    help="A system that the experiment has trained.",
)
@options.output
def measure_speed(config: Path, domain: str, seed: int, systems: tuple[str, ...], output: Path) -> None:
    """Time beam search of trained systems on a domain's test set, in turn."""
    from ink.config.slices.commands import settings_for
    from ink.config.slices.result_slices import SpeedSettings
    from ink.metrics.speed import measure_speed as measure
    from ink.systems.inference import load_system
    from ink.systems.layout import Layout

    use_machine()
    whole = options.load_config(config)
    settings = settings_for(whole, SpeedSettings, domain)
    layout = Layout(whole)
    loaded = {system: load_system(layout, settings, system, domain, seed) for system in systems}
    data = options.prepared_corpus(settings.data, Path(layout.data(domain)))
    text = next(iter(loaded.values())).model.parallel_text(data, "test")
    measure(domain, seed, loaded, text, settings, output)
