"""A fairseq Transformer as a translation model: its dictionaries, its text, its passes and its beam search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fairseq import tasks
from fairseq.data import LanguagePairDataset
from fairseq.models import FairseqEncoderDecoderModel
from fairseq.modules import MultiheadAttention
from fairseq.tasks.translation import TranslationTask
from torch import Tensor

from ink.config.languages import LanguagePair
from ink.config.sections import base_system
from ink.corpus.indexed_tokens import FAIRSEQ_NAMES
from ink.corpus.prepared_corpus import PreparedCorpus
from ink.corpus.vocabulary import check_dictionary
from ink.nmt.batches import Batch, ParallelText, SourceBatch
from ink.nmt.beam_search import Mixture
from ink.nmt.fairseq.adapted_transformer import AdaptedTransformer
from ink.nmt.fairseq.checkpoint import read_architecture, read_checkpoint
from ink.nmt.fairseq.fairseq_text import FairseqText, FairseqVocabulary
from ink.nmt.fairseq.key_reader import KeyReader
from ink.nmt.fairseq.sequence_generator import FairseqBeamSearch
from ink.nmt.fairseq.supported import network_of
from ink.nmt.training_run import Objective, Optimisation, TrainingRun
from ink.nmt.translation_model import Backend, Layer, TeacherForced, TranslationModel, check_kind
from ink.nmt.weights import fingerprint


class FairseqModel(TranslationModel):
    """A network of fairseq's with its task; architecture: what it was built from, fairseq's default if None."""

    def __init__(
        self,
        network: FairseqEncoderDecoderModel,
        task: TranslationTask,
        base_fingerprint: str,
        architecture: Any = None,
    ) -> None:
        self.network: FairseqEncoderDecoderModel = network
        self.architecture = architecture
        self.task = task
        self.base_fingerprint = base_fingerprint
        self.source_vocabulary = FairseqVocabulary(task.source_dictionary)
        self.target_vocabulary = FairseqVocabulary(task.target_dictionary)
        self.longest_source = int(network.max_positions()[0])

    def parallel_text(self, data: PreparedCorpus, split: str) -> ParallelText:
        task = self.task
        data.check(
            split,
            (task.source_dictionary.symbols, task.target_dictionary.symbols),
            task.max_positions(),
            vocabulary=Path(task.cfg.data),
            learned_positions=getattr(task, "learned_positions", False),
        )
        task.cfg.data = str(data.path)
        task.load_dataset(FAIRSEQ_NAMES[split])
        return FairseqText(task.dataset(FAIRSEQ_NAMES[split]))

    def source_batch(self, sentences: Sequence[Tensor]) -> SourceBatch:
        sizes = np.array([len(tokens) for tokens in sentences])
        dataset = LanguagePairDataset(sentences, sizes, self.task.source_dictionary, shuffle=False)
        sample = dataset.collater([dataset[number] for number in range(len(dataset))])
        return SourceBatch(sample["id"], sample["net_input"]["src_tokens"], sample["net_input"]["src_lengths"])

    def pair(self, source: Tensor, target: Tensor) -> Batch:
        before = target.roll(1)
        before[0] = self.target_vocabulary.end
        return Batch(
            source.new_zeros(1),
            source.unsqueeze(0),
            source.new_full((1,), len(source)),
            before.unsqueeze(0),
            target.unsqueeze(0),
            self.target_vocabulary.padding,
        )

    def teacher_forced(self, batch: Batch, key: str) -> TeacherForced:
        encoder, decoder = self.network.encoder, self.network.decoder
        with KeyReader(decoder, key) as reader:
            encoder_out = encoder(batch.source, src_lengths=batch.source_lengths)
            output, _ = decoder.extract_features(batch.decoder_input, encoder_out=encoder_out)
            return TeacherForced(reader.read(output), output, self.project)

    def encode(self, batch: SourceBatch) -> Tensor:
        found: Tensor = self.network.encoder(batch.source, src_lengths=batch.source_lengths)["encoder_out"][0]
        return found.transpose(0, 1)

    def project(self, decoder_output: Tensor) -> Tensor:
        logits: Tensor = self.network.decoder.output_layer(decoder_output)
        return logits

    def key_dimension(self, kind: str) -> int:
        check_kind(kind)
        layer = self.network.decoder.layers[-1]
        return int(layer.fc1.in_features if kind == "ffn_input" else layer.fc2.out_features)

    def beam_search(self, decoding: base_system.BeamSearch, mixture: Mixture | None = None) -> FairseqBeamSearch:
        return FairseqBeamSearch(self.network, self.task.target_dictionary, decoding, mixture)

    def layers(self) -> dict[str, Layer]:
        return {
            f"{side}_{number}": Layer(layer, layer.fc2.out_features)
            for side in ("encoder", "decoder")
            for number, layer in enumerate(getattr(self.network, side).layers)
        }

    def train_on(self, data: PreparedCorpus, optimisation: Optimisation, objective: Objective) -> TrainingRun:
        # a Trainer is what most jobs do without
        from ink.nmt.fairseq.trainer import FairseqRun

        return FairseqRun(self, data, optimisation, objective)

    def set_dropout(self, dropout: float, attention_dropout: float) -> None:
        for module in self.network.modules():
            inner = getattr(module, "dropout_module", None)
            if inner is not None:
                inner.p = attention_dropout if isinstance(module, MultiheadAttention) else dropout


class FairseqBackend(Backend):
    """Transformers out of fairseq's checkpoints, with fairseq's dictionaries."""

    def load(
        self, checkpoint: Path, vocabulary: Path, languages: LanguagePair, dropout: float | None = None
    ) -> FairseqModel:
        overrides: dict[str, Any] = {} if dropout is None else {"dropout": dropout}
        overrides |= {"data": str(vocabulary), "source_lang": languages.source, "target_lang": languages.target}
        for language in languages:
            check_dictionary(vocabulary / f"dict.{language}.txt")
        base, task = network_of(checkpoint, read_checkpoint(checkpoint, overrides), vocabulary)
        return FairseqModel(AdaptedTransformer(base).eval(), task, fingerprint(base.state_dict()))

    def untrained(self, data: PreparedCorpus, sizes: base_system.BaseModelTraining, seed: int) -> FairseqModel:
        from ink.nmt.fairseq.trainer import configuration

        options = ["--share-all-embeddings", "--dropout", str(sizes.dropout)]
        for side in ("encoder", "decoder"):
            options += [f"--{side}-layers", str(getattr(sizes, f"{side}_layers"))]
            options += [f"--{side}-embed-dim", str(sizes.dimension)]
            options += [f"--{side}-ffn-embed-dim", str(sizes.ffn_dimension)]
            options += [f"--{side}-attention-heads", str(sizes.attention_heads)]
        config = configuration(data, options)
        task = tasks.setup_task(config.task)
        torch.manual_seed(seed)
        return FairseqModel(task.build_model(config.model), task, "", config.model)

    def untrained_like(
        self, checkpoint: Path, base: TranslationModel, data: PreparedCorpus, dropouts: Mapping[str, float], seed: int
    ) -> FairseqModel:
        if not isinstance(base, FairseqModel):
            raise TypeError(f"{type(base).__name__} is no model of this backend's")
        # fairseq's old name for the last of them, which counts where that is 0
        architecture = read_architecture(checkpoint, {"relu_dropout": 0.0, **dropouts})
        task = base.task
        task.cfg.data = str(data.path)
        torch.manual_seed(seed)
        return FairseqModel(task.build_model(architecture), task, "", architecture)
