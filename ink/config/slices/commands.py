"""Which slice of the config each command reads, and a slice of one config.

A command gets its slice and nothing else, and the workflow reruns a job when something in it has changed: nothing can
depend on a setting that would not rerun it. Tracking, which changes no result, reads the section mlflow beside them.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from ink.config import check, for_domain
from ink.config.slices import result_slices as results
from ink.config.slices import text_slices as text
from ink.config.slices import training_slices as training
from ink.config.slices.slice import Slice, section_in
from ink.config.values import Section
from ink.metrics.known_metrics import read_by_other_metrics
from ink.runtime.errors import InkError
from ink.systems.known_systems import LATER_SYSTEMS, OWN_SYSTEMS, REDUCTIONS, SYSTEMS, system_named, unreduced
from ink.systems.search_methods import SEARCH_STRATEGIES
from ink.systems.systems_of_experiment import retrieval_settings
from ink.systems.variations import changed

# command -> what it reads
READS: dict[str, type[Slice]] = {
    "generate-corpus": text.GenerationSettings,
    "ingest-corpus": text.IngestionSettings,
    "restore-corpus": text.RestorationSettings,
    "learn-vocabulary": text.VocabularySettings,
    "adopt-vocabulary": text.GivenVocabularySettings,
    "prepare-corpus": text.PreparationSettings,
    "adopt-corpus": text.AdoptionSettings,
    "train-base": training.BaseModelSettings,
    "build-datastore": training.DatastoreSettings,
    "build-datastore-shard": training.ShardSettings,
    "join-datastore": training.JoiningSettings,
    "reduce-datastore": training.ReductionSettings,
    "store-source-tokens": training.SourceTokensSettings,
    "tune-v-knn": training.TuningSettings,
    "train-combiner": training.CombinerSettings,
    "store-neighbours": training.StoringSettings,
    "train-knn-kd": training.KnnKdSettings,
    "train-adapter": training.AdapterSettings,
    "train-ink-round": training.InkRoundSettings,
    "choose-ink": training.InkChoiceSettings,
    "finish-ink": training.InkAverageSettings,
    "evaluate": results.EvaluationSettings,
    "translate": results.TranslationSettings,
    "explain": results.TranslationSettings,
    "knn-accuracy": results.AccuracySettings,
    "score": results.ScoringSettings,
    "measure-speed": results.SpeedSettings,
    "tables": results.TableSettings,
    "figures": results.FigureSettings,
    "leaderboard": results.LeaderboardSettings,
}

S = TypeVar("S", bound=Slice)


def settings_for(
    config: Mapping[str, Any],
    kind: type[S],
    domain: str | None = None,
    system: str | None = None,
    metric: str | None = None,
    reduction: str | None = None,
) -> S:
    """Return the slice `kind` of the config, with values that differ by domain resolved for `domain`.

    With `system`, the sections of other systems' combiners are left out: it is trained without looking at them; where
    it is a variation, what it changes is changed. With `metric`, what other metrics read is left out, and with
    `reduction` the other reductions.
    """
    chosen = _read_of(kind, config)
    if metric is not None:
        _leave_out(chosen, read_by_other_metrics(metric))
    if system is not None:
        chosen, reduction = _of_system(chosen, system), system_named(system).reduction
    if REDUCTIONS in chosen and (system is not None or reduction is not None):
        chosen[REDUCTIONS] = _only(chosen[REDUCTIONS], reduction)
    if domain is not None:
        chosen = _of_domain(chosen, domain, config)
    try:
        return kind.model_validate(changed(chosen, system))
    except ValidationError:
        check(dict(config))  # which says what is wrong with a config that nobody has checked
        raise


def _read_of(kind: type[Section], source: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of what a section or slice has of `source`, in its order."""
    found: dict[str, Any] = {}
    for name, field in kind.model_fields.items():
        key = field.alias or name
        if key in source:
            value, inner = source[key], section_in(field.annotation)
            found[key] = copy.deepcopy(value)
            if inner is not None and isinstance(value, Mapping):
                found[key] = _read_of(inner, value)
    return found


def _leave_out(chosen: dict[str, Any], unread: set[str]) -> None:
    for dotted in unread:
        section, _, key = dotted.rpartition(".")
        if not section:
            chosen.pop(key, None)
        elif key in chosen.get(section, {}):
            del chosen[section][key]
            if not chosen[section]:
                del chosen[section]


def _of_system(chosen: dict[str, Any], system: str) -> dict[str, Any]:
    other_sections = {known.section for known in (SYSTEMS | LATER_SYSTEMS).values()} - {system_named(system).section}
    kept = {name: section for name, section in chosen.items() if name not in other_sections}
    if SEARCH_STRATEGIES in kept:
        strategy = system_named(system).strategy
        kept[SEARCH_STRATEGIES] = {name: one for name, one in kept[SEARCH_STRATEGIES].items() if name == strategy}
    if OWN_SYSTEMS in kept:
        whole = unreduced(system)
        kept[OWN_SYSTEMS] = {name: section for name, section in kept[OWN_SYSTEMS].items() if name == whole}
        if system_named(system).settings is not None:
            # a job runs again where they have changed
            kept[OWN_SYSTEMS][whole] = retrieval_settings(chosen, whole)
    return kept


def _only(reductions: dict[str, Any], name: str | None) -> dict[str, Any]:
    if name is None:
        return {}
    if name not in reductions:
        raise InkError(
            f"reduction {name!r} is not in the config; known: {', '.join(reductions)}", code="config/unknown-name"
        )
    return {name: reductions[name]}


def _of_domain(chosen: dict[str, Any], domain: str, config: Mapping[str, Any]) -> dict[str, Any]:
    if domain not in [*config["domains"], config["data"]["general_domain"]]:
        raise InkError(
            f"domain {domain!r} is not in the config; known: {', '.join(config['domains'])}", code="config/unknown-name"
        )
    resolved = {
        name: for_domain(section, domain, config["domains"]) if isinstance(section, Mapping) else section
        for name, section in chosen.items()
    }
    if OWN_SYSTEMS in resolved:
        own = resolved[OWN_SYSTEMS]
        resolved[OWN_SYSTEMS] = {name: for_domain(own[name], domain, config["domains"]) for name in own}
    return resolved
