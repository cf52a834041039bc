"""The command line as a person and a workflow meet it: one line for what they can put right, a log for the rest."""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from ink import __version__
from ink.cli import COMMANDS, GROUPS
from ink.cli import ink as ink_command
from ink.runtime.processes import own_name, process_name
from ink.systems.known_systems import SYSTEMS

INK = Path(sys.executable).with_name("ink")
MICRO = Path(__file__).resolve().parents[1] / "workflow" / "micro.yaml"
HEAVY = ("torch", "fairseq", "faiss", "sacrebleu", "sacremoses", "pandas", "matplotlib", "numpy", "mlflow", "pydantic")


def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(INK), *map(str, arguments)], capture_output=True, text=True, cwd=cwd)


def job_script(body: str) -> str:
    """Python that runs `ink` with its own arguments, and in which the command `job` is `body`."""
    return f"""
import os, sys, types
import click
import ink.cli
from ink.runtime.errors import InkError

def body():
    {body}

module = types.ModuleType("jobs")
module.job = click.command("job")(body)
sys.modules["jobs"] = module
ink.cli.ink.sources["job"] = "jobs"
sys.argv = ["/somewhere/bin/ink", *sys.argv[1:]]
ink.cli.main()
"""


def run_with_command(body: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `ink ARGUMENTS` in a process of its own whose command `job` is `body`."""
    command = [sys.executable, "-c", job_script(body), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_help_lists_every_command_with_its_purpose() -> None:
    shown = run("--help")
    assert shown.returncode == 0
    for name in COMMANDS:
        (line,) = [line for line in shown.stdout.splitlines() if line.startswith(f"  {name} ")]
        assert len(line.split()) > 3, line


def test_help_has_what_people_type_before_what_the_workflow_runs() -> None:
    lines = run("--help").stdout.splitlines()
    places = [lines.index(f"{heading}:") for heading in GROUPS]
    translate, evaluate = (
        next(n for n, line in enumerate(lines) if line.split()[:1] == [name]) for name in ("translate", "evaluate")
    )
    assert places[0] < translate < places[1] < evaluate


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("translate", "--config", "MICRO", "--domain", "k"), ["koran"]),
        (("translate", "--config", "MICRO", "--system", "ink"), ["ink", "ink_r_knn"]),
        (("translate", "--config", "absent.yaml", "--domain", ""), []),
        (("explain", "--system", "r_"), ["r_knn_without_keys", "r_knn"]),
        (("compare", "min"), ["mini"]),
        (("trans",), ["translate"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_a_shell_completes(words: tuple[str, ...], expected: list[str], tmp_path: Path) -> None:
    (tmp_path / "results/mini").mkdir(parents=True)
    (tmp_path / "results/mini/config.yaml").write_text("experiment: mini\n", encoding="utf-8")
    line = " ".join(["ink", *(str(MICRO) if word == "MICRO" else word for word in words)])
    environment = {**os.environ, "_INK_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words))}
    done = subprocess.run([INK], cwd=tmp_path, env=environment, capture_output=True, text=True)
    found = [line.partition(",")[2] for line in done.stdout.splitlines()]
    assert [name for name in found if name in {*SYSTEMS, "it", "koran", "mini", *COMMANDS}] == expected


def test_version() -> None:
    assert run("--version").stdout == f"ink, version {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_found_and_every_option_explained(name: str) -> None:
    command = getattr(importlib.import_module(COMMANDS[name]), name.replace("-", "_"))
    assert command.name == name
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts}"
    assert CliRunner().invoke(ink_command, [name, "--help"]).exit_code == 0


def test_the_command_line_imports_nothing_heavy() -> None:
    names = [*dict.fromkeys(COMMANDS.values()), "ink.cli"]
    script = f"import sys, {', '.join(names)}; print([name for name in {HEAVY} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n"


@pytest.mark.failure(
    "Config",
    "a config that is not there",
    "`error: absent.yaml: the configuration cannot be read (No such file or directory) [config/unreadable]`",
)
def test_what_a_person_can_put_right_is_one_line(tmp_path: Path) -> None:
    failed = run("check-config", "absent.yaml", cwd=tmp_path)
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert failed.stderr == (
        "error: absent.yaml: the configuration cannot be read (No such file or directory) [config/unreadable]\n"
    )


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (("train-bace",), "No such command 'train-bace'. Did you mean 'train-base'?"),
        (("score-comet", "--config", "c.yaml"), "`ink score-comet` is `ink score --metric comet` now"),
        (("train-base",), "Missing option '--config'"),
        (("tables", "--config", "c.yaml", "--results", "r", "table9"), "'table9' is not one of"),
        (("train-adapter", "--nonsense"), "--nonsense"),
        (("--threads", "0", "tables"), "0 is not in the range"),
        (("train-base", "--seed", "one"), "'one' is not a valid integer"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage_says_what_is_wrong(arguments: tuple[str, ...], output: str, tmp_path: Path) -> None:
    failed = run(*arguments, cwd=tmp_path)
    assert failed.returncode == 2
    assert output in failed.stderr
    assert "Traceback" not in failed.stderr


def test_no_command_shows_the_help() -> None:
    shown = run()
    assert "train-ink-round" in shown.stdout + shown.stderr
    assert "Traceback" not in shown.stderr


def test_a_failed_job_shows_its_log_and_the_command_that_repeats_it(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "a job.log"
    failed = run("--log", log, "--threads", "2", "check-config", "absent.yaml", cwd=tmp_path)
    assert failed.returncode == 1
    assert failed.stdout == ""
    message = "error: absent.yaml: the configuration cannot be read (No such file or directory) [config/unreadable]"
    assert failed.stderr == (
        f"\nlog: {log}\n  | {message}\nto repeat: ink --log '{log}' --threads 2 check-config absent.yaml\n"
    )
    assert log.read_text() == message + "\n"


def test_the_last_twenty_lines_are_shown(tmp_path: Path) -> None:
    log = tmp_path / "job.log"
    failed = run_with_command('print(*range(50), sep="\\n"); raise InkError("too bad")', "--log", log, "job")
    assert failed.returncode == 1
    shown = [line.removeprefix("  | ") for line in failed.stderr.splitlines() if line.startswith("  | ")]
    assert shown == [*map(str, range(31, 50)), "error: too bad [other/no-code]"]
    assert log.read_text() == "".join(f"{number}\n" for number in range(50)) + "error: too bad [other/no-code]\n"
    assert failed.stderr.splitlines()[-1] == f"to repeat: ink --log {log} job"


def test_a_bug_leaves_its_traceback_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "job.log"
    failed = run_with_command('{}["no such key"]', "--log", log, "job")
    assert failed.returncode == 1
    assert log.read_text().startswith("Traceback (most recent call last):\n")
    assert "  | KeyError: 'no such key'\n" in failed.stderr


def test_the_log_takes_what_libraries_beneath_python_write(tmp_path: Path) -> None:
    log = tmp_path / "job.log"
    body = 'os.write(1, b"one\\n"); os.write(2, b"two \\xff\\n"); os.system("echo three; echo four >&2"); print("five")'
    done = run_with_command(body, "--log", log, "job")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert log.read_bytes() == b"one\ntwo \xff\nthree\nfour\nfive\n"


def test_bytes_that_are_no_text_do_not_hide_the_failure(tmp_path: Path) -> None:
    failed = run_with_command('os.write(1, b"\\xff\\n"); raise InkError("too bad")', "--log", tmp_path / "l", "job")
    assert failed.returncode == 1
    assert "error: too bad" in failed.stderr


def test_a_new_run_starts_its_log_anew(tmp_path: Path) -> None:
    log = tmp_path / "job.log"
    for word in ("first run, long line", "second"):
        run_with_command(f'print("{word}")', "--log", log, "job")
    assert log.read_text() == "second\n"


def test_without_a_log_output_stays_where_it_is() -> None:
    done = run_with_command('print("out"); print("err", file=sys.stderr)', "job")
    assert (done.stdout, done.stderr) == ("out\n", "err\n")
    assert "log:" not in run_with_command('raise InkError("x")', "job").stderr


def test_threads_reach_the_numerical_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    body = 'print(*(os.environ[name] for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")))'
    assert run_with_command(body, "--threads", "3", "job").stdout == "3 3 3\n"


def test_an_interrupted_job_ends_as_interrupted_ones_do(tmp_path: Path) -> None:
    # a job in the background of a shell inherits that SIGINT is ignored
    listen = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    done = run_with_command(listen + "os.kill(os.getpid(), signal.SIGINT)", "--log", tmp_path / "job.log", "job")
    assert done.returncode == 128 + signal.SIGINT


def test_a_round_after_the_last_one_costs_no_start_up(tmp_path: Path) -> None:
    """Both jobs of a stopped round, timed with the start of Python, and without torch or fairseq."""
    previous = tmp_path / "rounds" / "3"
    previous.mkdir(parents=True)
    (previous / "record.json").write_text('{"rounds": [3], "status": "trained", "stop": true, "history": []}')
    folders = ("config", "vocabulary", "data", "base-model")
    files = [part for name in folders for part in (f"--{name}", str(tmp_path / name))]
    commands: list[list[str | Path]] = [
        ["train-ink-round", "--corpus", tmp_path / "none", "--datastore", tmp_path / "none"],
    ]
    commands[0] += ["--output", tmp_path / "rounds" / "4"]
    for name, *options in commands:
        arguments = [name, "--domain", "koran", "--seed", "1", "--round", "4", "--previous", previous, *files, *options]
        seconds = []
        for _ in range(2):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            done = run(*arguments)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            assert done.returncode == 0, done.stderr
            seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert min(seconds) < 0.5, f"{name}: {seconds}"
        environment = {**os.environ, "PYTHONPROFILEIMPORTTIME": "1"}
        imported = subprocess.run(
            [str(INK), *map(str, arguments)], capture_output=True, text=True, env=environment, check=True
        ).stderr
        modules = {line.rpartition("|")[2].strip().partition(".")[0] for line in imported.splitlines()}
        assert "ink" in modules
        assert not modules & set(HEAVY)
    assert json.loads((tmp_path / "rounds" / "4" / "record.json").read_text())["status"] == "stopped"


@pytest.mark.failure(
    "Two at once and killed",
    "jobs of a workflow that was killed alone",
    "`the workflow (process 4711) is gone: this job ends` in their logs, at once",
)
def test_a_job_ends_when_its_workflow_is_killed(tmp_path: Path) -> None:
    workflow = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name = process_name(workflow.pid)
    assert name is not None
    script = job_script("import time; print('working', flush=True); time.sleep(120)")
    environment = {**os.environ, "INK_WORKFLOW": name}
    log = tmp_path / "job.log"
    job = subprocess.Popen([sys.executable, "-c", script, "--log", str(log), "job"], env=environment)
    while not log.exists() or "working" not in log.read_text():
        assert job.poll() is None
        time.sleep(0.02)
    workflow.kill()
    workflow.wait()
    assert job.wait(30) == 143
    assert f"the workflow (process {workflow.pid}) is gone: this job ends" in log.read_text()
    late = subprocess.run([sys.executable, "-c", script, "job"], env=environment, capture_output=True, text=True)
    assert late.returncode == 143
    assert "working" not in late.stdout


def test_a_job_of_a_workflow_on_another_machine_is_left_to_itself() -> None:
    environment = {**os.environ, "INK_WORKFLOW": f"elsewhere{own_name()}"}
    script = job_script("print('done')")
    done = subprocess.run([sys.executable, "-c", script, "job"], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "done\n")


@pytest.mark.failure(
    "Two at once and killed",
    "a workflow killed whose jobs run on other machines",
    "they go on; when another call has taken the experiment over they end with `the workflow (process 4711 on "
    "login1) is gone: this job ends`, and so do those that start later",
)
def test_a_job_on_another_machine_ends_when_another_workflow_has_the_experiment(tmp_path: Path) -> None:
    lock, log, mine = tmp_path / ".running", tmp_path / "job.log", f"elsewhere{own_name()}"
    lock.write_text(json.dumps({"pid": 1, "process": mine}))
    script = job_script("import time; print('working', flush=True); time.sleep(120)")
    script = f"import ink.cli.workflow as watching\nwatching.SECONDS_BETWEEN_LOOKS = 0.2\n{script}"
    environment = {**os.environ, "INK_WORKFLOW": mine, "INK_WORKFLOW_LOCK": str(lock)}
    command = [sys.executable, "-c", script, "--log", str(log), "job"]
    job = subprocess.Popen(command, env=environment)
    while not log.exists() or "working" not in log.read_text():
        assert job.poll() is None
        time.sleep(0.02)
    for unreadable in ("", "{}"):  # being written
        lock.write_text(unreadable)
        time.sleep(0.5)
        assert job.poll() is None
    lock.write_text(json.dumps({"pid": 2, "process": own_name()}))
    assert job.wait(30) == 143
    assert "this job ends" in log.read_text()
    log.write_text("of the job that came in its place")
    late = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert late.returncode == 143
    assert "on elsewhere" in late.stderr and "is gone: this job ends" in late.stderr
    assert log.read_text() == "of the job that came in its place"


@pytest.mark.failure(
    "Two at once and killed",
    "a job started while the same job is still ending",
    "it waits for the other's log, which is locked, up to a minute",
)
def test_a_job_does_not_run_twice_at_a_time(tmp_path: Path) -> None:
    log = tmp_path / "job.log"
    script = job_script("import time; print('working', flush=True); time.sleep(2)")
    command = [sys.executable, "-c", script, "--log", str(log), "job"]
    first = subprocess.Popen(command)
    while not log.exists() or "working" not in log.read_text():
        time.sleep(0.02)
    second = subprocess.Popen(command)
    time.sleep(0.5)
    assert first.poll() is None
    assert log.read_text() == "working\n", "the second has neither begun nor emptied the log"
    assert first.wait(30) == second.wait(30) == 0
    assert log.read_text() == "working\n"
