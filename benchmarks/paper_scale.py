"""The paper's experiment as docs/scale.md counts it, and the rules that `ink/tools/costs/rules.py` does not tell apart.

The base model and the datastores are the paper's, adapters, k and settings of the index as released, in fp32.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ink.config import for_domain, load
from ink.tools.costs import rules
from ink.tools.costs.cost import Cost, Rates
from ink.tools.costs.rules import Rule
from ink.tools.costs.text_amounts import Text
from ink.tools.costs.workload import WMT19, DomainWorkload, Workload

RATES = {"A100": Rates(19.5e12), "H100": Rates(66.9e12)}
HALF = {"A100": Rates(312e12, 0.4, single=19.5e12), "H100": Rates(989e12, 0.4, single=66.9e12)}
ROUNDS = 20  # of INK and epochs of Adapter, assumed
BUDGET = 60.0  # hours
TESTED = 2000  # sentences of dev and of test, which are assumed to be as long as the training set's
SYSTEMS = 9  # rows of Table 2 with INK + R-kNN
COMET, COMET_SEGMENTS = 303e6, 3  # parameters of XLM-R large but its embeddings; source, hypothesis, reference
BLOCK, SAMPLED, A_LIST = 65536, 64, 512  # of the search for a round's neighbours before it was bounded

SIZES = {"Medical": (6_903_141, 248_099), "Law": (19_061_382, 467_309), "IT": (3_602_862, 222_927)}
SIZES["Koran"] = (524_374, 17_982)
ADAPTERS = {"Medical": 4096, "Law": 8192, "IT": 2048, "Koran": 256, "10^9": 8192}
NEIGHBOURS = {"Medical": 32, "Law": 32, "IT": 32, "Koran": 64, "10^9": 32}


def workload(sizes: Mapping[str, tuple[int, int]]) -> Workload:
    """Return what the paper's experiment has to do on datastores of so many entries from so many sentences."""
    config = load(Path(__file__).resolve().parents[1] / "config" / "paper.yaml")
    config["domains"], config["precision"] = list(sizes), "fp32"
    splits = {name: {"train": sentences, "dev": TESTED, "test": TESTED} for name, (_, sentences) in sizes.items()}
    config["data"]["binarised"]["sentences"] = splits
    config["adapter"] |= {"max_epochs": ROUNDS, "inner_dimension": {name: ADAPTERS[name] for name in sizes}}
    config["ink"] |= {"max_rounds": ROUNDS, "ablations": [], "k": {name: NEIGHBOURS[name] for name in sizes}}
    config["datastore"]["batch_tokens"] = 8192
    for section in ("v_knn", "a_knn", "r_knn", "knn_kd"):
        config[section] = for_domain(config[section], "law", ["law"])
    config["knn_accuracy"]["domains"], config["speed"]["domain"] = ["Medical"], "Law"
    text = {}
    for name, (entries, sentences) in sizes.items():
        tested = TESTED * entries / sentences
        text[name] = Text(splits[name], {"train": entries, "dev": tested, "test": tested})
    return Workload(config, WMT19, text)


DOMAINS = tuple(map(workload(SIZES).of, SIZES))
MEDICAL, LAW, *_ = DOMAINS
LARGE = workload({"10^9": (10**9, 25_000_000)}).of("10^9")


@dataclass(frozen=True)
class Unbounded(DomainWorkload):
    """The same as the search for a round's neighbours was before its lists, sample and blocks were bounded."""

    @property
    def lists(self) -> int:
        return max(1, self.entries // A_LIST)

    @property
    def sampled(self) -> int:
        return min(self.entries, self.lists * SAMPLED)

    @property
    def block(self) -> int:
        return BLOCK


def score(domain: DomainWorkload) -> Cost:
    """A pass of XLM-R large over source, hypothesis and reference."""
    return Cost(gpu=2 * COMET * COMET_SEGMENTS * domain.tokens("test"), anonymous=2.3e9, card=2.3e9 + 1e9, jobs=SYSTEMS)


def build_adapted_datastore(domain: DomainWorkload) -> Cost:
    """The final INK model's; the Adapter's, which Table 3 has, is beyond Table 2."""
    return replace(rules.build_adapted_datastore(domain), jobs=1)


def adapter_datastore(domain: DomainWorkload) -> Cost:
    """Table 3, Medical alone: the Adapter's own datastore, which build_adapted_datastore builds as INK's."""
    return replace(build_adapted_datastore(domain), jobs=int(domain.name == MEDICAL.name))


def ablations(domain: DomainWorkload) -> Cost:
    """Table 4, Medical alone: INK's rounds three times more, each with its final adapter."""
    return replace(rules.train_ink_round(domain), jobs=3 * ROUNDS if domain.name == MEDICAL.name else 0)


TABLE2: tuple[Rule, ...] = (
    rules.prepare_corpus,
    rules.build_datastore,
    rules.store_neighbours,
    rules.tune_v_knn,
    rules.train_combiner,
    rules.train_knn_kd,
    rules.train_adapter,
    rules.train_ink_round,
    rules.finish_ink,
    build_adapted_datastore,
    rules.evaluate,
    score,
)
BEYOND: tuple[Rule, ...] = (adapter_datastore, rules.knn_accuracy, rules.measure_speed, ablations)
