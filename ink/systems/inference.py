"""A system put together for inference: the base model with the system's adapter, or its datastore and combiner."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ink.combiners.combiner import Combiner
from ink.combiners.combiner_file import combiner_files, load_combiner
from ink.combiners.knn_mixture import KnnMixture
from ink.combiners.strategies.known_strategies import make_strategy
from ink.combiners.strategies.strategy import SearchStrategy
from ink.config.sections.base_system import Index
from ink.config.slices.result_slices import SpeedSettings, Strategies, TranslationSettings
from ink.config.slices.slice import ModelSettings
from ink.corpus.prepared_corpus import PreparedCorpus
from ink.datastore.search import Searcher
from ink.datastore.storage import Datastore, open_datastore
from ink.nmt.domain_files import Domain
from ink.nmt.huggingface.folder_files import files_read
from ink.nmt.model_loading import backend_of
from ink.nmt.translation_model import TranslationModel
from ink.runtime.errors import InkError
from ink.systems.known_systems import check_exists, system_named
from ink.systems.layout import Layout, Run


@dataclass(frozen=True)
class Parts:
    """What a system adds to the base model: an adapter, a datastore with a combiner, both, or neither.

    `without_keys` does without the datastore's key file, which may be gone. `model`: a checkpoint that takes the base
    model's place. `strategy`: when it searches, at every step without one.
    """

    adapter: Path | None = None
    datastore: Path | None = None
    combiner: Path | None = None
    without_keys: bool = False
    model: Path | None = None
    strategy: SearchStrategy | None = None


@dataclass(frozen=True)
class AssembledSystem:
    """A translation model and, of a system that retrieves, the mixture that takes part in its beam search.

    `files`: what inference reads beyond the base model, by name.
    """

    model: TranslationModel
    mixture: KnnMixture | None
    files: dict[str, Path]


def assemble(domain: Domain, parts: Parts, settings: ModelSettings, index: Index) -> AssembledSystem:
    """Load a system, which searches its datastore through its index.

    Raises InkError where adapter or datastore belong to another base model, or the datastore to another corpus.
    """
    if parts.model is not None:
        domain = replace(domain, base_model=parts.model)
    model = domain.load_model(settings, adapter=parts.adapter)
    files = {} if parts.adapter is None else {"adapter.safetensors": parts.adapter}
    if parts.datastore is None or parts.combiner is None:
        return AssembledSystem(model, None, files)
    store = open_datastore(parts.datastore, model=model.fingerprint, corpus=domain.data.fingerprint)
    searcher = Searcher(store, index)
    combiner = load_combiner(parts.combiner, device=settings.device, without_keys=parts.without_keys)
    combiner.check_vocabulary(len(model.target_vocabulary), str(parts.combiner))
    combiner.check_datastore(store)
    files |= {path.name: path for path in _read_of(store, combiner)} | combiner_files(parts.combiner, combiner)
    return AssembledSystem(model, KnnMixture(searcher, combiner, parts.strategy), files)


def load_system(
    layout: Layout, settings: TranslationSettings | SpeedSettings, system: str, domain: str, seed: int | None
) -> AssembledSystem:
    """Load the system that an experiment has trained for a domain.

    Raises InkError naming the command that trains it where it has not been trained.
    """
    check_exists(layout.config, system)
    chosen = layout.config["seeds"][0] if seed is None else seed
    known = system_named(system)
    files = trained_files(layout, Run(system, domain, chosen))
    place = Domain(
        Path(layout.base_model),
        Path(layout.vocabulary),
        Path(layout.corpus(domain)),
        PreparedCorpus(Path(layout.data(domain)), settings.data.languages),
        backend_of(Path(layout.vocabulary)),
    )
    parts = Parts(**files, without_keys=known.without_keys, strategy=strategy_of(system, settings))
    return assemble(place, parts, settings, settings.index)


def strategy_of(system: str, settings: Strategies) -> SearchStrategy | None:
    """Return the strategy by which a system searches; None where it does so at every step."""
    name = system_named(system).strategy
    return None if name is None else make_strategy(name, settings.search_strategies[name])


def trained_files(layout: Layout, run: Run) -> dict[str, Path]:
    """Return what a trained system adds to the base model, or has in its place, as `Layout.system_files` names it.

    Raises InkError naming the command that trains it where it has not been trained.
    """
    check_exists(layout.config, run.system)
    files = {name: Path(path) for name, path in layout.system_files(*run).items()}
    for path in files.values():
        if not path.exists():
            raise InkError(
                f"{path} does not exist: {system_named(run.system).label} has not been trained for {run.domain}; "
                f"run: snakemake --cores all {layout.scores(*run)}",
                code="results/not-trained",
            )
    return files


def checkpoint_files(model: Path) -> list[Path]:
    """Return what is loaded of a base model: its checkpoint, or a Hugging Face model's settings and weights."""
    return files_read(model) if model.is_dir() else [model]


def datastore_files(datastore: Path, combiner: Path, without_keys: bool) -> list[Path]:
    """Return the files of a datastore that a system with this combiner opens: all but the keys where it has no use
    for them.
    """
    store, mixing = open_datastore(datastore), load_combiner(combiner, without_keys=without_keys)
    opened = [store.path / "meta.json", store.file("offsets"), *_read_of(store, mixing)]
    if store.meta.log_probs:
        opened.append(store.file("log_probs"))
    return list(dict.fromkeys(opened))


def _read_of(store: Datastore, combiner: Combiner) -> list[Path]:
    """What decoding reads of a datastore."""
    files = [store.index_path, store.file("values")]
    files += [store.file(name) for name in ("counts", "projection") if getattr(store, name) is not None]
    if combiner.needs_log_probs:
        files.append(store.file("log_probs"))
    if combiner.needs_keys:
        files.append(store.file("keys"))
    return files
