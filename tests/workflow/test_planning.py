"""What the workflow plans, in a fresh clone and without running anything."""

from __future__ import annotations

import copy
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from ink.config import load
from ink.systems.known_systems import SYSTEMS

REPOSITORY = Path(__file__).resolve().parents[2]
SHIPPED = load(REPOSITORY / "config" / "config.yaml")
MICRO = load(REPOSITORY / "tests" / "workflow" / "micro.yaml")

INK = {"build_datastore": 1, "train_ink_round": 1, "finish_ink": 1}

# where the domain of Tables 3 and 5 is among the experiment's
MEASURING = {"knn_accuracy": 1, "measure_speed": 1, "table3": 1, "table5": 1}

# what shows the rows of every system
SHOWN = {"table1": 1, "table2": 1, "gather_curves": 1, "figures": 1}

# how many jobs train the rounds of one INK
ROUND_JOBS, MICRO_ROUND_JOBS = 1, 2

ABLATIONS, SIZES = 3, 2

# mini with a job of every kind: ablations on one domain, further sizes on another, Table 3 of one
MINI = copy.deepcopy(SHIPPED)
NONE = {domain: [] for domain in MINI["domains"]}
MINI["ink"]["ablations"] = {**NONE, "medical": ["without_refresh", "without_l_r", "without_l_i"]}
MINI["adapter"]["sizes"] = {**NONE, "koran": [16, 512]}
MINI["knn_accuracy"]["domains"] = ["medical"]


@pytest.fixture(scope="module")
def clone(fresh_workspace: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A fresh clone whose default experiment is MINI, for planning: nothing is run in it."""
    workspace = fresh_workspace(tmp_path_factory.mktemp("varied") / "ink")
    workspace.write_config("config/config.yaml", MINI)
    return workspace


def every_job(
    domains: int, round_jobs: int, systems: int = 9, ablations: int = 0, sizes: int = 0, *, measured: bool = True
) -> dict[str, int]:
    """The jobs of a synthetic experiment with one seed, and in all so many ablations and further adapter sizes."""
    varied = ablations + sizes
    return {
        "generate_corpus": 1,
        "learn_vocabulary": 1,
        "prepare_corpus": domains + 1,
        "train_base": 1,
        "build_datastore": domains,
        "store_neighbours": domains,
        "train_knn_kd": domains,
        "tune_v_knn": domains,
        "train_combiner": 3 * domains,  # one for R-kNN with and without keys
        "train_adapter": domains + sizes,
        "train_ink_round": (domains + varied) * round_jobs,
        "finish_ink": domains + varied,
        "build_adapted_datastore": domains + measured,  # INK's, and the Adapter's for Table 3
        "evaluate": domains * systems + varied + sizes + 1,  # and the base model on the general domain
        **SHOWN,
        **({"table4": 1} if ablations else {}),
        **(MEASURING if measured else {}),
        "report": 1,
    }


def test_the_default_experiment_plans_every_training_job(clone: Any) -> None:
    planned = clone.plan()
    assert planned.code == 0, planned.text
    assert SHIPPED["systems"] == list(SYSTEMS)
    assert planned.planned == every_job(len(MINI["domains"]), ROUND_JOBS, ablations=ABLATIONS, sizes=SIZES)


def test_the_shipped_experiments(fresh_workspace: Any, tmp_path: Path) -> None:
    shipped = fresh_workspace(tmp_path / "ink")
    domains = len(SHIPPED["domains"])
    planned = shipped.plan().planned
    everything = every_job(domains, ROUND_JOBS)
    everything |= {"knn_accuracy": domains, "build_adapted_datastore": 2 * domains}
    assert planned == everything
    assert sum(planned.values()) <= 110
    full = shipped.plan("--configfile", "config/mini-full.yaml").planned
    seeds = 3
    assert full["train_adapter"] == (domains + 1) * seeds  # on Medical with label smoothing 0.2 too
    # on Medical without refresh, L_i and L_r (beta = 0), and with exact neighbours too
    assert full["train_ink_round"] == full["finish_ink"] == (domains + 4) * seeds
    assert full["table4"] == full["table_controls"] == 1


@pytest.mark.failure(
    "Paths and places",
    "`snakemake -s PATH/Snakefile -d OTHER`",
    "it runs in OTHER, with the repository's default config, where OTHER has none, and with the paper's numbers",
)
def test_it_runs_in_another_folder(clone: Any, tmp_path: Path) -> None:
    other = type(clone)(tmp_path / "hier & dort")
    other.path.mkdir()
    planned = other.plan("--snakefile", str(clone.path / "Snakefile"), "--directory", str(other.path))
    assert planned.code == 0, planned.text
    assert planned.planned == every_job(len(MINI["domains"]), ROUND_JOBS, ablations=ABLATIONS, sizes=SIZES)
    assert "Using workflow specific profile" in planned.text
    assert {path.name for path in other.path.iterdir()} == {".snakemake", ".cache"}


def test_planning_writes_nothing_but_snakemake_s_own_folder(clone: Any) -> None:
    clone.plan()
    assert not (clone.path / "work").exists()
    assert [path.name for path in (clone.path / "results").iterdir()] == ["paper"]  # which is committed


def test_table_2_alone(clone: Any) -> None:
    planned = clone.plan("table2").planned
    everything = every_job(len(MINI["domains"]), ROUND_JOBS)
    assert planned == {
        rule: count
        for rule, count in everything.items()
        if rule not in {"table1", "gather_curves", "figures", "report", *MEASURING}
    } | {"build_adapted_datastore": len(MINI["domains"])}


def test_table_4_needs_ink_and_its_ablations_on_their_domain_alone(clone: Any) -> None:
    plan = clone.plan("table4")
    trained = {"train_ink_round": (1 + ABLATIONS) * ROUND_JOBS, "finish_ink": 1 + ABLATIONS, "evaluate": 1 + ABLATIONS}
    assert {rule: plan.planned[rule] for rule in trained} == trained
    assert {"train_adapter", "train_combiner", "figures", "table2"} & set(plan.planned) == set()
    assert "table4" not in clone.plan("--config", "domains=[law]").planned
    assert "table4" not in clone.plan("--config", "systems=[off_the_shelf, adapter]").planned


def test_figures_need_every_system_and_size_and_are_drawn_where_there_is_something_to_draw(clone: Any) -> None:
    plan = clone.plan("figures")
    assert plan.planned["figures"] == 1
    assert plan.planned["evaluate"] == len(MINI["domains"]) * len(SYSTEMS) + 2 * SIZES
    assert {"table1", "table2", "table4", "knn_accuracy", "measure_speed"} & set(plan.planned) == set()
    assert "scores/ink_without" not in plan.text
    for systems, drawn in (
        ("[off_the_shelf, v_knn]", ["figure3"]),
        ("[ink]", ["figure3", "training"]),
        ("[off_the_shelf, ink]", ["figure3", "figure4", "training"]),
        ("[off_the_shelf]", []),
    ):
        text = clone.plan("--config", f"systems={systems}", "domains=[law]").text
        assert [name for name in ("figure3", "figure4", "training") if f"figures/{name}.svg" in text] == drawn, systems


def test_tables_3_and_5_need_their_systems_on_their_domain_alone(clone: Any) -> None:
    planned = clone.plan("table3").planned
    assert planned["build_datastore"] == planned["knn_accuracy"] == planned["train_adapter"] == 1
    assert planned["build_adapted_datastore"] == 2
    plan = clone.plan("table3", "--config", "systems=[ink]")
    assert plan.planned["build_adapted_datastore"] == 1
    assert "train_adapter" not in plan.planned
    assert {"evaluate", "train_combiner", "measure_speed"} & set(planned) == set()
    planned = clone.plan("table5").planned
    assert planned["measure_speed"] == planned["train_combiner"] == planned["finish_ink"] == 1
    assert {"evaluate", "build_adapted_datastore", "knn_accuracy"} & set(planned) == set()


def test_speed_of_any_system_needs_what_that_system_needs(clone: Any) -> None:
    plan = clone.plan("table5", "--config", "speed={systems: [off_the_shelf, adapter]}")
    assert plan.planned["measure_speed"] == plan.planned["train_adapter"] == 1
    assert {"build_datastore", "train_ink_round", "train_combiner"} & set(plan.planned) == set()


def test_speed_is_measured_with_all_cores_so_that_nothing_runs_beside_it(clone: Any) -> None:
    reported = clone.plan("--cores", "2", "--forceall", "--until", "measure_speed").text
    assert re.search(r"rule measure_speed:\n(?: .*\n)* +threads: 2\n", reported), reported


@pytest.mark.parametrize(
    ("override", "left"),
    [
        ("knn_accuracy={domains: []}", {"measure_speed", "table5"}),
        ("speed={domain: null}", {"knn_accuracy", "table3"}),
        ("systems=[r_knn]", {"measure_speed", "table5"}),
        ("systems=[v_knn, adapter]", set()),
        ("domains=[law]", set()),
    ],
)
def test_what_is_not_there_to_be_measured_is_left_out(clone: Any, override: str, left: set[str]) -> None:
    plan = clone.plan("--config", override)
    assert plan.code == 0, plan.text
    assert set(MEASURING) & set(plan.planned) == left


def test_knn_accuracy_is_measured_of_every_seed_and_speed_of_the_first(clone: Any) -> None:
    plan = clone.plan("--config", "seeds=[3, 4]")
    assert {rule: plan.planned[rule] for rule in MEASURING} == {**MEASURING, "knn_accuracy": 2}
    assert "results/mini/knn_accuracy/medical/seed4.json" in plan.text
    assert "results/mini/speed/medical.json" in plan.text


@pytest.mark.parametrize("local", [True, False])
def test_comet_scores_every_run_of_table_2_where_a_model_is_named(clone: Any, tmp_path: Path, local: bool) -> None:
    checkpoint, encoder = tmp_path / "comet" / "checkpoints" / "model.ckpt", tmp_path / "encoder"
    comet = {"model": "wmt20-comet-da", "encoder": None, "batch_sentences": 8}
    if local:
        comet |= {"model": str(checkpoint), "encoder": str(encoder)}
    evaluation = {**MICRO["evaluation"], "metrics": ["bleu", "chrf", "comet"], "comet": comet}
    config = {**copy.deepcopy(MICRO), "evaluation": evaluation}
    name = clone.write_config(f"comet-{local}.yaml", config)
    if local:
        refused = clone.plan("--configfile", name)
        assert refused.code != 0
        assert str(checkpoint) in refused.text and "rule score" in refused.text
        checkpoint.parent.mkdir(parents=True)
        checkpoint.touch()
        (tmp_path / "comet" / "hparams.yaml").touch()
        encoder.mkdir()
    plan = clone.plan("--configfile", name)
    assert plan.planned == {**every_job(2, MICRO_ROUND_JOBS), "score": 2 * 9}, plan.text
    assert "results/micro/scores/off_the_shelf/koran/seed1.comet.json" in plan.text
    assert not re.search(r"scores/off_the_shelf/general/seed\d+\.comet", plan.text)


def test_a_metric_scores_the_variations_whose_differences_are_shown_in_it(clone: Any) -> None:
    config = copy.deepcopy(MICRO)
    config["evaluation"] = {**config["evaluation"], "metrics": ["bleu", "chrf", "ter"]}
    config["adapter"] |= {"sizes": [16], "label_smoothings": {"it": [], "koran": [0.2]}}
    plan = clone.plan("results/micro/tables/controls.csv", "--configfile", clone.write_config("ter.yaml", config))
    scored = re.findall(r"scores/(\w+(?:\.\w+)?)/(\w+)/seed1\.ter\.json", plan.text)
    assert set(scored) == {("adapter", "koran"), ("adapter_smoothing0.2", "koran")}, plan.text


def test_a_gpu_is_for_metrics_that_run_a_model(clone: Any, tmp_path: Path) -> None:
    for name in ("hparams.yaml", "checkpoints/model.ckpt", "encoder/config.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    config = copy.deepcopy(MICRO)
    comet = {"model": str(tmp_path / "checkpoints/model.ckpt"), "encoder": str(tmp_path / "encoder")}
    metrics = {"metrics": ["bleu", "chrf", "comet", "ter"], "comet": {**comet, "batch_sentences": 8}}
    config |= {"device": "cuda", "evaluation": {**config["evaluation"], **metrics}}
    wanted = [f"results/micro/scores/off_the_shelf/koran/seed1.{metric}.json" for metric in ("comet", "ter")]
    plan = clone.plan(*wanted, "--configfile", clone.write_config("gpu.yaml", config), "--resources", "gpu=1")
    jobs = re.findall(r"^rule score:\n.*?output: .*?\.(\w+)\.json\n.*?resources: (.*?)$", plan.text, re.M | re.S)
    assert {metric: "gpu=1" in resources for metric, resources in jobs} == {"comet": True, "ter": False}, plan.text


def test_one_domain(clone: Any) -> None:
    plan = clone.plan("--config", "domains=[koran]")
    assert plan.planned == every_job(1, ROUND_JOBS, sizes=SIZES, measured=False)
    for other in set(MINI["domains"]) - {"koran"}:
        assert f"/adapters/adapter/{other}/" not in plan.text
        assert f"results/mini/scores/adapter/{other}" not in plan.text
        assert f"binarised/{other}" not in plan.text


@pytest.mark.parametrize(
    ("system", "jobs"),
    [
        ("off_the_shelf", {}),
        ("knn_kd", {"build_datastore": 1, "store_neighbours": 1, "train_knn_kd": 1}),
        ("v_knn", {"build_datastore": 1, "tune_v_knn": 1}),
        ("a_knn", {"build_datastore": 1, "train_combiner": 1}),
        ("r_knn", {"build_datastore": 1, "train_combiner": 1}),
        ("r_knn_without_keys", {"build_datastore": 1, "train_combiner": 1}),
        ("adapter", {"train_adapter": 1}),
        ("ink", INK),
        ("ink_r_knn", {**INK, "build_adapted_datastore": 1, "train_combiner": 1}),
    ],
)
def test_one_system_on_one_domain(clone: Any, system: str, jobs: dict[str, int]) -> None:
    config = copy.deepcopy(MINI)
    config["ink"]["max_rounds"] = config["adapter"]["max_epochs"] = 4
    name = clone.write_config(f"one-{system}.yaml", config)
    plan = clone.plan(f"results/mini/scores/{system}/koran/seed1.json", "--configfile", name)
    # the base model is trained on the general domain's text
    common = {"generate_corpus": 1, "learn_vocabulary": 1, "prepare_corpus": 2, "train_base": 1, "evaluate": 1}
    assert plan.planned == {**common, **jobs}, plan.text


def test_a_job_trains_so_many_rounds_and_goes_on_from_those_before(clone: Any) -> None:
    config = copy.deepcopy(MINI)
    config["domains"], config["systems"], config["adapter"]["sizes"] = ["koran"], ["ink"], []
    config["ink"].update(ablations=[], max_rounds=7, rounds_per_job=3)
    plan = clone.plan("--printshellcmds", "--configfile", clone.write_config("rounds.yaml", config))
    assert plan.code == 0, plan.text
    reported = re.findall(r"ink .* train-ink-round .* --round (\d+) --last (\d+) (.*) --output (\S+)", plan.text)
    folder = "work/mini/ink/ink/koran/seed1/rounds"
    assert sorted((first, last, output) for first, last, _, output in reported) == [
        ("1", "3", f"{folder}/1"),
        ("4", "6", f"{folder}/4"),
        ("7", "7", f"{folder}/7"),
    ]
    before = {first: re.findall(r"--previous (\S+)", files) for first, _, files, _ in reported}
    assert before == {"1": [], "4": [f"{folder}/1"], "7": [f"{folder}/4"]}
    (averaged,) = re.findall(r"ink .* finish-ink .*", plan.text)
    assert re.findall(r"--round (\S+)", averaged) == [f"{folder}/{first}" for first in (1, 4, 7)]
    refused = clone.plan(f"{folder}/2", "--configfile", "rounds.yaml")
    assert refused.code != 0 and "MissingRuleException" in refused.text


def test_processes_that_train_together_take_the_cores_of_their_job_each(clone: Any) -> None:
    config = copy.deepcopy(MINI)
    config["threads"] |= {"base_model": 2, "training": 3}
    for section, processes in ((config["base_model"]["train"], 2), (config["training"], 3), (config["knn_kd"], 4)):
        section["processes"] = processes
    name = clone.write_config("processes.yaml", config)
    plan = clone.plan("--cores", "64", "--config", "domains=[koran]", "--configfile", name)
    cores = dict(re.findall(r"^rule (\w+):\n(?:    .+\n)*?    threads: (\d+)$", plan.text, flags=re.MULTILINE))
    expected = {"train_base": "4", "train_adapter": "9", "train_ink_round": "9", "train_knn_kd": "12"}
    assert {rule: cores.get(rule) for rule in expected} == expected
    assert cores["train_combiner"] == "3"


def test_systems_that_are_not_asked_for_are_not_planned(clone: Any) -> None:
    planned = clone.plan("--config", "systems=[adapter]", "domains=[koran]").planned
    assert planned["evaluate"] == 1 + SIZES
    assert not {
        "build_datastore",
        "store_neighbours",
        "train_knn_kd",
        "tune_v_knn",
        "train_combiner",
        "train_ink_round",
        "finish_ink",
        "build_adapted_datastore",
    } & set(planned)


def test_every_seed_trains_and_what_is_not_trained_runs_once(clone: Any) -> None:
    plan = clone.plan("--config", "seeds=[1, 2]", "domains=[koran]")
    expected = every_job(1, ROUND_JOBS, measured=False)
    expected.update(
        train_knn_kd=2,
        train_adapter=2 * (1 + SIZES),
        train_ink_round=2 * (1 + SIZES) * ROUND_JOBS,
        finish_ink=2 * (1 + SIZES),
    )
    expected["train_combiner"] = 3 * 2
    expected["build_adapted_datastore"] = 2
    expected["evaluate"] = 1 + 1 + 1 + 7 * 2 + 2 * SIZES * 2
    assert plan.planned == expected


def test_a_datastore_in_shards_is_built_by_a_job_for_each_and_one_that_joins_them(clone: Any) -> None:
    """Where a domain has several; the refresh inside INK's rounds stays one pass."""
    config = copy.deepcopy(MINI)
    config["domains"], config["systems"] = ["law", "koran"], ["off_the_shelf", "v_knn", "ink", "ink_r_knn"]
    config["datastore"]["shards"] = {"law": 1, "koran": 3}
    plan = clone.plan("--configfile", clone.write_config("sharded.yaml", config))
    assert plan.code == 0, plan.text
    built = {rule: count for rule, count in plan.planned.items() if "datastore" in rule}
    assert built == {
        "build_datastore": 1,
        "build_datastore_shard": 3,
        "join_datastore": 1,
        "build_adapted_datastore": 1,
        "build_adapted_datastore_shard": 3,
        "join_adapted_datastore": 1,
    }
    assert "work/mini/datastores/shards/decoder_output/koran/3of3" in plan.text
    assert "work/mini/datastores/shards/ink/koran/seed1/1of3" in plan.text
    assert "law/1of" not in plan.text


def test_nested_overrides_are_accepted(clone: Any) -> None:
    plan = clone.plan("--config", "ink={alpha: 0.3, k: {medical: 4, law: 8, it: 8, koran: 16}}", "domains=[koran, law]")
    assert plan.code == 0, plan.text
    assert plan.planned == every_job(2, ROUND_JOBS, sizes=SIZES, measured=False)


def test_what_a_whole_experiment_lacks_is_missed(clone: Any) -> None:
    """A file with a version has every setting, such as one of results/ that was cut short."""
    for section, key in (("ink", "beta"), ("training", "patience"), ("v_knn", None)):
        config = copy.deepcopy(MICRO)
        if key is None:
            del config[section]
        else:
            del config[section][key]
        plan = clone.plan("--configfile", clone.write_config("incomplete.yaml", config))
        assert plan.code != 0
        assert f"configuration: {section if key is None else f'{section}.{key}'}: missing; allowed:" in plan.text


def test_what_an_experiment_s_file_lacks_is_the_default_and_never_another_file_s(clone: Any) -> None:
    """config.yaml, the default experiment, has other domains, scale and further sizes."""
    config = {
        "experiment": "short",
        "domains": ["koran"],
        "device": "cpu",
        "precision": "fp32",
        "systems": ["off_the_shelf", "ink"],
        "data": {**SHIPPED["data"], "synthetic": {"sentences": SHIPPED["data"]["synthetic"]["sentences"]}},
        "text": {"source_tokeniser_language": "de", "target_tokeniser_language": "en", "bpe_merges": 300},
        "base_model": {"train": {**SHIPPED["base_model"]["train"], "batch_tokens": 4000}},
    }
    plan = clone.plan("--configfile", clone.write_config("short.yaml", config))
    assert plan.code == 0, plan.text
    rounds = 200  # the paper's, one a job
    assert (plan.planned["train_ink_round"], plan.planned["evaluate"]) == (rounds, 3)
    assert "knn_accuracy" not in plan.planned and "train_adapter" not in plan.planned
    config["text"].pop("bpe_merges")
    refused = clone.plan("--configfile", clone.write_config("short.yaml", config))
    assert "text.bpe_merges: null; allowed: a whole number" in refused.text
    config["text"] = {"bpe_merges": 300}
    refused = clone.plan("--configfile", clone.write_config("short.yaml", config))
    assert "text.source_tokeniser_language: missing; allowed: a language code" in refused.text
    del config["domains"]
    refused = clone.plan("--configfile", clone.write_config("short.yaml", config))
    assert "domains: missing; allowed: a list of different domains, not empty" in refused.text


def test_another_experiment_s_file_decides_alone(clone: Any) -> None:
    plan = clone.plan("--configfile", "micro.yaml")
    assert plan.planned == every_job(2, MICRO_ROUND_JOBS)
    assert "work/micro/" in plan.text
    assert "work/mini" not in plan.text


@pytest.mark.failure(
    "Config",
    "a setting that does not exist",
    "`configuration: ink.alhpa: unknown key, found '0.2' (text); allowed: ...; did you mean alpha? "
    "[config/wrong-setting]` before the "
    "first job",
)
@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("ink={alpha: -1}", "ink.alpha: found -1; allowed: a number of at least 0"),
        ("ink={alhpa: 0.2}", "ink.alhpa: unknown key, found '0.2' (text); allowed: "),
        ("alpha=0.2", "alpha: unknown key, found 0.2; allowed: "),
        ("domains=[koran, lwa]", "domains[1]: found the unknown domain lwa; allowed: "),
        ("systems=[inkk]", "systems[0]: found 'inkk' (text); allowed: "),
        ("decoding={beam: many}", "decoding.beam: found 'many' (text); allowed: a whole number"),
        ("v_knn={k: 100000}", "v_knn.k: found 100000; allowed: "),
    ],
)
def test_a_wrong_config_stops_with_one_message(clone: Any, override: str, message: str) -> None:
    plan = clone.plan("--config", override)
    assert plan.code != 0
    assert plan.text.count(message) == 1, plan.text
    assert "Traceback" not in plan.text
    assert "Job stats" not in plan.text


@pytest.mark.failure(
    "Config",
    "a setting given twice, of which YAML would silently keep the last",
    "`config.yaml, line 196: not valid YAML: the key 'experiment' is given twice "
    "[config/not-yaml]` before the first job",
)
def test_a_setting_given_twice_stops_the_workflow_too(clone: Any) -> None:
    """Snakemake reads the file itself, and sees nothing."""
    clone.write_config("twice.yaml", MINI)
    with (clone.path / "twice.yaml").open("a", encoding="utf-8") as file:
        file.write("experiment: other\n")
    plan = clone.plan("--configfile", "twice.yaml")
    assert plan.code != 0
    assert re.search(r"twice\.yaml, line \d+: not valid YAML: the key 'experiment' is given twice", plan.text), (
        plan.text
    )
    assert "Traceback" not in plan.text and "Job stats" not in plan.text


def own_corpus(folder: Path | str) -> dict[str, Any]:
    config = load(REPOSITORY / "config" / "own-corpus.yaml")
    config["data"]["files"]["pattern"] = f"{folder}/{{domain}}.{{split}}.{{language}}"
    for name in ("path", "bpe_codes", "source_dictionary", "target_dictionary"):
        config["base_model"][name] = f"{folder}/{name}"
    return config


def test_files_are_checked_only_for_jobs_that_will_run(clone: Any, tmp_path: Path) -> None:
    """An own corpus of which only one domain is there yet; the other's train is put together from two sources."""
    config = own_corpus(tmp_path)
    named = [f"{tmp_path}/{source}.{{language}}" for source in ("memory", "general")]
    config["data"]["files"]["train_from"] = {"koran": [{"pattern": pattern, "weight": 1} for pattern in named]}
    name = clone.write_config("own.yaml", config)
    for file in ("path", "bpe_codes", "source_dictionary", "target_dictionary", "it.test.de", "it.test.en"):
        (tmp_path / file).touch()
    for file in ("it.dev.de", "it.dev.en"):
        (tmp_path / file).touch()
    one = clone.plan("results/own-corpus/scores/off_the_shelf/it/seed1.json", "--configfile", name)
    assert one.code == 0, one.text
    assert one.planned == {"adopt_vocabulary": 1, "ingest_corpus": 1, "prepare_corpus": 1, "evaluate": 1}
    missing = clone.plan("--configfile", name)
    assert missing.code != 0
    assert all(f"{tmp_path}/{file}" in missing.text for file in ("memory.de", "general.en", "koran.dev.de"))
    assert f"{tmp_path}/koran.train.de" not in missing.text
    assert "Traceback" not in missing.text


@pytest.mark.failure(
    "Paths and places",
    "a path in the config with blanks, quotes, umlauts or `$`, such as `base_model.path: ~/Jörg's $HOME/model.pt`",
    "it is one word in every command of the workflow",
)
def test_a_domain_without_training_text_is_scored_and_not_adapted(
    clone: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = own_corpus("~/Jörg's Texte & $HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "Jörg's Texte & $HOME"
    folder.mkdir()
    for domain, splits in config["data"]["files"]["splits"].items():
        for split in splits:
            for language in ("de", "en"):
                (folder / f"{domain}.{split}.{language}").touch()
    for file in ("path", "bpe_codes", "source_dictionary", "target_dictionary"):
        (folder / file).touch()
    plan = clone.plan("--printshellcmds", "--configfile", clone.write_config("own.yaml", config))
    expected = every_job(1, config["ink"]["max_rounds"])  # one a job
    for rule in ("generate_corpus", "learn_vocabulary", "train_base"):
        del expected[rule]
    expected.update(adopt_vocabulary=1, ingest_corpus=3, prepare_corpus=3, evaluate=9 + 1 + 1)
    assert plan.planned == expected
    assert "scores/ink/it" not in plan.text
    # what a person gives is one word of a command, whatever a shell would make of it
    commands = re.findall(r"^ *(?:Shell command: )?(ink --log .*)$", plan.text, flags=re.MULTILINE)
    given = [words[words.index("--base-model") + 1] for words in map(shlex.split, commands) if "--base-model" in words]
    assert len(given) > 20 and set(given) == {f"{folder}/path"}


def test_controls_are_trained_scored_and_get_a_table_where_there_are_any(clone: Any) -> None:
    config = copy.deepcopy(MINI)
    config["domains"], config["systems"] = ["law", "koran"], ["off_the_shelf", "adapter", "ink"]
    config["adapter"] |= {"sizes": [], "label_smoothings": [0.2], "dropouts": {"law": [], "koran": [0.3]}}
    config["ink"] |= {"ablations": [], "controls": {"law": [], "koran": ["exact_neighbours"]}}
    plan = clone.plan("--configfile", clone.write_config("controls.yaml", config))
    assert plan.code == 0, plan.text
    jobs = {rule: plan.planned[rule] for rule in ("train_adapter", "train_ink_round", "finish_ink", "table_controls")}
    assert jobs == {"train_adapter": 2 + 3, "train_ink_round": 2 + 1, "finish_ink": 2 + 1, "table_controls": 1}
    (inputs,) = re.findall(r"rule table_controls:\n    input: (.*)\n", plan.text)
    scored = sorted(path for path in inputs.split(", ") if "/scores/" in path)
    assert [path.removeprefix("results/mini/scores/") for path in scored] == [
        *("adapter/koran/seed1.json", "adapter/law/seed1.json", "adapter_dropout0.3/koran/seed1.json"),
        *("adapter_smoothing0.2/koran/seed1.json", "adapter_smoothing0.2/law/seed1.json"),
        *("ink/koran/seed1.json", "ink_exact_neighbours/koran/seed1.json"),
    ]
    assert "tables/controls" not in clone.plan().text


def test_a_search_trains_every_point_and_chooses_among_them(clone: Any) -> None:
    """Nothing but the chosen adapter is scored on test."""
    config = copy.deepcopy(MINI)
    config["domains"], config["systems"] = ["koran"], ["off_the_shelf", "ink"]
    config["adapter"]["sizes"] = config["ink"]["ablations"] = []
    config["ink"].update(search=True, search_over=[0.1, 0.3], max_rounds=2, rounds_per_job=1)
    plan = clone.plan("--configfile", clone.write_config("search.yaml", config))
    assert plan.code == 0, plan.text
    jobs = {rule: plan.planned[rule] for rule in ("train_ink_round", "finish_ink", "choose_ink", "evaluate")}
    assert jobs == {"train_ink_round": 4 * 2, "finish_ink": 4, "choose_ink": 1, "evaluate": 3}
    assert "/adapters/ink_alpha0.1_beta0.3/koran/seed1" in plan.text
    assert "scores/ink_alpha" not in plan.text


def test_a_vocabulary_that_is_too_small_stops_the_workflow_before_its_first_job(
    fresh_workspace: Any, tmp_path: Path
) -> None:
    workspace = fresh_workspace(tmp_path / "ink")
    config = copy.deepcopy(MICRO)
    config["base_model"] = {"train": None}
    for name in ("path", "bpe_codes", "source_dictionary", "target_dictionary"):
        (tmp_path / name).write_text("a 1\nb 1\n", encoding="utf-8")
        config["base_model"][name] = str(tmp_path / name)
    config["text"]["bpe_merges"] = None
    config["r_knn"]["top_probabilities"] = 7
    workspace.write_config("config/config.yaml", config)
    refused = workspace.snakemake("--cores", "1", "--until", "adopt_vocabulary")
    assert refused.code == 1
    assert f"r_knn.top_probabilities is 7, but {tmp_path}/target_dictionary has 6 tokens; set it to 6" in refused.text
    assert not (workspace.path / "work").exists()
