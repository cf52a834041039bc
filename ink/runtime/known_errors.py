"""What the codes of errors mean: known_errors.yaml, read and put into words."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path

import yaml

from ink.runtime.errors import InkError

PATH = Path(__file__).with_name("known_errors.yaml")


@dataclass(frozen=True)
class KnownError:
    """A kind of error: its code, what is wrong, why that happens, and what to do."""

    code: str
    what: str
    why: str
    what_to_do: str

    def explained(self) -> str:
        """Return a paragraph for a terminal, a line for each of the three."""
        return f"{self.code}\n\n{self.what}\n\nWhy:        {self.why}\nWhat to do: {self.what_to_do}"


@cache
def known_errors() -> dict[str, KnownError]:
    """Return every kind of error by its code, in the order of codes."""
    written = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    return {code: KnownError(code, **words) for code, words in written.items()}


def known_error(code: str) -> KnownError:
    """Return the kind of error that a code names, with or without the brackets around it.

    InkError where there is none, with the codes most like it.
    """
    known, wanted = known_errors(), code.strip().strip("[]").lower()
    if wanted in known:
        return known[wanted]
    alike = [one for one in known if wanted and wanted in one.split("/")] or get_close_matches(wanted, known, n=3)
    hint = f"did you mean {' or '.join(alike)}?" if alike else "`ink explain-error` lists them"
    raise InkError(f"no error has the code {code!r}; {hint}", code="config/unknown-name")
