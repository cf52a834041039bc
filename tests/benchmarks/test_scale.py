"""What the tables of docs/scale.md are counted from is what the code does, and the tables are what is counted."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import scale
import scale_costs

from ink.datastore import blocks
from ink.doctor.extent import Extent
from ink.doctor.space import datastore_bytes, neighbour_bytes
from ink.nmt.adapter import Adapter

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "scale.md"
DOMAINS = [*scale_costs.DOMAINS, scale_costs.LARGE]


def test_every_table_stands_in_the_document_as_it_is_printed() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    for title, lines in scale.TABLES.items():
        assert "\n".join(lines()) in document, f"{title}: copy what python benchmarks/scale.py prints"


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)
def test_lists_samples_and_blocks_are_those_of_the_code(domain: Any) -> None:
    assert domain.lists == blocks.lists_of(domain.entries)
    assert domain.block == blocks.queries_at_once(domain.entries)
    assert domain.sampled == min(domain.entries, domain.lists * blocks.SAMPLED_A_LIST, blocks.MOST_SAMPLED)
    assert (scale_costs.LIST_PROBES, scale_costs.ITERATIONS) == (blocks.PROBES, blocks.ITERATIONS)


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)
def test_a_datastore_is_as_large_as_the_doctor_says(domain: Any) -> None:
    index = {"type": "ivfpq", "code_bytes": scale_costs.CODE_BYTES, "lists": scale_costs.INDEX_LISTS}
    extent = cast(Extent, SimpleNamespace(model=SimpleNamespace(dimension=1024), config={"index": index}))
    built = scale_costs.build_datastore(domain).disk - 8 * domain.sentences
    assert built == pytest.approx(datastore_bytes(extent, domain.entries))
    stored = neighbour_bytes({"knn_kd": {"stored": scale_costs.KD_STORED}})
    assert scale_costs.store_neighbours(domain).disk == stored * domain.entries


def test_an_adapter_has_as_many_parameters_but_its_biases_and_norms() -> None:
    koran = scale_costs.DOMAINS[-1]
    layer = Adapter(1024, koran.inner, 0.1)
    assert koran.adapter == 12 * sum(weights.numel() for weights in (layer.down.weight, layer.up.weight))


def test_time_adds_up_what_is_done_one_after_the_other() -> None:
    rates = scale_costs.Rates(1e12, share=0.5, core=1e9, cores=2, code=1e-8, gather=1e9, write=1e8, start=3.0)
    cost = scale_costs.Cost(gpu=1e12, cpu=4e9, codes=1e8, gathered=5e9, written=7e8)
    assert cost.seconds(rates) == pytest.approx(2 + 2 + 0.5 + 5 + 7 + 3)
