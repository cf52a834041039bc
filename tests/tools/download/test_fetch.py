"""An artefact is there whole and checked, or not at all, and every failure says what to do instead."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ink.runtime.errors import InkError
from ink.runtime.locks import exclusive
from ink.tools.download import fetch as module
from ink.tools.download.artefacts import ARTEFACTS, Artefact
from ink.tools.download.fetch import fetch
from ink.tools.download.sources import Source
from ink.tools.download.transfer import Patience

BODY, OTHER = b"weights " * 5000, b"other weights " * 5000
PLAIN = Artefact("comet_model", "a checkpoint", "http://nowhere/", None, "not stated", "comet/checkpoints/model.ckpt")
ARCHIVE = replace(
    PLAIN, name="wmt19_model", file="model.tar.gz", unpacked="model", holds=("dict.de.txt", "dict.en.txt", "*.pt")
)


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def tar_gz(*names: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 5
            archive.addfile(info, io.BytesIO(b"text\n"))
    return packed.getvalue()


WHOLE = tar_gz("wmt19/dict.de.txt", "wmt19/dict.en.txt", "wmt19/model.pt")


def source_of(server: Any, folder: Path, artefact: Artefact = PLAIN, **more: Any) -> Source:
    return Source(artefact, server.url, folder=folder / "downloads", **more)


def refused(source: Source, haste: Patience) -> str:
    """The message, which always says which file, from where, and how to place it by hand."""
    with pytest.raises(InkError) as raised:
        fetch(source, haste)
    message = str(raised.value)
    assert "\n" not in message
    assert message.startswith(f"{source.artefact.name}: {source.file} from {source.origin}: ")
    assert f"to place it by hand, put the file{' with sha256' if source.sha256 else ''}" in message
    assert f" at {source.file}" in message and f"into {source.record}" in message
    return message


def names_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_file_is_put_in_place_with_its_sha256_beside_it(server: Any, tmp_path: Path, haste: Patience) -> None:
    source = source_of(server.then(BODY), tmp_path)
    fetched = fetch(source, haste)
    assert (fetched.sha256, fetched.verified, fetched.new) == (sha256(BODY), False, True)
    folder = tmp_path / "downloads" / "comet" / "checkpoints"
    assert names_below(folder) == {"model.ckpt", "model.ckpt.sha256"}
    assert (folder / "model.ckpt").read_bytes() == BODY
    assert (folder / "model.ckpt.sha256").read_text() == f"{sha256(BODY)}  model.ckpt\n"


def test_what_is_there_is_not_fetched_again(server: Any, tmp_path: Path, haste: Patience) -> None:
    source = source_of(server.then(BODY), tmp_path)
    fetch(source, haste)
    assert fetch(source, haste).new is False
    assert len(server.requests) == 1


def test_a_pinned_sha256_is_verified(server: Any, tmp_path: Path, haste: Patience) -> None:
    assert fetch(source_of(server.then(BODY), tmp_path, sha256=sha256(BODY)), haste).verified


@pytest.mark.failure(
    "Downloads",
    "a file that has not the sha256 of the config",
    "file, address, the sha256 expected and the one found; it is not kept [download/other-content]",
)
def test_a_wrong_sha256_names_file_address_expected_and_found(server: Any, tmp_path: Path, haste: Patience) -> None:
    source = source_of(server.then(OTHER), tmp_path, sha256=sha256(BODY))
    message = refused(source, haste)
    assert server.url in message
    assert f"expected sha256 {sha256(BODY)}, as the config says, found {sha256(OTHER)}" in message
    assert not names_below(tmp_path)


def test_a_file_that_is_there_is_held_against_the_pin(server: Any, tmp_path: Path, haste: Patience) -> None:
    fetch(source_of(server.then(BODY), tmp_path), haste)
    source = source_of(server, tmp_path, sha256=sha256(OTHER))
    assert f"remove {source.file} to get it anew" in refused(source, haste)
    assert source.file.read_bytes() == BODY


@pytest.mark.failure(
    "Downloads",
    "a file without a sha256 in the config that is another one than the first time",
    "file, address, the sha256 of the first time and the one found; it is not kept [download/other-content]",
)
def test_an_unpinned_file_that_changed_at_the_source_is_refused(server: Any, tmp_path: Path, haste: Patience) -> None:
    source = source_of(server.then(BODY).then(OTHER, etag='"two"'), tmp_path)
    fetch(source, haste)
    source.file.unlink()
    message = refused(source, haste)
    assert f"expected sha256 {sha256(BODY)}, as {source.record} says, found {sha256(OTHER)}: it changed" in message
    assert f"remove {source.record} to accept what is served now" in message
    assert names_below(source.file.parent) == {"model.ckpt.sha256"}
    source.record.unlink()
    assert fetch(source, haste).sha256 == sha256(OTHER)


def test_an_unpinned_file_that_changed_on_the_disk_is_refused(server: Any, tmp_path: Path, haste: Patience) -> None:
    source = source_of(server.then(BODY), tmp_path)
    fetch(source, haste)
    source.file.write_bytes(OTHER)
    assert f"remove {source.file} to get it anew" in refused(source, haste)


def test_a_new_pin_goes_before_an_older_record(server: Any, tmp_path: Path, haste: Patience) -> None:
    source = source_of(server.then(OTHER), tmp_path, sha256=sha256(OTHER))
    source.file.parent.mkdir(parents=True)
    source.record.write_text(f"{sha256(BODY)}  model.ckpt\n")
    assert fetch(source, haste).verified
    assert source.record.read_text().startswith(sha256(OTHER))


def test_a_file_placed_by_hand_is_taken_and_checked(server: Any, tmp_path: Path, haste: Patience) -> None:
    source = source_of(server, tmp_path)
    source.file.parent.mkdir(parents=True)
    source.file.write_bytes(BODY)
    source.record.write_text(f"{sha256(OTHER).upper()} *model.ckpt\n")
    assert f"expected sha256 {sha256(OTHER)}, as {source.record} says" in refused(source, haste)
    source.record.write_text(f"{sha256(BODY).upper()} *model.ckpt\n")
    assert fetch(source, haste).sha256 == sha256(BODY)
    assert not server.requests


@pytest.mark.parametrize("text", ["", "abc  model.ckpt\n", f"{'0' * 64}  a\n{'0' * 64}  b\n"])
def test_a_record_that_is_none_is_named(text: str, server: Any, tmp_path: Path, haste: Patience) -> None:
    source = source_of(server.then(BODY), tmp_path)
    source.file.parent.mkdir(parents=True)
    source.record.write_text(text)
    with pytest.raises(InkError, match=r"model\.ckpt\.sha256 holds no sha256"):
        fetch(source, haste)
    assert not server.requests


def test_a_broken_download_is_kept_and_gone_on_from(server: Any, tmp_path: Path, haste: Patience) -> None:
    source = source_of(server.then(BODY, break_after=10_000).then(status=404), tmp_path)
    assert "the server answered 404 Not Found" in refused(source, haste)
    assert names_below(source.file.parent) == {"model.ckpt.part", "model.ckpt.part.json"}
    server.answers.clear()
    server.then(BODY)
    assert fetch(source, haste).sha256 == sha256(BODY)
    assert server.requests[-1].range == "bytes=10000-"
    assert names_below(source.file.parent) == {"model.ckpt", "model.ckpt.sha256"}


def test_a_local_copy_is_taken_and_nothing_asked(server: Any, tmp_path: Path, haste: Patience) -> None:
    (tmp_path / "mine").write_bytes(BODY)
    source = source_of(server, tmp_path, local_copy=tmp_path / "mine", sha256=sha256(BODY))
    assert fetch(source, haste).verified
    assert source.file.read_bytes() == (tmp_path / "mine").read_bytes() == BODY
    assert not server.requests


def test_a_local_copy_with_a_wrong_sha256_is_refused(server: Any, tmp_path: Path, haste: Patience) -> None:
    (tmp_path / "mine").write_bytes(OTHER)
    source = source_of(server, tmp_path, local_copy=tmp_path / "mine", sha256=sha256(BODY))
    assert str(tmp_path / "mine") in refused(source, haste)
    assert not source.file.exists()


def test_a_local_copy_that_is_not_there_is_named(server: Any, tmp_path: Path, haste: Patience) -> None:
    with pytest.raises(InkError, match=r"downloads\.comet_model\.path: .*mine is no file"):
        fetch(source_of(server, tmp_path, local_copy=tmp_path / "mine"), haste)


def test_an_archive_is_unpacked_once(
    server: Any, tmp_path: Path, haste: Patience, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = source_of(server.then(WHOLE), tmp_path, ARCHIVE)
    fetch(source, haste)
    unpacked = tmp_path / "downloads" / "model"
    assert names_below(unpacked / "wmt19") == {"dict.de.txt", "dict.en.txt", "model.pt"}
    monkeypatch.setattr(module, "unpack", None)
    fetch(source, haste)


def test_an_unpacking_that_was_killed_is_done_again(server: Any, tmp_path: Path, haste: Patience) -> None:
    source = source_of(server.then(WHOLE), tmp_path, ARCHIVE)
    source.file.parent.mkdir(parents=True)
    source.file.write_bytes(WHOLE)
    left = tmp_path / "downloads" / ".model.partial" / "wmt19"
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"ha")
    fetch(source, haste)
    assert "half" not in names_below(tmp_path / "downloads" / "model")
    assert not left.exists()


def test_a_folder_that_somebody_else_made_is_left_alone(server: Any, tmp_path: Path, haste: Patience) -> None:
    mine = tmp_path / "downloads" / "model" / "mine"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"work of years")
    with pytest.raises(InkError, match=r"model is there, but was not unpacked from .*move it away"):
        fetch(source_of(server.then(WHOLE), tmp_path, ARCHIVE), haste)
    assert mine.read_bytes() == b"work of years"


def test_empty_folders_are_nobody_s_work(server: Any, tmp_path: Path, haste: Patience) -> None:
    """Snakemake makes the folders of the files that it expects."""
    (tmp_path / "downloads" / "model" / "wmt19" / "more").mkdir(parents=True)
    fetch(source_of(server.then(WHOLE), tmp_path, ARCHIVE), haste)
    assert {"wmt19/model.pt", ".unpacked.json"} < names_below(tmp_path / "downloads" / "model")


def test_an_archive_of_something_else_is_refused(server: Any, tmp_path: Path, haste: Patience) -> None:
    source = source_of(server.then(tar_gz("wmt19/dict.de.txt", "wmt19/readme")), tmp_path, ARCHIVE)
    message = refused(source, haste)
    assert "it has no dict.en.txt, no *.pt: it is another archive" in message
    assert f"remove {source.file} and {source.record} to get it anew" in message
    assert source.unpacked is not None and not source.unpacked.exists()


def test_a_hostile_archive_is_refused(server: Any, tmp_path: Path, haste: Patience) -> None:
    source = source_of(server.then(tar_gz("../../outside")), tmp_path, ARCHIVE)
    assert "member '../../outside': its path leads out of the folder" in refused(source, haste)
    assert names_below(tmp_path) == {"downloads/model.tar.gz", "downloads/model.tar.gz.sha256"}


def binarised(counts: dict[str, tuple[int, int, int]]) -> bytes:
    """A zip like data-bin.zip, of headers alone: domain -> pairs of train, dev and test."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for domain, numbers in counts.items():
            for name, number in zip(("train", "valid", "test"), numbers, strict=True):
                header = b"MMIDIDX\x00\x00" + (1).to_bytes(8, "little") + bytes([8]) + number.to_bytes(8, "little")
                for language in ("de", "en"):
                    archive.writestr(f"data-bin/{domain}/{name}.de-en.{language}.idx", header)
    return packed.getvalue()


TABLE_1 = {
    "medical": (248_099, 2000, 2000),
    "law": (467_309, 2000, 2000),
    "it": (222_927, 2000, 2000),
    "koran": (17_982, 2000, 2000),
}


def test_the_paper_s_data_has_the_paper_s_sentences(server: Any, tmp_path: Path, haste: Patience) -> None:
    source = source_of(server.then(binarised(TABLE_1)), tmp_path, ARTEFACTS["multi_domain_data"])
    fetch(source, haste)
    assert (tmp_path / "downloads" / "multi_domain_data" / "data-bin" / "koran").is_dir()


@pytest.mark.failure(
    "Downloads",
    "the paper's text with other numbers of sentences than the config says, or else Table 1",
    "domain, split, both numbers; nothing is unpacked [download/other-content]",
)
@pytest.mark.failure(
    "Downloads",
    "text with other sentences than the paper's Table 1",
    "`law train: expected 467,309, found 467,000 [download/other-content]`; it is not put in place",
)
def test_data_with_other_sentences_is_refused(server: Any, tmp_path: Path, haste: Patience) -> None:
    body = binarised({**TABLE_1, "law": (467_000, 2000, 1999)})
    source = source_of(server.then(body), tmp_path, ARTEFACTS["multi_domain_data"])
    message = refused(source, haste)
    assert "law train: expected 467,309, found 467,000; law test: expected 2,000, found 1,999" in message
    assert source.unpacked is not None and not source.unpacked.exists()


def test_the_config_may_say_other_numbers_of_sentences(server: Any, tmp_path: Path, haste: Patience) -> None:
    """Of the domains that it names: the others are still held against the paper's."""
    small = {**TABLE_1, "koran": (30, 4, 5)}
    requested = {"koran": {"train": 30, "dev": 4, "test": 5}}
    artefact = ARTEFACTS["multi_domain_data"]
    fetch(source_of(server.then(binarised(small)), tmp_path / "a", artefact, sentences=requested), haste)
    requested["koran"]["dev"] = 6
    message = refused(source_of(server, tmp_path / "b", artefact, sentences=requested), haste)
    assert "(koran dev: expected 6, found 4)" in message
    message = refused(source_of(server, tmp_path / "c", artefact, sentences={"law": requested["koran"]}), haste)
    assert "law train: expected 30, found 467,309" in message and "koran train: expected 17,982, found 30" in message


@pytest.mark.failure(
    "Downloads",
    "an unpacked file that somebody removed or cut",
    "the next `ink download` unpacks its archive again",
)
@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"te")])
def test_an_unpacked_file_that_is_gone_is_unpacked_again(
    server: Any, tmp_path: Path, haste: Patience, damage: Callable[[Path], Any]
) -> None:
    source = source_of(server.then(WHOLE), tmp_path, ARCHIVE)
    fetch(source, haste)
    model = tmp_path / "downloads" / "model" / "wmt19" / "model.pt"
    damage(model)
    fetch(source, haste)
    assert model.read_bytes() == b"text\n"
    assert len(server.requests) == 1


def test_two_at_a_time_are_refused(
    server: Any, tmp_path: Path, haste: Patience, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ink.runtime.locks.PATIENCE_SECONDS", 0.05)
    source = source_of(server.then(BODY), tmp_path)
    source.file.parent.mkdir(parents=True)
    with exclusive(source.file), pytest.raises(InkError, match=r"model\.ckpt is being written by"):
        fetch(source, haste)
    assert not server.requests
