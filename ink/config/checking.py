"""The check of a whole configuration: its schema first, then what no single key can tell."""

from __future__ import annotations

from ink.config.combinations import impossible_combinations
from ink.config.domains import Config
from ink.config.schema import schema_problems
from ink.errors import InkError


def check(config: Config) -> None:
    """Check a configuration before any job.

    Raises:
        InkError: one message with, for every problem, the dotted key, what was found and what is allowed.
    """
    problems = schema_problems(config) or impossible_combinations(config)
    if len(problems) == 1:
        raise InkError(f"configuration: {problems[0]}")
    if problems:
        raise InkError(f"configuration: {len(problems)} problems", *problems)
