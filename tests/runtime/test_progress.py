"""ink.runtime.progress: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import io
import sys

import pytest

from ink.runtime import progress as module
from ink.runtime.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, items: int = 3) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    assert list(progress(range(items), total=items, description="koran: train", unit="pair")) == list(range(items))
    return stream.getvalue()


def test_a_log_gets_whole_lines_with_count_and_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    written = run(monkeypatch, io.StringIO())
    assert "\r" not in written and written.endswith("\n")
    assert [line.partition(" [")[0] for line in written.split("\n") if line] == ["koran: train: 3/3 pair"]
    assert "pair/s" in written


def test_a_long_job_writes_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LINES", 0.0)
    counts = [line.partition(" [")[0] for line in run(monkeypatch, io.StringIO()).split("\n") if line]
    assert counts[:2] == ["koran: train: 1/3 pair", "koran: train: 2/3 pair"] and counts[-1] == "koran: train: 3/3 pair"


def test_a_terminal_gets_a_bar_that_redraws_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    written = run(monkeypatch, Terminal())
    assert "\r" in written and "100%" in written and "3/3" in written


def test_nothing_to_do_writes_no_line_of_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, io.StringIO(), items=0).strip() == ""


def test_a_postfix_can_follow_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    steps = progress(range(2), total=2, description="epoch 1", unit="update", postfix="loss 9.5")
    for _ in steps:
        steps.set_postfix_str("loss 3.1", refresh=False)
    assert "loss 3.1" in stream.getvalue()
