"""One small Transformer as fairseq's checkpoint and as FSMT: the same keys, probabilities and translations."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from ink.config.sections.base_system import BeamSearch
from ink.nmt.fairseq.fairseq_model import FairseqModel
from ink.nmt.fsmt_conversion import to_fsmt
from ink.nmt.huggingface.huggingface_model import HuggingFaceBackend, HuggingFaceModel
from ink.nmt.huggingface.tokenisers import Languages
from ink.nmt.huggingface.vocabulary_folder import make_vocabulary
from ink.nmt.text_loading import load_text
from ink.runtime.whole_files import read_lines

CHOSEN = (0, 7, 30, 41)


class Both(NamedTuple):
    fairseq: FairseqModel
    fsmt: HuggingFaceModel
    vocabulary: Path


@pytest.fixture(scope="module")
def both(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Both:
    folder = tmp_path_factory.mktemp("parity")
    given = tiny.domain.load_model(tiny.settings)
    assert isinstance(given, FairseqModel)
    to_fsmt(tiny.base_model, tiny.vocabulary, folder / "model", languages=tiny.languages, escaped=False)
    make_vocabulary(folder / "model", tiny.languages, Languages(), folder / "vocabulary")
    converted = HuggingFaceBackend().load(folder / "model", folder / "vocabulary", tiny.languages)
    return Both(given, converted, folder / "vocabulary")


def sentences(tiny: Any, both: Both) -> list[tuple[torch.Tensor, torch.Tensor]]:
    text = both.fairseq.parallel_text(tiny.domain.data, "train")
    batches = [text.batch([number]) for number in CHOSEN]
    return [(batch.source[0], batch.target[0]) for batch in batches]


@torch.no_grad()
@pytest.mark.parametrize("key", ["decoder_output", "ffn_input"])
def test_keys_and_log_probabilities_are_equal(tiny: Any, both: Both, key: str) -> None:
    for source, target in sentences(tiny, both):
        one, other = (model.teacher_forced(model.pair(source, target), key) for model in (both.fairseq, both.fsmt))
        torch.testing.assert_close(one.keys, other.keys, atol=1e-4, rtol=0)
        torch.testing.assert_close(one.log_probs(), other.log_probs(), atol=1e-4, rtol=0)


@torch.no_grad()
def test_what_the_encoder_makes_of_sources_is_equal_beside_others_too(tiny: Any, both: Both) -> None:
    sources = [source for source, _ in sentences(tiny, both)]
    for model in both[:2]:
        batch = model.source_batch(sources)
        states = model.encode(batch)
        assert states.shape[:2] == batch.source.shape
        for number, row, source in zip(batch.sentences.tolist(), states, batch.source, strict=True):
            (alone,) = both.fairseq.encode(both.fairseq.source_batch([sources[number]]))
            there = source != model.source_vocabulary.padding
            torch.testing.assert_close(row[there], alone, atol=1e-4, rtol=0)


@pytest.mark.parametrize("beam", [1, 3])
def test_translations_are_equal(tiny: Any, both: Both, beam: int) -> None:
    decoding = BeamSearch(beam=beam, length_penalty=0.6, max_len_a=1.0, max_len_b=2)
    for source, _ in sentences(tiny, both):
        (one,), (other,) = (
            model.beam_search(decoding)(model.source_batch([source])) for model in (both.fairseq, both.fsmt)
        )
        assert one[0].tokens.tolist() == other[0].tokens.tolist()
        torch.testing.assert_close(one[0].token_log_probs, other[0].token_log_probs, atol=1e-4, rtol=0)
        assert float(one[0].score) == pytest.approx(float(other[0].score), abs=1e-4)


def test_raw_lines_become_the_same_numbers_and_back(tiny: Any, both: Both) -> None:
    plain = load_text(tiny.vocabulary, tiny.settings.text, tiny.languages)
    fsmt = load_text(both.vocabulary, tiny.settings.text, tiny.languages)
    lines = [*read_lines(tiny.corpus / "test.xx"), 'Das "alte" Buch & der <Text> [im] Alten|Neuen, er sieht\'s nicht.']
    for line in lines:
        source, other = (
            model.source_vocabulary.encode(text.encode_source(line).split())
            for model, text in ((both.fairseq, plain), (both.fsmt, fsmt))
        )
        assert source.tolist() == other.tolist()
    for line in read_lines(tiny.corpus / "test.yy"):
        assert fsmt.decode_target(fsmt.encode_target(line)) == plain.decode_target(plain.encode_target(line))
