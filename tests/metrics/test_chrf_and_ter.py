"""chrF and TER: their statistics against sacrebleu's scores of the text itself, and small cases by hand."""

from __future__ import annotations

import numpy as np
import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import CHRF, TER

from ink.metrics.chrf import Chrf
from ink.metrics.known_metrics import METRICS, find_metric
from ink.metrics.metric import Metric, Texts
from ink.metrics.ter import Ter

WORDS = ["the", "The", "line", "is", "long", ",", "a", "manager", "42%", "…"]
sentences = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)
parallel = st.lists(st.tuples(sentences, sentences), min_size=1, max_size=8)
BOTH = pytest.mark.parametrize(("metric", "theirs"), [(Chrf(), CHRF()), (Ter(), TER())], ids=["chrf", "ter"])


@BOTH
@settings(max_examples=30, deadline=None)
@given(pairs=parallel, data=st.data())
def test_resampled_statistics_give_sacrebleus_score_of_the_resampled_text(
    metric: Metric, theirs: CHRF | TER, pairs: list[tuple[str, str]], data: st.DataObject
) -> None:
    hypotheses, references = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    rows = metric.statistics(hypotheses, references)
    index = st.integers(0, len(pairs) - 1)
    samples = [data.draw(st.lists(index, min_size=1, max_size=8)) for _ in range(2)]
    expected = [
        theirs.corpus_score([hypotheses[i] for i in sample], [[references[i] for i in sample]]).score
        for sample in samples
    ]
    totals = np.stack([rows[sample].sum(axis=0) for sample in samples])
    assert metric.aggregate(totals) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert metric.score(Texts(hypotheses, references)).score == pytest.approx(
        float(metric.aggregate(rows.sum(axis=0))), rel=1e-9, abs=1e-9
    )


def test_chrf_by_hand() -> None:
    """Of "abc" and "abd" 2 of 3 characters, 1 of 2 bigrams and no trigram match: precision and recall 7/18."""
    assert Chrf().statistics(["abc"], ["abd"])[0, :9].tolist() == [3, 3, 2, 2, 2, 1, 1, 1, 0]
    assert Chrf().score(Texts(["abc"], ["abd"])).score == pytest.approx(100 * (2 / 3 + 1 / 2 + 0) / 3)


def test_ter_by_hand() -> None:
    """One word moved, one replaced, of four: 2 / 4; without a word in the reference every edit is an error."""
    assert Ter().statistics(["d a b x", "a"], ["a b c d", ""]).tolist() == [[2, 4], [1, 0]]
    assert Ter().score(Texts(["d a b x"], ["a b c d"])).score == 50
    assert Ter().aggregate(np.array([[2, 4], [3, 0], [0, 0]])).tolist() == [50, 100, 0]


def test_signatures_are_sacrebleus() -> None:
    texts = Texts(["a line"], ["the line"])
    version = sacrebleu.__version__
    assert Chrf().score(texts).signature == f"nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:{version}"
    assert Ter().score(texts).signature.endswith(f"|version:{version}")


def test_every_entry_has_its_module_and_says_its_name() -> None:
    for name in METRICS:
        metric = find_metric(name)
        assert metric.name == name
        assert metric.heading
