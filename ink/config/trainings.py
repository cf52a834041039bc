"""How an experiment trains: which sections of its configuration say so, and which rounds of INK are one job."""

from __future__ import annotations

from ink.config.domains import Config


def trained_sections(config: Config) -> dict[str, Config]:
    """Return them by name: those that have batches and processes of their own."""
    sections = {"training": config["training"], "knn_kd": config["knn_kd"]}
    if config["base_model"].get("train") is not None:
        sections["base_model.train"] = config["base_model"]["train"]
    return sections


def first_rounds(config: Config) -> list[int]:
    """Return of each job that trains rounds of INK the number of its first one."""
    return list(range(1, config["ink"]["max_rounds"] + 1, config["ink"]["rounds_per_job"]))


def last_round(config: Config, first: int) -> int:
    """Return the number of the last round of the job that begins with round `first`."""
    return int(min(first + config["ink"]["rounds_per_job"] - 1, config["ink"]["max_rounds"]))
