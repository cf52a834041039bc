"""What is still to be downloaded: here, to be had, or what to do; asked of servers on this machine alone."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from ink.runtime.disk import bytes_in_words
from ink.runtime.whole_files import sha256_of, write_json
from ink.tools.doctor import downloads
from ink.tools.doctor.downloads import UNPACKED, examine_downloads
from ink.tools.doctor.examination import examine
from ink.tools.doctor.finding import ERROR, OK, WARNING, Finding
from ink.tools.doctor.space import space
from ink.tools.download.sources import Source, sources

BODY = b"weights " * 5000
FILE = Path("downloads/wmt20-comet-da/checkpoints/model.ckpt")


class Server:
    """Answers by path; `requests`: method, path and Range of each."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, str | None]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests.append((self.command, self.path, self.headers.get("Range")))
                server.answer(self)

            def log_message(self, *arguments: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/{path}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        kind = request.path.removeprefix("/")
        headers, body = {}, b""
        if kind == "ranged":
            status, body, headers = 206, BODY[:1], {"Content-Range": f"bytes 0-0/{len(BODY)}"}
        elif kind == "unknown":
            status, body, headers = 206, BODY[:1], {"Content-Range": "bytes 0-0/*"}
        elif kind == "whole":
            status, body = 200, BODY
        elif kind == "moved":
            status, headers = 302, {"Location": self.address("ranged")}
        elif kind == "page":
            status, body, headers = 200, b"<title>Quota exceeded</title>", {"Content-Type": "text/html"}
        else:
            status = 404
        request.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/file"


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def named(name: str = "comet_model", **entry: Any) -> dict[str, Any]:
    return {"downloads": {name: {"url": None, "path": None, "sha256": None, **entry}}}


def only(config: Any, *, offline: bool = False) -> Finding:
    (found,), _ = examine_downloads(config, offline=offline)
    assert found.check == "downloads"
    return found


@pytest.mark.parametrize("config", [{}, {"downloads": {}}])
def test_who_names_nothing_is_told_nothing(config: Any) -> None:
    assert examine_downloads(config, offline=False) == ([], 0)


@pytest.mark.parametrize(
    ("path", "size"),
    [("ranged", "40.0 kB"), ("whole", "40.0 kB"), ("moved", "40.0 kB"), ("unknown", "size unknown")],
)
def test_an_address_that_answers_says_how_large_the_file_is(server: Server, path: str, size: str) -> None:
    found = only(named(url=server.address(path)))
    assert found.status == OK
    assert f"{server.address(path)} answers, {size}; the workflow or `ink download` fetches it to {FILE}" in found.text
    assert ("GET", f"/{path}", "bytes=0-0") in server.requests
    assert not FILE.exists()


@pytest.mark.failure(
    "Downloads",
    "an address that is gone, or shows a page, before anything is fetched",
    "`ink doctor`: `warning  downloads  wmt19_model: not here yet; https://...: the server answered 404 Not "
    "Found; try again later, name a mirror or a local copy (...), or put the file at ...`",
)
@pytest.mark.parametrize(
    ("path", "reason"),
    [("absent", "the server answered 404"), ("page", "the server answered with a web page (Quota exceeded)")],
)
def test_an_address_without_the_file_is_a_warning_with_what_to_do(server: Server, path: str, reason: str) -> None:
    found = only(named(url=server.address(path)))
    assert found.status == WARNING
    assert reason in found.text
    assert f"(downloads.comet_model.url, .path), or put the file at {FILE}" in found.text


@pytest.mark.failure(
    "Downloads",
    "a server that never answers, before anything is fetched",
    "`ink doctor`: `warning  downloads  wmt19_model: ... no answer from the server (...)`, after five seconds, "
    "ten for all of them",
)
def test_a_server_that_never_answers_is_given_up(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "ANSWER_SECONDS", 0.2)
    found = only(named(url=silent))
    assert found.status == WARNING
    assert "no answer from the server (" in found.text and "timed out" in found.text


def test_all_together_have_a_time_limit_too(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Finding a server's name has none of its own."""
    monkeypatch.setattr(downloads, "ANSWER_SECONDS", 30.0)
    monkeypatch.setattr(downloads, "ALL_SECONDS", 0.3)
    config = named(url=silent)
    config["downloads"] |= named("comet_settings", url=silent)["downloads"]
    start = time.monotonic()
    found, to_come = examine_downloads(config, offline=False)
    assert time.monotonic() - start < 5
    assert [one.status for one in found] == [WARNING, WARNING]
    assert all("no answer within 0 seconds" in one.text for one in found)
    assert to_come == 0


def test_nobody_there(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/file"
    found = only(named(url=address))
    assert found.status == WARNING and "no answer from the server (" in found.text


def test_a_user_s_password_is_not_shown(server: Server) -> None:
    address = server.address("absent").replace("http://", "http://me:secret@")
    assert "secret" not in only(named(url=address)).text


def test_offline_nobody_is_asked(server: Server) -> None:
    found = only(named(url=server.address("ranged")), offline=True)
    assert (found.status, server.requests) == (WARNING, [])
    assert "not checked (offline)" in found.text


def put(source: Source, body: bytes = BODY, *, record: str | None = None) -> None:
    source.file.parent.mkdir(parents=True, exist_ok=True)
    source.file.write_bytes(body)
    if record is not None:
        source.record.write_text(f"{record}  {source.file.name}\n", encoding="utf-8")


def test_what_is_here_is_not_asked_for(server: Server) -> None:
    sha256 = hashlib.sha256(BODY).hexdigest()
    config = named(url=server.address("ranged"))
    (source,) = sources(config)
    put(source)
    found = only(config)
    assert found.status == WARNING and "has not been checked" in found.text
    put(source, record=sha256)
    found = only(config)
    assert found.status == OK and "40.0 kB, whole; not pinned, its sha256 is recorded" in found.text
    config["downloads"]["comet_model"]["sha256"] = sha256.upper()
    assert "its sha256 is the one pinned" in only(config).text
    config["downloads"]["comet_model"]["sha256"] = "0" * 64
    found = only(config)
    assert found.status == WARNING and f"had sha256 {sha256} when it came, but the config pins {'0' * 64}" in found.text
    source.record.write_text("nonsense\n", encoding="utf-8")
    found = only(config)
    assert found.status == WARNING and "holds no sha256" in found.text
    assert server.requests == []


def test_an_archive_is_whole_when_it_is_unpacked(server: Server) -> None:
    config = named("wmt19_model", url=server.address("ranged"))
    (source,) = sources(config)
    assert source.unpacked is not None
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("dict.de.txt"))
    put(source, packed.getvalue())
    put(source, packed.getvalue(), record=sha256_of(source.file))
    found = only(config)
    assert found.status == WARNING and "is not unpacked yet; run `ink download`" in found.text
    source.unpacked.mkdir()
    write_json(source.unpacked / ".unpacked.json", {"archive": "x", "sha256": "1" * 64})
    assert only(config).status == WARNING
    write_json(source.unpacked / ".unpacked.json", {"archive": "x", "sha256": sha256_of(source.file)})
    found = only(config)
    assert found.status == OK and f"unpacked to {source.unpacked}" in found.text


def test_a_local_copy_is_looked_at_and_its_address_is_not_asked(
    server: Server, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = named(url=server.address("ranged"), path=str(work / "copy"))
    found = only(config)
    assert found.status == WARNING and f"downloads.comet_model.path: {work / 'copy'} is no file; correct" in found.text
    (work / "copy").write_bytes(BODY)
    found = only(config)
    assert found.status == OK and "can be read, 40.0 kB" in found.text
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "copy" and allowed(path, mode))
    assert "cannot be read: no permission" in only(config).text
    assert server.requests == []


@pytest.mark.parametrize(
    ("name", "came", "unpacked", "expected"),
    [
        ("comet_model", 0, False, len(BODY)),
        ("comet_model", 15_000, False, len(BODY) - 15_000),
        ("wmt19_model", 0, False, (1 + UNPACKED) * len(BODY)),
        ("wmt19_model", 0, True, len(BODY)),
    ],
)
def test_what_is_to_come_takes_disk(server: Server, name: str, came: int, unpacked: bool, expected: float) -> None:
    config = named(name, url=server.address("ranged"))
    (source,) = sources(config)
    source.file.parent.mkdir(parents=True)
    if came:
        source.partial.write_bytes(BODY[:came])
    if unpacked:
        assert source.unpacked is not None
        source.unpacked.mkdir()
    (found,), to_come = examine_downloads(config, offline=False)
    assert to_come == expected
    assert (f"{bytes_in_words(came)} have come" in found.text) == bool(came)
    source.partial.unlink(missing_ok=True)
    put(source)
    assert examine_downloads(config, offline=False)[1] == (UNPACKED * len(BODY) if expected > len(BODY) else 0)


def test_a_disk_too_small_for_it_is_told(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "free_bytes", lambda path: 30_000)
    found, _ = examine_downloads(named(url=server.address("ranged")), offline=False)
    assert [one.status for one in found] == [OK, WARNING]
    assert "about 40.0 kB to come, unpacked included, and 30.0 kB free where downloads/ is" in found[1].text


def test_downloads_count_where_they_go_to_the_same_disk(
    config: Any, workload_of_config: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    workload = workload_of_config(config)
    assert "downloads" not in space(workload).text
    assert "downloads 5.0 GB" in space(workload, 5e9).text
    monkeypatch.setattr("ink.tools.doctor.space.mount_point", lambda path: path)
    assert "downloads" not in space(workload, 5e9).text


def test_an_artefact_that_is_nowhere_does_not_fail_the_doctor(
    config: Any, server: Server, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ink.tools.doctor.duration.MEASURING_SECONDS", 0.02)
    config |= named(url=server.address("absent"))
    (work / "micro.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    for offline in (False, True):
        found = list(examine(work / "micro.yaml", offline=offline))
        about = [one for one in found if one.check == "downloads"]
        assert [one.status for one in about] == [WARNING]
        assert not [one for one in found if one.status == ERROR and one.check not in ("snakemake", "ink")]
    assert len(server.requests) == 1
