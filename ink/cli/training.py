"""Commands that train models, adapters and combiners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ink.cli import completion, options
from ink.cli.jobs import tracked, typed
from ink.cli.threads import begin_process, use_machine
from ink.runtime.startup import work_begins
from ink.systems.known_systems import OFF_THE_SHELF

if TYPE_CHECKING:
    from ink.config.slices.slice import ModelSettings
    from ink.training.launcher import EpochReport


@click.command("train-base")
@options.config
@options.seed
@options.vocabulary
@options.corpus
@options.data
@options.output
def train_base(config: Path, seed: int, vocabulary: Path, corpus: Path, data: Path, output: Path) -> None:
    """Train the off-the-shelf model on the general domain."""
    from ink.config import load

    general = load(config)["data"]["general_domain"]
    with tracked(config, "train-base", system=OFF_THE_SHELF, domain=general, seed=seed) as job:
        from ink.config.slices.training_slices import BaseModelSettings
        from ink.training.base_model_training import train_base_model

        use_machine()
        settings = options.load_settings(config, BaseModelSettings)
        found = options.make_domain(settings.data, output / "model.pt", vocabulary, corpus, data)
        work = partial(train_base_model, found, settings, seed, output)
        _train(work, settings, settings.base_model.train.processes, job.epoch)
        job.trained(output / "record.json")


def _train(work: Callable[..., None], settings: ModelSettings, processes: int, on_epoch: EpochReport) -> None:
    """Do the work in so many processes, and tell `on_epoch` of its epochs."""
    from ink.training.launcher import train_together

    train_together(work, processes, settings.device, on_epoch, begin=partial(begin_process, processes))


def _write_card(config: Path, system: str, domain: str, seed: int, folder: Path, data: Path | None = None) -> None:
    """Write the card of the adapter that a job has left in a folder, trained on `data`; scores are still to come."""
    from ink.runtime.whole_files import read_json
    from ink.systems.layout import Layout, Run
    from ink.tools.model_card import CARD, Subject, model_card, write_card

    run, layout = Run(system, domain, seed), Layout(options.load_config(config))
    adapter = {"adapter": folder / "adapter.safetensors"}
    subject = Subject.of(layout, run, Path(layout.results), adapter)
    if data is not None:
        subject = replace(subject, texts={**subject.texts, domain: read_json(data / "prepared.json")})
    write_card(folder / CARD, model_card(subject, None, in_training=True))


def _varied_option(system: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make the option with which a command trains a variation of `system`."""

    def checked(context: click.Context, parameter: click.Parameter, value: str) -> str:
        from ink.systems.variations import variation_named

        variation = variation_named(value)
        if value != system and (variation is None or variation.of != system):
            raise click.BadParameter(f"{value} is neither {system} nor a variation of it, such as {system}_inner64")
        return value

    text = f"{system}, or a variation of it, such as {system}_inner64."
    return click.option("--system", default=system, show_default=True, callback=checked, help=text)


@click.command("train-adapter")
@options.config
@_varied_option("adapter")
@options.domain
@options.seed
@options.domain_files
@options.output
def train_adapter(config: Path, system: str, domain: str, seed: int, output: Path, **files: Path) -> None:
    """Train the Adapter baseline on a domain."""
    with tracked(config, "train-adapter", system=system, domain=domain, seed=seed) as job:
        from ink.config.slices.training_slices import AdapterSettings
        from ink.training.adapter_training import Origin
        from ink.training.adapter_training import train_adapter as train

        use_machine()
        settings = options.load_settings(config, AdapterSettings, domain, system)
        origin = Origin(system, typed("train-adapter", config, domain, seed, system=system))
        work = partial(train, options.make_domain(settings.data, **files), settings, seed, output, origin=origin)
        _train(work, settings, settings.training.processes, job.epoch)
        _write_card(config, system, domain, seed, output, files["data"])
        job.trained(output / "record.json")


@click.command("train-knn-kd")
@options.config
@options.domain
@options.seed
@options.domain_files
@options.path("--datastore", "The base model's datastore of the domain.")
@options.path("--neighbours", "The neighbours stored of its entries.")
@options.output
def train_knn_kd(
    config: Path, domain: str, seed: int, datastore: Path, neighbours: Path, output: Path, **files: Path
) -> None:
    """Train kNN-KD on a domain, from scratch, taught by the base model's neighbours."""
    with tracked(config, "train-knn-kd", system="knn_kd", domain=domain, seed=seed) as job:
        from ink.config.slices.training_slices import KnnKdSettings
        from ink.training.knn_kd_training import TeacherFiles
        from ink.training.knn_kd_training import train_knn_kd as train

        use_machine()
        settings = options.load_settings(config, KnnKdSettings, domain)
        teacher = TeacherFiles(datastore, neighbours)
        work = partial(train, options.make_domain(settings.data, **files), settings, seed, teacher, output)
        _train(work, settings, settings.knn_kd.processes, job.epoch)
        job.trained(output / "record.json")


@click.command("train-ink-round")
@options.config
@_varied_option("ink")
@options.domain
@options.seed
@click.option("--round", "first", type=click.IntRange(min=1), required=True, help="Number of the round, from 1.")
@click.option(
    "--last", type=int, help="Number of the last round, if several are trained: those from --round to this one."
)
@options.domain_files
@options.path("--datastore", "The base model's datastore of the domain.")
@options.path("--previous", "Folder of the rounds before; none for round 1.", required=False)
@options.output
def train_ink_round(
    config: Path,
    system: str,
    domain: str,
    seed: int,
    first: int,
    last: int | None,
    datastore: Path,
    previous: Path | None,
    output: Path,
    **files: Path,
) -> None:
    """Refresh the datastore and train a round of INK on it, or several in turn, or record that training has stopped."""
    from ink.training.early_stopping import has_stopped, write_stopped_rounds

    last = first if last is None else last
    if last < first:
        raise click.BadParameter(f"{last} is before --round {first}", param_hint="--last")
    if previous is not None and has_stopped(previous):
        write_stopped_rounds(output)
        return
    with tracked(config, "train-ink-round", system=system, domain=domain, seed=seed, number=first) as job:
        from ink.config.slices.training_slices import InkRoundSettings
        from ink.training.adapter_training import Origin
        from ink.training.ink_rounds import Rounds, train_rounds

        use_machine()
        settings = options.load_settings(config, InkRoundSettings, domain, system)
        numbers = range(first, last + 1)
        rounds = Rounds(numbers, datastore, previous, output)
        origin = Origin(system, typed("train-ink-round", config, domain, seed, numbers, system))
        work = partial(train_rounds, options.make_domain(settings.data, **files), settings, seed, rounds, origin=origin)
        _train(work, settings, settings.training.processes, job.epoch)


@click.command("finish-ink")
@options.config
@_varied_option("ink")
@options.domain
@options.run_seed
@options.domain_files
@options.path("--round", "Folder of a round, or of several trained together; give all of them.", multiple=True)
@options.output
def finish_ink(
    config: Path, system: str, domain: str, seed: int, output: Path, round: tuple[Path, ...], **files: Path
) -> None:
    """Average INK's last rounds and the best one into the final adapter."""
    with tracked(config, "finish-ink", system=system, domain=domain, seed=seed) as job:
        from ink.config.slices.training_slices import InkAverageSettings
        from ink.training.ink_rounds import finish_rounds

        use_machine()
        settings = options.load_settings(config, InkAverageSettings, domain, system)
        command = typed("finish-ink", config, domain, seed, system=system)
        finish_rounds(options.make_domain(settings.data, **files), settings, round, output, command)
        _write_card(config, system, domain, seed, output, files["data"])
        job.trained(output / "record.json")


@click.command("choose-ink")
@options.config
@options.domain
@options.run_seed
@options.path("--point", "Folder of a point's final adapter; give all points with all seeds.", multiple=True)
@options.output
def choose_ink(config: Path, domain: str, seed: int, output: Path, point: tuple[Path, ...]) -> None:
    """Choose INK's alpha and beta: the point of the search with the best dev BLEU, its adapter for this seed."""
    with tracked(config, "choose-ink", system="ink", domain=domain, seed=seed) as job:
        from ink.config.slices.training_slices import InkChoiceSettings
        from ink.training.hyperparameter_search import choose

        options.load_settings(config, InkChoiceSettings, domain)
        work_begins()
        choose(point, domain, seed, output)
        _write_card(config, "ink", domain, seed, output)
        job.trained(output / "record.json")


@click.command("train-combiner")
@options.config
@click.option(
    "--system", shell_complete=completion.systems, required=True, help="The system's name in the config, such as a_knn."
)
@options.domain
@options.seed
@options.domain_files
@options.path("--adapter", "The system's adapter, if it has one.", required=False)
@options.path("--datastore", "The domain's datastore, of the model with that adapter.")
@options.output
def train_combiner(
    config: Path,
    system: str,
    domain: str,
    seed: int,
    adapter: Path | None,
    datastore: Path,
    output: Path,
    **files: Path,
) -> None:
    """Train a system's combiner on the domain's dev set."""
    from ink.systems.systems_of_experiment import run_that_trains

    owner = run_that_trains(options.load_config(config), system)
    with tracked(config, "train-combiner", system=owner, domain=domain, seed=seed) as job:
        from ink.combiners.fitting.learned import train_combiner as train
        from ink.config.slices.training_slices import CombinerSettings
        from ink.datastore.storage import ModelDatastore

        use_machine()
        settings = options.load_settings(config, CombinerSettings, domain, system)
        store = ModelDatastore(datastore, adapter)
        train(options.make_domain(settings.data, **files), store, system, settings, seed, output)
        # of a grid only the one that was kept has curves: they are known at the end
        job.trained(output / "record.json", curves_by="update")
        job.record.artifact("combiner.json", output / "combiner.json")
