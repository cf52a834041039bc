"""The commands behind Tables 3 and 5, on a small trained experiment."""

from __future__ import annotations

from typing import Any

from ink.runtime.whole_files import read_json

RUN = ("--config", "config.yaml", "--domain", "koran", "--seed", "1")
MODEL = ("--base-model", "model.pt", "--vocabulary", "vocabulary", "--data", "data")
ADAPTER = ("--adapter", "adapter/adapter.safetensors")
ACCURACY = ("knn-accuracy", *RUN, *MODEL, "--datastore", "datastore")
SPEED = ("measure-speed", *RUN, "--output", "speed.json")


def test_knn_accuracy_of_base_model_and_adapted_models(experiment: Any, commands: Any, spelled: Any) -> None:
    def run(store: str) -> Any:
        adapted = [part for system in ("adapter", "ink") for part in ("--adapted", system, ADAPTER[1], store)]
        return commands(*ACCURACY, *adapted, "--output", "found.json", folder=experiment.folder)

    assert "was made with model" in run("datastore").refusal
    assert not experiment.path("found.json").exists()
    built = commands(*spelled("build", *ADAPTER, "--output", "adapted"), folder=experiment.folder)
    assert built.code == 0, built.err
    ended = run("adapted")
    assert ended.code == 0, ended.err
    found = read_json(experiment.path("found.json"))
    assert list(found["models"]) == ["off_the_shelf", "adapter", "ink"]
    assert found["models"]["ink"] == found["models"]["adapter"]  # the same files under both names
    assert found["models"]["ink"]["model"] == read_json(experiment.path("adapted/meta.json"))["model"]
    assert (found["k"], found["bucket_edges"]) == ([4, 8], [0, 50, 150, None])


def test_speed_of_systems_where_the_workflow_keeps_them(experiment: Any, commands: Any) -> None:
    work = experiment.path("work/micro")
    for name, place in (
        ("model.pt", "base_model/model.pt"),
        ("vocabulary", "vocabulary"),
        ("corpus", "corpus/koran"),
        ("data", "binarised/koran"),
        ("adapter/adapter.safetensors", "adapters/adapter/koran/seed1/adapter.safetensors"),
    ):
        (work / place).parent.mkdir(parents=True, exist_ok=True)
        (work / place).symlink_to(experiment.path(name))
    ended = commands(*SPEED, "--system", "off_the_shelf", "--system", "adapter", folder=experiment.folder)
    assert ended.code == 0, ended.err
    found = read_json(experiment.path("speed.json"))
    assert list(found["systems"]) == ["off_the_shelf", "adapter"]
    assert found["systems"]["off_the_shelf"]["model"] != found["systems"]["adapter"]["model"]
    experiment.path("speed.json").unlink()
    message = commands(*SPEED, "--system", "ink", folder=experiment.folder).refusal
    assert "INK has not been trained for koran; run: snakemake --cores all" in message
    assert not experiment.path("speed.json").exists()
