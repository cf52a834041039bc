"""The command line: `ink COMMAND`, one command for each kind of job."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from pathlib import Path

import click

from ink import __version__
from ink.cli.commands import LazyCommands
from ink.cli.jobs import AT_END
from ink.cli.log import LogFile
from ink.cli.workflow import end_with_workflow
from ink.errors import InkError

COMMANDS = {
    "generate-corpus": "ink.cli.corpus",
    "ingest-corpus": "ink.cli.corpus",
    "restore-corpus": "ink.cli.corpus",
    "learn-vocabulary": "ink.cli.corpus",
    "adopt-vocabulary": "ink.cli.corpus",
    "prepare-corpus": "ink.cli.corpus",
    "adopt-corpus": "ink.cli.corpus",
    "train-base": "ink.cli.training",
    "train-knn-kd": "ink.cli.training",
    "train-adapter": "ink.cli.training",
    "train-ink-round": "ink.cli.training",
    "finish-ink": "ink.cli.training",
    "choose-ink": "ink.cli.training",
    "build-datastore": "ink.cli.datastore",
    "store-neighbours": "ink.cli.datastore",
    "tune-v-knn": "ink.cli.evaluation",
    "train-combiner": "ink.cli.combiners",
    "evaluate": "ink.cli.evaluation",
    "score-comet": "ink.cli.comet",
    "knn-accuracy": "ink.cli.measuring",
    "measure-speed": "ink.cli.measuring",
    "translate": "ink.cli.translation",
    "describe-adapter": "ink.cli.translation",
    "explain": "ink.cli.explanation",
    "tables": "ink.cli.reporting",
    "compare": "ink.cli.compare",
    "figures": "ink.cli.reporting",
    "report": "ink.cli.report",
    "publish": "ink.cli.report",
    "check-config": "ink.cli.reporting",
    "start-tracking": "ink.cli.tracking",
    "log-report": "ink.cli.tracking",
    "sync": "ink.cli.tracking",
    "download": "ink.cli.download",
    "doctor": "ink.cli.doctor",
    "clean": "ink.cli.doctor",
}

# Beginnings of warnings, as regular expressions.
_NO_NEWS = (
    "Support for mismatched key_padding_mask",
    "'pin_memory' argument is set as true but no accelerator",
    r"(?s).*automatic_schema_matching",
    "pkg_resources is deprecated",
)
_LOG: list[LogFile] = []


@click.group(cls=LazyCommands, sources=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ink")
@click.option(
    "--log", type=click.Path(path_type=Path), help="Write all output to this file; a failure shows its last lines."
)
@click.option("--threads", type=click.IntRange(min=1), help="Cores to use (default: all).")
def ink(log: Path | None, threads: int | None) -> None:
    """Injecting kNN knowledge in nearest neighbour machine translation (INK), and the systems it is compared to."""
    if log is not None:
        _LOG.append(LogFile(log))
    end_with_workflow()
    if threads is not None:
        # numerical libraries read these when they are first imported
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ[name] = str(threads)
        # threads that wait for work must not burn the cores that other jobs were given
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def main() -> None:
    """Run the command line; an error that a person can put right is one line, exit code 1."""
    # fairseq tells of every module it loads, hydra and torch of the way in which fairseq uses them, faiss of the
    # instructions it tries, comet that it trains nothing: no news to a reader
    for name in ("fairseq", "hydra", "faiss", "comet"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", category=UserWarning, module=r"hydra\.")
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"fairseq\.")
    for message in _NO_NEWS:
        warnings.filterwarnings("ignore", message=message)
    # it prints the traceback of an error that it raises as well
    logging.getLogger("fairseq.checkpoint_utils").setLevel(logging.CRITICAL)
    try:
        ink(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        _explain_failure()
        sys.exit(error.exit_code)
    except InkError as error:
        message = f"error: {error}"
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
        log.explain_failure(sys.argv, message)
