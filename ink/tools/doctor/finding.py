"""What an examination says, a line at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

OK, WARNING, ERROR = "ok", "warning", "error"


@dataclass(frozen=True)
class Finding:
    """One check's outcome: `status` is OK, WARNING (it will run) or ERROR (it cannot).

    `code` is that of the error which a job would end with, where the check has met it.
    """

    status: str
    check: str
    text: str
    code: str | None = None


def ok(check: str, text: str) -> Finding:
    """Make a finding that is in order."""
    return Finding(OK, check, text)


def warning(check: str, text: str, code: str | None = None) -> Finding:
    """Make a finding that does not keep the experiment from running."""
    return Finding(WARNING, check, text, code)


def error(check: str, text: str, code: str | None = None) -> Finding:
    """Make a finding that keeps the experiment from running."""
    return Finding(ERROR, check, text, code)


def aligned(findings: Sequence[Finding]) -> list[str]:
    """Return a line for each finding, in columns, with its code in brackets at the end."""
    widest = max((len(finding.check) for finding in findings), default=0)
    return [
        f"{finding.status:<7}  {finding.check:<{widest}}  {finding.text}"
        + (f" [{finding.code}]" if finding.code else "")
        for finding in findings
    ]
