"""The vocabulary folder of a Hugging Face model: its tokeniser's files, and the list of either side's tokens."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ink.config.languages import LanguagePair
from ink.corpus.token_list import TokenList
from ink.nmt.huggingface import DESCRIPTION
from ink.nmt.huggingface.folder_files import CONFIG, GENERATION, TOKENISER_CONFIG
from ink.nmt.huggingface.hub_record import hub_origin
from ink.nmt.huggingface.model_folder import read_settings
from ink.nmt.huggingface.tokenisers import Languages, Tokenisers, load_tokenisers
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, write_atomically, write_json

_ALWAYS = (CONFIG, GENERATION, TOKENISER_CONFIG, "special_tokens_map.json", "added_tokens.json", "tokenizer.json")
_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")


def make_vocabulary(model: Path, pair: LanguagePair, languages: Languages, output: Path) -> None:
    """Write the folder `output` with what the text of the model in the folder `model` is prepared with.

    InkError where the tokeniser cannot be read, does not know the languages, or is another model's.
    """
    settings = read_settings(model)
    tokenisers = load_tokenisers(model, settings, languages)
    lists = _token_lists(model, settings, tokenisers, languages)
    names = [*_ALWAYS, *tokenisers.source.vocab_files_names.values()]
    with write_atomically(output) as folder:
        folder.mkdir()
        for name in dict.fromkeys(names):
            if (model / name).is_file():
                shutil.copyfile(model / name, folder / name)
        for language, tokens in zip(pair, lists, strict=True):
            tokens.write(folder / f"tokens.{language}.json")
        write_json(folder / DESCRIPTION, {**asdict(languages), **hub_origin(model)})


def read_vocabulary(folder: Path, pair: LanguagePair) -> tuple[TokenList, TokenList]:
    """Return the lists of the source's and the target's tokens."""
    source, target = (TokenList.read(folder / f"tokens.{language}.json") for language in pair)
    if not target.start:
        raise InkError(
            f"{folder / f'tokens.{pair.target}.json'} does not say which token the decoder begins with; make the "
            "vocabulary again",
            code="vocabulary/tokeniser-unreadable",
        )
    return source, target


def read_tokenisers(folder: Path) -> Tokenisers:
    """Load the tokenisers of such a folder."""
    held = read_json(folder / DESCRIPTION, "source_code", "target_code", "tag")
    languages = Languages(held["source_code"], held["target_code"], held["tag"])
    return load_tokenisers(folder, read_settings(folder), languages)


def _token_lists(
    model: Path, settings: Mapping[str, Any], tokenisers: Tokenisers, languages: Languages
) -> tuple[TokenList, TokenList]:
    types = settings.get("vocab_size")
    sizes = (
        settings.get("src_vocab_size", types),
        settings.get("tgt_vocab_size", types if _shares(settings) else settings.get("decoder_vocab_size")),
    )
    sides = (tokenisers.source, tokenisers.target)
    names = [_names(model, side, size) for side, size in zip(sides, sizes, strict=True)]
    around = _around(tokenisers.source)
    if languages.tag is not None:
        around = [tokenisers.source.encoder[languages.tag]], around[1]
    source = _list(names[0], tokenisers.source, *around, [])
    # of a target the end alone is said: where a tag follows it, as in mBART, nobody reads on
    start = _start(model, settings, tokenisers, languages)
    target = _list(names[1], tokenisers.target, [], [_end(tokenisers.target)], start)
    return source, target


def _shares(settings: Mapping[str, Any]) -> bool:
    return bool(settings.get("share_encoder_decoder_embeddings", True))


def _names(model: Path, tokeniser: Any, size: Any) -> list[str]:
    """Return a name of every number that the model has: the token, with no space in it, or what stands for none."""
    if type(size) is not int or size < 1:
        raise InkError(
            f"{model / CONFIG} does not say how many types the model has; fetch the model again",
            code="vocabulary/tokeniser-unreadable",
        )
    known = _tokens_by_number(tokeniser)
    if (last := max(known)) >= size:
        raise InkError(
            f"{model}: its tokeniser has the number {last}, and its vocabulary {size} types; use the model's own files",
            code="vocabulary/tokeniser-unreadable",
        )
    found: dict[str, None] = {}
    for number in range(size):
        plain = "␠".join(str(known.get(number, "")).split()) or f"madeupword{number:04d}"
        found[plain if plain not in found else f"{plain}#{number}"] = None
    return list(found)


def _tokens_by_number(tokeniser: Any) -> dict[int, str]:
    numbers = getattr(tokeniser, "current_encoder", None)  # Marian's, which may have two vocabularies
    if numbers is None:
        numbers = {**tokeniser.get_vocab(), **getattr(tokeniser, "lang_token_to_id", {})}
    return {int(number): str(token) for token, number in numbers.items()}


def _around(tokeniser: Any) -> tuple[list[int], list[int]]:
    """Return the numbers that a tokeniser puts before and after a sentence."""
    within = int(tokeniser.unk_token_id)
    whole = [int(number) for number in tokeniser.build_inputs_with_special_tokens([within])]
    place = whole.index(within)
    return whole[:place], whole[place + 1 :]


def _start(model: Path, settings: Mapping[str, Any], tokenisers: Tokenisers, languages: Languages) -> list[int]:
    """Return what the decoder has read before a target: its start, and the target's language where the model has it.

    mBART, other than mBART-50, begins with the language alone.
    """
    begin = settings["generation"].get("decoder_start_token_id", settings.get("decoder_start_token_id"))
    if languages.target_code is not None:
        tokeniser = tokenisers.target
        codes = getattr(tokeniser, "lang_code_to_id", None)
        language = codes[languages.target_code] if codes else tokeniser.convert_tokens_to_ids(languages.target_code)
        if tokenisers.kind == "MBartTokenizer":
            return [language]
        return [_end(tokeniser) if begin is None else begin, language]
    if begin is None:
        raise InkError(
            f"{model / CONFIG} names no decoder_start_token_id, the token that its decoder begins with; fetch the "
            "model again",
            code="vocabulary/tokeniser-unreadable",
        )
    return [begin]


def _end(tokeniser: Any) -> int:
    return int(tokeniser.sep_token_id if tokeniser.eos_token is None else tokeniser.eos_token_id)


def _list(names: list[str], tokeniser: Any, before: list[int], after: list[int], start: list[int]) -> TokenList:
    special = next((number for number, name in enumerate(names) if name not in _SPECIAL), len(names))
    return TokenList(
        names,
        int(tokeniser.unk_token_id),
        int(tokeniser.pad_token_id),
        _end(tokeniser),
        special,
        [int(number) for number in before],
        [int(number) for number in after],
        [int(number) for number in start],
    )
