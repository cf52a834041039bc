"""Archives are unpacked whole or not at all, and none writes outside its folder, links, or fills the disk."""

from __future__ import annotations

import gzip
import io
import random
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ink.tools.download import unpacking as module
from ink.tools.download.unpacking import LIMITS, ArchiveError, Limits, unpack, unpacked_from

Content = dict[str, bytes]
GOOD = {"data-bin/it/train.bin": b"some text", "data-bin/it/dict.de.txt": b"der 1\n", "empty": b""}


def tar(path: Path, content: Content, *special: tarfile.TarInfo) -> Path:
    endings = {".tar": "w", ".gz": "w:gz", ".tgz": "w:gz", ".bz2": "w:bz2", ".xz": "w:xz"}
    with tarfile.open(path, endings[path.suffix]) as archive:
        for name, body in content.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(body), 0o4777
            archive.addfile(info, io.BytesIO(body))
        for info in special:
            archive.addfile(info)
    return path


def zipped(path: Path, content: Content) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in content.items():
            archive.writestr(name, body)
    return path


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def files_below(folder: Path) -> Content:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(archive: Path, limits: Limits = LIMITS) -> str:
    """The message with which the archive is refused; nothing is left but what was there."""
    top = archive.parent
    before = files_below(top)
    with pytest.raises(ArchiveError) as raised:
        unpack(archive, top / "inner" / "out", "0" * 64, limits)
    assert files_below(top) == before
    assert not list((top / "inner").iterdir())
    message = str(raised.value)
    assert str(archive) in message
    return message


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar.xz", "a.zip"])
def test_what_was_packed_comes_out(name: str, tmp_path: Path) -> None:
    archive = (zipped if name.endswith(".zip") else tar)(tmp_path / name, GOOD)
    unpack(archive, tmp_path / "out", "ab" * 32)
    assert unpacked_from(tmp_path / "out") == "ab" * 32
    (tmp_path / "out" / ".unpacked.json").unlink()
    assert files_below(tmp_path / "out") == GOOD
    # the archive's own permissions are not taken
    assert not (tmp_path / "out" / "empty").stat().st_mode & (stat.S_ISUID | stat.S_IXUSR | stat.S_IWOTH)


def test_folders_named_or_not_and_leading_dots_are_no_matter(tmp_path: Path) -> None:
    folders = [special("./", tarfile.DIRTYPE), special("./a/", tarfile.DIRTYPE), special("./empty", tarfile.DIRTYPE)]
    unpack(tar(tmp_path / "a.tar", {"./a/b": b"1"}, *folders), tmp_path / "out", "0" * 64)
    assert (tmp_path / "out" / "a" / "b").read_bytes() == b"1"
    assert (tmp_path / "out" / "empty").is_dir()


def test_an_older_folder_is_replaced(tmp_path: Path) -> None:
    unpack(tar(tmp_path / "a.tar", {"old": b"1"}), tmp_path / "out", "0" * 64)
    unpack(tar(tmp_path / "a.tar", {"new": b"1"}), tmp_path / "out", "1" * 64)
    assert set(files_below(tmp_path / "out")) == {"new", ".unpacked.json"}


@pytest.mark.failure(
    "Downloads",
    "an archive that leads out of its folder",
    "`downloads/..., member '../outside': its path leads out of the folder; nothing of the archive was unpacked "
    "[download/archive-refused]`",
)
@pytest.mark.parametrize("pack", [lambda folder, content: tar(folder / "a.tar.gz", content), None], ids=["tar", "zip"])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../outside", "leads out of the folder"),
        ("a/../../outside", "leads out of the folder"),
        ("a/../b", "leads out of the folder"),
        ("/etc/outside", "leads out of the folder"),
        ("a\\..\\outside", "none on this system"),
        ("x" * 300, "none on this system"),
        (".unpacked.json", "taken by an earlier member"),
        ("fine", "taken by an earlier member"),
        ("fine/below", "taken by an earlier member"),
        ("folder", "taken by an earlier member"),
        (".", "taken by an earlier member"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_path_that_is_not_a_new_one_in_the_folder_is_refused(
    pack: Callable[[Path, Content], Path] | None, name: str, reason: str, tmp_path: Path
) -> None:
    def pack_zip(folder: Path, content: Content) -> Path:
        return zipped(folder / "a.zip", content)

    pack = pack or pack_zip
    content = {"fine": b"1", "folder/file": b"2", name: b"3"}
    if name == "fine":
        # a dict cannot hold it twice
        content = {"fine": b"1", "./fine": b"3"}
        name = "./fine"
    message = refused(pack(tmp_path, content))
    assert repr(name) in message
    assert reason in message


@pytest.mark.failure(
    "Downloads",
    "an archive with links or devices",
    "`downloads/..., member '...': it is a symbolic link to /etc/passwd, and only files and folders are "
    "unpacked; nothing of the archive was unpacked [download/archive-refused]`",
)
@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (special("link", tarfile.SYMTYPE, "/etc/passwd"), "it is a symbolic link to /etc/passwd"),
        (special("link", tarfile.SYMTYPE, "fine"), "it is a symbolic link to fine"),
        (special("link", tarfile.LNKTYPE, "../outside"), "it is a hard link to ../outside"),
        (special("link", tarfile.LNKTYPE, "fine"), "it is a hard link to fine"),
        (special("null", tarfile.CHRTYPE), "it is a device or a pipe"),
        (special("disk", tarfile.BLKTYPE), "it is a device or a pipe"),
        (special("pipe", tarfile.FIFOTYPE), "it is a device or a pipe"),
    ],
    ids=["symlink out", "symlink", "hard link out", "hard link", "character device", "block device", "pipe"],
)
def test_a_tar_s_links_and_devices_are_refused(member: tarfile.TarInfo, reason: str, tmp_path: Path) -> None:
    message = refused(tar(tmp_path / "a.tar.gz", {"fine": b"1"}, member))
    assert f"member {member.name!r}: {reason}" in message


@pytest.mark.parametrize(
    ("kind", "reason"), [(stat.S_IFLNK, "it is a symbolic link"), (stat.S_IFIFO, "it is a device or a pipe")]
)
def test_a_zip_s_links_and_pipes_are_refused(kind: int, reason: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("odd")
        info.external_attr = (kind | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    assert f"member 'odd': {reason}" in refused(tmp_path / "a.zip")


@pytest.mark.failure(
    "Downloads",
    "an archive that unpacks to far more than its size",
    "`...: up to here it declares 3.0 MB of files, and 100 times the archive's 3.1 kB are allowed at most; "
    "nothing of the archive was unpacked [download/archive-refused]`",
)
@pytest.mark.parametrize("name", ["a.tar.gz", "a.zip"])
def test_a_bomb_is_told_by_its_ratio(name: str, tmp_path: Path) -> None:
    archive = (zipped if name.endswith(".zip") else tar)(tmp_path / name, {"fine": b"1", "bomb": bytes(3_000_000)})
    message = refused(archive)
    assert "member 'bomb': up to here it declares 3.0 MB" in message
    assert "100 times the archive's" in message
    unpack(archive, tmp_path / "out", "0" * 64, Limits(ratio=1e6))


@pytest.mark.parametrize("name", ["a.tar", "a.zip"])
def test_more_than_is_allowed_is_refused_as_declared_in_all(name: str, tmp_path: Path) -> None:
    content = {f"file{number}": bytes([number]) * 400 for number in range(3)}
    archive = (zipped if name.endswith(".zip") else tar)(tmp_path / name, content)
    message = refused(archive, Limits(bytes=1000, ratio=1e6))
    assert "member 'file2': up to here it declares 1.2 kB of files, and 1.0 kB are allowed" in message
    unpack(archive, tmp_path / "out", "0" * 64, Limits(bytes=1200, ratio=1e6))


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"x" * 11, "more comes out than the 10 bytes it declares"), (b"x" * 9, "damaged: 9 of 10 bytes come out")],
)
def test_what_comes_out_is_counted_whatever_the_library_lets_through(
    body: bytes, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def members(archive: Path) -> Iterator[Iterator[module._Member]]:
        yield iter([module._Member("liar", False, 10, None, lambda: io.BytesIO(body))])

    monkeypatch.setattr(module, "_members", members)
    assert f"member 'liar': {reason}" in refused(tar(tmp_path / "a.tar", {}))


def test_more_than_a_zip_declares_is_refused_while_it_is_written(tmp_path: Path) -> None:
    """A central directory that lies about the size: 10 bytes, and 3 million come out."""
    path = zipped(tmp_path / "a.zip", {"bomb": bytes(3_000_000)})
    size = (3_000_000).to_bytes(4, "little")
    raw = path.read_bytes()
    assert raw.count(size) == 2
    path.write_bytes(raw.replace(size, (10).to_bytes(4, "little")))
    assert "member 'bomb': damaged" in refused(path, Limits(ratio=1e6))


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE], ids=["name", "attributes"])
def test_a_tar_s_name_or_attributes_without_measure_are_not_taken_into_memory(kind: bytes, tmp_path: Path) -> None:
    header = special("././@LongLink", kind)
    header.size = 1 << 40
    with gzip.open(tmp_path / "a.tar.gz", "wb") as file:
        file.write(header.tobuf(tarfile.GNU_FORMAT))
        file.write(bytes(1 << 22))
    assert "damaged or of an unknown kind (a header of 1,099,511,627,776 bytes)" in refused(tmp_path / "a.tar.gz")


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    archive = tar(tmp_path / "a.tar", {str(number): b"" for number in range(4)})
    assert "member '3': more than 3 members" in refused(archive, Limits(members=3))


@pytest.mark.failure(
    "Downloads",
    "an archive cut short",
    "`...: damaged or of an unknown kind (...); nothing of the archive was unpacked [download/archive-refused]`",
)
@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tar.xz", "a.tar.bz2", "a.zip"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.7])
def test_an_archive_cut_short_is_refused(name: str, share: float, tmp_path: Path) -> None:
    # bytes that do not compress, so that the cut is within a member
    content = {f"file{number}": random.Random(number).randbytes(20_000) for number in range(3)}
    archive = (zipped if name.endswith(".zip") else tar)(tmp_path / name, content)
    archive.write_bytes(archive.read_bytes()[: int(archive.stat().st_size * share)])
    assert "damaged" in refused(archive, Limits(ratio=1e6))


def test_a_tar_that_stops_between_two_members_is_refused(tmp_path: Path) -> None:
    """tarfile itself takes it for a whole one."""
    archive = tar(tmp_path / "a.tar", {"one": b"1" * 512, "two": b"2" * 512})
    archive.write_bytes(archive.read_bytes()[:1024])
    assert "its end is missing" in refused(archive, Limits(ratio=1e6))


def test_a_flipped_byte_in_a_zip_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("file", b"content " * 100)
    raw = bytearray(path.read_bytes())
    raw[200] ^= 1
    path.write_bytes(raw)
    assert "member 'file': damaged" in refused(path)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    for name in ("a.zip", "a.tar.gz"):
        (tmp_path / name).write_bytes(b"<html>Sorry</html>" * 100)
        assert "damaged or of an unknown kind" in refused(tmp_path / name)
    (tmp_path / "a.rar").write_bytes(b"Rar!")
    assert "ends neither in .zip nor in .tar" in refused(tmp_path / "a.rar")


def test_a_check_that_fails_leaves_the_older_folder(tmp_path: Path) -> None:
    def dislike(folder: Path) -> None:
        raise ArchiveError(f"{set(files_below(folder))} is not it")

    unpack(tar(tmp_path / "a.tar", {"old": b"1"}), tmp_path / "out", "0" * 64)
    with pytest.raises(ArchiveError, match=r"\{'new'\} is not it"):
        unpack(tar(tmp_path / "b.tar", {"new": b"1"}), tmp_path / "out", "1" * 64, check=dislike)
    assert set(files_below(tmp_path / "out")) == {"old", ".unpacked.json"}
