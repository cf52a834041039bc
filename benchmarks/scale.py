"""What each rule of the workflow takes at the paper's scale: prints the tables of docs/scale.md.

python benchmarks/scale.py

Counts are those of `ink/tools/costs/`, from which `ink doctor` estimates too; benchmarks/paper_scale.py says what of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import click
import paper_scale as paper
from paper_scale import DOMAINS, LARGE, LAW, RATES, ROUNDS, TABLE2

from ink.datastore.knn_graph_division import PROBES
from ink.tools.costs import operations, rules
from ink.tools.costs.cost import MEASURED_CODE_BYTES, Cost, Rates
from ink.tools.costs.file_sizes import index_bytes, neighbour_bytes
from ink.tools.costs.rules import Rule
from ink.tools.costs.workload import DomainWorkload

WIDTH, INDEX = LAW.workload.model.dimension, LAW.workload.config["index"]
PRECISIONS = {"fp32": RATES, "half": paper.HALF}
EVERY = [rates for kinds in PRECISIONS.values() for rates in kinds.values()]


def hours(rule: Rule, rates: Rates, domains: tuple[DomainWorkload, ...] = DOMAINS) -> float:
    """Return the hours of all jobs of a rule."""
    return sum(cost.jobs * cost.seconds(rates) for cost in map(rule, domains)) / 3600


def flop(rule: Rule, domains: tuple[DomainWorkload, ...] = DOMAINS) -> tuple[float, float]:
    """Return the FLOP of all jobs of a rule, on the GPU and on the CPU; a code counts two for each byte."""
    costs = [rule(domain) for domain in domains]
    on_card = sum(cost.jobs * (cost.gpu + cost.decoding + cost.single) for cost in costs)
    return on_card, sum(cost.jobs * (cost.cpu + 2 * MEASURED_CODE_BYTES * cost.codes) for cost in costs)


def row(*cells: object) -> str:
    """Return a row of a table in Markdown."""
    return f"| {' | '.join(map(str, cells))} |"


def in_bytes(count: float) -> str:
    """Return bytes as people read them; less than 0.05 MB is nothing."""
    for unit in ("MB", "GB", "TB", "PB"):
        count /= 1e6 if unit == "MB" else 1e3
        if count < 999.5 or unit == "PB":
            return "-" if count < 0.05 else f"{count:.1f} {unit}" if count < 99.5 else f"{count:.0f} {unit}"
    raise AssertionError


def in_flop(count: float) -> str:
    """Return FLOP; less than 10^12 is nothing."""
    return "-" if count < 1e12 else f"{count:.1e}"


def in_hours(value: float) -> str:
    """Return hours with two or three digits."""
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def rules_table() -> Iterator[str]:
    """One row a rule: work and time of the four domains together, memory and disk of Law."""
    yield row(
        "rule",
        "jobs",
        "FLOP, GPU (c)",
        "FLOP, CPU (c)",
        "CPU memory (c)",
        "GPU memory (c)",
        "disk (c)",
        *(f"h {precision}, {card} (a)" for precision, rates in PRECISIONS.items() for card in rates),
    )
    yield row(*["---"] * 11)
    for jobs, name in ((TABLE2, "`table2` together"), (paper.BEYOND, "beyond it")):
        for rule in jobs:
            shown = next((domain for domain in (LAW, *DOMAINS) if rule(domain).jobs), LAW)
            cost, works = rule(shown), flop(rule)
            yield row(
                f"{rule.__name__}",
                sum(rule(domain).jobs for domain in DOMAINS),
                *map(in_flop, works),
                *map(
                    in_bytes,
                    (cost.anonymous, cost.card, sum(rule(d).jobs * rule(d).disk + rule(d).passing for d in DOMAINS)),
                ),
                *(in_hours(hours(rule, rates)) for rates in EVERY),
            )
        times = [sum(hours(rule, rates) for rule in jobs) for rates in EVERY]
        works = [sum(values) for values in zip(*map(flop, jobs), strict=True)]
        yield row(f"**{name}**", "", *map(in_flop, works), "", "", "", *map(in_hours, times))


def round_table() -> Iterator[str]:
    """Where the time of a round of INK goes, by domain."""
    yield row("minutes, A100 / H100 (a)", *(domain.name for domain in DOMAINS), LARGE.name)
    yield row(*["---"] * (len(DOMAINS) + 2))

    def minutes(part: Callable[[DomainWorkload, Rates], float]) -> list[str]:
        pairs = [[part(domain, rates) / 60 for rates in RATES.values()] for domain in (*DOMAINS, LARGE)]
        return [" / ".join(f"{value:,.0f}" if value >= 9.95 else f"{value:.1f}" for value in pair) for pair in pairs]

    for name, rule, parts in (
        ("refresh: the pass", operations.refresh, ["gpu"]),
        ("refresh: writing keys", operations.refresh, ["written"]),
        ("neighbours: k-means, CPU", operations.neighbour_search, ["cpu"]),
        ("neighbours: products", operations.neighbour_search, ["single", "launches"]),
        ("neighbours: reading keys", operations.neighbour_search, ["gathered"]),
        ("epoch: the model", operations.ink_epoch, ["gpu"]),
        ("epoch: gathering keys", operations.ink_epoch, ["gathered"]),
        ("dev", operations.ink_epoch, ["decoding", "steps"]),
    ):
        yield row(name, *minutes(partial(seconds_of, rule, parts)))
    yield row("**round**", *minutes(lambda domain, rates: rules.train_ink_round(domain).seconds(rates)))
    neighbours = partial(seconds_of, operations.neighbour_search, ["cpu", "single", "launches", "gathered"])
    yield row("of it neighbours", *minutes(neighbours))
    yield row("neighbours before", *minutes(lambda domain, rates: neighbours(paper.Unbounded(**vars(domain)), rates)))


def seconds_of(rule: Rule, parts: Sequence[str], domain: DomainWorkload, rates: Rates) -> float:
    """Return the seconds of some parts of a job."""
    cost = rule(domain)
    return Cost(**{name: getattr(cost, name) for name in parts}).seconds(rates) - rates.start


ENTRY_PLACES: tuple[tuple[str, str, Callable[[DomainWorkload], float]], ...] = (
    ("keys.npy", "disk, mapped", lambda domain: domain.keys),
    ("values.npy, log_probs.npy", "disk, mapped", lambda domain: 8.0 * domain.entries),
    (
        "index.faiss: codes and ids",
        "disk, mapped; memory while it is filled",
        lambda domain: index_bytes(domain.workload, domain.entries),
    ),
    ("stored neighbours, 64", "disk, mapped", lambda domain: neighbour_bytes(domain.workload.config) * domain.entries),
    ("a round's neighbours.npy", "disk, mapped", lambda domain: 4.0 * domain.k * domain.entries),
    ("a round's lists: members", "CPU memory", lambda domain: 4.0 * domain.entries),
    ("a round's lists: owners, sorted", "device memory, for a moment", lambda domain: 16.0 * domain.entries),
    ("a round's k-means: numbers drawn", "CPU memory, for a moment", lambda domain: 8.0 * domain.entries),
    ("a round's k-means: sample", "CPU memory, bounded", lambda domain: 6.0 * WIDTH * domain.sampled),
    (
        "the same before it was bounded",
        "",
        lambda domain: 6.0 * WIDTH * (domain.entries // paper.A_LIST) * paper.SAMPLED,
    ),
    (
        "a block of queries",
        "device memory, bounded",
        lambda domain: domain.block * (2.0 * WIDTH + PROBES * (16 + 8 * domain.k)),
    ),
    ("the index's training sample", "CPU memory, constant", lambda domain: 2 * 4.0 * WIDTH * INDEX["training_sample"]),
    ("text in prepare_corpus", "CPU memory", lambda domain: rules.prepare_corpus(domain).anonymous),
)


def entries_table() -> Iterator[str]:
    """What grows with the number of entries."""
    yield row("what", "where", "bytes an entry of Law (c)", "Law", LARGE.name)
    yield row(*["---"] * 5)
    for what, where, of in ENTRY_PLACES:
        an_entry = of(LAW) / LAW.entries
        yield row(what, where, f"{an_entry:.0f}", in_bytes(of(LAW)), in_bytes(of(LARGE)))


def large_table() -> Iterator[str]:
    """A datastore of a billion entries: each rule once."""
    yield row("rule, one job", "CPU memory (c)", "GPU memory (c)", "disk (c)", "h, A100 (a)", "h, H100 (a)")
    yield row(*["---"] * 6)
    for rule in TABLE2:
        cost = rule(LARGE)
        times = (in_hours(cost.seconds(rates) / 3600) for rates in RATES.values())
        yield row(rule.__name__, *map(in_bytes, (cost.anonymous, cost.card, cost.disk + cost.passing)), *times)


def budget_table() -> Iterator[str]:
    """The sum against the budget, with what may be left out or changed."""
    names = [f"{card}, {precision}" for precision, kinds in PRECISIONS.items() for card in kinds]
    yield row("`table2`, hours on one GPU (a)", *names)
    yield row(*["---"] * (len(names) + 1))

    def hours_of(rules: tuple[Rule, ...]) -> list[float]:
        return [sum(hours(rule, rates) for rule in rules) for rates in EVERY]

    whole = hours_of(TABLE2)
    a_round = [value / ROUNDS for value in hours_of((rules.train_adapter, rules.train_ink_round))]
    knn_kd = (rules.store_neighbours, rules.train_knn_kd)
    without_kd = tuple(rule for rule in TABLE2 if rule not in knn_kd)
    yield row(f"{ROUNDS} rounds", *map(in_hours, whole))
    yield row("of it Adapter and INK, a round of both", *map(in_hours, a_round))
    yield row("of it store_neighbours and train_knn_kd", *map(in_hours, hours_of(knn_kd)))
    left = (max(0, int(ROUNDS + (paper.BUDGET - hour) / of)) for hour, of in zip(whole, a_round, strict=True))
    yield row(f"rounds that fit into {paper.BUDGET:.0f} h", *left)
    yield row("without kNN-KD", *map(in_hours, hours_of(without_kd)))
    yield row("with the tables beyond it", *map(in_hours, hours_of((*TABLE2, *paper.BEYOND))))


def search_seconds(domain: DomainWorkload) -> float:
    """Return the core seconds of comparing the codes of one search."""
    return INDEX["probes"] * domain.entries / INDEX["lists"] * RATES["A100"].code


TABLES = {
    "Rules": rules_table,
    "A round of INK": round_table,
    "The budget": budget_table,
    "What grows with the entries": entries_table,
    "A billion entries": large_table,
}


@click.command()
def main() -> None:
    """Print the tables of docs/scale.md."""
    model = LAW.workload.model
    print(
        f"parameters: encoder {model.encoder:,}, decoder {model.decoder:,}, embeddings {model.embeddings:,}, "
        f"together {model.parameters:,}"
    )
    for domain in (*DOMAINS, LARGE):
        print(
            f"{domain.name}: {domain.length('train'):.1f} tokens a sentence, adapter {domain.adapter:,}, "
            f"{domain.lists:,} lists, {domain.sampled:,} sampled, "
            f"{-(-domain.entries // domain.block)} blocks of {domain.block:,}, "
            f"{search_seconds(domain) * 1e3:.1f} ms of a core for a search in the index"
        )
    for title, lines in TABLES.items():
        print(f"\n{title}\n")
        print("\n".join(lines()))


if __name__ == "__main__":
    main()
