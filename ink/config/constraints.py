"""Settings that are each allowed but cannot stand together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from ink.config.bounds import measured_neighbours, requested_neighbours, requested_probabilities, values_of
from ink.config.domains import (
    SPLITS,
    Config,
    adapted_domains,
    data_domains,
    for_domain,
    given_base_model,
    has_training,
    trained_sections,
)
from ink.config.languages import LanguagePair, languages
from ink.config.measures import metrics_of
from ink.config.paths import unusable
from ink.config.reduction_constraints import reduction_problems
from ink.config.resolving import SCALE, VERSION
from ink.config.schema import nearest, refusal, shown, unknown_names
from ink.config.sections.base_system import BITS, code_bits, codes_of
from ink.config.strategy_constraints import strategy_problems
from ink.config.text_sources import sources, splits
from ink.metrics.known_metrics import METRICS, SCORED_WITH_TRANSLATION
from ink.systems.known_systems import OWN_SYSTEMS, SYSTEMS, system_named
from ink.systems.systems_of_experiment import impossible_systems, systems_of
from ink.systems.variations import variation_named

SECTIONS_BY_DOMAIN = ("datastore", "adapter", "ink", "v_knn", "a_knn", "r_knn", "sk_mt", "knn_kd")
CODEBOOK = 256  # entries of a codebook of ivfpq's, which has to be learned from as many keys at least
POSITIONS = 1024  # of a Transformer that fairseq makes, end of sentence included
MOST_ON_GPU = 2048  # lists that FAISS looks into there
CODE_BYTES_ON_GPU = (1, 2, 3, 4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 96)  # those that it has kernels for
# Folders of results/ that are committed, and so cannot be an experiment's.
NAMES_IN_RESULTS = {"paper": "the paper's own numbers", "published": "the committed copies"}


def impossible_combinations(config: Config) -> list[str]:
    """Every impossible combination in a configuration that fits the schema, one line each.

    The checks build upon one another: each runs only where those before it found nothing.
    """
    checks: list[Callable[[Config], Iterator[str]]] = [
        *(_systems, reduction_problems, strategy_problems, sources, _domains, unusable, _settings)
    ]
    for check in checks:
        problems = list(dict.fromkeys(check(config)))
        if problems:
            return problems
    return []


def _systems(config: Config) -> Iterator[str]:
    """Systems of the paper and the experiment's own, told apart by their names."""
    known = systems_of(config)
    impossible = impossible_systems(config)  # strategy_problems says why
    for key, names in (("systems", config["systems"]), ("speed.systems", config["speed"]["systems"])):
        yield from unknown_names(key, names, [*known, *(name for name in names if name in impossible)])
    for name in config[OWN_SYSTEMS]:
        if name in {*SYSTEMS, *config} or variation_named(name) is not None:
            yield f"{OWN_SYSTEMS}.{name}: found a name that is taken; allowed: no other system's or section's"


def _domains(config: Config) -> Iterator[str]:
    """Domains that exist, with the splits and values that each needs."""
    data, known = config["data"], data_domains(config)
    place = f"data.{data['source']}.{SPLITS[data['source']]}"
    general = data["general_domain"]
    named = [(f"domains[{position}]", domain) for position, domain in enumerate(config["domains"])]
    if general is not None:
        named.append(("data.general_domain", general))
    for key, domain in named:
        if domain not in known:
            allowed = f"{', '.join(known)} (the domains of {place})"
            yield f"{key}: found the unknown domain {domain}; allowed: {allowed}{nearest(domain, known)}"
    if general in config["domains"]:
        yield f"domains: found {general}, which is data.general_domain; allowed: the domains to adapt to, without it"

    yield from splits(data)
    yield from _measured_domains(config)
    if given_base_model(config) is None:
        if general is None:
            yield "data.general_domain: null; allowed: a domain, since base_model.train trains on it"
        elif general in known and not has_training(config, general):
            yield f"{place}.{general}: has no train; allowed: train, since base_model.train trains on it"
    for section in SECTIONS_BY_DOMAIN:
        for key, value in config[section].items():
            if isinstance(value, dict):
                yield from _values_by_domain(config, f"{section}.{key}", value)


def _measured_domains(config: Config) -> Iterator[str]:
    """Those of Tables 3 and 5: INK and R-kNN are there where there is training text."""
    adaptable = [domain for domain in data_domains(config) if has_training(config, domain)]
    named = [(f"knn_accuracy.domains[{place}]", name) for place, name in enumerate(config["knn_accuracy"]["domains"])]
    if config["speed"]["domain"] is not None:
        named.append(("speed.domain", config["speed"]["domain"]))
    for key, domain in named:
        if domain not in adaptable or domain == config["data"]["general_domain"]:
            allowed = [name for name in adaptable if name != config["data"]["general_domain"]]
            named_allowed = f"a domain to adapt to, with training text ({', '.join(allowed)})"
            yield refusal(key, domain, f"{named_allowed}{nearest(domain, allowed)}")


def _values_by_domain(config: Config, name: str, values: dict[str, Any]) -> Iterator[str]:
    known = data_domains(config)
    needed = [domain for domain in config["domains"] if domain in known and has_training(config, domain)]
    for domain in values:
        if domain not in known:
            allowed = f"{', '.join(known)}{nearest(domain, known)}"
            yield f"{name}.{domain}: found the unknown domain {domain}; allowed: {allowed}"
    for domain in needed:
        if domain not in values:
            found = f"missing, found values for {', '.join(values)}"
            yield f"{name}.{domain}: {found}; allowed: one value for all, or one for each domain"


def _settings(config: Config) -> Iterator[str]:
    """Numbers that contradict each other."""
    if SCALE in config:
        allowed = "in an experiment's own file; this one has every setting, and a scale would change none"
        yield f"{SCALE}: found {config[SCALE]} beside {VERSION}; allowed: {allowed}"
    if config["device"] == "cpu" and config["precision"] == "fp16":
        yield "precision: found fp16; allowed: fp32 or bf16, since device is cpu, on which fp16 is slow and overflows"
    if (kept := NAMES_IN_RESULTS.get(name := config["experiment"])) is not None:
        yield refusal("experiment", name, f"another name, since results/{name}/ holds {kept}")
    source, target = LanguagePair.of(config["data"])
    if source == target:
        yield refusal("data.target_language", target, "another language than data.source_language")
    yield from languages(config)
    yield from _metrics(config)
    systems = config["systems"]
    epochs, rounds = config["adapter"]["max_epochs"], config["ink"]["max_rounds"]
    trained = {system_named(name).model for name in systems}
    if {"adapter", "ink"} <= trained and epochs != rounds:
        found = f"{epochs}, while ink.max_rounds is {rounds}"
        yield refusal("adapter.max_epochs", found, "the same number, since Adapter and INK share one update budget")
    if config["decoding"]["max_len_a"] == 0 and config["decoding"]["max_len_b"] == 0:
        yield "decoding.max_len_b: found 0 with max_len_a 0; allowed: at least 1, or no translation has a token"
    if config["ink"]["variant"] == "released":
        for key, k in values_of("ink.k", config["ink"]["k"]):
            if k < 2:
                yield f"{key}: found {k}; allowed: at least 2, since ink.variant released drops the first neighbour"
    yield from _variations(config)
    for key, k in values_of("a_knn.max_k", config["a_knn"]["max_k"]):
        if k & (k - 1):
            yield f"{key}: found {k}; allowed: a power of 2, since A-kNN chooses among the first 1, 2, 4, .. neighbours"
    training = config["combiner_training"]
    if (first := training["best_from"]) > (most := training["max_updates"]):
        yield f"combiner_training.best_from: found {first}; allowed: at most combiner_training.max_updates {most}"
    yield from _buckets(config["knn_accuracy"]["bucket_edges"])
    yield from _stored_neighbours(config["knn_kd"])
    yield from _batches(config)
    yield from _processes(config)
    yield from _model(config)
    yield from _datastore(config)
    yield from _general_text(config)


def _metrics(config: Config) -> Iterator[str]:
    """Metrics that exist, those of every run among them, and COMET where a model is named and nowhere else."""
    metrics, comet = metrics_of(config), config["evaluation"]["comet"]
    yield from unknown_names("evaluation.metrics", metrics, METRICS)
    if lacking := [name for name in SCORED_WITH_TRANSLATION if name not in metrics]:
        yield f"evaluation.metrics: lacks {' and '.join(lacking)}; allowed: a list with {' and '.join(lacking)} in it"
    if "comet" in metrics and comet is None:
        yield "evaluation.metrics: found comet with evaluation.comet null; allowed: comet with a model, or neither"
    if "comet" not in metrics and comet is not None:
        yield "evaluation.comet: found a model, but no comet in evaluation.metrics; allowed: both, or null"


def _variations(config: Config) -> Iterator[str]:
    """Variations that differ from what runs anyway, and none beside a search, which decides alpha and beta anew."""
    for domain in adapted_domains(config):
        ink, adapter = (for_domain(config[section], domain, config["domains"]) for section in ("ink", "adapter"))
        variations = {
            "adapter.sizes": adapter["sizes"],
            **{f"ink.{key}": ink[key] for key in ("ablations", "controls")},
        }
        for key, value in variations.items():
            if value and ink["search"]:
                allowed = "one after the other, with the alpha and beta that the search has chosen"
                yield refusal(key, f"{shown(value)} for {domain} with ink.search", allowed)
        if (inner := adapter["inner_dimension"]) in adapter["sizes"]:
            yield f"adapter.sizes: found {inner} for {domain}; allowed: others than adapter.inner_dimension, which runs"
        for name, setting in (("label_smoothings", "label_smoothing"), ("dropouts", "dropout")):
            if (trained := config["training"][setting]) in adapter[name]:
                allowed = f"others than training.{setting}, which runs"
                yield refusal(f"adapter.{name}", f"{trained:g} for {domain}", allowed)
        searched_exactly = config["index"]["type"] == "exact" and ink["neighbours"] == "per_round"
        if "exact_neighbours" in ink["controls"] and (searched_exactly or ink["neighbours"] == "per_round_exact"):
            yield "ink.controls: found exact_neighbours where INK's neighbours are exact; allowed: where they are not"
        if ink["refresh"] == "never" and "without_refresh" in ink["ablations"]:
            yield "ink.ablations: found without_refresh with ink.refresh never; allowed: with ink.refresh every_round"


def _buckets(edges: list[int | None]) -> Iterator[str]:
    """Each bucket begins where the one before ends; the last one may reach to the end of the dictionary."""
    ranks = [edge for edge in edges if edge is not None]
    if None in edges[:-1] or ranks[:1] != [0] or any(low >= high for low, high in pairwise(ranks)):
        allowed = "0, then larger and larger ranks, and null at the end for the end of the dictionary"
        yield f"knn_accuracy.bucket_edges: found {shown(edges)}; allowed: {allowed}"


def _stored_neighbours(knn_kd: Config) -> Iterator[str]:
    """Those that teach are among those stored; one more is stored where the position's own entry is left out."""
    stored, excluded = knn_kd["stored"], knn_kd["own_entry"] == "excluded"
    for key, k in values_of("knn_kd.k", knn_kd["k"]):
        if k + excluded > stored:
            why = f"knn_kd.stored {stored} less the own entry" if excluded else f"knn_kd.stored {stored}"
            yield f"{key}: found {k}; allowed: at most {stored - excluded} ({why})"


def _batches(config: Config) -> Iterator[str]:
    """A batch must hold the longest training sentence with its end-of-sentence token."""
    longest = config["text"]["max_length"] + 1
    for name, section in {"datastore": config["datastore"], **trained_sections(config)}.items():
        if (found := section["batch_tokens"]) < longest:
            yield refusal(f"{name}.batch_tokens", found, f"at least {longest} (text.max_length and end of sentence)")


def _processes(config: Config) -> Iterator[str]:
    """Processes that train together take a GPU each, so that none can be named."""
    device = config["device"]
    for name, section in trained_sections(config).items():
        if (found := section["processes"]) > 1 and device.startswith("cuda:"):
            allowed = "1, or device cuda, which gives each a GPU"
            yield f"{name}.processes: found {found} with device {device}; allowed: {allowed}"


def _model(config: Config) -> Iterator[str]:
    index, train = config["index"], config["base_model"].get("train")
    if train is not None:
        if (longest := config["text"]["max_length"] + 1) > POSITIONS:
            allowed = f"at most {POSITIONS - 1}, since base_model.train makes models of {POSITIONS} positions"
            yield f"text.max_length: found {longest - 1}; allowed: {allowed}"
        dimension, heads = train["dimension"], train["attention_heads"]
        divisor = f"a divisor of base_model.train.dimension {dimension}"
        if dimension % heads:
            yield refusal("base_model.train.attention_heads", heads, divisor)
        if index["type"] == "ivfpq" and dimension % (codes := codes_of(index["code_bytes"], code_bits(index))):
            of_codes = "" if codes == index["code_bytes"] else f" and so many codes of {code_bits(index)} bits"
            yield refusal("index.code_bytes", index["code_bytes"], f"{divisor}{of_codes}")
    if (merges := config["text"]["bpe_merges"]) is not None:
        for name, value in requested_probabilities(config).items():
            for key, found in values_of(name, value):
                if found > merges:
                    allowed = f"at most text.bpe_merges {merges}, since the vocabulary may have no more tokens"
                    yield f"{key}: found {found}; allowed: {allowed}"
    if index["type"] == "ivfpq":
        if index["probes"] > index["lists"]:
            yield f"index.probes: found {index['probes']}; allowed: at most index.lists {index['lists']}"
        if index["device"] != "cpu":
            yield from _index_on_gpu(index)
        if index["lists"] > (sample := index["training_sample"]):
            yield refusal("index.lists", index["lists"], f"at most index.training_sample {sample}")


def _index_on_gpu(index: Config) -> Iterator[str]:
    if index["probes"] > MOST_ON_GPU:
        yield f"index.probes: found {index['probes']}; allowed: at most {MOST_ON_GPU} on a GPU (index.device)"
    if code_bits(index) != BITS:
        yield refusal("index.code_bits", code_bits(index), f"{BITS} on a GPU (index.device)")
    if index["code_bytes"] not in CODE_BYTES_ON_GPU:
        allowed = ", ".join(map(str, CODE_BYTES_ON_GPU))
        yield f"index.code_bytes: found {index['code_bytes']}; allowed: one of {allowed} on a GPU (index.device)"


def _datastore(config: Config) -> Iterator[str]:
    """Sizes beyond what a datastore can hold, as far as the configuration tells; the datastore checks its real size."""
    requested = requested_neighbours(config)
    if config["data"]["source"] != "synthetic" or not requested:
        return
    longest = config["text"]["max_length"] + 1
    for domain in adapted_domains(config):
        sentences = config["data"]["synthetic"]["sentences"][domain]["train"]
        entries = sentences * longest
        why = f"{domain} has {sentences} training pairs of at most {longest} target tokens"
        most = f"at most {entries} ({why})"
        index = config["index"]
        if index["type"] == "ivfpq" and entries < CODEBOOK:
            yield f"index.type: found ivfpq, which needs {CODEBOOK} entries or more; allowed: exact, since {why}"
        elif index["type"] == "ivfpq" and index["lists"] > entries:
            yield f"index.lists: found {index['lists']}; allowed: {most}"
        for name, value in {**requested, **measured_neighbours(config, domain)}.items():
            for key, k in values_of(name, value):
                if k > entries and key in (name, f"{name}.{domain}"):
                    yield f"{key}: found {k}; allowed: {most}"


def _general_text(config: Config) -> Iterator[str]:
    """Shares of the domains' text that have no general domain to go into, or leave no everyday text in it."""
    if config["data"]["source"] != "synthetic":
        return
    synthetic = config["data"]["synthetic"]
    if "general" not in synthetic["sentences"]:
        if synthetic["in_general"]:
            named = ", ".join(synthetic["in_general"])
            yield f"data.synthetic.in_general: found {named}; allowed: {{}}, for data.synthetic has no general"
        return
    shares, train = sum(synthetic["in_general"].values()), synthetic["sentences"]["general"]["train"]
    if shares >= train:
        yield f"data.synthetic.in_general: found {shares} pairs in all; allowed: fewer than general's {train} in train"
