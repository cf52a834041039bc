"""What the jobs of each rule of the workflow compute, hold and write for a domain; the scores' are not counted.

Nothing is measured here: counted from the architecture, the sizes of text and datastores, and what the code does.
Attention's own products and padding are left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ink.config import accuracy_domains, accuracy_systems, first_rounds, for_domain, speed_systems
from ink.datastore.knn_graph_division import ITERATIONS, PROBES
from ink.systems.known_systems import retrieval_settings, system_named
from ink.tools.costs.cost import MEASURED_CODE_BYTES, NO_JOB, Cost, of_jobs
from ink.tools.costs.file_sizes import (
    RAW_BYTES,
    STATE,
    SUBWORD_BYTES,
    datastore_bytes,
    index_bytes,
    neighbour_bytes,
    round_bytes,
    text_bytes,
)
from ink.tools.costs.workload import DomainWorkload, Workload

Rule = Callable[[DomainWorkload], Cost]
LENGTHENING = 1.3  # of a batch's longest hypothesis over the mean one
CENTROIDS = 256  # of a byte of a code
# of a Python string beside its characters, and of a pair of them
STRING_BYTES, PAIR_BYTES = 49, 56


def bytes_of(precision: str) -> tuple[int, int]:
    """Return the bytes of a weight, and of one that is trained with its gradient and two moments.

    In half precision it has itself and its gradient in single precision besides.
    """
    return (4, 4 + 4 + 8) if precision == "fp32" else (2, 2 + 2 + 4 + 4 + 8)


def activation_bytes(workload: Workload, adapter: int = 0) -> float:
    """Estimate what a training step keeps of each token: of every layer, and four times the output layer's scores.

    Of a layer on average 16 vectors of its width, twice its feed-forward network's inner ones, and twice the adapter's.
    Scores are in single precision, or twice in either.
    """
    model = workload.model
    # 6 width^2 weights a layer are attention's, so that the rest are the feed-forward networks' two matrices
    feed_forward = (model.encoder + model.decoder) / model.dimension - 6 * model.layers * model.dimension
    vectors = 16 * model.layers * model.dimension + feed_forward + adapter / model.dimension
    return bytes_of(workload.config["precision"])[0] * vectors + 4.0 * 4 * model.types


def weights(domain: DomainWorkload, adapter: int = 0) -> float:
    """Return the bytes of the base model with an adapter, as inference has it in memory."""
    workload = domain.workload
    return bytes_of(workload.config["precision"])[0] * float(workload.model.parameters + adapter)


def passed(domain: DomainWorkload, tokens: float, *, adapter: int = 0, output: bool = True) -> float:
    """Count a pass over so many tokens on either side."""
    model = domain.workload.model
    return 2 * tokens * (model.parameters - (0 if output else model.embeddings) + adapter)


def searched(domain: DomainWorkload, queries: float) -> Cost:
    """Count a search in the index: its lists' centroids and the codes of the probed ones, or all keys."""
    index, width = domain.workload.config["index"], domain.workload.model.dimension
    if index["type"] == "exact":
        return Cost(cpu=queries * 2 * width * domain.entries)
    codes = queries * index["probes"] * domain.entries / index["lists"]
    return Cost(
        cpu=queries * 2 * width * index["lists"],
        codes=codes * index["code_bytes"] / MEASURED_CODE_BYTES,
        # FAISS's table for L2 distances of residuals; the index itself is mapped
        anonymous=4.0 * index["lists"] * index["code_bytes"] * CENTROIDS,
    )


def decoded(
    domain: DomainWorkload,
    split: str,
    adapter: int = 0,
    *,
    sentences: float | None = None,
    beam: int | None = None,
    batch: int | None = None,
) -> Cost:
    """Count beam search of a split, or of so many of its sentences; `beam` and `batch` are decoding's by default."""
    model, decoding = domain.workload.model, domain.workload.config["decoding"]
    count, length = domain.sentences(split) if sentences is None else sentences, domain.length(split)
    encoder, decoder = model.encoder + adapter / 2, model.decoder + model.embeddings + adapter / 2
    return Cost(
        decoding=2 * count * length * (encoder + (beam or decoding["beam"]) * decoder),
        steps=count / (batch or decoding["batch_sentences"]) * length * LENGTHENING,
    )


def dev_bleu(domain: DomainWorkload, adapter: int = 0) -> Cost:
    """Count the beam search after an epoch or a round of training."""
    training = domain.workload.config["training"]
    sentences = min(training["dev_sentences"], domain.sentences("dev"))
    return decoded(domain, "dev", adapter, sentences=sentences, beam=training["dev_beam"])


def prepare_corpus(domain: DomainWorkload) -> Cost:
    """Raw lines and subwords as strings; both sides and a tuple."""
    text, length = domain.workload.text[domain.name], domain.length("train")
    line = 2 * (STRING_BYTES + RAW_BYTES * length) + 2 * (STRING_BYTES + SUBWORD_BYTES * length) + 2 * PAIR_BYTES
    return Cost(
        tokens=float(sum(text.tokens.values())),
        anonymous=domain.sentences("train") * line,
        disk=text_bytes(text),
    )


def train_base(domain: DomainWorkload) -> Cost:
    """All weights are trained, on the general domain, where no base model is given."""
    config = domain.workload.config
    if config["base_model"]["path"] is not None or domain.name != config["data"]["general_domain"]:
        return NO_JOB
    return Cost(gpu=config["base_model"]["train"]["max_epochs"] * 3 * passed(domain, domain.entries))


def built(domain: DomainWorkload, adapter: int) -> Cost:
    """A pass, the index trained on a sample (k-means of 10 iterations, codebooks of 25) and filled, on the CPU."""
    workload, width, entries = domain.workload, domain.workload.model.dimension, domain.entries
    index, batch = workload.config["index"], workload.config["datastore"]["batch_tokens"]
    sample, cpu = 0, 0.0
    if index["type"] == "ivfpq":
        sample = min(index["training_sample"], entries)
        cpu = sample * (10 * 2.0 * width * index["lists"] + 25 * 2.0 * width * CENTROIDS)
        cpu += entries * 2.0 * width * (index["lists"] + CENTROIDS)
    return Cost(
        gpu=passed(domain, entries, adapter=adapter),
        cpu=cpu,
        written=domain.keys,
        anonymous=max(2 * 4.0 * width * sample, index_bytes(workload, entries)),
        # log-probabilities of all target tokens, and the logits before them
        card=weights(domain, adapter) + 2 * 4.0 * batch * workload.model.types,
        disk=datastore_bytes(workload, entries),
    )


def build_datastore(domain: DomainWorkload) -> Cost:
    """Return what the base model's costs, one for each kind of key."""
    return of_jobs([built(domain, 0)] * len(domain.workload.keys))


def build_adapted_datastore(domain: DomainWorkload) -> Cost:
    """Return what a final Adapter's or INK model's costs."""
    there = domain.workload.adapted_datastores.count(domain.name)
    return of_jobs([built(domain, domain.adapter)] * there, seeds=domain.workload.seeds)


def store_neighbours(domain: DomainWorkload) -> Cost:
    """A search for every entry, on the CPU."""
    if "train-knn-kd" not in domain.workload.commands:
        return NO_JOB
    return searched(domain, domain.entries) + Cost(disk=neighbour_bytes(domain.workload.config) * domain.entries)


def tune_v_knn(domain: DomainWorkload) -> Cost:
    """Dev is passed through and searched for once, unless there is one value each: then there is nothing to choose."""
    if "tune-v-knn" not in domain.workload.commands:
        return NO_JOB
    tokens = domain.tokens("dev") if retrieval(domain, "v_knn")[1] > 1 else 0
    return Cost(gpu=passed(domain, tokens), card=weights(domain)) + searched(domain, tokens)


def retrieval(domain: DomainWorkload, system: str) -> tuple[dict[str, Any], int]:
    """Return a system's settings of retrieval for the domain, and how many combinations of them are tried on dev."""
    config = domain.workload.config
    settings = for_domain(retrieval_settings(config, system), domain.name, config["domains"])
    return settings, math.prod(len(value) for value in settings.values() if isinstance(value, list))


def train_combiner(domain: DomainWorkload) -> Cost:
    """Return what training each combiner takes, once for every point of its grid."""
    workload = domain.workload
    how, width, model = workload.config["combiner_training"], workload.model.dimension, workload.model
    costs = []
    for system in workload.combiners:
        (settings, points), batch = retrieval(domain, system), how["batch_sentences"] * domain.length("dev")
        # the base model queries for every update where it has dropout
        queries = domain.tokens("dev") + (how["max_updates"] * batch if how["base_dropout"] == "released" else 0)
        # R-kNN perturbs as often as so many updates with certainty: 8 keys each, output layer
        perturbed = settings.get("decay", 0) * batch * 8 * 2 * model.embeddings / 2
        trained = Cost(gpu=passed(domain, queries) + perturbed, updates=how["max_updates"]) + searched(domain, queries)
        card = weights(domain) + 2 * 4.0 * workload.config["datastore"]["batch_tokens"] * model.types
        costs.append(trained * points + Cost(card=card + 4.0 * width * domain.tokens("dev")))
    return of_jobs(costs, seeds=workload.seeds)


def train_knn_kd(domain: DomainWorkload) -> Cost:
    """All weights are trained; each position reads its row of neighbours; the last models and the best are averaged."""
    workload, config = domain.workload, domain.workload.config
    if "train-knn-kd" not in workload.commands:
        return NO_JOB
    model, epochs = workload.model.parameters, config["knn_kd"]["max_epochs"]
    stored = neighbour_bytes(config) * float(domain.entries)
    epoch = Cost(gpu=3 * passed(domain, domain.entries), gathered=stored) + dev_bleu(domain)
    held = Cost(
        anonymous=(config["training"]["average_last"] + 1) * 4.0 * model,
        card=bytes_of(config["precision"])[1] * model + config["knn_kd"]["batch_tokens"] * activation_bytes(workload),
        disk=4.0 * model,
    )
    return of_jobs([epoch * epochs + held], seeds=workload.seeds)


def epoch(domain: DomainWorkload) -> Cost:
    """Count an epoch of an adapter: through the frozen base model there and back, three times through the adapter."""
    return Cost(gpu=2 * passed(domain, domain.entries) + 3 * 2 * domain.entries * domain.adapter)


def trained_card(domain: DomainWorkload) -> float:
    """Count the GPU's memory in training: the base model, adapters with gradient and two moments, activations."""
    config = domain.workload.config
    batch = config["training"]["batch_tokens"] * activation_bytes(domain.workload, domain.adapter)
    return weights(domain) + bytes_of(config["precision"])[1] * domain.adapter + batch


def averaged(domain: DomainWorkload) -> float:
    """Return the bytes of the adapters that are averaged."""
    return (domain.workload.config["training"]["average_last"] + 1) * 4.0 * domain.adapter


def train_adapter(domain: DomainWorkload) -> Cost:
    """All epochs are one job, each followed by dev BLEU; its adapters stay."""
    workload = domain.workload
    epochs, costs = workload.config["adapter"]["max_epochs"], []
    for one in domain.trainings("adapter"):
        disk = 4.0 * one.adapter * epochs
        held = Cost(anonymous=averaged(one), card=trained_card(one), disk=disk)
        costs.append((epoch(one) + dev_bleu(one, one.adapter)) * epochs + held)
    return of_jobs(costs, seeds=workload.seeds)


def refreshed(domain: DomainWorkload) -> Cost:
    """A pass without output layer, whose keys are written."""
    return Cost(gpu=passed(domain, domain.entries, adapter=domain.adapter, output=False), written=domain.keys)


def found(domain: DomainWorkload) -> Cost:
    """Neighbours of all entries: k-means on the CPU, the nearest lists twice and the lists themselves on the GPU."""
    width = domain.workload.model.dimension
    passes = -(-domain.entries // max(1, domain.block))
    nearest = 2 * 2.0 * width * domain.entries * domain.lists
    within = 2.0 * width * domain.entries * PROBES * domain.entries / domain.lists
    if domain.workload.config["ink"]["neighbours"] == "per_round_exact":
        nearest, within = 0.0, 2.0 * width * domain.entries**2
    return Cost(
        single=nearest + within,
        cpu=2.0 * width * domain.sampled * domain.lists * ITERATIONS,
        gathered=passes * domain.keys,
        launches=passes * domain.lists,
    )


def learned(domain: DomainWorkload) -> Cost:
    """INK's epoch and dev BLEU: each position gathers k keys."""
    return epoch(domain) + Cost(gathered=domain.keys * domain.k) + dev_bleu(domain, domain.adapter)


def train_ink_round(domain: DomainWorkload) -> Cost:
    """A job's rounds, every one with a refresh, though the first of all has none."""
    workload, config = domain.workload, domain.workload.config
    width, jobs = workload.model.dimension, len(first_rounds(config))
    rounds, batch, costs = config["ink"]["max_rounds"] / jobs, config["training"]["batch_tokens"], []
    for one in domain.trainings("ink"):
        a_round = learned(one)
        a_round += searched(one, one.entries) if config["ink"]["neighbours"] == "per_batch" else found(one)
        a_round += refreshed(one) if one.refreshes else Cost()
        block = one.block * (2 * width + PROBES * (16 + 8 * one.k)) + 16.0 * one.entries
        # neighbours' keys: as stored, in single precision, sorted anew, their differences and products
        keys = 6 * 4.0 * batch * one.k * width
        held = Cost(
            anonymous=6.0 * width * one.sampled + 8 * one.entries + 6.0 * width * one.k * batch,
            card=trained_card(one) + max(block, keys),
            # a round's adapter and a job's state stay, a round's datastore and neighbours go
            disk=4.0 * (rounds + STATE) * one.adapter,
            passing=round_bytes(one),
        )
        costs.append(a_round * rounds + held)
    return of_jobs(costs * jobs, seeds=workload.seeds)


def finish_ink(domain: DomainWorkload) -> Cost:
    """The last adapters and the best are averaged, and dev is translated."""
    costs = [
        dev_bleu(one, one.adapter)
        + Cost(anonymous=averaged(one), card=weights(one, one.adapter), disk=4.0 * one.adapter)
        for one in domain.trainings("ink")
    ]
    return of_jobs(costs, seeds=domain.workload.seeds)


def evaluate(domain: DomainWorkload) -> Cost:
    """The test set of each system, and the general domain's of what is adapted; some search for every beam's token."""
    workload, costs = domain.workload, []
    general = workload.config["data"]["general_domain"]
    for name in [name for name, place in workload.evaluations if place == domain.name]:
        system = system_named(name)
        adapter = domain.adapter if system.has_adapter else 0
        tested = [domain, *([workload.of(general)] if general is not None and system.is_adapted else [])]
        cost = Cost(card=weights(domain, adapter) + index_on_card(domain))
        for one in tested:
            cost += decoded(one, "test", adapter)
            if system.retrieves:
                cost += searched(domain, workload.config["decoding"]["beam"] * one.tokens("test"))
        costs.append(cost)
    return of_jobs(costs)


def index_on_card(domain: DomainWorkload) -> float:
    """Return what a search on the models' own GPU holds: the index with values and log-probabilities."""
    config, entries = domain.workload.config, domain.entries
    if not domain.workload.keys or not same_gpu(config["index"]["device"], config["device"]):
        return 0.0
    return index_bytes(domain.workload, entries) + (4 + 4) * entries


def same_gpu(one: str, other: str) -> bool:
    """Whether two devices of the config, the first of which is no CPU, are one GPU."""
    return one != "cpu" and (one.partition(":")[2] or "0") == (other.partition(":")[2] or "0")


def knn_accuracy(domain: DomainWorkload) -> Cost:
    """Dev in the datastore of each model, the most neighbours of each position gathered."""
    workload, tokens = domain.workload, domain.tokens("dev")
    if domain.name not in accuracy_domains(workload.config):
        return NO_JOB
    keys = max(workload.config["knn_accuracy"]["k"]) * 2.0 * workload.model.dimension
    one = Cost(gpu=passed(domain, tokens), gathered=keys * tokens) + searched(domain, tokens)
    models = len(accuracy_systems(workload.config))
    return of_jobs([one * models + Cost(card=weights(domain, domain.adapter))], seeds=workload.seeds)


def measure_speed(domain: DomainWorkload) -> Cost:
    """Every system decodes with the largest batches to warm up, then with every size as often as is asked for."""
    workload, how = domain.workload, domain.workload.config["speed"]
    systems = [system_named(name) for name in speed_systems(workload.config)]
    if not systems or domain.name != how["domain"]:
        return NO_JOB
    sentences = min(how["sentences"], domain.sentences("test"))
    cost = Cost(card=len(systems) * weights(domain, domain.adapter))
    for system in systems:
        for size in [max(how["batch_sentences"]), *how["batch_sentences"] * how["repeats"]]:
            cost += decoded(
                domain, "test", domain.adapter if system.has_adapter else 0, sentences=sentences, batch=size
            )
            if system.retrieves:
                queries = workload.config["decoding"]["beam"] * sentences * domain.length("test")
                cost += searched(domain, queries)
    return cost


# in the order in which an experiment has them
RULES: tuple[Rule, ...] = (
    prepare_corpus,
    train_base,
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
    knn_accuracy,
    measure_speed,
)
# those that have jobs for the general domain too
EVERYWHERE: tuple[Rule, ...] = (prepare_corpus, train_base, evaluate)
