"""Which of fairseq's models ink works with: a checkpoint's network, or why there is none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairseq import tasks
from fairseq.models import ARCH_MODEL_REGISTRY, MODEL_REGISTRY
from fairseq.models.transformer import TransformerDecoderBase, TransformerEncoderBase, TransformerModelBase
from fairseq.modules import LearnedPositionalEmbedding
from fairseq.tasks.translation import TranslationTask
from torch import Tensor

from ink.nmt.fairseq.checkpoint import SUPPORTED, architecture_name, first_line, setting
from ink.nmt.weights import check_finite
from ink.runtime.errors import InkError

TASK = "translation"
# By their first size these are as many as a dictionary has tokens.
_OF_TOKENS = ("embed_tokens.weight", "output_projection.weight", "embed_out")
_DECODING = ("forward", "extract_features", "extract_features_scriptable")
FEWEST_POSITIONS = 2  # a token and the end of sentence


def network_of(checkpoint: Path, state: Mapping[str, Any], vocabulary: Path) -> tuple[Any, TranslationTask]:
    """Build the Transformer of a checkpoint that has been read, with its weights, and its task.

    The task says in `learned_positions` whether the network has learned positional embeddings, and so no positions
    beyond them. Raises InkError where

    - ink does not support this kind of model,
    - the dictionaries in `vocabulary` are not the model's,
    - the weights do not fit the model's settings, or are not finite.
    """
    config = state["cfg"]
    _check_kind(checkpoint, config)
    _check_layers(checkpoint, config.model, state["model"])
    try:
        task = tasks.setup_task(config.task, from_checkpoint=True)
        if "task_state" in state:
            task.load_state_dict(state["task_state"])
        network = task.build_model(config.model, from_checkpoint=True)
    except Exception as error:  # whatever settings of another version make of fairseq's code
        if "joined dictionary" in str(error):
            raise _other_dictionaries(checkpoint, vocabulary, error) from None
        raise InkError(
            f"checkpoint {checkpoint}: no Transformer can be built from the settings in it ({first_line(error)}); use "
            "a checkpoint that fairseq wrote",
            code="model/weights-mismatch",
        ) from None
    _check_parts(checkpoint, network)
    weights = state["model"]
    try:
        network.load_state_dict(weights, strict=True, model_cfg=config.model)
    except Exception as error:  # a weight of another shape, or anything that an older layout is upgraded from
        raise _other_weights(checkpoint, vocabulary, network, weights, error) from None
    check_finite(
        network.state_dict(),
        f"checkpoint {checkpoint}",
        "its training has diverged, or the file is damaged: take another",
    )
    # the settings of task and model can differ
    limits = [min(both) for both in zip(task.max_positions(), network.max_positions(), strict=True)]
    task.cfg.max_source_positions, task.cfg.max_target_positions = limits
    sides: Any = (network.encoder, network.decoder)
    task.learned_positions = any(isinstance(side.embed_positions, LearnedPositionalEmbedding) for side in sides)
    return network, task


def _check_kind(checkpoint: Path, config: Any) -> None:
    """Refuse by its settings what is no Transformer for one pair of languages, or hides its distribution."""
    task, name = setting(config.task, "_name"), architecture_name(config.model)
    if task != TASK:
        several = ", of several languages" if "multi" in task or task.endswith("bart") else ""
        raise InkError(
            f"checkpoint {checkpoint} was trained with the task {task}{several}; {SUPPORTED}", code="model/unsupported"
        )
    kind = ARCH_MODEL_REGISTRY.get(name) or MODEL_REGISTRY[name]
    if not issubclass(kind, TransformerModelBase):
        raise InkError(
            f"checkpoint {checkpoint} is of the architecture {name}, which is no Transformer; {SUPPORTED}",
            code="model/unsupported",
        )
    if setting(config.model, "adaptive_softmax_cutoff") is not None:
        raise InkError(
            f"checkpoint {checkpoint} has an adaptive softmax (adaptive_softmax_cutoff), which does not give the "
            f"probability of every token; {SUPPORTED}, with a plain softmax",
            code="model/unsupported",
        )


def _check_layers(checkpoint: Path, model: Any, weights: Mapping[str, Tensor]) -> None:
    """Refuse settings of more layers than there are weights of, before these are built."""
    for side in ("encoder", "decoder"):
        stated = setting(model, f"{side}_layers") or setting(setting(model, side), "layers")
        numbers = [int(found.group(1)) for name in weights if (found := re.match(rf"{side}\.layers\.(\d+)\.", name))]
        held = max(numbers, default=-1) + 1
        if isinstance(stated, int) and stated > held:
            raise InkError(
                f"checkpoint {checkpoint}: its settings say {stated} {side} layers, and it has weights of {held}; take "
                "weights and settings of one model",
                code="model/weights-mismatch",
            )


def _check_parts(checkpoint: Path, network: Any) -> None:
    """Refuse by its parts a network that decodes otherwise than token by token, or whose keys are not its layers'."""
    encoder, decoder = network.encoder, network.decoder
    plain = isinstance(encoder, TransformerEncoderBase) and isinstance(decoder, TransformerDecoderBase)
    if not plain or any(
        getattr(type(decoder), name) is not getattr(TransformerDecoderBase, name) for name in _DECODING
    ):
        raise InkError(
            f"checkpoint {checkpoint} is a {type(network).__name__}, which does not translate token by token as a "
            f"Transformer does; {SUPPORTED}",
            code="model/unsupported",
        )
    if not (len(encoder.layers) and len(decoder.layers)):
        raise InkError(
            f"checkpoint {checkpoint} has {len(encoder.layers)} encoder and {len(decoder.layers)} decoder layers, and "
            "keys and adapters are of layers; use a Transformer with one at least on each side",
            code="model/unsupported",
        )
    if (output := decoder.output_embed_dim) != (width := decoder.layers[-1].fc2.out_features):
        raise InkError(
            f"checkpoint {checkpoint} has decoder layers of dimension {width} and projects their output to {output} "
            f"(decoder_output_dim), but keys are of the layers' dimension; {SUPPORTED}, without that projection",
            code="model/unsupported",
        )
    if (positions := min(network.max_positions())) < FEWEST_POSITIONS:
        raise InkError(
            f"checkpoint {checkpoint} has {positions} positions, too few for a token and the end of its sentence; use "
            "a model with as many as the text needs",
            code="model/unsupported",
        )


def _other_dictionaries(checkpoint: Path, vocabulary: Path, error: Exception) -> InkError:
    return InkError(
        f"checkpoint {checkpoint} does not fit the dictionaries in {vocabulary}: {' '.join(str(error).split())[:300]}; "
        "use the dictionaries that the model was trained with",
        code="vocabulary/other-dictionary",
    )


def _other_weights(
    checkpoint: Path, vocabulary: Path, network: Any, weights: Mapping[str, Tensor], error: Exception
) -> InkError:
    """Say why weights do not load: another dictionary's sizes, other shapes, unexpected or missing weights."""
    expected = network.state_dict()
    sizes = {
        name: (tuple(tensor.shape), tuple(expected[name].shape)) for name, tensor in weights.items() if name in expected
    }
    other = {name: both for name, both in sizes.items() if both[0] != both[1]}
    of_tokens = [name for name in other if name.endswith(_OF_TOKENS) and other[name][0][1:] == other[name][1][1:]]
    more, fewer = (
        [name for name in one if name not in others] for one, others in ((weights, expected), (expected, weights))
    )
    if wrong := [name for name in other if name not in of_tokens]:
        found, expected_size = (_size(size) for size in other[wrong[0]])
        return InkError(
            f"checkpoint {checkpoint}: its weights are not of the sizes that its settings say: {wrong[0]} is {found} "
            f"and should be {expected_size}; take weights and settings of one model",
            code="model/weights-mismatch",
        )
    if of_tokens:
        return _other_dictionaries(checkpoint, vocabulary, error)
    kind = type(network).__name__
    if more:
        return InkError(
            f"checkpoint {checkpoint} holds weights for which fairseq's {kind} has no place: {_first_of(more)}; its "
            "architecture was changed: use one of fairseq's own, or save it without them if the model does without",
            code="model/weights-mismatch",
        )
    if fewer:
        return InkError(
            f"checkpoint {checkpoint} lacks weights of fairseq's {kind}: {_first_of(fewer)}; fetch it again, or save "
            "the whole model",
            code="model/weights-mismatch",
        )
    return InkError(
        f"checkpoint {checkpoint}: its weights cannot be loaded ({first_line(error)}); use another checkpoint",
        code="model/weights-mismatch",
    )


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "one number"


def _first_of(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
