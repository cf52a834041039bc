"""Two experiments, or two runs, side by side: scores, their differences and how sure these are, and the settings.

The CSV has one row per pair of runs:

- run_a, run_b: as `ink compare` takes them
- bleu_a, bleu_b
- gain: B's BLEU less A's
- lower, upper: the gain's 95% interval
- p_value
- METRIC_a, METRIC_b, METRIC_gain, METRIC_lower, METRIC_upper, METRIC_p_value: the same in each other METRIC of both;
  empty where one of the runs lacks it
- added_bytes_a, added_bytes_b
- passes_a, passes_b: epochs or rounds until an adapter's training ended; not there where no score knows it
- samples, bootstrap_seed
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ink.config import load_resolved, metrics_of
from ink.metrics.known_metrics import SCORED_WITH_TRANSLATION, make_metrics
from ink.metrics.metric import Metric
from ink.results.records.metric_scores import score_in, statistics_of
from ink.results.records.scores import Score, read_references, read_scores
from ink.results.records.sentence_statistics import fingerprint, has_statistics, references_of
from ink.results.tables.aggregation import prefixes
from ink.runtime.errors import InkError
from ink.runtime.whole_files import write_atomically

ABSENT = "–"
PASSES = ["passes_a", "passes_b"]
_RUN = re.compile(r"(?P<experiment>.+):(?P<system>[^/:]+)/(?P<domain>[^/:]+)/seed(?P<seed>[0-9]+)")
_OWN_NAME = "experiment"  # the setting that is never the same


@dataclass(frozen=True)
class Side:
    """One of the two that are compared: an experiment's folder of results, its scores by run, and its settings."""

    results: Path
    scores: Mapping[str, Score]
    config: Mapping[str, Any]
    is_run: bool  # whether a single run was named

    def name_of(self, run: str) -> str:
        """Write one of its runs as `ink compare` takes it."""
        return f"{self.results}:{run}"


@dataclass(frozen=True)
class Setting:
    """A setting in which the two differ, by dotted key, as it would be written; ABSENT where one has none."""

    key: str
    a: str
    b: str


@dataclass(frozen=True)
class SideBySide:
    """What the comparison found: `rows` as in the CSV, the runs that only one has, and the settings that differ.

    metrics: those of both, first the one that every run has.
    """

    a: Side
    b: Side
    metrics: list[Metric]
    rows: pd.DataFrame
    only_a: list[str]
    only_b: list[str]
    settings: list[Setting]


def compare(a: str, b: str, folder: Path = Path("results")) -> SideBySide:
    """Compare two experiments or two runs, written EXPERIMENT or EXPERIMENT:SYSTEM/DOMAIN/seedN.

    EXPERIMENT is a folder of results or a name under `folder`. Of experiments the runs are compared that both have.
    Bootstrap and tokeniser are those of A's config. InkError where one of the two does not exist, where they have no
    run in common, and where their test references or tokenisers differ: such scores compare nothing.
    """
    one, other = _side(a, folder), _side(b, folder)
    if one.is_run != other.is_run:
        raise InkError(
            f"{a} and {b} are a run and an experiment; name two experiments, or two runs, each "
            "EXPERIMENT:SYSTEM/DOMAIN/seedN",
            code="results/incomparable",
        )
    common = [run for run in one.scores if run in other.scores]
    pairs = [(*one.scores, *other.scores)] if one.is_run else [(run, run) for run in common]
    if not pairs:
        raise InkError(
            f"{one.results} and {other.results} have no run in common: the first has {_some(one.scores)}, the second "
            f"{_some(other.scores)}; name two runs to compare different ones",
            code="results/incomparable",
        )
    tokenisers = [_evaluation(side, "sacrebleu_tokeniser") for side in (one, other)]
    if tokenisers[0] != tokenisers[1]:
        raise InkError(
            f"{one.results} is scored with sacrebleu's tokeniser {tokenisers[0]}, {other.results} with "
            f"{tokenisers[1]}; such BLEU does not compare, score one of them again",
            code="results/incomparable",
        )
    for domains in dict.fromkeys((one.scores[mine].domain, other.scores[theirs].domain) for mine, theirs in pairs):
        _check_references(one, other, *domains)
    metrics = _metrics_of_both(one, other)
    rows = pd.DataFrame.from_records([_row(one, other, mine, theirs, metrics) for mine, theirs in pairs])
    rows = rows.astype(dict.fromkeys(PASSES, "Int64"))
    if rows[PASSES].isna().all(axis=None):
        rows = rows.drop(columns=PASSES)
    return SideBySide(
        one,
        other,
        metrics,
        rows,
        [] if one.is_run else [run for run in one.scores if run not in common],
        [] if one.is_run else [run for run in other.scores if run not in common],
        [setting for setting in differing(one.config, other.config) if setting.key != _OWN_NAME],
    )


def differing(a: Mapping[str, Any], b: Mapping[str, Any], prefix: str = "") -> Iterator[Setting]:
    """Yield the settings in which two configs differ; a value by domain that is a plain one elsewhere stays whole."""
    for key in dict.fromkeys([*a, *b]):
        # a section that one lacks is shown key by key
        mine, theirs = a.get(key, {}), b.get(key, {})
        if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
            yield from differing(mine, theirs, f"{prefix}{key}.")
        elif mine != theirs or (key in a) != (key in b):
            written = (_written(side[key]) if key in side else ABSENT for side in (a, b))
            yield Setting(f"{prefix}{key}", *written)


def as_plain(found: SideBySide) -> dict[str, Any]:
    """Return a comparison as JSON has it: rows as in the CSV, null for what does not exist, and what only one has."""
    rows = found.rows.astype(object).where(found.rows.notna(), None).to_dict("records")
    return {
        "rows": [{str(key): value for key, value in row.items()} for row in rows],
        "only_a": found.only_a,
        "only_b": found.only_b,
        "settings": [asdict(setting) for setting in found.settings],
    }


def write_csv(found: SideBySide, path: Path) -> None:
    """Write the rows of a comparison for programs."""
    with write_atomically(path) as temporary:
        found.rows.to_csv(temporary, index=False, lineterminator="\n")


def _side(name: str, folder: Path) -> Side:
    matched = _RUN.fullmatch(name)
    experiment = name if matched is None else matched["experiment"]
    if matched is None and ":" in name and not Path(name).is_dir():
        raise InkError(
            f"{name} is no run; write EXPERIMENT:SYSTEM/DOMAIN/seedN, such as mini:ink/koran/seed1",
            code="results/unknown-run",
        )
    candidates = [Path(experiment), folder / experiment]
    results = next((path for path in candidates if (path / "scores").is_dir()), None)
    if results is None:
        looked = " nor ".join(str(path / "scores") for path in dict.fromkeys(candidates))
        raise InkError(
            f"there is no experiment {experiment}: neither {looked} exists; run its workflow first",
            code="results/unknown-run",
        )
    scores = {f"{score.system}/{score.domain}/seed{score.seed}": score for score in read_scores(results)}
    if matched is not None:
        run = f"{matched['system']}/{matched['domain']}/seed{int(matched['seed'])}"
        if run not in scores:
            raise InkError(f"{results} has no scores of {run}; it has {_some(scores)}", code="results/unknown-run")
        scores = {run: scores[run]}
    return Side(results, scores, load_resolved(results / "config.yaml"), matched is not None)


def _some(runs: Iterable[str]) -> str:
    names = list(runs)
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _check_references(a: Side, b: Side, domain_a: str, domain_b: str) -> None:
    if any(map(has_statistics, (a.results, b.results))):
        _check_fingerprints(a, b, domain_a, domain_b)
        return
    one, other = read_references(a.results, domain_a), read_references(b.results, domain_b)
    if one == other:
        return
    places = f"{a.results / 'references' / domain_a} and {b.results / 'references' / domain_b}"
    if len(one) != len(other):
        what = f"they have {len(one)} and {len(other)} lines"
    else:
        first = next(number for number, pair in enumerate(zip(one, other, strict=True), 1) if pair[0] != pair[1])
        what = f"line {first} is the first that differs"
    raise InkError(
        f"the test references {places} differ ({what}); scores on different test sets do not compare",
        code="results/incomparable",
    )


def _check_fingerprints(a: Side, b: Side, domain_a: str, domain_b: str) -> None:
    """Check the references where at least one side is a copy without its text."""
    sides = ((a.results, domain_a), (b.results, domain_b))
    one, other = (references_of(*side) or fingerprint(read_references(*side)) for side in sides)
    if one != other:
        raise InkError(
            f"the test references of {domain_a} in {a.results} and of {domain_b} in {b.results} differ; scores on "
            "different test sets do not compare",
            code="results/incomparable",
        )


def _metrics_of_both(a: Side, b: Side) -> list[Metric]:
    """Make the metrics that both are scored with, first the one of every run; where models differ nothing compares."""
    made = [{one.name: one for one in make_metrics(metrics_of(side.config), side.config)} for side in (a, b)]
    both = [one for name, one in made[0].items() if name in made[1] and one.model == made[1][name].model]
    return sorted(both, key=lambda metric: metric.name != SCORED_WITH_TRANSLATION[0])


def _row(a: Side, b: Side, run_a: str, run_b: str, metrics: Sequence[Metric]) -> dict[str, Any]:
    one, other = a.scores[run_a], b.scores[run_b]
    samples, seed = int(_evaluation(a, "bootstrap_samples")), int(_evaluation(a, "bootstrap_seed"))
    row: dict[str, Any] = {"run_a": a.name_of(run_a), "run_b": b.name_of(run_b)}
    for metric, prefix in zip(metrics, prefixes(metrics), strict=True):
        row |= _in_metric(metric, prefix, [(a.results, one), (b.results, other)], samples, seed)
    return row | {
        "added_bytes_a": sum(one.added_memory.values()),
        "added_bytes_b": sum(other.added_memory.values()),
        "passes_a": one.passes,
        "passes_b": other.passes,
        "samples": samples,
        "bootstrap_seed": seed,
    }


def _in_metric(
    metric: Metric, prefix: str, runs: list[tuple[Path, Score]], samples: int, seed: int
) -> dict[str, float]:
    """Return the two runs' scores in a metric, and the difference with its certainty; no numbers where one has none."""
    scores = [score_in(metric, *run) for run in runs]
    if len({one.fingerprint for one in scores if one is not None}) > 1:
        raise InkError(
            f"{runs[0][0]} and {runs[1][0]} are scored with different files of the {metric.heading} model "
            f"{metric.model}; such scores do not compare, score one of them again",
            code="results/incomparable",
        )
    found: dict[str, float] = dict.fromkeys(("gain", "lower", "upper", "p_value"), math.nan)
    if None not in scores:
        before, after = (statistics_of(metric, *run) for run in runs)
        compared = metric.compare([[(before, after)]], samples, seed)
        found = {name: getattr(compared, name) for name in found}
    values = {
        f"{metric.name}_{side}": math.nan if one is None else one.score for side, one in zip("ab", scores, strict=True)
    }
    return values | {f"{prefix}{name}": value for name, value in found.items()}


def _evaluation(side: Side, key: str) -> Any:
    try:
        return side.config["evaluation"][key]
    except (KeyError, TypeError):
        raise InkError(
            f"{side.results / 'config.yaml'}: evaluation.{key} is missing; run the workflow again", code="file/damaged"
        ) from None


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
