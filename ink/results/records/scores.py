"""Scores, hypotheses and references as the runs left them under results/EXPERIMENT: checked, sorted, read only."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ink.metrics.known_metrics import SCORED_WITH_TRANSLATION
from ink.metrics.metric import Scored
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, read_lines
from ink.systems.known_systems import SYSTEMS, system_named


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


class Fields:
    """The fields of a JSON object, read with a check; errors name the file and the key."""

    def __init__(self, path: Path, value: Any, inside: str = "") -> None:
        self.path = path
        self.inside = inside
        if not isinstance(value, dict):
            raise self._wrong("", "an object", value)
        self.value: dict[str, Any] = value

    def text(self, key: str) -> str:
        """Read a string."""
        value = self._get(key)
        if not isinstance(value, str):
            raise self._wrong(key, "a string", value)
        return value

    def count(self, key: str) -> int:
        """Read an integer >= 0."""
        value = self._get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self._wrong(key, "an integer >= 0", value)
        return value

    def number(self, key: str) -> float:
        """Read a finite number."""
        value = self._get(key)
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise self._wrong(key, "a finite number", value)
        return float(value)

    def fields(self, key: str) -> Fields:
        """Read an object."""
        return Fields(self.path, self._get(key), f"{self.inside}{key}.")

    def optional_fields(self, key: str) -> Fields | None:
        """Read an object or null; the key itself must be there."""
        return None if self._get(key) is None else self.fields(key)

    def optional_text(self, key: str) -> str | None:
        """Read a string or null; the key itself must be there."""
        return None if self._get(key) is None else self.text(key)

    def optional_number(self, key: str) -> float | None:
        """Read a finite number or null; the key itself must be there."""
        return None if self._get(key) is None else self.number(key)

    def optional_count(self, key: str) -> int | None:
        """Read an integer >= 0 or null; the key itself must be there."""
        return None if self._get(key) is None else self.count(key)

    def objects(self, key: str) -> list[Fields]:
        """Read a list of objects."""
        return [Fields(self.path, item, f"{self.inside}{key}[{place}].") for place, item in self._items(key)]

    def counts(self, key: str, length: int) -> list[int]:
        """Read a list of `length` integers >= 0."""
        items = self._each(key, length)
        return [items.count(name) for name in items.value]

    def shares(self, key: str, length: int) -> list[float | None]:
        """Read a list of `length` finite numbers, null where there is none."""
        items = self._each(key, length)
        return [items.optional_number(name) for name in items.value]

    def numbers(self, key: str, length: int) -> list[float]:
        """Read a list of `length` finite numbers."""
        items = self._each(key, length)
        return [items.number(name) for name in items.value]

    def _items(self, key: str) -> list[tuple[int, Any]]:
        value = self._get(key)
        if not isinstance(value, list):
            raise self._wrong(key, "a list", value)
        return [*enumerate(value)]

    def _each(self, key: str, length: int) -> Fields:
        """Read a list as an object whose keys are its places."""
        items = self._items(key)
        if len(items) != length:
            raise self._wrong(key, f"a list of {length}", self.value[key])
        return Fields(self.path, {str(place): value for place, value in items}, f"{self.inside}{key}.")

    def _get(self, key: str) -> Any:
        if key not in self.value:
            raise InkError(f"{self.path}: {self.inside}{key} is missing; delete the file and run the workflow again")
        return self.value[key]

    def _wrong(self, key: str, wanted: str, found: Any) -> InkError:
        where = f"{self.inside}{key}".rstrip(".") or "the file"
        return InkError(f"{self.path}: {where} should be {wanted}, found {str(found)[:60]!r}")


def read_scores(results: Path) -> list[Score]:
    """Read every score under RESULTS/scores, sorted by system, domain and seed.

    InkError names file and key of what is missing or of the wrong type, the file whose place contradicts its content,
    and `results` where there is no score at all.
    """
    folder = Path(results) / "scores"
    # seedN.METRIC.json is another metric's
    scores = [_read_score(path) for path in folder.glob("*/*/seed*.json") if "." not in path.stem]
    if not scores:
        raise InkError(f"no score under {folder}; run the workflow that writes scores first")
    return sorted(scores, key=lambda score: (score.system, score.domain, score.seed))


def labels(systems: Sequence[str]) -> dict[str, str]:
    """Name the systems as tables do, in the order in which tables list them, whatever order the config has.

    Systems of the experiment's own come after those of the paper's Table 2, in the config's order; those that stand
    apart come last.
    """
    known = [name for name in SYSTEMS if name in systems]
    own = [name for name in systems if name not in SYSTEMS]
    order = sorted([*known, *own], key=lambda name: system_named(name).apart)
    return {name: system_named(name).label for name in order}


def select(
    scores: Iterable[Score], systems: Sequence[str], domains: Sequence[str], seeds: Sequence[int]
) -> dict[tuple[str, str, int], Score]:
    """Pick the scores that a table shows, by system, domain and seed.

    InkError where there is none, and where systems were scored on test sets of different size in one domain: such a
    column compares nothing.
    """
    chosen = {
        (score.system, score.domain, score.seed): score
        for score in scores
        if score.system in systems and score.domain in domains and score.seed in seeds
    }
    if not chosen:
        raise InkError(
            f"there are scores, but none of the systems {list(systems)} on the domains {list(domains)} with the seeds "
            f"{list(seeds)}; run the workflow for these"
        )
    first: dict[str, Score] = {}
    for score in chosen.values():
        other = first.setdefault(score.domain, score)
        if other.sentences != score.sentences:
            raise InkError(
                f"domain {score.domain}: {other.system} was scored on {other.sentences} test sentences, "
                f"{score.system} on {score.sentences}; run the workflow again for the older of the two"
            )
    return chosen


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
    fields = Fields(path, read_json(path))
    general = fields.optional_fields("general")
    memory, decoding = fields.fields("added_memory"), fields.fields("decoding")
    chosen = fields.optional_fields("chosen")
    score = Score(
        system=fields.text("system"),
        domain=fields.text("domain"),
        seed=fields.count("seed"),
        sentences=fields.count("sentences"),
        metrics=_metrics(fields),
        general=None
        if general is None
        else ScoredTestSet(general.text("domain"), general.count("sentences"), _metrics(general)),
        added_memory={name: memory.count(name) for name in memory.value},
        decoding={name: decoding.number(name) for name in decoding.value},
        settings=fields.fields("settings").value,
        model=fields.text("model"),
        chosen=None if chosen is None else chosen.value,
        adapter_parameters=fields.optional_count("adapter_parameters")
        if "adapter_parameters" in fields.value
        else None,
    )
    place = (path.parent.parent.name, path.parent.name, path.stem)
    content = (score.system, score.domain, f"seed{score.seed}")
    if place != content:
        raise InkError(f"{path} says that it is {'/'.join(content)}; it was moved or copied by hand, put it back")
    return score


def _metrics(fields: Fields) -> dict[str, Scored]:
    found = {name: fields.fields(name) for name in SCORED_WITH_TRANSLATION}
    return {name: Scored(one.number("score"), one.text("signature")) for name, one in found.items()}


def _only_file(folder: Path, stem: str) -> Path:
    """Find `stem`.LANGUAGE: the target language is told by the file itself."""
    found = sorted(path for path in folder.glob(f"{stem}.*") if path.stem == stem)
    if not found:
        raise InkError(
            f"{folder / stem}.LANGUAGE does not exist; run the workflow that writes it. A copy published without "
            "its text keeps its tables as they are: ink report --page-only"
        )
    if len(found) > 1:
        raise InkError(f"{folder} has {' and '.join(path.name for path in found)}; keep the target language's only")
    return found[0]
