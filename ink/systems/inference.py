"""A system put together for inference: the base model with the system's adapter, or its datastore and combiner."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from ink.combiners.combiner import Combiner
from ink.combiners.combiner_file import combiner_files, load_combiner
from ink.combiners.distance_aware import DistanceAwareCombiner
from ink.combiners.knn_mixture import KnnMixture
from ink.combiners.sentence_mixture import SentenceMixture
from ink.combiners.strategies.known_strategies import kind_of_strategy, make_strategy
from ink.combiners.strategies.strategy import SearchStrategy
from ink.config.sections.base_system import Index
from ink.config.sections.retrieval_systems import SkMt
from ink.config.slices.result_slices import SearchSettings, SpeedSettings, TranslationSettings
from ink.config.slices.slice import ModelSettings
from ink.corpus.indexed_tokens import FAIRSEQ_NAMES
from ink.corpus.prepared_corpus import PreparedCorpus
from ink.datastore.search import Searcher
from ink.datastore.sentences.sentence_datastores import SentenceDatastores
from ink.datastore.source_tokens.restricted_datastores import RestrictedDatastores
from ink.datastore.source_tokens.token_store import open_source_tokens
from ink.datastore.storage import Datastore, open_datastore
from ink.nmt.domain_files import Domain
from ink.nmt.huggingface.folder_files import files_read
from ink.nmt.model_loading import backend_of
from ink.nmt.translation_model import TranslationModel
from ink.runtime.errors import InkError
from ink.systems.known_systems import System, system_named
from ink.systems.layout import Layout, Run
from ink.systems.systems_of_experiment import check_exists


@dataclass(frozen=True)
class Parts:
    """What a system adds to the base model: an adapter, a datastore with a combiner, both, or neither.

    `without_keys` does without the datastore's key file, which may be gone. `model`: a checkpoint that takes the base
    model's place. `strategy`: when it searches, at every step without one. `sk_mt`: the settings of SK-MT, which makes
    datastores of the domain's training text, sentence by sentence. `occurrences`: at how many of its occurrences in
    `source_tokens` a source token points, where these restrict the search.
    """

    adapter: Path | None = None
    datastore: Path | None = None
    combiner: Path | None = None
    source_tokens: Path | None = None
    without_keys: bool = False
    model: Path | None = None
    strategy: SearchStrategy | None = None
    sk_mt: SkMt | None = None
    occurrences: int | None = None


@dataclass(frozen=True)
class AssembledSystem:
    """A translation model and, of a system that retrieves, the mixture that takes part in its beam search.

    `files`: what inference reads beyond the base model, by name; `in_memory`: bytes of what it makes of them when it is
    loaded and keeps, by name.
    """

    model: TranslationModel
    mixture: KnnMixture | SentenceMixture | None
    files: dict[str, Path]
    in_memory: dict[str, int] = field(default_factory=dict)


def assemble(domain: Domain, parts: Parts, settings: ModelSettings, index: Index) -> AssembledSystem:
    """Load a system, which searches its datastore through its index.

    Raises InkError where adapter or datastore belong to another base model, or the datastore to another corpus.
    """
    if parts.model is not None:
        domain = replace(domain, base_model=parts.model)
    model = domain.load_model(settings, adapter=parts.adapter)
    files = {} if parts.adapter is None else {"adapter.safetensors": parts.adapter}
    if parts.sk_mt is not None:
        return _by_sentence(model, domain.data, parts.sk_mt)
    if parts.datastore is None or parts.combiner is None:
        return AssembledSystem(model, None, files)
    store = open_datastore(parts.datastore, model=model.fingerprint, corpus=domain.data.fingerprint)
    combiner = load_combiner(parts.combiner, device=settings.device, without_keys=parts.without_keys)
    combiner.check_vocabulary(len(model.target_vocabulary), str(parts.combiner))
    combiner.check_datastore(store)
    if parts.occurrences is None:
        mixture: KnnMixture | SentenceMixture = KnnMixture(Searcher(store, index), combiner, parts.strategy)
        read = _read_of(store, combiner, None if parts.strategy is None else type(parts.strategy))
    else:
        datastores = _restricted(model, store, parts.source_tokens, parts.occurrences, combiner)
        mixture = SentenceMixture(datastores, combiner)
        read = [*_read_by_source_tokens(store, combiner), *datastores.stored.files]
    files |= {path.name: path for path in read} | combiner_files(parts.combiner, combiner)
    return AssembledSystem(model, mixture, files)


def _restricted(
    model: TranslationModel, store: Datastore, source_tokens: Path | None, occurrences: int, combiner: Combiner
) -> RestrictedDatastores:
    """Let source tokens restrict the search of a datastore, which is done without its index."""
    if source_tokens is None:
        raise InkError(
            "a system that searches by source tokens needs those of the training text; name them with --source-tokens",
            code="file/missing",
        )
    if store.meta.reduced is not None:
        raise InkError(
            f"datastore {store.path} is reduced, and source tokens lead to entries of a whole one; use that",
            code="datastore/other-origin",
        )
    stored = open_source_tokens(source_tokens, model=store.meta.model, corpus=store.meta.corpus)
    return RestrictedDatastores(
        model, store, stored, occurrences, keys=combiner.needs_keys, log_probs=combiner.needs_log_probs
    )


def _by_sentence(model: TranslationModel, data: PreparedCorpus, settings: SkMt) -> AssembledSystem:
    """Put SK-MT together: the model, its training text, and an index of that by words."""
    datastores = SentenceDatastores(model, model.parallel_text(data, "train"), settings)
    combiner = DistanceAwareCombiner(settings.k, settings.temperature)
    files = {path.name: path for path in sentence_files(data)}
    in_memory = {"bm25": datastores.similar.bytes_in_memory}
    return AssembledSystem(model, SentenceMixture(datastores, combiner), files, in_memory)


def sentence_files(data: PreparedCorpus) -> list[Path]:
    """Return the files of the training text that SK-MT's datastores are made of."""
    return [data.file("train", language, kind) for language in data.languages for kind in ("bin", "idx")]


def training_text(prepared: Path) -> list[Path]:
    """Return the files of a folder of binarised text without dev and test: train, and how it was prepared."""
    others = tuple(f"{name}." for split, name in FAIRSEQ_NAMES.items() if split != "train")
    return [path for path in sorted(prepared.glob("[!.]*")) if path.is_file() and not path.name.startswith(others)]


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
    parts = Parts(**files, without_keys=known.without_keys, strategy=None, sk_mt=None, occurrences=None)
    return assemble(place, with_search(parts, system, settings), settings, settings.index)


def with_search(parts: Parts, system: str, settings: SearchSettings) -> Parts:
    """Add to a system's parts the strategy by which it searches, and SK-MT's settings."""
    known = system_named(system)
    if known.by_source_tokens:
        return replace(parts, occurrences=settings.search_strategies[str(known.strategy)].occurrences)
    if known.strategy is not None:
        parts = replace(parts, strategy=make_strategy(known.strategy, settings.search_strategies[known.strategy]))
    return replace(parts, sk_mt=settings.sk_mt) if known.by_sentence else parts


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
                code="results/incomplete",
            )
    return files


def checkpoint_files(model: Path) -> list[Path]:
    """Return what is loaded of a base model: its checkpoint, or a Hugging Face model's settings and weights."""
    return files_read(model) if model.is_dir() else [model]


def datastore_files(datastore: Path, combiner: Path, system: System, source_tokens: Path | None = None) -> list[Path]:
    """Return the files of a datastore that a system with this combiner opens: all but the keys where it has no use
    for them. With `source_tokens` these too, and not the index.
    """
    store, mixing = open_datastore(datastore), load_combiner(combiner, without_keys=system.without_keys)
    opened = [store.path / "meta.json", store.file("offsets")]
    if source_tokens is None:
        opened += _read_of(store, mixing, None if system.strategy is None else kind_of_strategy(system.strategy))
    else:
        stored = open_source_tokens(source_tokens, model=store.meta.model, corpus=store.meta.corpus)
        opened += [*_read_by_source_tokens(store, mixing), stored.path / "meta.json", *stored.files]
    if store.meta.log_probs:
        opened.append(store.file("log_probs"))
    return list(dict.fromkeys(opened))


def _read_by_source_tokens(store: Datastore, combiner: Combiner) -> list[Path]:
    """What decoding reads of a datastore whose entries source tokens name."""
    return [store.file(name) for name in ("values", "keys", *(["log_probs"] if combiner.needs_log_probs else []))]


def _read_of(store: Datastore, combiner: Combiner, strategy: type[SearchStrategy] | None) -> list[Path]:
    """What decoding reads of a datastore."""
    files = [store.index_path, store.file("values")]
    files += [store.file(name) for name in ("counts", "projection", "hidden") if getattr(store, name) is not None]
    if combiner.needs_log_probs:
        files.append(store.file("log_probs"))
    if combiner.needs_keys:
        files.append(store.file("keys"))
    return files if strategy is None else [*files, *map(store.file, strategy.reads)]
