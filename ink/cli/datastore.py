"""Commands that write datastores."""

from __future__ import annotations

from pathlib import Path

import click

from ink.cli.jobs import tracked
from ink.cli.machine import use_machine
from ink.cli.options import (
    base_model_option,
    config_option,
    data_option,
    domain_option,
    load_settings,
    output_option,
    path_option,
    prepared_corpus,
    run_seed_option,
    vocabulary_option,
)


@click.command("build-datastore")
@config_option
@domain_option
@base_model_option
@vocabulary_option
@data_option
@path_option("--adapter", "Build the datastore of the base model with this adapter.", required=False)
@click.option("--key", required=True, type=click.Choice(["decoder_output", "ffn_input"]), help="What the keys are.")
@output_option
def build_datastore(
    config: Path,
    domain: str,
    key: str,
    base_model: Path,
    vocabulary: Path,
    data: Path,
    adapter: Path | None,
    output: Path,
) -> None:
    """Build the datastore of a domain's training set, the base model's or an adapted model's, with its index."""
    from ink.datastore.build import build_datastore as build
    from ink.nmt.translation_model import load_translation_model

    use_machine()
    settings = load_settings(config, "build-datastore", domain)
    prepared = prepared_corpus(settings, data)
    model = load_translation_model(
        base_model,
        vocabulary,
        prepared.source_language,
        prepared.target_language,
        settings["device"],
        adapter=adapter,
    )
    build(
        model,
        prepared.load(model.task, "train"),
        prepared.fingerprint,
        output,
        key=key,
        batch_tokens=settings["datastore"]["batch_tokens"],
        index=settings["index"],
    )


@click.command("store-neighbours")
@config_option
@domain_option
@path_option("--datastore", "The base model's datastore of the domain.")
@output_option
def store_neighbours(config: Path, domain: str, datastore: Path, output: Path) -> None:
    """Find the neighbours of every entry of a datastore in it, once, for kNN-KD."""
    from ink.datastore.storage import open_datastore
    from ink.datastore.stored_neighbours import store_neighbours as store

    use_machine()
    settings = load_settings(config, "store-neighbours", domain)
    store(open_datastore(datastore, key="decoder_output"), settings["index"], settings["knn_kd"]["stored"], output)


@click.command("refresh-datastore")
@config_option
@domain_option
@run_seed_option
@click.option("--round", "number", type=int, required=True, help="The round that will train on it.")
@base_model_option
@vocabulary_option
@data_option
@path_option("--previous", "Folder of the round before.")
@path_option("--first-datastore", "The datastore whose index gives centroids and codebooks to keep.")
@output_option
def refresh_datastore(
    config: Path,
    domain: str,
    seed: int,
    number: int,
    base_model: Path,
    vocabulary: Path,
    data: Path,
    previous: Path,
    first_datastore: Path,
    output: Path,
) -> None:
    """Recompute the datastore with the adapters of the round before."""
    from ink.training.stopped import has_stopped, write_stopped_datastore

    if has_stopped(previous):
        write_stopped_datastore(number, output)
        return
    with tracked(config, "refresh-datastore", system="ink", domain=domain, seed=seed, number=number):
        from ink.datastore.build import build_datastore as build
        from ink.nmt.translation_model import load_translation_model

        use_machine()
        settings = load_settings(config, "refresh-datastore", domain)
        prepared = prepared_corpus(settings, data)
        model = load_translation_model(
            base_model,
            vocabulary,
            prepared.source_language,
            prepared.target_language,
            settings["device"],
            adapter=previous / "adapter.safetensors",
        )
        keeps_codebooks = settings["ink"]["refresh_index"] == "reuse"
        build(
            model,
            prepared.load(model.task, "train"),
            prepared.fingerprint,
            output,
            key="decoder_output",
            batch_tokens=settings["datastore"]["batch_tokens"],
            index=settings["index"],
            log_probs=False,
            trained_index=first_datastore / "index.faiss" if keeps_codebooks else None,
        )
