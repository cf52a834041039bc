"""What an experiment's file leaves out is as its scale says, or the default; an older whole keeps its meaning."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.cli import parse_config
from snakemake.utils import update_config

from ink.config import check, load, load_resolved, read, read_overrides, resolve
from ink.config import history as versions
from ink.config.history import CURRENT, HISTORY
from ink.config.resolving import SCALE, VERSION, origins, preset
from ink.config.schema import schema
from ink.runtime.errors import InkError

REPOSITORY = Path(__file__).resolve().parents[2]
EXPERIMENTS = sorted((REPOSITORY / "config").glob("*.yaml"))
PUBLISHED = REPOSITORY / "results" / "published" / "mini" / "config.yaml"
SHORT: dict[str, Any] = {
    "experiment": "short",
    "domains": ["koran"],
    "device": "cpu",
    "precision": "bf16",
    "data": {
        "source": "files",
        "source_language": "de",
        "target_language": "en",
        "files": {"pattern": "{split}.{language}", "splits": {"koran": ["train"]}},
    },
    "text": {"source_tokeniser_language": "de", "target_tokeniser_language": "en"},
    "base_model": {"path": "a", "bpe_codes": "b", "source_dictionary": "c", "target_dictionary": "d"},
}


def short(**sections: Any) -> dict[str, Any]:
    return {**copy.deepcopy(SHORT), **sections}


def test_a_short_file_is_an_experiment() -> None:
    whole = resolve(SHORT)
    check(whole)
    assert whole["data"]["files"]["held_out"] == {"dev": 2000, "test": 2000}
    assert "synthetic" not in whole["data"] and "downloads" not in whole


def test_the_defaults_are_those_of_the_paper_s_experiment() -> None:
    """But for what names its data, its model and its domains."""
    whole, paper = resolve(SHORT), load(REPOSITORY / "config" / "paper.yaml")
    stated = read(REPOSITORY / "config" / "paper.yaml")
    for name in ("systems", "seeds", "threads", "datastore", "index", "decoding", "training", "combiner_training"):
        assert name not in stated and whole[name] == paper[name]
    assert paper["device"] == "cuda" and paper["precision"] == "fp16"
    by_domain = {"adapter": ["inner_dimension"], "ink": ["k", "alpha", "beta", "ablations"], "r_knn": ["decay"]}
    by_domain |= {"a_knn": ["max_k", "temperature"], "knn_kd": ["k", "temperature"]}
    by_domain |= {"v_knn": ["k", "lambda", "temperature"]}
    for section, keys in by_domain.items():
        assert [*stated[section]] == keys
        medical = {key: paper[section][key]["medical"] for key in keys if key != "ablations"}
        assert {**paper[section], **medical, **({"ablations": []} if section == "ink" else {})} == whole[section]


def test_a_file_goes_before_its_scale_and_the_scale_before_the_defaults() -> None:
    small = preset("small")
    whole = resolve(short(scale="small", training={"patience": 3}))
    check(whole)
    assert whole["training"] == {**resolve(SHORT)["training"], **small["training"], "patience": 3}
    assert whole["precision"] == "bf16" and small["precision"] == "fp32"
    assert SCALE not in whole


@pytest.mark.parametrize("scale", schema()["properties"][SCALE]["enum"])
def test_a_scale_sets_what_there_is_and_to_what_is_allowed(scale: str) -> None:
    changes = {
        "mini": {"text": {**SHORT["text"], "bpe_merges": None}, "base_model": {**SHORT["base_model"], "train": None}}
    }
    check(resolve(short(scale=scale, **changes.get(scale, {}))))


def test_there_is_a_file_for_every_scale() -> None:
    found = (REPOSITORY / "ink" / "config" / "scales").iterdir()
    assert sorted(path.stem for path in found) == sorted(schema()["properties"][SCALE]["enum"])


def test_values_by_domain_replace_a_value_and_are_not_merged() -> None:
    whole = resolve(short(scale="small", ink={"k": {"koran": 3}}, adapter={"sizes": {"koran": [8]}}))
    assert whole["ink"]["k"] == {"koran": 3}
    assert whole["ink"]["alpha"] == preset("small")["ink"]["alpha"]
    own = {"mine": {"combiner": "mine", "key": "ffn_input", "k": 4}}
    assert resolve(short(own_systems=own))["own_systems"] == own


@pytest.mark.parametrize(
    ("typed", "section", "key", "expected"),
    [
        ("ink={alpha: 0.3}", "ink", "alpha", 0.3),
        ("ink={k: {koran: 4}}", "ink", "k", {"koran": 4}),
        ("data={general_domain: null}", "data", "general_domain", None),
        ("scale=small", "index", "lists", preset("small")["index"]["lists"]),
        (
            "evaluation={metrics: [bleu, chrf, comet], comet: {batch_sentences: 8}}",
            *("evaluation", "comet", {"model": "wmt20-comet-da", "encoder": None, "batch_sentences": 8}),
        ),
    ],
)
def test_an_override_goes_before_file_scale_and_default(typed: str, section: str, key: str, expected: Any) -> None:
    overrides = parse_config([typed])
    stated = read(REPOSITORY / "config" / "own-corpus.yaml") | {"domains": ["koran"], SCALE: "mini"}
    stated["text"]["bpe_merges"] = None
    update_config(stated, overrides)
    read_overrides(stated, overrides)
    whole = resolve(stated)
    check(whole)
    assert whole[section][key] == expected
    assert whole["r_knn"]["decay"] == (1000 if typed == "scale=small" else preset("mini")["r_knn"]["decay"])


def test_a_mapping_in_the_place_of_null_has_its_own_defaults() -> None:
    assert resolve(SHORT)["evaluation"]["comet"] is None
    comet = {"model": "wmt20-comet-da", "encoder": None, "batch_sentences": 32}
    assert resolve(short(evaluation={"comet": {}}))["evaluation"]["comet"] == comet
    other = resolve(short(evaluation={"comet": {"encoder": "folder"}}))
    assert other["evaluation"]["comet"] == {**comet, "encoder": "folder"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scale": "mimi"}, "scale: found 'mimi' (text); allowed: one of mini, small; did you mean mini?"),
        ({"scale": ["mini"]}, "scale: found the list [mini]; allowed: one of mini, small"),
        ({"ink": {"alhpa": 1}}, "ink.alhpa: unknown key, found 1; allowed: max_rounds,"),
        ({"ink": 3}, "ink: found 3; allowed: a mapping"),
        ({"training": None}, "training: found null; allowed: a mapping"),
        ({"config_version": "1"}, "config_version: found '1' (text); allowed: a version of at most"),
        ({"config_version": [1]}, "config_version: found the list [1]; allowed: a version of at most"),
    ],
    ids=str,
)
def test_what_is_wrong_is_still_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InkError) as raised:
        check(resolve(short(**changes)))
    assert str(raised.value).startswith(f"configuration: {message}")


@pytest.mark.failure(
    "Config",
    "a configuration that a newer `ink` wrote",
    "`configuration: config_version: found 9; allowed: a version of at most ...`",
)
def test_a_newer_version_is_refused() -> None:
    with pytest.raises(InkError) as raised:
        check(resolve({**resolve(SHORT), VERSION: CURRENT + 1}))
    message = (
        f"configuration: config_version: found {CURRENT + 1}; allowed: a version of at most {CURRENT}, which is what"
    )
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize("name", ["experiment", "domains"])
def test_what_no_default_can_know_is_asked_for(name: str) -> None:
    stated = short()
    del stated[name]
    with pytest.raises(InkError, match=rf"configuration: {name}: missing; allowed: "):
        check(resolve(stated))


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.name)
def test_a_whole_stays_as_it_is(path: Path, tmp_path: Path) -> None:
    """With its version, as the workflow writes it into results/, and without, as it once did."""
    whole = load(path)
    assert whole[VERSION] == CURRENT and next(iter(whole)) == VERSION
    written = tmp_path / "config.yaml"
    for config in (whole, {name: value for name, value in whole.items() if name != VERSION}):
        before = copy.deepcopy(config)
        written.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        assert load(written) == whole == resolve(config)
        assert config == before


def test_resolving_leaves_what_it_is_given_and_the_scale_alone() -> None:
    stated, small = short(scale="small"), copy.deepcopy(preset("small"))
    whole = resolve(stated)
    whole["training"]["betas"].append(1)
    whole["v_knn"]["k"] = whole["data"]["files"]["splits"]["koran"] = 0
    whole["v_knn"]["temperature"].append(0)
    assert stated == short(scale="small") and preset("small") == small
    assert resolve(stated)["training"]["betas"] == [0.9, 0.98]


@pytest.mark.failure(
    "Config",
    "a configuration of `results/` that lacks settings",
    "`configuration: ink.beta: missing; allowed: ... "
    "[config/wrong-setting]`: with a `config_version` it gets no defaults",
)
def test_a_whole_with_a_version_gets_no_default() -> None:
    whole = resolve(SHORT)
    del whole["ink"]["beta"], whole["v_knn"]
    with pytest.raises(InkError) as raised:
        check(resolve(whole))
    first, *problems = str(raised.value).splitlines()
    assert first == "configuration: 2 problems"
    assert sorted(line.strip() for line in problems) == [
        "ink.beta: missing; allowed: a number of at least 0, or one such value per domain",
        "v_knn: missing; allowed: a mapping",
    ]


def test_a_scale_in_a_whole_is_refused() -> None:
    """It would do nothing there."""
    with pytest.raises(InkError, match=r"^configuration: scale: found mini beside config_version; allowed: "):
        check(resolve({**resolve(SHORT), "scale": "mini"}))


def _beam(old: dict[str, Any]) -> Any:
    return old.get("decoding", {}).get("beam")


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> int:
    """A next version, as if three settings had come with it, one of which was another setting's value before."""
    added = {"ink.search_over": [0.5], "speed.repeats": 1, "training.dev_beam": _beam}
    monkeypatch.setitem(HISTORY, CURRENT + 1, added)
    for module in (versions, __import__("ink.config.resolving", fromlist=["CURRENT"])):
        monkeypatch.setattr(module, "CURRENT", CURRENT + 1)
    return CURRENT + 1


@pytest.mark.parametrize("version", [CURRENT, None], ids=["with its version", "without a version"])
def test_an_older_whole_gets_a_newer_setting_s_value_of_its_time(newer: int, version: int | None) -> None:
    older = {**resolve(short(decoding={"beam": 7})), VERSION: CURRENT}
    del older["ink"]["search_over"], older["speed"]["repeats"], older["training"]["dev_beam"]
    if version is None:
        del older[VERSION]
    whole = resolve(older)
    assert (whole["ink"]["search_over"], whole["speed"]["repeats"], whole["training"]["dev_beam"]) == ([0.5], 1, 7)
    assert whole[VERSION] == newer
    assert resolve({**older, "speed": {**older["speed"], "repeats": 7}})["speed"]["repeats"] == 7


def test_a_newer_whole_and_an_experiment_s_own_file_get_none_of_it(newer: int) -> None:
    assert resolve(SHORT)["ink"]["search_over"] == [0.1, 0.2, 0.3]
    whole = resolve(SHORT)
    del whole["ink"]["search_over"]
    assert "search_over" not in resolve(whole)["ink"]


def test_every_setting_of_the_history_exists() -> None:
    assert [*HISTORY] == list(range(1, CURRENT + 1))
    for added in HISTORY.values():
        for name in added:
            rules = schema()
            for key in name.split("."):
                rules = rules["properties"][key]


def test_the_published_experiment_is_read_as_it_ran() -> None:
    whole = load(PUBLISHED)
    check(whole)
    stated = yaml.safe_load(PUBLISHED.read_text(encoding="utf-8"))
    newer = versions.added_since(stated.get(VERSION, 1))
    for name in {"config_version", *(name.split(".")[0] for name in newer)}:
        whole.pop(name), stated.pop(name, None)
    assert whole == stated


def test_a_run_s_file_is_what_ran_whatever_it_lacks(newer: int, tmp_path: Path) -> None:
    """In results/ a default would say what nobody ran."""
    path = tmp_path / "config.yaml"
    for version in ({}, {VERSION: CURRENT}, {VERSION: newer}):
        path.write_text(yaml.safe_dump({**version, "experiment": "old", "speed": {}}), encoding="utf-8")
        added = {} if version == {VERSION: newer} else {"repeats": 1}
        # sections of their own that came with a version
        whole = {} if version else {"reductions": {}, **versions.HISTORY[4]}
        assert load_resolved(path) == {VERSION: newer, "experiment": "old", "speed": added, **whole}


def test_where_every_value_is_from() -> None:
    stated = short(scale="small", ink={"k": {"koran": 3}}, evaluation={"comet": {"encoder": "folder"}})
    found = {".".join(keys): (value, origin) for keys, value, origin in origins(stated, "my.yaml")}
    assert found["ink.k"] == ({"koran": 3}, "my.yaml")
    assert found["ink.alpha"] == (0.2, "scale small")
    assert found["ink.variant"] == ("paper", "default")
    assert found["data.files.splits"] == ({"koran": ["train"]}, "my.yaml")
    assert found["data.files.held_out.dev"] == (2000, "default")
    assert found["evaluation.comet.encoder"] == ("folder", "my.yaml")
    assert found["evaluation.comet.model"] == ("wmt20-comet-da", "default")


def test_where_the_values_of_a_whole_are_from(newer: int) -> None:
    older = {**resolve(SHORT), VERSION: CURRENT}
    del older["speed"]["repeats"]
    found = {".".join(keys): origin for keys, _, origin in origins(older, "old.yaml")}
    assert found["speed.repeats"] == f"version {CURRENT}"
    others = {name: origin for name, origin in found.items() if name not in ("speed.repeats", VERSION)}
    assert set(others.values()) == {"old.yaml"}


@pytest.mark.parametrize(("name", "most"), [("own-corpus", 30), ("config", 60), ("mini-full", 60)])
def test_an_experiment_says_what_differs(name: str, most: int) -> None:
    lines = (REPOSITORY / "config" / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line.strip() and not line.strip().startswith("#")]) <= most
