"""Hugging Face models that cannot be used: one line each, with nothing executed."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from nmt.small_huggingface import languages_of, write_model

from ink.corpus.prepared_corpus import PreparedCorpus
from ink.nmt.domain_files import Domain
from ink.nmt.huggingface.huggingface_model import HuggingFaceBackend
from ink.nmt.huggingface.tokenisers import Languages
from ink.nmt.huggingface.vocabulary_folder import make_vocabulary
from ink.runtime.errors import InkError

DomainOf = Callable[[str], Domain]
BACKEND = HuggingFaceBackend()


@pytest.fixture
def copy_of(domain_of: DomainOf, tmp_path: Path) -> Callable[[str], Domain]:
    """A domain whose model and vocabulary may be written into."""

    def copy(kind: str) -> Domain:
        given = domain_of(kind)
        shutil.copytree(given.base_model, tmp_path / "model")
        shutil.copytree(given.vocabulary, tmp_path / "vocabulary")
        return Domain(tmp_path / "model", tmp_path / "vocabulary", given.corpus, given.data, BACKEND)

    return copy


def changed(path: Path, **settings: Any) -> None:
    held = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**held, **settings}), encoding="utf-8")


def load(domain: Domain) -> Any:
    return BACKEND.load(domain.base_model, domain.vocabulary, domain.data.languages)


class Hostile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


CONFIGS = {
    "decoder-only": ({"model_type": "gpt2", "is_encoder_decoder": False}, "'gpt2', which is no encoder-decoder"),
    "another": ({"model_type": "t5"}, "of the type 't5', which is not supported; use one of FSMT, Marian"),
    "remote code": (
        {"auto_map": {"AutoModel": "m.M"}},
        "Python code of its own .auto_map., which is not run",
    ),
    "no size": ({"d_model": "16"}, "d_model in its settings is '16', and should be a number"),
    "no layers": ({"decoder_layers": 0}, "decoder_layers in its settings is 0"),
    "more layers": ({"encoder_layers": 30}, "say 30 encoder layers, and it has weights of 2"),
    "wider": ({"d_model": 32}, r"its embeddings are \d+x16, and its settings say otherwise"),
    "other ffn": ({"encoder_ffn_dim": 48}, r"fc1.weight is 32x16 and should be 48x16"),
    "heads": ({"decoder_attention_heads": 5}, "no network can be built from its settings"),
}


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.failure(
    "Models and adapters",
    "a Hugging Face model that is decoder-only, of another kind, or brings code of its own (`auto_map`)",
    "`... is of the type 'gpt2', which is no encoder-decoder; use one of FSMT, Marian (OPUS-MT), "
    "M2M100, NLLB or mBART [model/unsupported]`, `... brings Python code of its own (auto_map), which is not run; ... "
    "[model/unsafe]`",
)
def test_settings_that_are_no_such_model_s(copy_of: DomainOf, name: str) -> None:
    domain = copy_of("marian")
    settings, message = CONFIGS[name]
    changed(domain.base_model / "config.json", **settings)
    with pytest.raises(InkError, match=message) as caught:
        load(domain)
    assert "\n" not in str(caught.value)
    if name in (codes := {"decoder-only": "model/unsupported", "remote code": "model/unsafe"}):
        assert caught.value.code == codes[name]


@pytest.mark.failure(
    "Models and adapters",
    "a Hugging Face model's pickled weights with code in them",
    "`.../pytorch_model.bin holds an object of type ..., which is no weight; it was not loaded and nothing in it was "
    "run. ... [model/unsafe]`",
)
def test_nothing_that_is_pickled_is_run(copy_of: DomainOf, tmp_path: Path) -> None:
    domain = copy_of("marian")
    weights = domain.base_model / "pytorch_model.bin"
    state = torch.load(weights, weights_only=True)
    torch.save({**state, "model.x": Hostile(tmp_path / "ran")}, weights)
    with pytest.raises(
        InkError, match=r"an object of type .*, which is no weight; it was not loaded and nothing"
    ) as caught:
        load(domain)
    assert caught.value.code == "model/unsafe"
    weights.write_bytes(pickle.dumps(Hostile(tmp_path / "ran")))
    with pytest.raises(InkError, match=r"pytorch_model\.bin"):
        load(domain)
    assert not (tmp_path / "ran").exists()


@pytest.mark.failure(
    "Models and adapters",
    "a Hugging Face model's weights that are missing, cut short, too many, not numbers or not of its settings",
    "`... lacks weights of MarianMTModel: ...; fetch the model again [model/weights-mismatch]`, `... is not "
    "whole (...) [model/damaged]`, `... are NaN or infinite; ... [model/not-finite]`",
)
def test_weights_that_are_missing_cut_short_or_elsewhere(copy_of: DomainOf) -> None:
    domain = copy_of("marian")
    weights = domain.base_model / "pytorch_model.bin"
    whole = torch.load(weights, weights_only=True)
    torch.save({name: value for name, value in whole.items() if "fc2.bias" not in name}, weights)
    with pytest.raises(InkError, match=r"lacks weights of MarianMTModel: model\.encoder\.layers\.0\.fc2\.bias"):
        load(domain)
    torch.save({**whole, "model.encoder.layers.0.expert.weight": torch.ones(2)}, weights)
    with pytest.raises(InkError, match=r"has no place: model\.encoder\.layers\.0\.expert\.weight"):
        load(domain)
    torch.save({**whole, "lm_head.weight": whole["lm_head.weight"] + 1}, weights)
    with pytest.raises(InkError, match=r"and .* differ, and are one in a MarianMTModel of its settings"):
        load(domain)
    name = "model.decoder.layers.1.fc1.weight"
    torch.save({**whole, name: torch.full_like(whole[name], torch.nan)}, weights)
    with pytest.raises(InkError, match="are NaN or infinite; the file is damaged"):
        load(domain)
    (domain.base_model / "model.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{broken")
    with pytest.raises(InkError, match="is not whole"):
        load(domain)
    (domain.base_model / "model.safetensors").unlink()
    index = {"weight_map": {name: "../elsewhere.bin"}}
    weights.unlink()
    (domain.base_model / "pytorch_model.bin.index.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(InkError, match=r"names '\.\./elsewhere\.bin', which is no \.bin file of this folder; not read"):
        load(domain)
    (domain.base_model / "pytorch_model.bin.index.json").unlink()
    with pytest.raises(InkError, match=r"has no weights: neither model.safetensors, nor pytorch_model.bin"):
        load(domain)
    with pytest.raises(InkError, match=r"has no config\.json: it is no folder of a Hugging Face model"):
        BACKEND.load(domain.corpus, domain.vocabulary, domain.data.languages)


LANGUAGES = [
    ("nllb", Languages("deu_Latn", "eng"), "knows no language 'eng'; it knows ace_Arab, "),
    ("m2m_100", Languages("xx", "en"), "knows no language 'xx'; it knows af, am, "),
    ("mbart50", Languages("de", "en_XX"), "knows no language 'de'; it knows ar_AR"),
    (
        "mbart",
        Languages(),
        "of many languages: name the ones that it calls source and target",
    ),
    ("mbart", Languages("de_DE", "en_XX", ">>en<<"), "knows languages by codes, and has no tags"),
    ("marian", Languages("de", "en"), "has no codes of languages; leave base_model.source_code"),
    ("marian", Languages(tag=">>fr<<"), "has no tag '>>fr<<'; it has >>yy<<"),
    ("fsmt", Languages(tag=">>yy<<"), "has no tags of languages"),
]


@pytest.mark.failure(
    "Models and adapters",
    "a Hugging Face model's tokeniser that does not know the languages, or has no use for their codes",
    "`... knows no language 'eng'; it knows ace_Arab, ...`, `... is a model of many languages: name the ones that it "
    "calls source and target, ... [vocabulary/language-code]`",
)
@pytest.mark.parametrize(("kind", "languages", "message"), LANGUAGES)
def test_a_tokeniser_without_the_language(
    domain_of: DomainOf, kind: str, languages: Languages, message: str, tmp_path: Path
) -> None:
    domain = domain_of(kind)
    with pytest.raises(InkError, match=message) as caught:
        make_vocabulary(domain.base_model, domain.data.languages, languages, tmp_path / "vocabulary")
    assert caught.value.code == "vocabulary/language-code"
    assert not (tmp_path / "vocabulary").exists()


@pytest.mark.failure(
    "Models and adapters",
    "a Hugging Face model's tokeniser that is missing, broken or another model's",
    "`the tokeniser in ... cannot be read (...); fetch the model again`, `... names the tokeniser 'GPT2Tokenizer'; "
    "allowed: ... [vocabulary/tokeniser-unreadable]`",
)
def test_a_tokeniser_that_is_missing_broken_or_another_model_s(copy_of: DomainOf, tmp_path: Path) -> None:
    domain = copy_of("nllb")

    def make() -> None:
        make_vocabulary(domain.base_model, domain.data.languages, languages_of("nllb"), tmp_path / "new")

    changed(domain.base_model / "tokenizer_config.json", tokenizer_class="GPT2Tokenizer")
    with pytest.raises(InkError, match="names the tokeniser 'GPT2Tokenizer'; allowed: M2M100Tokenizer, NllbTokenizer"):
        make()
    changed(domain.base_model / "tokenizer_config.json", tokenizer_class="NllbTokenizerFast")
    changed(domain.base_model / "config.json", vocab_size=80)
    with pytest.raises(InkError, match=r"its tokeniser has the number 2.., and its vocabulary 80 types"):
        make()
    (domain.base_model / "sentencepiece.bpe.model").write_bytes(b"broken")
    with pytest.raises(InkError, match=r"the tokeniser in .* cannot be read"):
        make()
    (domain.base_model / "sentencepiece.bpe.model").unlink()
    with pytest.raises(InkError, match=r"has no sentencepiece\.bpe\.model, which the model's tokeniser is read from"):
        make()


@pytest.mark.failure(
    "Models and adapters",
    "text or vocabulary that was prepared for another Hugging Face model, or in other languages",
    "`... has ... tokens of the source, and the model ...; use the vocabulary that was made of this model`, `... was "
    "binarised with other tags ... [vocabulary/other-dictionary]`",
)
def test_text_and_vocabulary_of_another_model(
    tiny: Any, domain_of: DomainOf, copy_of: DomainOf, tmp_path: Path
) -> None:
    one, other = domain_of("mbart"), domain_of("mbart50")
    with pytest.raises(InkError, match=r"tokens of the source, and the model .*; use the vocabulary that was made of"):
        BACKEND.load(one.base_model, other.vocabulary, tiny.languages)
    domain = copy_of("mbart")
    model = load(domain)
    with pytest.raises(InkError, match="which has other tokens than the model's dictionary"):
        model.parallel_text(other.data, "train")
    with pytest.raises(InkError, match="which has other tokens than the model's dictionary"):
        model.parallel_text(tiny.domain.data, "train")
    # the same tokens, and another language of the source
    shutil.rmtree(domain.vocabulary)
    make_vocabulary(domain.base_model, tiny.languages, Languages("ro_RO", "en_XX"), domain.vocabulary)
    with pytest.raises(InkError, match="was binarised with other tags than those of the model's vocabulary"):
        load(domain).parallel_text(domain.data, "train")
    path = domain.vocabulary / "tokens.yy.json"
    changed(path, start=[10_000])
    with pytest.raises(InkError, match=r"no list of a model's tokens .a number is not one of a token.; make the vocab"):
        load(domain)


@pytest.mark.failure(
    "Models and adapters",
    "training text with sentences longer than a Hugging Face model's positions",
    "`... the model has 20 positions, ... lower text.max_length to 18 [text/too-long]`",
)
def test_sentences_longer_than_the_model_s_positions(tiny: Any, tmp_path: Path, domain_of: DomainOf) -> None:
    domain = domain_of("mbart50")
    sources, targets = (
        (domain.corpus / f"train.{language}").read_text(encoding="utf-8").splitlines() for language in tiny.languages
    )
    write_model(tmp_path / "model", "mbart50", sources, targets, max_position_embeddings=20)
    model = BACKEND.load(tmp_path / "model", domain.vocabulary, tiny.languages)
    with pytest.raises(InkError, match=r"the model has 20 positions, .* lower text\.max_length to 18"):
        model.parallel_text(PreparedCorpus(domain.data.path, tiny.languages), "train")


def test_no_base_model_is_trained(tiny: Any) -> None:
    with pytest.raises(InkError, match=r"is not trained as the base model; leave base_model\.train out"):
        BACKEND.untrained(tiny.domain.data, tiny.settings.base_model.train, 1)
