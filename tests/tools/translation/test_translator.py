"""The translator answers every line: as the evaluation would, empty for empty, in pieces where a line is too long."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ink.corpus.segmentation import TextProcessor
from ink.nmt.generation import generate
from ink.runtime.whole_files import read_lines
from ink.systems.inference import Parts, assemble
from ink.tools.translation.lines import Line
from ink.tools.translation.translator import (
    BATCH_TOKENS,
    ORDINARY_LENGTH,
    Translator,
    groups_of_like_length,
    split_at_limit,
)


def settings_of(tiny: Any) -> Any:
    """Settings under which a random model's endless translations do not depend on the batch's longest source."""
    return tiny.settings.changed(decoding={"max_len_a": 0.0, "max_len_b": 12})


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def translator(tiny: Any, warnings: list[str]) -> Translator:
    settings = settings_of(tiny)
    text = TextProcessor(settings.text, tiny.vocabulary / "bpecodes")
    return Translator(
        assemble(tiny.domain, Parts(), settings, settings.index), text, settings.decoding, warnings.append
    )


def numbered(texts: list[str | None]) -> list[Line]:
    return [Line(number, text, "" if text is not None else "not text") for number, text in enumerate(texts, start=1)]


def test_lines_are_translated_as_the_test_set_is(tiny: Any, translator: Translator) -> None:
    sources = read_lines(tiny.corpus / f"test.{tiny.languages[0]}")
    kept = [number for number, source in enumerate(sources) if source.strip()]
    model = translator.system.model
    expected = generate(model, model.parallel_text(tiny.domain.data, "test").part(kept), settings_of(tiny).decoding)
    found = translator.translate(numbered([sources[number] for number in kept]))
    assert [best[0].text for best in found] == [translator.text.decode_target(line) for line in expected.hypotheses]


def test_order_and_empty_lines_are_kept(tiny: Any, translator: Translator) -> None:
    sources: list[str | None] = list(read_lines(tiny.corpus / f"test.{tiny.languages[0]}")[:3])
    alone = [translator.translate(numbered([source]))[0][0].text for source in sources]
    mixed = translator.translate(numbered([sources[0], "", sources[1], "   ", sources[2]]))
    assert [best[0].text for best in mixed] == [alone[0], "", alone[1], "", alone[2]]


def test_a_refused_line_is_named_and_left_empty(translator: Translator, warnings: list[str]) -> None:
    found = translator.translate(numbered(["a", None]))
    assert len(found) == 2
    assert found[1][0].text == ""
    assert warnings == ["line 2: not text; left empty"]


def test_a_line_over_the_limit_is_translated_in_pieces(tiny: Any, translator: Translator, warnings: list[str]) -> None:
    source = read_lines(tiny.corpus / f"test.{tiny.languages[0]}")[0]
    tokens = translator.text.encode_source(source).split()
    translator.limit = max(1, len(tokens) // 2)
    found = translator.translate(numbered([source]))
    assert len(found) == 1
    assert "line 1" in warnings[0]
    assert "pieces" in warnings[0]


def test_hypotheses_come_best_first(tiny: Any, translator: Translator) -> None:
    source = read_lines(tiny.corpus / f"test.{tiny.languages[0]}")[0]
    best = translator.translate(numbered([source]), nbest=3)[0]
    assert len(best) == 3
    assert [hypothesis.score for hypothesis in best] == sorted((h.score for h in best), reverse=True)


@given(st.lists(st.sampled_from(["a", "b@@", ".", "c"]), max_size=60), st.integers(1, 12))
def test_pieces_lose_nothing_and_fit(tokens: list[str], limit: int) -> None:
    pieces = split_at_limit(tokens, limit)
    assert [token for piece in pieces for token in piece] == tokens
    assert all(0 < len(piece) <= limit for piece in pieces)
    for piece in pieces[:-1]:
        # a word is cut only where it is longer than a whole piece
        assert not piece[-1].endswith("@@") or all(token.endswith("@@") for token in piece)


@given(st.lists(st.integers(1, 1023), max_size=60))
def test_long_pieces_do_not_hold_up_the_others(lengths: list[int]) -> None:
    groups = groups_of_like_length(lengths)
    assert sorted(number for group in groups for number in group) == list(range(len(lengths)))
    ordinary = [number for number, length in enumerate(lengths) if length <= ORDINARY_LENGTH]
    assert [group for group in groups if lengths[group[0]] <= ORDINARY_LENGTH] == ([ordinary] if ordinary else [])
    for group in groups:
        if group != ordinary:
            sizes = [lengths[number] for number in group]
            assert max(sizes) <= 2 * min(sizes)
            assert max(sizes) * len(sizes) <= BATCH_TOKENS


@pytest.mark.failure(
    "Translating",
    "lines that do not fit into the device's memory together",
    "translated in parts, `translating: out of memory with 64 sentences of 5120 tokens, ...` in the log; "
    "answers stand in the order of the lines",
)
def test_lines_that_do_not_fit_together_are_translated_in_parts(
    tiny: Any, translator: Translator, out_of_memory_above: Any
) -> None:
    texts: list[str | None] = [line for line in read_lines(tiny.corpus / f"test.{tiny.languages[0]}") if line.strip()]
    expected = [best[0].text for best in translator.translate(numbered(texts))]
    tried = out_of_memory_above(translator.model.network, 70)
    assert [best[0].text for best in translator.translate(numbered(texts))] == expected
    assert max(tried) > 70
    tried.clear()
    translator.translate(numbered(texts))
    assert max(tried) <= 70, "what fitted is remembered"
