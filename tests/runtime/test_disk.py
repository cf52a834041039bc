"""Which errors are the disk's, in whose words ever, and which are not."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import SafetensorError

from ink.runtime.disk import (
    bytes_in_words,
    describe_trouble,
    disk_trouble_named,
    existing_parent,
    free_bytes,
    mount_point,
)
from ink.runtime.errors import InkError
from ink.runtime.whole_files import write_atomically


@pytest.mark.failure(
    "Disk",
    "a used-up quota, a file size limit, no permission, a broken disk",
    "`... cannot be written: ` and the reason",
)
@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "no space left ("),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), "the disk quota is used up ("),
        (OSError(errno.EFBIG, os.strerror(errno.EFBIG)), "raise the limit (ulimit -f)"),
        (OSError(errno.EROFS, os.strerror(errno.EROFS)), "is read-only; mount it writable"),
        (OSError(errno.EIO, os.strerror(errno.EIO)), "refused to take all of it"),
        (PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/data/store"), "no permission for /data/store"),
        (PermissionError(errno.EPERM, os.strerror(errno.EPERM)), "no permission for "),
        (SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"), "no space left"),
        (RuntimeError("Error in faiss: write error in x: 12 != 300 (No space left on device)"), "no space left"),
        (RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534"), "refused to take all"),
        (RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed"), "refused to take all"),
        (OSError("10000 requested and 2032 written"), "refused to take all"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_the_disk_s_errors_are_one_line_that_names_the_file(tmp_path: Path, error: Exception, message: str) -> None:
    with pytest.raises(InkError) as refused, write_atomically(tmp_path / "store.npy"):
        raise error
    assert str(refused.value).startswith(f"{tmp_path / 'store.npy'} cannot be written: ")
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.__cause__ is error
    assert list(tmp_path.iterdir()) == []


def test_an_unexplained_failure_on_a_full_disk_is_the_disk_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ink.runtime.disk.free_bytes", lambda path: 4096)
    found = describe_trouble(OSError("10000 requested and 2032 written"), tmp_path / "a")
    assert found is not None
    assert "no space left (4.1 kB free on the disk mounted at /" in found


def test_what_an_error_was_made_of_counts(tmp_path: Path) -> None:
    with pytest.raises(InkError, match="no space left"), write_atomically(tmp_path / "a"):
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise ValueError("could not save") from error


@pytest.mark.parametrize(
    "error", [KeyError("a"), RuntimeError("size mismatch"), OSError("no such dataset"), FileNotFoundError(2, "none")]
)
def test_other_errors_stay_what_they_are(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)), disk_trouble_named(tmp_path / "a"):
        raise error


def test_libraries_fail_in_words_that_are_known(tmp_path: Path) -> None:
    """Their own words for a device that is always full."""
    full = Path("/dev/full")
    for write in (
        lambda: torch.save({"a": torch.zeros(100_000)}, full.open("wb")),
        lambda: np.save(full.open("wb"), np.zeros(100_000)),
        lambda: full.write_text("a" * 100_000),
    ):
        with pytest.raises(InkError, match="cannot be written: no space left"), write_atomically(tmp_path / "a"):
            write()


def test_of_a_file_within_a_folder_the_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InkError) as refused, write_atomically(tmp_path / "store") as folder:
        folder.mkdir()
        with write_atomically(folder / "keys.npy"):
            raise OSError(errno.ENOSPC, "No space left on device")
    assert str(refused.value).startswith(f"{tmp_path / 'store'} cannot be written: no space left (")


def test_a_disk_is_named_by_its_mount_point() -> None:
    assert mount_point(Path("/proc/self/none")) == Path("/proc")
    assert mount_point(Path("/none/at/all")) == Path("/")


def test_the_nearest_folder_that_exists_is_asked_for_space(tmp_path: Path) -> None:
    assert existing_parent(tmp_path / "a" / "b" / "c") == tmp_path
    assert free_bytes(tmp_path / "a" / "b") > 0


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (4096, "4.1 kB"),
        (123_456_789, "123 MB"),
        (1.5e9, "1.5 GB"),
        (2e15, "2000.0 TB"),
    ],
)
def test_sizes_in_words(count: float, words: str) -> None:
    assert bytes_in_words(count) == words
