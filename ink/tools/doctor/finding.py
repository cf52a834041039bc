"""What an examination says, a line at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

OK, WARNING, ERROR = "ok", "warning", "error"


@dataclass(frozen=True)
class Finding:
    """One check's outcome: `status` is OK, WARNING (it will run) or ERROR (it cannot)."""

    status: str
    check: str
    text: str


def ok(check: str, text: str) -> Finding:
    """Make a finding that is in order."""
    return Finding(OK, check, text)


def warning(check: str, text: str) -> Finding:
    """Make a finding that does not keep the experiment from running."""
    return Finding(WARNING, check, text)


def error(check: str, text: str) -> Finding:
    """Make a finding that keeps the experiment from running."""
    return Finding(ERROR, check, text)


def aligned(findings: Sequence[Finding]) -> list[str]:
    """Return a line for each finding, in columns."""
    widest = max((len(finding.check) for finding in findings), default=0)
    return [f"{finding.status:<7}  {finding.check:<{widest}}  {finding.text}" for finding in findings]
