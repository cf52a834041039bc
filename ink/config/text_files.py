"""The files of an experiment's own text, as its configuration names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ink.config.domains import Config


@dataclass(frozen=True)
class TextFiles:
    """Source and target file of a domain's split, or of one of the sources that its train is put together from."""

    split: str
    source: str
    target: str
    drawn: Mapping[str, Any] | None = None  # that source, as data.files.train_from says it; None: the whole is taken


def train_sources(config: Config, domain: str) -> list[Mapping[str, Any]]:
    """Return what a domain's training text is put together from; nothing where it has files of its own."""
    return list((config["data"]["files"].get("train_from") or {}).get(domain, ()))


def put_together_domains(config: Config) -> list[str]:
    """Return the experiment's domains, the general one included, whose training text is of several sources."""
    if config["data"]["source"] != "files":
        return []
    general = config["data"]["general_domain"]
    used = [*config["domains"], *([] if general is None else [general])]
    return [domain for domain in used if train_sources(config, domain)]


def text_files(config: Config, domain: str) -> list[TextFiles]:
    """Return every pair of files that a domain's text is read from, where data.source is files."""
    data = config["data"]
    languages = (data["source_language"], data["target_language"])

    def named(pattern: str, split: str, drawn: Mapping[str, Any] | None = None) -> TextFiles:
        source, target = (pattern.format(domain=domain, split=split, language=language) for language in languages)
        return TextFiles(split, source, target, drawn)

    found = []
    for split in data["files"]["splits"][domain]:
        sources = train_sources(config, domain) if split == "train" else []
        found += [named(one["pattern"], split, one) for one in sources] or [named(data["files"]["pattern"], split)]
    return found
