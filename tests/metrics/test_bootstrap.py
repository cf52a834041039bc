from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU
from sacrebleu.significance import PairedTest

from ink.metrics import bootstrap
from ink.metrics.bleu import Bleu
from ink.metrics.bootstrap import Comparison

WORDS = ["the", "line", "is", "long", "and", "a", "manager", "of", "leads", "it", "to", "an", "old", "lead", "here"]
Texts = tuple[list[str], list[str], list[str]]
BLEU_13A = Bleu("13a")


def paired_bootstrap(
    baseline: Sequence[np.ndarray], system: Sequence[np.ndarray], samples: int, seed: int
) -> Comparison:
    return pooled_bootstrap([[pair] for pair in zip(baseline, system, strict=True)], samples, seed)


def pooled_bootstrap(domains: Sequence[Sequence[bootstrap.Pair]], samples: int, seed: int) -> Comparison:
    return bootstrap.pooled_bootstrap(domains, samples, seed, BLEU_13A.aggregate)


def make_texts(sentences: int, before: float, after: float, seed: int) -> Texts:
    """References, and two systems that get each word wrong with the given probabilities."""
    generator = random.Random(seed)
    references = [generator.choices(WORDS, k=generator.randint(3, 14)) for _ in range(sentences)]

    def translate(error: float) -> list[str]:
        return [
            " ".join(generator.choice(WORDS) if generator.random() < error else word for word in words)
            for words in references
        ]

    return [" ".join(words) for words in references], translate(before), translate(after)


def statistics_of(texts: Texts) -> tuple[np.ndarray, np.ndarray]:
    references, before, after = texts
    return BLEU_13A.statistics(before, references), BLEU_13A.statistics(after, references)


def test_the_interval_of_one_system_is_that_of_its_resampled_corpora() -> None:
    references, _, system = texts = make_texts(40, 0.4, 0.3, seed=6)
    drawn = np.random.default_rng(7).choice(40, size=(200, 40))
    scores = [
        BLEU().corpus_score([system[row] for row in rows], [[references[row] for row in rows]]).score for rows in drawn
    ]
    found = bootstrap.score_interval(statistics_of(texts)[1], 200, 7, BLEU_13A.aggregate)
    assert found == pytest.approx(np.percentile(scores, [2.5, 97.5]), abs=1e-9)
    assert found[0] < BLEU().corpus_score(system, [references]).score < found[1]


@pytest.mark.parametrize(("before", "after"), [(0.4, 0.38), (0.38, 0.4), (0.4, 0.4), (0.5, 0.2)])
def test_one_domain_gives_sacrebleus_p_value(before: float, after: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SACREBLEU_SEED", "12345")
    references, baseline, system = texts = make_texts(60, before, after, seed=4)
    test = PairedTest([("before", baseline), ("after", system)], {"BLEU": BLEU()}, [references], "bs", n_samples=300)
    _, scores = test()
    expected_before, expected_after = scores["BLEU"]
    found = paired_bootstrap(*[[rows] for rows in statistics_of(texts)], samples=300, seed=12345)
    assert found.gain == pytest.approx(expected_after.score - expected_before.score, abs=1e-9)
    assert found.p_value == expected_after.p_value
    assert (found.samples, found.seed) == (300, 12345)


def test_several_domains_against_a_slow_loop_over_text() -> None:
    domains = [make_texts(12, 0.5, 0.3, seed=1), make_texts(7, 0.5, 0.45, seed=2), make_texts(20, 0.3, 0.35, seed=3)]
    samples, seed = 60, 7
    generator = np.random.default_rng(seed)
    drawn = [generator.choice(len(texts[0]), size=(samples, len(texts[0])), replace=True) for texts in domains]

    def gain_of(choose) -> float:  # type: ignore[no-untyped-def]
        gains = []
        for number, texts in enumerate(domains):
            references, before, after = ([text[i] for i in choose(number, texts)] for text in texts)
            scores = [BLEU().corpus_score(hypotheses, [references]).score for hypotheses in (before, after)]
            gains.append(scores[1] - scores[0])
        return sum(gains) / len(gains)

    measured = gain_of(lambda _, texts: range(len(texts[0])))
    resampled = np.array([gain_of(lambda number, _, row=row: drawn[number][row]) for row in range(samples)])
    centred = np.abs(resampled) - np.abs(resampled).mean()
    found = paired_bootstrap(*zip(*map(statistics_of, domains), strict=True), samples=samples, seed=seed)
    assert found.gain == pytest.approx(measured, abs=1e-9)
    assert (found.lower, found.upper) == pytest.approx(tuple(np.percentile(resampled, [2.5, 97.5])), abs=1e-9)
    assert found.p_value == ((centred > abs(measured)).sum() + 1) / (samples + 1)


def test_drawing_in_parts_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = statistics_of(make_texts(31, 0.4, 0.3, seed=5))
    whole = paired_bootstrap([before, before], [after, before], samples=101, seed=3)
    monkeypatch.setattr(bootstrap, "INDICES_AT_ONCE", 31 * 7)
    assert paired_bootstrap([before, before], [after, before], samples=101, seed=3) == whole
    monkeypatch.setattr(bootstrap, "INDICES_AT_ONCE", 1)
    assert paired_bootstrap([before, before], [after, before], samples=101, seed=3) == whole


def test_a_system_against_itself_gains_nothing_for_certain() -> None:
    rows, _ = statistics_of(make_texts(20, 0.4, 0.4, seed=6))
    found = paired_bootstrap([rows], [rows], samples=100, seed=1)
    assert (found.gain, found.lower, found.upper, found.p_value) == (0, 0, 0, 1)


def test_a_clear_gain_is_clear_and_the_seed_decides() -> None:
    before, after = statistics_of(make_texts(200, 0.6, 0.2, seed=8))
    found = paired_bootstrap([before], [after], samples=200, seed=1)
    assert 0 < found.lower < found.gain < found.upper
    assert found.p_value == 1 / 201
    assert found == paired_bootstrap([before], [after], samples=200, seed=1)
    assert found != paired_bootstrap([before], [after], samples=200, seed=2)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), sentences=st.integers(1, 15), domains=st.integers(1, 3))
def test_swapping_the_systems_mirrors_the_gain(seed: int, sentences: int, domains: int) -> None:
    texts = [make_texts(sentences, 0.5, 0.3, seed=seed + number) for number in range(domains)]
    before, after = zip(*map(statistics_of, texts), strict=True)
    forth, back = paired_bootstrap(before, after, 50, seed), paired_bootstrap(after, before, 50, seed)
    assert (forth.gain, forth.lower, forth.upper) == pytest.approx((-back.gain, -back.upper, -back.lower), abs=1e-9)
    assert forth.p_value == back.p_value
    assert 0 < forth.p_value <= 1


def test_what_does_not_pair() -> None:
    rows, _ = statistics_of(make_texts(5, 0.4, 0.4, seed=6))
    for baseline, system in [([], []), ([rows], [rows[:4]])]:
        with pytest.raises(ValueError, match=r"pair|one test set"):
            paired_bootstrap(baseline, system, samples=10, seed=1)


def test_seeds_are_pooled_as_a_slow_loop_over_text_does() -> None:
    """Two domains, three seeds of the system, one run of the baseline that stands for every seed."""
    samples, seed = 40, 11
    domains = []
    for number, sentences in enumerate((12, 9)):
        references, before, _ = make_texts(sentences, 0.5, 0.3, seed=number)
        after = [make_texts(sentences, 0.5, error, seed=number)[2] for error in (0.3, 0.35, 0.25)]
        domains.append((references, before, after))
    generator = np.random.default_rng(seed)
    drawn = [generator.choice(len(texts[0]), size=(samples, len(texts[0])), replace=True) for texts in domains]

    def bleu(hypotheses: list[str], references: list[str], chosen: list[int]) -> float:
        return BLEU().corpus_score([hypotheses[n] for n in chosen], [[references[n] for n in chosen]]).score

    def gains(sample: int | None) -> list[float]:
        by_seed = [0.0, 0.0, 0.0]
        for number, (references, before, after) in enumerate(domains):
            chosen = [*range(len(references))] if sample is None else drawn[number][sample].tolist()
            for place, hypotheses in enumerate(after):
                difference = bleu(hypotheses, references, chosen) - bleu(before, references, chosen)
                by_seed[place] += difference / len(domains)
        return by_seed

    statistics_by_domain = [
        [statistics_of((references, before, hypotheses)) for hypotheses in after]
        for references, before, after in domains
    ]
    found = pooled_bootstrap(statistics_by_domain, samples, seed)
    measured = gains(None)
    lower, upper = np.percentile([np.mean(gains(sample)) for sample in range(samples)], [2.5, 97.5])
    assert found.gain == pytest.approx(np.mean(measured))
    assert (found.lower, found.upper) == (pytest.approx(lower), pytest.approx(upper))
    assert found.deviation == pytest.approx(np.std(measured, ddof=1))
    assert (found.training_seeds, found.samples) == (3, samples)


def test_one_seed_is_not_pooled_and_as_many_of_each_domain_are_needed() -> None:
    before, after = statistics_of(make_texts(20, 0.4, 0.3, seed=1))
    found = pooled_bootstrap([[(before, after)]], 50, 3)
    assert found == paired_bootstrap([before], [after], 50, 3)
    assert (found.training_seeds, found.deviation) == (1, None)
    pair = (before, after)
    for domains in ([], [[]], [[pair], [pair, pair]]):
        with pytest.raises(ValueError, match="as many of each are needed"):
            pooled_bootstrap(domains, 50, 3)
    with pytest.raises(ValueError, match="not of one test set"):
        pooled_bootstrap([[pair, (before[1:], after[1:])]], 50, 3)
