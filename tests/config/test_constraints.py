"""Every wrong configuration stops with the key, what was found and what is allowed."""

from __future__ import annotations

import copy
import itertools
import math
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from snakemake.cli import parse_config
from snakemake.utils import update_config

from ink.config import (
    adapted_domains,
    check,
    data_domains,
    for_domain,
    has_training,
    load,
    mixed_domains,
    read,
    read_overrides,
    text_files,
)
from ink.config.schema import schema
from ink.runtime.errors import InkError
from ink.runtime.escape import visible
from ink.systems.known_systems import SYSTEMS

REPOSITORY = Path(__file__).resolve().parents[2]
OWN_CORPUS = load(REPOSITORY / "config" / "own-corpus.yaml")
PAPER = load(REPOSITORY / "config" / "paper.yaml")


class Absent:
    """A setting that is taken out; its name in a test's name is the same in every process."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = Absent()


def at(config: dict[str, Any], keys: tuple[str, ...]) -> Any:
    for key in keys:
        config = config[key]
    return config


def changed(config: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy with dotted keys set anew, or taken out where the value is ABSENT."""
    config = copy.deepcopy(config)
    for key, value in changes.items():
        *parents, last = key.split(".")
        place = at(config, tuple(parents))
        if value is ABSENT:
            del place[last]
        else:
            place[last] = value
    return config


# The embedded experiment with the values on which the cases below lean, so that it can be tuned without changing them.
MINI = changed(
    load(REPOSITORY / "config" / "config.yaml"),
    {
        "domains": ["medical", "law", "it", "koran"],
        "data.general_domain": "general",
        "text.max_length": 200,
        "base_model.train.dimension": 128,
        "base_model.train.attention_heads": 4,
        "base_model.train.batch_tokens": 4000,
        "datastore.batch_tokens": 4000,
        "training.batch_tokens": 1000,
        "index": {
            "type": "ivfpq",
            "device": "cpu",
            "lists": 64,
            "code_bytes": 32,
            "probes": 16,
            "training_sample": 100_000,
            "seed": 1,
        },
        "adapter": {
            **{"inner_dimension": 64, "initialisation": "zero", "max_epochs": 4, "sizes": []},
            **{"label_smoothings": [], "dropouts": []},
        },
        "ink.max_rounds": 4,
        "ink.variant": "paper",
        "ink.k": 16,
        "ink.alpha": 0.2,
        "ink.beta": 0.2,
        "ink.ablations": [],
        "v_knn.k": [4, 8, 16],
    },
)


def message_of(config: Any) -> str:
    with pytest.raises(InkError) as raised:
        check(config)
    return str(raised.value)


@pytest.mark.parametrize("path", sorted((REPOSITORY / "config").glob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_experiment_passes(path: Path) -> None:
    check(load(path))


def test_minis_base_model_sees_little_of_each_domain() -> None:
    mini = load(REPOSITORY / "config" / "config.yaml")
    synthetic = mini["data"]["synthetic"]
    general = synthetic["sentences"]["general"]["train"]
    assert general <= 30000
    assert set(synthetic["in_general"]) == set(mini["domains"])
    assert all(share <= 0.05 * general for share in synthetic["in_general"].values())


def test_mini_full_differs_from_mini_in_what_is_trained_alone() -> None:
    mini, full = (load(REPOSITORY / "config" / name) for name in ("config.yaml", "mini-full.yaml"))
    same = {"experiment", "systems", "seeds", "adapter", "ink"}
    assert {name for name, section in mini.items() if full[name] != section} == same
    for section, lists in (("adapter", {"label_smoothings"}), ("ink", {"ablations", "controls"})):
        assert {name for name, value in mini[section].items() if full[section][name] != value} == lists


def commented(path: Path, key: str) -> dict[str, Any]:
    """A setting that stands in a config's comments."""
    lines = path.read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.strip() == f"# {key}:")
    indent, _, _ = lines[start].partition("#")
    block = itertools.takewhile(lambda line: line.startswith(f"{indent}# "), lines[start:])
    found: dict[str, Any] = yaml.safe_load("\n".join(line.removeprefix(f"{indent}# ") for line in block))
    return found


def test_software_s_comments_say_how_to_train_a_base_model() -> None:
    path = REPOSITORY / "config" / "software.yaml"
    software = load(path)
    files = {"data.files.splits.general": ["train", "dev", "test"]}
    given = dict.fromkeys(("path", "bpe_codes", "source_dictionary", "target_dictionary"))
    trained = {"text.bpe_merges": 6000, "base_model": {**given, **commented(path, "train")}}
    config = changed(software, {**files, **trained})
    config["data"]["files"] |= commented(path, "train_from")
    check(config)
    assert mixed_domains(config) == ["general"]
    assert [(one.split, one.target) for one in text_files(config, "general")] == [
        ("train", "path/to/software.train.en"),
        ("train", "path/to/general.train.en"),
        ("dev", "path/to/general.dev.en"),
        ("test", "path/to/general.test.en"),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"ink.alpha": 0, "ink.beta": 0},
        {"ink.k": {"medical": 4, "law": 4, "it": 4, "koran": 16}},
        {"ink.k": {"general": 4, "medical": 4, "law": 4, "it": 4, "koran": 16}},
        {"domains": ["koran"], "ink.alpha": {"koran": 0.3}, "adapter.inner_dimension": {"koran": 8, "law": 64}},
        {"v_knn.k": {"medical": 4, "law": [4, 8], "it": 8, "koran": 16}, "v_knn.lambda": 1, "v_knn.temperature": 0.5},
        {"systems": ["off_the_shelf", "ink"], "adapter.max_epochs": 9},
        {"index.type": "exact", "index.code_bytes": 7, "index.lists": 10**9},
        {"data.files": None},
        {"device": "cuda:1"},
        {"device": "cuda", "precision": "fp16"},
        {"precision": "bf16"},
        {"device": "cuda", "training.processes": 4, "knn_kd.processes": 2, "base_model.train.processes": 8},
        {"index.device": "cuda", "index.probes": 64},
        {"datastore.shards": 4},
        {"domains": ["koran"], "datastore.shards": {"koran": 4}},
        {"text.max_length_ratio": 0},
        {"seeds": [0, 1, 2]},
        {"systems": ["off_the_shelf", "mine"], "own_systems": {"mine": {"combiner": "my.own", "key": "ffn_input"}}},
        {"a_knn.max_k": {"medical": 1, "law": [8, 16], "it": 8, "koran": 16}},
        {"r_knn.max_k": [4, 6], "r_knn.decay": {"medical": 1000, "law": 1000, "it": 1000, "koran": 10}},
        {"knn_kd.k": 64, "knn_kd.stored": 64, "knn_kd.weight": 0},
        {"knn_accuracy.domains": [], "speed.domain": None},
        # of systems that do not run nothing is asked; what another combiner calls k is its own matter
        {"systems": ["off_the_shelf"], "r_knn.top_probabilities": 100_000, "a_knn.max_k": 2048},
        {"systems": ["mine"], "own_systems": {"mine": {"combiner": "my.own", "key": "ffn_input", "k": 10**9}}},
        {
            "evaluation.metrics": ["bleu", "chrf", "comet", "ter"],
            "evaluation.comet": {"model": "wmt20-comet-da", "encoder": None, "batch_sentences": 32},
        },
        {
            "evaluation.metrics": ["comet", "chrf", "bleu"],
            "evaluation.comet": {"model": "a/checkpoints/model.ckpt", "encoder": "b", "batch_sentences": 1},
        },
        {"knn_accuracy.domains": ["law", "koran"], "knn_accuracy.bucket_edges": [0, 1000, 42000]},
        # an experiment without some of what is to be measured measures the rest
        {"domains": ["koran"], "systems": ["off_the_shelf"], "knn_accuracy.domains": ["law"], "speed.domain": "it"},
        {
            "knn_kd.k": {"medical": 4, "law": 4, "it": 8, "koran": 16},
            "knn_kd.temperature": {"medical": 10, "law": 10, "it": 10, "koran": 100},
            "knn_kd.stored": 17,
            "knn_kd.own_entry": "excluded",
        },
    ],
    ids=str,
)
def test_allowed_settings_pass(changes: dict[str, Any]) -> None:
    check(changed(MINI, changes))


OWN = {"combiner": "mine", "key": "decoder_output", "k": 4}

# What is changed -> what the message has to say, beside the key and "allowed:".
WRONG: list[tuple[dict[str, Any], list[str]]] = [
    # unknown keys, at every depth
    ({"alhpa": 0.1}, ["alhpa", "unknown key", "found 0.1"]),
    ({"alpha": 0.1}, ["alpha", "did you mean ink.alpha?"]),
    ({"ink.alhpa": 0.1}, ["ink.alhpa", "unknown key", "did you mean alpha?"]),
    ({"data.synthetic.sentences.koran.tarin": 3}, ["data.synthetic.sentences.koran.tarin", "did you mean train?"]),
    ({"base_model.train.heads": 3}, ["base_model.train.heads", "attention_heads"]),
    # missing keys
    ({"ink": ABSENT}, ["ink: missing", "a mapping"]),
    ({"ink.beta": ABSENT}, ["ink.beta: missing", "at least 0"]),
    # variations
    ({"ink.ablations": ["without_l_x"]}, ["ink.ablations", "without_l_x", "without_refresh"]),
    ({"adapter.sizes": [16, 64]}, ["adapter.sizes: found 64", "others than adapter.inner_dimension"]),
    ({"adapter.sizes": {"koran": [16]}}, ["adapter.sizes.medical: missing", "one for each domain"]),
    ({"ink.search": True, "ink.ablations": ["without_l_r"]}, ["ink.ablations: found", "with ink.search"]),
    ({"adapter.dropouts": [0.3, 0.1]}, ["adapter.dropouts: found 0.1", "others than training.dropout"]),
    ({"adapter.label_smoothings": [0.1]}, ["adapter.label_smoothings: found 0.1", "others than training.label_smo"]),
    ({"adapter.label_smoothings": [1]}, ["adapter.label_smoothings", "found 1", "below 1"]),
    ({"ink.controls": ["exact"]}, ["ink.controls", "found 'exact'", "exact_neighbours"]),
    ({"ink.controls": ["exact_neighbours"], "index.type": "exact"}, ["ink.controls: found exact_neighbours where"]),
    ({"ink.controls": ["exact_neighbours"], "ink.neighbours": "per_round_exact"}, ["ink.controls: found exact_neigh"]),
    ({"ink.controls": ["exact_neighbours"], "ink.search": True}, ["ink.controls: found", "with ink.search"]),
    ({"ink.refresh": "never", "ink.ablations": ["without_refresh"]}, ["ink.ablations: found without_refresh"]),
    ({"data.synthetic.sentences.law.dev": ABSENT}, ["data.synthetic.sentences.law.dev: missing", "at least 1"]),
    (
        {"data.synthetic.in_general.koran": 24000},
        ["data.synthetic.in_general: found 27600", "fewer than general's"],
    ),
    (
        {
            "data.synthetic.sentences.general": ABSENT,
            "data.general_domain": None,
            "text.bpe_merges": None,
            "base_model.path": "model.pt",
            "base_model.bpe_codes": "codes",
            "base_model.source_dictionary": "dict.de.txt",
            "base_model.target_dictionary": "dict.en.txt",
            "base_model.train": ABSENT,
        },
        ["data.synthetic.in_general: found medical", "has no general"],
    ),
    ({"data.synthetic.in_general.general": 1}, ["data.synthetic.in_general", "general", "medical"]),
    ({"ink.rounds_per_job": 0}, ["ink.rounds_per_job", "found 0", "at least 1"]),
    # wrong types
    ({"ink.k": 4.0}, ["ink.k", "found 4.0", "a whole number"]),
    ({"ink.k": True}, ["ink.k", "found true"]),
    ({"ink.k": "16"}, ["ink.k", "found '16' (text)"]),
    ({"ink.alpha": "1e-3"}, ["ink.alpha", "'1e-3' (text)", "YAML reads 1e-3 as text: write 0.001"]),
    ({"training.weight_decay": "1e-7"}, ["training.weight_decay", "write 1.0e-07"]),
    ({"domains": "koran"}, ["domains", "'koran' (text)", "a list"]),
    ({"text.escape": "no"}, ["text.escape", "'no' (text)", "true or false"]),
    ({"data.source_language": False}, ["data.source_language", "found false", "in quotes"]),
    ({"data": None}, ["data", "found null", "a mapping"]),
    ({"v_knn.k": {"koran": [3, "x"]}}, ["v_knn.k.koran[1]", "'x' (text)", "a whole number"]),
    ({"data.synthetic.sentences": {False: {}}}, ["data.synthetic.sentences", "the key false", "in quotes"]),
    # ranges
    ({"ink.alpha": -0.1}, ["ink.alpha", "found -0.1", "at least 0"]),
    ({"ink.beta": {"koran": -1}}, ["ink.beta.koran", "found -1", "at least 0"]),
    ({"ink.alpha": math.nan}, ["ink.alpha", "found nan", "a finite number"]),
    ({"ink.k": 0}, ["ink.k", "found 0", "at least 1"]),
    ({"ink.k": 100_000}, ["ink.k", "found 100000", "at most 2048"]),
    ({"systems": ["a_knn", 3]}, ["systems[1]", "found 3", "a system's name"]),
    ({"own_systems": {"a_knn": OWN}}, ["own_systems.a_knn", "name that is taken"]),
    ({"own_systems": {"index": OWN}}, ["own_systems.index", "name that is taken"]),
    ({"own_systems": {"A-kNN": OWN}}, ["own_systems.A-kNN", "a name of small letters"]),
    ({"own_systems": {"mine": {"combiner": "mine", "k": 4}}}, ["own_systems.mine.key", "missing"]),
    ({"own_systems": {"mine": {**OWN, "key": "keys"}}}, ["own_systems.mine.key", "decoder_output, ffn_input"]),
    ({"own_systems": {"mine": {**OWN, "combiner": "a/b"}}}, ["own_systems.mine.combiner", "'a/b'", "a module"]),
    ({"systems": ["mien"], "own_systems": {"mine": OWN}}, ["systems[0]", "'mien'", "did you mean mine?"]),
    ({"a_knn.max_k": 12}, ["a_knn.max_k", "found 12", "a power of 2"]),
    ({"a_knn.max_k": {"medical": 8, "law": [8, 6], "it": 1, "koran": 16}}, ["a_knn.max_k.law", "found 6"]),
    ({"r_knn.key": "ffn_input"}, ["r_knn.key", "'ffn_input'", "decoder_output"]),
    ({"r_knn.alpha0": 1.5}, ["r_knn.alpha0", "found 1.5", "at most 1"]),
    ({"r_knn.decay": 0}, ["r_knn.decay", "found 0", "above 0"]),
    ({"combiner_training.best_from": 10**6}, ["combiner_training.best_from", "found 1000000", "at most"]),
    ({"combiner_training.base_dropout": 0.2}, ["combiner_training.base_dropout", "none, released"]),
    ({"knn_kd.own_entry": "released"}, ["knn_kd.own_entry", "'released'", "included, excluded"]),
    ({"knn_kd.temperature": {"koran": 0}}, ["knn_kd.temperature.koran", "found 0", "above 0"]),
    ({"knn_kd.k": {"koran": 8}}, ["knn_kd.k.medical", "missing", "one for each domain"]),
    ({"knn_accuracy.domains": ["lwa"]}, ["knn_accuracy.domains[0]", "found lwa", "law", "did you mean law?"]),
    ({"knn_accuracy.domains": ["general"]}, ["knn_accuracy.domains[0]", "found general", "a domain to adapt to"]),
    ({"knn_accuracy.k": []}, ["knn_accuracy.k", "a list of different numbers of neighbours"]),
    ({"knn_accuracy.k": [8, 2000 * 201 + 1]}, ["knn_accuracy.k[1]", "found 402001"]),
    ({"knn_accuracy.bucket_edges": [0]}, ["knn_accuracy.bucket_edges", "two or more"]),
    (
        {"knn_accuracy.bucket_edges": [10, 20]},
        ["knn_accuracy.bucket_edges", "found the list [10, 20]", "0, then larger"],
    ),
    ({"knn_accuracy.bucket_edges": [0, 20, 20]}, ["knn_accuracy.bucket_edges", "found the list [0, 20, 20]", "larger"]),
    ({"knn_accuracy.bucket_edges": [0, None, 20]}, ["knn_accuracy.bucket_edges", "null at the end"]),
    ({"knn_accuracy.bucket_edges": [None, None]}, ["knn_accuracy.bucket_edges", "0, then larger"]),
    (
        {"data.synthetic.sentences.medical.train": 1, "knn_accuracy.domains": ["medical"], "knn_accuracy.k": [300]},
        ["knn_accuracy.k: found 300", "at most 201 (medical has 1 training pairs"],
    ),
    (
        {"evaluation.comet": "wmt20-comet-da"},
        ["evaluation.comet", "found 'wmt20-comet-da'", "null, or a mapping with model, encoder and batch_sentences"],
    ),
    ({"evaluation.comet": {"model": "a"}}, ["evaluation.comet.encoder: missing", "a path"]),
    ({"evaluation.metrics": ["bleu", "chrf", "comt"]}, ["evaluation.metrics[2]", "'comt'", "did you mean comet?"]),
    ({"evaluation.metrics": ["ter"]}, ["evaluation.metrics: lacks bleu and chrf", "a list with bleu and chrf in it"]),
    ({"evaluation.metrics": ["bleu", "chrf", "bleu"]}, ["evaluation.metrics: found bleu twice", "different metrics"]),
    (
        {"evaluation.metrics": ["bleu", "chrf", "comet"]},
        ["evaluation.metrics: found comet with evaluation.comet null", "comet with a model, or neither"],
    ),
    (
        {"evaluation.comet": {"model": "a", "encoder": None, "batch_sentences": 1}},
        ["evaluation.comet: found a model, but no comet in evaluation.metrics", "both, or null"],
    ),
    (
        {"evaluation.comet": {"model": "", "encoder": None, "batch_sentences": 0}},
        ["evaluation.comet.batch_sentences: found 0", "evaluation.comet.model: found ''", "a name on the Hugging Face"],
    ),
    ({"speed.domain": "general"}, ["speed.domain", "found general", "a domain to adapt to"]),
    ({"speed.systems": ["rknn"]}, ["speed.systems[0]", "'rknn'", "did you mean r_knn?"]),
    ({"speed.repeats": 0}, ["speed.repeats", "found 0", "at least 1"]),
    ({"speed.batch_sentences": [8, 8]}, ["speed.batch_sentences", "different whole numbers"]),
    ({"knn_kd.attention_dropout": 1.0}, ["knn_kd.attention_dropout", "found 1.0", "below 1"]),
    ({"v_knn.lambda": 1.5}, ["v_knn.lambda", "found 1.5", "at most 1"]),
    ({"v_knn.lambda": [0.5, 1.5]}, ["v_knn.lambda[1]", "found 1.5", "at most 1"]),
    ({"v_knn.temperature": 0}, ["v_knn.temperature", "found 0", "above 0"]),
    ({"v_knn.k": []}, ["v_knn.k", "found the list []", "not empty"]),
    ({"decoding.beam": 0}, ["decoding.beam", "found 0", "at least 1"]),
    ({"training.dropout": 1.0}, ["training.dropout", "found 1.0", "below 1"]),
    ({"training.betas": [0.9]}, ["training.betas", "[0.9]", "two numbers"]),
    ({"training.warmup_updates": 0}, ["training.warmup_updates", "found 0", "at least 1"]),
    ({"text.max_length_ratio": 0.5}, ["text.max_length_ratio", "found 0.5", "0, or a number of at least 1"]),
    ({"seeds": [-1]}, ["seeds[0]", "found -1", "at least 0"]),
    ({"seeds": []}, ["seeds", "the list []", "not empty"]),
    ({"index.device": "gpu"}, ["index.device", "'gpu'", "cpu, cuda"]),
    ({"datastore.shards": 0}, ["datastore.shards", "found 0", "at least 1"]),
    ({"index.training_sample": 255}, ["index.training_sample", "found 255", "at least 256"]),
    # names
    (
        {"systems": ["inkk"]},
        ["systems[0]", "'inkk'", "off_the_shelf, knn_kd, v_knn, a_knn, r_knn_without_keys", "did you mean ink?"],
    ),
    ({"systems": ["ink", "ink"]}, ["systems", "found ink twice"]),
    ({"domains": ["koran", "koran"]}, ["domains", "found koran twice"]),
    ({"domains": ["medicl"]}, ["domains[0]", "medicl", "medical, law, it, koran", "did you mean medical?"]),
    (
        {"data.synthetic.sentences.korann": {"train": 1, "dev": 1, "test": 1}},
        ["sentences.korann", "did you mean koran?"],
    ),
    ({"ink.variant": "relased"}, ["ink.variant", "'relased'", "paper, released", "did you mean released?"]),
    ({"device": "gpu"}, ["device", "'gpu'", "cpu, cuda"]),
    ({"precision": "half"}, ["precision", "'half'", "fp32, fp16, bf16"]),
    ({"precision": "fp16"}, ["precision", "found fp16", "fp32 or bf16", "device is cpu"]),
    ({"experiment": "a/b"}, ["experiment", "'a/b'", "a plain folder name"]),
    ({"experiment": ".."}, ["experiment", "a plain folder name"]),
    ({"experiment": "paper"}, ["experiment", "found paper", "another name"]),
    # combinations
    ({"adapter.max_epochs": 5}, ["adapter.max_epochs", "found 5", "ink.max_rounds is 4", "one update budget"]),
    (
        {"systems": ["adapter", "ink_r_knn"], "adapter.max_epochs": 5},
        ["adapter.max_epochs", "found 5", "ink.max_rounds is 4", "one update budget"],
    ),
    ({"ink.alpha": {"koran": 0.1, "law": 0.2, "it": 0.1}}, ["ink.alpha.medical", "missing", "koran, law, it"]),
    ({"domains": ["koran"], "ink.k": {"koran": 4, "lwa": 4}}, ["ink.k.lwa", "unknown domain lwa", "did you mean law?"]),
    ({"data.general_domain": "law"}, ["domains", "found law", "data.general_domain"]),
    ({"data.general_domain": "news"}, ["data.general_domain", "news", "general, medical, law, it, koran"]),
    ({"data.general_domain": None}, ["data.general_domain", "null", "base_model.train trains on it"]),
    ({"data.source": "files"}, ["data.files", "missing", "data.source is files", "data.synthetic", "found a mapping"]),
    ({"data.target_language": "de"}, ["data.target_language", "found de", "another language"]),
    ({"base_model.train": None}, ["base_model.path", "null", "exactly one of the two"]),
    ({"base_model.path": "model.pt"}, ["base_model.path", "model.pt", "exactly one", "base_model.bpe_codes", "a path"]),
    ({"base_model.bpe_codes": "codes"}, ["base_model.bpe_codes", "found codes", "null"]),
    ({"text.bpe_merges": None}, ["text.bpe_merges", "null", "a whole number"]),
    ({"index.code_bytes": 30}, ["index.code_bytes", "found 30", "a divisor", "128"]),
    ({"index.probes": 65}, ["index.probes", "found 65", "at most index.lists 64"]),
    (
        {"index.probes": 4000, "index.lists": 4096, "index.device": "cuda"},
        ["index.probes", "found 4000", "at most 2048 on a GPU"],
    ),
    (
        {"index.code_bytes": 128, "index.code_bits": 4},
        ["index.code_bytes", "found 128", "a divisor", "128 and so many codes of 4 bits"],
    ),
    ({"index.code_bits": 4, "index.device": "cuda"}, ["index.code_bits", "found 4", "8 on a GPU"]),
    ({"index.code_bytes": 128, "index.device": "cuda"}, ["index.code_bytes", "found 128", "56, 64, 96 on a GPU"]),
    ({"datastore.shards": {"koran": 4}}, ["datastore.shards.medical", "missing", "one for each domain"]),
    ({"index.lists": 200_000}, ["index.lists", "found 200000", "at most index.training_sample 100000"]),
    ({"base_model.train.attention_heads": 3}, ["base_model.train.attention_heads", "found 3", "a divisor", "128"]),
    ({"training.batch_tokens": 200}, ["training.batch_tokens", "found 200", "at least 201"]),
    ({"datastore.batch_tokens": 200}, ["datastore.batch_tokens", "found 200", "at least 201"]),
    ({"base_model.train.batch_tokens": 9}, ["base_model.train.batch_tokens", "found 9", "at least 201"]),
    ({"decoding.max_len_a": 0, "decoding.max_len_b": 0}, ["decoding.max_len_b", "found 0", "at least 1"]),
    ({"knn_kd.k": 65}, ["knn_kd.k", "found 65", "at most 64"]),
    (
        {"knn_kd.k": {"medical": 64, "law": 63, "it": 8, "koran": 16}, "knn_kd.own_entry": "excluded"},
        ["knn_kd.k.medical", "found 64", "at most 63", "less the own entry"],
    ),
    (
        {"text.max_length": 9, "data.synthetic.sentences.koran.train": 6, "index.type": "exact"},
        ["knn_kd.stored", "found 64", "at most 60", "koran has 6 training pairs"],
    ),
    ({"knn_kd.batch_tokens": 100}, ["knn_kd.batch_tokens", "found 100", "at least 201"]),
    ({"training.processes": 0}, ["training.processes", "found 0", "at least 1"]),
    ({"device": "cuda:1", "knn_kd.processes": 4}, ["knn_kd.processes", "found 4 with device cuda:1", "device cuda"]),
    ({"ink.variant": "released", "ink.k": 1}, ["ink.k", "found 1", "at least 2", "drops the first"]),
    (
        {"text.max_length": 9, "data.synthetic.sentences.koran.train": 10, "ink.k": 101, "index.type": "exact"},
        ["ink.k", "found 101", "at most 100", "koran has 10 training pairs"],
    ),
    (
        {"text.max_length": 9, "data.synthetic.sentences.koran.train": 6, "index.probes": 1},
        ["index.type", "found ivfpq, which needs 256", "exact", "koran has 6 training pairs of at most 10"],
    ),
    (
        {"text.max_length": 9, "data.synthetic.sentences.koran.train": 30, "index.lists": 301},
        ["index.lists", "found 301", "at most 300", "koran"],
    ),
    (
        {
            "text.max_length": 9,
            "data.synthetic.sentences.koran.train": 10,
            "v_knn.k": {"medical": 200, "law": 200, "it": 200, "koran": [4, 101]},
        },
        ["v_knn.k.koran", "found 101", "at most 100"],
    ),
    ({"r_knn.top_probabilities": 100_000}, ["r_knn.top_probabilities", "found 100000", "at most text.bpe_merges 3000"]),
    (
        {
            "text.max_length": 9,
            "data.synthetic.sentences.koran.train": 10,
            "index.type": "exact",
            "systems": ["off_the_shelf", "mine"],
            "own_systems": {"mine": {"combiner": "vanilla", "key": "ffn_input", "k": [8, 101]}},
        },
        ["own_systems.mine.k", "found 101", "at most 100"],
    ),
    (
        {
            "systems": ["off_the_shelf", "mine"],
            "own_systems": {"mine": {"combiner": "robust", "key": "decoder_output", "top_probabilities": [8, 3001]}},
        },
        ["own_systems.mine.top_probabilities", "found 3001", "at most text.bpe_merges 3000"],
    ),
    ({"text.max_length": 1024}, ["text.max_length", "found 1024", "at most 1023", "models of 1024 positions"]),
]


@pytest.mark.failure(
    "Config",
    "fp16 on a CPU",
    "`configuration: precision: found fp16; allowed: fp32 or bf16, since device is cpu, ... "
    "[config/impossible-combination]`",
)
@pytest.mark.parametrize(("changes", "expected"), WRONG, ids=[str(changes) for changes, _ in WRONG])
def test_a_wrong_setting_is_named_with_what_was_found_and_what_is_allowed(
    changes: dict[str, Any], expected: list[str]
) -> None:
    message = message_of(changed(MINI, changes))
    for part in [*expected, "allowed:"]:
        assert part in message, message


@pytest.mark.failure(
    "Config",
    "a combiner of own_systems that asks for more neighbours than a domain's training text has tokens",
    "`configuration: own_systems.mine.k: found 101; allowed: at most 100 (koran has 10 training pairs of at most 10 "
    "target tokens) [config/impossible-combination]`",
)
def test_a_kernel_smoothed_combiner_s_neighbours_are_counted_before_anything_runs() -> None:
    few = {"text.max_length": 9, "data.synthetic.sentences.koran.train": 10, "index.type": "exact"}
    entry = {"combiner": "kernel_smoothed", "key": "decoder_output", "kernel": "gaussian", "retrieval_dropout": 1}
    config = changed(MINI, {**few, "systems": ["off_the_shelf", "mine"], "own_systems": {"mine": {**entry, "k": 100}}})
    check(config)
    config["own_systems"]["mine"]["k"] = [8, 101]
    output = "own_systems.mine.k: found 101; allowed: at most 100 (koran has 10 training pairs of at most 10 target"
    assert output in message_of(config)


@pytest.mark.failure(
    "Config",
    "a number, true, false or null in quotes, and a number that YAML takes for text, such as 1e-7",
    "`seeds[0]: found '1' (text); allowed: ...; YAML reads 1 as text: write 1 without quotes [config/wrong-setting]`",
)
def test_what_is_advised_against_text_helps() -> None:
    for key, value, advised in (
        ("seeds", ["1"], "1"),
        ("seeds", ["7.0"], "7"),
        ("seeds", ["1e3"], "1000"),
        ("training.weight_decay", "1e-7", "1.0e-07"),
        ("ink.alpha", "0.5", "0.5"),
        ("training.dropout", "0", "0"),
        ("text.escape", "true", "true"),
        ("text.normalise_punctuation", "no", "no"),
        ("speed.batch_sentences", "[8, 32]", "[8, 32]"),
        ("data.synthetic.sentences.koran.train", "1_000", "1_000"),
    ):
        message = message_of(changed(MINI, {key: value}))
        found = re.search(r"write (.+) without quotes", message)
        assert found is not None and found.group(1) == advised, message
        meant = yaml.safe_load(found.group(1))
        check(changed(MINI, {key: [meant] if isinstance(value, list) else meant}))


def test_nothing_is_advised_that_would_not_help() -> None:
    for key, value in (("seeds", ["-1"]), ("seeds", ["1.5"]), ("ink.k", "many"), ("training.dropout", "1"),
                       ("training.weight_decay", "-1e-7"), ("seeds", ["nan"]), ("seeds", ["1e400"])):  # fmt: skip
        assert "write" not in message_of(changed(MINI, {key: value})), (key, value)


@pytest.mark.failure(
    "Config",
    "a name that YAML takes for a number",
    "`experiment: found 2023; allowed: ...; YAML reads 2023 as a number: put it in quotes [config/wrong-setting]`",
)
def test_a_name_that_is_a_number_is_put_in_quotes() -> None:
    for key, value in (("experiment", 2023), ("experiment", 1.5), ("base_model.bpe_codes", 8000)):
        message = message_of(changed(OWN_CORPUS, {key: value}))
        assert f"found {value}; " in message and f"YAML reads {value} as a number: put it in quotes" in message
        check(changed(OWN_CORPUS, {key: yaml.safe_load(f"'{value}'")}))
    assert "quotes" not in message_of(changed(MINI, {"mlflow.tracking_uri": 5000}))


WRONG_FILES: list[tuple[dict[str, Any], list[str]]] = [
    (
        {"data.files.pattern": "text/{domain}.{language}"},
        ["data.files.pattern", "'text/{domain}.{language}'", "{split}"],
    ),
    ({"data.files.pattern": "{domain}.{split}.{lang}"}, ["data.files.pattern", "{language}"]),
    ({"data.files.pattern": "{domain.{split}.{language}"}, ["data.files.pattern", "in braces"]),
    ({"data.files.splits.it": ["dev"]}, ["data.files.splits.it", "found [dev]", "or test"]),
    ({"data.files.splits.it": ["valid"]}, ["data.files.splits.it[0]", "'valid'", "train, dev, test"]),
    ({"knn_accuracy.domains": ["it"]}, ["knn_accuracy.domains[0]", "found it", "with training text (koran)"]),
    ({"speed.domain": "it"}, ["speed.domain", "found it", "with training text (koran)"]),
    ({"data.files.held_out": {"dev": 10}}, ["data.files.held_out.test: missing"]),
    (
        {"data.files.train_from": {"law": [{"pattern": "law.{language}", "weight": 1}]}},
        ["data.files.train_from.law", "found an unknown domain", "the domains of data.files.splits"],
    ),
    (
        {"data.files.train_from": {"it": [{"pattern": "it.{language}", "weight": 1}]}},
        ["data.files.train_from.it", "has no train for it"],
    ),
    (
        {"data.files.train_from": {"koran": [{"pattern": "koran.{split}", "weight": 1}]}},
        ["data.files.train_from.koran[0].pattern", "'koran.{split}'", "{language}"],
    ),
    (
        {"data.files.train_from": {"koran": [{"pattern": "{language}.{part}", "weight": 1}]}},
        ["data.files.train_from.koran[0].pattern", "nothing else in braces"],
    ),
    (
        {"data.files.train_from": {"koran": [{"pattern": "a.{language}", "weight": 1, "sentences": 5}]}},
        ["data.files.train_from.koran[0]", "found weight and sentences", "exactly one"],
    ),
    (
        {"data.files.train_from": {"koran": [{"pattern": "a.{language}"}]}},
        ["data.files.train_from.koran[0]", "found neither weight nor sentences", "exactly one"],
    ),
    (
        {"data.files.train_from": {"koran": [{"pattern": "a.{language}", "weight": 0}]}},
        ["data.files.train_from.koran[0].weight", "found 0"],
    ),
    ({"data.files.train_from": {"koran": []}}, ["data.files.train_from.koran", "the list []", "pattern and weight"]),
    ({"data.files.train_from": {"koran": "a.{language}"}}, ["data.files.train_from.koran", "'a.{language}' (text)"]),
    ({"base_model.target_dictionary": None}, ["base_model.target_dictionary", "null", "a path"]),
    ({"text.bpe_merges": 8000}, ["text.bpe_merges", "found 8000", "null"]),
    ({"base_model.train": MINI["base_model"]["train"]}, ["base_model.path", "found path/to/model.pt", "exactly one"]),
    ({"domains": ["law"]}, ["domains[0]", "law", "general, koran, it (the domains of data.files.splits)"]),
    (
        {"base_model": MINI["base_model"], "text.bpe_merges": 100},
        ["data.files.splits.general", "has no train", "base_model.train trains on it"],
    ),
]


@pytest.mark.parametrize(("changes", "expected"), WRONG_FILES, ids=[str(changes) for changes, _ in WRONG_FILES])
def test_wrong_settings_of_an_own_corpus(changes: dict[str, Any], expected: list[str]) -> None:
    message = message_of(changed(OWN_CORPUS, changes))
    for part in [*expected, "allowed:"]:
        assert part in message, message


@pytest.mark.parametrize(
    "changes",
    [
        {"data.general_domain": None, "data.files.splits": {"koran": ["train"], "it": ["test"]}},
        {"data.files.splits.koran": ["test", "dev", "train"]},
        {"data.files.train_from": None},
        {"data.files.train_from": {}},
        {"data.files.train_from": {"koran": [{"pattern": "a/{domain}.{split}.{language}", "weight": 0.5},
         {"pattern": "b.{language}", "sentences": 400}]}},
        {"domains": ["it"]},
        {"data.synthetic": None, "base_model.train": ABSENT},
        {"adapter.inner_dimension": {"koran": 64}},
        {"domains": ["koran"], "data.general_domain": None, "data.files": {**OWN_CORPUS["data"]["files"],
         "splits": {"koran": ["train"]}, "pattern": "koran.{split}.{language}"}},
    ],
    ids=str,
)  # fmt: skip
def test_allowed_settings_of_an_own_corpus_pass(changes: dict[str, Any]) -> None:
    check(changed(OWN_CORPUS, changes))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"data.binarised": None},
            "data.binarised: missing or null; allowed: a mapping, since data.source is binarised",
        ),
        (
            {"data.files": OWN_CORPUS["data"]["files"]},
            "data.files: found a mapping; allowed: null or nothing, since data.source is binarised",
        ),
        (
            {**{f"base_model.{name}": None for name in OWN_CORPUS["base_model"]}, "base_model.train": {"x": 1}},
            "base_model.train.x: unknown key",
        ),
        (
            {
                **{f"base_model.{name}": None for name in OWN_CORPUS["base_model"]},
                "base_model.train": load(REPOSITORY / "config" / "config.yaml")["base_model"]["train"],
            },
            "base_model.path: null; allowed: a path, since data.source is binarised: with that model's dictionaries",
        ),
        (
            {"data.binarised.sentences.law": {"train": 3, "test": 2}},
            "data.binarised.sentences.law: found train, test; allowed: train, dev and test, or without train test at "
            "least",
        ),
        (
            {"data.binarised.sentences.law": {"dev": 2}},
            "data.binarised.sentences.law: found dev; allowed: train, dev and test, or without train test at least",
        ),
        ({"data.binarised.sentences.law": {"valid": 2}}, "data.binarised.sentences.law.valid: unknown key, found 2"),
        (
            {"data.binarised.folder": "data-bin"},
            "data.binarised.folder: found 'data-bin'; allowed: a path with {domain}",
        ),
        ({"data.binarised.folder": "{domain}/{split}"}, "data.binarised.folder: found '{domain}/{split}'; allowed: "),
        ({"data.binarised.folder": "{domain"}, "data.binarised.folder: found '{domain'; allowed: a path with {domain}"),
        ({"domains": ["lwa"]}, "domains[0]: found the unknown domain lwa; allowed: medical, law, it, koran"),
    ],
)
def test_wrong_settings_of_binarised_text(changes: dict[str, Any], expected: str) -> None:
    assert expected in message_of(changed(PAPER, changes))


def test_a_single_binarised_domain_needs_no_name_in_its_folder() -> None:
    one = {"test": 2}
    changes = {"domains": ["law"], "data.binarised": {"folder": "data-bin", "sentences": {"law": one}}}
    check(changed(PAPER, {**changes, "knn_accuracy.domains": [], "speed.domain": None, **_by_domain_removed()}))


def _by_domain_removed() -> dict[str, Any]:
    """The settings by domain, each as one value for all."""
    return {
        f"{section}.{key}": value["law"]
        for section in ("adapter", "ink", "v_knn", "a_knn", "r_knn", "knn_kd")
        for key, value in PAPER[section].items()
        if isinstance(value, dict)
    }


@pytest.mark.failure(
    "Config",
    "settings that cannot stand together",
    "each is named with what was found and what is allowed",
)
def test_several_problems_stand_one_a_line() -> None:
    message = message_of(changed(MINI, {"ink.alpha": -1, "decoding.beam": 0, "text.bep_merges": 3}))
    first, *lines = message.splitlines()
    assert first == "configuration: 3 problems"
    assert sorted(line.split(":")[0].strip() for line in lines) == ["decoding.beam", "ink.alpha", "text.bep_merges"]


@pytest.mark.parametrize("config", [{}, [], None, "text"], ids=str)
def test_what_is_no_configuration_at_all_is_refused(config: Any) -> None:
    assert "allowed: " in message_of(config)


def mappings(value: Any, keys: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The keys of every mapping inside a configuration."""
    if not isinstance(value, dict):
        return []
    return [keys] + [inner for key, child in value.items() for inner in mappings(child, (*keys, key))]


names = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20
)


@settings(deadline=None)
@given(st.sampled_from([(c, keys) for c in (MINI, OWN_CORPUS) for keys in mappings(c)]), names, st.integers())
def test_an_unknown_key_at_any_depth_is_reported(
    place: tuple[dict[str, Any], tuple[str, ...]], key: str, value: int
) -> None:
    config, keys = copy.deepcopy(place[0]), place[1]
    assume(key not in at(config, keys))
    at(config, keys)[key] = value
    message = message_of(config)
    assert visible(".".join((*keys, key)).replace("\n", " ")) in message
    assert "allowed: " in message


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None)
@given(st.sampled_from([(*keys, key) for keys in mappings(MINI) for key in at(MINI, keys)]), anything)
def test_any_value_anywhere_passes_or_is_refused_with_a_message(keys: tuple[str, ...], value: Any) -> None:
    config = copy.deepcopy(MINI)
    at(config, keys[:-1])[keys[-1]] = value
    try:
        check(config)
    except InkError as error:
        assert "allowed: " in str(error)


def test_the_schema_names_every_system_and_every_system_that_retrieves_has_a_section() -> None:
    described = schema()["properties"]["systems"]["description"]
    assert f"({', '.join(SYSTEMS)})" in described
    assert {system.section for system in SYSTEMS.values()} - {None} <= set(schema()["properties"])


def test_every_setting_is_described_and_no_mapping_takes_unknown_keys() -> None:
    def look(rules: dict[str, Any], name: str) -> None:
        for key, inner in rules.get("properties", {}).items():
            assert inner.get("description"), f"{name}.{key} has no description"
            look(inner, f"{name}.{key}")
        if "properties" in rules:
            assert rules["additionalProperties"] is False, name
            assert set(rules["required"]) <= set(rules["properties"]), name

    look(schema(), "config")


def test_what_may_differ_by_domain_is_resolved() -> None:
    section = {"k": {"koran": 64, "law": 32}, "alpha": 0.2, "betas": [0.9, 0.98], "other": {"dev": 1}}
    resolved = for_domain(section, "koran", ["general", "koran", "law"])
    assert resolved == {"k": 64, "alpha": 0.2, "betas": [0.9, 0.98], "other": {"dev": 1}}
    assert section["k"] == {"koran": 64, "law": 32}
    with pytest.raises(InkError, match=r"k: no value for the domain it, only for koran, law"):
        for_domain(section, "it", ["it", "koran", "law"])


@pytest.mark.parametrize(
    ("typed", "key", "expected"),
    [
        ("ink={alpha: 0.3}", "ink.alpha", 0.3),
        ("ink={k: {medical: 4, law: 4, it: 8, koran: 16}}", "ink.k", {"medical": 4, "law": 4, "it": 8, "koran": 16}),
        ("v_knn={lambda: [0.5, 1]}", "v_knn.lambda", [0.5, 1]),
        ("seeds=[1, 2]", "seeds", [1, 2]),
        ("domains=[koran]", "domains", ["koran"]),
        ("text={escape: true}", "text.escape", True),
        ("data={files: null}", "data.files", None),
        ("training={weight_decay: 1.0e-3}", "training.weight_decay", 1e-3),
        ("evaluation={sacrebleu_tokeniser: 13a}", "evaluation.sacrebleu_tokeniser", "13a"),
        ("experiment=strong", "experiment", "strong"),
    ],
)
def test_overrides_are_read_as_snakemake_passes_them(typed: str, key: str, expected: Any) -> None:
    overrides = parse_config([typed])
    config = copy.deepcopy(MINI)
    update_config(config, overrides)
    read_overrides(config, overrides)
    check(config)
    assert at(config, tuple(key.split("."))) == expected


def test_a_wrong_override_is_still_refused_and_files_are_not_reread() -> None:
    overrides = parse_config(["ink={alpha: -1, alhpa: 3}"])
    config = changed(MINI, {"ink.k": "16"})
    update_config(config, overrides)
    read_overrides(config, overrides)
    message = message_of(config)
    assert "ink.alpha: found -1; allowed: a number of at least 0" in message
    assert "ink.alhpa: unknown key" in message
    assert "ink.k: found '16' (text)" in message


def test_domains_with_and_without_training_text() -> None:
    assert data_domains(OWN_CORPUS) == ["general", "koran", "it"]
    assert adapted_domains(OWN_CORPUS) == ["koran"]
    assert not has_training(OWN_CORPUS, "it")
    assert adapted_domains(MINI) == ["medical", "law", "it", "koran"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("experiment: mini\nink: {k: 3\n", "line 3: not valid YAML"),
        ("ink:\n\tk: 3\n", "line 2: not valid YAML"),
        ("ink:\n  k: 3\n  k: 4\n", "line 3: not valid YAML: the key 'k' is given twice"),
        ("", "the file holds nothing"),
        ("- a\n", "the file holds a list"),
        ("? [a, b]\n: 1\n", "line 1: not valid YAML"),
        (
            "ink:\n  k: 2001-99-99\n",
            "line 2: not valid YAML: '2001-99-99' cannot be read as timestamp; text stands in quotes",
        ),
        ("ink:\n  k: 0x_\n", "line 2: not valid YAML: '0x_' cannot be read as int"),
        (f"seeds: {'9' * 5000}\n", "line 1: not valid YAML: '9999"),
        ("ink: !!int five\n", "line 1: not valid YAML: 'five' cannot be read as int"),
    ],
)
def test_a_file_that_is_no_configuration_is_named_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(InkError) as raised:
        load(path)
    assert str(path) in str(raised.value)
    assert expected in str(raised.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "a: " + "[" * 3000,
            "line 1: not valid YAML: nested more than 50 deep",
            id="nested",
            marks=pytest.mark.failure(
                "Config",
                "a config nested without end",
                "`..., line 1: not valid YAML: nested more than 50 deep [config/not-yaml]`",
            ),
        ),
        ("".join(" " * depth + "a:\n" for depth in range(200)), "nested more than 50 deep"),
        ("- " * 2000 + "a", "nested more than 50 deep"),
        pytest.param(
            "ink: &ink\n  k: *ink\n",
            "line 1: not valid YAML: an alias stands within what it is the name of",
            id="an alias in itself",
            marks=pytest.mark.failure(
                "Config",
                "a config whose alias holds itself",
                "`..., line 1: not valid YAML: an alias stands within what it is the name of [config/not-yaml]`",
            ),
        ),
        ("a: &a [*a]\n", "an alias stands within"),
        ("a: &a {b: [{c: *a}]}\n", "an alias stands within"),
        pytest.param(
            "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)),
            "values, aliases counted, and 100,000 are allowed",
            id="aliases of aliases",
            marks=pytest.mark.failure(
                "Config",
                "a config whose aliases stand for more values than a machine holds",
                "`..., line 1: not valid YAML: ... values, aliases counted, and 100,000 are allowed [config/not-yaml]`",
            ),
        ),
        (
            f"a: &a [{'x, ' * 500}]\nb: &b [{'*a, ' * 100}]\nc: [{'*b, ' * 10}]\n",
            "values, aliases counted, and 100,000 are allowed",
        ),
    ],
)
def test_yaml_without_end_is_refused_at_once(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "endless.yaml"
    path.write_text(text)
    with pytest.raises(InkError, match=re.escape(expected)):
        load(path)


def test_aliases_may_be_used(tmp_path: Path) -> None:
    path = tmp_path / "aliases.yaml"
    path.write_text("a: &a {k: 3}\nb: *a\nc: [*a, *a]\nd: {<<: *a, l: 4}\n")
    assert read(path) == {"a": {"k": 3}, "b": {"k": 3}, "c": [{"k": 3}, {"k": 3}], "d": {"k": 3, "l": 4}}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("experiment", "mini\n"),
        ("device", "cuda\n"),
        ("data.source_language", "de\n"),
        ("text.source_tokeniser_language", "de\n"),
    ],
)
@pytest.mark.failure(
    "Config", "a name that ends with a line break", "refused as any other that has more than letters and digits"
)
def test_a_line_break_is_no_part_of_a_name(key: str, value: str) -> None:
    assert f"{key}: found {value!r} (text)" in message_of(changed(MINI, {key: value}))


@pytest.mark.parametrize("value", [2**63, 10**400, -(10**30)])
@pytest.mark.failure(
    "Config",
    "a whole number of more digits than a machine's have",
    "`configuration: seeds[0]: found 100...; allowed: a number of at most 9223372036854775807 [config/wrong-setting]`",
)
def test_a_number_beyond_64_bits_is_refused(value: int) -> None:
    message = message_of(changed(MINI, {"seeds": [value]}))
    assert message.startswith(f"configuration: seeds[0]: found {str(value)[:20]}")
    assert message.endswith("allowed: a number of at most 9223372036854775807")


@pytest.mark.parametrize("text", ["a\0b", "~\0", "\ud83d", "~\udfff/x"], ids=ascii)
@pytest.mark.failure(
    "Config",
    "a path or name with a NUL, or with half of a character",
    "`configuration: base_model.path: found ...; allowed: text without NUL and halves of characters "
    "[config/wrong-setting]`",
)
def test_text_that_no_file_can_hold_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.dump(changed(OWN_CORPUS, {"base_model.path": text})))
    with pytest.raises(
        InkError, match=r"^configuration: base_model\.path: found '.*' \(text\); allowed: text without NUL"
    ):
        check(load(path))
    config = copy.deepcopy(OWN_CORPUS) | {text: 1}
    assert "allowed: keys that are text" in message_of(config)


@pytest.mark.parametrize("value", ["a" * 5000, ["a" * 5000], {"a" * 5000: 1}, "\x1b[2J", "a\nb", "\u202ea"])
def test_what_is_quoted_neither_fills_a_terminal_nor_commands_it(value: Any) -> None:
    message = message_of(changed(MINI, {"precision": value}))
    assert len(message) < 300 and "\n" not in message and visible(message) == message


def test_a_missing_or_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InkError, match=r"absent\.yaml: .*No such file"):
        load(tmp_path / "absent.yaml")
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"experiment: caf\xe9\n")
    with pytest.raises(InkError, match=r"latin\.yaml: .*not UTF-8 \(byte 15\)"):
        load(path)


def test_reading_gives_what_yaml_says() -> None:
    path = REPOSITORY / "config" / "own-corpus.yaml"
    assert yaml.safe_load(path.read_text(encoding="utf-8")) == read(path)
