"""An experiment's training seeds that ran on several machines, in one folder of results, to render tables of all."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from ink.config import load_resolved
from ink.config.schema import schema
from ink.results.contents import experiment_config
from ink.results.records.scores import Score, read_references, read_scores
from ink.results.records.sentence_statistics import fingerprint, has_statistics, references_of
from ink.results.records.training_curves import NAME as CURVES
from ink.results.records.workflow_calls import calls as read_calls
from ink.results.run_comparison import differing
from ink.runtime.errors import InkError
from ink.runtime.whole_files import check_free, read_json, write_atomically, write_json
from ink.systems.known_systems import system_named
from ink.tools.publishing import LEFT_OUT

# where an experiment runs, not what it is; that texts and base model are the same is seen from the results
_MAY_DIFFER = (
    *("experiment", "seeds", "device", "threads", "mlflow", "downloads", "index.device", "data.files.pattern"),
    *("base_model.path", "base_model.folder", "base_model.bpe_codes"),
    *("base_model.source_dictionary", "base_model.target_dictionary", "data.binarised.folder"),
)
_RENDERED = ("tables", "figures", "report.html")  # anew, of all seeds
_BY_RUN = ("scores", "hypotheses", "statistics")  # SYSTEM/DOMAIN/seedN
_CALLS = "environment.json"


@dataclass(frozen=True)
class Part:
    """The results of some seeds of an experiment: its folder."""

    results: Path

    @cached_property
    def config(self) -> dict[str, Any]:
        """The experiment as it ran."""
        return load_resolved(experiment_config(self.results))

    @cached_property
    def scores(self) -> Mapping[tuple[str, str, int], Score]:
        """Its scores by run."""
        return {(score.system, score.domain, score.seed): score for score in read_scores(self.results)}

    @property
    def base_models(self) -> set[str]:
        """Fingerprints of the models of its systems that train nothing."""
        return {score.model for (system, _, _), score in self.scores.items() if not system_named(system).is_trained}

    def references(self, domain: str) -> str:
        """Return the fingerprint of a domain's test references."""
        return references_of(self.results, domain) or fingerprint(read_references(self.results, domain))


def merge(results: Sequence[Path], target: Path) -> None:
    """Write `target`, whole or not at all: the runs of all these results, and a config with the seeds of all.

    Tables, figures and report are not there yet. InkError where `target` is there, where two have a seed in common,
    differ in settings that are not of a machine, in test references or base model, and where only some have text.
    """
    check_free(target)
    name = schema()["properties"]["experiment"]
    if not re.search(name["pattern"], target.name):
        raise InkError(
            f"{target}: the folder's name is the experiment's, which is {name['title']}; name another folder",
            code="config/value-not-allowed",
        )
    first, *others = [Part(Path(path)) for path in results]
    merged = [first]
    for part in others:
        _check(first, part)
        _check_seeds(merged, part)
        merged.append(part)
    with write_atomically(target) as temporary:
        for part in merged:
            for path in _copied(part.results, with_untrained=part is first):
                copy = temporary / path
                if not copy.exists():  # what all have: texts, measures of the machine
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(part.results / path, copy)
        _join_curves(merged, temporary)
        if calls := [call for part in merged for call in _calls(part)]:
            write_json(temporary / _CALLS, calls)
        config = first.config | {
            "experiment": target.name,
            "seeds": [seed for part in merged for seed in part.config["seeds"]],
        }
        text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
        (temporary / "config.yaml").write_text(text, encoding="utf-8")


def _check(first: Part, part: Part) -> None:
    """Refuse what is not another machine's part of the same experiment."""
    both = f"{first.results} and {part.results}"
    settings = [
        f"{one.key} ({one.a}, {one.b})"
        for one in differing(first.config, part.config)
        if not any(one.key == name or one.key.startswith(f"{name}.") for name in _MAY_DIFFER)
    ]
    if settings:
        raise InkError(
            f"{both} are no seeds of one experiment: they differ in {', '.join(settings)}; ink compare shows them side "
            "by side",
            code="results/incomparable",
        )
    if has_statistics(first.results) != has_statistics(part.results):
        raise InkError(
            f"of {both} one has text and the other counts in its place; publish both with --without-text, and merge "
            "the copies",
            code="results/incomparable",
        )
    for domain in dict.fromkeys(domain for _, domain, _ in first.scores):
        if any(domain == other for _, other, _ in part.scores) and first.references(domain) != part.references(domain):
            raise InkError(
                f"the test references of {domain} in {both} differ: their scores are of different test sets",
                code="results/incomparable",
            )
    if first.base_models and part.base_models and first.base_models != part.base_models:
        raise InkError(
            f"{both} have different base models ({', '.join(sorted(first.base_models))} and "
            f"{', '.join(sorted(part.base_models))}): train it once, and give all machines its path",
            code="results/incomparable",
        )


def _check_seeds(merged: Sequence[Part], part: Part) -> None:
    for other in merged:
        if common := sorted({*other.config["seeds"]} & {*part.config["seeds"]}):
            raise InkError(
                f"{other.results} and {part.results} both have seed {common[0]}; name results of different seeds",
                code="results/incomparable",
            )


def _copied(results: Path, *, with_untrained: bool) -> Iterator[Path]:
    """List the files to copy, from `results` on; runs of systems that are the same for every seed only on request."""
    for path in sorted(results.rglob("*")):
        inside = path.relative_to(results)
        hidden = any(part.startswith(".") for part in inside.parts)
        if not path.is_file() or hidden or inside.parts[0] in (*LEFT_OUT, *_RENDERED):
            continue
        if inside.parts[0] not in _BY_RUN or with_untrained or system_named(inside.parts[1]).is_trained:
            yield inside


def _calls(part: Part) -> list[Any]:
    """Read with what a part was run; none where that was not written down."""
    read_calls(part.results)  # refuses what is damaged
    path = part.results / _CALLS
    return list(read_json(path)) if path.is_file() else []


def _join_curves(parts: Sequence[Part], target: Path) -> None:
    """Write one table of training curves, the rows of each part after those of the one before."""
    import pandas as pd

    tables = [pd.read_csv(path, dtype=str) for part in parts if (path := part.results / CURVES).is_file()]
    if tables:
        joined = pd.concat(tables, ignore_index=True)
        joined.sort_values(["system", "domain"], kind="stable").to_csv(
            target / CURVES, index=False, lineterminator="\n"
        )
