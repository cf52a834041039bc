"""Becomes `ink` or `snakemake`, which it has imported, in a fork for each call: a helper of tests, no test.

`python server.py PROGRAMME SOCKET` listens until its standard input ends. A call, made by client.py, is a line of JSON
with its arguments, folder, environment and limit on the size of files, beside which it sends its standard streams. It
is answered with the fork's process id, and with its exit code in the end. A call of another programme runs that one.
Nothing is computed here before a fork, so that no library has started threads.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import re
import resource
import selectors
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

WORKFLOW = Path(__file__).resolve().parents[2] / "workflow"
INK = (
    "ink.cli.corpus ink.cli.datastore ink.cli.evaluation ink.cli.results ink.cli.training ink.cli.translation "
    "ink.config jsonschema.validators ink.corpus.own_text ink.corpus.preparation ink.datastore.build "
    "ink.combiners.fitting.vanilla_on_dev ink.combiners.fitting.learned ink.metrics.system_evaluation "
    "ink.metrics.knn_accuracy ink.metrics.speed ink.systems.inference ink.tracking.job ink.nmt.fairseq.trainer "
    "ink.training.adapter_training ink.training.ink_rounds ink.training.base_model_training "
    "ink.training.knn_kd_training ink.tools.translation.translator ink.tools.explanation.explainer "
    "ink.results.tables.table2 ink.results.tables.gains ink.results.tables.forgetting ink.results.tables.table1"
)
SNAKEMAKE = "snakemake.cli jsonschema.validators requests smart_open ink.metrics.bleu ink.metrics.chrf"


def warm(programme: str) -> None:
    """Import what a programme would import before it works."""
    modules = INK.split()
    if programme == "snakemake":
        files = [WORKFLOW / "Snakefile", *WORKFLOW.glob("rules/*.smk")]
        text = "\n".join(path.read_text(encoding="utf-8") for path in files)
        modules = [*SNAKEMAKE.split(), *re.findall(r"^(?:from|import) (\S+)", text, flags=re.MULTILINE)]
    for name in modules:
        importlib.import_module(name)
    if programme == "snakemake":
        sys.modules["snakemake.cli"].get_argument_parser()  # loads its plugins
    gc.freeze()  # memory that is not looked through stays shared with the forks


def become(programme: str, call: dict[str, Any], streams: list[int]) -> None:
    """Be the process that was called for; never returns."""
    code: Any = 70
    try:
        for target, descriptor in enumerate(streams):
            os.dup2(descriptor, target)
            os.close(descriptor)
        os.environ.clear()
        os.environ.update(call["environment"])
        os.chdir(call["folder"])
        resource.setrlimit(resource.RLIMIT_FSIZE, call["largest_file"])
        if call["arguments"][0] != programme:
            os.execvp(call["arguments"][0], call["arguments"])
        sys.argv = call["arguments"]
        code = 0
        importlib.import_module("ink.cli" if programme == "ink" else "snakemake.cli").main()
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        code = 70
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):
                stream.flush()
        os._exit(code or 0)


def receive(caller: socket.socket) -> tuple[dict[str, Any], list[int]]:
    line, streams = b"", []
    while not line.endswith(b"\n"):
        data, descriptors, _, _ = socket.recv_fds(caller, 1 << 20, 3)
        line += data
        streams += descriptors
        if not data:
            raise EOFError
    return json.loads(line), streams


def serve(programme: str, listening: socket.socket) -> None:
    """Answer calls, many at a time: a fork holds the writing end of a pipe, which is closed when it has ended."""
    waiting = selectors.DefaultSelector()
    waiting.register(sys.stdin, selectors.EVENT_READ)
    waiting.register(listening, selectors.EVENT_READ)
    while True:
        for ready, _ in waiting.select():
            if ready.fileobj is sys.stdin:
                return
            if ready.fileobj is not listening:
                child, caller = ready.data
                waiting.unregister(ready.fileobj)
                os.close(ready.fd)
                _, status = os.waitpid(child, 0)
                with contextlib.suppress(OSError):  # who has been killed does not listen
                    caller.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
                caller.close()
                continue
            caller, _ = listening.accept()
            call, streams = receive(caller)
            ended, alive = os.pipe()
            child = os.fork()
            if not child:
                waiting.close()
                for other in (listening, caller):
                    other.close()
                os.close(ended)
                become(programme, call, streams)
            for descriptor in (alive, *streams):
                os.close(descriptor)
            caller.sendall(f"{child}\n".encode())
            waiting.register(ended, selectors.EVENT_READ, (child, caller))


def main(programme: str, place: str) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    warm(programme)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{place}.new")
        listening.listen(16)
        Path(f"{place}.new").rename(place)  # who finds it is heard
        serve(programme, listening)


if __name__ == "__main__":
    main(*sys.argv[1:])
