"""How long an experiment will take, from what it has to compute and how fast this machine multiplies matrices."""

from __future__ import annotations

import csv
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ink.runtime.hardware import cores
from ink.systems.layout import Layout
from ink.tools.costs.cost import Rates
from ink.tools.costs.rules import EVERYWHERE, RULES
from ink.tools.costs.workload import Workload
from ink.tools.doctor.finding import Finding, ok

MEASURING_SECONDS = 0.5
PRODUCTS_AT_ONCE = 100  # handed to a GPU before its clock is read
# What measured jobs of the embedded experiment take, in terms of this estimate.
START_UP = 5.0  # seconds of a job that imports torch and fairseq
SECONDS_A_STEP = 0.012  # of beam search for a batch, whatever its size
TOKENS_A_SECOND = 6e4  # tokenised, segmented and binarised, both sides


def seconds_by_job(workload: Workload, flops: float) -> dict[str, float]:
    """Estimate the core seconds of each rule of the workflow, all of its jobs together, at `flops` a core second.

    Of a GPU: its seconds at `flops`, with those of the cores beside it.
    """
    rates = Rates(flops, step=SECONDS_A_STEP, start=START_UP, tokens=TOKENS_A_SECOND)
    if workload.config["device"] == "cpu":
        rates = replace(rates, core=flops, cores=1, launch=0.0)
    found = {}
    for rule in RULES:
        costs = [rule(workload.of(domain)) for domain in (workload.text if rule in EVERYWHERE else workload.domains)]
        if any(cost.jobs for cost in costs):
            found[rule.__name__] = sum(cost.jobs * cost.seconds(rates) for cost in costs)
    return found


def duration(workload: Workload) -> Finding:
    """Say about how long the whole experiment takes, and what of that has been measured in earlier runs."""
    on_gpu = workload.config["device"] != "cpu"
    flops = matrix_product_speed(workload)
    estimated = seconds_by_job(workload, flops)
    measured = measured_seconds(Path(Layout(workload.config).results) / "benchmarks")
    seconds = {rule: measured.get(rule, value) for rule, value in estimated.items()}
    known = [rule for rule in seconds if rule in measured]
    source = f"{flops / 1e9:,.0f} GFLOP/s" + ("" if on_gpu else " a core")
    source += f", {len(known)} kinds of jobs as measured before" if known else ""
    where = "one GPU, job after job," if on_gpu else f"{cores()} cores"
    whole = sum(seconds.values()) / (1 if on_gpu else cores())
    return ok("time", f"about {duration_in_words(whole)} on {where} from nothing ({source})")


def measured_seconds(benchmarks: Path) -> dict[str, float]:
    """Return the CPU seconds that a finished run noted down, by rule; only of rules whose jobs are all there to add."""
    found: dict[str, float] = {}
    for path in benchmarks.rglob("*.tsv"):
        rule = path.relative_to(benchmarks).parts[0].removesuffix(".tsv")
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                with suppress(KeyError, TypeError, ValueError):  # a job too short to be measured
                    found[rule] = found.get(rule, 0.0) + float(row["cpu_time"])
    return found


def matrix_product_speed(workload: Workload) -> float:
    """Measure operations a second in products of the model's width and precision, on the GPU or on one core."""
    import torch

    from ink.nmt.device import torch_dtype

    device, width = torch.device(workload.config["device"]), workload.model.dimension
    on_gpu = device.type == "cuda"
    clock = time.perf_counter if on_gpu else time.process_time
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        kind: dict[str, Any] = {"device": device, "dtype": torch_dtype(workload.config["precision"])}
        left, right = torch.ones(1024, width, **kind), torch.ones(width, 4 * width, **kind)
        left @ right
        if on_gpu:
            torch.cuda.synchronize(device)
        products, start, spent = 0, clock(), 0.0
        while spent < MEASURING_SECONDS:
            for _ in range(PRODUCTS_AT_ONCE if on_gpu else 1):
                left @ right
                products += 1
            if on_gpu:
                torch.cuda.synchronize(device)
            spent = clock() - start
    finally:
        torch.set_num_threads(before)
    return products * 2.0 * 1024 * width * 4 * width / spent


def duration_in_words(seconds: float) -> str:
    """Return a duration as people say it."""
    for unit, length, most in (("seconds", 1, 90), ("minutes", 60, 5400), ("hours", 3600, 2 * 86400)):
        if seconds < most:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds / 86400:.0f} days"
