"""COMET's own comparison of two systems, against the functions of comet-compare and by hand."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from ink.metrics.comet_significance import CometComparison, compare_test_sets


def compare_segments(baseline: list[float], system: list[float], samples: int, seed: int) -> CometComparison:
    return compare_test_sets([(baseline, system)], samples, seed)


@pytest.mark.parametrize(("sentences", "shift", "seed"), [(1, 0.3, 1), (2, 0.1, 1), (37, 0.02, 5), (200, -0.01, 12345)])
def test_it_says_what_comet_compare_says(sentences: int, shift: float, seed: int) -> None:
    from comet.cli import compare
    from scipy import stats

    draw = np.random.default_rng(sentences)
    before = draw.normal(0.3, 0.2, sentences)
    after = before + draw.normal(shift, 0.1, sentences)
    np.random.seed(seed)
    scores = np.array([after, before])
    resampled = compare.bootstrap_resampling(scores, sample_size=max(int(sentences * 0.4), 1), num_splits=300)
    ((theirs),) = compare.pairwise_bootstrap(resampled, ["after", "before"])
    expected = theirs["bootstrap_resampling"]
    found = compare_segments(before.tolist(), after.tolist(), 300, seed)
    assert (found.wins, found.losses) == (expected["x_wins (%)"], expected["y_wins (%)"])
    assert found.gain == pytest.approx(100 * (after.mean() - before.mean()))
    if sentences > 1:
        assert found.p_value == stats.ttest_rel(after, before, alternative="two-sided").pvalue


def test_a_t_test_by_hand() -> None:
    """Differences 1, 2, 3: mean 2, standard error 1 / sqrt(3), t = 2 sqrt(3), two degrees of freedom."""
    found = compare_segments([0, 0, 0], [1, 2, 3], 10, 1)
    t = 2 * math.sqrt(3)
    assert found.p_value == pytest.approx(1 - t / math.sqrt(2 + t * t))
    assert (found.gain, found.wins, found.losses) == (200, 1, 0)
    back = compare_segments([1, 2, 3], [0, 0, 0], 10, 1)
    assert (back.gain, back.p_value, back.wins, back.losses) == (-200, pytest.approx(found.p_value), 0, 1)


def test_systems_without_any_difference() -> None:
    found = compare_segments([-0.5, 0.25], [-0.5, 0.25], 10, 1)
    assert (found.gain, found.p_value, found.wins, found.losses) == (0, 1, 0, 0)


def test_the_same_difference_everywhere() -> None:
    assert compare_segments([0.5, 0.25], [0.75, 0.5], 10, 1).p_value == 0


def test_a_single_sentence_decides_nothing() -> None:
    assert compare_segments([0.5], [0.75], 10, 1).p_value == 1


@pytest.mark.parametrize(("before", "after"), [([], []), ([1.0], [1.0, 2.0])])
def test_what_does_not_pair(before: list[float], after: list[float]) -> None:
    with pytest.raises(ValueError, match="do not pair"):
        compare_segments(before, after, 10, 1)


def test_it_needs_neither_torch_nor_comet() -> None:
    check = "import sys; from ink.metrics.comet_significance import compare_test_sets as c; c([([0, 1], [1, 3])], 5, 1)"
    heavy = "'torch' in sys.modules or 'comet' in sys.modules"
    assert subprocess.run([sys.executable, "-c", f"{check}; sys.exit({heavy})"]).returncode == 0


def test_several_test_sets_have_the_same_weight() -> None:
    """Differences 1, 2, 3 and 0, 2: means 2 and 1, with variances 1/3 and 1; Welch and Satterthwaite's freedom."""
    one, other = ([0.0, 0.0, 0.0], [1.0, 2.0, 3.0]), ([0.0, 0.0], [0.0, 2.0])
    t, freedom = 3 / math.sqrt(1 / 3 + 1), (1 / 3 + 1) ** 2 / ((1 / 3) ** 2 / 2 + 1**2 / 1)
    found = compare_test_sets([one, other], 10, 1)
    assert found.gain == 150
    # two-sided p of Student's t by its density, integrated numerically
    steps = np.linspace(t, 4000, 4_000_001)
    norm = math.gamma((freedom + 1) / 2) / (math.sqrt(freedom * math.pi) * math.gamma(freedom / 2))
    density = norm * (1 + steps**2 / freedom) ** (-(freedom + 1) / 2)
    assert found.p_value == pytest.approx(2 * (density[1:] * np.diff(steps)).sum(), rel=1e-3)
    back = compare_test_sets([tuple(reversed(one)), tuple(reversed(other))], 10, 1)
    assert (back.gain, back.p_value) == (-150, pytest.approx(found.p_value))


def test_two_test_sets_that_cancel_out() -> None:
    found = compare_test_sets([([0.5, 0.25], [0.75, 0.5]), ([0.75, 0.5], [0.5, 0.25])], 10, 1)
    assert (found.gain, found.p_value, found.wins, found.losses) == (0, 1, 0, 0)
