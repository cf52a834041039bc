"""Counts by sentence, which a copy of results keeps in place of its text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ink.metrics.bleu import Bleu
from ink.results.records.metric_scores import score_in, statistics_of
from ink.results.records.scores import read_scores
from ink.results.records.sentence_statistics import (
    SentenceStatistics,
    fingerprint,
    has_statistics,
    read_statistics,
    references_of,
    statistics_file,
    write_statistics,
)
from ink.runtime.errors import InkError

RUN = ("ink", "koran", 2)


def kept(**by_metric: np.ndarray) -> SentenceStatistics:
    return SentenceStatistics(by_metric, "a1", "b2")


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    highest=st.sampled_from([0, 255, 256, 65535, 65536, 2**40]),
    floats=st.lists(st.floats(allow_nan=False), min_size=1, max_size=4),
)
def test_numbers_come_back_as_they_were(tmp_path: Path, highest: int, floats: list[float]) -> None:
    counts = np.array([[0, highest], [3, 1]], dtype=np.int64)
    write_statistics(tmp_path, *RUN, kept(bleu=counts, ter=np.array([floats])))
    found = read_statistics(tmp_path, *RUN)
    assert found is not None
    assert (found.hypotheses, found.references) == ("a1", "b2")
    assert found.by_metric["bleu"].tolist() == counts.tolist()
    assert found.by_metric["ter"].tolist() == [floats]


def test_small_counts_take_a_byte_and_the_file_is_the_same_every_time(tmp_path: Path) -> None:
    counts = np.arange(200, dtype=np.int64).reshape(100, 2)
    files = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        write_statistics(folder, *RUN, kept(bleu=counts))
        files.append(statistics_file(folder, *RUN).read_bytes())
    found = read_statistics(tmp_path / "a", *RUN)
    assert found is not None and found.by_metric["bleu"].dtype == np.uint8
    assert files[0] == files[1]


def test_the_sum_of_narrow_counts_does_not_overflow(
    tmp_path: Path, add_run: Callable[..., object], results: Path
) -> None:
    add_run("ink", "koran", 0.3)
    (score,) = read_scores(results)
    rows = statistics_of(Bleu("13a"), results, score)
    write_statistics(results, "ink", "koran", 1, kept(bleu=rows))
    assert statistics_of(Bleu("13a"), results, score).sum(axis=0).tolist() == rows.sum(axis=0).tolist()
    assert rows.sum(axis=0).max() > 255


def test_a_run_without_any_has_none(tmp_path: Path) -> None:
    assert read_statistics(tmp_path, *RUN) is None
    assert references_of(tmp_path, "koran") is None
    assert not has_statistics(tmp_path)


def test_the_references_of_a_domain_are_told_by_any_of_its_runs(tmp_path: Path) -> None:
    write_statistics(tmp_path, *RUN, kept())
    assert references_of(tmp_path, "koran") == "b2"
    assert references_of(tmp_path, "it") is None
    assert has_statistics(tmp_path)


def test_a_fingerprint_is_of_the_lines() -> None:
    assert fingerprint(["a", "b"]) != fingerprint(["a b"]) != fingerprint(["a", "b", ""])
    # printf 'a\nb\n' | sha256sum
    assert fingerprint(["a", "b"]) == "911169ddaaf146aff539f58c26c489af3b892dff0fe283c1c264c65ae5aa59a2"


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04"])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = statistics_file(tmp_path, *RUN)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(InkError, match=r"seed2\.npz is damaged .*copy or publish it again"):
        read_statistics(tmp_path, *RUN)


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    write_statistics(tmp_path, *RUN, kept(bleu=np.arange(1000).reshape(100, 10)))
    path = statistics_file(tmp_path, *RUN)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InkError, match="is damaged"):
        read_statistics(tmp_path, *RUN)


def test_another_run_s_file_is_refused(tmp_path: Path) -> None:
    write_statistics(tmp_path, *RUN, kept())
    statistics_file(tmp_path, *RUN).rename(statistics_file(tmp_path, "ink", "koran", 3))
    with pytest.raises(InkError, match=r"seed3\.npz says that it is ink/koran/seed2; it was moved"):
        read_statistics(tmp_path, "ink", "koran", 3)


def test_counts_that_do_not_give_the_score_are_refused(results: Path, add_run: Callable[..., object]) -> None:
    add_run("ink", "koran", 0.3)
    (score,) = read_scores(results)
    rows = statistics_of(Bleu("13a"), results, score).copy()
    rows[0, 2:6] = 0
    write_statistics(results, "ink", "koran", 1, kept(bleu=rows))
    with pytest.raises(InkError, match=r"ink on koran, seed 1: .*but its score file says"):
        statistics_of(Bleu("13a"), results, score)


def test_counts_of_too_few_sentences_or_of_other_metrics_are_refused(
    results: Path, add_run: Callable[..., object]
) -> None:
    add_run("ink", "koran", 0.3)
    (score,) = read_scores(results)
    write_statistics(results, "ink", "koran", 1, kept(bleu=np.zeros((7, 10), dtype=np.int64)))
    with pytest.raises(InkError, match=r"BLEU has counts of shape \(7, 10\) for 40 sentences"):
        statistics_of(Bleu("13a"), results, score)
    write_statistics(results, "ink", "koran", 1, kept())
    with pytest.raises(InkError, match=r"has no counts of BLEU; publish the results again"):
        statistics_of(Bleu("13a"), results, score)


def test_a_further_metric_s_score_belongs_to_the_translations_on_record(
    results: Path, add_run: Callable[..., object], add_ter: Callable[..., float]
) -> None:
    from ink.metrics.ter import Ter

    add_run("ink", "koran", 0.3)
    expected = add_ter(results, "ink", "koran")
    (score,) = read_scores(results)
    path = results / "scores/ink/koran/seed1.ter.json"
    translations = json.loads(path.read_text(encoding="utf-8"))["hypotheses"]
    write_statistics(results, "ink", "koran", 1, SentenceStatistics({}, translations, "b2"))
    found = score_in(Ter(), results, score)
    assert found is not None and found.score == expected
    write_statistics(results, "ink", "koran", 1, kept())
    with pytest.raises(InkError, match=r"is of other translations than .*statistics/ink/koran/seed1\.npz"):
        score_in(Ter(), results, score)
