"""Handing in many inputs: each is refused in one line or taken, soon, and a refusal leaves what was there."""

from __future__ import annotations

import contextlib
import io
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fuzzing.mutations import Handed
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from ink.runtime.errors import LONGEST, InkError
from ink.runtime.escape import visible

SECONDS = 5.0  # of one input, at most, on a processor: other work on the machine is not its doing
WAIT = 600.0  # seconds of one input altogether, so that none waits for ever for what does not come
LEAST_PARSED = 1 / 3
SEED = 16
COUNTS = [200, pytest.param(10_000, marks=pytest.mark.slow)]


class TookTooLongError(BaseException):
    """No `except Exception` keeps it."""


class Trial:
    """Tries inputs of a kind: `parse` reads what is handed in, and `use` does with it what a person would.

    Both may raise InkError alone, and soon; the folder `project` is then as it was.
    """

    def __init__(self, project: Path, parse: Callable[[Any], Any], use: Callable[[Any], object]) -> None:
        self.project = project
        self.parse = parse
        self.use = use

    def outcome(self, data: Any) -> str:
        """Hand one in and return how far it came: refused, parsed or taken."""
        before, reached = contents(self.project), "refused"
        try:
            with time_limit(), contextlib.redirect_stderr(io.StringIO()):
                parsed = self.parse(data)
                before, reached = contents(self.project), "parsed"
                self.use(parsed)
                return "taken"
        except InkError as error:
            assert_readable(error)
            assert contents(self.project) == before, "a refusal has changed what was there"
        except TookTooLongError as error:
            raise AssertionError(f"took more than {error}") from None
        return reached

    def run(
        self,
        name: str,
        valid: Any,
        inputs: st.SearchStrategy[Handed],
        count: int,
        record: Callable[[str, object], None],
    ) -> None:
        """Hand in what is valid, and `count` others, the same every time; a third of them must get past parsing."""
        assert self.outcome(valid) == "taken"
        outcomes: Counter[str] = Counter()

        @seed(SEED)
        @settings(
            max_examples=count,
            database=None,
            deadline=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        @given(inputs)
        def hand_in(handed: Handed) -> None:
            outcomes[self.outcome(handed.data)] += 1

        hand_in()
        tried = outcomes.total()
        taken = outcomes["taken"]
        parsed = taken + outcomes["parsed"]
        record("fuzzed", f"{name}: {tried} inputs, {parsed / tried:.0%} past parsing, {taken / tried:.0%} taken")
        assert tried >= count
        assert parsed >= LEAST_PARSED * tried, outcomes


def assert_readable(error: InkError) -> None:
    """One line that a terminal shows as it is; of a configuration with several problems, one line each."""
    lines = str(error).split("\n")
    assert len(lines) == len(error.args), error
    assert len(lines) == 1 or "configuration: " in lines[0], error
    for line in lines:
        assert line.strip() and line == visible(line) and len(line) <= LONGEST + 2, repr(line)


def contents(folder: Path) -> dict[str, bytes | None]:
    """Return what stands in a folder: of every path its bytes, None of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@contextlib.contextmanager
def time_limit() -> Iterator[None]:
    """Break off what takes more than SECONDS, or WAIT."""

    def end(number: int, _frame: object) -> None:
        raise TookTooLongError(
            f"{SECONDS:.0f} seconds" if number == signal.SIGPROF else f"{WAIT:.0f} seconds of waiting"
        )

    timers = {signal.SIGPROF: (signal.ITIMER_PROF, SECONDS), signal.SIGALRM: (signal.ITIMER_REAL, WAIT)}
    before = {number: signal.signal(number, end) for number in timers}
    for timer, seconds in timers.values():
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for number, (timer, _seconds) in timers.items():
            signal.setitimer(timer, 0)
            signal.signal(number, before[number])
