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
import subprocess
import sys
import tempfile
import traceback
from typing import Any

LATER = (
    "ink.cli.corpus ink.cli.datastore ink.cli.evaluation ink.cli.reporting ink.cli.training ink.cli.translation "
    "ink.config jsonschema.validators ink.corpus.files ink.corpus.prepare ink.datastore.build ink.evaluation.tune "
    "ink.evaluation.system ink.training.adapter_training ink.training.ink_rounds ink.training.base_model "
    "ink.translation.loading ink.reporting.table2 ink.reporting.gains ink.reporting.forgetting ink.reporting.table1"
)


def run(request: dict[str, Any]) -> dict[str, Any]:
    if "system" in request:
        done = subprocess.run(request["system"], capture_output=True, text=True)
        return {"code": done.returncode, "out": done.stdout, "err": done.stderr}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if not child:
            become_ink(request, out.fileno(), err.fileno())
        _, status = os.waitpid(child, 0)
        answer: dict[str, Any] = {"code": os.waitstatus_to_exitcode(status)}
        for name, file in (("out", out), ("err", err)):
            file.seek(0)
            answer[name] = file.read().decode(errors="replace")
    return answer


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
