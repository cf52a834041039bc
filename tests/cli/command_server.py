"""Runs `ink` commands as processes of their own without paying for their imports: a helper of these tests, no test.

Every line of standard input is a JSON request: {"arguments": [...], "folder": ..., "largest_file": bytes or null} runs
`ink ARGUMENTS` in a fork of this process, {"system": [...]} another programme. Every answer is a line with code, out
and err. Nothing is computed here before a fork, so that no library has started threads.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import select
import subprocess
import sys
import traceback
from typing import Any

LATER = (
    "ink.cli.corpus ink.cli.datastore ink.cli.evaluation ink.cli.results ink.cli.training "
    "ink.cli.translation ink.config jsonschema.validators ink.corpus.own_text ink.corpus.preparation "
    "ink.datastore.build ink.combiners.fitting.vanilla_on_dev ink.metrics.system_evaluation "
    "ink.training.adapter_training ink.training.ink_rounds ink.training.base_model_training "
    "ink.tools.translation.translator ink.results.tables.table2 ink.results.tables.gains "
    "ink.results.tables.forgetting ink.results.tables.table1"
)


def run(request: dict[str, Any]) -> dict[str, Any]:
    if "system" in request:
        done = subprocess.run(request["system"], capture_output=True, text=True)
        return {"code": done.returncode, "out": done.stdout, "err": done.stderr}
    # pipes: files would fall under the limit on the size of files
    (out, out_end), (err, err_end) = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        become_ink(request, out_end, err_end)
    os.close(out_end)
    os.close(err_end)
    written, closed = {out: b"", err: b""}, set()
    while open_ends := [end for end in written if end not in closed]:
        for end in select.select(open_ends, [], [])[0]:
            data = os.read(end, 1 << 16)
            written[end] += data
            if not data:
                os.close(end)
                closed.add(end)
    _, status = os.waitpid(child, 0)
    texts = [data.decode(errors="replace") for data in written.values()]
    return {"code": os.waitstatus_to_exitcode(status), "out": texts[0], "err": texts[1]}


def become_ink(request: dict[str, Any], out: int, err: int) -> None:
    code: Any = 70
    try:
        for descriptor, target in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (err, 2)):
            os.dup2(descriptor, target)
        os.chdir(request["folder"])
        if request.get("largest_file") is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (request["largest_file"],) * 2)
        sys.argv = ["ink", *request["arguments"]]
        code = 0
        importlib.import_module("ink.cli").main()
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


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # nothing but answers on the pipe
    for name in LATER.split():
        importlib.import_module(name)
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), file=answers, flush=True)


main()
