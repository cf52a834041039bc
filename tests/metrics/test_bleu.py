from __future__ import annotations

import random

import numpy as np
import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU, CHRF

from ink.metrics.bleu import ORDER, Bleu
from ink.metrics.score_files import score_translations
from ink.runtime.errors import InkError

WORDS = ["the", "The", "line", "is", "long", ",", "a", "manager", "of", "42%", "don't", "Gott.", "…"]
sentences = st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join)
parallel = st.lists(st.tuples(sentences, sentences), min_size=1, max_size=12)


def test_score_is_sacrebleus_own_with_its_signature() -> None:
    hypotheses = ["The manager is here .", "A long line, of cause."]
    references = ["The manager is there.", "A long line, of course."]
    parts = score_translations(hypotheses, references, "13a")
    assert parts["bleu"]["score"] == sacrebleu.corpus_bleu(hypotheses, [references], tokenize="13a").score
    assert parts["chrf"]["score"] == sacrebleu.corpus_chrf(hypotheses, [references]).score
    version = sacrebleu.__version__
    assert parts["bleu"]["signature"] == f"nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:{version}"
    assert parts["chrf"]["signature"] == f"nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:{version}"
    assert set(parts) == {"bleu", "chrf"}


def test_case_counts() -> None:
    assert score_translations(["the line is long"], ["The Line Is Long"], "13a")["bleu"]["score"] == 0
    assert score_translations(["The Line Is Long"], ["The Line Is Long"], "13a")["bleu"]["score"] == pytest.approx(100)


def test_the_tokeniser_is_used() -> None:
    hypotheses, references = ["ab cd"], ["ab ce"]
    by_character = score_translations(hypotheses, references, "char")["bleu"]
    assert by_character["score"] > 0
    assert "tok:char" in by_character["signature"]
    assert by_character["score"] == BLEU(tokenize="char").corpus_score(hypotheses, [references]).score


def sentence_statistics(hypotheses: list[str], references: list[str], tokeniser: str) -> np.ndarray:
    return Bleu(tokeniser).statistics(hypotheses, references)


bleu_from_statistics = Bleu("13a").aggregate


@pytest.mark.parametrize("function", [score_translations, sentence_statistics])
def test_what_cannot_be_scored(function) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InkError, match="2 hypotheses for 3 references"):
        function(["a", "b"], ["a", "b", "c"], "13a")
    with pytest.raises(InkError, match="no sentence"):
        function([], [], "13a")
    with pytest.raises(InkError, match=r"'moses'.*13a"):
        function(["a"], ["a"], "moses")


def test_statistics_by_hand() -> None:
    # hypothesis a b c d e, reference a b x d e: 4 unigrams, ab and de, no trigram
    rows = sentence_statistics(["a b c d e", ""], ["a b x d e", "a"], "13a")
    assert rows.tolist() == [[5, 5, 4, 2, 0, 0, 5, 4, 3, 2], [0, 1, 0, 0, 0, 0, 0, 0, 0, 0]]


def test_bleu_from_statistics_by_hand() -> None:
    # precisions 4/5, 2/4, (1/2)/3, (1/4)/2; brevity penalty exp(1 - 6/5)
    totals = np.array([5, 6, 4, 2, 0, 0, 5, 4, 3, 2])
    expected = 100 * np.exp(1 - 6 / 5) * (4 / 5 * 2 / 4 * 1 / 6 * 1 / 8) ** (1 / 4)
    assert bleu_from_statistics(totals) == pytest.approx(expected, rel=1e-12)


@settings(max_examples=150, deadline=None)
@given(pairs=parallel, data=st.data())
def test_resampled_statistics_give_sacrebleus_score_of_the_resampled_text(
    pairs: list[tuple[str, str]], data: st.DataObject
) -> None:
    hypotheses, references = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    rows = sentence_statistics(hypotheses, references, "13a")
    index = st.integers(0, len(pairs) - 1)
    samples = [data.draw(st.lists(index, min_size=1, max_size=12)) for _ in range(3)]
    totals = np.stack([rows[sample].sum(axis=0) for sample in samples])
    expected = [
        BLEU().corpus_score([hypotheses[i] for i in sample], [[references[i] for i in sample]]).score
        for sample in samples
    ]
    assert bleu_from_statistics(totals) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(pairs=parallel)
def test_properties_of_the_statistics(pairs: list[tuple[str, str]]) -> None:
    hypotheses, references = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    rows = sentence_statistics(hypotheses, references, "13a")
    matches, produced = rows[:, 2 : 2 + ORDER], rows[:, 2 + ORDER :]
    assert rows.shape == (len(pairs), 2 + 2 * ORDER)
    assert (rows >= 0).all()
    assert (matches <= produced).all()
    assert (produced[:, 0] == rows[:, 0]).all()
    assert (np.diff(produced, axis=1) <= 0).all()
    bleu = bleu_from_statistics(rows.sum(axis=0))
    assert 0 <= bleu <= 100 + 1e-9
    assert bleu == pytest.approx(
        score_translations(hypotheses, references, "13a")["bleu"]["score"], rel=1e-9, abs=1e-12
    )


def test_leading_dimensions_are_kept() -> None:
    generator = random.Random(1)
    texts = [[" ".join(generator.choices(WORDS, k=8)) for _ in range(6)] for _ in range(2)]
    rows = sentence_statistics(texts[0], texts[1], "13a")
    stacked = bleu_from_statistics(rows.reshape(2, 3, -1))
    assert stacked.shape == (2, 3)
    assert stacked.ravel() == pytest.approx([float(bleu_from_statistics(row)) for row in rows])


def test_chrf_is_chrf2() -> None:
    assert CHRF().beta == 2
