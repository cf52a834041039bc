from __future__ import annotations

from pathlib import Path

import pytest

from ink.metrics.footprint import added_memory, relative_memory
from ink.runtime.errors import InkError


def test_bytes_are_those_on_disk(tmp_path: Path) -> None:
    (tmp_path / "keys.npy").write_bytes(b"x" * 130)
    (tmp_path / "index.faiss").write_bytes(b"y" * 7)
    files = {"keys.npy": tmp_path / "keys.npy", "index.faiss": tmp_path / "index.faiss"}
    assert added_memory(files) == {"keys.npy": 130, "index.faiss": 7}
    assert added_memory({}) == {}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InkError, match=r"gone\.npy"):
        added_memory({"keys": tmp_path / "gone.npy"})
    with pytest.raises(InkError, match="no file"):
        added_memory({"folder": tmp_path})


def test_sums_are_divided_not_averaged() -> None:
    memory = {
        "off_the_shelf": {"law": 0, "koran": 0},
        "v_knn": {"law": 900, "koran": 100},
        "adapter": {"law": 300, "koran": 200},
        "ink": {"law": 300, "koran": 200},
    }
    assert relative_memory(memory) == {"off_the_shelf": 0.0, "v_knn": 2.0, "adapter": 1.0, "ink": 1.0}


def test_only_domains_that_both_have_count() -> None:
    memory = {"v_knn": {"law": 900, "koran": 100}, "adapter": {"koran": 200, "it": 50}}
    assert relative_memory(memory) == {"v_knn": 0.5, "adapter": 1.0}


def test_ink_is_the_unit_where_adapter_has_not_been_run() -> None:
    assert relative_memory({"v_knn": {"it": 30}, "ink": {"it": 20}}) == {"v_knn": 1.5, "ink": 1.0}
    assert relative_memory({"v_knn": {"it": 30}, "adapter": {}, "ink": {"it": 20}}) == {
        "v_knn": 1.5,
        "adapter": None,
        "ink": 1.0,
    }


def test_without_adapters_there_is_no_unit() -> None:
    assert relative_memory({"off_the_shelf": {"it": 0}, "v_knn": {"it": 30}}) == {"off_the_shelf": None, "v_knn": None}
    assert relative_memory({"v_knn": {"it": 30}, "adapter": {"law": 5}})["v_knn"] is None
    assert relative_memory({}) == {}
