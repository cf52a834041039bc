"""Which parts of the config each command reads.

A command gets these parts and no others, and the workflow reruns a job when one of them has changed: nothing can depend
on a setting that would not rerun it. Tracking, which changes no result, reads the section mlflow beside them.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ink.config import for_domain
from ink.errors import InkError
from ink.metrics.registry import METRICS, read_by_others
from ink.systems import OWN_SYSTEMS, SYSTEMS, system_named
from ink.variations import changed

_LANGUAGES = ("data.source_language", "data.target_language")
_TOKENISATION = (
    "text.source_tokeniser_language",
    "text.target_tokeniser_language",
    "text.normalise_punctuation",
    "text.aggressive_dash_splits",
    "text.escape",
)
_TRANSLATION = ("device", "precision", *_LANGUAGES, *_TOKENISATION, "decoding", "evaluation.sacrebleu_tokeniser")
_TRAINING = (*_TRANSLATION, "training")

# command -> dotted keys of what it reads
READS: dict[str, tuple[str, ...]] = {
    "generate-corpus": (*_LANGUAGES, "data.synthetic"),
    "ingest-corpus": (*_LANGUAGES, "data.files"),
    "restore-corpus": (*_LANGUAGES, *_TOKENISATION, "data.binarised"),
    "learn-vocabulary": (*_LANGUAGES, *_TOKENISATION, "text.bpe_merges"),
    "adopt-vocabulary": (*_LANGUAGES, "base_model"),
    "prepare-corpus": (
        *_LANGUAGES,
        *_TOKENISATION,
        "text.split_unknown_subwords",
        "text.max_length",
        "text.max_length_ratio",
    ),
    "adopt-corpus": (*_LANGUAGES, "data.binarised.folder", "text.max_length"),
    "train-base": (*_TRANSLATION, "training.dev_sentences", "training.checkpoint_updates", "base_model.train"),
    "build-datastore": ("device", "precision", *_LANGUAGES, "datastore.batch_tokens", "index"),
    "build-datastore-shard": ("device", "precision", *_LANGUAGES, "datastore"),
    "join-datastore": ("index",),
    "tune-v-knn": (*_TRANSLATION, "training.dev_sentences", "datastore.batch_tokens", "index", "v_knn"),
    "train-combiner": (
        "device",
        "precision",
        *_LANGUAGES,
        "datastore.batch_tokens",
        "index",
        "combiner_training",
        "a_knn",
        "r_knn",
        OWN_SYSTEMS,
    ),
    "store-neighbours": ("index", "knn_kd.stored"),
    "train-knn-kd": (
        *_TRANSLATION,
        "training.dev_sentences",
        "training.dev_beam",
        "training.patience",
        "training.average_last",
        "training.checkpoint_updates",
        "knn_kd",
    ),
    "train-adapter": (
        *_TRAINING,
        "adapter.inner_dimension",
        "adapter.initialisation",
        "adapter.max_epochs",
    ),
    "train-ink-round": (
        *_TRAINING,
        "adapter.inner_dimension",
        "adapter.initialisation",
        "datastore.batch_tokens",
        "index",
        "ink.variant",
        "ink.k",
        "ink.neighbours",
        "ink.refresh",
        "ink.refresh_index",
        "ink.alpha",
        "ink.beta",
    ),
    "choose-ink": ("ink.search", "ink.search_over"),
    "finish-ink": (
        *_TRANSLATION,
        "training.dev_sentences",
        "training.dev_beam",
        "training.average_last",
        "ink.variant",
    ),
    "evaluate": (*_TRANSLATION, "data.general_domain", "index"),
    "translate": (*_TRANSLATION, "text.split_unknown_subwords", "index"),
    "explain": (*_TRANSLATION, "text.split_unknown_subwords", "index"),
    "knn-accuracy": (
        "device",
        "precision",
        *_LANGUAGES,
        "datastore.batch_tokens",
        "index",
        "knn_accuracy.k",
        "knn_accuracy.bucket_edges",
    ),
    "score": ("device", *_LANGUAGES, *dict.fromkeys(dotted for reads in METRICS.values() for dotted in reads)),
    "measure-speed": (
        "device",
        "precision",
        *_LANGUAGES,
        "decoding.beam",
        "decoding.length_penalty",
        "decoding.max_len_a",
        "decoding.max_len_b",
        "index",
        "speed.batch_sentences",
        "speed.repeats",
        "speed.sentences",
    ),
    "tables": (
        "domains",
        "systems",
        "seeds",
        "data",
        "evaluation",
        "ink.ablations",
        "ink.controls",
        "adapter.label_smoothings",
        "adapter.dropouts",
        "knn_accuracy",
        "speed",
    ),
    "figures": ("domains", "systems", "seeds", "data", "evaluation", "adapter.inner_dimension", "adapter.sizes"),
}

# How a job runs and not what it yields: a change here reruns nothing.
WITHOUT_EFFECT = ("training.checkpoint_updates",)


def without_effect_removed(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a command's settings without those that do not change what it yields."""
    kept = copy.deepcopy(dict(settings))
    for dotted in WITHOUT_EFFECT:
        section, key = dotted.split(".")
        kept.get(section, {}).pop(key, None)
    return kept


def settings_for(
    config: Mapping[str, Any],
    command: str,
    domain: str | None = None,
    system: str | None = None,
    metric: str | None = None,
) -> dict[str, Any]:
    """Return what `command` reads of the config, with values that differ by domain resolved for `domain`.

    With `system`, the sections of other systems' combiners are left out: it is trained without looking at them; where
    it is a variation, what it changes is changed. With `metric`, what other metrics read is left out.
    """
    chosen: dict[str, Any] = {}
    unread = set() if metric is None else read_by_others(metric)
    for dotted in READS[command]:
        if dotted in unread:
            continue
        *sections, last = dotted.split(".")
        source: Mapping[str, Any] = config
        target = chosen
        for section in sections:
            source = source[section]
            target = target.setdefault(section, {})
        value = copy.deepcopy(source[last])
        target[last] = value
    if system is not None:
        chosen = _of_system(chosen, system)
    if domain is None:
        return changed(chosen, system)
    if domain not in [*config["domains"], config["data"]["general_domain"]]:
        raise InkError(f"domain {domain!r} is not in the config; known: {', '.join(config['domains'])}")
    resolved = {
        name: for_domain(section, domain, config["domains"]) if isinstance(section, Mapping) else section
        for name, section in chosen.items()
    }
    if OWN_SYSTEMS in resolved:
        own = resolved[OWN_SYSTEMS]
        resolved[OWN_SYSTEMS] = {name: for_domain(own[name], domain, config["domains"]) for name in own}
    return changed(resolved, system)


def _of_system(settings: dict[str, Any], system: str) -> dict[str, Any]:
    others = {what.section for what in SYSTEMS.values()} - {system_named(system).section}
    kept = {name: section for name, section in settings.items() if name not in others}
    if OWN_SYSTEMS in kept:
        kept[OWN_SYSTEMS] = {name: section for name, section in kept[OWN_SYSTEMS].items() if name == system}
    return kept
