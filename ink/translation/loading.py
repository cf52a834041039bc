"""Finding what an experiment has trained and making a translator of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ink.assembly import AssembledSystem, Parts, assemble
from ink.corpus.prepared import PreparedCorpus
from ink.corpus.text import TextProcessor
from ink.corpus.vocabulary import known_subwords
from ink.domain import Domain
from ink.errors import InkError
from ink.layout import Layout
from ink.nmt.adapter_file import read_metadata
from ink.nmt.translation_model import load_translation_model
from ink.systems import check_exists, retrieval_settings, system_named
from ink.translation.translator import Translator


def load_translator(
    config: Mapping[str, Any],
    settings: Mapping[str, Any],
    system: str,
    domain: str,
    seed: int | None,
    warn: Callable[[str], None],
) -> Translator:
    """Load the system that the experiment `config` has trained for a domain, as `load_system` does."""
    return _translator(load_system(config, settings, system, domain, seed), Layout(config), settings, warn)


def load_system(
    config: Mapping[str, Any], settings: Mapping[str, Any], system: str, domain: str, seed: int | None
) -> AssembledSystem:
    """Load the system that the experiment `config` has trained for a domain; settings: device, precision, data, index.

    Raises InkError naming the command that trains it where it has not been trained.
    """
    check_exists(config, system)
    layout = Layout(config)
    chosen = config["seeds"][0] if seed is None else seed
    what = system_named(system)
    parts = _parts(layout, system, domain, chosen)
    for path in (parts.model, parts.adapter, parts.datastore, parts.combiner):
        if path is not None and not path.exists():
            raise InkError(
                f"{path} does not exist: {what.label} has not been trained for {domain}; "
                f"run: snakemake --cores all {layout.scores(system, domain, chosen)}"
            )
    source, target = _languages(settings)
    files = Domain(
        Path(layout.base_model),
        Path(layout.vocabulary),
        Path(layout.corpus(domain)),
        PreparedCorpus(Path(layout.data(domain)), source, target),
    )
    return assemble(files, parts, settings)


def load_translator_with_adapter(
    config: Mapping[str, Any], settings: Mapping[str, Any], adapter: Path, warn: Callable[[str], None]
) -> Translator:
    """Load the base model and vocabulary of the experiment `config`, with the adapter of a file from anywhere.

    Raises InkError where the adapter belongs to another base model.
    """
    read_metadata(adapter)  # before a model is loaded for it
    layout = Layout(config)
    model = load_translation_model(
        Path(layout.base_model),
        Path(layout.vocabulary),
        *_languages(settings),
        settings["device"],
        adapter=adapter,
        precision=settings["precision"],
    )
    return _translator(AssembledSystem(model.network, model, {adapter.name: adapter}), layout, settings, warn)


def _translator(
    system: AssembledSystem, layout: Layout, settings: Mapping[str, Any], warn: Callable[[str], None]
) -> Translator:
    vocabulary = Path(layout.vocabulary)
    split_unknown = settings["text"]["split_unknown_subwords"]
    known = known_subwords(vocabulary, _languages(settings)) if split_unknown else None
    text = TextProcessor(settings["text"], vocabulary / "bpecodes", known)
    return Translator(system, text, settings, warn)


def _languages(settings: Mapping[str, Any]) -> tuple[str, str]:
    return settings["data"]["source_language"], settings["data"]["target_language"]


def _parts(layout: Layout, system: str, domain: str, seed: int) -> Parts:
    """Return where the experiment keeps what the system adds to the base model, or has in its place."""
    what = system_named(system)
    adapter = datastore = combiner = None
    if what.has_adapter:
        adapter = Path(layout.adapter(what.model, domain, seed))
    if what.combiner_of is not None:
        key = retrieval_settings(layout.config, system)["key"]
        adapted = layout.adapted_datastore(what.model, domain, seed)
        datastore = Path(adapted if what.has_adapter else layout.datastore(domain, key))
        combiner = Path(layout.combiner(what.combiner_of, domain, seed if what.learns_combiner else None))
    model = Path(layout.model(what.model, domain, seed)) if what.own_checkpoint else None
    return Parts(adapter, datastore, combiner, what.without_keys, model)
