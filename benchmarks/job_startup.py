"""What a job pays before it works: CPU seconds of `ink COMMAND` up to where its work begins, against another checkout.

    python benchmarks/job_startup.py --against FOLDER --repeats 5

FOLDER is another checkout (git worktree add FOLDER COMMIT). Every command is a process of its own with one thread, in
a folder with the micro experiment's config and a database that is there already, begun as the workflow begins it and
ended when `ink.cli.threads.use_machine` returns. The checkouts take turns. Seconds are user and system time, children
included: medians, and in brackets least and most.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from ink.runtime.processes import own_name

HERE = Path(__file__).resolve().parents[1]
FILES = ["--base-model", "m", "--vocabulary", "v", "--corpus", "c", "--data", "d"]
RUN = ["--config", "micro.yaml", "--domain", "koran"]
OUTPUT = ["--output", "o"]
COMMANDS = {
    "train-adapter": [*RUN, "--seed", "1", *FILES, *OUTPUT],
    "train-ink-round": [*RUN, "--seed", "1", "--round", "1", *FILES, "--datastore", "s", *OUTPUT],
    "train-combiner": [*RUN, "--seed", "1", "--system", "r_knn", *FILES, "--datastore", "s", *OUTPUT],
    "evaluate": [*RUN, "--seed", "1", "--system", "adapter", *FILES, "--hypotheses", "h", "--scores", "s"],
    "build-datastore": [*RUN, *FILES[:4], "--data", "d", "--key", "decoder_output", *OUTPUT],
}
PROGRAM = """
import os, sys
import ink.cli.threads
begin = ink.cli.threads.use_machine

def end():
    begin()
    # a datastore's model is imported where it is loaded
    import ink.nmt.translation_model
    os._exit(0)

ink.cli.threads.use_machine = end
import ink.cli
ink.cli.main()
os._exit(1)
"""


@click.command()
@click.option("--against", type=click.Path(path_type=Path), help="Another checkout.")
@click.option("--repeats", default=5, help="How often each is measured.")
@click.option("--commands", default=",".join(COMMANDS), help="Which commands, with commas between them.")
def main(against: Path | None, repeats: int, commands: str) -> None:
    """Print a line a command: CPU seconds before its work in each checkout, and this one's share of the other's."""
    checkouts = [HERE] if against is None else [against.resolve(), HERE]
    print("command | " + " | ".join(checkout.name for checkout in checkouts) + (" | share" if against else ""))
    with tempfile.TemporaryDirectory() as folder:
        for number, checkout in enumerate(checkouts):
            _prepare(checkout, Path(folder) / str(number))
        for command in commands.split(","):
            spent: list[list[float]] = [[] for _ in checkouts]
            for repeat in range(repeats + 1):
                for number, checkout in enumerate(checkouts):
                    seconds = _cpu_seconds(checkout, Path(folder) / str(number), command)
                    if repeat:  # the first reads files that the others find in memory
                        spent[number].append(seconds)
            medians = [statistics.median(some) for some in spent]
            shown = [f"{statistics.median(some):.2f} ({min(some):.2f}-{max(some):.2f})" for some in spent]
            share = [f"{medians[-1] / medians[0]:.2f}"] if against else []
            print(" | ".join([command, *shown, *share]), flush=True)


def _prepare(checkout: Path, folder: Path) -> None:
    """Make the experiment's folder, with a database, as a workflow finds it from its second job on."""
    folder.mkdir()
    shutil.copy(checkout / "tests" / "workflow" / "micro.yaml", folder)
    subprocess.run(
        [sys.executable, "-c", "import ink.cli; ink.cli.main()", "sync", "micro.yaml"],
        cwd=folder,
        env=_environment(checkout),
        check=True,
    )


def _cpu_seconds(checkout: Path, folder: Path, command: str) -> float:
    shutil.rmtree(folder / "results" / "micro" / "runs", ignore_errors=True)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "--log", "job.log", "--threads", "1", command, *COMMANDS[command]],
        cwd=folder,
        env=_environment(checkout, workflow=True),
    )
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{checkout}: {command} failed; see {folder / 'job.log'}: {(folder / 'job.log').read_text()}")
    return used.ru_utime + used.ru_stime


def _environment(checkout: Path, *, workflow: bool = False) -> dict[str, str]:
    own = {"INK_WORKFLOW": own_name()} if workflow else {}
    return {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1", **own}


if __name__ == "__main__":
    main()
