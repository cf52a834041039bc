"""What the tables of docs/scale.md are counted from is what the code does, and the tables are what is counted."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import paper_scale
import scale
from paper_scale import BEYOND, DOMAINS, LARGE, LAW, ROUNDS, TABLE2, Unbounded

from ink.nmt.adapter import Adapter
from ink.tools.costs import operations, rules
from ink.tools.costs.cost import Cost, Rates
from ink.tools.doctor import gpu, space

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "scale.md"


def test_every_table_stands_in_the_document_as_it_is_printed() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    for title, lines in scale.TABLES.items():
        assert "\n".join(lines()) in document, f"{title}: copy what python benchmarks/scale.py prints"


def test_the_doctor_needs_as_much_disk_as_the_page_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """But for what the page leaves out: states of running trainings, three times the weights each."""
    monkeypatch.setattr("os.cpu_count", lambda: 16)
    workload = LAW.workload
    counted = [rule(domain) for rule in (*TABLE2, paper_scale.adapter_datastore) for domain in DOMAINS]
    on_page = sum(cost.jobs * cost.disk + cost.passing for cost in counted)
    adapters = sum(4.0 * domain.adapter for domain in DOMAINS)
    average = workload.config["training"]["average_last"]
    states = 3 * 2 * adapters + (average + 1 + 3) * 4 * 4.0 * workload.model.parameters
    assert sum(space.needed_bytes(workload).values()) == pytest.approx(on_page + states, rel=0.005)


@pytest.mark.parametrize("rule", [rules.build_datastore, rules.train_knn_kd, rules.train_adapter])
def test_the_doctor_needs_as_much_of_the_gpu_as_the_page_says(rule: rules.Rule) -> None:
    assert gpu.job_bytes(LAW.workload)[rule.__name__] == rule(LAW).card


def test_a_card_and_a_datastore_of_the_paper_s_by_hand() -> None:
    """Law: 19,061,382 keys of 1,024 halves, a value, a log-probability, 64-byte codes, ids, 4,096 centroids."""
    entries, weights = 19_061_382, 125_829_120 + 100_663_296 + 43_032_576
    assert rules.build_datastore(LAW).disk == entries * (2048 + 4 + 4 + 64 + 8) + 4096 * 1024 * 4
    assert rules.store_neighbours(LAW).disk == entries * 64 * 8
    # vectors of six layers on either side, feed-forward networks of 8,192 and 4,096, and the scores of 42,024 types
    token = 4 * (6 * (12 * 1024 + 2 * 8192) + 6 * (20 * 1024 + 2 * 4096) + 4 * 42_024)
    assert rules.train_knn_kd(LAW).card == 16 * weights + 8192 * token
    adapted = token + 4 * 12 * (2 * 8192 + 4)
    assert rules.train_adapter(LAW).card == 4 * weights + 16 * LAW.adapter + 4096 * adapted


def test_the_work_of_an_epoch_and_of_beam_search_by_hand() -> None:
    """Koran: 524,374 tokens; dev's 2,000 sentences of 29.2 tokens, a beam of 4."""
    koran, weights = DOMAINS[-1], 125_829_120 + 100_663_296 + 43_032_576
    assert operations.adapter_epoch(koran).gpu == 524_374 * (2 * 2 * weights + 6 * koran.adapter)
    length = 524_374 / 17_982
    decoder = 100_663_296 + 43_032_576
    assert operations.dev_bleu(koran).decoding == pytest.approx(2 * 2000 * length * (125_829_120 + 4 * decoder))
    assert operations.dev_bleu(koran).steps == pytest.approx(2000 / 32 * length * 1.3)


def test_a_search_by_hand() -> None:
    found = operations.search(LAW, 10)
    assert found.cpu == 10 * 2 * 1024 * 4096
    assert found.codes == pytest.approx(10 * 32 * 19_061_382 / 4096)


def test_what_an_adapter_has_are_its_parameters() -> None:
    koran = DOMAINS[-1]
    assert koran.adapter // 12 == pytest.approx(sum(w.numel() for w in Adapter(1024, 256, 0.1).parameters()), rel=0.002)


def test_bounds_change_nothing_below_two_million_entries() -> None:
    before = {
        name: operations.neighbour_search(Unbounded(one.workload, one.name)).single for name, one in named().items()
    }
    now = {name: operations.neighbour_search(one).single for name, one in named().items()}
    assert before["Koran"] == now["Koran"]
    assert all(before[name] > now[name] for name in set(now) - {"Koran"})


def named() -> dict[str, rules.DomainWorkload]:
    return {domain.name: domain for domain in (*DOMAINS, LARGE)}


def test_ablations_are_counted_as_the_rounds_that_they_are() -> None:
    (medical,) = [rule for rule in BEYOND if rule.__name__ == "ablations"]
    found = [medical(domain) for domain in DOMAINS]
    assert [cost.jobs for cost in found] == [3 * ROUNDS, 0, 0, 0]
    assert found[0].gpu == rules.train_ink_round(DOMAINS[0]).gpu


def test_time_adds_up_what_is_done_one_after_the_other() -> None:
    rates = Rates(1e12, share=0.5, core=1e9, cores=2, code=1e-8, gather=1e9, write=1e8, start=3.0)
    cost = Cost(gpu=1e12, cpu=4e9, codes=1e8, gathered=5e9, written=7e8)
    assert cost.seconds(rates) == pytest.approx(2 + 2 + 0.5 + 5 + 7 + 3)
    assert (cost + cost * 2).seconds(rates) == pytest.approx(3 * (2 + 2 + 0.5 + 5 + 7) + 3)


def test_jobs_one_after_the_other_hold_what_the_larger_holds_and_keep_what_both_write() -> None:
    both = Cost(gpu=1, anonymous=5, card=2, disk=3) + Cost(gpu=2, anonymous=4, card=7, disk=6)
    assert both == Cost(gpu=3, anonymous=5, card=7, disk=9)


def test_distances_take_the_time_of_fp32_in_half_precision_too() -> None:
    cost, start = Cost(gpu=4e12, single=4e12), 3.0
    assert cost.seconds(Rates(1e12, start=start)) == pytest.approx(8 + 8 + 3)
    assert cost.seconds(Rates(1e13, 0.4, single=1e12, start=start)) == pytest.approx(1 + 8 + 3)
    for card, rates in paper_scale.HALF.items():
        assert rates.single == paper_scale.RATES[card].peak
