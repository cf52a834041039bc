"""Metrics by name: the module ink.metrics.NAME defines one and says so with METRIC, and has an entry here."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ink.runtime.errors import InkError

if TYPE_CHECKING:
    from ink.metrics.metric import Metric

# name -> the settings that it reads, `device` among them where it runs a model; in the order in which tables list them
METRICS: dict[str, tuple[str, ...]] = {
    "comet": ("device", "evaluation.comet"),
    "bleu": ("evaluation.sacrebleu_tokeniser",),
    "chrf": (),
    "ter": (),
}
# The job that translates scores these at once. The others are scored from its translations, each by a job of its own:
# one more translates nothing again.
SCORED_WITH_TRANSLATION = ("bleu", "chrf")


def find_metric(name: str) -> type[Metric]:
    """Return the metric of this name; InkError where the registry has none."""
    if name not in METRICS:
        raise InkError(f"there is no metric {name!r}; known: {', '.join(METRICS)}", code="config/unknown-name")
    found: type[Metric] = importlib.import_module(f"ink.metrics.{name}").METRIC
    return found


def read_by_other_metrics(name: str) -> set[str]:
    """Return the settings that other metrics read and this one does not; InkError where the registry has none such."""
    find_metric(name)
    return {dotted for reads in METRICS.values() for dotted in reads} - set(METRICS[name])


def make_metrics(names: list[str], settings: Mapping[str, Any]) -> list[Metric]:
    """Make these metrics from the configuration, in the registry's order."""
    return [find_metric(name).from_settings(settings) for name in METRICS if name in names]


def compared_metrics(names: list[str], settings: Mapping[str, Any]) -> list[Metric]:
    """Make those of these metrics in which readers see gains: the first, which leads, then what tables show."""
    made = [find_metric(name).from_settings(settings) for name in names]
    return [metric for place, metric in enumerate(made) if place == 0 or metric.in_tables]
