"""A disk that is full, and one that is read-only: one line, exit code 1, and what was there is whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

JOBS = {
    "a datastore": ("build", ("--output", "{}/store"), "store"),
    "an adapter": ("adapt", ("--output", "{}/adapter"), "adapter"),
    "tables": ("tables", ("table2",), "results/tables/table2.csv"),
}


@dataclass(frozen=True)
class Disk:
    """A small file system of its own, where the machine lets these tests mount one.

    Elsewhere it is a folder: there a limit on the size of files stands for the end of the space, and permissions for a
    file system that is read-only.
    """

    path: Path
    commands: Any

    def fill(self, left: int) -> int | None:
        """Leave `left` bytes, in whole blocks; return the limit that commands need instead, if they do."""
        if not self.commands.own_mounts:
            return min(left, 4096)  # less than an adapter
        found = os.statvfs(self.commands.seen(self.path))
        filler = self.commands.seen(self.path) / "filler"
        filler.write_bytes(bytes(max(0, found.f_bavail * found.f_frsize - left)))
        return None

    def make_read_only(self) -> None:
        if self.commands.own_mounts:
            self.commands.system("mount", "-o", "remount,ro", self.path)
        else:
            for folder in [self.path, *self.path.rglob("*")]:
                if folder.is_dir():
                    folder.chmod(0o555)

    def content(self) -> dict[str, bytes]:
        place = self.commands.seen(self.path)
        return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


@pytest.fixture
def disk(commands: Any, trained: Any, tmp_path: Path) -> Iterator[Disk]:
    """With older outputs on it, and the results that tables are made of."""
    found = Disk(tmp_path / "disk", commands)
    found.path.mkdir()
    if commands.own_mounts:
        commands.system("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", found.path)
    place = commands.seen(found.path)
    for name in ("results", "paper"):
        shutil.copytree(trained.folder / name, place / name)
    for name in ("store/older", "adapter/older", "results/tables/table2.csv", "results/tables/table2.md"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text("older", encoding="utf-8")
    yield found
    if commands.own_mounts:
        # a process that has just ended may still hold it
        commands.system("umount", "--lazy", found.path)
    else:
        for folder in [found.path, *found.path.rglob("*")]:
            if folder.is_dir():
                folder.chmod(0o755)


def arguments(what: str, disk: Disk, spelled: Any) -> list[str]:
    name, more, _ = JOBS[what]
    command = spelled(name, *(part.format(disk.path) for part in more))
    return command if what != "tables" else [*command, "--results", str(disk.path / "results")]


@pytest.mark.failure(
    "Disk",
    "a full disk: datastore, adapter, tables",
    "`... cannot be written: no space left (0 bytes free on the disk mounted at ...); free some space (...) "
    "[disk/not-writable]`; "
    "older output stays",
)
@pytest.mark.parametrize("left", [0, 4096, 16384])
@pytest.mark.parametrize("what", JOBS)
def test_a_full_disk(what: str, left: int, disk: Disk, trained: Any, commands: Any, spelled: Any) -> None:
    """Full at the start, and full on the way: in the arrays, in the index, in the middle of a file."""
    if what == "tables":
        left = 0  # they are smaller than a block each
    limit = disk.fill(left)
    before = disk.content()
    message = commands(*arguments(what, disk, spelled), folder=trained.folder, largest_file=limit).refusal
    assert message.startswith(f"error: {disk.path}/{JOBS[what][2]} cannot be written: ")
    if disk.commands.own_mounts:
        assert "no space left (" in message
        assert f" free on the disk mounted at {disk.path})" in message
        assert "free some space (`ink clean` removes " in message
    else:
        assert "it grows beyond the largest file allowed" in message
    # a training keeps what it has for the next start
    assert {name: data for name, data in disk.content().items() if ".unfinished/" not in name} == before


@pytest.mark.failure(
    "Disk",
    "a read-only disk: datastore, adapter, tables",
    "`... cannot be written: the disk mounted at ... is read-only; mount it writable, or work in a folder on "
    "another one [disk/not-writable]`",
)
@pytest.mark.parametrize("what", JOBS)
def test_a_read_only_disk(what: str, disk: Disk, trained: Any, commands: Any, spelled: Any) -> None:
    before = disk.content()
    disk.make_read_only()
    message = commands(*arguments(what, disk, spelled), folder=trained.folder).refusal
    assert message.startswith(f"error: {disk.path}/{JOBS[what][2]} cannot be written: ")
    if disk.commands.own_mounts:
        assert f"the disk mounted at {disk.path} is read-only; mount it writable" in message
    else:
        assert "no permission for " in message
    assert disk.content() == before


@pytest.mark.failure(
    "Disk",
    "a disk that fills under the log",
    "the terminal gets the line that the log could not take",
)
def test_a_log_that_cannot_be_written(disk: Disk, trained: Any, commands: Any) -> None:
    """The disk is full before the log has its line: the terminal has it."""
    limit = disk.fill(0)
    log = ("--log", disk.path / "logs" / "job.log")
    failed = commands(*log, "check-config", "absent.yaml", folder=trained.folder, largest_file=limit)
    assert failed.code == 1
    assert "Traceback" not in failed.err
    assert "error: absent.yaml: the configuration cannot be read (No such file or directory)" in failed.err
    disk.make_read_only()
    log = ("--log", disk.path / "elsewhere" / "job.log")
    assert "job.log cannot be written: " in commands(*log, "check-config", "x", folder=trained.folder).refusal
