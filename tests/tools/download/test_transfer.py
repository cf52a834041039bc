"""A transfer is resumed where that is sure to give the same file, begun anew where not, and never half."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ink.tools.download import transfer as module
from ink.tools.download.transfer import Patience, TransferError, transfer

BODY = random.Random(1).randbytes(50_000)
OTHER = random.Random(2).randbytes(50_000)
HALF = 25_000


def get(server: Any, folder: Path, haste: Patience) -> bytes:
    transfer(server.url, folder / "file.bin.part", "file.bin", haste)
    return (folder / "file.bin.part").read_bytes()


def fail(server: Any, folder: Path, haste: Patience) -> str:
    with pytest.raises(TransferError) as raised:
        get(server, folder, haste)
    return str(raised.value)


def test_a_file_comes_whole_in_one_request(server: Any, tmp_path: Path, haste: Patience) -> None:
    assert get(server.then(BODY), tmp_path, haste) == BODY
    assert [(one.range, one.status) for one in server.requests] == [(None, 200)]


@pytest.mark.failure(
    "Downloads",
    "a connection that breaks off",
    "gone on from where it was, after a pause; given up when nothing new comes, and what came is kept",
)
def test_a_broken_connection_is_gone_on_from(server: Any, tmp_path: Path, haste: Patience) -> None:
    server.then(BODY, break_after=HALF).then(BODY)
    assert get(server, tmp_path, haste) == BODY
    assert [(one.range, one.if_range, one.status) for one in server.requests] == [
        (None, None, 200),
        (f"bytes={HALF}-", '"one"', 206),
    ]


def test_a_later_call_goes_on_too(server: Any, tmp_path: Path, haste: Patience) -> None:
    fail(server.then(BODY, break_after=HALF).then(status=404), tmp_path, haste)
    server.answers.clear()
    assert get(server.then(BODY), tmp_path, haste) == BODY
    assert server.requests[-1].range == f"bytes={HALF}-"


@pytest.mark.failure(
    "Downloads",
    "`ink download` killed with SIGKILL",
    "the same command goes on from the last megabyte",
)
def test_a_process_killed_outright_loses_a_piece_at_most(server: Any, tmp_path: Path, haste: Patience) -> None:
    body, partial = random.Random(3).randbytes(3_500_000), tmp_path / "file.bin.part"
    server.then(body, hang_after=2_200_000)
    script = "import sys; from pathlib import Path; from ink.tools.download.transfer import transfer as t; "
    script += "t(sys.argv[1], Path(sys.argv[2]), 'file.bin')"
    process = subprocess.Popen([sys.executable, "-c", script, server.url, str(partial)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (partial.is_file() and partial.stat().st_size >= 2_000_000):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait()
    server.answers.clear()
    assert get(server.then(body), tmp_path, haste) == body
    assert [one.range for one in server.requests] == [None, "bytes=2000000-"]


def test_many_breaks_are_borne_as_long_as_something_new_comes(server: Any, tmp_path: Path, haste: Patience) -> None:
    server.then(BODY, break_after=5_000)
    assert get(server, tmp_path, haste) == BODY
    assert len(server.requests) == 10
    assert len(server.requests) > haste.attempts


@pytest.mark.failure(
    "Downloads",
    "a server that cannot go on in the middle",
    "the file comes anew",
)
def test_a_server_that_ignores_range_begins_anew(server: Any, tmp_path: Path, haste: Patience) -> None:
    server.then(BODY, break_after=HALF).then(BODY, honour_range=False)
    assert get(server, tmp_path, haste) == BODY
    assert [(one.range, one.status) for one in server.requests] == [(None, 200), (f"bytes={HALF}-", 200)]


def test_one_that_ignores_range_and_always_breaks_off_is_given_up(server: Any, tmp_path: Path, haste: Patience) -> None:
    server.then(BODY, break_after=HALF, honour_range=False)
    message = fail(server, tmp_path, haste)
    assert f"broke off after {HALF:,} bytes, 3 times in a row without getting further" in message
    assert len(server.requests) == 1 + haste.attempts


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"etag": '"two"'}),
        (
            {"etag": None, "last_modified": "Mon, 02 Jan 2023 00:00:00 GMT"},
            {"etag": None, "last_modified": "Tue, 03 Jan 2023 00:00:00 GMT"},
        ),
    ],
    ids=["ETag", "Last-Modified"],
)
def test_a_file_that_changed_between_attempts_begins_anew(
    before: dict[str, Any], after: dict[str, Any], server: Any, tmp_path: Path, haste: Patience
) -> None:
    server.then(BODY, break_after=HALF, **before).then(OTHER, **after)
    assert get(server, tmp_path, haste) == OTHER
    # the server saw by If-Range that it is another file, and sent all of it
    assert [one.status for one in server.requests] == [200, 200]


@pytest.mark.failure(
    "Downloads",
    "a file that changed at its address between two attempts",
    "it comes anew; pieces of two versions are never put together",
)
@pytest.mark.parametrize(
    ("before", "after", "body"),
    [
        ({"etag": 'W/"one"'}, {"etag": 'W/"two"'}, OTHER),
        ({}, {}, OTHER + b"longer"),
        ({}, {}, OTHER[: HALF - 1]),
    ],
    ids=["weak ETag", "longer", "shorter than what came"],
)
def test_a_rest_that_is_of_another_file_is_not_taken(
    before: dict[str, Any], after: dict[str, Any], body: bytes, server: Any, tmp_path: Path, haste: Patience
) -> None:
    server.then(BODY, break_after=HALF, **before).then(body, **after)
    assert get(server, tmp_path, haste) == body
    # a server that answers 206 (or 416) although it has another file by now: asked once more, for all of it
    assert [one.range for one in server.requests] == [None, f"bytes={HALF}-", None]


def test_without_anything_to_tell_files_apart_it_begins_anew(server: Any, tmp_path: Path, haste: Patience) -> None:
    server.then(BODY, break_after=HALF, etag=None).then(OTHER, etag=None)
    assert get(server, tmp_path, haste) == OTHER
    assert [one.range for one in server.requests] == [None, None]


@pytest.mark.parametrize("record", [None, "{", '{"address": "http://elsewhere/file.bin"}'])
def test_a_part_of_which_nothing_is_known_is_not_used(
    record: str | None, server: Any, tmp_path: Path, haste: Patience
) -> None:
    (tmp_path / "file.bin.part").write_bytes(OTHER[:HALF])
    if record is not None:
        (tmp_path / "file.bin.part.json").write_text(record)
    assert get(server.then(BODY), tmp_path, haste) == BODY


def test_a_part_from_another_address_is_not_used(server: Any, tmp_path: Path, haste: Patience) -> None:
    fail(server.then(BODY, break_after=HALF).then(status=404), tmp_path, haste)
    record = tmp_path / "file.bin.part.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "address": "http://elsewhere/file.bin"}))
    server.answers.clear()
    assert get(server.then(BODY), tmp_path, haste) == BODY
    assert server.requests[-1].range is None


def test_a_part_that_is_whole_is_not_asked_for_again(server: Any, tmp_path: Path, haste: Patience) -> None:
    get(server.then(BODY), tmp_path, haste)
    assert get(server, tmp_path, haste) == BODY
    assert len(server.requests) == 1


def test_an_error_that_passes_is_waited_out(server: Any, tmp_path: Path, haste: Patience) -> None:
    server.then(b"busy", status=500).then(b"busy", status=503).then(BODY)
    assert get(server, tmp_path, haste) == BODY
    assert [one.status for one in server.requests] == [500, 503, 200]


@pytest.mark.failure(
    "Downloads",
    "a server that is busy or broken",
    "asked again after growing pauses, then: `... the server answered 500 Internal Server Error 6 times; to "
    "place it by hand, put the file at ... [download/no-answer]`",
)
def test_an_error_that_does_not_pass_is_given_up(server: Any, tmp_path: Path, haste: Patience) -> None:
    assert "the server answered 500 Internal Server Error 3 times" in fail(server.then(status=500), tmp_path, haste)
    assert len(server.requests) == haste.attempts


def test_what_is_not_there_is_asked_for_once(server: Any, tmp_path: Path, haste: Patience) -> None:
    assert fail(server.then(b"no", status=404), tmp_path, haste) == "the server answered 404 Not Found"
    assert len(server.requests) == 1
    assert not list(tmp_path.iterdir())


def test_pauses_grow(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(module.time, "sleep", pauses.append)
    server.then(BODY, break_after=HALF, honour_range=False)
    patience = Patience(attempts=4, pause_seconds=0.5, timeout_seconds=10.0)
    with pytest.raises(TransferError):
        transfer(server.url, tmp_path / "file.bin.part", "file.bin", patience)
    assert pauses == [0.5, 1.0, 2.0, 4.0]


def test_nobody_there_is_said(tmp_path: Path, haste: Patience) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(TransferError, match=r"no answer from the server \(.*Connection refused\)"):
        transfer(f"http://127.0.0.1:{port}/file.bin", tmp_path / "part", "file.bin", haste)


def test_a_silent_server_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TransferError, match="timed out"):
        transfer(
            f"http://127.0.0.1:{silent.getsockname()[1]}/file.bin",
            tmp_path / "part",
            "file.bin",
            Patience(attempts=2, pause_seconds=0.0, timeout_seconds=0.1),
        )


@pytest.mark.failure(
    "Downloads",
    "a page in place of the file, as Google Drive shows when a file was fetched too often",
    "`... the server answered with a web page (Quota exceeded) in place of ...; open the address in a browser ... "
    "[download/web-page]`",
)
def test_a_page_in_place_of_the_file_is_refused_by_its_title(server: Any, tmp_path: Path, haste: Patience) -> None:
    page = b"<html><head><title>Quota exceeded</title></head></html>"
    assert "a web page (Quota exceeded)" in fail(server.then(page, content_type="text/html"), tmp_path, haste)
    assert not list(tmp_path.iterdir())


def test_a_file_without_an_end_is_refused(server: Any, tmp_path: Path, haste: Patience) -> None:
    assert "does not say how long the file is" in fail(server.then(BODY, said_length=False), tmp_path, haste)


def test_bytes_are_kept_as_they_are_sent(server: Any, tmp_path: Path, haste: Patience) -> None:
    """A server that labels a .tar.gz as gzip-encoded must not have it decompressed on the way."""
    assert get(server.then(BODY, headers={"Content-Encoding": "gzip"}), tmp_path, haste) == BODY


def test_a_password_in_the_address_is_not_written_down(server: Any, tmp_path: Path, haste: Patience) -> None:
    address = server.then(BODY).url.replace("http://", "http://me:secret@")
    transfer(address, tmp_path / "part", "file.bin", haste)
    assert "secret" not in (tmp_path / "part.json").read_text()
