"""Reductions that make no sense, and systems that cannot search what they leave, are refused before anything runs."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from ink.config import check, load
from ink.runtime.errors import InkError

REPOSITORY = Path(__file__).resolve().parents[2]
MINI = load(REPOSITORY / "config" / "config.yaml")  # keys of 128 dimensions, codes of 32 bytes
METHODS = load(REPOSITORY / "config" / "methods.yaml")
PCA = {"method": "pca", "dimension": 64}
COMPACT = {"method": "compact_network", "dimension": 64, "updates": 100}
PLAC = {"method": "plac", "k": 4, "keep": 0.6}
HALF = {"method": "random", "keep": 0.5}
OWN = {"combiner": "vanilla", "key": "ffn_input", "k": 4, "lambda": 0.5, "temperature": 10}
SMOOTHED = {**OWN, "combiner": "kernel_smoothed", "key": "decoder_output"}


def config_with(reductions: dict[str, Any], systems: tuple[str, ...] = (), **changes: Any) -> dict[str, Any]:
    config = copy.deepcopy(MINI)
    config["systems"] = ["off_the_shelf", "v_knn", *systems]
    return {**config, "reductions": reductions, **changes}


def test_the_shipped_experiment_of_all_methods_is_in_order() -> None:
    check(METHODS)
    methods = {settings["method"] for settings in METHODS["reductions"].values()}
    assert methods == {"random", "plac", "greedy_merging", "pca", "compact_network"}


@pytest.mark.parametrize(
    ("reductions", "systems"),
    [
        ({"a": {"method": "random", "keep": 0.5, "seed": 3}}, ("v_knn+a", "r_knn+a", "r_knn_without_keys+a")),
        ({"a": PLAC, "b": {"method": "random", "as_many_as": "a"}}, ("a_knn+a", "r_knn+b", "mine+b")),
        ({"a": {"method": "greedy_merging", "k": 2}}, ("r_knn+a", "mine+a", "smoothed+a")),
        ({"a": PCA, "b": {"method": "pca", "dimension": 24, "code_bytes": 8}}, ("v_knn+a", "a_knn+b", "mine+a")),
        ({"a": {"method": "greedy_merging", "k": 2, "lists": 16}, "b": {**PCA, "of": "a"}}, ("v_knn+a", "v_knn+b")),
        ({"a": PLAC, "b": {"method": "random", "keep": 0.5, "of": "a"}, "c": {**PCA, "of": "b"}}, ("v_knn+c",)),
        ({"a": COMPACT, "b": {**COMPACT, "seed": 2, "code_bytes": 16}}, ("v_knn+a", "a_knn+b", "mine+a")),
    ],
)
def test_what_can_be(reductions: dict[str, Any], systems: tuple[str, ...]) -> None:
    check(config_with(reductions, systems, own_systems={"mine": OWN, "smoothed": SMOOTHED}))


WRONG: list[tuple[dict[str, Any], tuple[str, ...], str]] = [
    ({"a": PCA}, ("v_knn+b",), r"systems\[2\]: found 'v_knn\+b' .*; did you mean v_knn\+a\?"),
    ({"a": PCA}, ("ink_r_knn+a",), r"systems\[2\]: found 'ink_r_knn\+a'"),
    ({"a": PCA}, ("off_the_shelf+a",), r"systems\[2\]: found 'off_the_shelf\+a'"),
    (
        {"a": PCA},
        ("r_knn+a",),
        r"systems\[2\]: found r_knn\+a; allowed: a combiner that reads no keys, since the model",
    ),
    ({"a": PCA}, ("smoothed+a",), r"systems\[2\]: found smoothed\+a; allowed: .* since its networks read keys"),
    (
        {"a": COMPACT},
        ("r_knn+a",),
        r"systems\[2\]: found r_knn\+a; allowed: .* asked about its keys and compact_network projects them",
    ),
    ({"a": COMPACT}, ("smoothed+a",), r"systems\[2\]: found smoothed\+a; allowed: .* its networks read keys"),
    ({"a": {**COMPACT, "dimension": 128}}, (), r"reductions\.a\.dimension: found 128; allowed: fewer than .* 128"),
    ({"a": {**PCA, "updates": 9}}, (), r"reductions\.a\.updates: found 9; allowed: with method pca code_bytes, dim"),
    ({"a": PLAC}, ("mine+a",), r"systems\[2\]: found mine\+a; allowed: a system with key decoder_output"),
    ({"a": {"method": "random"}}, (), r"reductions\.a: missing; allowed: keep or as_many_as"),
    ({"a": {"method": "random", "keep": 0.5, "as_many_as": "a"}}, (), r"reductions\.a: found keep and as_many_as"),
    ({"a": {"method": "plac"}}, (), r"reductions\.a\.k: missing; allowed: it with method plac"),
    (
        {"a": {**PCA, "keep": 0.5}},
        (),
        r"reductions\.a\.keep: found 0\.5; allowed: with method pca code_bytes, dimension",
    ),
    (
        {"a": {"method": "random", "as_many_as": "b"}},
        (),
        r"reductions\.a\.as_many_as: found b; allowed: one with another",
    ),
    (
        {"a": {"method": "random", "as_many_as": "plca"}, "plac": PLAC},
        (),
        r"reductions\.a\.as_many_as: found plca; allowed: a reduction that draws nothing \(plac\); did you mean plac\?",
    ),
    ({"a": {**PCA, "dimension": 128}}, (), r"reductions\.a\.dimension: found 128; allowed: fewer than .* 128"),
    (
        {"a": {**PCA, "dimension": 48}},
        (),
        r"reductions\.a\.dimension: found 48; allowed: a multiple of index\.code_bytes",
    ),
    (
        {"a": {**PCA, "code_bytes": 7}},
        (),
        r"reductions\.a\.dimension: found 64; allowed: a multiple of code_bytes \(7\)",
    ),
    ({"a": {**PCA, "of": "b"}}, (), r"reductions\.a\.of: found b; allowed: none here"),
    (
        {"a": {**PCA, "of": "b"}, "b": PCA, "c": PLAC},
        (),
        r"reductions\.a\.of: found b; allowed: a reduction that leaves keys as they are \(c\)",
    ),
    (
        {"a": {**HALF, "of": "b"}, "b": {**HALF, "of": "a"}},
        (),
        r"reductions\.a\.of: found b; allowed: one that is not made of this one in turn",
    ),
    ({"a": {**PLAC, "of": "b"}, "b": HALF}, (), r"reductions\.a\.of: found 'b' .*; allowed: with method plac k, keep"),
    ({"a": {**PCA, "of": "b"}, "b": PLAC}, ("mine+a",), r"found mine\+a; allowed: a system with key decoder_output"),
    ({"a": {**HALF, "lists": 1}}, (), r"reductions\.a\.lists: found 1; allowed: at least index\.probes"),
    ({"A": PCA}, (), r"reductions\.A: found the unknown name 'A'; allowed: a name of small letters"),
    ({"a": {"method": "knn"}}, (), r"reductions\.a\.method: found 'knn' \(text\); allowed: one of random, plac"),
]


@pytest.mark.failure(
    "Config",
    "a system on a datastore that is reduced in a way it cannot search",
    "`configuration: systems[2]: found r_knn+a; allowed: a combiner that reads no keys, since the model is asked about "
    "its keys and pca projects them [config/impossible-combination]`",
)
@pytest.mark.parametrize(("reductions", "systems", "message"), WRONG, ids=range(len(WRONG)))
def test_what_cannot_be_is_named(reductions: dict[str, Any], systems: tuple[str, ...], message: str) -> None:
    with pytest.raises(InkError, match=message):
        check(config_with(reductions, systems, own_systems={"mine": OWN, "smoothed": SMOOTHED}))
