"""Hugging Face models with random weights, and their tokenisers, trained here: folders as the hub has them."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import sentencepiece
import torch
import transformers
from subword_nmt.apply_bpe import BPE
from subword_nmt.learn_bpe import learn_bpe

from ink.nmt.domain_files import Domain
from ink.nmt.huggingface.huggingface_model import HuggingFaceModel
from ink.nmt.huggingface.tokenisers import Languages

KINDS = ("fsmt", "marian", "marian_two", "m2m_100", "nllb", "mbart", "mbart50")
LANGUAGES = {
    "m2m_100": Languages("de", "en"),
    "nllb": Languages("deu_Latn", "eng_Latn"),
    "mbart": Languages("de_DE", "en_XX"),
    "mbart50": Languages("de_DE", "en_XX"),
    "marian": Languages(tag=">>yy<<"),
}
SIZES: dict[str, Any] = {
    "d_model": 16,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 24,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 4,
    "max_position_embeddings": 70,
    "dropout": 0.1,
    "attention_dropout": 0.0,
    "activation_dropout": 0.0,
    "init_std": 0.3,
}


def languages_of(kind: str) -> Languages:
    """What such a model has to be told."""
    return LANGUAGES.get(kind, Languages())


def write_model(folder: Path, kind: str, sources: Sequence[str], targets: Sequence[str], **settings: Any) -> None:
    """Write a model of `kind`, whose tokenisers are trained on these lines; settings: others than those of SIZES."""
    folder.mkdir(parents=True)
    network = {
        "fsmt": _fsmt,
        "marian": _marian,
        "marian_two": _marian_of_two_vocabularies,
        "m2m_100": _m2m_100,
        "nllb": _nllb,
        "mbart": _mbart,
        "mbart50": _mbart50,
    }[kind](folder, sources, targets, {**SIZES, **settings})
    with torch.no_grad():
        for parameter in network.parameters():
            # biases and layer norms, which start at 0 and 1, must not hide a missing term
            if parameter.dim() == 1:
                parameter += 0.1 * torch.randn_like(parameter)
        if "final_logits_bias" in dict(network.named_buffers()):
            network.final_logits_bias += 0.5 * torch.randn_like(network.final_logits_bias)
    network.save_pretrained(folder, safe_serialization=kind in ("m2m_100", "nllb", "mbart"))


def load(tiny: Any, domain: Domain) -> HuggingFaceModel:
    model = domain.load_model(tiny.settings)
    assert isinstance(model, HuggingFaceModel)
    return model


def tokeniser_of(kind: str, domain: Domain) -> Any:
    """The library's own tokeniser, as its users have it."""
    known = languages_of(kind)
    codes = {"src_lang": known.source_code, "tgt_lang": known.target_code} if known.source_code else {}
    name = {
        "fsmt": "FSMTTokenizer",
        "marian": "MarianTokenizer",
        "marian_two": "MarianTokenizer",
        "m2m_100": "M2M100Tokenizer",
        "nllb": "NllbTokenizer",
        "mbart": "MBartTokenizer",
        "mbart50": "MBart50Tokenizer",
    }[kind]
    return getattr(transformers, name).from_pretrained(domain.base_model, **codes)


def network_of(kind: str, domain: Domain) -> Any:
    name = {"fsmt": "FSMTForConditionalGeneration", "marian": "MarianMTModel", "marian_two": "MarianMTModel"}
    usual = "MBartForConditionalGeneration" if kind.startswith("mbart") else "M2M100ForConditionalGeneration"
    return getattr(transformers, name.get(kind, usual)).from_pretrained(domain.base_model).eval()


def begin_of(kind: str, tokeniser: Any) -> list[int]:
    """What the decoder begins with, by the documentation of each model."""
    if kind in ("m2m_100", "nllb", "mbart50"):
        code = languages_of(kind).target_code
        return [2, tokeniser.get_lang_id(code) if kind == "m2m_100" else tokeniser.convert_tokens_to_ids(code)]
    if kind == "mbart":
        return [tokeniser.convert_tokens_to_ids("en_XX")]
    return [2] if kind == "fsmt" else [tokeniser.pad_token_id]


def _pieces(folder: Path, name: str, lines: Iterable[str]) -> list[str]:
    """Train SentencePiece, write its model, and return its pieces without <unk>, <s> and </s>."""
    written, text = io.BytesIO(), [*lines]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text),
        model_writer=written,
        vocab_size=max(60, len(set().union(*text)) + 25),  # every character has a piece
        model_type="bpe",
        hard_vocab_limit=False,
        minloglevel=2,
    )
    (folder / name).write_bytes(written.getvalue())
    processor = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
    return [processor.id_to_piece(number) for number in range(3, len(processor))]


def _json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def _fsmt(folder: Path, sources: Sequence[str], targets: Sequence[str], sizes: dict[str, Any]) -> Any:
    from transformers import FSMTConfig, FSMTForConditionalGeneration

    codes = io.StringIO()
    learn_bpe([*sources, *targets], codes, 40)
    merges = [line for line in codes.getvalue().splitlines() if not line.startswith("#")]
    (folder / "merges.txt").write_text("\n".join([*merges, ""]), encoding="utf-8")
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    for side, lines in (("src", sources), ("tgt", targets)):
        segmented = BPE(io.StringIO(codes.getvalue()))
        known: Counter[str] = Counter()
        for line in lines:
            for subword in segmented.process_line(line).split():
                known[subword.removesuffix("@@") if subword.endswith("@@") else f"{subword}</w>"] += 1
        numbers = {token: number for number, token in enumerate([*special, *sorted(known)])}
        _json(folder / f"vocab-{side}.json", numbers)
        sizes[f"{side}_vocab_size"] = len(numbers) + 3
    _json(folder / "tokenizer_config.json", {"langs": ["de", "en"], "tokenizer_class": "FSMTTokenizer"})
    torch.manual_seed(3)
    return FSMTForConditionalGeneration(FSMTConfig(langs=["de", "en"], **sizes))


def _marian(folder: Path, sources: Sequence[str], targets: Sequence[str], sizes: dict[str, Any]) -> Any:
    from transformers import MarianConfig, MarianMTModel

    pieces = [*_pieces(folder, "source.spm", sources), *_pieces(folder, "target.spm", targets)]
    numbers = {token: n for n, token in enumerate(["</s>", "<unk>", *dict.fromkeys(pieces), ">>yy<<", "<pad>"])}
    _json(folder / "vocab.json", numbers)
    _json(folder / "tokenizer_config.json", {"source_lang": "de", "target_lang": "en"})
    pad = numbers["<pad>"]
    special = {"pad_token_id": pad, "decoder_start_token_id": pad, "bad_words_ids": [[pad]], "forced_eos_token_id": 0}
    torch.manual_seed(3)
    return MarianMTModel(
        MarianConfig(vocab_size=len(numbers), eos_token_id=0, scale_embedding=True, **special, **sizes)
    )


def _marian_of_two_vocabularies(
    folder: Path, sources: Sequence[str], targets: Sequence[str], sizes: dict[str, Any]
) -> Any:
    from transformers import MarianConfig, MarianMTModel

    for name, spm, lines in (("vocab", "source", sources), ("target_vocab", "target", targets)):
        pieces = _pieces(folder, f"{spm}.spm", lines)
        numbers = {token: number for number, token in enumerate(["</s>", "<unk>", "<pad>", *pieces])}
        _json(folder / f"{name}.json", numbers)
        sizes["vocab_size" if name == "vocab" else "decoder_vocab_size"] = len(numbers)
    _json(folder / "tokenizer_config.json", {"source_lang": "de", "target_lang": "en", "separate_vocabs": True})
    special = {"pad_token_id": 2, "decoder_start_token_id": 2, "eos_token_id": 0, "forced_eos_token_id": 0}
    torch.manual_seed(3)
    return MarianMTModel(
        MarianConfig(share_encoder_decoder_embeddings=False, tie_word_embeddings=False, **special, **sizes)
    )


def _m2m_100(folder: Path, sources: Sequence[str], targets: Sequence[str], sizes: dict[str, Any]) -> Any:
    from transformers import M2M100Config, M2M100ForConditionalGeneration

    pieces = _pieces(folder, "sentencepiece.bpe.model", [*sources, *targets])
    numbers = {token: number for number, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", *pieces])}
    _json(folder / "vocab.json", numbers)
    _json(folder / "tokenizer_config.json", {"tokenizer_class": "M2M100Tokenizer"})
    torch.manual_seed(3)
    # 100 languages, and what fairseq fills up with
    return M2M100ForConditionalGeneration(M2M100Config(vocab_size=len(numbers) + 108, **sizes))


def _nllb(folder: Path, sources: Sequence[str], targets: Sequence[str], sizes: dict[str, Any]) -> Any:
    from transformers import M2M100Config, M2M100ForConditionalGeneration

    pieces = _pieces(folder, "sentencepiece.bpe.model", [*sources, *targets])
    _json(folder / "tokenizer_config.json", {"tokenizer_class": "NllbTokenizer"})
    torch.manual_seed(3)
    # 202 languages and <mask>
    config = M2M100Config(
        vocab_size=len(pieces) + 4 + 203, scale_embedding=False, tokenizer_class="NllbTokenizer", **sizes
    )
    return M2M100ForConditionalGeneration(config)


def _mbart(folder: Path, sources: Sequence[str], targets: Sequence[str], sizes: dict[str, Any]) -> Any:
    from transformers import MBartConfig, MBartForConditionalGeneration

    pieces = _pieces(folder, "sentencepiece.bpe.model", [*sources, *targets])
    _json(folder / "tokenizer_config.json", {"tokenizer_class": "MBartTokenizer"})
    torch.manual_seed(3)
    # 25 languages and <mask>
    return MBartForConditionalGeneration(MBartConfig(vocab_size=len(pieces) + 4 + 26, scale_embedding=True, **sizes))


def _mbart50(folder: Path, sources: Sequence[str], targets: Sequence[str], sizes: dict[str, Any]) -> Any:
    from transformers import MBartConfig, MBartForConditionalGeneration

    pieces = _pieces(folder, "sentencepiece.bpe.model", [*sources, *targets])
    _json(folder / "tokenizer_config.json", {"tokenizer_class": "MBart50Tokenizer"})
    torch.manual_seed(3)
    # 52 languages and <mask>
    config = MBartConfig(vocab_size=len(pieces) + 4 + 53, decoder_start_token_id=2, tie_word_embeddings=False, **sizes)
    return MBartForConditionalGeneration(config)
