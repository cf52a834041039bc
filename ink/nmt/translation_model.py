"""What the rest of ink knows of a translation model, whichever toolkit it comes from.

An encoder-decoder that translates token by token: it makes keys and log-probabilities at target positions, generates
with or without neighbours, and carries adapters behind its layers. A backend implements `TranslationModel`, and
`Backend`, by which models are loaded; there are `ink.nmt.fairseq` and `ink.nmt.huggingface`.

Keys are the contextualised representations at target positions that a datastore holds and decoding queries with:

- decoder_output: what the output projection reads, behind the last layer's adapter if there is one. In a Transformer
  whose layers normalise their sums (post-norm) it is the last layer's output; in one whose layers normalise their
  inputs (pre-norm), that output behind the decoder's own last norm.
- ffn_input: what the last decoder layer's feed-forward network reads (Khandelwal et al. 2021). With post-norm it is the
  normalised sum of the cross-attention and its residual; with pre-norm, that sum behind the feed-forward network's own
  norm.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ink.config.languages import LanguagePair
from ink.config.sections import base_system
from ink.corpus.prepared_corpus import PreparedCorpus
from ink.nmt.adapter import Adapter, adapt_output, adapted_fingerprint
from ink.nmt.batches import Batch, ParallelText, SourceBatch
from ink.nmt.beam_search import BeamSearch, Mixture
from ink.nmt.device import dtype_of
from ink.nmt.training_run import Objective, Optimisation, TrainingRun
from ink.runtime.errors import InkError

# Gives adapters' fp32 weights by name where the network itself has them in half precision.
FullPrecision = Callable[[], Mapping[str, Tensor]]


class Vocabulary(ABC):
    """One side's types and their numbers, from 0 on.

    - end: the number of the end of sentence
    - padding: the number of what fills a batch up
    - special: how many special symbols come first, the end among them; they have no frequency
    """

    end: int
    padding: int
    special: int

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of types, special symbols included."""

    @abstractmethod
    def token(self, number: int) -> str:
        """Return the subword, or special symbol, of a number."""

    @abstractmethod
    def encode(self, tokens: Sequence[str]) -> Tensor:
        """Return the numbers of a sentence's subwords and the end of sentence, (length,) int64."""

    @abstractmethod
    def text(self, numbers: Tensor) -> str:
        """Return the subwords of numbers (length,), apart by spaces, without the end of sentence."""


@dataclass(frozen=True)
class TeacherForced:
    """A pass over a batch with the references as input; the output layer is computed only where requested.

    keys: (batch, length, dimension), of the kind requested; decoder_output: of that shape, what the output
    projection reads; project: gives logits (..., vocabulary) of such (..., dimension).
    """

    keys: Tensor
    decoder_output: Tensor
    project: Callable[[Tensor], Tensor]

    def log_probs(self, positions: Tensor | None = None) -> Tensor:
        """Return the model's log-probabilities in fp32: (batch, length, vocabulary), or those at chosen positions.

        positions: (batch, length), true where they are requested, which gives (positions, vocabulary).
        """
        chosen = self.decoder_output if positions is None else self.decoder_output[positions]
        return log_softmax(self.project(chosen))


def log_softmax(logits: Tensor) -> Tensor:
    """Return log-probabilities in fp32 of logits (..., vocabulary) in any precision."""
    return torch.log_softmax(logits.float(), dim=-1)


@dataclass(frozen=True)
class Layer:
    """A layer behind which an adapter may stand: the module, whose output is (..., dimension)."""

    module: nn.Module
    dimension: int


class TranslationModel(ABC):
    """A model with its vocabularies, and an adapter if there is one.

    network: all of its weights; its mode (training or not), device and precision are the model's. source_vocabulary,
    target_vocabulary; longest_source: how many tokens a source may have, end of sentence included; base_fingerprint:
    the fingerprint of the base model, without any adapter.
    """

    network: nn.Module
    source_vocabulary: Vocabulary
    target_vocabulary: Vocabulary
    longest_source: int
    base_fingerprint: str
    adapters: nn.ModuleDict | None = None
    _full_precision: FullPrecision | None = None

    @abstractmethod
    def parallel_text(self, data: PreparedCorpus, split: str) -> ParallelText:
        """Open train, dev or test of a prepared corpus.

        Raises InkError where it is absent or cut short, was prepared with other vocabularies than the model's, or has
        sentences longer than the model takes.
        """

    @abstractmethod
    def source_batch(self, sentences: Sequence[Tensor]) -> SourceBatch:
        """Put source sentences, each (length,) numbers, together; their numbers in the batch are those here."""

    @abstractmethod
    def pair(self, source: Tensor, target: Tensor) -> Batch:
        """Make a batch, on their device, of one sentence pair: (source length,) and (target length,) numbers."""

    @abstractmethod
    def teacher_forced(self, batch: Batch, key: str) -> TeacherForced:
        """Pass over a batch, which is on the model's device, in the mode that the network is in.

        key: a kind of keys, as `ink.nmt.translation_model` defines them.
        """

    @abstractmethod
    def encode(self, batch: SourceBatch) -> Tensor:
        """Return what the encoder makes of the sources of a batch, which is on the model's device.

        (batch, source length, dimension), the last layer's output in the mode that the network is in; padding's means
        nothing.
        """

    @abstractmethod
    def project(self, decoder_output: Tensor) -> Tensor:
        """Return the logits (..., vocabulary) of what the output projection reads, (..., dimension)."""

    @abstractmethod
    def key_dimension(self, kind: str) -> int:
        """Return the dimension of keys of this kind."""

    @abstractmethod
    def beam_search(self, decoding: base_system.BeamSearch, mixture: Mixture | None = None) -> BeamSearch:
        """Make beam search from the config's section `decoding`; the network is in eval mode from here on.

        With `mixture` it sees the mixture's distribution in place of the model's.
        """

    @abstractmethod
    def layers(self) -> Mapping[str, Layer]:
        """Return the layers that carry adapters: encoder_0, ..., decoder_0, ..., in this order."""

    @abstractmethod
    def train_on(self, data: PreparedCorpus, optimisation: Optimisation, objective: Objective) -> TrainingRun:
        """Begin to train the weights that are not frozen on the training split of `data`."""

    @abstractmethod
    def set_dropout(self, dropout: float, attention_dropout: float) -> None:
        """Give the network other dropout than it was trained with; dropout of activations stays."""

    def log_probs(self, keys: Tensor) -> Tensor:
        """Return log-probabilities (n, vocabulary) in fp32 at given keys (n, dimension) of the kind decoder_output."""
        return log_softmax(self.project(keys.to(dtype_of(self.network))))

    @property
    def fingerprint(self) -> str:
        """Tells models apart: the base model's where no adapter is attached, both together where there is one.

        It is that of the weights in fp32, as files hold them: the precision in which a model computes is not part of
        what it is.
        """
        if self.adapters is None:
            return self.base_fingerprint
        return adapted_fingerprint(self.base_fingerprint, self.adapter_weights())

    def attach_adapters(self, inner_dimension: int, dropout: float, initialisation: str = "zero") -> None:
        """Put an adapter behind every encoder and decoder layer and freeze everything else.

        The network has them as its module `adapters`.
        """
        if self.adapters is not None:
            raise ValueError("adapters are attached already")
        self.network.requires_grad_(False)
        adapters = nn.ModuleDict()
        for name, layer in self.layers().items():
            adapter = Adapter(layer.dimension, inner_dimension, dropout, initialisation)
            adapters[name] = adapter
            layer.module.register_forward_hook(adapt_output(adapter))
        self.network.adapters = self.adapters = adapters

    def adapter_weights(self) -> dict[str, Tensor]:
        """Return the adapters' weights by name, in fp32 in whatever precision the network computes."""
        if self.adapters is None:
            raise ValueError("no adapters are attached")
        if self._full_precision is not None:
            return {name: tensor.detach() for name, tensor in self._full_precision().items()}
        return {name: tensor.detach() for name, tensor in self.adapters.state_dict().items()}

    @property
    def adapter_parameters(self) -> int | None:
        """How many parameters the adapters have; None without them."""
        return None if self.adapters is None else sum(weights.numel() for weights in self.adapters.parameters())

    def load_adapter_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Take these weights; a network in half precision rounds them and keeps them beside as they are."""
        if self.adapters is None:
            raise ValueError("no adapters are attached")
        self.adapters.load_state_dict(dict(weights), strict=True)
        kept = dict(weights)
        self._full_precision = None if dtype_of(self.network) == torch.float32 else lambda: kept

    def take_adapter_weights_from(self, full_precision: FullPrecision) -> None:
        """Let `adapter_weights` ask `full_precision` from now on: a training in half precision that holds them."""
        self._full_precision = full_precision


class Backend(ABC):
    """Where translation models come from."""

    @abstractmethod
    def load(
        self, checkpoint: Path, vocabulary: Path, languages: LanguagePair, dropout: float | None = None
    ) -> TranslationModel:
        """Load a base model, in eval mode and fp32 on the CPU, with the vocabularies of the folder `vocabulary`.

        `dropout`, given for training, takes the place of what the model was trained with. Raises InkError where the
        checkpoint cannot be used, or the vocabularies are not the model's.
        """

    @abstractmethod
    def untrained(self, data: PreparedCorpus, sizes: base_system.BaseModelTraining, seed: int) -> TranslationModel:
        """Make a base model of these sizes to be trained on `data`, with the vocabularies that this has."""

    @abstractmethod
    def untrained_like(
        self, checkpoint: Path, base: TranslationModel, data: PreparedCorpus, dropouts: Mapping[str, float], seed: int
    ) -> TranslationModel:
        """Make a model of the architecture of `base`, which `checkpoint` holds, to be trained on `data`.

        dropouts: dropout, attention_dropout and activation_dropout.
        """


KEY_KINDS = ("decoder_output", "ffn_input")


def check_kind(kind: str) -> None:
    """Raise InkError where there are no keys of this kind."""
    if kind not in KEY_KINDS:
        raise InkError(
            f"datastore key kind is {kind!r}; allowed: {', '.join(KEY_KINDS)}", code="config/value-not-allowed"
        )
