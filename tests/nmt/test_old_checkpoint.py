"""A checkpoint as the paper's base model is one: written before fairseq had configurations, used without conversion."""

from __future__ import annotations

import argparse
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from fairseq import meters, options, tasks

from ink.datastore.build import Extraction, build_datastore
from ink.nmt.domain_files import Domain
from ink.nmt.fairseq.checkpoint import read_architecture
from ink.nmt.generation import generate
from ink.training.adapter_training import train_adapter

WIDTH, ENCODER_INNER, DECODER_INNER, HEADS = 16, 64, 32, 4
# what fairseq wrote down in 2019; later versions have more
OF_ITS_TIME = (
    *("activation_dropout", "activation_fn", "adaptive_input", "adaptive_softmax_cutoff", "adaptive_softmax_dropout"),
    *(
        "adam_betas",
        "adam_eps",
        "arch",
        "attention_dropout",
        "clip_norm",
        "criterion",
        "data",
        "decoder_attention_heads",
    ),
    *("decoder_embed_dim", "decoder_embed_path", "decoder_ffn_embed_dim", "decoder_input_dim", "decoder_layers"),
    *("decoder_learned_pos", "decoder_normalize_before", "decoder_output_dim", "dropout", "encoder_attention_heads"),
    *("encoder_embed_dim", "encoder_embed_path", "encoder_ffn_embed_dim", "encoder_layers", "encoder_learned_pos"),
    *("encoder_normalize_before", "fp16", "label_smoothing", "left_pad_source", "left_pad_target", "lr"),
    *("lr_scheduler", "max_source_positions", "max_target_positions", "max_tokens", "max_update", "optimizer"),
    *("seed", "share_all_embeddings", "share_decoder_input_output_embed", "source_lang", "target_lang", "task"),
    *("update_freq", "upsample_primary", "warmup_init_lr", "warmup_updates", "weight_decay"),
)


def write_old_checkpoint(path: Path, tiny: Any, *, half: bool) -> dict[str, torch.Tensor]:
    """Let fairseq make the architecture, and write its weights as a version of 2019 did; return the model's weights."""
    parser = options.get_training_parser()
    arguments = [str(tiny.data), "--task", "translation", "--source-lang", "xx", "--target-lang", "yy"]
    arguments += ["--arch", "transformer_wmt_en_de_big", "--share-all-embeddings", "--dropout", "0.2"]
    arguments += ["--criterion", "label_smoothed_cross_entropy", "--optimizer", "adam", "--max-tokens", "3584"]
    for side, inner in (("encoder", ENCODER_INNER), ("decoder", DECODER_INNER)):
        arguments += [f"--{side}-embed-dim", str(WIDTH), f"--{side}-ffn-embed-dim", str(inner)]
        arguments += [f"--{side}-attention-heads", str(HEADS)]
    now = options.parse_args_and_arch(parser, input_args=arguments)
    torch.manual_seed(5)
    model = tasks.setup_task(now).build_model(now)
    weights = {name: tensor.half().float() if half else tensor for name, tensor in model.state_dict().items()}
    then = argparse.Namespace(**{name: getattr(now, name) for name in OF_ITS_TIME if hasattr(now, name)})
    # settings that later versions have dropped, and those that were lists then
    vars(then).update(
        data=[str(tiny.data)], raw_text=False, lazy_load=False, min_lr=1e-9, ddp_backend="no_c10d", lr=[7e-4]
    )
    old = _as_of_2019(OrderedDict((name, tensor.half() if half else tensor) for name, tensor in weights.items()))
    torch.save(
        {
            "args": then,
            "model": old,
            "optimizer_history": [
                {
                    "criterion_name": "LabelSmoothedCrossEntropyCriterion",
                    "optimizer_name": "MemoryEfficientFP16Optimizer",
                    "lr_scheduler_state": {"best": 2.1},
                    "num_updates": 300000,
                }
            ],
            "last_optimizer_state": None,
            "extra_state": {
                "train_iterator": {"epoch": 21, "iterations_in_epoch": 0},
                "val_loss": 2.1,
                "best": 2.1,
                "train_meters": OrderedDict(
                    train_loss=meters.AverageMeter(), wps=meters.TimeMeter(), train_wall=meters.StopwatchMeter()
                ),
            },
        },
        path,
        _use_new_zipfile_serialization=False,
    )
    return weights


def _as_of_2019(weights: OrderedDict[str, torch.Tensor]) -> OrderedDict[str, torch.Tensor]:
    """The output layer was the embedding itself and not named a second time, and positions were a buffer."""
    del weights["decoder.output_projection.weight"]
    for side in ("encoder", "decoder"):
        weights[f"{side}.embed_positions._float_tensor"] = torch.zeros(1)
    return weights


@pytest.fixture(scope="module")
def old(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Domain, dict[str, torch.Tensor]]:
    path = tmp_path_factory.mktemp("old") / "wmt.ffn8192.pt"
    weights = write_old_checkpoint(path, tiny, half=False)
    return Domain(path, tiny.vocabulary, tiny.corpus, tiny.domain.data), weights


@pytest.mark.parametrize("half", [False, True])
def test_its_weights_and_sizes_are_the_model_s(tiny: Any, tmp_path: Path, half: bool) -> None:
    weights = write_old_checkpoint(tmp_path / "model.pt", tiny, half=half)
    domain = Domain(tmp_path / "model.pt", tiny.vocabulary, tiny.corpus, tiny.domain.data)
    network = domain.load_model(tiny.settings).network
    found = network.state_dict()
    for name, tensor in weights.items():
        if "_float_tensor" not in name:
            assert torch.equal(found[name], tensor), name
    assert len(network.encoder.layers) == len(network.decoder.layers) == 6
    assert network.encoder.layers[0].fc1.out_features == ENCODER_INNER
    assert network.decoder.layers[0].fc1.out_features == DECODER_INNER
    assert network.decoder.layers[0].self_attn.num_heads == HEADS
    assert network.decoder.output_projection.weight is network.decoder.embed_tokens.weight
    assert not network.encoder.layers[0].normalize_before


def test_datastores_and_translations_are_made_with_it(old: Any, tiny: Any, tmp_path: Path) -> None:
    domain, _ = old
    settings = tiny.settings
    model = domain.load_model(settings)
    train = model.parallel_text(domain.data, "train")
    meta = build_datastore(
        Extraction(model, train, domain.data.fingerprint, "decoder_output", 200), tmp_path / "datastore", settings.index
    )
    assert (meta.entries, meta.dimension) == (int(sum(train.target_lengths)), WIDTH)
    test = model.parallel_text(domain.data, "test")
    found = generate(model, test, settings.decoding)
    assert len(found.hypotheses) == len(test)


def test_adapters_are_trained_on_it(old: Any, tiny: Any, tmp_path: Path) -> None:
    domain, _ = old
    settings = tiny.settings.changed(adapter={"max_epochs": 1})
    train_adapter(domain, settings, 1, tmp_path / "adapter")
    adapted = domain.load_model(settings, adapter=tmp_path / "adapter" / "adapter.safetensors")
    assert sum(float(tensor.abs().sum()) for name, tensor in adapted.adapter_weights().items() if "up" in name) > 0


def test_a_model_of_its_architecture_is_built_anew_from_it(old: Any, tiny: Any) -> None:
    domain, weights = old
    architecture = read_architecture(domain.base_model, {"dropout": 0.3, "activation_dropout": 0.05})
    task = domain.load_model(tiny.settings).task
    model = task.build_model(architecture)
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items() if "_float_tensor" not in name}
    assert shapes == {name: tensor.shape for name, tensor in weights.items() if "_float_tensor" not in name}
    layer = model.encoder.layers[0]
    assert (layer.dropout_module.p, layer.activation_dropout_module.p, layer.self_attn.dropout_module.p) == (
        0.3,
        0.05,
        0.1,
    )
