"""`ink convert-adapter`: an adapter file as a folder of AdapterHub's library, for transformers without ink."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from ink.nmt.adapter import Adapter, read_adapter
from ink.nmt.adapter_file import architecture_of, origin_in_words
from ink.nmt.huggingface.architectures import Architecture, NetworkParts
from ink.nmt.huggingface.hub_record import read_hub_record
from ink.nmt.huggingface.library_interface import RELEASE, adapter_name, bottleneck, interface, library_weights
from ink.nmt.huggingface.library_readme import Described, readme
from ink.nmt.huggingface.model_folder import read_model
from ink.nmt.huggingface.networks import load_network, network_fingerprint
from ink.runtime.errors import InkError
from ink.runtime.whole_files import check_free, write_atomically, write_json

# as the library names them
SETTINGS, WEIGHTS, INTERFACE = "adapter_config.json", "adapter.safetensors", "adapter_interface.json"
README, CARD = "README.md", "card.md"


def write_library_adapter(adapter: Path, base_model: Path, output: Path) -> list[str]:
    """Write the folder `output`, which the library's `load_adapter` reads, and return what there is to say of it.

    base_model: the folder of the Hugging Face model that the adapter belongs to. A card beside the adapter goes along.
    Raises InkError where `output` has something in it, or the adapter belongs to another model.
    """
    check_free(output)
    weights, metadata = read_adapter(adapter)
    if not base_model.is_dir():
        raise InkError(
            f"{base_model} is no folder of a Hugging Face model; name the one that the adapter was trained on",
            code="model/missing",
        )
    settings, base_weights = read_model(base_model)
    architecture, network = load_network(base_model, settings, base_weights, None)
    inner_dimension = architecture_of({name: tensor.shape for name, tensor in weights.items()})["inner_dimension"]
    _check_belongs(f"adapter {adapter} {origin_in_words(metadata)}", metadata, base_model, network)
    _check_fits(f"adapter {adapter} {origin_in_words(metadata)}", weights, inner_dimension, base_model, network)
    dimension, kind, name = int(network.config.d_model), str(settings["model_type"]), adapter_name(metadata)
    record, card = read_hub_record(base_model), adapter.with_name(CARD)
    library_settings = {
        "config": bottleneck(architecture, dimension, inner_dimension),
        "hidden_size": dimension,
        "model_class": _library_class(architecture),
        "model_name": base_model.name if record is None else record.hub,
        "model_type": kind,
        "name": name,
        "version": RELEASE,
    }
    described = Described(
        name,
        kind,
        metadata,
        folder=output,
        base_model=base_model,
        record=record,
        interface=INTERFACE,
        norm_first=architecture.norm_first,
        card=CARD if card.is_file() else None,
    )
    with write_atomically(output) as folder:
        folder.mkdir()
        write_json(folder / SETTINGS, library_settings)
        write_json(folder / INTERFACE, {"interface": interface(architecture), "model_type": kind, "version": RELEASE})
        save_file(library_weights(weights, name), folder / WEIGHTS, metadata={"format": "pt"})
        # safetensors lets nobody else read it
        (folder / WEIGHTS).chmod((folder / SETTINGS).stat().st_mode)
        if described.card is not None:
            shutil.copyfile(card, folder / CARD)
        (folder / README).write_text(readme(described), encoding="utf-8")
    return [f"{output}: {name} for the library adapters, of {kind}; its {README} has the code that loads it"]


def _check_belongs(adapter: str, metadata: Mapping[str, Any], base_model: Path, network: Any) -> None:
    found = network_fingerprint(network)
    if metadata["base_model"] != found:
        raise InkError(
            f"{adapter} was trained on base model {metadata['base_model']}, but {base_model} is {found}; use the base "
            "model it was trained on",
            code="adapter/other-base-model",
        )


def _check_fits(
    adapter: str, weights: Mapping[str, Tensor], inner_dimension: int, base_model: Path, network: Any
) -> None:
    """Of a layer without its adapter, or a weight without its layer, the library would say nothing."""
    parts = NetworkParts(network)
    one = Adapter(int(network.config.d_model), max(inner_dimension, 1), 0.0).state_dict()
    expected = {
        f"{side}_{number}.{name}": tensor.shape
        for side, stack in (("encoder", parts.encoder), ("decoder", parts.decoder))
        for number in range(len(stack.layers))
        for name, tensor in one.items()
    }
    if {name: tensor.shape for name, tensor in weights.items()} != expected:
        raise InkError(
            f"{adapter} does not fit the layers of {base_model}; train it again", code="adapter/other-base-model"
        )


def _library_class(architecture: Architecture) -> str:
    """Return the name that transformers has for the network's class."""
    return next(kind.__name__ for kind in architecture.network.mro() if kind.__module__.startswith("transformers."))
