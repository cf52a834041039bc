"""A fairseq Transformer as Hugging Face's FSMT and back: settings and weights, or why they cannot be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from fairseq import tasks
from fairseq.modules import LearnedPositionalEmbedding
from omegaconf import OmegaConf
from torch import Tensor, nn

from ink.config.languages import LanguagePair
from ink.corpus.prepared_corpus import PreparedCorpus
from ink.nmt.fairseq.fairseq_model import FairseqModel
from ink.runtime.errors import InkError

ACTIVATIONS = ("relu", "gelu")  # of those that go by one name in both toolkits
# tables and version numbers that follow from the settings, and what is one with the decoder's embeddings
_NOT_SAVED = ("embed_positions._float_tensor", "version", "decoder.output_projection.weight")
_PREFIX = "model."
_SIDES = ("encoder", "decoder")


def settings_of(checkpoint: Path, model: FairseqModel, languages: LanguagePair) -> dict[str, Any]:
    """Return what config.json says of a model as FSMT.

    InkError with a line for each property that FSMT cannot express.
    """
    network = model.network
    if problems := list(_inexpressible(network)):
        raise InkError(f"checkpoint {checkpoint} cannot be converted to FSMT", *problems, code="model/not-convertible")
    encoder, decoder = network.encoder, network.decoder
    config = decoder.cfg
    settings: dict[str, Any] = {
        "architectures": ["FSMTForConditionalGeneration"],
        "model_type": "fsmt",
        "is_encoder_decoder": True,
        "langs": [*languages],
        "src_vocab_size": len(model.source_vocabulary),
        "tgt_vocab_size": len(model.target_vocabulary),
        "d_model": decoder.layers[0].fc1.in_features,
    }
    for name, side in zip(_SIDES, (encoder, decoder), strict=True):
        settings[f"{name}_layers"] = len(side.layers)
        settings[f"{name}_ffn_dim"] = side.layers[0].fc1.out_features
        settings[f"{name}_attention_heads"] = side.layers[0].self_attn.num_heads
    # FSMT has one number for both sides
    settings["max_position_embeddings"] = min(map(int, network.max_positions()))
    settings["activation_function"] = str(config.activation_fn)
    settings["scale_embedding"] = not config.no_scale_embedding
    settings["tie_word_embeddings"] = encoder.embed_tokens is decoder.embed_tokens
    settings |= {name: float(getattr(config, name)) for name in ("dropout", "attention_dropout", "activation_dropout")}
    vocabulary = model.target_vocabulary
    numbers = {"bos": model.task.target_dictionary.bos(), "pad": vocabulary.padding, "eos": vocabulary.end}
    settings |= {f"{name}_token_id": int(number) for name, number in numbers.items()}
    return {**settings, "decoder_start_token_id": int(vocabulary.end), "forced_eos_token_id": int(vocabulary.end)}


def weights_of(model: FairseqModel, dtype: torch.dtype | None) -> dict[str, Tensor]:
    """Return the weights by FSMT's names, shared ones once, in `dtype` if it is given."""
    network = model.network
    left_out: tuple[str, ...] = _NOT_SAVED
    if network.encoder.embed_tokens is network.decoder.embed_tokens:
        left_out = (*left_out, "decoder.embed_tokens.weight")
    found = {name: value for name, value in network.state_dict().items() if not name.endswith(left_out)}
    return {_PREFIX + name: value.to(dtype or value.dtype).contiguous() for name, value in found.items()}


def state_of(
    settings: Mapping[str, Any], weights: Mapping[str, Tensor], folder: Path, languages: LanguagePair
) -> dict[str, Any]:
    """Return what fairseq saves of an FSMT, whose dictionaries are in `folder`.

    settings: of its config.json; weights: by FSMT's names, whole and of the sizes that the settings say.
    """
    # most of what this folder does needs no Trainer
    from ink.nmt.fairseq.trainer import configuration

    source, target = (weights[f"{_PREFIX}{side}.embed_tokens.weight"] for side in _SIDES)
    options = _options(settings)
    dictionaries = [(folder / f"dict.{language}.txt").read_bytes() for language in languages]
    shared = dictionaries[0] == dictionaries[1] and torch.equal(source, target)
    options.append("--share-all-embeddings" if shared else "--share-decoder-input-output-embed")
    config = configuration(PreparedCorpus(folder, languages), options)
    expected = tasks.setup_task(config.task).build_model(config.model).state_dict()
    config.task.data = "."
    own = {name.removeprefix(_PREFIX): value for name, value in weights.items()}
    own["decoder.output_projection.weight"] = own["decoder.embed_tokens.weight"]
    return {
        "args": None,
        "cfg": OmegaConf.to_container(config, resolve=True, enum_to_str=True),
        "model": {name: own.get(name, value) for name, value in expected.items()},
        "criterion": None,
        "optimizer_history": [
            {
                "criterion_name": "CrossEntropyCriterion",
                "optimizer_name": "none",
                "lr_scheduler_state": {},
                "num_updates": 0,
            }
        ],
        "task_state": {},
        "extra_state": {},
        "last_optimizer_state": None,
    }


def _options(settings: Mapping[str, Any]) -> list[str]:
    options = []
    for side in _SIDES:
        options += [f"--{side}-layers", str(settings[f"{side}_layers"])]
        options += [f"--{side}-embed-dim", str(settings["d_model"])]
        options += [f"--{side}-ffn-embed-dim", str(settings[f"{side}_ffn_dim"])]
        options += [f"--{side}-attention-heads", str(settings[f"{side}_attention_heads"])]
    for side in ("source", "target"):
        options += [f"--max-{side}-positions", str(settings["max_position_embeddings"])]
    options += ["--activation-fn", str(settings["activation_function"])]
    for name, usual in (("dropout", 0.1), ("attention_dropout", 0.0), ("activation_dropout", 0.0)):
        options += [f"--{name.replace('_', '-')}", str(settings.get(name, usual))]
    return options if settings["scale_embedding"] else [*options, "--no-scale-embedding"]


def _inexpressible(network: Any) -> Iterator[str]:
    """Yield a line for each property of a network that FSMT does not have."""
    sides = list(zip(_SIDES, (network.encoder, network.decoder), strict=True))
    for name, side in sides:
        if isinstance(side.embed_positions, LearnedPositionalEmbedding):
            yield f"the {name} has learned positions ({name}_learned_pos), and FSMT sinusoidal ones"
        elif side.embed_positions is None:
            yield f"the {name} has no positions (no_token_positional_embeddings), and FSMT sinusoidal ones"
        if any(layer.normalize_before for layer in side.layers):
            yield f"the {name} normalises before each block ({name}_normalize_before), and FSMT after it"
        if getattr(side, "layernorm_embedding", None) is not None:
            yield f"the {name} normalises its embeddings (layernorm_embedding), and FSMT does not"
        if type(side.embed_tokens) is not nn.Embedding:
            yield f"the {name}'s embeddings are no plain table (adaptive_input), and FSMT's are"
    config, encoder, decoder = network.decoder.cfg, network.encoder, network.decoder
    if str(config.activation_fn) not in ACTIVATIONS:
        yield f"its activation is {config.activation_fn} (activation_fn), and FSMT's {' or '.join(ACTIVATIONS)}"
    widths = [encoder.layers[0].fc1.in_features, decoder.layers[0].fc1.in_features]
    widths += [side.embed_tokens.embedding_dim for _, side in sides if isinstance(side.embed_tokens, nn.Embedding)]
    if len({*widths}) > 1:
        yield f"its embeddings and layers are of the dimensions {sorted({*widths})}, and FSMT's of one"
    if config.cross_self_attention or config.no_cross_attention:
        yield "its attention to the source is no layer of its own (cross_self_attention), and FSMT's is"
    projected, embedded = (getattr(decoder, name).weight for name in ("output_projection", "embed_tokens"))
    if projected.shape != embedded.shape or not torch.equal(projected, embedded):
        yield "its output layer is not its target embeddings (share_decoder_input_output_embed), and FSMT's is"
