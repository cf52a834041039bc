"""What the jobs of each rule of the workflow compute, hold and write for a domain; the scores' are not counted."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ink.config import (
    accuracy_domains,
    accuracy_systems,
    first_rounds,
    for_domain,
    given_base_model,
    speed_systems,
)
from ink.datastore.knn_graph_division import PROBES
from ink.systems.known_systems import STORING_SOURCE_TOKENS, system_named, unreduced
from ink.systems.systems_of_experiment import retrieval_settings
from ink.tools.costs import operations
from ink.tools.costs.cost import NO_JOB, Cost, mean_of_jobs
from ink.tools.costs.file_sizes import (
    RAW_BYTES,
    STATE,
    SUBWORD_BYTES,
    datastore_bytes,
    index_bytes,
    neighbour_bytes,
    round_bytes,
    source_token_bytes,
    text_bytes,
)
from ink.tools.costs.operations import averaging_bytes, beam_search, dev_bleu, model_bytes, pass_flop, search
from ink.tools.costs.workload import DomainWorkload

Rule = Callable[[DomainWorkload], Cost]
# of a Python string beside its characters, and of a pair of them
STRING_BYTES, PAIR_BYTES = 49, 56


def prepare_corpus(domain: DomainWorkload) -> Cost:
    """Raw lines and subwords as strings; both sides and a tuple."""
    text, length = domain.workload.text[domain.name], domain.length("train")
    line = 2 * (STRING_BYTES + RAW_BYTES * length) + 2 * (STRING_BYTES + SUBWORD_BYTES * length) + 2 * PAIR_BYTES
    held = domain.sentences("train") * line
    return Cost(tokens=float(sum(text.tokens.values())), anonymous=held, disk=text_bytes(text))


def train_base(domain: DomainWorkload) -> Cost:
    """All weights are trained, on the general domain, where no base model is given."""
    base_model = domain.config["base_model"]
    if given_base_model(domain.config) is not None or domain.name != domain.config["data"]["general_domain"]:
        return NO_JOB
    return Cost(gpu=base_model["train"]["max_epochs"] * 3 * pass_flop(domain, domain.entries))


def _datastore(domain: DomainWorkload, adapter: int) -> Cost:
    """A pass, the index trained on a sample (k-means of 10 iterations, codebooks of 25) and filled, on the CPU."""
    width, entries, index = domain.model.dimension, domain.entries, domain.config["index"]
    sample, cpu = 0, 0.0
    if index["type"] == "ivfpq":
        sample = min(index["training_sample"], entries)
        cpu = sample * (10 * 2.0 * width * index["lists"] + 25 * 2.0 * width * operations.CENTROIDS)
        cpu += entries * 2.0 * width * (index["lists"] + operations.CENTROIDS)
    return Cost(
        gpu=pass_flop(domain, entries, adapter=adapter),
        cpu=cpu,
        written=domain.keys,
        anonymous=max(2 * 4.0 * width * sample, index_bytes(domain.workload, entries)),
        card=model_bytes(domain, adapter) + operations.logit_bytes(domain),
        disk=datastore_bytes(domain.workload, entries),
    )


def build_datastore(domain: DomainWorkload) -> Cost:
    """Return what the base model's costs, one for each kind of key."""
    return mean_of_jobs([_datastore(domain, 0)] * len(domain.workload.keys))


def build_adapted_datastore(domain: DomainWorkload) -> Cost:
    """Return what a final Adapter's or INK model's costs."""
    count = domain.workload.adapted_datastores.count(domain.name)
    return mean_of_jobs([_datastore(domain, domain.adapter)] * count, seeds=domain.workload.seeds)


def reduce_datastore(domain: DomainWorkload) -> Cost:
    """Return what each reduced one takes, as if all entries stayed: some find the neighbours of every entry first."""
    costs = []
    for method, _ in domain.workload.reduced:
        predicted = 2.0 * domain.entries * domain.model.embeddings if method == "plac" else 0.0
        one = replace(_datastore(domain, 0), gpu=predicted)
        costs.append(one + search(domain, domain.entries) if method in ("plac", "greedy_merging") else one)
    return mean_of_jobs(costs)


def store_neighbours(domain: DomainWorkload) -> Cost:
    """A search for every entry, on the CPU."""
    if "train-knn-kd" not in domain.workload.commands:
        return NO_JOB
    return search(domain, domain.entries) + Cost(disk=neighbour_bytes(domain.config) * domain.entries)


def store_source_tokens(domain: DomainWorkload) -> Cost:
    """The encoder passes over the text, as long as its targets; words are aligned on one core, and not counted."""
    if STORING_SOURCE_TOKENS not in domain.workload.commands:
        return NO_JOB
    size = source_token_bytes(domain.workload, domain.entries)
    return Cost(
        gpu=2.0 * domain.entries * domain.model.encoder,
        written=size,
        card=model_bytes(domain),
        disk=size,
    )


def tune_v_knn(domain: DomainWorkload) -> Cost:
    """Dev is passed through and searched for once, unless there is one value each: then there is nothing to choose."""
    if "tune-v-knn" not in domain.workload.commands:
        return NO_JOB
    tokens = domain.tokens("dev") if _retrieval(domain, "v_knn")[1] > 1 else 0
    return Cost(gpu=pass_flop(domain, tokens), card=model_bytes(domain)) + search(domain, tokens)


def tune_reduced_v_knn(domain: DomainWorkload) -> Cost:
    """The same on every reduced datastore that V-kNN searches."""
    of_v_knn = [system_named(name) for name in domain.config["systems"] if unreduced(name) == "v_knn"]
    reduced = {system.combiner_of for system in of_v_knn if system.reduction is not None}
    return mean_of_jobs([tune_v_knn(domain) for _ in reduced])


def _retrieval(domain: DomainWorkload, system: str) -> tuple[dict[str, Any], int]:
    """Return a system's settings of retrieval for the domain, and how many combinations of them are tried on dev."""
    settings = for_domain(retrieval_settings(domain.config, system), domain.name, domain.config["domains"])
    return settings, math.prod(len(value) for value in settings.values() if isinstance(value, list))


def train_combiner(domain: DomainWorkload) -> Cost:
    """Return what training each combiner takes, once for every point of its grid."""
    training, model = domain.config["combiner_training"], domain.model
    updates, batch = training["max_updates"], training["batch_sentences"] * domain.length("dev")
    # the base model queries for every update where it has dropout
    queries = domain.tokens("dev") + (updates * batch if training["base_dropout"] == "released" else 0)
    card = model_bytes(domain) + operations.logit_bytes(domain) + 4.0 * model.dimension * domain.tokens("dev")
    costs = []
    for system in domain.workload.combiners:
        settings, points = _retrieval(domain, system)
        # R-kNN perturbs as often as so many updates with certainty: 8 keys each, output layer
        perturbed = settings.get("decay", 0) * batch * 8 * 2 * model.embeddings / 2
        one = Cost(gpu=pass_flop(domain, queries) + perturbed, updates=updates) + search(domain, queries)
        costs.append(one * points + Cost(card=card))
    return mean_of_jobs(costs, seeds=domain.workload.seeds)


def train_knn_kd(domain: DomainWorkload) -> Cost:
    """All weights are trained; each position reads its row of neighbours; the last models and the best are averaged."""
    config, parameters = domain.config, domain.model.parameters
    if "train-knn-kd" not in domain.workload.commands:
        return NO_JOB
    stored = neighbour_bytes(config) * float(domain.entries)
    epoch = Cost(gpu=3 * pass_flop(domain, domain.entries), gathered=stored) + dev_bleu(domain)
    trained = operations.weight_bytes(config["precision"])[1] * parameters
    held = Cost(
        anonymous=(config["training"]["average_last"] + 1) * 4.0 * parameters,
        card=trained + config["knn_kd"]["batch_tokens"] * operations.activation_bytes(domain),
        disk=4.0 * parameters,
    )
    return mean_of_jobs([epoch * config["knn_kd"]["max_epochs"] + held], seeds=domain.workload.seeds)


def train_adapter(domain: DomainWorkload) -> Cost:
    """All epochs are one job, each followed by dev BLEU; its adapters stay."""
    epochs, costs = domain.config["adapter"]["max_epochs"], []
    for training in domain.trainings("adapter"):
        disk = 4.0 * training.adapter * epochs
        held = Cost(anonymous=averaging_bytes(training), card=operations.training_bytes(training), disk=disk)
        costs.append((operations.adapter_epoch(training) + dev_bleu(training, training.adapter)) * epochs + held)
    return mean_of_jobs(costs, seeds=domain.workload.seeds)


def train_ink_round(domain: DomainWorkload) -> Cost:
    """A job's rounds, every one with a refresh, though the first of all has none."""
    config, width, jobs = domain.config, domain.model.dimension, len(first_rounds(domain.config))
    rounds, batch, costs = config["ink"]["max_rounds"] / jobs, config["training"]["batch_tokens"], []
    for training in domain.trainings("ink"):
        entries, k = training.entries, training.k
        per_batch = config["ink"]["neighbours"] == "per_batch"
        one = operations.ink_epoch(training)
        one += search(training, entries) if per_batch else operations.neighbour_search(training)
        one += operations.refresh(training) if training.refreshes else Cost()
        block = training.block * (2 * width + PROBES * (16 + 8 * k)) + 16.0 * entries
        # neighbours' keys: as stored, in single precision, sorted anew, their differences and products
        keys = 6 * 4.0 * batch * k * width
        held = Cost(
            anonymous=6.0 * width * training.sampled + 8 * entries + 6.0 * width * k * batch,
            card=operations.training_bytes(training) + max(block, keys),
            # a round's adapter and a job's state stay, a round's datastore and neighbours go
            disk=4.0 * (rounds + STATE) * training.adapter,
            passing=round_bytes(training),
        )
        costs.append(one * rounds + held)
    return mean_of_jobs(costs * jobs, seeds=domain.workload.seeds)


def finish_ink(domain: DomainWorkload) -> Cost:
    """The last adapters and the best are averaged, and dev is translated."""
    costs = []
    for training in domain.trainings("ink"):
        card, disk = model_bytes(training, training.adapter), 4.0 * training.adapter
        held = Cost(anonymous=averaging_bytes(training), card=card, disk=disk)
        costs.append(dev_bleu(training, training.adapter) + held)
    return mean_of_jobs(costs, seeds=domain.workload.seeds)


def evaluate(domain: DomainWorkload) -> Cost:
    """The test set of each system, and the general domain's of what is adapted; some search for every beam's token."""
    workload, general, costs = domain.workload, domain.config["data"]["general_domain"], []
    for system in [system_named(name) for name, place in workload.evaluations if place == domain.name]:
        adapter = domain.adapter if system.has_adapter else 0
        cost = Cost(card=model_bytes(domain, adapter) + operations.index_on_gpu_bytes(domain))
        for tested in [domain, *([workload.of(general)] if general is not None and system.is_adapted else [])]:
            cost += beam_search(tested, "test", adapter)
            if system.retrieves:
                cost += search(domain, domain.config["decoding"]["beam"] * tested.tokens("test"))
            if system.by_sentence:
                cost += Cost(gpu=pass_flop(domain, domain.config["sk_mt"]["pairs"] * tested.tokens("test")))
        costs.append(cost)
    return mean_of_jobs(costs)


def knn_accuracy(domain: DomainWorkload) -> Cost:
    """Dev in the datastore of each model, the most neighbours of each position gathered."""
    config, tokens = domain.config, domain.tokens("dev")
    if domain.name not in accuracy_domains(config):
        return NO_JOB
    keys = max(config["knn_accuracy"]["k"]) * 2.0 * domain.model.dimension
    one = Cost(gpu=pass_flop(domain, tokens), gathered=keys * tokens) + search(domain, tokens)
    held = Cost(card=model_bytes(domain, domain.adapter))
    return mean_of_jobs([one * len(accuracy_systems(config)) + held], seeds=domain.workload.seeds)


def measure_speed(domain: DomainWorkload) -> Cost:
    """Every system decodes with the largest batches to warm up, then with every size as often as configured."""
    speed, systems = domain.config["speed"], [system_named(name) for name in speed_systems(domain.config)]
    if not systems or domain.name != speed["domain"]:
        return NO_JOB
    sentences = min(speed["sentences"], domain.sentences("test"))
    queries = domain.config["decoding"]["beam"] * sentences * domain.length("test")
    cost = Cost(card=len(systems) * model_bytes(domain, domain.adapter))
    for system in systems:
        adapter = domain.adapter if system.has_adapter else 0
        for size in [max(speed["batch_sentences"]), *speed["batch_sentences"] * speed["repeats"]]:
            cost += beam_search(domain, "test", adapter, sentences=sentences, batch=size)
            if system.retrieves:
                cost += search(domain, queries)
            if system.by_sentence:
                pairs = domain.config["sk_mt"]["pairs"] * sentences
                cost += Cost(gpu=pass_flop(domain, pairs * domain.length("test")))
    return cost


# in the order in which an experiment has them
RULES: tuple[Rule, ...] = (
    prepare_corpus,
    train_base,
    build_datastore,
    reduce_datastore,
    store_neighbours,
    store_source_tokens,
    tune_v_knn,
    tune_reduced_v_knn,
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
