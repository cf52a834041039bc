"""Finding what an experiment has trained and making a translator of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ink.assembly import Parts, assemble
from ink.corpus.prepared import PreparedCorpus
from ink.corpus.text import TextProcessor
from ink.corpus.vocabulary import known_subwords
from ink.domain import Domain
from ink.errors import InkError
from ink.layout import Layout
from ink.systems import OWN_SYSTEMS, SYSTEMS, retrieval_settings, system_named
from ink.translation.translator import Translator


def load_translator(
    config: Mapping[str, Any],
    settings: Mapping[str, Any],
    system: str,
    domain: str,
    seed: int | None,
    warn: Callable[[str], None],
) -> Translator:
    """Load the system that the experiment `config` has trained for a domain.

    Raises InkError naming the command that trains it where it has not been trained.
    """
    if system not in (systems := [*SYSTEMS, *config[OWN_SYSTEMS]]):
        raise InkError(f"system {system!r} is unknown; known: {', '.join(systems)}")
    layout = Layout(config)
    chosen = config["seeds"][0] if seed is None else seed
    what, parts = system_named(system), Parts()
    if what.own_checkpoint:
        parts = Parts(model=Path(layout.model(what.model, domain, chosen)))
    elif what.model != "base":
        parts = Parts(adapter=Path(layout.adapter(what.model, domain, chosen)))
    elif what.section is not None:
        parts = Parts(
            datastore=Path(layout.datastore(domain, retrieval_settings(config, system)["key"])),
            combiner=Path(layout.combiner(what.section, domain, chosen if what.learns_combiner else None)),
            without_keys=what.without_keys,
        )
    for path in (parts.model, parts.adapter, parts.datastore, parts.combiner):
        if path is not None and not path.exists():
            raise InkError(
                f"{path} does not exist: {what.label} has not been trained for {domain}; "
                f"run: snakemake --cores all {layout.scores(system, domain, chosen)}"
            )
    source, target = settings["data"]["source_language"], settings["data"]["target_language"]
    vocabulary = Path(layout.vocabulary)
    files = Domain(
        Path(layout.base_model),
        vocabulary,
        Path(layout.corpus(domain)),
        PreparedCorpus(Path(layout.data(domain)), source, target),
    )
    known = known_subwords(vocabulary, (source, target)) if settings["text"]["split_unknown_subwords"] else None
    text = TextProcessor(settings["text"], vocabulary / "bpecodes", known)
    return Translator(assemble(files, parts, settings), text, settings, warn)
