"""`python client.py SOCKET PROGRAMME ...` is PROGRAMME ..., run by the server at a socket: imports next to nothing."""

import json
import os
import resource
import signal
import socket
import sys
import typing


def main(place: str, *arguments: str) -> None:
    server = socket.socket(socket.AF_UNIX)
    server.connect(place)
    call = {
        "arguments": arguments,
        "folder": os.getcwd(),  # noqa: PTH109 (pathlib is not imported)
        "environment": dict(os.environ),
        "largest_file": resource.getrlimit(resource.RLIMIT_FSIZE),
    }
    whole = json.dumps(call).encode() + b"\n"
    sent = socket.send_fds(server, [whole], [0, 1, 2])
    server.sendall(whole[sent:])
    answers = server.makefile("r")
    process = int(answers.readline())

    def forward(number: int, _frame: typing.Any) -> None:
        os.kill(process, number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, forward)
    code = int(answers.readline())
    if code < 0:
        if -code in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


main(*sys.argv[1:])
