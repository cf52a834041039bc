"""Language codes as translators' files have them: de, de-DE, de_AT, DE-DE."""

from __future__ import annotations

from collections.abc import Sequence


def normalised(code: str) -> str:
    """Return a code in small letters, its parts joined by hyphens."""
    return code.strip().replace("_", "-").lower()


def is_of(code: str, wanted: str) -> bool:
    """Whether a code is the wanted one or a variety of it: de-AT is German, and pt is not Brazilian Portuguese."""
    code, wanted = normalised(code), normalised(wanted)
    return code == wanted or code.startswith(f"{wanted}-")


def position_of(wanted: str, codes: Sequence[str]) -> int | None:
    """Return where the wanted language stands among codes: the code itself before its first variety; None: nowhere."""
    exact = [place for place, code in enumerate(codes) if normalised(code) == normalised(wanted)]
    varieties = [place for place, code in enumerate(codes) if is_of(code, wanted)]
    return next(iter([*exact, *varieties]), None)
