"""What is no number is refused with datastore, entry and cause, before FAISS or a softmax meets it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ink.config.sections.base_system import Index
from ink.datastore import build
from ink.datastore.build import Extraction, build_datastore, build_shard
from ink.datastore.index import build_index
from ink.datastore.knn_graph_search import divide
from ink.datastore.shards import join_shards
from ink.runtime.errors import InkError

EXACT = Index(type="exact")
IVFPQ = Index(type="ivfpq", lists=4, code_bytes=4, probes=2, training_sample=300, seed=7)
SECTION = "Datastores and combiners"


@pytest.fixture
def keys() -> np.ndarray:
    return np.random.default_rng(3).normal(size=(900, 8)).astype(np.float16)


@pytest.mark.failure(
    SECTION,
    "keys of a datastore or shard that are NaN or infinite",
    "`datastore ...: the key of entry 700 is NaN; its file is damaged, or its model gave no numbers: build the "
    "datastore again [datastore/not-finite]`",
)
@pytest.mark.parametrize("settings", [EXACT, IVFPQ], ids=["exact", "ivfpq"])
@pytest.mark.parametrize(("broken", "what"), [(np.nan, "NaN"), (np.inf, "infinite"), (-np.inf, "infinite")])
def test_no_index_is_made_of_keys_that_are_no_numbers(
    tmp_path: Path, keys: np.ndarray, settings: Any, broken: float, what: str
) -> None:
    keys[700, 3] = broken
    message = rf"^datastore store: the key of entry 700 is {what}; its file is damaged, .* build the datastore again$"
    with pytest.raises(InkError, match=message):
        build_index(keys, settings, tmp_path / "index", datastore=Path("store"))
    assert not list(tmp_path.iterdir())


def test_the_first_of_several_is_named_in_whichever_part_it_is(
    tmp_path: Path, keys: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ink.datastore.index.ADD_AT_ONCE", 100)
    keys[250], keys[270:280, 0] = np.nan, np.inf
    with pytest.raises(InkError, match="entry 250 is NaN, and 10 others of 100 looked at are no numbers"):
        build_index(keys, EXACT, tmp_path / "store" / "index")


def test_the_largest_numbers_of_half_precision_are_numbers(tmp_path: Path) -> None:
    ends = np.full((3, 4096), 65504, np.float16)
    ends[1], ends[2, ::2] = -65504, -65504
    build_index(ends, EXACT, tmp_path / "index")


def test_centroids_are_made_of_numbers_alone(store_of: Any, tmp_path: Path, keys: np.ndarray) -> None:
    store = store_of(tmp_path / "store", keys, np.zeros(len(keys)))
    damaged = np.load(tmp_path / "store" / "keys.npy", mmap_mode="r+")
    damaged[:] = np.nan
    damaged.flush()
    with pytest.raises(InkError, match=rf"datastore {tmp_path}/store: the key of entry \d+ is NaN, and \d+ others"):
        divide(store, torch.device("cpu"), seed=7)


@pytest.fixture
def model(tiny: Any) -> Any:
    return tiny.domain.load_model(tiny.settings)


def built(tiny: Any, model: Any, output: Path, **changed: Any) -> Any:
    dataset = model.parallel_text(tiny.domain.data, "train")
    how = {"key": "decoder_output", "batch_tokens": 200, "index": EXACT, **changed}
    index = how.pop("index")
    return build_datastore(Extraction(model, dataset, "corpus", **how), output, index)


@pytest.mark.failure(
    SECTION,
    "keys that the model itself gives as NaN or infinite",
    "`datastore ...: the key of entry 31, in training sentence 2, is not finite in half precision or any other; ... "
    "[datastore/not-finite]`; "
    "nothing is left",
)
def test_a_key_that_the_model_does_not_give_as_a_number_names_its_sentence(
    tiny: Any, model: Any, tmp_path: Path
) -> None:
    dataset = model.parallel_text(tiny.domain.data, "train")
    offsets = dataset.offsets
    network = model.network

    def spoiled(sentence: int, by: float) -> Any:
        def hook(_module: Any, inputs: Any, output: Any) -> Any:
            # the pass of the one sentence alone
            hidden = output[0].clone()
            hidden[1] = hidden[1] * by
            return (hidden, *output[1:])

        return network.decoder.layers[-1].register_forward_hook(hook)

    for by, message in ((float("nan"), "is not finite in half precision or any other"), (1e7, "which ends at 65,504")):
        handle = spoiled(2, by)
        with pytest.raises(InkError) as error:
            built(tiny, model, tmp_path / "store", batch_tokens=1)
        handle.remove()
        # sentences of like length come in order, and each on its own: the second position of the first one
        first = int(np.argsort(dataset.longer_sides, kind="stable")[0])
        assert f"store: the key of entry {offsets[first] + 1}, in training sentence {first}, " in str(error.value)
        assert message in str(error.value)
    assert not list(tmp_path.iterdir())


def test_a_log_probability_that_is_no_number_is_named(tiny: Any, model: Any, tmp_path: Path) -> None:
    output_layer = model.network.decoder.output_layer
    model.network.decoder.output_layer = lambda features: output_layer(features) * float("inf")
    with pytest.raises(
        InkError, match=r"store: the log-probability of entry \d+, in training sentence \d+, is not finite"
    ):
        built(tiny, model, tmp_path / "store")
    assert not list(tmp_path.iterdir())


def test_shards_with_a_key_that_is_no_number_are_not_joined(tiny: Any, model: Any, tmp_path: Path) -> None:
    dataset = model.parallel_text(tiny.domain.data, "train")
    paths = [tmp_path / f"{number}.shard" for number in (1, 2)]
    for number, path in enumerate(paths, start=1):
        build_shard(Extraction(model, dataset, "c", "decoder_output", 200), path, number=number, count=2)
    damaged = np.load(paths[1] / "keys.npy", mmap_mode="r+")
    damaged[5, 0] = np.nan
    entry = int(np.load(paths[1] / "entries.npy")[5])
    damaged.flush()
    with pytest.raises(InkError, match=rf"datastore {tmp_path}/store: the key of entry {entry} is NaN; "):
        join_shards(paths, tmp_path / "store", EXACT)
    assert all(path.exists() for path in paths) and not (tmp_path / "store").exists()


@pytest.mark.failure(
    SECTION,
    "an index that cannot be made of so many entries of this dimension",
    "the setting is named, before the pass over the text [index/impossible-settings]",
)
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"lists": 100_000}, "index.lists is 100000"),
        ({"code_bytes": 5}, "index.code_bytes is 5, which does not divide"),
    ],
)
def test_an_index_that_cannot_be_made_is_refused_before_the_pass(
    tiny: Any, model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: Any, message: str
) -> None:
    monkeypatch.setattr(build, "_passes", lambda *_, **__: pytest.fail("the text was passed over"))
    with pytest.raises(InkError, match=message):
        built(tiny, model, tmp_path / "store", index=IVFPQ.model_copy(update=changed))
    assert not list(tmp_path.iterdir())
