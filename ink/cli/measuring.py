"""Commands that measure what Tables 3 and 5 show."""

from __future__ import annotations

from pathlib import Path

import click

from ink.cli.machine import use_machine
from ink.cli.options import (
    PATH,
    base_model_option,
    config_option,
    data_option,
    domain_option,
    load_config,
    load_settings,
    output_option,
    path_option,
    prepared_corpus,
    run_seed_option,
    vocabulary_option,
)
from ink.systems import OFF_THE_SHELF


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
    from ink.evaluation.knn_accuracy import Source, measure_knn_accuracy

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
    from ink.assembly import load_system
    from ink.config.slices.result_slices import SpeedSettings
    from ink.evaluation.speed import measure_speed as measure
    from ink.layout import Layout
    from ink.settings import settings_for

    use_machine()
    whole = load_config(config)
    settings = settings_for(whole, SpeedSettings, domain)
    loaded = {system: load_system(whole, settings, system, domain, seed) for system in systems}
    data = prepared_corpus(settings.data, Path(Layout(whole).data(domain)))
    text = next(iter(loaded.values())).model.parallel_text(data, "test")
    measure(domain, seed, loaded, text, settings, output)
