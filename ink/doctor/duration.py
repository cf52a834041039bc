"""How long an experiment will take, from what it has to compute and how fast this machine multiplies matrices."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ink.config import accuracy_domains, accuracy_systems, first_rounds, for_domain, speed_systems
from ink.doctor.extent import Extent
from ink.doctor.finding import Finding, ok
from ink.doctor.machine import cores
from ink.layout import Layout
from ink.systems import retrieval_settings, system_named

MEASURING_SECONDS = 0.5
PRODUCTS_AT_ONCE = 100  # handed to a GPU before its clock is read
# What measured jobs of the embedded experiment take, in terms of this estimate.
START_UP = 5.0  # seconds of a job that imports torch and fairseq
SHARE_TRAINING = 0.5  # of the speed of a bare matrix product of the model's size
SHARE_DECODING = 0.15
SECONDS_A_STEP = 0.012  # of beam search for a batch, whatever its size
SECONDS_AN_UPDATE = 0.01  # of a combiner, its share of the checks included
SECONDS_A_SEARCH = 1e-4  # of an entry in its own datastore
SECONDS_A_QUERY = 3e-4  # of 64 neighbours with their keys
LENGTHENING = 1.3  # of a batch's longest hypothesis over the mean one
LINES_A_SECOND = 2500.0  # tokenised, segmented and binarised, both sides


def seconds_by_job(extent: Extent, flops: float) -> dict[str, float]:
    """Estimate the core seconds of each rule of the workflow, all of its jobs together, at `flops` a core second."""
    config, model = extent.config, extent.model
    forward = 2.0 * model.parameters / flops
    seeds, domains = len(config["seeds"]), extent.domains
    tokens = {domain: extent.text[domain].tokens.get("train", 0) for domain in domains}
    everything, general = sum(tokens.values()), config["data"]["general_domain"]

    def epochs(system: str) -> float:
        """Estimate one epoch of each training; a frozen base model passes gradients on and needs none of its own."""
        return sum(
            (2 * forward + 6.0 * training.adapter / flops) * tokens[training.domain] / SHARE_TRAINING * seeds
            for training in extent.trainings(system)
        )

    sentences = config["training"]["dev_sentences"] * len(domains) * seeds
    mean = everything / max(1, _count(extent, domains, "train"))
    dev = _decoding(extent, forward, sentences, mean, beam=config["training"]["dev_beam"])
    found = {
        "prepare_corpus": sum(sum(text.sentences.values()) for text in extent.text.values()) / LINES_A_SECOND,
        "build_datastore": len(extent.keys) * (everything * forward / SHARE_TRAINING + START_UP * len(domains)),
    }
    if config["base_model"]["path"] is None and general is not None:
        total = extent.text[general].tokens["train"] * config["base_model"]["train"]["max_epochs"]
        found["train_base"] = 3 * forward * total / SHARE_TRAINING + START_UP
    if "train-knn-kd" in extent.commands:
        of_epoch = 3 * forward * everything / SHARE_TRAINING * seeds + dev
        found["store_neighbours"] = START_UP * len(domains) + everything * SECONDS_A_SEARCH
        found["train_knn_kd"] = of_epoch * config["knn_kd"]["max_epochs"] + START_UP * len(domains) * seeds
    if "tune-v-knn" in extent.commands:
        found["tune_v_knn"] = START_UP * len(domains) + _count(extent, domains, "dev") * forward * 60
    if extent.combiners:
        trainings = [_combiner(extent, forward, name, domain) for name in extent.combiners for domain in domains]
        found["train_combiner"] = sum(trainings) * seeds
    if "adapter" in extent.trained:
        share, rounds = len(extent.trainings("adapter")) / max(1, len(domains)), extent.trained["adapter"]
        found["train_adapter"] = (epochs("adapter") + share * dev) * rounds + share * START_UP * len(domains) * seeds
    if "ink" in extent.trained:
        rounds, jobs = extent.trained["ink"], START_UP * len(domains) * seeds
        share = len(extent.trainings("ink")) / max(1, len(domains))
        refreshed = sum(tokens[training.domain] for training in extent.trainings("ink") if training.refreshes)
        refreshes = refreshed * seeds * forward / SHARE_TRAINING * (rounds - 1)
        # with search and its terms of the loss
        found["train_ink_round"] = (1.5 * epochs("ink") + share * dev) * rounds + refreshes
        found["train_ink_round"] += share * jobs * len(first_rounds(config))
        found["finish_ink"] = share * (dev + jobs)
    if extent.adapted_datastores:
        entries = sum(tokens[domain] for domain in extent.adapted_datastores)
        jobs = START_UP * len(extent.adapted_datastores)
        found["build_adapted_datastore"] = (entries * forward / SHARE_TRAINING + jobs) * seeds
    if accuracy_domains(config):
        measured = sum(extent.text[domain].tokens.get("dev", 0) for domain in accuracy_domains(config))
        queries = len(accuracy_systems(config)) * measured * (forward / SHARE_TRAINING + SECONDS_A_QUERY)
        found["knn_accuracy"] = (queries + START_UP * len(accuracy_domains(config))) * seeds
    if timed := speed_systems(config):
        found["measure_speed"] = START_UP + len(timed) * _timing(extent, forward)
    found["evaluate"] = 0.0
    for system, domain in extent.evaluations:
        tested = [domain, *([general] if general is not None and system_named(system).is_adapted else [])]
        for name in tested:
            text = extent.text[name]
            count = text.sentences.get("test", 0)
            found["evaluate"] += _decoding(extent, forward, count, text.tokens.get("test", 0) / max(1, count))
        found["evaluate"] += START_UP
    return found


def duration(extent: Extent) -> Finding:
    """Say about how long the whole experiment takes, and what of that has been measured in earlier runs."""
    on_gpu = extent.config["device"] != "cpu"
    flops = matrix_product_speed(extent)
    estimated = seconds_by_job(extent, flops)
    measured = measured_seconds(Path(Layout(extent.config).results) / "benchmarks")
    seconds = {rule: measured.get(rule, value) for rule, value in estimated.items()}
    known = [rule for rule in seconds if rule in measured]
    source = f"{flops / 1e9:,.0f} GFLOP/s" + ("" if on_gpu else " a core")
    source += f", {len(known)} kinds of jobs as measured before" if known else ""
    where = "one GPU, job after job," if on_gpu else f"{cores()} cores"
    whole = sum(seconds.values()) / (1 if on_gpu else cores())
    return ok("time", f"about {in_words(whole)} on {where} from nothing ({source})")


def measured_seconds(benchmarks: Path) -> dict[str, float]:
    """Return the CPU seconds that a finished run noted down, by rule; only of rules whose jobs are all there to add."""
    found: dict[str, float] = {}
    for path in benchmarks.rglob("*.tsv"):
        rule = path.relative_to(benchmarks).parts[0].removesuffix(".tsv")
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                try:
                    found[rule] = found.get(rule, 0.0) + float(row["cpu_time"])
                except (KeyError, TypeError, ValueError):
                    continue  # a job too short to be measured
    return found


def matrix_product_speed(extent: Extent) -> float:
    """Measure operations a second in products of the model's width and precision, on the GPU or on one core."""
    import torch

    from ink.nmt.precision import torch_dtype

    device, width = torch.device(extent.config["device"]), extent.model.dimension
    on_gpu = device.type == "cuda"
    clock = time.perf_counter if on_gpu else time.process_time
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        kind: dict[str, Any] = {"device": device, "dtype": torch_dtype(extent.config["precision"])}
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


def in_words(seconds: float) -> str:
    """Return a duration as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    if seconds < 5400:
        return f"{seconds / 60:.0f} minutes"
    if seconds < 2 * 86400:
        return f"{seconds / 3600:.0f} hours"
    return f"{seconds / 86400:.0f} days"


def _timing(extent: Extent, forward: float) -> float:
    """Estimate the seconds of timing one system: a warm-up, and every batch size in every round."""
    how = extent.config["speed"]
    text = extent.text[how["domain"]]
    count = min(how["sentences"], text.sentences.get("test", 0))
    mean = text.tokens.get("test", 0) / max(1, text.sentences.get("test", 0))
    passes = [max(how["batch_sentences"]), *(how["batch_sentences"] * how["repeats"])]
    return sum(_decoding(extent, forward, count, mean, size) for size in passes)


def _decoding(
    extent: Extent, forward: float, sentences: int, tokens: float, batch: int | None = None, beam: int | None = None
) -> float:
    """Estimate the seconds of beam search for `sentences` of `tokens` tokens on average, `batch` at once.

    `batch` and `beam` are decoding's where they are not given.
    """
    decoding: Mapping[str, float] = extent.config["decoding"]
    batches = sentences / (batch or decoding["batch_sentences"])
    steps = batches * tokens * LENGTHENING * SECONDS_A_STEP
    return steps + sentences * tokens * (beam or decoding["beam"]) * forward / SHARE_DECODING


def _combiner(extent: Extent, forward: float, system: str, domain: str) -> float:
    """Estimate the seconds of training a system's combiner on dev, once for every point of its grid."""
    how, dev = extent.config["combiner_training"], extent.text[domain]
    settings = for_domain(retrieval_settings(extent.config, system), domain, extent.config["domains"])
    points = math.prod(len(value) for value in settings.values() if isinstance(value, list))
    queries = float(dev.tokens.get("dev", 0))
    if how["base_dropout"] == "released":  # the base model queries for every update
        sentences = how["max_updates"] * how["batch_sentences"]
        queries += sentences * queries / max(1, dev.sentences.get("dev", 0))
    return START_UP + points * (queries * forward / SHARE_TRAINING + how["max_updates"] * SECONDS_AN_UPDATE)


def _count(extent: Extent, domains: list[str], split: str) -> int:
    return sum(extent.text[domain].sentences.get(split, 0) for domain in domains)
