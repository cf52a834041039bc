"""`ink convert-adapter`: what AdapterHub's library is given, and that transformers then translates as ink does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from nmt.small_huggingface import KINDS, load
from safetensors.torch import load_file

from ink.cli import ink
from ink.nmt.adapter import write_adapter
from ink.nmt.domain_files import Domain
from ink.nmt.huggingface.architectures import ARCHITECTURES
from ink.nmt.huggingface.hub_record import HubRecord
from ink.nmt.huggingface.library_interface import adapter_name, bottleneck, interface, library_weights
from ink.runtime.errors import InkError

INNER = 5  # of 16, which it does not divide
NAME = "ink-koran"
LAYERS = [f"{side}_{number}" for side in ("encoder", "decoder") for number in (0, 1)]
NORM_FIRST = ("m2m_100", "nllb", "mbart", "mbart50")

AdapterOf = Callable[[str], tuple[Domain, Path]]


@pytest.fixture(scope="module")
def adapter_of(tiny: Any, domain_of: Callable[[str], Domain], tmp_path_factory: pytest.TempPathFactory) -> AdapterOf:
    """`adapter_of(kind)`: a domain with such a model, and an adapter of it with random weights."""

    @cache
    def make(kind: str) -> tuple[Domain, Path]:
        domain = domain_of(kind)
        model = load(tiny, domain)
        torch.manual_seed(1)
        model.attach_adapters(INNER, 0.0, "default")
        weights = {name: value + 0.5 * torch.randn_like(value) for name, value in model.adapter_weights().items()}
        path = tmp_path_factory.mktemp(f"adapter-{kind}") / "adapter.safetensors"
        origin = {"system": "ink", "domain": "koran", "seed": 1}
        write_adapter(path, weights, base_model=model.base_fingerprint, **origin)
        return domain, path

    return make


def converted(adapter: Path, output: Path, base_model: Path) -> Result:
    return CliRunner().invoke(ink, ["convert-adapter", str(adapter), str(output), "--base-model", str(base_model)])


def written(adapter_of: AdapterOf, kind: str, output: Path) -> Path:
    domain, adapter = adapter_of(kind)
    done = converted(adapter, output, domain.base_model)
    assert done.exit_code == 0, done.exception
    return output


def code_of(folder: Path) -> str:
    found = re.search(r"```python\n(.+?)```", (folder / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


# what is written; the library is not needed


@pytest.mark.parametrize("kind", KINDS)
def test_every_layer_has_its_weights_under_the_library_s_names(
    adapter_of: AdapterOf, kind: str, tmp_path: Path
) -> None:
    folder = written(adapter_of, kind, tmp_path / "out")
    found, own = load_file(folder / "adapter.safetensors"), load_file(adapter_of(kind)[1])
    expected = {}
    for layer in LAYERS:
        side, number = layer.split("_")
        place = f"model.{side}.layers.{number}.output_adapters.adapters.{NAME}"
        for end in ("weight", "bias"):
            expected[f"{place}.adapter_norm_before.{end}"] = own[f"{layer}.layer_norm.{end}"]
            expected[f"{place}.adapter_down.0.{end}"] = own[f"{layer}.layer_norm.{end}"]
            expected[f"{place}.adapter_down.1.{end}"] = own[f"{layer}.down.{end}"]
            expected[f"{place}.adapter_up.{end}"] = own[f"{layer}.up.{end}"]
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert found[f"model.encoder.layers.0.output_adapters.adapters.{NAME}.adapter_down.1.weight"].shape == (INNER, 16)


@pytest.mark.parametrize("kind", KINDS)
def test_settings_say_where_it_stands_and_what_it_computes(adapter_of: AdapterOf, kind: str, tmp_path: Path) -> None:
    folder = written(adapter_of, kind, tmp_path / "out")
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    bottleneck_of_it = config.pop("config")
    classes = {"fsmt": "FSMTForConditionalGeneration", "marian": "MarianMTModel", "marian_two": "MarianMTModel"}
    types = {"marian_two": "marian", "nllb": "m2m_100", "mbart50": "mbart"}
    usual = "MBartForConditionalGeneration" if kind.startswith("mbart") else "M2M100ForConditionalGeneration"
    assert config == {
        "hidden_size": 16,
        "model_class": classes.get(kind, usual),
        "model_name": "model",
        "model_type": types.get(kind, kind),
        "name": NAME,
        "version": "adapters.1.3.0",
    }
    first = kind in NORM_FIRST
    assert (bottleneck_of_it["ln_before"], bottleneck_of_it["original_ln_before"]) == (True, first)
    places = json.loads((folder / "adapter_interface.json").read_text(encoding="utf-8"))["interface"]
    assert places["layer_output_proj"] == ("fc2" if first else "final_layer_norm")
    assert places.get("layer_pre_ffn") == ("final_layer_norm" if first else None)
    assert len({file.stat().st_mode for file in folder.iterdir()}) == 1


@pytest.mark.parametrize("dimension", [10, 16, 49, 512, 1000, 1024])
def test_the_library_s_division_gives_the_inner_dimension(dimension: int) -> None:
    for inner in range(1, 2 * dimension):
        factor = bottleneck(ARCHITECTURES["marian"], dimension, inner)["reduction_factor"]
        assert int(dimension // json.loads(json.dumps(factor))) == inner


def test_no_two_names_share_a_tensor_which_safetensors_does_not_write() -> None:
    found = library_weights({"encoder_0.layer_norm.weight": torch.ones(4)}, "a")
    assert len({tensor.data_ptr() for tensor in found.values()}) == len(found) == 2


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        ({"system": "ink", "domain": "koran"}, "ink-koran"),
        ({"system": "adapter", "domain": "it/v1.2 neu"}, "adapter-it_v1_2_neu"),
        ({"system": "ink"}, "ink"),
        ({}, "ink"),
    ],
)
def test_it_is_named_by_what_it_was_trained_as(metadata: dict[str, str], name: str) -> None:
    assert adapter_name(metadata) == name


def test_a_card_goes_along_and_a_model_of_the_hub_is_named_with_its_commit(
    adapter_of: AdapterOf, tmp_path: Path
) -> None:
    domain, adapter = adapter_of("marian")
    model = tmp_path / "models" / "main"
    model.mkdir(parents=True)
    for file in domain.base_model.iterdir():
        (model / file.name).symlink_to(file)
    HubRecord("Helsinki-NLP/opus-mt-de-en", "main", "c" * 40, "apache-2.0", {}).write(model)
    beside = tmp_path / "adapter.safetensors"
    beside.write_bytes(adapter.read_bytes())
    beside.with_name("card.md").write_text("# INK for koran\n", encoding="utf-8")
    assert converted(beside, tmp_path / "out", model).exit_code == 0
    text = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert text.startswith("---\nlibrary_name: adapters\ntags:\n- adapter-transformers\n- translation\n- marian\n")
    assert 'base_model: "Helsinki-NLP/opus-mt-de-en"\n---\n\n# ink-koran\n' in text
    assert f'from_pretrained("Helsinki-NLP/opus-mt-de-en", revision="{"c" * 40}")' in text
    assert "| licence of the base model | `apache-2.0` |" in text and "[card.md](card.md)" in text
    assert (tmp_path / "out" / "card.md").read_text(encoding="utf-8") == "# INK for koran\n"
    settings = json.loads((tmp_path / "out" / "adapter_config.json").read_text(encoding="utf-8"))
    assert settings["model_name"] == "Helsinki-NLP/opus-mt-de-en"


@pytest.mark.failure(
    "Models and adapters",
    "`ink convert-adapter` with a model that the adapter was not trained on, with a fairseq model, or into a folder "
    "that is not empty",
    "refused in one line, and nothing is written",
)
@pytest.mark.parametrize("case", ["other model", "fairseq", "a folder with something in it", "other layers"])
def test_what_does_not_belong_together_is_refused(tiny: Any, adapter_of: AdapterOf, tmp_path: Path, case: str) -> None:
    domain, adapter = adapter_of("marian")
    output, model, code = tmp_path / "out", domain.base_model, "adapter/other-base-model"
    if case == "other model":
        model = adapter_of("nllb")[0].base_model
    elif case == "fairseq":
        model, code = tiny.base_model, "model/missing"
    elif case == "other layers":
        weights = {name: value for name, value in load_file(adapter).items() if not name.startswith("decoder_1.")}
        adapter = tmp_path / "adapter.safetensors"
        write_adapter(adapter, weights, base_model=load(tiny, domain).base_fingerprint)
    else:
        output, code = tmp_path, "folder/not-empty"
        (tmp_path / "kept").write_text("mine")
    before = sorted(tmp_path.iterdir())
    done = converted(adapter, output, model)
    assert isinstance(done.exception, InkError), done.output
    assert done.exception.code == code and "\n" not in str(done.exception)
    assert sorted(tmp_path.iterdir()) == before


# with the library; the README's code is run as it stands


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], tuple[Any, list[str]]]:
    """`loaded(folder)`: the model that the README's code makes, and what it translates."""
    from transformers import AutoTokenizer

    # these tokenisers have no file of the fast ones, which need one or protobuf
    monkeypatch.setattr(AutoTokenizer, "from_pretrained", partial(AutoTokenizer.from_pretrained, use_fast=False))

    def run(folder: Path) -> tuple[Any, list[str]]:
        printed: list[str] = []
        known: dict[str, Any] = {"print": printed.extend}
        exec(compile(code_of(folder), "README.md", "exec"), known)
        return known["model"], printed

    return run


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_transformers_translates_with_it_as_ink_does(
    tiny: Any, adapter_of: AdapterOf, loaded: Any, kind: str, tmp_path: Path
) -> None:
    pytest.importorskip("adapters")
    domain, adapter = adapter_of(kind)
    own = domain.load_model(tiny.settings, adapter=adapter)
    without = load(tiny, domain)
    model, printed = loaded(written(adapter_of, kind, tmp_path / "out"))
    assert len(printed) == 1
    batch = own.parallel_text(domain.data, "train").batch([30, 0, 7])  # of different lengths
    mask = (torch.arange(batch.source.shape[1]) < batch.source_lengths.unsqueeze(1)).long()
    source = {"input_ids": batch.source, "attention_mask": mask}
    with_adapter, theirs, unadapted = (
        network(**source, decoder_input_ids=batch.decoder_input, use_cache=False).logits
        for network in (own.network, model, without.network)
    )
    assert torch.allclose(theirs, with_adapter, rtol=0, atol=1e-5 * float(with_adapter.abs().max()))
    assert not torch.allclose(theirs, unadapted, rtol=0, atol=1e-2)
    start = model.config.decoder_start_token_id or model.config.eos_token_id
    for beam in (1,) if kind == "marian_two" else (1, 3):  # transformers takes the target's types for the source's
        how = {"num_beams": beam, "max_new_tokens": 12, "do_sample": False, "decoder_start_token_id": start}
        found = model.generate(**source, **how)
        model.set_active_adapters(None)
        base = model.generate(**source, **how)
        model.set_active_adapters(NAME)
        assert torch.equal(found, own.network.generate(**source, **how, generation_config=model.generation_config))
        assert not torch.equal(found, base)


@torch.no_grad()
@pytest.mark.parametrize("kind", ["mbart", "mbart50"])
def test_the_library_s_own_mbart_takes_it_without_an_interface(
    tiny: Any, adapter_of: AdapterOf, kind: str, tmp_path: Path
) -> None:
    adapters = pytest.importorskip("adapters")
    from transformers import MBartForConditionalGeneration

    domain, adapter = adapter_of(kind)
    folder = written(adapter_of, kind, tmp_path / "out")
    model = MBartForConditionalGeneration.from_pretrained(domain.base_model).eval()
    adapters.init(model)
    model.load_adapter(str(folder), use_safetensors=True, set_active=True)
    own = domain.load_model(tiny.settings, adapter=adapter)
    batch = own.parallel_text(domain.data, "train").batch([3])
    theirs, with_adapter = (
        network(input_ids=batch.source, decoder_input_ids=batch.decoder_input).logits
        for network in (model, own.network)
    )
    assert torch.allclose(theirs, with_adapter, rtol=0, atol=1e-5 * float(with_adapter.abs().max()))


@pytest.mark.parametrize("kind", ["fsmt", "m2m_100"])
def test_the_library_knows_every_setting_and_misses_no_weight(
    adapter_of: AdapterOf, loaded: Any, kind: str, tmp_path: Path
) -> None:
    adapters = pytest.importorskip("adapters")
    folder = written(adapter_of, kind, tmp_path / "out")
    architecture = ARCHITECTURES[kind]
    known = adapters.BnConfig.__dataclass_fields__
    assert bottleneck(architecture, 16, INNER).keys() <= known.keys()
    assert adapters.AdapterModelInterface(**interface(architecture)).adapter_methods == ["bottleneck"]
    model, _ = loaded(folder)
    reported: dict[str, Any] = {}
    model.load_adapter(str(folder), use_safetensors=True, load_as="again", loading_info=reported)
    assert reported == {"missing_keys": [], "unexpected_keys": []}
