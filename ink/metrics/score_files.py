"""Scores as files hold them: of what a job has just translated, and of one run's translations in one more metric."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ink.config.slices.result_slices import ScoringSettings
from ink.metrics.bleu import Bleu
from ink.metrics.chrf import Chrf
from ink.metrics.known_metrics import find_metric
from ink.metrics.metric import Texts
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_lines, sha256_of, write_json
from ink.systems.layout import Run


def score_translations(
    hypotheses: Sequence[str], references: Sequence[str], tokeniser: str
) -> dict[str, dict[str, float | str]]:
    """Score detokenised hypotheses against raw references, one each: {"bleu": {score, signature}, "chrf": {...}}.

    BLEU is with sacrebleu's `tokeniser`. InkError where the counts differ, nothing is there to score, or the tokeniser
    cannot work here.
    """
    texts = Texts(hypotheses, references)
    scored = {metric.name: metric.score(texts) for metric in (Bleu(tokeniser), Chrf())}
    return {name: {"score": result.score, "signature": result.signature} for name, result in scored.items()}


def score_run(name: str, run: Run, corpus: Path, hypotheses: Path, settings: ScoringSettings, output: Path) -> None:
    """Score one run's translations of `corpus`'s test set with the metric `name` and write the result (JSON).

    InkError where the lines do not pair, or the metric lacks what it needs.
    """
    metric = find_metric(name).from_settings(settings.plain())
    sources, references = (read_lines(corpus / f"test.{language}") for language in settings.data.languages)
    translations = read_lines(hypotheses)
    if not len(sources) == len(references) == len(translations):
        raise InkError(
            f"{hypotheses} has {len(translations)} translations of {len(sources)} sentences with {len(references)} "
            "references; translate the test set again",
            code="metric/unpaired-sentences",
        )
    found = metric.score(Texts(translations, references, sources))
    write_json(
        output,
        {
            **run._asdict(),
            "metric": name,
            **({} if metric.model is None else {"model": metric.model, "fingerprint": found.fingerprint}),
            "sentences": len(translations),
            "score": found.score,
            "signature": found.signature,
            "hypotheses": sha256_of(hypotheses),
            **({} if found.segments is None else {"segments": found.segments}),
        },
    )
