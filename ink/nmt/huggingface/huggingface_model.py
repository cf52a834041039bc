"""A Hugging Face encoder-decoder as a translation model: its tokens, its text, its passes and its beam search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ink.config.languages import LanguagePair
from ink.config.sections import base_system
from ink.corpus.prepared_corpus import PreparedCorpus
from ink.corpus.token_list import TokenList
from ink.nmt.batches import Batch, ParallelText, SourceBatch
from ink.nmt.beam_search import Mixture
from ink.nmt.huggingface.architectures import NetworkParts, architecture_of
from ink.nmt.huggingface.library_search import LibrarySearch, source_mask
from ink.nmt.huggingface.mapped_text import MappedText, batch_of, padded
from ink.nmt.huggingface.model_folder import read_model, write_model
from ink.nmt.huggingface.networks import load_network, make_network, network_fingerprint
from ink.nmt.huggingface.state_reader import StateReader
from ink.nmt.huggingface.vocabulary_folder import read_vocabulary
from ink.nmt.training_run import Objective, Optimisation, TrainingRun
from ink.nmt.translation_model import Backend, Layer, TeacherForced, TranslationModel, Vocabulary, check_kind
from ink.runtime.errors import InkError


class ListedVocabulary(Vocabulary):
    """A list of tokens as a vocabulary."""

    def __init__(self, tokens: TokenList) -> None:
        self.tokens = tokens
        self.end, self.padding, self.special = tokens.end, tokens.padding, tokens.special

    def __len__(self) -> int:
        return len(self.tokens)

    def token(self, number: int) -> str:
        return self.tokens.symbols[number]

    def encode(self, tokens: Sequence[str]) -> Tensor:
        return torch.from_numpy(self.tokens.encode(" ".join(tokens)))

    def text(self, numbers: Tensor) -> str:
        return self.tokens.text(numbers.tolist())


class HuggingFaceModel(TranslationModel):
    """A network of transformers'; settings: what it was built from; vocabulary: the folder of its tokens."""

    def __init__(self, network: Any, settings: Mapping[str, Any], vocabulary: Path, languages: LanguagePair) -> None:
        self.network: Any = network
        self.parts = NetworkParts(network)
        self.settings, self.folder = dict(settings), vocabulary
        source, target = read_vocabulary(vocabulary, languages)
        self._check_sizes(source, target)
        self.source_vocabulary: ListedVocabulary = ListedVocabulary(source)
        self.target_vocabulary: ListedVocabulary = ListedVocabulary(target)
        self.architecture = architecture_of(settings, vocabulary)
        positions = int(network.config.max_position_embeddings)
        # the decoder's first positions are those of what it has read before
        self.positions = positions, positions - (len(target.start) - 1)
        self.longest_source = positions - (source.added - 1)
        self.base_fingerprint = ""

    def _check_sizes(self, source: TokenList, target: TokenList) -> None:
        """The numbers of a larger vocabulary would be rows that the network does not have."""
        embedded, projected = self.parts.encoder.embed_tokens.weight.shape[0], self.parts.projection.weight.shape[0]
        for side, tokens, types in (("source", source, embedded), ("target", target, projected)):
            if len(tokens) != types:
                raise InkError(
                    f"{self.folder} has {len(tokens)} tokens of the {side}, and the model {types}; use the vocabulary "
                    "that was made of this model",
                    code="vocabulary/other-dictionary",
                )

    def parallel_text(self, data: PreparedCorpus, split: str) -> ParallelText:
        sides = self.source_vocabulary.tokens, self.target_vocabulary.tokens
        data.check(
            split,
            [side.symbols for side in sides],
            self.positions,
            vocabulary=self.folder,
            learned_positions=self.architecture.bounded,
        )
        if read_vocabulary(data.path, data.languages) != sides:
            raise InkError(
                f"{data.path} was binarised with other tags than those of the model's vocabulary in {self.folder}; "
                "prepare the text again with the model's vocabulary",
                code="vocabulary/other-dictionary",
            )
        return MappedText(data, split, *sides)

    def source_batch(self, sentences: Sequence[Tensor]) -> SourceBatch:
        lengths = torch.tensor([len(sentence) for sentence in sentences])
        source = padded(sentences, self.source_vocabulary.padding)
        return SourceBatch(torch.arange(len(sentences)), source, lengths)

    def pair(self, source: Tensor, target: Tensor) -> Batch:
        number = torch.zeros(1, dtype=torch.int64)
        return batch_of(number, [source], [target], self.source_vocabulary.tokens, self.target_vocabulary.tokens)

    def teacher_forced(self, batch: Batch, key: str) -> TeacherForced:
        with StateReader(self.parts, key) as reader:
            first = batch.decoder_input.new_tensor(self.target_vocabulary.tokens.start[:-1])
            rows = len(batch.decoder_input)
            output = self.parts.decoder_output(
                input_ids=batch.source,
                attention_mask=source_mask(batch),
                decoder_input_ids=torch.cat([first.expand(rows, -1), batch.decoder_input], dim=1),
            )
            keys = output if key == "decoder_output" else reader.read()
        # what the decoder says after each token but the last of what it begins with, nobody asks
        return TeacherForced(keys[:, len(first) :], output[:, len(first) :], self.project)

    def encode(self, batch: SourceBatch) -> Tensor:
        encoder = self.parts.encoder
        found: Tensor = encoder(input_ids=batch.source, attention_mask=source_mask(batch), return_dict=True)[0]
        return found

    def project(self, decoder_output: Tensor) -> Tensor:
        return self.parts.project(decoder_output)

    def key_dimension(self, kind: str) -> int:
        check_kind(kind)
        return int(self.network.config.d_model)

    def beam_search(self, decoding: base_system.BeamSearch, mixture: Mixture | None = None) -> LibrarySearch:
        target = self.target_vocabulary.tokens
        return LibrarySearch(self.network, target, self._never_said(), self.positions[1], decoding, mixture)

    def layers(self) -> dict[str, Layer]:
        sides = {"encoder": self.parts.encoder, "decoder": self.parts.decoder}
        dimension = int(self.network.config.d_model)
        return {
            f"{side}_{number}": Layer(layer, dimension)
            for side, stack in sides.items()
            for number, layer in enumerate(stack.layers)
        }

    def train_on(self, data: PreparedCorpus, optimisation: Optimisation, objective: Objective) -> TrainingRun:
        # most jobs do without
        from ink.nmt.huggingface.training_loop import TrainingLoop

        return TrainingLoop(self, data, optimisation, objective)

    def set_dropout(self, dropout: float, attention_dropout: float) -> None:
        for side in (self.parts.encoder, self.parts.decoder):
            for module in side.modules():
                # a number where transformers' own layers have it, a module in an adapter
                if isinstance(getattr(module, "dropout", None), float):
                    module.dropout = attention_dropout if hasattr(module, "k_proj") else dropout

    def write(self, path: Path) -> None:
        """Write the whole model, as it is, as one file that the backend loads."""
        write_model(path, self.settings, self.network.state_dict())

    def _never_said(self) -> list[int]:
        """Return the numbers that no translation has: padding, and what the model's own settings forbid."""
        generation = {**self.settings, **self.settings.get("generation", {})}
        forbidden = [words[0] for words in generation.get("bad_words_ids") or [] if len(words) == 1]
        forbidden += generation.get("suppress_tokens") or []
        return sorted({self.target_vocabulary.padding, *forbidden} - {self.target_vocabulary.end})


class HuggingFaceBackend(Backend):
    """Encoder-decoders out of folders as the hub has them, and of files that ink has written of such models."""

    def load(
        self, checkpoint: Path, vocabulary: Path, languages: LanguagePair, dropout: float | None = None
    ) -> HuggingFaceModel:
        settings, weights = read_model(checkpoint)
        _, network = load_network(checkpoint, settings, weights, dropout)
        model = HuggingFaceModel(network.eval(), settings, vocabulary, languages)
        model.base_fingerprint = network_fingerprint(network)
        return model

    def untrained(self, data: PreparedCorpus, sizes: base_system.BaseModelTraining, seed: int) -> TranslationModel:
        raise InkError(
            "a Hugging Face model is not trained as the base model; leave base_model.train out",
            code="training/not-for-hugging-face",
        )

    def untrained_like(
        self, checkpoint: Path, base: TranslationModel, data: PreparedCorpus, dropouts: Mapping[str, float], seed: int
    ) -> HuggingFaceModel:
        if not isinstance(base, HuggingFaceModel):
            raise TypeError(f"{type(base).__name__} is no model of this backend's")
        torch.manual_seed(seed)
        network = make_network(checkpoint, base.settings, dropouts)
        return HuggingFaceModel(network, base.settings, base.folder, data.languages)
