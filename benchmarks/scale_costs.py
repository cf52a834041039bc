"""What a job of each rule of the workflow computes, holds and writes at the paper's scale; benchmarks/scale.py adds up.

Nothing is measured here. FLOP (a multiplication and an addition are two) and bytes are counted from the architecture,
the sizes of the paper's datastores and what the code does; seconds follow from `Rates`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

# The paper's base model and datastores; adapters, k and settings of the index as released.
WIDTH, LAYERS, ENCODER_FFN, DECODER_FFN, TYPES = 1024, 6, 8192, 4096, 42_024
INDEX_LISTS, CODE_BYTES, PROBES, INDEX_SAMPLE = 4096, 64, 32, 1_000_000
# of a search in memory: FAISS's table for L2 distances of residuals; the index itself is mapped
SEARCH_TABLE = 4.0 * INDEX_LISTS * CODE_BYTES * 256
ENCODER = LAYERS * (4 * WIDTH**2 + 2 * WIDTH * ENCODER_FFN)
DECODER = LAYERS * (8 * WIDTH**2 + 2 * WIDTH * DECODER_FFN)
OUTPUT = TYPES * WIDTH
MODEL = ENCODER + DECODER + OUTPUT
BATCH, KD_BATCH, PASS_BATCH = 4096, 8192, 8192  # tokens: Adapter and INK, kNN-KD on each GPU, a pass in eval mode
TESTED, BEAM, TOGETHER = 2000, 4, 32  # sentences of dev and of test, beams, sentences decoded together
SYSTEMS, SEARCHING, WITH_ADAPTER = 9, 5, 3  # rows of Table 2 with INK + R-kNN; of these with an index, with an adapter
KD_EPOCHS, KD_STORED, COMBINER_UPDATES = 10, 64, 5000
COMET, COMET_SEGMENTS = 303e6, 3  # parameters of XLM-R large but its embeddings; source, hypothesis, reference

# ink/datastore/blocks.py; tests/benchmarks/test_scale.py compares them.
LIST_PROBES, A_LIST, SAMPLED, MOST_SAMPLED, ITERATIONS = 8, 512, 64, 2**19, 10
BLOCK, MOST_BLOCK, PASSES = 65536, 2**20, 32

ROUNDS = 20  # of INK and epochs of Adapter, assumed
BUDGET = 60.0  # hours


@dataclass(frozen=True)
class Rates:
    """Assumed, but for `code`, which docs/findings.md measured: (263 - 148) us for 4 lists of 590,402 / 1,024 codes."""

    peak: float  # FLOP/s of a GPU in the precision of the models
    share: float = 0.5  # of it that a pass or a training reaches
    single: float | None = None  # FLOP/s in fp32, half of it reached, in which distances are; None: the same peak
    decoding_share: float = 0.15
    core: float = 5e10  # FLOP/s of a core
    cores: int = 16
    code: float = (263e-6 - 148e-6) / (4 * 590_402 / 1024)  # core seconds to compare a 64-byte code
    gather: float = 1.5e9  # bytes/s of single keys out of the page cache, one thread
    write: float = 1e9  # bytes/s of keys from the GPU to the disk
    step: float = 0.02  # seconds of a step of beam search, whatever is in it
    update: float = 0.01  # seconds of an update of a combiner
    launch: float = 3e-4  # seconds of a list in a block of queries
    tokens: float = 5e4  # a second through Moses and BPE, both sides, one core
    start: float = 20.0  # seconds of a job before it works


RATES = {"A100": Rates(19.5e12), "H100": Rates(66.9e12)}
HALF = {"A100": Rates(312e12, 0.4, single=19.5e12), "H100": Rates(989e12, 0.4, single=66.9e12)}


@dataclass(frozen=True)
class Domain:
    """A datastore of `entries` from `sentences`, the adapter's inner dimension, and INK's k."""

    name: str
    entries: int
    sentences: int
    inner: int
    k: int

    @property
    def length(self) -> float:
        """Target tokens of a sentence; the source's are assumed to be as many."""
        return self.entries / self.sentences

    @property
    def adapter(self) -> int:
        return 2 * LAYERS * 2 * WIDTH * self.inner

    @property
    def lists(self) -> int:
        return max(1, min(self.entries // A_LIST, math.isqrt(LIST_PROBES * self.entries)))

    @property
    def sampled(self) -> int:
        return min(self.entries, self.lists * SAMPLED, MOST_SAMPLED)

    @property
    def block(self) -> int:
        """Entries whose neighbours INK's rounds find together."""
        return min(max(BLOCK, -(-self.entries // PASSES)), MOST_BLOCK)

    @property
    def tested(self) -> float:
        """Tokens of the dev or the test set, its sentences assumed to be as long as the training set's."""
        return TESTED * self.length

    @property
    def keys(self) -> float:
        return 2.0 * WIDTH * self.entries

    @property
    def index(self) -> float:
        return (CODE_BYTES + 8.0) * self.entries + 4 * INDEX_LISTS * WIDTH


class Unbounded(Domain):
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


DOMAINS = (
    Domain("Medical", 6_903_141, 248_099, 4096, 32),
    Domain("Law", 19_061_382, 467_309, 8192, 32),
    Domain("IT", 3_602_862, 222_927, 2048, 32),
    Domain("Koran", 524_374, 17_982, 256, 64),
)
LAW = DOMAINS[1]
LARGE = Domain("10^9", 10**9, 25_000_000, 8192, 32)


@dataclass(frozen=True)
class Cost:
    """What one job of a rule takes, and how many `jobs` of it a domain has.

    gpu, decoding, single, cpu: FLOP, `single` those in fp32 whatever the models' precision; codes: compared in
    searches; gathered, written: bytes; steps of beam search, updates of a combiner, launches of a list, tokens of text;
    anonymous, card: bytes of the CPU's and of the GPU's memory; disk, passing: bytes that stay there, and that go when
    the job ends.
    """

    gpu: float = 0.0
    decoding: float = 0.0
    single: float = 0.0
    cpu: float = 0.0
    codes: float = 0.0
    gathered: float = 0.0
    written: float = 0.0
    steps: float = 0.0
    updates: float = 0.0
    launches: float = 0.0
    tokens: float = 0.0
    anonymous: float = 0.0
    card: float = 0.0
    disk: float = 0.0
    passing: float = 0.0
    jobs: int = 1

    def seconds(self, rates: Rates) -> float:
        """Return the seconds of one job; nothing is assumed to happen at the same time, as in the code."""
        parts = (
            self.gpu / (rates.peak * rates.share),
            self.decoding / (rates.peak * rates.decoding_share),
            self.single / ((rates.single or rates.peak) * 0.5),
            (self.cpu / rates.core + self.codes * rates.code) / rates.cores,
            self.gathered / rates.gather,
            self.written / rates.write,
            self.steps * rates.step + self.updates * rates.update + self.launches * rates.launch,
            self.tokens / rates.tokens,
            rates.start,
        )
        return sum(parts)


def searched(queries: float, domain: Domain) -> dict[str, float]:
    """Count a search in the index: its lists' centroids and the codes of the probed ones."""
    return {
        "cpu": queries * 2 * WIDTH * INDEX_LISTS,
        "codes": queries * PROBES * domain.entries / INDEX_LISTS,
    }


def passed(tokens: float, *, adapter: int = 0, output: bool = True) -> float:
    """Count a pass over so many tokens on either side."""
    return 2 * tokens * (ENCODER + DECODER + (OUTPUT if output else 0) + adapter)


def decoded(domain: Domain, adapter: int = 0) -> dict[str, float]:
    """Count beam search of the dev or test set; a batch takes 1.3 times as many steps as a sentence has tokens."""
    encoder, decoder = ENCODER + adapter / 2, DECODER + OUTPUT + adapter / 2
    return {
        "decoding": 2 * domain.tested * (encoder + BEAM * decoder),
        "steps": TESTED / TOGETHER * domain.length * 1.3,
    }


def added(*counts: dict[str, float]) -> dict[str, float]:
    """Add counts of what happens one after the other."""
    names = {name for count in counts for name in count}
    return {name: sum(count.get(name, 0.0) for count in counts) for name in names}


def activations(tokens: int, inner: int) -> float:
    """Count bytes that a training step keeps: of each layer, and the output layer's four times."""
    encoder = LAYERS * (12 * WIDTH + 2 * ENCODER_FFN + 2 * inner)
    decoder = LAYERS * (20 * WIDTH + 2 * DECODER_FFN + 2 * inner)
    return 4.0 * tokens * (encoder + decoder + 4 * TYPES)


def prepare_corpus(domain: Domain) -> Cost:
    """Raw lines, 4 bytes a token and 49 a string, and as subwords, a third longer; both sides and a tuple."""
    line = 2 * (49 + 4 * domain.length) + 2 * (49 + 5.3 * domain.length) + 2 * 56
    return Cost(
        tokens=float(domain.entries),
        anonymous=domain.sentences * line,
        disk=domain.entries * 2 * (4 + 5.3 + 4.0),
    )


def built(domain: Domain, adapter: int) -> Cost:
    """A pass, the index trained on a sample (k-means of 10 iterations, codebooks of 25) and filled, on the CPU."""
    training = INDEX_SAMPLE * (10 * 2 * WIDTH * INDEX_LISTS + 25 * 2 * WIDTH * 256)
    filling = domain.entries * 2 * WIDTH * (INDEX_LISTS + 256)
    return Cost(
        gpu=passed(domain.entries, adapter=adapter),
        cpu=training + filling,
        written=domain.keys,
        anonymous=max(2 * 4.0 * WIDTH * INDEX_SAMPLE, domain.index),
        card=4.0 * (MODEL + adapter) + 2 * 4.0 * PASS_BATCH * TYPES,
        disk=domain.keys + 8 * domain.entries + 8 * domain.sentences + domain.index,
    )


def build_datastore(domain: Domain) -> Cost:
    """Return what the base model's costs."""
    return built(domain, 0)


def build_adapted_datastore(domain: Domain) -> Cost:
    """Return what the final INK model's costs."""
    return built(domain, domain.adapter)


def store_neighbours(domain: Domain) -> Cost:
    """A search for every entry, on the CPU."""
    return Cost(**searched(domain.entries, domain), anonymous=SEARCH_TABLE, disk=8.0 * KD_STORED * domain.entries)


def tune_v_knn(domain: Domain) -> Cost:
    """One value each, as the paper's: there is nothing to choose."""
    return Cost(anonymous=SEARCH_TABLE, card=4.0 * MODEL)


def train_combiner(domain: Domain) -> Cost:
    """Every batch queries anew; R-kNN perturbs as often as 1,000 updates with certainty: 8 keys each, output layer."""
    perturbed = 1000 * TOGETHER * domain.length * 8 * 2 * OUTPUT / 2
    queries = COMBINER_UPDATES * TOGETHER * domain.length + domain.tested
    return Cost(
        gpu=passed(queries) + perturbed,
        **searched(queries, domain),
        updates=COMBINER_UPDATES,
        anonymous=SEARCH_TABLE,
        card=4.0 * MODEL + 2 * 4.0 * PASS_BATCH * TYPES + 4.0 * WIDTH * domain.tested,
        jobs=3,
    )


def train_knn_kd(domain: Domain) -> Cost:
    """All weights are trained; each position reads its row of neighbours; six models are averaged."""
    dev = decoded(domain)
    return Cost(
        gpu=KD_EPOCHS * 3 * passed(domain.entries),
        **{name: KD_EPOCHS * count for name, count in dev.items()},
        gathered=KD_EPOCHS * 8.0 * KD_STORED * domain.entries,
        anonymous=6 * 4.0 * MODEL,
        card=16.0 * MODEL + activations(KD_BATCH, 0),
        disk=4.0 * MODEL,
    )


def epoch(domain: Domain) -> float:
    """Count an epoch's FLOP: through the frozen base model there and back, three times through the adapter."""
    return 2 * passed(domain.entries) + 3 * 2 * domain.entries * domain.adapter


def trained_card(domain: Domain) -> float:
    """Count the GPU's memory in training: the base model, adapters with gradient and two moments, activations."""
    return 4.0 * MODEL + 16.0 * domain.adapter + activations(BATCH, domain.inner)


def train_adapter(domain: Domain) -> Cost:
    """All epochs are one job, each followed by dev BLEU; its adapters stay."""
    dev = decoded(domain, domain.adapter)
    return Cost(
        gpu=ROUNDS * epoch(domain),
        **{name: ROUNDS * count for name, count in dev.items()},
        anonymous=6 * 4.0 * domain.adapter,
        card=trained_card(domain),
        disk=4.0 * domain.adapter * ROUNDS,
    )


def refreshed(domain: Domain) -> Cost:
    """A pass without output layer, whose keys are written."""
    return Cost(gpu=passed(domain.entries, adapter=domain.adapter, output=False), written=domain.keys)


def found(domain: Domain) -> Cost:
    """Neighbours of all entries: k-means on the CPU, the nearest lists twice and the lists themselves on the GPU."""
    passes = -(-domain.entries // domain.block)
    nearest = 2 * 2.0 * WIDTH * domain.entries * domain.lists
    within = 2.0 * WIDTH * domain.entries * LIST_PROBES * domain.entries / domain.lists
    return Cost(
        single=nearest + within,
        cpu=2.0 * WIDTH * domain.sampled * domain.lists * ITERATIONS,
        gathered=passes * domain.keys,
        launches=passes * domain.lists,
    )


def learned(domain: Domain) -> Cost:
    """INK's epoch and dev BLEU: each position gathers k keys."""
    return Cost(gpu=epoch(domain), gathered=2.0 * WIDTH * domain.k * domain.entries, **decoded(domain, domain.adapter))


def train_ink_round(domain: Domain) -> Cost:
    """The first round has no refresh, which is not told apart."""
    parts = [
        {
            name: getattr(part, name)
            for name in ("gpu", "single", "cpu", "gathered", "written", "launches", "decoding", "steps")
        }
        for part in (refreshed(domain), found(domain), learned(domain))
    ]
    block = domain.block * (2 * WIDTH + LIST_PROBES * (16 + 8 * domain.k)) + 16.0 * domain.entries
    return Cost(
        **added(*parts),
        anonymous=6.0 * WIDTH * domain.sampled + 8 * domain.entries + 6.0 * WIDTH * domain.k * BATCH,
        card=trained_card(domain) + max(block, 6 * 4.0 * BATCH * domain.k * WIDTH),
        # a round's adapter and state stay, its datastore and neighbours go
        disk=4.0 * 4 * domain.adapter,
        passing=domain.keys + 4.0 * domain.entries + 4 * domain.k * domain.entries,
        jobs=ROUNDS,
    )


def finish_ink(domain: Domain) -> Cost:
    """Six adapters are averaged, and dev is translated."""
    return Cost(
        **decoded(domain, domain.adapter),
        anonymous=6 * 4.0 * domain.adapter,
        card=4.0 * (MODEL + domain.adapter),
        disk=4.0 * domain.adapter,
    )


def evaluate(domain: Domain) -> Cost:
    """The mean over the rows: some search, with every beam at every token; some have an adapter."""
    searches = searched(BEAM * domain.tested * SEARCHING / SYSTEMS, domain)
    adapter = domain.adapter * WITH_ADAPTER // SYSTEMS
    return Cost(
        **added(decoded(domain, adapter), searches),
        anonymous=SEARCH_TABLE,
        card=4.0 * (MODEL + domain.adapter),
        jobs=SYSTEMS,
    )


def score(domain: Domain) -> Cost:
    """A pass of XLM-R large over source, hypothesis and reference."""
    return Cost(gpu=2 * COMET * COMET_SEGMENTS * domain.tested, anonymous=2.3e9, card=2.3e9 + 1e9, jobs=SYSTEMS)


def adapter_datastore(domain: Domain) -> Cost:
    """Table 3, Medical alone: the Adapter's own datastore, which build_adapted_datastore builds as INK's."""
    return replace(build_adapted_datastore(domain), jobs=1 if domain.name == "Medical" else 0)


def knn_accuracy(domain: Domain) -> Cost:
    """Medical alone: dev in three datastores, 64 neighbours of each position gathered."""
    if domain.name != "Medical":
        return Cost(jobs=0)
    return Cost(
        gpu=3 * passed(domain.tested),
        **searched(3 * domain.tested, domain),
        gathered=3 * 64 * 2.0 * WIDTH * domain.tested,
        anonymous=SEARCH_TABLE,
        card=4.0 * (MODEL + domain.adapter),
    )


def measure_speed(domain: Domain) -> Cost:
    """Law alone: 2 systems, batches of 8, 32 and 128 three times and one to warm up, the whole test set."""
    if domain.name != "Law":
        return Cost(jobs=0)
    passes = 2 * (1 / 4 + 3 * (4 + 1 + 1 / 4))  # in steps of a pass with batches of 32
    once, searches = decoded(domain, domain.adapter // 2), searched(10 * BEAM * domain.tested, domain)
    return Cost(
        decoding=20 * once["decoding"],
        steps=passes * once["steps"],
        **searches,
        anonymous=SEARCH_TABLE,
        card=2 * 4.0 * (MODEL + domain.adapter),
    )


def ablations(domain: Domain) -> Cost:
    """Table 4, Medical alone: INK's rounds three times more, each with its final adapter."""
    return replace(train_ink_round(domain), jobs=3 * ROUNDS if domain.name == "Medical" else 0)


Rule = Callable[[Domain], Cost]
TABLE2: tuple[Rule, ...] = (
    prepare_corpus,
    build_datastore,
    store_neighbours,
    tune_v_knn,
    train_combiner,
    train_knn_kd,
    train_adapter,
    train_ink_round,
    finish_ink,
    build_adapted_datastore,
    evaluate,
    score,
)
BEYOND: tuple[Rule, ...] = (adapter_datastore, knn_accuracy, measure_speed, ablations)
