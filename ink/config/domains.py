"""What a configuration says of its domains, its settings for one of them, and how it trains."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ink.config.hub_model import HubModel
from ink.runtime.errors import InkError

Config = dict[str, Any]

# of each data.source, the setting that names its domains and their splits
SPLITS = {"synthetic": "sentences", "files": "splits", "binarised": "sentences"}


def data_domains(config: Config) -> list[str]:
    """Every domain that the data source has, the general one included, in the order given."""
    return list(_splits(config))


def has_training(config: Config, domain: str) -> bool:
    """Tell whether the data source has training text of `domain`; without, it is scored and not adapted."""
    return "train" in _splits(config)[domain]


def adapted_domains(config: Config) -> list[str]:
    """Those of the experiment's `domains` that have training text."""
    return [domain for domain in config["domains"] if has_training(config, domain)]


def for_domain(section: Mapping[str, Any], domain: str, domains: Collection[str]) -> dict[str, Any]:
    """Resolve a section's settings for one domain.

    Of a value that is a mapping with any of `domains` (`data_domains`) among its keys, `domain`'s own is taken; every
    other value stays as it is. InkError where such a mapping leaves `domain` out.
    """
    resolved: dict[str, Any] = {}
    for key, value in section.items():
        if isinstance(value, Mapping) and not set(value).isdisjoint({domain, *domains}):
            if domain not in value:
                raise InkError(
                    f"{key}: no value for the domain {domain}, only for {', '.join(value)}", code="config/unknown-name"
                )
            value = value[domain]
        resolved[key] = value
    return resolved


def _splits(config: Config) -> Mapping[str, Collection[str]]:
    """Of every domain the splits that its source has."""
    data = config["data"]
    splits: Mapping[str, Collection[str]]
    splits = data[data["source"]][SPLITS[data["source"]]]
    return splits


def trained_sections(config: Config) -> dict[str, Config]:
    """Return them by name: those that have batches and processes of their own."""
    sections = {"training": config["training"], "knn_kd": config["knn_kd"]}
    if config["base_model"].get("train") is not None:
        sections["base_model.train"] = config["base_model"]["train"]
    return sections


def given_base_model(config: Mapping[str, Any]) -> str | None:
    """Return where the base model is, a checkpoint of fairseq's or a folder of Hugging Face's; None where it trains."""
    base_model = config["base_model"]
    found: str | None = base_model["path"] or huggingface_folder(base_model)
    return found


def huggingface_folder(base_model: Mapping[str, Any]) -> str | None:
    """Return the folder of a Hugging Face model, the hub's included, of the section base_model; None of fairseq's."""
    folder: str | None = base_model.get("folder")
    if folder is None and (model := HubModel.of(base_model)) is not None:
        return model.folder
    return folder


def first_rounds(config: Config) -> list[int]:
    """Return of each job that trains rounds of INK the number of its first one."""
    return list(range(1, config["ink"]["max_rounds"] + 1, config["ink"]["rounds_per_job"]))


def last_round(config: Config, first: int) -> int:
    """Return the number of the last round of the job that begins with round `first`."""
    return int(min(first + config["ink"]["rounds_per_job"] - 1, config["ink"]["max_rounds"]))
