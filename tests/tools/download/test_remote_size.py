"""An address is asked for one byte, and says how many there are."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from ink.tools.download.transfer import TransferError, remote_size

BODY = b"weights " * 5000


def test_one_byte_is_asked_for_and_the_whole_is_told(server: Any) -> None:
    server.then(BODY)
    assert remote_size(server.url, "file.bin", 5) == len(BODY)
    assert [(requested.range, requested.status) for requested in server.requests] == [("bytes=0-0", 206)]


def test_of_a_server_without_ranges_the_length_is_taken_and_nothing_read(server: Any) -> None:
    server.then(BODY, honour_range=False, hang_after=0)
    start = time.monotonic()
    assert remote_size(server.url, "file.bin", 5) == len(BODY)
    assert time.monotonic() - start < 4


def test_a_server_that_does_not_say_the_length(server: Any) -> None:
    server.then(BODY, honour_range=False, said_length=False)
    assert remote_size(server.url, "file.bin", 5) is None


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"status": 404}, "the server answered 404 Not Found"),
        ({"status": 503}, "the server answered 503 Service Unavailable"),
        (
            {"body": b"<title>Quota exceeded</title>", "content_type": "text/html", "honour_range": False},
            "the server answered with a web page (Quota exceeded) in place of file.bin",
        ),
    ],
)
def test_what_is_no_file_is_an_error_at_once(server: Any, answer: dict[str, Any], reason: str) -> None:
    server.then(**answer)
    with pytest.raises(TransferError) as raised:
        remote_size(server.url, "file.bin", 5)
    assert str(raised.value).startswith(reason)
    assert len(server.requests) == 1


def test_redirections_are_followed(server: Any) -> None:
    server.then(status=302, headers={"Location": f"{server.url}/elsewhere"}).then(BODY)
    assert remote_size(server.url, "file.bin", 5) == len(BODY)
    assert server.requests[1].path.endswith("/elsewhere")


def test_a_redirection_to_where_nobody_listens_is_no_answer(server: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        nobody = f"http://127.0.0.1:{listening.getsockname()[1]}/file"
    server.then(status=302, headers={"Location": nobody})
    with pytest.raises(TransferError, match="no answer from the server"):
        remote_size(server.url, "file.bin", 5)


def test_a_server_that_takes_the_connection_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        silent = f"http://127.0.0.1:{listening.getsockname()[1]}/file"
        with pytest.raises(TransferError, match="timed out"):
            remote_size(silent, "file.bin", 0.2)
