"""Finding what an experiment has trained and making an explainer of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ink.combiners.knn_transformer import KnnTransformer
from ink.corpus.prepared import PreparedCorpus
from ink.errors import InkError
from ink.explanation.explainer import Explainer
from ink.explanation.explanation import About
from ink.explanation.training_pairs import TrainingPairs
from ink.layout import Layout
from ink.systems import OWN_SYSTEMS, SYSTEMS, check_exists, system_named
from ink.translation.loading import load_translator


def load_explainer(
    config: Mapping[str, Any],
    settings: Mapping[str, Any],
    system: str,
    domain: str,
    seed: int | None,
    shown: int,
    warn: Callable[[str], None],
) -> tuple[Explainer, About]:
    """Load the system that the experiment `config` has trained for a domain, with its training text.

    Raises InkError where it does not retrieve, naming those that do, or has not been trained.
    """
    check_exists(config, system)
    what = system_named(system)
    if not what.retrieves:
        retrieving = [name for name in [*SYSTEMS, *config[OWN_SYSTEMS]] if system_named(name).retrieves]
        raise InkError(
            f"{what.label} does not retrieve while it translates, so that it has no neighbours to explain; "
            f"systems that do: {', '.join(retrieving)}"
        )
    translator = load_translator(config, settings, system, domain, seed, warn)
    network = translator.system.network
    if not isinstance(network, KnnTransformer):
        raise TypeError(f"{system} retrieves, but was put together as a {type(network).__name__}")
    layout = Layout(config)
    languages = settings["data"]["source_language"], settings["data"]["target_language"]
    pairs = TrainingPairs(
        network.searcher.datastore,
        PreparedCorpus(Path(layout.data(domain)), *languages),
        Path(layout.corpus(domain)),
        escaped=settings["text"]["escape"],
    )
    explainer = Explainer(translator, network, pairs, shown, warn)
    chosen = (config["seeds"][0] if seed is None else seed) if what.is_trained else None
    about = About(config["experiment"], what.label, system, domain, chosen, network.combiner.k, *languages)
    return explainer, about
