"""A process's name is its own, for as long as it runs."""

from __future__ import annotations

import subprocess
import sys
import time

from ink.runtime.processes import is_on_this_machine, is_running, may_be_running, own_name, process_name


def test_a_killed_process_that_nobody_has_waited_for_is_gone() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name = process_name(process.pid)
    assert name is not None
    assert is_running(name)
    assert may_be_running(name)
    process.kill()
    deadline = time.monotonic() + 30
    while is_running(name):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert process.returncode is None, "it is a zombie still"
    assert not may_be_running(name)
    process.wait()
    assert process_name(process.pid) is None


def test_another_process_under_the_same_number_is_another_one() -> None:
    host, pid, start, boot = own_name().split(":")
    assert is_running(own_name())
    assert not is_running(f"{host}:{pid}:{int(start) + 1}:{boot}")
    assert not is_running(f"{host}:{pid}:{start}:another-boot")


def test_of_another_machine_s_process_nothing_is_known() -> None:
    there = "elsewhere" + own_name()
    assert not is_on_this_machine(there)
    assert may_be_running(there)
