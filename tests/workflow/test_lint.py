"""The workflow's files in the style that Snakemake asks for."""

from __future__ import annotations

from typing import Any

NOT_WANTED = (
    # one environment for everything, made by make, in place of one for each rule
    "Specify a conda environment or container for each rule.",
)


def test_snakemake_s_own_lint_finds_nothing(clone: Any) -> None:
    found = clone.snakemake("--lint").text
    points = [line.strip() for line in found.splitlines() if line.startswith("    * ")]
    assert [point for point in points if not any(text in point for text in NOT_WANTED)] == [], found
