"""One small Transformer as fairseq's checkpoint and as FSMT: the same keys, probabilities and translations."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from ink.config.sections.base_system import BeamSearch
from ink.corpus.token_list import TokenList
from ink.nmt.fairseq.fairseq_model import FairseqModel
from ink.nmt.huggingface import DESCRIPTION
from ink.nmt.huggingface.huggingface_model import HuggingFaceBackend, HuggingFaceModel

CHOSEN = (0, 7, 30, 41)
Both = tuple[FairseqModel, HuggingFaceModel]


@pytest.fixture(scope="module")
def both(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Both:
    """fairseq numbers its types as FSMT does: <s>, <pad>, </s>, <unk>, then those of the dictionary."""
    folder = tmp_path_factory.mktemp("parity")
    given = tiny.domain.load_model(tiny.settings)
    assert isinstance(given, FairseqModel)
    network, layers = given.network, given.network.encoder.layers
    symbols = [vocabulary.dictionary.symbols for vocabulary in (given.source_vocabulary, given.target_vocabulary)]
    settings = {
        "model_type": "fsmt",
        "is_encoder_decoder": True,
        "langs": ["de", "en"],
        "src_vocab_size": len(symbols[0]),
        "tgt_vocab_size": len(symbols[1]),
        "d_model": layers[0].fc2.out_features,
        "encoder_layers": len(layers),
        "decoder_layers": len(network.decoder.layers),
        "encoder_ffn_dim": layers[0].fc1.out_features,
        "decoder_ffn_dim": network.decoder.layers[0].fc1.out_features,
        "encoder_attention_heads": layers[0].self_attn.num_heads,
        "decoder_attention_heads": network.decoder.layers[0].self_attn.num_heads,
        "max_position_embeddings": 1024,
        "activation_function": "relu",
        "scale_embedding": True,
        "decoder_start_token_id": 2,
    }
    (folder / "model").mkdir()
    (folder / "model" / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    left_out = ("embed_positions._float_tensor", "version")
    weights = {f"model.{name}": value for name, value in network.state_dict().items() if not name.endswith(left_out)}
    torch.save(weights, folder / "model" / "pytorch_model.bin")
    (folder / "vocabulary").mkdir()
    (folder / "vocabulary" / DESCRIPTION).write_text("{}", encoding="utf-8")
    for language, types, start in zip(tiny.languages, symbols, ([], [2]), strict=True):
        TokenList(types, 3, 1, 2, 4, [], [2], start).write(folder / "vocabulary" / f"tokens.{language}.json")
    return given, HuggingFaceBackend().load(folder / "model", folder / "vocabulary", tiny.languages)


def sentences(tiny: Any, model: FairseqModel) -> list[tuple[torch.Tensor, torch.Tensor]]:
    text = model.parallel_text(tiny.domain.data, "train")
    batches = [text.batch([number]) for number in CHOSEN]
    return [(batch.source[0], batch.target[0]) for batch in batches]


@torch.no_grad()
@pytest.mark.parametrize("key", ["decoder_output", "ffn_input"])
def test_keys_and_log_probabilities_are_equal(tiny: Any, both: Both, key: str) -> None:
    for source, target in sentences(tiny, both[0]):
        one, other = (model.teacher_forced(model.pair(source, target), key) for model in both)
        torch.testing.assert_close(one.keys, other.keys, atol=1e-4, rtol=0)
        torch.testing.assert_close(one.log_probs(), other.log_probs(), atol=1e-4, rtol=0)


@pytest.mark.parametrize("beam", [1, 3])
def test_translations_are_equal(tiny: Any, both: Both, beam: int) -> None:
    decoding = BeamSearch(beam=beam, length_penalty=0.6, max_len_a=1.0, max_len_b=2)
    for source, _ in sentences(tiny, both[0]):
        (one,), (other,) = (model.beam_search(decoding)(model.source_batch([source])) for model in both)
        assert one[0].tokens.tolist() == other[0].tokens.tolist()
        torch.testing.assert_close(one[0].token_log_probs, other[0].token_log_probs, atol=1e-4, rtol=0)
        assert float(one[0].score) == pytest.approx(float(other[0].score), abs=1e-4)
