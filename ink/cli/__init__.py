"""The command line: `ink COMMAND`, one command for each kind of job."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import click

from ink import __version__
from ink.cli.jobs import AT_END
from ink.cli.lazy_group import LazyCommands
from ink.cli.log import LogFile, quieten_libraries
from ink.cli.options import PATH
from ink.cli.streams import speak_utf_8
from ink.cli.threads import take_cores
from ink.cli.workflow import end_with_workflow
from ink.runtime.errors import InkError

# heading of `ink --help` -> modules of ink.cli with their commands, in its order
_HELP = {
    "For people": (
        ("init", "init"),
        ("corpus", "import-text"),
        ("configuration", "check-config config"),
        ("doctor", "doctor"),
        ("explain_error", "explain-error"),
        ("download", "download"),
        ("conversion", "convert convert-adapter"),
        ("translation", "translate explain describe-adapter"),
        ("results", "compare report merge publish"),
        ("serving", "log-model"),
        ("doctor", "clean"),
        ("tracking", "sync"),
    ),
    "Jobs of the workflow, which may be typed as well": (
        ("corpus", "generate-corpus ingest-corpus restore-corpus learn-vocabulary adopt-vocabulary"),
        ("corpus", "prepare-corpus adopt-corpus"),
        ("training", "train-base train-knn-kd train-adapter train-ink-round finish-ink choose-ink"),
        ("datastore", "build-datastore build-datastore-shard join-datastore reduce-datastore"),
        ("datastore", "store-source-tokens store-neighbours"),
        ("evaluation", "tune-v-knn"),
        ("training", "train-combiner"),
        ("evaluation", "evaluate score knn-accuracy measure-speed"),
        ("results", "gather-curves tables figures leaderboard"),
        ("tracking", "start-tracking follow-runs log-report"),
    ),
}
GROUPS = {
    heading: {name: f"ink.cli.{module}" for module, names in modules for name in names.split()}
    for heading, modules in _HELP.items()
}
COMMANDS = {name: module for group in GROUPS.values() for name, module in group.items()}
# commands of the release before, which answer with what takes their place
RENAMED = {"score-comet": "score --metric comet"}

_LOG: list[LogFile] = []


@click.group(
    cls=LazyCommands,
    groups=GROUPS,
    renamed=RENAMED,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.version_option(__version__, prog_name="ink")
@click.option("--log", type=PATH, help="Write all output to this file; a failure shows its last lines.")
@click.option("--threads", type=click.IntRange(min=1), help="Cores to use (default: all).")
def ink(log: Path | None, threads: int | None) -> None:
    """Injecting kNN knowledge in nearest neighbour machine translation (INK), and the systems it is compared to."""
    # first, for a job that comes too late must not empty the log of the one that came in its place
    end_with_workflow()
    if log is not None:
        _LOG.append(LogFile(log))
    if threads is not None:
        take_cores(threads)


def main() -> None:
    """Run the command line; an error that a person can put right is one line, exit code 1."""
    speak_utf_8()
    quieten_libraries()
    try:
        ink(standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        _explain_failure()
        sys.exit(error.exit_code)
    except InkError as error:
        message = f"error: {error.with_code()}"
        # the log may be on the full disk that this is about
        with contextlib.suppress(OSError):
            print(message, file=sys.stderr, flush=True)
        _explain_failure(message)
        sys.exit(1)
    except Exception:
        # the traceback belongs in the log, its last lines on the terminal
        sys.excepthook(*sys.exc_info())
        _explain_failure()
        sys.exit(1)
    finally:
        for act in AT_END:
            act()


def _explain_failure(message: str = "") -> None:
    for log in _LOG:
        log.explain_failure(message)
