"""ink's adapter in the terms of AdapterHub's library `adapters`: where it stands, what it computes, its weights' names.

The library hooks a part of a layer. A layer that normalises after its blocks ends with a layer norm. Behind that, the
library's bottleneck adapter with a layer norm of its own is ink's: z + W2 relu(W1 LN(z) + b1) + b2. A layer that
normalises first ends with a sum, z = x + h, which no part of it returns. There the adapter stands behind what makes h.
The library remembers x (`layer_pre_ffn`) and adds it before the adapter's own layer norm (`original_ln_before`). That
gives h + W2 relu(W1 LN(x + h) + b1) + b2, and the layer itself adds x.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ink.nmt.huggingface.architectures import Architecture

# the release whose files these are
RELEASE = "adapters.1.3.0"
# the list of all layers, which whoever loads an adapter puts there: a model of transformers' has one for each side
LAYERS = "adapted_layers"
_OF_EVERY_LAYER = {
    "adapter_methods": ["bottleneck"],
    "model_embeddings": "encoder.embed_tokens",
    "model_layers": LAYERS,
    "layer_self_attn": "self_attn",
    "layer_cross_attn": None,
    "attn_q_proj": "q_proj",
    "attn_k_proj": "k_proj",
    "attn_v_proj": "v_proj",
    "attn_o_proj": "out_proj",
    "layer_intermediate_proj": "fc1",
}
# what the library calls the parts of an adapter; it has the layer norm under two names
_PARTS = {"layer_norm": ("adapter_norm_before", "adapter_down.0"), "down": ("adapter_down.1",), "up": ("adapter_up",)}


def interface(architecture: Architecture) -> dict[str, Any]:
    """Return the fields of the library's AdapterModelInterface."""
    if architecture.norm_first:
        return {**_OF_EVERY_LAYER, "layer_output_proj": "fc2", "layer_pre_ffn": "final_layer_norm"}
    return {**_OF_EVERY_LAYER, "layer_output_proj": "final_layer_norm"}


def bottleneck(architecture: Architecture, dimension: int, inner_dimension: int) -> dict[str, Any]:
    """Return the fields of the library's BnConfig, all that bear on what is computed."""
    return {
        "mh_adapter": False,
        "output_adapter": True,
        "cross_adapter": False,
        "is_parallel": False,
        "reduction_factor": _reduction_factor(dimension, inner_dimension),
        "non_linearity": "relu",
        "ln_before": True,
        "ln_after": False,
        "original_ln_before": architecture.norm_first,
        "original_ln_after": True,  # by the layer itself, which the library asks for
        "residual_before_ln": True,
        "adapter_residual_before_ln": False,
        "scaling": 1.0,
        "use_gating": False,
        "phm_layer": False,
        "dropout": 0.0,
        "leave_out": [],
    }


def library_weights(weights: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Return an adapter file's weights as the library names those of an adapter `name`."""
    found = {}
    for own, tensor in weights.items():
        layer, part, kind = own.split(".")
        side, number = layer.split("_")
        for theirs in _PARTS[part]:
            place = f"model.{side}.layers.{number}.output_adapters.adapters.{name}.{theirs}.{kind}"
            found[place] = tensor.clone()  # one tensor of two names is no safetensors file
    return found


def adapter_name(metadata: Mapping[str, Any]) -> str:
    """Return what an adapter is called in the library, of what its file says: a module's name, which has no dots."""
    name = "-".join(str(metadata[key]) for key in ("system", "domain") if key in metadata)
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name) or "ink"


def _reduction_factor(dimension: int, inner_dimension: int) -> float:
    """Return a number by which the library's floor division of the dimension gives the inner one."""
    factor = dimension / inner_dimension
    # a quotient that was rounded up would cost the last unit
    return factor if dimension // factor == inner_dimension else dimension / (inner_dimension + 0.5)
