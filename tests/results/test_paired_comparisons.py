from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ink.metrics import bootstrap, metric
from ink.metrics.bleu import Bleu
from ink.metrics.score_files import score_translations
from ink.results.paired_comparisons import Comparisons
from ink.results.records.scores import Selection

REFERENCES = [
    "the line is long and old",
    "a manager leads the old line",
    "it is a long way to go",
    "here it is and there",
]
HYPOTHESES = {
    "adapter": ["the line is long and a", "a manager leads a line", "it is a way to go", "here it is and there"],
    "ink": REFERENCES,
}


@pytest.fixture
def compared(tmp_path: Path, add_score: Callable[..., Path]) -> Comparisons:
    for system, lines in HYPOTHESES.items():
        bleu = score_translations(lines, REFERENCES, "13a")["bleu"]["score"]
        add_score(system, "law", bleu, sentences=len(lines))
        for path, text in (
            (tmp_path / "references" / "law.en", REFERENCES),
            (tmp_path / "hypotheses" / system / "law" / "seed1.en", lines),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{line}\n" for line in text))
    return Comparisons(Selection(tmp_path, ["law", "koran"], ["adapter", "ink"], [1]), Bleu("13a"), 50, 12345)


def test_a_comparison_is_the_gain_of_one_over_the_other(compared: Comparisons) -> None:
    found = compared.of("ink", "adapter", ["law"])
    assert found is not None
    assert found.gain == pytest.approx(100 - compared.values["adapter", "law", 1])
    assert found.samples == 50


def test_what_has_no_score_compares_with_nothing(compared: Comparisons) -> None:
    assert compared.of("ink", "adapter", ["koran"]) is None
    assert compared.of("ink", "adapter", ["law", "koran"]) is None
    assert compared.of("ink", "v_knn", ["law"]) is None


def test_each_is_resampled_once(compared: Comparisons, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def count(*arguments: object) -> bootstrap.Comparison:
        calls.append(arguments)
        return bootstrap.pooled_bootstrap(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(metric, "pooled_bootstrap", count)
    assert compared.of("ink", "adapter", ["law"]) is compared.of("ink", "adapter", ["law"])
    assert len(calls) == 1


def test_p_is_what_sacrebleu_s_command_prints_for_the_same_files(compared: Comparisons, tmp_path: Path) -> None:
    files = [str(tmp_path / "hypotheses" / system / "law" / "seed1.en") for system in ("adapter", "ink")]
    command = [sys.executable, "-m", "sacrebleu", str(tmp_path / "references" / "law.en"), "-i", *files]
    done = subprocess.run(
        [*command, "-m", "bleu", "--paired-bs", "--paired-bs-n", "50", "--format", "json"],
        env={**os.environ, "SACREBLEU_SEED": "12345"},
        capture_output=True,
        text=True,
        check=True,
    )
    _, ink = json.loads(done.stdout)
    found = compared.of("ink", "adapter", ["law"])
    assert found is not None
    assert found.p_value == pytest.approx(ink["BLEU"]["p_value"], abs=1e-12)
