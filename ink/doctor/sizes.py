"""Settings that the vocabulary or a domain's text is too small for, as far as its files tell before anything runs."""

from __future__ import annotations

from collections.abc import Iterator

from ink.config.bounds import neighbours_asked, neighbours_measured, values_of
from ink.corpus.vocabulary_size import check_vocabulary_size
from ink.costs.workload import Workload
from ink.doctor.finding import Finding, error, warning
from ink.errors import InkError


def sizes(workload: Workload) -> Iterator[Finding]:
    """Compare what systems ask for with the tokens of the target dictionary and of each domain's training text."""
    config = workload.config
    try:
        check_vocabulary_size(config)
    except InkError as problem:
        yield error("vocabulary", str(problem))
    for domain in workload.domains:
        entries = workload.entries(domain)
        asked = {**neighbours_asked(config), **neighbours_measured(config, domain)}
        if config["index"]["type"] == "ivfpq":
            asked["index.lists"] = config["index"]["lists"]
        for name, value in asked.items():
            for key, found in values_of(name, value):
                if found > entries and key in (name, f"{name}.{domain}"):
                    text = f"{key} is {found:,}, but the datastore will have about {entries:,} entries; lower it"
                    yield warning(f"datastore of {domain}", text)
