"""A trained system in a folder of its own, far from its experiment: every kind translates there as it was scored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ink.config import load_resolved
from ink.results.run_measures import measures_of
from ink.runtime.whole_files import read_json, read_lines
from ink.serving.answers import answers
from ink.serving.system_folder import load_system_folder, make_system_folder
from ink.systems.known_systems import SYSTEMS
from ink.systems.layout import Layout, Run
from ink.tools.model_card import Subject, model_card

RESULTS = Path("results/micro")


@pytest.mark.parametrize("system", SYSTEMS)
def test_it_translates_as_it_was_scored(
    micro: Any, system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = micro[0].path
    monkeypatch.chdir(workspace)
    layout, run = Layout(load_resolved(RESULTS / "config.yaml")), Run(system, "koran", 1)
    make_system_folder(layout, run, tmp_path / "elsewhere" / "system")
    # nothing of the experiment is below this folder
    monkeypatch.chdir(tmp_path / "elsewhere")
    translator = load_system_folder(Path("system"), print)
    source = read_lines(workspace / "work/micro/corpus/koran/test.de")
    scored = read_lines(workspace / f"results/micro/hypotheses/{system}/koran/seed1.en")
    assert answers(translator, source) == scored
    # what is large comes along only where it is read
    keys = list(Path("system").rglob("keys.npy"))
    assert bool(keys) == (system in ("r_knn", "ink_r_knn"))
    monkeypatch.chdir(workspace)
    measures = measures_of(RESULTS, layout.config, run, translator.model.fingerprint)
    assert measures is not None
    card = model_card(Subject.of(layout, run, RESULTS), measures)
    assert card.startswith(f"# {SYSTEMS[system].label} for koran\n")
    assert f"| BLEU | {measures.measures[0].score.score:.2f} [" in card


def test_an_adapter_s_card_is_beside_it_as_the_job_wrote_it(micro: Any) -> None:
    for system in ("adapter", "ink"):
        folder = micro[0].path / f"work/micro/adapters/{system}/koran/seed1"
        card = (folder / "card.md").read_text(encoding="utf-8")
        counted = read_json(micro[0].path / "results/micro/corpus/koran.json")["sentences"]["train"]
        assert f"koran, {counted:,} pairs" in card
        scores = f"results/micro/scores/{system}/koran/seed1.json"
        assert f"the test set is translated after training. They are in `{scores}`" in card
        assert f"`ink {'finish-ink' if system == 'ink' else 'train-adapter'} --config results/micro/config.yaml" in card


def test_a_device_of_its_own_takes_the_place_of_the_config_s(
    micro: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(micro[0].path)
    config = load_resolved(RESULTS / "config.yaml")
    trained_on_a_gpu = {**config, "device": "cuda", "precision": "fp16", "index": {**config["index"], "device": "cuda"}}
    make_system_folder(Layout(trained_on_a_gpu), Run("ink", "koran", 1), tmp_path / "system", "cpu")
    found = load_resolved(tmp_path / "system" / "config.yaml")
    assert (found["device"], found["precision"], found["index"]["device"]) == ("cpu", "fp32", "cpu")
    load_system_folder(tmp_path / "system", print)
