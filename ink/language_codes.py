"""Language codes as configurations and translators' files have them: de, de-DE, de_AT, DE-DE, deu_Latn."""

from __future__ import annotations

from collections.abc import Sequence

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
