"""Loading a translation model: the base model on its device and in its precision, and an adapter if there is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ink.config.languages import LanguagePair
from ink.nmt.adapter import read_adapter
from ink.nmt.adapter_file import architecture_of, origin_in_words, size_in_words
from ink.nmt.device import torch_device, torch_dtype
from ink.nmt.fairseq.fairseq_model import FairseqBackend
from ink.nmt.text_loading import is_huggingface
from ink.nmt.translation_model import Backend, TranslationModel
from ink.nmt.weights import check_finite
from ink.runtime.errors import InkError

FAIRSEQ = FairseqBackend()


def backend_of(vocabulary: Path) -> Backend:
    """Return the toolkit of the model whose vocabulary this is."""
    if is_huggingface(vocabulary):
        # most experiments do without
        from ink.nmt.huggingface.huggingface_model import HuggingFaceBackend

        return HuggingFaceBackend()
    return FAIRSEQ


@dataclass(frozen=True)
class BaseModelFiles:
    """A base model's checkpoint and the folder of its vocabulary, its languages, and what it is loaded with."""

    checkpoint: Path
    vocabulary: Path
    languages: LanguagePair
    backend: Backend = FAIRSEQ

    def load(
        self, device: str = "cpu", precision: str = "fp32", *, adapter: Path | None = None, dropout: float | None = None
    ) -> TranslationModel:
        """Load the model in eval mode, with `adapter` if one is named.

        `precision` is what it computes in, whatever the files hold. `dropout`, given for training, takes the place of
        what the model was trained with. Raises InkError where the dictionaries are not the model's, or the adapter
        belongs to another base model: both are named, with what the adapter's file says of itself.
        """
        model = self.backend.load(self.checkpoint, self.vocabulary, self.languages, dropout)
        network, dtype, place = model.network, torch_dtype(precision), torch_device(device)
        network.eval().to(device=place, dtype=dtype)
        _check_range(network, f"checkpoint {self.checkpoint}", precision)
        if adapter is not None:
            weights, metadata = read_adapter(adapter)
            if metadata["base_model"] != model.base_fingerprint:
                raise InkError(
                    _of_another_model(adapter, weights, metadata, self.checkpoint, model),
                    code="adapter/other-base-model",
                )
            try:
                model.attach_adapters(metadata["inner_dimension"], dropout=0.0)
                network.eval().to(device=place, dtype=dtype)
                model.load_adapter_weights(weights)
                _check_range(network, f"adapter {adapter}", precision)
            except (RuntimeError, TypeError) as error:
                raise InkError(
                    f"adapter {adapter} {origin_in_words(metadata)} does not fit the layers of {self.checkpoint}: "
                    f"{_first_lines(error)}; train it again",
                    code="adapter/other-base-model",
                ) from None
        return model


def _check_range(network: nn.Module, name: str, precision: str) -> None:
    if torch_dtype(precision) != torch.float32:
        check_finite(network.state_dict(), f"{name} in {precision}", "set precision to one that holds them, fp32")


def _of_another_model(
    path: Path, weights: Mapping[str, Tensor], metadata: Mapping[str, Any], checkpoint: Path, model: TranslationModel
) -> str:
    """Say whose an adapter is and what is here instead, with both sizes where they differ."""
    layers = model.layers()
    own_size = size_in_words(
        {
            "encoder_layers": sum(name.startswith("encoder_") for name in layers),
            "decoder_layers": sum(name.startswith("decoder_") for name in layers),
            "dimension": layers["encoder_0"].dimension,
        }
    )
    # the weights' own sizes: files of earlier versions do not say theirs
    adapter_size = size_in_words(architecture_of({name: tensor.shape for name, tensor in weights.items()}))
    of_adapter, of_model = ("", "") if own_size == adapter_size else (f" with {adapter_size}", f" with {own_size}")
    return (
        f"adapter {path} {origin_in_words(metadata)} was trained on base model {metadata['base_model']}{of_adapter}, "
        f"but {checkpoint} is {model.base_fingerprint}{of_model}; use the base model it was trained on"
    )


def _first_lines(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
