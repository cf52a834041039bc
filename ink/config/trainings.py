"""Which sections of a configuration say how a model is trained."""

from __future__ import annotations

from ink.config.domains import Config


def trained_sections(config: Config) -> dict[str, Config]:
    """Return them by name: those that have batches and processes of their own."""
    sections = {"training": config["training"], "knn_kd": config["knn_kd"]}
    if config["base_model"].get("train") is not None:
        sections["base_model.train"] = config["base_model"]["train"]
    return sections
