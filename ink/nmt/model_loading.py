"""Loading a translation model: the base model on its device and in its precision, and an adapter if there is one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ink.nmt.adapter import read_adapter
from ink.nmt.adapter_file import architecture_of, origin_in_words, size_in_words
from ink.nmt.device import torch_device, torch_dtype
from ink.nmt.fairseq.fairseq_model import FairseqBackend
from ink.nmt.translation_model import Backend, TranslationModel
from ink.nmt.weights import check_finite
from ink.runtime.errors import InkError

FAIRSEQ = FairseqBackend()


def load_translation_model(
    checkpoint: Path,
    vocabulary: Path,
    source_language: str,
    target_language: str,
    device: str = "cpu",
    adapter: Path | None = None,
    dropout: float | None = None,
    precision: str = "fp32",
    backend: Backend = FAIRSEQ,
) -> TranslationModel:
    """Load a checkpoint, in eval mode, with the dictionaries in `vocabulary`.

    `precision` is what it computes in, whatever the files hold. `dropout`, given for training, takes the place of what
    the model was trained with. Raises InkError where the dictionaries are not the model's, or the adapter belongs to
    another base model: both are named, with what the adapter's file says of itself.
    """
    model = backend.load(checkpoint, vocabulary, (source_language, target_language), dropout)
    network = model.network
    dtype = torch_dtype(precision)
    place = torch_device(device)
    network.eval().to(device=place, dtype=dtype)
    if dtype != torch.float32:
        check_finite(
            network.state_dict(),
            f"checkpoint {checkpoint} in {precision}",
            "set precision to one that holds them, fp32",
        )
    if adapter is not None:
        weights, metadata = read_adapter(adapter)
        if metadata["base_model"] != model.base_fingerprint:
            raise InkError(_of_another_model(adapter, weights, metadata, checkpoint, model))
        try:
            model.attach_adapters(metadata["inner_dimension"], dropout=0.0)
            network.eval().to(device=place, dtype=dtype)
            model.load_adapter_weights(weights)
            if dtype != torch.float32:
                check_finite(
                    network.state_dict(),
                    f"adapter {adapter} in {precision}",
                    "set precision to one that holds them, fp32",
                )
        except (RuntimeError, TypeError) as error:
            raise InkError(
                f"adapter {adapter} {origin_in_words(metadata)} does not fit the layers of {checkpoint}: "
                f"{_first_lines(error)}; train it again"
            ) from None
    return model


def _of_another_model(
    path: Path, weights: Mapping[str, Tensor], metadata: Mapping[str, Any], checkpoint: Path, model: TranslationModel
) -> str:
    """Say whose an adapter is and what is here instead, with both sizes where they differ."""
    layers = model.layers()
    here = size_in_words(
        {
            "encoder_layers": sum(name.startswith("encoder_") for name in layers),
            "decoder_layers": sum(name.startswith("decoder_") for name in layers),
            "dimension": layers["encoder_0"].dimension,
        }
    )
    # the weights' own sizes: files of earlier versions do not say theirs
    there = size_in_words(architecture_of({name: tensor.shape for name, tensor in weights.items()}))
    its, ours = ("", "") if here == there else (f" with {there}", f" with {here}")
    return (
        f"adapter {path} {origin_in_words(metadata)} was trained on base model {metadata['base_model']}{its}, "
        f"but {checkpoint} is {model.base_fingerprint}{ours}; use the base model it was trained on"
    )


def _first_lines(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
