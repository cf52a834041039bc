"""Which of the files that a config names come with its downloads, so that whoever needs them knows what brings them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ink.config.languages import LanguagePair
from ink.corpus.indexed_tokens import binarised_files
from ink.tools.download.sources import is_below, sources
from ink.tools.download.unpacking import is_filled_by_hand

_BASE_MODEL_FILES = ("path", "bpe_codes", "source_dictionary", "target_dictionary")


def provided_files(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return, of every artefact in the config's section downloads, the files that the config uses of it.

    Of one that is unpacked, those that the config names below its folder, spelled as they are there; another is its
    file. An archive of which nothing is used is left out, and one in whose folder somebody has put files by hand: they
    are taken as they are.
    """
    data = config["data"]
    domains = data["binarised"]["sentences"] if data["source"] == "binarised" else ()
    used = dict.fromkeys(base_model_files(config).values())
    used |= dict.fromkeys(path for domain in domains for path in binarised_paths(config, domain))
    found = {}
    for source in sources(config):
        folder = source.unpacked
        files = [str(source.file)] if folder is None else [path for path in used if is_below(path, folder)]
        if files and not (folder is not None and is_filled_by_hand(folder)):
            found[source.artefact.name] = files
    return found


def files_to_come(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return, of `provided_files`, what is not there yet."""
    lacking = {
        name: [path for path in files if not Path(path).exists()] for name, files in provided_files(config).items()
    }
    return {name: files for name, files in lacking.items() if files}


def binarised_paths(config: Mapping[str, Any], domain: str) -> list[str]:
    """Return the files of a domain's text, where data.source is binarised."""
    data = config["data"]
    folder, splits = data["binarised"]["folder"].format(domain=domain), data["binarised"]["sentences"][domain]
    names = binarised_files(splits, LanguagePair.of(data))
    return [f"{folder}/{name}" for name in names]


def base_model_files(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the files of the base model that the config names, by setting."""
    given = config["base_model"]
    return {name: given[name] for name in _BASE_MODEL_FILES if given[name] is not None}
