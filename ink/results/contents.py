"""What an experiment has to show by its config: which tables and figures, and of the others why they are not there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ink.config import (
    ablated_domains,
    accuracy_domains,
    adapted_domains,
    controlled_domains,
    figures_of,
    has_leaderboard,
    metrics_of,
    speed_systems,
)
from ink.metrics.known_metrics import find_metric
from ink.runtime.errors import InkError

TABLE_FORMATS = ("csv", "md", "tex", "html")
LEADERBOARD = "leaderboard"  # both a table and a figure
FIGURE_FORMATS = ("svg", "png", "csv", "md")


@dataclass(frozen=True)
class Piece:
    """A table or a figure: its name, which its files have, and its title. absent: why the experiment has none."""

    name: str
    title: str
    absent: str | None = None


def tables(config: Mapping[str, Any]) -> list[Piece]:
    """List the tables, in the order in which a reader wants them."""
    no_accuracy = _not_measured(
        config, accuracy_domains(config), "knn_accuracy.domains names no domain of this experiment"
    )
    no_ablations = _not_measured(
        config, ablated_domains(config), "ink.ablations names none for a domain of this experiment"
    )
    no_general = "the config has no data.general_domain" if config["data"]["general_domain"] is None else None
    return [
        # as controls below, by a setting of its own
        *([Piece(LEADERBOARD, "Leaderboard")] if has_leaderboard(config) else []),
        Piece("table2", "Table 2: quality of every system"),
        Piece("table1", "Table 1: the data"),
        Piece("table3", "Table 3: kNN accuracy before and after adapting", no_accuracy),
        Piece("table4", "Table 4: INK without its parts", no_ablations),
        # nobody misses them in an experiment without any
        *([Piece("controls", "Controls of Adapter and INK")] if controlled_domains(config) else []),
        Piece("table5", "Table 5: decoding speed", _no_speed(config)),
        Piece("memory", "Memory: what each system adds"),
        Piece("general", "What adaptation forgets", no_general),
        Piece("gains", "How certain the gains are"),
    ]


def figures(config: Mapping[str, Any]) -> list[Piece]:
    """List the figures."""
    memory = _not_drawn(config, "figure3", "no system adds memory to the base model")
    gains = _not_drawn(config, "figure4", "off-the-shelf, or what would be compared with it, is not among the systems")
    curves = _not_drawn(config, "training", "neither Adapter nor INK is among the systems")
    return [
        *([Piece(LEADERBOARD, "Leaderboard: who gives most for memory and time")] if has_leaderboard(config) else []),
        Piece("figure3", f"Figure 3: {find_metric(metrics_of(config)[0]).heading} and memory", memory),
        Piece("figure4", "Figure 4: what INK and retrieval gain", gains),
        Piece("training", "Training: dev BLEU pass by pass", curves),
    ]


def missing_files(results: Path, config: Mapping[str, Any]) -> list[Path]:
    """List the files of tables and figures that the config asks for and that are not there."""
    folders = {"tables": (tables(config), TABLE_FORMATS), "figures": (figures(config), FIGURE_FORMATS)}
    wanted = [
        results / folder / f"{piece.name}.{suffix}"
        for folder, (pieces, formats) in folders.items()
        for piece in pieces
        if piece.absent is None
        for suffix in formats
    ]
    return [path for path in wanted if not path.is_file()]


def experiment_config(results: Path) -> Path:
    """Return the config that an experiment was run with; InkError where `results` is no experiment's folder."""
    path = Path(results) / "config.yaml"
    if not path.is_file():
        found = "is not there" if not Path(results).is_dir() else "has no config.yaml"
        raise InkError(
            f"{results} {found}: no experiment has been run into this folder; name one that the workflow has written, "
            "such as results/mini, or run it (snakemake --cores all)",
            code="results/none",
        )
    return path


def _not_measured(config: Mapping[str, Any], domains: Collection[str], reason: str) -> str | None:
    """Say why INK is measured on no domain, if it is on none."""
    if domains:
        return None
    return reason if "ink" in config["systems"] else "INK is not among the systems"


def _no_speed(config: Mapping[str, Any]) -> str | None:
    if speed_systems(config):
        return None
    if config["speed"]["domain"] is None:
        return "speed.domain is null"
    if config["speed"]["domain"] not in config["domains"]:
        return f"speed.domain, {config['speed']['domain']}, is no domain of this experiment"
    return "none of speed.systems is among the systems"


def _not_drawn(config: Mapping[str, Any], name: str, reason: str) -> str | None:
    if name in figures_of(config):
        return None
    return reason if adapted_domains(dict(config)) else "no domain has text to adapt to"
