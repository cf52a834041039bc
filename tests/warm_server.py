"""Runs a programme as processes of their own without paying for their imports: a helper of tests, no test.

`warm_server.py ink` or `warm_server.py snakemake`. Every line of standard input is a JSON request, with text for
bytes, a character for each: {"arguments": [...], "folder": ...} runs the programme in a fork of this process, with
"environment" and "input" where they are given, no file beyond "largest_file" bytes, and standard error within standard
output where "together" is true; {"system": [...]} runs another programme. Every answer is a line with code, out and
err. Nothing is computed here before a fork, so that no library has started threads.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import resource
import select
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

WORKFLOW = Path(__file__).resolve().parents[1] / "workflow"
INK = (
    "ink.cli.corpus ink.cli.datastore ink.cli.evaluation ink.cli.results ink.cli.training "
    "ink.cli.translation ink.config jsonschema.validators ink.corpus.own_text ink.corpus.preparation "
    "ink.datastore.build ink.combiners.fitting.vanilla_on_dev ink.metrics.system_evaluation "
    "ink.training.adapter_training ink.training.ink_rounds ink.training.base_model_training "
    "ink.tools.translation.translator ink.results.tables.table2 ink.results.tables.gains "
    "ink.results.tables.forgetting ink.results.tables.table1"
)
SNAKEMAKE = "snakemake.cli jsonschema.validators requests smart_open ink.metrics.bleu ink.metrics.chrf"


def warm(programme: str) -> None:
    """Import what a programme would import before it works."""
    if programme == "ink":
        modules = INK.split()
    else:
        files = [WORKFLOW / "Snakefile", *WORKFLOW.glob("rules/*.smk")]
        texts = [path.read_text(encoding="utf-8") for path in files]
        modules = [*SNAKEMAKE.split(), *re.findall(r"^(?:from|import) (\S+)", "\n".join(texts), flags=re.MULTILINE)]
    for name in modules:
        importlib.import_module(name)
    if programme == "snakemake":
        sys.modules["snakemake.cli"].get_argument_parser()  # loads its plugins


def run(programme: str, request: dict[str, Any]) -> dict[str, Any]:
    if "system" in request:
        done = subprocess.run(request["system"], capture_output=True)
        return answer(done.returncode, done.stdout, done.stderr)
    # pipes: files would fall under the limit on the size of files
    (out, out_end), (err, err_end) = os.pipe(), os.pipe()
    with tempfile.TemporaryFile() if request.get("input") else Path(os.devnull).open("w+b") as given:
        given.write(request.get("input", "").encode("latin-1"))
        given.flush()
        os.lseek(given.fileno(), 0, os.SEEK_SET)
        child = os.fork()
        if not child:
            become(programme, request, given.fileno(), out_end, out_end if request.get("together") else err_end)
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
    return answer(os.waitstatus_to_exitcode(status), *written.values())


def answer(code: int, out: bytes, err: bytes) -> dict[str, Any]:
    return {"code": code, "out": out.decode("latin-1"), "err": err.decode("latin-1")}


def become(programme: str, request: dict[str, Any], given: int, out: int, err: int) -> None:
    code: Any = 70
    try:
        for descriptor, target in ((given, 0), (out, 1), (err, 2)):
            os.dup2(descriptor, target)
        if "environment" in request:
            os.environ.clear()
            os.environ.update(request["environment"])
        os.chdir(request["folder"])
        if request.get("largest_file") is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (request["largest_file"],) * 2)
        sys.argv = [programme, *request["arguments"]]
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


def main(programme: str) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # nothing but answers on the pipe
    warm(programme)
    for line in sys.stdin:
        print(json.dumps(run(programme, json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
