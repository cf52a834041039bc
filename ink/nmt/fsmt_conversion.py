"""`ink convert`: a fairseq Transformer as a folder of Hugging Face's FSMT, and back, with the same weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from ink.config.languages import LanguagePair
from ink.corpus.fsmt_subwords import fairseq_codes, fairseq_symbols, fsmt_merges, fsmt_names, is_escaped
from ink.corpus.vocabulary import CODES, PIECES, load_dictionary
from ink.nmt.fairseq.as_fsmt import ACTIVATIONS, settings_of, state_of, weights_of
from ink.nmt.fairseq.checkpoint import read_checkpoint, setting
from ink.nmt.fairseq.fairseq_model import FairseqBackend
from ink.nmt.huggingface.model_folder import CONFIG, read_model
from ink.nmt.huggingface.networks import load_network
from ink.nmt.huggingface.tokenisers import TOKENISER_CONFIG, Languages, load_tokenisers
from ink.runtime.errors import InkError
from ink.runtime.whole_files import check_free, read_json, read_lines, write_atomically, write_json, write_lines

CHECKPOINT, WEIGHTS, MERGES = "model.pt", "model.safetensors", "merges.txt"
_VOCABULARIES = ("vocab-src.json", "vocab-tgt.json")


def to_fsmt(
    checkpoint: Path, vocabulary: Path, output: Path, *, languages: LanguagePair | None, escaped: bool | None
) -> list[str]:
    """Write the folder `output` with a fairseq model as FSMT; return what there is to say of it.

    vocabulary: the folder of its dictionaries and BPE codes. languages: the checkpoint's own if None. escaped: whether
    its text has & as &amp;, told by the dictionaries if None. InkError with a line for each property that FSMT cannot
    express, and where `output` has something in it.
    """
    from ink.corpus.segmentation import read_codes

    check_free(output)
    if (vocabulary / PIECES).is_file():
        raise InkError(
            f"{vocabulary} has a SentencePiece model, which FSMT's tokeniser does not read; it cannot be converted",
            code="model/not-convertible",
        )
    state = read_checkpoint(checkpoint)
    languages = languages or _languages(checkpoint, state["cfg"])
    dtype = _common_dtype(state["model"])
    del state
    model = FairseqBackend().load(checkpoint, vocabulary, languages)
    settings, weights = settings_of(checkpoint, model, languages), weights_of(model, dtype)
    if dtype is not None:
        settings["torch_dtype"] = str(dtype).removeprefix("torch.")
    # a weight for which FSMT has no place is refused here
    load_network(checkpoint, settings, weights, None)
    files = [vocabulary / f"dict.{language}.txt" for language in languages]
    sides = [load_dictionary(file).symbols for file in files]
    if escaped is None:
        escaped = is_escaped([symbol for symbols in sides for symbol in symbols])
    names = [fsmt_names(symbols, escaped=escaped, origin=file) for symbols, file in zip(sides, files, strict=True)]
    merges = fsmt_merges(read_codes(vocabulary / CODES), escaped=escaped, origin=vocabulary / CODES)
    with write_atomically(output) as folder:
        folder.mkdir()
        write_json(folder / CONFIG, settings)
        save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
        # safetensors lets nobody else read it
        (folder / WEIGHTS).chmod((folder / CONFIG).stat().st_mode)
        for name, numbers in zip(_VOCABULARIES, names, strict=True):
            write_json(folder / name, numbers)
        write_lines(folder / MERGES, merges)
        write_json(folder / TOKENISER_CONFIG, {"langs": [*languages], "tokenizer_class": "FSMTTokenizer"})
    return [f"{output}: FSMT from {languages.source} to {languages.target}, {_size(settings)}", _text(escaped)]


def to_fairseq(model: Path, output: Path) -> list[str]:
    """Write the folder `output` with an FSMT as fairseq has it: model.pt, dictionaries and BPE codes.

    Return what there is to say of it. Counts, which FSMT does not keep, are 1 in the dictionaries. InkError where the
    model is no FSMT or fairseq cannot express it, and where `output` has something in it.
    """
    check_free(output)
    settings, weights = read_model(model)
    _check_kind(model, settings)
    _, network = load_network(model, settings, weights, None)
    tokeniser = load_tokenisers(model, settings, Languages()).source
    languages = LanguagePair(tokeniser.src_lang, tokeniser.tgt_lang)
    # defaults, for what config.json does not say
    stated = network.config.to_dict()
    dtype = _common_dtype(weights)
    whole = {name: value.to(dtype or value.dtype) for name, value in network.state_dict().items()}
    codes, escaped = fairseq_codes(read_lines(model / MERGES))
    with write_atomically(output) as folder:
        folder.mkdir()
        (folder / CODES).write_text(codes, encoding="utf-8", newline="\n")
        for name, language, side in zip(_VOCABULARIES, languages, ("src", "tgt"), strict=True):
            numbers, types = read_json(model / name), stated[f"{side}_vocab_size"]
            symbols = fairseq_symbols(numbers, types, escaped=escaped, origin=model / name)
            write_lines(folder / f"dict.{language}.txt", (f"{symbol} 1" for symbol in symbols[4:]))
        torch.save(state_of(stated, whole, folder, languages), folder / CHECKPOINT)
        FairseqBackend().load(folder / CHECKPOINT, folder, languages)
    return [f"{output}: fairseq from {languages.source} to {languages.target}, {_size(stated)}", _text(escaped)]


def _check_kind(model: Path, settings: Mapping[str, Any]) -> None:
    if (kind := settings.get("model_type")) != "fsmt":
        raise InkError(
            f"{model} is of the type {kind!r}; only FSMT is converted to fairseq", code="model/not-convertible"
        )
    if (activation := settings.get("activation_function", "relu")) not in ACTIVATIONS:
        raise InkError(
            f"{model}: its activation is {activation}; {' or '.join(ACTIVATIONS)} can be converted",
            code="model/not-convertible",
        )
    described = model / TOKENISER_CONFIG
    if described.is_file() and read_json(described).get("do_lower_case"):
        raise InkError(
            f"{model}: its tokeniser makes letters small, which a fairseq model's text here does not",
            code="model/not-convertible",
        )


def _languages(checkpoint: Path, config: Any) -> LanguagePair:
    task = setting(config, "task")
    pair = [setting(task, f"{side}_lang") for side in ("source", "target")]
    if not all(isinstance(language, str) for language in pair):
        raise InkError(
            f"checkpoint {checkpoint} does not say between which languages it translates; name them with "
            "--source-language and --target-language",
            code="model/not-convertible",
        )
    return LanguagePair(*pair)


def _common_dtype(weights: Mapping[str, Tensor]) -> torch.dtype | None:
    """Return what the weights are stored in, None where they differ; tables of one number do not count."""
    found = {value.dtype for value in weights.values() if value.is_floating_point() and value.numel() > 1}
    return found.pop() if len(found) == 1 else None


def _size(settings: Mapping[str, Any]) -> str:
    layers = "+".join(str(settings[f"{side}_layers"]) for side in ("encoder", "decoder"))
    return (
        f"{layers} layers of dimension {settings['d_model']}, {settings['src_vocab_size']} and "
        f"{settings['tgt_vocab_size']} types"
    )


def _text(escaped: bool) -> str:
    return f"its text has & {'as &amp; (text.escape: true)' if escaped else 'as it is (text.escape: false)'}"
