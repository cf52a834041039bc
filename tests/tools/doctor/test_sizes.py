"""`ink doctor` compares what systems ask for with the vocabulary and with each domain's text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ink.tools.costs.workload import workload_of
from ink.tools.doctor.finding import ERROR, WARNING
from ink.tools.doctor.inputs import examine_inputs, sizes


def found(config: Any) -> list[tuple[str, str, str]]:
    _, counts = examine_inputs(config)
    return [(finding.status, finding.check, finding.text) for finding in sizes(workload_of(config, counts))]


@pytest.fixture
def small(own_corpus: Any) -> Any:
    """Text whose datastores have 2,080 entries a domain, and a dictionary of 1,000 tokens."""
    own_corpus["index"] = {**own_corpus["index"], "type": "exact"}
    lines = "".join(f"t{number} 1\n" for number in range(996))
    Path(own_corpus["base_model"]["target_dictionary"]).write_text(lines, encoding="utf-8")
    return own_corpus


def test_an_experiment_that_fits_has_nothing_to_tell(small: Any) -> None:
    assert found(small) == []


def test_probabilities_beyond_the_vocabulary_are_an_error(small: Any) -> None:
    small["systems"] = ["off_the_shelf", "r_knn"]
    small["r_knn"]["top_probabilities"] = 1001
    path = small["base_model"]["target_dictionary"]
    message = f"r_knn.top_probabilities is 1001, but {path} has 1000 tokens; set it to 1000 or less"
    assert found(small) == [(ERROR, "vocabulary", message)]


@pytest.mark.failure(
    "Datastores and combiners",
    "more neighbours, or lists of an index, than a domain's text has tokens",
    "`ink doctor`: `warning  datastore of koran  index.lists is 3,000, but the datastore will have about 2,080 "
    "entries; lower it`; the job that builds or searches the datastore refuses",
)
def test_neighbours_and_lists_beyond_a_domain_s_text_are_warned_of(small: Any) -> None:
    small["systems"] = ["off_the_shelf", "v_knn", "mine"]
    small["v_knn"]["k"] = {"koran": [4, 2048], "it": 4}
    small["own_systems"]["mine"] = {"combiner": "adaptive", "key": "decoder_output", "max_k": [2, 4096]}
    small["index"] |= {"type": "ivfpq", "lists": 3000}
    entries = workload_of(small, examine_inputs(small)[1]).text["koran"].tokens["train"]
    assert entries == 2080
    about = "but the datastore will have about 2,080 entries; lower it"
    assert found(small) == [
        (WARNING, "datastore of koran", f"{name}, {about}")
        for name in ("own_systems.mine.max_k is 4,096", "index.lists is 3,000")
    ]
    small["v_knn"]["k"]["koran"] = 2100
    assert (WARNING, "datastore of koran", f"v_knn.k.koran is 2,100, {about}") in found(small)
