"""A model ready to use: the base Transformer, its dictionaries, and an adapter if there is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from fairseq.data import Dictionary
from fairseq.tasks.translation import TranslationTask
from torch import Tensor

from ink.corpus.vocabulary import check_dictionary
from ink.errors import InkError
from ink.nmt.adapter import AdaptedTransformer, read_adapter
from ink.nmt.adapter_file import architecture_of, origin_in_words, size_in_words
from ink.nmt.checkpoint import read_checkpoint
from ink.nmt.device import torch_device
from ink.nmt.fingerprint import fingerprint
from ink.nmt.finite import check_finite
from ink.nmt.precision import torch_dtype
from ink.nmt.supported import network_of


@dataclass
class TranslationModel:
    """A Transformer with its task; `base_fingerprint` is that of the base model, without any adapter."""

    network: AdaptedTransformer
    task: TranslationTask
    base_fingerprint: str

    @property
    def target_dictionary(self) -> Dictionary:
        return self.task.target_dictionary

    @property
    def fingerprint(self) -> str:
        """Tells models apart: the base model's where no adapter is attached, both together where there is one.

        It is that of the weights in fp32, as files hold them: the precision in which a model computes is not part of
        what it is.
        """
        if not self.network.has_adapters:
            return self.base_fingerprint
        return fingerprint({"base." + self.base_fingerprint: torch.zeros(0), **self.network.adapter_weights()})


def load_translation_model(
    checkpoint: Path,
    vocabulary: Path,
    source_language: str,
    target_language: str,
    device: str = "cpu",
    adapter: Path | None = None,
    dropout: float | None = None,
    precision: str = "fp32",
) -> TranslationModel:
    """Load a fairseq Transformer checkpoint, in eval mode, with the dictionaries in `vocabulary`.

    `precision` is what it computes in, whatever the files hold. `dropout`, given for training, takes the place of what
    the model was trained with. Raises InkError where the
    dictionaries are not the model's, or the adapter belongs to another base model: both are named, with what the
    adapter's file says of itself.
    """
    overrides: dict[str, Any] = {
        "data": str(vocabulary),
        "source_lang": source_language,
        "target_lang": target_language,
    }
    if dropout is not None:
        overrides["dropout"] = dropout
    for language in (source_language, target_language):
        check_dictionary(vocabulary / f"dict.{language}.txt")
    state = read_checkpoint(checkpoint, overrides)
    base, task = network_of(checkpoint, state, vocabulary)
    network = AdaptedTransformer(base)
    model = TranslationModel(network, task, fingerprint(base.state_dict()))
    target = {"device": torch_device(device), "dtype": torch_dtype(precision)}
    network.eval().to(**target)
    if target["dtype"] != torch.float32:
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
            network.attach_adapters(metadata["inner_dimension"], dropout=0.0)
            network.eval().to(**target)
            network.load_adapter_weights(weights)
            if target["dtype"] != torch.float32:
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
    layers = {side: getattr(model.network, side).layers for side in ("encoder", "decoder")}
    here = size_in_words(
        {
            "encoder_layers": len(layers["encoder"]),
            "decoder_layers": len(layers["decoder"]),
            "dimension": layers["encoder"][0].fc2.out_features,
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
