"""Finding what an experiment has trained and making a translator of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ink.assembly import AssembledSystem, load_system
from ink.corpus.text import TextProcessor
from ink.corpus.vocabulary import known_subwords
from ink.layout import Layout
from ink.nmt.adapter_file import read_metadata
from ink.nmt.translation_model import load_translation_model
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
