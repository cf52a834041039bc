"""The command that trains what turns neighbours into a distribution."""

from __future__ import annotations

from pathlib import Path

import click

from ink.cli.jobs import tracked
from ink.cli.machine import use_machine
from ink.cli.options import (
    config_option,
    domain_files_options,
    domain_option,
    load_config,
    load_settings,
    make_domain,
    output_option,
    path_option,
    seed_option,
)


@click.command("train-combiner")
@config_option
@click.option("--system", required=True, help="The system's name in the config, such as a_knn.")
@domain_option
@seed_option
@domain_files_options
@path_option("--adapter", "The system's adapter, if it has one.", required=False)
@path_option("--datastore", "The domain's datastore, of the model with that adapter.")
@output_option
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
    from ink.systems import run_that_trains

    owner = run_that_trains(load_config(config), system)
    with tracked(config, "train-combiner", system=owner, domain=domain, seed=seed) as job:
        from ink.config.slices.training_slices import CombinerSettings
        from ink.training.combiners.training import train_combiner as train

        use_machine()
        settings = load_settings(config, CombinerSettings, domain, system)
        train(make_domain(settings.data, **files), datastore, system, settings, seed, output, adapter)
        # of a grid only the one that was kept has curves: they are known at the end
        job.trained(output / "record.json", curves_by="update")
        job.record.artifact("combiner.json", output / "combiner.json")
