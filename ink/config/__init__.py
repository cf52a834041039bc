"""An experiment's configuration: read, checked as a whole before the first job, and resolved for one domain."""

from __future__ import annotations

from ink.config.checking import check
from ink.config.domains import Config, adapted_domains, data_domains, for_domain, has_training
from ink.config.loading import load
from ink.config.measures import accuracy_domains, speed_systems
from ink.config.overrides import read_overrides

__all__ = [
    "Config",
    "accuracy_domains",
    "adapted_domains",
    "check",
    "data_domains",
    "for_domain",
    "has_training",
    "load",
    "read_overrides",
    "speed_systems",
]
