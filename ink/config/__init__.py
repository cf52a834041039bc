"""An experiment's configuration: read, checked as a whole before the first job, and resolved for one domain."""

from __future__ import annotations

from ink.config.domains import (
    Config,
    adapted_domains,
    data_domains,
    first_rounds,
    for_domain,
    given_base_model,
    has_training,
    last_round,
    trained_sections,
)
from ink.config.loading import check, load, load_resolved, read
from ink.config.measures import (
    accuracy_domains,
    accuracy_systems,
    curve_systems,
    figures_of,
    gaining_systems,
    has_leaderboard,
    metrics_of,
    separate_metrics,
    speed_systems,
)
from ink.config.overrides import read_overrides
from ink.config.paths import expand_home
from ink.config.resolving import resolve
from ink.config.text_sources import TextFiles, mixed_domains, text_files, train_sources
from ink.config.trained_variations import (
    ablated_domains,
    ablations_of,
    controlled_domains,
    controls_of,
    scored_variations,
    searched_points,
    sizes_of,
    variations,
)
