"""A server on this machine that breaks off, changes its mind and lies, and what it serves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ink.tools.download.transfer import Patience


@dataclass
class Answer:
    """How one request is answered.

    Of the body, break_after: so many bytes are sent before the connection ends; hang_after: before nothing more comes.
    """

    body: bytes = b""
    status: int = 200
    etag: str | None = '"one"'
    last_modified: str | None = None
    break_after: int | None = None
    hang_after: int | None = None
    honour_range: bool = True
    content_type: str = "application/octet-stream"
    said_length: bool = True
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Request:
    """What a request asked for."""

    path: str
    range: str | None
    if_range: str | None
    status: int


class _Quiet(ThreadingHTTPServer):
    """A client that hangs up is what some tests are about."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class Server:
    """Answers the requests in turn as `then` said, the last answer for ever; `requests` are those so far."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self._http = _Quiet(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/file.bin"

    def then(self, body: bytes = b"", **more: Any) -> Server:
        """Add an answer."""
        self.answers.append(Answer(body, **more))
        return self

    def close(self) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                answer = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
                wanted, if_range = self.headers.get("Range"), self.headers.get("If-Range")
                status, start, end = answer.status, 0, len(answer.body)
                current = if_range is None or if_range in (answer.etag, answer.last_modified)
                if wanted is not None and status == 200 and answer.honour_range and current:
                    first, _, last = wanted.removeprefix("bytes=").partition("-")
                    start, end = int(first), int(last) + 1 if last else end
                    status = 206 if start < len(answer.body) else 416
                server.requests.append(Request(self.path, wanted, if_range, status))
                body = b"" if status == 416 else answer.body[start:end]
                self.send_response(status)
                self.send_header("Content-Type", answer.content_type)
                if answer.said_length:
                    self.send_header("Content-Length", str(len(body)))
                if status == 206:
                    self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(answer.body)}")
                for name, value in {
                    "ETag": answer.etag,
                    "Last-Modified": answer.last_modified,
                    **answer.headers,
                }.items():
                    if value is not None:
                        self.send_header(name, value)
                self.end_headers()
                if answer.hang_after is not None:
                    self.wfile.write(body[: answer.hang_after])
                    server.closing.wait(60)
                    return
                self.wfile.write(body if answer.break_after is None else body[: answer.break_after])
                if answer.break_after is not None or not answer.said_length:
                    self.close_connection = True

            def log_message(self, *arguments: Any) -> None:
                pass

        return Handler


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture
def haste() -> Patience:
    return Patience(attempts=3, pause_seconds=0.0, timeout_seconds=10.0)
