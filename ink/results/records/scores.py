"""Scores, hypotheses and references as the runs left them under results/EXPERIMENT: checked, sorted, read only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ink.metrics.known_metrics import SCORED_WITH_TRANSLATION
from ink.metrics.metric import Scored
from ink.results.records.json_fields import Fields
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_lines
from ink.systems.known_systems import SYSTEMS, system_named
from ink.systems.layout import Run

Key = tuple[str, str, int]  # system, domain, training seed


@dataclass(frozen=True)
class ScoredTestSet:
    """A translated test set: how many sentences, and its scores by metric."""

    domain: str
    sentences: int
    metrics: Mapping[str, Scored]


@dataclass(frozen=True)
class Score(ScoredTestSet):
    """One system on one domain's test set with one seed: RESULTS/scores/SYSTEM/DOMAIN/seedN.json.

    general: the general domain's test set, translated by the system adapted to this one.
    """

    system: str
    seed: int
    general: ScoredTestSet | None
    added_memory: dict[str, int]  # bytes by file
    decoding: dict[str, float]
    settings: dict[str, Any]
    model: str
    chosen: dict[str, Any] | None  # hyper-parameters chosen on dev
    adapter_parameters: int | None = None  # None without an adapter, or where an older run has not counted them
    passes: int | None = None  # epochs or rounds until the adapter's training ended; None as before


@dataclass(frozen=True)
class Selection:
    """The runs that a table or a figure shows: each of the systems, on each of the domains, with each training seed.

    results: results/EXPERIMENT.
    """

    results: Path
    domains: Sequence[str]
    systems: Sequence[str]
    seeds: Sequence[int]

    @cached_property
    def labels(self) -> dict[str, str]:
        """The systems' names in tables, in the tables' order."""
        return labels(self.systems)

    @cached_property
    def scores(self) -> dict[Key, Score]:
        """The scores that are there.

        InkError where there is none, and where systems were scored on test sets of different size in one domain: such
        a column compares nothing.
        """
        chosen = {
            (score.system, score.domain, score.seed): score
            for score in read_scores(self.results)
            if score.system in self.systems and score.domain in self.domains and score.seed in self.seeds
        }
        if not chosen:
            raise InkError(
                f"there are scores, but none of the systems {list(self.systems)} on the domains {list(self.domains)} "
                f"with the seeds {list(self.seeds)}; run the workflow for these",
                code="results/none",
            )
        first: dict[str, Score] = {}
        for score in chosen.values():
            other = first.setdefault(score.domain, score)
            if other.sentences != score.sentences:
                raise InkError(
                    f"domain {score.domain}: {other.system} was scored on {other.sentences} test sentences, "
                    f"{score.system} on {score.sentences}; run the workflow again for the older of the two",
                    code="results/out-of-date",
                )
        return chosen


def read_scores(results: Path) -> list[Score]:
    """Read every score under RESULTS/scores, sorted by system, domain and seed.

    InkError names file and key of what is missing or of the wrong type, the file whose place contradicts its content,
    and `results` where there is no score at all.
    """
    folder = Path(results) / "scores"
    # seedN.METRIC.json is another metric's
    scores = [_read_score(path) for path in folder.glob("*/*/seed*.json") if "." not in path.stem]
    if not scores:
        raise InkError(f"no score under {folder}; run the workflow that writes scores first", code="results/none")
    return sorted(scores, key=lambda score: (score.system, score.domain, score.seed))


def read_score(results: Path, run: Run) -> Score | None:
    """Read one run's score, as `read_scores` does; None where it has none."""
    path = Path(results) / "scores" / run.system / run.domain / f"seed{run.seed}.json"
    return _read_score(path) if path.is_file() else None


def labels(systems: Sequence[str]) -> dict[str, str]:
    """Name the systems as tables do, in the order in which tables list them, whatever order the config has.

    Systems of the experiment's own come after those of the paper's Table 2, in the config's order; those that stand
    apart come last.
    """
    known = [name for name in SYSTEMS if name in systems]
    own = [name for name in systems if name not in SYSTEMS]
    order = sorted([*known, *own], key=lambda name: system_named(name).apart)
    return {name: system_named(name).label for name in order}


def read_hypotheses(results: Path, system: str, domain: str, seed: int) -> list[str]:
    """Read a system's detokenised test hypotheses, one a sentence; InkError where there is none."""
    return read_lines(hypotheses_file(results, system, domain, seed))


def hypotheses_file(results: Path, system: str, domain: str, seed: int) -> Path:
    """Find the file of a system's detokenised test hypotheses; InkError where there is none."""
    return _only_file(Path(results) / "hypotheses" / system / domain, f"seed{seed}")


def read_references(results: Path, domain: str) -> list[str]:
    """Read a domain's raw test references, one a sentence; InkError where there is none."""
    return read_lines(_only_file(Path(results) / "references", domain))


def _read_score(path: Path) -> Score:
    fields = Fields.of_file(path)
    general, chosen = fields.optional(Fields.fields, "general"), fields.optional(Fields.fields, "chosen")
    score = Score(
        system=fields.text("system"),
        domain=fields.text("domain"),
        seed=fields.count("seed"),
        sentences=fields.count("sentences"),
        metrics=_metrics(fields),
        general=None
        if general is None
        else ScoredTestSet(general.text("domain"), general.count("sentences"), _metrics(general)),
        added_memory=fields.mapped(Fields.count, "added_memory"),
        decoding=fields.mapped(Fields.number, "decoding"),
        settings=fields.fields("settings").value,
        model=fields.text("model"),
        chosen=None if chosen is None else chosen.value,
        adapter_parameters=_counted(fields, "adapter_parameters"),
        passes=_counted(fields, "passes"),
    )
    place = (path.parent.parent.name, path.parent.name, path.stem)
    content = (score.system, score.domain, f"seed{score.seed}")
    if place != content:
        raise InkError(
            f"{path} says that it is {'/'.join(content)}; it was moved or copied by hand, put it back",
            code="results/moved",
        )
    return score


def _counted(fields: Fields, name: str) -> int | None:
    """Return a count of a system with an adapter; None where an older version has not written it."""
    return fields.optional(Fields.count, name) if name in fields.value else None


def _metrics(fields: Fields) -> dict[str, Scored]:
    found = {name: fields.fields(name) for name in SCORED_WITH_TRANSLATION}
    return {name: Scored(one.number("score"), one.text("signature")) for name, one in found.items()}


def _only_file(folder: Path, stem: str) -> Path:
    """Find `stem`.LANGUAGE: the target language is told by the file itself."""
    found = sorted(path for path in folder.glob(f"{stem}.*") if path.stem == stem)
    if not found:
        raise InkError(
            f"{folder / stem}.LANGUAGE does not exist; run the workflow that writes it. A copy that an older version "
            "published without its text keeps its tables as they are: ink report --page-only",
            code="results/incomplete",
        )
    if len(found) > 1:
        raise InkError(
            f"{folder} has {' and '.join(path.name for path in found)}; keep that of the target language, and "
            "remove the others",
            code="results/moved",
        )
    return found[0]
