"""Commands that write datastores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ink.cli import options
from ink.cli.threads import use_machine

if TYPE_CHECKING:
    from ink.config.slices.training_slices import DatastoreSettings, ShardSettings
    from ink.datastore.build import Extraction


# what a pass of a model over a domain's training text needs to know
_pass_options = options.several(
    options.config,
    options.domain,
    options.base_model,
    options.vocabulary,
    options.data,
    options.path("--adapter", "Build the datastore of the base model with this adapter.", required=False),
    click.option("--key", required=True, type=click.Choice(["decoder_output", "ffn_input"]), help="What the keys are."),
    options.output,
)


def _extraction(
    settings: DatastoreSettings | ShardSettings,
    key: str,
    base_model: Path,
    vocabulary: Path,
    data: Path,
    adapter: Path | None,
) -> Extraction:
    """Load the model and the training text over which it passes."""
    from ink.datastore.build import Extraction
    from ink.nmt.model_loading import BaseModelFiles, backend_of

    prepared = options.prepared_corpus(settings.data, data)
    files = BaseModelFiles(base_model, vocabulary, prepared.languages, backend_of(vocabulary))
    model = files.load(settings.device, settings.precision, adapter=adapter)
    text = model.parallel_text(prepared, "train")
    return Extraction(model, text, prepared.fingerprint, key, settings.datastore.batch_tokens)


@click.command("build-datastore")
@_pass_options
def build_datastore(config: Path, domain: str, key: str, output: Path, **files: Any) -> None:
    """Build the datastore of a domain's training set, the base model's or an adapted model's, with its index."""
    from ink.config.slices.training_slices import DatastoreSettings
    from ink.datastore.build import build_datastore as build

    use_machine()
    settings = options.load_settings(config, DatastoreSettings, domain)
    build(_extraction(settings, key, **files), output, settings.index)


@click.command("build-datastore-shard")
@_pass_options
@click.option("--shard", required=True, type=click.IntRange(min=1), help="Which of datastore.shards, from 1 on.")
def build_datastore_shard(config: Path, domain: str, key: str, shard: int, output: Path, **files: Any) -> None:
    """Build one shard of a datastore, a share of its batches, for join-datastore."""
    from ink.config.slices.training_slices import ShardSettings
    from ink.datastore.build import build_shard

    use_machine()
    settings = options.load_settings(config, ShardSettings, domain)
    build_shard(_extraction(settings, key, **files), output, number=shard, count=settings.datastore.shards)


@click.command("join-datastore")
@options.config
@options.domain
@options.path("--shard", "A shard of the datastore, which is removed; give all of them.", multiple=True)
@options.output
def join_datastore(config: Path, domain: str, shard: tuple[Path, ...], output: Path) -> None:
    """Make a datastore, with its index, of all of its shards: the same that build-datastore makes in one."""
    from ink.config.slices.training_slices import JoiningSettings
    from ink.datastore.shards import join_shards

    use_machine()
    join_shards(shard, output, options.load_settings(config, JoiningSettings, domain).index)


@click.command("store-neighbours")
@options.config
@options.domain
@options.path("--datastore", "The base model's datastore of the domain.")
@options.output
def store_neighbours(config: Path, domain: str, datastore: Path, output: Path) -> None:
    """Find the neighbours of every entry of a datastore in it, once, for kNN-KD."""
    from ink.config.slices.training_slices import StoringSettings
    from ink.datastore.knn_graph import store_neighbours as store
    from ink.datastore.storage import open_datastore

    use_machine()
    settings = options.load_settings(config, StoringSettings, domain)
    store(open_datastore(datastore, key="decoder_output"), settings.index, settings.knn_kd.stored, output)


@click.command("store-source-tokens")
@options.config
@options.domain
@options.base_model
@options.vocabulary
@options.data
@options.output
def store_source_tokens(
    config: Path, domain: str, base_model: Path, vocabulary: Path, data: Path, output: Path
) -> None:
    """Encode and align the source tokens of a domain's training set, once, for the strategy source_tokens."""
    from ink.config.slices.training_slices import SourceTokensSettings
    from ink.datastore.source_tokens.token_storing import store_source_tokens as store
    from ink.nmt.model_loading import BaseModelFiles, backend_of

    use_machine()
    settings = options.load_settings(config, SourceTokensSettings, domain)
    prepared = options.prepared_corpus(settings.data, data)
    files = BaseModelFiles(base_model, vocabulary, prepared.languages, backend_of(vocabulary))
    model = files.load(settings.device, settings.precision)
    text, at_once = model.parallel_text(prepared, "train"), settings.datastore.batch_tokens
    store(model, text, prepared.fingerprint, output, batch_tokens=at_once)


@click.command("reduce-datastore")
@options.config
@options.domain
@click.option("--reduction", required=True, help="The reduction's name in the config.")
@options.base_model
@options.vocabulary
@options.path("--datastore", "The base model's datastore of the domain.")
@options.path(
    "--as-many-as", "The reduced datastore of which as many entries stay, if it is one's control.", required=False
)
@options.output
def reduce_datastore(
    config: Path,
    domain: str,
    reduction: str,
    base_model: Path,
    vocabulary: Path,
    datastore: Path,
    as_many_as: Path | None,
    output: Path,
) -> None:
    """Make a datastore small, with an index of its own, for the systems that search it."""
    from ink.config.slices.training_slices import ReductionSettings
    from ink.datastore.reductions.known_reductions import METHODS
    from ink.datastore.reductions.reducing import reduce_datastore as reduce
    from ink.nmt.model_loading import BaseModelFiles

    use_machine()
    settings = options.load_settings(config, ReductionSettings, domain, reduction=reduction)
    chosen = settings.reductions[reduction]
    files = BaseModelFiles(base_model, vocabulary, settings.data.languages)
    model = files.load(settings.device, settings.precision) if METHODS[chosen.method].needs_model else None
    at_once = settings.datastore.batch_tokens
    meta = reduce(datastore, chosen, settings.index, output, model=model, batch_tokens=at_once, as_many_as=as_many_as)
    if meta.reduced is not None:
        click.echo(f"{chosen.method}: {meta.entries:,} of {meta.reduced.entries:,} entries stay")
