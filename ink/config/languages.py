"""Language codes: de, de-DE, de_AT, deu_Latn; which sacremoses knows, and which of sacrebleu's tokenisers fit.

A code of `data` only names files and fairseq's two sides, and may be any: de, pt_BR, zh-CN, deu_Latn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ink.config.domains import Config, huggingface_folder


class LanguagePair(NamedTuple):
    """The direction of translation, as codes of `data`."""

    source: str
    target: str

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> LanguagePair:
        """Return the pair of the section `data`."""
        return cls(data["source_language"], data["target_language"])


# languages of which sacremoses has rules of its own; any other code of two or three letters gets the English ones
MOSES = frozenset(
    {
        "as", "bn", "ca", "cjk", "cs", "de", "el", "en", "es", "et", "fi", "fr", "ga", "gu", "hi", "hu", "is", "it",
        "ja", "kn", "ko", "lt", "lv", "ml", "mni", "mr", "nl", "or", "pa", "pl", "pt", "ro", "ru", "sk", "sl", "sv",
        "ta", "tdt", "te", "yue", "zh",
    }
)  # fmt: skip
# target language -> the tokeniser whose words are compared there; 13a and its like split at blanks and punctuation
TOKENISERS = {
    **dict.fromkeys(("zh", "yue", "wuu", "nan", "hak", "lzh"), "zh"),
    "ja": "ja-mecab",
    "ko": "ko-mecab",
    **dict.fromkeys(("th", "lo", "km", "my", "bo", "dz", "shn"), "flores200"),
}
OF_ANY_LANGUAGE = ("char", "flores101", "flores200", "spBLEU-1K")


def languages(config: Config) -> Iterator[str]:
    """Codes that sacremoses would silently take for English's, and a tokeniser that is not the target language's."""
    for side, code in moses_languages(config).items():
        if code not in MOSES and (known := language_of(code)) != code:
            key = f"text.{side}_tokeniser_language"
            yield f"{key}: found {code}; allowed: sacremoses' codes, which have no region or script: write {known}"
    yield from _tokeniser(config)


def moses_languages(config: Config) -> dict[str, str]:
    """Return the languages whose Moses rules text goes through, by side; a Hugging Face model has no use for them."""
    if huggingface_folder(config["base_model"]) is not None:
        return {}
    return {side: config["text"][f"{side}_tokeniser_language"] for side in ("source", "target")}


def _tokeniser(config: Config) -> Iterator[str]:
    found = config["evaluation"]["sacrebleu_tokeniser"]
    codes = {"data.target_language": config["data"]["target_language"]}
    if (rules := moses_languages(config).get("target")) is not None:
        codes["text.target_tokeniser_language"] = rules
    key, code = next(((key, code) for key, code in codes.items() if language_of(code) in TOKENISERS), ("", ""))
    right = TOKENISERS.get(language_of(code))
    if right is not None and found not in (right, *OF_ANY_LANGUAGE):
        usable = ", ".join(name for name in OF_ANY_LANGUAGE if name != right)
        yield (
            f"evaluation.sacrebleu_tokeniser: found {found}; allowed: {right} (or {usable}), since {key} is {code}, of "
            f"which {found} does not tell the words apart"
        )
    elif right is None and found in ("ja-mecab", "ko-mecab"):
        yield (
            f"evaluation.sacrebleu_tokeniser: found {found}; allowed: 13a, intl or another of any language, since "
            f"data.target_language is {codes['data.target_language']}"
        )


# code -> those of ISO 639-2 and 639-3, and of countries, that are written for it
_WRITTEN_FOR = {
    "as": "asm", "bn": "ben", "ca": "cat", "cs": "ces cze cz", "de": "deu ger", "el": "ell gre gr", "en": "eng",
    "es": "spa", "et": "est ekk", "fi": "fin", "fr": "fra fre", "ga": "gle", "gu": "guj", "hi": "hin", "hu": "hun",
    "is": "isl ice", "it": "ita", "kn": "kan", "lt": "lit", "lv": "lav lvs", "ml": "mal", "mr": "mar",
    "nl": "nld dut", "or": "ori ory", "pa": "pan", "pl": "pol", "pt": "por", "ro": "ron rum", "ru": "rus",
    "sk": "slk slo", "sl": "slv", "sv": "swe", "ta": "tam", "tdt": "tet", "te": "tel", "zh": "zho chi cmn cn",
    "ja": "jpn jp", "ko": "kor kr", "th": "tha", "lo": "lao", "km": "khm", "my": "mya bur", "bo": "bod tib",
    "dz": "dzo",
}  # fmt: skip
_SHORT = {other: code for code, others in _WRITTEN_FOR.items() for other in others.split()}


def normalised(code: str) -> str:
    """Return a code in small letters, its parts joined by hyphens."""
    return code.strip().replace("_", "-").lower()


def language_of(code: str) -> str:
    """Return a code's language without region and script, in libraries' short form: pt of pt_BR, de of deu_Latn."""
    language = normalised(code).partition("-")[0]
    return _SHORT.get(language, language)


def is_of(code: str, wanted: str) -> bool:
    """Whether a code is the wanted one or a variety of it: de-AT is German, and pt is not Brazilian Portuguese."""
    code, wanted = normalised(code), normalised(wanted)
    return code == wanted or code.startswith(f"{wanted}-")


def position_of(wanted: str, codes: Sequence[str]) -> int | None:
    """Return where the wanted language stands among codes: the code itself before its first variety; None: nowhere."""
    exact = [place for place, code in enumerate(codes) if normalised(code) == normalised(wanted)]
    varieties = [place for place, code in enumerate(codes) if is_of(code, wanted)]
    return next(iter([*exact, *varieties]), None)
