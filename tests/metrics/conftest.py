"""A COMET model of unbabel-comet's own classes, tiny and with random weights, as a published one lies on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

WORDS = ["das", "der", "Leitung", "Wort", "sieht", "findet", "the", "line", "word", "sees", "finds", "a", ".", ","]


@dataclass(frozen=True)
class TinyComet:
    """`checkpoint` with hparams.yaml where COMET looks for it, and the folder of its encoder."""

    checkpoint: Path
    encoder: Path


@pytest.fixture(scope="session")
def tiny_comet(tmp_path_factory: pytest.TempPathFactory) -> TinyComet:
    return write_tiny_comet(tmp_path_factory.mktemp("comet"))


def write_tiny_comet(folder: Path) -> TinyComet:
    import torch
    from comet.models import RegressionMetric
    from pytorch_lightning import Trainer
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import XLMRobertaConfig, XLMRobertaModel, XLMRobertaTokenizerFast

    encoder, model_folder = folder / "encoder", folder / "tiny-comet"
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    vocabulary = {word: number for number, word in enumerate([*special, *WORDS, "<mask>"])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    XLMRobertaTokenizerFast(tokenizer_object=tokenizer).save_pretrained(encoder)
    config = XLMRobertaConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=40,
    )
    torch.manual_seed(5)
    XLMRobertaModel(config).save_pretrained(encoder)
    model = RegressionMetric(pretrained_model=str(encoder), hidden_sizes=[8], dropout=0.1, local_files_only=True)
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    trainer.strategy.connect(model)
    # the encoder's name is the published one, as it is where the weights were trained elsewhere
    named = {**model.hparams, "pretrained_model": "xlm-roberta-large", "class_identifier": "regression_metric"}
    model.save_hyperparameters(named)
    (model_folder / "checkpoints").mkdir(parents=True)
    trainer.save_checkpoint(model_folder / "checkpoints" / "model.ckpt", weights_only=True)
    (model_folder / "hparams.yaml").write_text(yaml.safe_dump(dict(named)), encoding="utf-8")
    return TinyComet(model_folder / "checkpoints" / "model.ckpt", encoder)
