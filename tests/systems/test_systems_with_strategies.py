"""Systems with a search strategy: what they are called, and that they share all else with the ones without."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ink.combiners.combiner_file import write_combiner
from ink.combiners.strategies.ask_where_unsure import AskWhereUnsure
from ink.config import check, load
from ink.config.slices.commands import settings_for
from ink.config.slices.result_slices import EvaluationSettings, SpeedSettings
from ink.runtime.errors import InkError
from ink.systems.inference import Parts, datastore_files, with_search
from ink.systems.known_systems import always_searching, system_named
from ink.systems.layout import Layout, Run
from ink.systems.systems_of_experiment import check_exists, run_that_trains
from ink.tracking.runs import first_job, parameters

REPOSITORY = Path(__file__).resolve().parents[2]
OWN = {"combiner": "vanilla", "key": "ffn_input", "k": 4, "lambda": 0.5, "temperature": 10}
CONFIG: dict[str, Any] = {
    **load(REPOSITORY / "config" / "config.yaml"),
    "own_systems": {"mine": OWN},
    "reductions": {"half": {"method": "random", "keep": 0.5}},
    "search_strategies": {
        "unsure": {"below": 0.5},
        "unsure_often": {"below": 0.9},
        "source_tokens": {"occurrences": 8},
    },
}


def config_with(systems: list[str], **changes: Any) -> dict[str, Any]:
    return {**CONFIG, "systems": systems, **changes}


@pytest.mark.parametrize("always", ["v_knn", "a_knn", "r_knn_without_keys", "mine", "ink_r_knn", "v_knn+half"])
def test_all_but_its_row_is_that_of_the_one_without(always: str) -> None:
    check(config_with([always, f"{always}+unsure", f"{always}+unsure_often"]))
    layout, whole, system = Layout(CONFIG), system_named(always), system_named(f"{always}+unsure")
    assert layout.system_files(f"{always}+unsure", "koran", 1) == layout.system_files(always, "koran", 1)
    assert (system.commands, system.is_trained, system.without_keys, system.reduction) == (
        *(whole.commands, whole.is_trained, whole.without_keys, whole.reduction),
    )
    assert (system.label, system.strategy) == (f"{whole.label} + unsure", "unsure")
    assert (system.apart, system.compared_with, system.in_figure4) == (True, (always,), False)
    assert always_searching(f"{always}+unsure") == (always, "unsure")
    assert always_searching(always) == (always, None)


def test_its_run_begins_with_scoring_and_knows_its_own_strategy_alone() -> None:
    config = config_with(["v_knn", "v_knn+unsure", "a_knn", "a_knn+unsure"])
    for name in ("v_knn+unsure", "a_knn+unsure"):
        assert first_job(config, Run(name, "koran", 1)) == "evaluate"
    assert run_that_trains(config, "a_knn+unsure") == "a_knn"
    found = parameters(config, Run("v_knn+unsure", "koran", 1))
    assert {name for name in found if name.startswith("search_strategies")} == {"search_strategies.unsure.below"}
    whole = parameters(config, Run("v_knn", "koran", 1))
    assert not any(name.startswith("search_strategies") for name in whole)


def test_jobs_of_other_systems_read_what_they_read_before() -> None:
    without = {name: section for name, section in CONFIG.items() if name != "search_strategies"}
    for config in (CONFIG, {**without, "search_strategies": {}}):
        assert "search_strategies" not in settings_for(config, EvaluationSettings, "koran", "v_knn").that_matter()
    assert (
        "search_strategies"
        not in settings_for({**without, "search_strategies": {}}, SpeedSettings, "koran").that_matter()
    )
    own = settings_for(CONFIG, EvaluationSettings, "koran", "v_knn+unsure")
    assert own.that_matter()["search_strategies"] == {"unsure": {"below": 0.5}}
    assert with_search(Parts(), "v_knn+unsure", own).strategy == AskWhereUnsure(0.5)
    assert with_search(Parts(), "v_knn", own) == Parts()


def test_only_what_retrieves_can_search_less() -> None:
    check_exists(CONFIG, "v_knn+half+unsure")
    check_exists(CONFIG, "r_knn+source_tokens")
    for name in (
        *("v_knn+half+source_tokens", "ink_r_knn+source_tokens", "r_knn_without_keys+source_tokens"),
        *("adapter+unsure", "v_knn+unsure_never", "v_knn+unsure+half", "v_knn+unsure+unsure_often"),
    ):
        with pytest.raises(InkError, match="does not exist"):
            check_exists(CONFIG, name)


@pytest.mark.parametrize("always", ["v_knn", "a_knn", "r_knn", "mine"])
def test_source_tokens_are_a_file_and_a_job_more(always: str) -> None:
    name = f"{always}+source_tokens"
    check(config_with([always, name]))
    layout, whole, system = Layout(CONFIG), system_named(always), system_named(name)
    more = {"source_tokens": "work/mini/source_tokens/koran"}
    assert layout.system_files(name, "koran", 1) == {**layout.system_files(always, "koran", 1), **more}
    assert system.commands == (*whole.commands[:-1], "store-source-tokens", "evaluate")
    assert system.label == f"{whole.label} + source tokens"
    own = settings_for(CONFIG, EvaluationSettings, "koran", name)
    assert with_search(Parts(), name, own) == Parts(occurrences=8)


UNSURE = {"below": 0.5}
CHUNKS = {"chunk_tokens": 16, "shortest_interval": 2, "longest_interval": 8}
WRONG: list[tuple[dict[str, Any], str]] = [
    (
        {"systems": ["v_knn+unsure"]},
        r"systems\[0\]: found v_knn\+unsure without v_knn; allowed: both, since they share",
    ),
    ({"systems": ["off_the_shelf", "off_the_shelf+unsure"]}, r"systems\[1\]: found 'off_the_shelf\+unsure'"),
    ({"search_strategies": {"unsure": {}}}, r"search_strategies\.unsure\.below: missing; allowed: it with unsure"),
    (
        {"search_strategies": {"unsure": {"below": 0}}},
        r"search_strategies\.unsure\.below: found 0; allowed: .* above 0",
    ),
    *(
        (
            {
                "systems": ["v_knn", always, f"{always}+source_tokens"],
                "reductions": {"half": {"method": "random", "keep": 0.5}},
                "search_strategies": {"source_tokens": {"occurrences": 8}},
            },
            rf"systems\[2\]: found {re.escape(always)}\+source_tokens; allowed: another strategy, since "
            rf"{re.escape(always)} {message}",
        )
        for always, message in (
            ("ink_r_knn", "has an adapted model, and source tokens are stored as the base model encodes them"),
            ("v_knn+half", "has a reduced datastore, and alignments lead to entries of the whole one"),
            ("r_knn_without_keys", "does without the datastore's keys"),
        )
    ),
    (
        {"systems": ["v_knn"], "search_strategies": {"source_tokens": {"occurrences": 0.5}}},
        r"search_strategies\.source_tokens\.occurrences: found 0\.5; allowed: a whole number of at least 1",
    ),
    (
        {"search_strategies": {"unsure": UNSURE, "cache": UNSURE}},
        r"search_strategies\.cache\.distance: missing; allowed: it with cache",
    ),
    (
        {"search_strategies": {"unsure": UNSURE, "cache": UNSURE}},
        r"search_strategies\.cache\.below: found 0\.5; allowed: with cache distance",
    ),
    (
        {"search_strategies": {"unsure": UNSURE, "chunks": {**CHUNKS, "shortest_interval": 9}}},
        r"search_strategies\.chunks\.shortest_interval: found 9; allowed: at most longest_interval 8",
    ),
    (
        {"search_strategies": {"unsure": UNSURE, "chunks": {"chunk_tokens": 4}}},
        r"search_strategies\.chunks\.shortest_interval: missing; allowed: it with chunks",
    ),
    (
        {"search_strategies": {"unsure": UNSURE, "chunks": {**CHUNKS, "chunk_tokens": 0}}},
        r"search_strategies\.chunks\.chunk_tokens: found 0; allowed: .* at least 1",
    ),
    ({"search_strategies": {"rarely": UNSURE}}, r"search_strategies\.rarely: found the unknown name 'rarely'"),
    (
        {"reductions": {"unsure_half": {"method": "random", "keep": 0.5}}},
        r"reductions\.unsure_half: found a name of search_strategies; allowed: one that begins otherwise",
    ),
]


@pytest.mark.failure(
    "Config",
    "a system with a search strategy, but not the system that it is compared with",
    "`configuration: systems[0]: found v_knn+unsure without v_knn; allowed: both, since they share a combiner`",
)
@pytest.mark.parametrize(("changes", "message"), WRONG, ids=range(len(WRONG)))
def test_what_cannot_be_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InkError, match=message):
        check({**CONFIG, "systems": ["v_knn", "v_knn+unsure"], "reductions": {}, **changes})


@pytest.mark.failure(
    "Config",
    "chunks for another combiner than V-kNN's, or on a reduced datastore",
    "`configuration: systems[2]: found a_knn+chunks; allowed: chunks with the combiner vanilla on a whole datastore, "
    "as in v_knn+chunks [config/impossible-combination]`",
)
@pytest.mark.parametrize("always", ["a_knn", "r_knn_without_keys", "ink_r_knn", "v_knn+half"])
def test_chunks_are_for_v_knn_alone(always: str) -> None:
    chunks = {"chunks_short": CHUNKS}
    check(config_with(["v_knn", "v_knn+chunks_short", "mine", "mine+chunks_short"], search_strategies=chunks))
    message = r"systems\[2\]: found {}; allowed: chunks_short with the combiner vanilla on a whole datastore, as in"
    with pytest.raises(InkError, match=message.format(re.escape(f"{always}+chunks_short"))):
        check(config_with(["v_knn", always, f"{always}+chunks_short"], search_strategies=chunks))


def test_what_a_strategy_reads_of_the_datastore_goes_along(tmp_path: Path, store_of: Any) -> None:
    settings = {"k": 1, "lambda": 0.5, "temperature": 1}
    write_combiner(tmp_path / "c.json", "vanilla", settings, chosen=settings, tried=[settings])
    store_of(tmp_path / "store", [[0.0], [1.0]], [4, 5])

    def names(system: str) -> list[str]:
        return [path.name for path in datastore_files(tmp_path / "store", tmp_path / "c.json", system_named(system))]

    for system in ("v_knn", "v_knn+unsure", "v_knn+cache"):
        assert names(system) == ["meta.json", "offsets.npy", "index.faiss", "values.npy"]
    assert names("v_knn+chunks") == [*names("v_knn"), "keys.npy"]
