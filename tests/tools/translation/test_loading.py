"""What `ink translate` loads is what the experiment has trained, and where the workflow keeps it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from ink.config.sections.base_system import Index
from ink.datastore.build import Extraction, build_datastore
from ink.nmt.adapter import write_adapter
from ink.runtime.errors import InkError
from ink.runtime.whole_files import write_json
from ink.systems.layout import Layout
from ink.tools.translation.lines import Line
from ink.tools.translation.translator import load_translator, load_translator_with_adapter

WORK = Path("work/small")


@pytest.fixture
def experiment(tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """An experiment with an INK adapter, its datastore and a combiner that keeps to the neighbours, as if trained."""
    monkeypatch.chdir(tmp_path)
    settings = tiny.settings
    config = {**settings.plain(), "experiment": "small", "seeds": [3]}
    config["base_model"] = {"path": str(tiny.base_model)}
    shutil.copytree(tiny.vocabulary, WORK / "vocabulary")
    for name, folder in (("corpus", tiny.corpus), ("binarised", tiny.data)):
        shutil.copytree(folder, WORK / name / "koran")
    model = tiny.domain.load_model(settings)
    model.attach_adapters(4, dropout=0.0)
    drawn = torch.Generator().manual_seed(5)
    for parameter in model.network.adapters.parameters():
        parameter.data = 0.3 * torch.randn(parameter.shape, generator=drawn)
    write_adapter(adapter_of(3), model.adapter_weights(), base_model=model.base_fingerprint)
    dataset = model.parallel_text(tiny.domain.data, "train")
    store, exact = WORK / "datastores/ink/koran/seed3", Index(type="exact")
    build_datastore(Extraction(model, dataset, tiny.domain.data.fingerprint, "decoder_output", 500), store, exact)
    described = {"combiner": "vanilla", "settings": {"k": 2, "lambda": 0.99, "temperature": 1e-3}}
    write_json(WORK / "combiners/ink_r_knn/koran/seed3/combiner.json", {**described, "chosen": {}, "tried": []})
    return config


def adapter_of(seed: int) -> Path:
    return WORK / f"adapters/ink/koran/seed{seed}/adapter.safetensors"


def test_r_knn_on_top_of_ink_is_loaded_with_its_adapter_datastore_and_combiner(
    tiny: Any, experiment: dict[str, Any]
) -> None:
    loaded = load_translator(Layout(experiment), tiny.settings, "ink_r_knn", "koran", None, print).system
    adapted = tiny.domain.load_model(tiny.settings, adapter=adapter_of(3))
    assert loaded.model.fingerprint == adapted.fingerprint != adapted.base_fingerprint
    assert loaded.files == {
        "adapter.safetensors": adapter_of(3),
        **{name: WORK / "datastores/ink/koran/seed3" / name for name in ("index.faiss", "values.npy")},
    }


@pytest.mark.parametrize(
    "lost", ["adapters/ink/koran/seed3", "datastores/ink/koran/seed3", "combiners/ink_r_knn/koran/seed3"]
)
def test_what_is_missing_is_named_with_the_command_that_makes_it(
    tiny: Any, experiment: dict[str, Any], lost: str
) -> None:
    shutil.rmtree(WORK / lost)
    with pytest.raises(InkError, match=rf"{lost}.* INK \+ R-kNN has not been trained for koran; .*scores/ink_r_knn/"):
        load_translator(Layout(experiment), tiny.settings, "ink_r_knn", "koran", None, print)


def test_an_adapter_file_is_loaded_on_the_experiment_s_base_model(
    tiny: Any, experiment: dict[str, Any], tmp_path: Path
) -> None:
    """From wherever it was copied to, with no domain's text and nothing that was trained beside it."""
    by_system = load_translator(Layout(experiment), tiny.settings, "ink", "koran", None, print)
    carried = Path(shutil.copy(adapter_of(3), tmp_path / "carried.safetensors"))
    for place in ("adapters", "corpus", "binarised", "datastores", "combiners"):
        shutil.rmtree(WORK / place)
    by_file = load_translator_with_adapter(Layout(experiment), tiny.settings, carried, print)
    assert by_file.system.model.fingerprint == by_system.system.model.fingerprint
    assert by_file.system.files == {"carried.safetensors": carried}
    lines = [Line(1, "Gott sieht das Wort ."), Line(2, ""), Line(3, "der Text meldet kein Signal heute .")]
    assert by_file.translate(lines, 2) == by_system.translate(lines, 2)


def test_an_adapter_file_of_another_base_model_is_refused(tiny: Any, experiment: dict[str, Any]) -> None:
    model = tiny.domain.load_model(tiny.settings, adapter=adapter_of(3))
    more = {"system": "ink", "domain": "law", "seed": 2}
    write_adapter(Path("law.safetensors"), model.adapter_weights(), base_model="0123456789abcdef", **more)
    with pytest.raises(
        InkError, match=rf"system ink, domain law, seed 2.* 0123456789abcdef, but .* is {model.base_fingerprint}"
    ):
        load_translator_with_adapter(Layout(experiment), tiny.settings, Path("law.safetensors"), print)


def test_a_file_that_is_no_adapter_is_refused_before_the_base_model_is_loaded(
    tiny: Any, experiment: dict[str, Any]
) -> None:
    Path("text.safetensors").write_text("no adapter", encoding="utf-8")
    experiment["base_model"] = {"path": "absent.pt"}
    with pytest.raises(InkError, match=r"text\.safetensors is not a whole safetensors file"):
        load_translator_with_adapter(Layout(experiment), tiny.settings, Path("text.safetensors"), print)
