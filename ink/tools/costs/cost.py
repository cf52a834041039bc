"""What a job takes, and how long on a machine: FLOP, bytes and steps, and how many of them a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

MEASURED_CODE_BYTES = 64  # of the codes whose comparison `Rates.code` is


@dataclass(frozen=True)
class Rates:
    """Assumed, but for `code`: (263 - 148) us for 4 lists of 590,402 / 1,024 codes, see docs/findings."""

    peak: float  # FLOP/s of the device in the precision of the models
    share: float = 0.5  # of it that a pass or a training reaches
    single: float | None = None  # FLOP/s in fp32, half of it reached, in which distances are; None: the same peak
    decoding_share: float = 0.15
    core: float = 5e10  # FLOP/s of a core
    cores: int = 16
    code: float = (263e-6 - 148e-6) / (4 * 590_402 / 1024)  # core seconds to compare a 64-byte code
    gather: float = 1.5e9  # bytes/s of single keys out of the page cache, one thread
    write: float = 1e9  # bytes/s of keys from the device to the disk
    step: float = 0.02  # seconds of a step of beam search, whatever is in it
    update: float = 0.01  # seconds of an update of a combiner
    launch: float = 3e-4  # seconds of a list in a block of queries
    tokens: float = 5e4  # a second through Moses and BPE, both sides, one core
    start: float = 20.0  # seconds of a job before it works


@dataclass(frozen=True)
class Cost:
    """What one job of a rule takes, and how many `jobs` of it a domain has.

    - gpu, decoding, cpu: FLOP
    - single: FLOP in fp32 whatever the models' precision
    - codes: of 64 bytes, compared in searches
    - gathered, written: bytes
    - steps: of beam search
    - updates: of a combiner
    - launches: of a list
    - tokens: of text
    - anonymous, card: bytes of the CPU's and of the GPU's memory
    - disk, passing: bytes that stay there, and that go when the job ends
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

    def __add__(self, other: Cost) -> Cost:
        """Return the cost of a job that does both, one after the other."""
        work = {name: getattr(self, name) + getattr(other, name) for name in (*_WORK, "disk")}
        return replace(self, **work, **{name: max(getattr(self, name), getattr(other, name)) for name in _HELD})

    def __mul__(self, times: float) -> Cost:
        """Return the cost of a job that does the same so many times; what it holds and writes is the same."""
        return replace(self, **{name: getattr(self, name) * times for name in _WORK})

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


_HELD = ("anonymous", "card", "passing")
_WORK = tuple(name for name in Cost.__dataclass_fields__ if name not in (*_HELD, "disk", "jobs"))
NO_JOB = Cost(jobs=0)


def mean_of_jobs(costs: Sequence[Cost], seeds: int = 1) -> Cost:
    """Return the mean of several jobs of a rule, of memory the most, each there once a seed."""
    if not costs:
        return NO_JOB
    total = sum(costs[1:], costs[0])
    return replace(total * (1 / len(costs)), disk=total.disk / len(costs), jobs=len(costs) * seeds)
