"""ink.runtime.whole_files: whole or absent, and lines counted the same everywhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, read_lines, remove, write_atomically, write_json, write_lines

LINE = st.text(st.characters(exclude_characters="\n\ufeff\0", codec="utf-8")).filter(
    lambda line: not line.endswith("\r")
)


def test_a_file_appears_under_its_name_when_the_block_has_succeeded(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "codes.index"
    with write_atomically(path) as temporary:
        temporary.write_text("whole")
        assert temporary.suffix == ".index" and temporary.parent == path.parent
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_block_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("before")
    with pytest.raises(KeyError), write_atomically(path) as temporary:
        temporary.write_text("half")
        raise KeyError
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_replaces_the_one_before_and_takes_nothing_over_from_it(tmp_path: Path) -> None:
    path = tmp_path / "corpus"
    path.mkdir()
    (path / "stale").touch()
    with write_atomically(path) as temporary:
        temporary.mkdir()
        (temporary / "fresh").touch()
    assert [entry.name for entry in path.iterdir()] == ["fresh"]
    with pytest.raises(OSError), write_atomically(path) as temporary:
        temporary.mkdir()
        (temporary / "half").touch()
        raise OSError
    assert [entry.name for entry in path.iterdir()] == ["fresh"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), write_atomically(tmp_path / "a.txt"):
        pass


def test_remove_takes_a_link_and_leaves_what_it_points_at(tmp_path: Path) -> None:
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder)
    remove(link)
    assert folder.is_dir() and not link.exists()
    remove(folder)
    remove(folder)
    assert not folder.exists()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(LINE))
def test_lines_come_back_as_they_were_whatever_they_hold(tmp_path: Path, lines: list[str]) -> None:
    path = tmp_path / "lines.txt"
    write_lines(path, lines)
    assert read_lines(path) == lines


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"one\ntwo", ["one", "two"]),
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\n\n", ["one", ""]),
        (b"one\r\ntwo\r\n", ["one", "two"]),
        ("a\u2028b\x85c\x0b\x0c\x1cd\re\n".encode(), ["a\u2028b\x85c\x0b\x0c\x1cd\re"]),
    ],
)
def test_only_a_newline_ends_a_line(tmp_path: Path, data: bytes, lines: list[str]) -> None:
    path = tmp_path / "lines.txt"
    path.write_bytes(data)
    assert read_lines(path) == lines


def test_invalid_utf8_names_file_line_and_byte(tmp_path: Path) -> None:
    path = tmp_path / "latin1.txt"
    path.write_bytes("eins\nzwei\nfünf\n".encode("latin-1"))
    with pytest.raises(InkError, match=r"latin1\.txt, line 3: not valid UTF-8 .* at byte 1"):
        read_lines(path)


def test_missing_lines_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(InkError, match=r"absent\.txt does not exist"):
        read_lines(tmp_path / "absent.txt")


def test_a_line_break_inside_a_line_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="line 2"):
        write_lines(tmp_path / "a.txt", ["one", "two\nthree"])
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_can_be_read_again_without_its_nuls(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.txt", ["\0o\0ne", "two"])
    assert read_lines(tmp_path / "a.txt") == ["one", "two"]


def test_json_comes_back_and_keeps_its_order(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"b": [1, 2.5, None], "a": "Übung"})
    assert list(read_json(path)) == ["b", "a"]
    assert read_json(path) == {"b": [1, 2.5, None], "a": "Übung"}
    assert "Übung" in path.read_text(encoding="utf-8") and path.read_bytes().endswith(b"}\n")


@pytest.mark.parametrize("data", [b"", b'{"a": 1', b"\xff"])
def test_json_cut_short_names_the_file(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "seed1.json"
    path.write_bytes(data)
    with pytest.raises(InkError, match=r"seed1\.json is not whole JSON"):
        read_json(path)


def test_missing_json_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(InkError, match=r"seed1\.json does not exist"):
        read_json(tmp_path / "seed1.json")


@pytest.mark.parametrize("data", ["{}", '{"b": 1}', "[]", "3"])
def test_json_without_a_key_it_must_have_names_both(tmp_path: Path, data: str) -> None:
    path = tmp_path / "seed1.json"
    path.write_text(data, encoding="utf-8")
    with pytest.raises(InkError, match=r"seed1\.json(: a is missing| holds no JSON object)"):
        read_json(path, "a")


def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InkError, match=r"cannot be read \(Is a directory\)"):
        read_json(tmp_path)
    with pytest.raises(InkError, match=r"cannot be read \(Is a directory\)"):
        read_lines(tmp_path)


@pytest.mark.failure(
    "Two at once and killed",
    "killed while a folder takes an older one's place",
    "the older one is put back",
)
def test_a_replacement_cut_short_between_its_two_renames_is_undone(tmp_path: Path) -> None:
    aside = tmp_path / ".store.replaced"
    aside.mkdir()
    (aside / "old").touch()
    with pytest.raises(KeyError), write_atomically(tmp_path / "store"):
        raise KeyError
    assert [entry.name for entry in tmp_path.iterdir()] == ["store"]
    assert [entry.name for entry in (tmp_path / "store").iterdir()] == ["old"]


def test_the_older_folder_is_whole_until_the_newer_one_is_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "store"
    path.mkdir()
    (path / "old").touch()
    renamed = os.replace

    def fails_for_the_new_one(source: Path, target: Path) -> None:
        if Path(source).name == ".store.partial":
            raise KeyError
        renamed(source, target)

    monkeypatch.setattr("ink.runtime.whole_files.os.replace", fails_for_the_new_one)
    with pytest.raises(KeyError), write_atomically(path) as temporary:
        temporary.mkdir()
    assert [entry.name for entry in path.iterdir()] == ["old"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["store"]


def test_a_file_may_take_a_folder_s_place_and_a_folder_a_file_s(tmp_path: Path) -> None:
    path = tmp_path / "output"
    for make in (Path.mkdir, Path.touch, Path.mkdir):
        with write_atomically(path) as temporary:
            make(temporary)
        assert path.is_dir() == (make is Path.mkdir)
    assert list(tmp_path.iterdir()) == [path]
