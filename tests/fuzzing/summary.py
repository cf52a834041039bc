"""A line a target at the end of a run of tests: how many inputs were tried, and how many got past parsing."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    lines = [words for report in reports for name, words in report.user_properties if name == "fuzzed"]
    if lines:
        terminalreporter.section("inputs of strangers")
        for line in sorted(lines):
            terminalreporter.line(str(line))
