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

from ink.config import load
from ink.datastore import blocks
from ink.doctor import gpu, space
from ink.doctor.extent import Extent, Model, Text
from ink.doctor.space import datastore_bytes, neighbour_bytes
from ink.nmt.adapter import Adapter

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENT = REPOSITORY / "docs" / "scale.md"
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


@pytest.fixture
def paper() -> Extent:
    """The experiment that the page counts, as the doctor sees it."""
    domains = [domain.name for domain in scale_costs.DOMAINS]
    config = load(REPOSITORY / "config" / "config.yaml")
    config["domains"], config["base_model"]["path"] = domains, "model.pt"
    config["index"] |= {"code_bytes": scale_costs.CODE_BYTES, "lists": scale_costs.INDEX_LISTS}
    config["adapter"] |= {"max_epochs": scale_costs.ROUNDS, "sizes": []}
    config["adapter"]["inner_dimension"] = {domain.name: domain.inner for domain in scale_costs.DOMAINS}
    config["ink"] |= {"max_rounds": scale_costs.ROUNDS, "k": {domain.name: domain.k for domain in scale_costs.DOMAINS}}
    config["ink"] |= {"ablations": [], "rounds_per_job": 1}
    config["knn_kd"]["stored"] = scale_costs.KD_STORED
    config["training"]["batch_tokens"], config["knn_kd"]["batch_tokens"] = scale_costs.BATCH, scale_costs.KD_BATCH
    config["datastore"]["batch_tokens"] = scale_costs.PASS_BATCH
    config["data"] |= {"general_domain": None, "source": "files"}
    config["data"]["files"] = {"splits": {name: ["train", "dev", "test"] for name in domains}}
    text = {domain.name: Text({"train": domain.sentences}, {"train": domain.entries}) for domain in scale_costs.DOMAINS}
    inner = scale_costs.ENCODER + scale_costs.DECODER
    model = Model(scale_costs.WIDTH, 2 * scale_costs.LAYERS, inner=inner, embeddings=scale_costs.OUTPUT)
    return Extent(config, model, text)


def test_the_doctor_needs_as_much_disk_as_the_page_says(paper: Extent, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for what the page leaves out: states of running trainings, three times the weights each."""
    monkeypatch.setattr("os.cpu_count", lambda: 16)
    counted = [rule(domain) for rule in scale_costs.TABLE2 for domain in scale_costs.DOMAINS]
    on_page = sum(cost.jobs * cost.disk + cost.passing for cost in counted)
    adapters = sum(4.0 * domain.adapter for domain in scale_costs.DOMAINS)
    states = 3 * 2 * adapters + (paper.config["training"]["average_last"] + 1 + 3) * 4 * 4.0 * scale_costs.MODEL
    assert sum(space.needed_bytes(paper).values()) == pytest.approx(on_page + states, rel=0.005)
    paper.config["ink"]["ablations"] = {
        domain.name: ["without_l_r"] if domain.name == "Medical" else [] for domain in scale_costs.DOMAINS
    }
    before = on_page + states
    more = scale_costs.ablations(scale_costs.DOMAINS[0])
    passing, state = more.passing, 3 * 4.0 * scale_costs.DOMAINS[0].adapter
    assert sum(space.needed_bytes(paper).values()) == pytest.approx(
        before + more.disk * scale_costs.ROUNDS + passing + state, rel=0.005
    )


def test_the_doctor_needs_as_much_of_the_gpu_as_the_page_says(paper: Extent) -> None:
    found = gpu.job_bytes(paper)
    law = scale_costs.LAW
    for rule in (scale_costs.build_datastore, scale_costs.train_knn_kd, scale_costs.train_adapter):
        assert found[rule.__name__] == pytest.approx(rule(law).card, rel=0.005)
    assert found["train_ink_round"] == pytest.approx(scale_costs.train_ink_round(law).card, rel=0.005)


def test_an_adapter_has_as_many_parameters_but_its_biases_and_norms() -> None:
    koran = scale_costs.DOMAINS[-1]
    layer = Adapter(1024, koran.inner, 0.1)
    assert koran.adapter == 12 * sum(weights.numel() for weights in (layer.down.weight, layer.up.weight))


def test_time_adds_up_what_is_done_one_after_the_other() -> None:
    rates = scale_costs.Rates(1e12, share=0.5, core=1e9, cores=2, code=1e-8, gather=1e9, write=1e8, start=3.0)
    cost = scale_costs.Cost(gpu=1e12, cpu=4e9, codes=1e8, gathered=5e9, written=7e8)
    assert cost.seconds(rates) == pytest.approx(2 + 2 + 0.5 + 5 + 7 + 3)


def test_distances_take_the_time_of_fp32_in_half_precision_too() -> None:
    cost, start = scale_costs.Cost(gpu=4e12, single=4e12), 3.0
    assert cost.seconds(scale_costs.Rates(1e12, start=start)) == pytest.approx(8 + 8 + 3)
    assert cost.seconds(scale_costs.Rates(1e13, 0.4, single=1e12, start=start)) == pytest.approx(1 + 8 + 3)
    for card, rates in scale_costs.HALF.items():
        assert rates.single == scale_costs.RATES[card].peak
