"""A model's own tokenisers, one for either side, in the model's languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import transformers

from ink.nmt.huggingface.architectures import architecture_of
from ink.nmt.huggingface.folder_files import TOKENISER_CONFIG
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json

# classes of models of many languages, which they know by codes
_WITH_CODES = ("M2M100Tokenizer", "NllbTokenizer", "MBartTokenizer", "MBart50Tokenizer")
FAST = "Fast"


@dataclass(frozen=True)
class Languages:
    """What a model of several languages has to be told: its codes of source and target, or a tag before the source."""

    source_code: str | None = None
    target_code: str | None = None
    tag: str | None = None


@dataclass(frozen=True)
class Tokenisers:
    """Those of source and target; kind: their class, by transformers' name."""

    kind: str
    source: Any
    target: Any


def load_tokenisers(folder: Path, settings: Mapping[str, Any], languages: Languages) -> Tokenisers:
    """Load the tokenisers of a model's folder; settings: those of its config.json.

    transformers' own class is taken by its name, and no other code. Raises InkError where files are missing or broken,
    or the tokeniser does not know the languages.
    """
    kind = _kind_of(folder, settings)
    _check_asked(folder, kind, languages)
    given = {} if kind != "FSMTTokenizer" else {"langs": _fsmt_languages(folder, settings)}
    source, target = _load(folder, kind, given), _load(folder, kind, _of_target(folder, kind, given))
    if kind in _WITH_CODES:
        for tokeniser, code in ((source, languages.source_code), (target, languages.target_code)):
            _check_code(folder, tokeniser, str(code))
            tokeniser.src_lang = code
        target.tgt_lang = languages.target_code
    if kind == "MarianTokenizer":
        target._switch_to_target_mode()
        if languages.tag is not None and languages.tag not in source.encoder:
            known = [token for token in source.encoder if token.startswith(">>")]
            raise InkError(
                f"{folder} has no tag {languages.tag!r}; it has {_some(known)}", code="vocabulary/language-code"
            )
    return Tokenisers(kind, source, target)


def _kind_of(folder: Path, settings: Mapping[str, Any]) -> str:
    """Return the class that the folder names, of those that the model may have, without the mark of a fast one."""
    allowed = architecture_of(settings, folder).tokenisers
    path = folder / TOKENISER_CONFIG
    described = read_json(path) if path.is_file() else {}
    if not isinstance(described, dict):
        raise InkError(f"{path} holds no JSON object; fetch the model again", code="vocabulary/tokeniser-unreadable")
    named = described.get("tokenizer_class") or settings.get("tokenizer_class") or allowed[0]
    kind = str(named).removesuffix(FAST)
    if kind not in allowed:
        raise InkError(
            f"{path} names the tokeniser {str(named)[:80]!r}; allowed: {', '.join(allowed)}",
            code="vocabulary/tokeniser-unreadable",
        )
    return kind


def _check_asked(folder: Path, kind: str, languages: Languages) -> None:
    codes = (languages.source_code, languages.target_code)
    if kind in _WITH_CODES:
        if None in codes:
            raise InkError(
                f"{folder} is a model of many languages: name the ones that it calls source and target, in "
                "base_model.source_code and base_model.target_code",
                code="vocabulary/language-code",
            )
        if languages.tag is not None:
            raise InkError(
                f"{folder} knows languages by codes, and has no tags; leave base_model.tag out",
                code="vocabulary/language-code",
            )
    else:
        if codes != (None, None):
            raise InkError(
                f"{folder} has no codes of languages; leave base_model.source_code and base_model.target_code out",
                code="vocabulary/language-code",
            )
        if languages.tag is not None and kind != "MarianTokenizer":
            raise InkError(
                f"{folder} has no tags of languages; leave base_model.tag out", code="vocabulary/language-code"
            )


def _load(folder: Path, kind: str, given: Mapping[str, Any]) -> Any:
    """Load one side's, by SentencePiece where its model is there, else the fast one that tokenizer.json holds."""
    slow = getattr(transformers, kind)
    fast = getattr(transformers, kind + FAST, None)
    needed = [name for name in slow.vocab_files_names.values() if name not in _OPTIONAL]
    lacking = [name for name in needed if not (folder / name).is_file()]
    chosen = fast if lacking and fast is not None and (folder / "tokenizer.json").is_file() else slow
    if chosen is slow and lacking:
        raise InkError(
            f"{folder} has no {lacking[0]}, which the model's tokeniser is read from; fetch the model again",
            code="vocabulary/tokeniser-unreadable",
        )
    try:
        found = chosen.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False, **given)
    except Exception as error:  # SentencePiece and tokenizers raise nothing narrower
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise InkError(
            f"the tokeniser in {folder} cannot be read ({reason}); fetch the model again",
            code="vocabulary/tokeniser-unreadable",
        ) from None
    if not isinstance(found, chosen):  # what comes of some files that SentencePiece cannot read
        raise InkError(
            f"the tokeniser in {folder} cannot be read (no SentencePiece model); fetch the model again",
            code="vocabulary/tokeniser-unreadable",
        )
    return found


_OPTIONAL = (TOKENISER_CONFIG, "target_vocab.json", "tokenizer.json")


def _fsmt_languages(folder: Path, settings: Mapping[str, Any]) -> list[str]:
    path = folder / TOKENISER_CONFIG
    found = (read_json(path).get("langs") if path.is_file() else None) or settings.get("langs")
    if not isinstance(found, list) or len(found) != 2 or not all(isinstance(code, str) for code in found):
        raise InkError(
            f"{folder} does not say which two languages it translates (langs); fetch the model again",
            code="vocabulary/tokeniser-unreadable",
        )
    return found


def _of_target(folder: Path, kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what makes a tokeniser of the target: FSMT's splits text by the rules and the vocabulary of its source."""
    if kind != "FSMTTokenizer":
        return dict(given)
    return {**given, "langs": given["langs"][::-1], "src_vocab_file": str(folder / "vocab-tgt.json")}


def _check_code(folder: Path, tokeniser: Any, code: str) -> None:
    known = getattr(tokeniser, "lang_code_to_id", None) or tokeniser.additional_special_tokens
    if code not in known:
        raise InkError(
            f"{folder} knows no language {code!r}; it knows {_some(list(known))}", code="vocabulary/language-code"
        )


def _some(names: list[str]) -> str:
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "") if names else "none"
