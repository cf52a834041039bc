"""Which of the files that a config names come with its downloads, so that whoever needs them knows what brings them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ink.corpus.indexed_tokens import binarised_files
from ink.tools.download.sources import is_below, sources
from ink.tools.download.unpacking import is_somebody_s

BASE_MODEL_FILES = ("path", "bpe_codes", "source_dictionary", "target_dictionary")


def provided_files(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return, of every artefact in the config's section downloads, the files that the config uses of it.

    Of one that is unpacked, those that the config names below its folder, spelled as they are there; another is its
    file. An archive of which nothing is used is left out, and one in whose folder somebody has put files by hand: they
    are taken as they are.
    """
    named = list(dict.fromkeys([*_base_model_files(config), *_text_files(config)]))
    found = {}
    for source in sources(config):
        inside = source.unpacked
        files = [str(source.file)] if inside is None else [path for path in named if is_below(path, inside)]
        if files and not (inside is not None and is_somebody_s(inside)):
            found[source.artefact.name] = files
    return found


def awaited(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return, of `provided_files`, what is not there yet."""
    lacking = {
        name: [path for path in files if not Path(path).exists()] for name, files in provided_files(config).items()
    }
    return {name: files for name, files in lacking.items() if files}


def binarised_paths(config: Mapping[str, Any], domain: str) -> list[str]:
    """Return the files of a domain's text, where data.source is binarised."""
    data = config["data"]
    folder, splits = data["binarised"]["folder"].format(domain=domain), data["binarised"]["sentences"][domain]
    names = binarised_files(splits, data["source_language"], data["target_language"])
    return [f"{folder}/{name}" for name in names]


def _base_model_files(config: Mapping[str, Any]) -> Iterator[str]:
    return (config["base_model"][name] for name in BASE_MODEL_FILES if config["base_model"][name] is not None)


def _text_files(config: Mapping[str, Any]) -> Iterator[str]:
    if config["data"]["source"] != "binarised":
        return
    for domain in config["data"]["binarised"]["sentences"]:
        yield from binarised_paths(config, domain)
