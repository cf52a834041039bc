"""`ink download` on the paper's model: what breaks off is gone on from, what is wrong is refused in one line."""

from __future__ import annotations

import copy
import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from ink.cli import ink
from ink.config import load
from ink.runtime.errors import InkError

PAPER: dict[str, Any] = load(Path(__file__).resolve().parents[3] / "config" / "paper.yaml")
MODEL = ("dict.de.txt", "dict.en.txt", "ende30k.fastbpe.code", "wmt19.de-en.ffn8192.pt")


def archive(name: str | None = None, content: bytes = b"", **more: Any) -> bytes:
    """The base model's archive, each file a line of text, with one more member if it is named."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as opened:
        for file in MODEL:
            opened.addfile(*_member(f"wmt19.de-en.ffn8192/{file}", b"text\n"))
        if name is not None:
            opened.addfile(*_member(name, content, **more))
    return packed.getvalue()


def _member(name: str, content: bytes, **more: Any) -> tuple[tarfile.TarInfo, io.BytesIO]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in more.items():
        setattr(info, key, value)
    return info, io.BytesIO(content)


@pytest.fixture
def download(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the command in an empty folder, on config/paper.yaml with the server's address."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ink.tools.download.transfer.time.sleep", lambda _: None)

    def run(name: str = "wmt19_model", **entry: Any) -> Result:
        config = copy.deepcopy(PAPER)
        config["downloads"][name] |= {"url": server.url, **entry}
        Path("paper.yaml").write_text(yaml.safe_dump(config))
        return CliRunner().invoke(ink, ["download", "paper.yaml", name])

    return run


def test_a_connection_dropped_half_way_is_gone_on_from(server: Any, download: Any, tmp_path: Path) -> None:
    body = archive()
    server.then(body, break_after=len(body) // 2).then(body)
    assert download().exit_code == 0
    assert [requested.range for requested in server.requests] == [None, f"bytes={len(body) // 2}-"]
    assert all((tmp_path / path).read_text() == "text\n" for path in PAPER["base_model"].values() if path is not None)


@pytest.mark.parametrize(
    ("body", "entry", "output"),
    [
        (archive(), {"sha256": "0" * 64}, f"expected sha256 {'0' * 64}, as the config says, found "),
        (archive("../outside", b"x"), {}, "member '../outside': its path leads out of the folder"),
        (archive("/etc/outside", b"x"), {}, "member '/etc/outside': its path leads out of the folder"),
        (archive("link", type=tarfile.SYMTYPE, linkname="/etc"), {}, "member 'link': it is a symbolic link to /etc"),
        (archive("bomb", bytes(30_000_000)), {}, "100 times the archive's "),
        (b"no archive", {}, "damaged or of an unknown kind"),
    ],
    ids=["sha256", "path", "absolute path", "link", "bomb", "no archive"],
)
def test_what_is_wrong_is_one_line_and_leaves_nothing_unpacked(
    server: Any, download: Any, tmp_path: Path, body: bytes, entry: dict[str, Any], output: str
) -> None:
    server.then(body)
    result = download(**entry)
    assert isinstance(result.exception, InkError)
    message = str(result.exception)
    assert message.startswith(f"wmt19_model: downloads/wmt19.de-en.ffn8192.tar.gz from {server.url}: ")
    assert output in message and "\n" not in message
    assert "to place it by hand, put the file" in message and " at downloads/wmt19.de-en.ffn8192.tar.gz" in message
    assert not (tmp_path / "downloads" / "wmt19_model").exists()
    assert not (tmp_path / "outside").exists()


def test_a_file_placed_by_hand_is_checked_and_unpacked(server: Any, download: Any, tmp_path: Path) -> None:
    body = archive()
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / "wmt19.de-en.ffn8192.tar.gz").write_bytes(body)
    result = download(sha256=hashlib.sha256(body).hexdigest())
    assert result.exit_code == 0 and "as the config says" in result.stdout
    assert not server.requests
    assert (tmp_path / PAPER["base_model"]["path"]).is_file()
