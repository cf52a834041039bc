"""Commands that train."""

from __future__ import annotations

from pathlib import Path

import click

from ink.cli.jobs import tracked, typed
from ink.cli.machine import use_machine
from ink.cli.options import (
    config_option,
    corpus_option,
    data_option,
    domain_files_options,
    domain_option,
    load_settings,
    make_domain,
    output_option,
    path_option,
    prepared_corpus,
    run_seed_option,
    seed_option,
    vocabulary_option,
)


@click.command("train-base")
@config_option
@seed_option
@vocabulary_option
@corpus_option
@data_option
@output_option
def train_base(config: Path, seed: int, vocabulary: Path, corpus: Path, data: Path, output: Path) -> None:
    """Train the off-the-shelf model on the general domain."""
    from ink.config import load

    general = load(config)["data"]["general_domain"]
    with tracked(config, "train-base", system="off_the_shelf", domain=general, seed=seed) as job:
        from ink.training.base_model import train_base_model

        use_machine()
        settings = load_settings(config, "train-base")
        train_base_model(prepared_corpus(settings, data), corpus, vocabulary, settings, seed, output, job.epoch)
        job.trained(output / "record.json")


@click.command("train-adapter")
@config_option
@domain_option
@seed_option
@domain_files_options
@output_option
def train_adapter(config: Path, domain: str, seed: int, output: Path, **files: Path) -> None:
    """Train the Adapter baseline on a domain."""
    with tracked(config, "train-adapter", system="adapter", domain=domain, seed=seed) as job:
        from ink.training.adapter_training import train_adapter as train

        use_machine()
        settings = load_settings(config, "train-adapter", domain)
        command = typed("train-adapter", config, domain, seed)
        train(make_domain(settings, **files), settings, seed, output, job.epoch, command)
        job.trained(output / "record.json")


@click.command("train-knn-kd")
@config_option
@domain_option
@seed_option
@domain_files_options
@path_option("--datastore", "The base model's datastore of the domain.")
@path_option("--neighbours", "The neighbours stored of its entries.")
@output_option
def train_knn_kd(
    config: Path, domain: str, seed: int, datastore: Path, neighbours: Path, output: Path, **files: Path
) -> None:
    """Train kNN-KD on a domain, from scratch, taught by the base model's neighbours."""
    with tracked(config, "train-knn-kd", system="knn_kd", domain=domain, seed=seed) as job:
        from ink.training.knn_kd import train_knn_kd as train

        use_machine()
        settings = load_settings(config, "train-knn-kd", domain)
        train(make_domain(settings, **files), settings, seed, datastore, neighbours, output, job.epoch)
        job.trained(output / "record.json")


@click.command("train-ink-round")
@config_option
@domain_option
@seed_option
@click.option("--round", "number", type=int, required=True, help="Number of the round, from 1.")
@domain_files_options
@path_option("--datastore", "This round's datastore.")
@path_option("--previous", "Folder of the round before; none for round 1.", required=False)
@output_option
def train_ink_round(
    config: Path,
    domain: str,
    seed: int,
    number: int,
    datastore: Path,
    previous: Path | None,
    output: Path,
    **files: Path,
) -> None:
    """Train one round of INK on its datastore, or record that training has stopped."""
    from ink.training.stopped import has_stopped, write_stopped_round

    if previous is not None and has_stopped(previous):
        write_stopped_round(number, output)
        return
    with tracked(config, "train-ink-round", system="ink", domain=domain, seed=seed, number=number) as job:
        from ink.training.ink_rounds import train_round

        use_machine()
        settings = load_settings(config, "train-ink-round", domain)
        command = typed("train-ink-round", config, domain, seed, number)
        found = make_domain(settings, **files)
        train_round(found, settings, seed, number, datastore, previous, output, job.epoch, command)


@click.command("finish-ink")
@config_option
@domain_option
@run_seed_option
@domain_files_options
@path_option("--round", "Folder of a round; give all of them.", multiple=True)
@output_option
def finish_ink(config: Path, domain: str, seed: int, output: Path, round: tuple[Path, ...], **files: Path) -> None:
    """Average INK's last rounds and the best one into the final adapter."""
    with tracked(config, "finish-ink", system="ink", domain=domain, seed=seed) as job:
        from ink.training.ink_rounds import finish_rounds

        use_machine()
        settings = load_settings(config, "finish-ink", domain)
        command = typed("finish-ink", config, domain, seed)
        finish_rounds(make_domain(settings, **files), settings, round, output, command)
        job.trained(output / "record.json")
