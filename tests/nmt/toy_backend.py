"""A backend of plain torch: recurrent networks with attention, and nothing of fairseq's.

Padding stands on the right, and sentences stay in the order in which they are asked for.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ink.config.sections import base_system
from ink.corpus import dictionary
from ink.corpus.indexed_tokens import map_tokens
from ink.corpus.prepared_corpus import PreparedCorpus
from ink.corpus.vocabulary import load_dictionary
from ink.nmt.batches import Batch, ParallelText, SourceBatch, batches_by_length
from ink.nmt.beam_search import Mixture, Translation
from ink.nmt.training_run import CHECKPOINT, Objective, Optimisation, TrainingPass, TrainingRun
from ink.nmt.translation_model import (
    Backend,
    Layer,
    TeacherForced,
    TranslationModel,
    Vocabulary,
    check_kind,
    log_softmax,
)
from ink.nmt.weights import fingerprint

DIMENSION = 12
LONGEST = 60


class ToyVocabulary(Vocabulary):
    end, padding, special = dictionary.END, dictionary.PADDING, len(dictionary.SPECIAL_SYMBOLS)

    def __init__(self, path: Path) -> None:
        self.dictionary = load_dictionary(path)

    def __len__(self) -> int:
        return len(self.dictionary)

    def token(self, number: int) -> str:
        return self.dictionary.symbols[number]

    def encode(self, tokens: Sequence[str]) -> Tensor:
        return torch.from_numpy(self.dictionary.encode(" ".join(tokens)))

    def text(self, numbers: Tensor) -> str:
        return " ".join(self.token(number) for number in numbers.tolist() if number != self.end)


class ToyText(ParallelText):
    def __init__(self, data: PreparedCorpus, split: str) -> None:
        self.sides = []
        for language in data.languages:
            lengths = data.check_whole(split, language).astype(np.int64)
            tokens = map_tokens(data.file(split, language, "bin"), data.file(split, language, "idx"))
            self.sides.append(np.split(np.asarray(tokens, dtype=np.int64), np.cumsum(lengths)[:-1]))
        self.source_lengths, self.target_lengths = (np.array([*map(len, side)]) for side in self.sides)

    def batch(self, sentences: Sequence[int]) -> Batch:
        sources, targets = ([torch.from_numpy(side[number]) for number in sentences] for side in self.sides)
        padded, before = filled(targets), filled([target.roll(1) for target in targets])
        lengths = torch.tensor([*map(len, sources)])
        return Batch(torch.tensor([*sentences]), filled(sources), lengths, before, padded, ToyVocabulary.padding)


def filled(rows: Sequence[Tensor]) -> Tensor:
    return nn.utils.rnn.pad_sequence([*rows], batch_first=True, padding_value=ToyVocabulary.padding)


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.recurrent = nn.GRU(DIMENSION, DIMENSION, batch_first=True)
        self.dropout = nn.Dropout(0.1)

    def forward(self, embedded: Tensor) -> Tensor:
        output, _ = self.recurrent(embedded)
        return self.dropout(output)


class Decoder(nn.Module):
    """Its hidden states come first in a tuple, what its feed-forward network reads second."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrent = nn.GRU(DIMENSION, DIMENSION, batch_first=True)
        self.attention_dropout = nn.Dropout(0.0)
        self.feed_forward = nn.Linear(2 * DIMENSION, DIMENSION)
        self.dropout = nn.Dropout(0.1)

    def forward(self, embedded: Tensor, memory: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        states, _ = self.recurrent(embedded)
        scores = (states @ memory.transpose(1, 2)).masked_fill(~there.unsqueeze(1), -1e9)
        context = self.attention_dropout(scores.softmax(-1)) @ memory
        both = torch.cat([states, context], dim=-1)
        return self.dropout(torch.tanh(self.feed_forward(both))), both


class Network(nn.Module):
    def __init__(self, source_types: int, target_types: int) -> None:
        super().__init__()
        self.source = nn.Embedding(source_types, DIMENSION)
        self.target = nn.Embedding(target_types, DIMENSION)
        self.encoder, self.decoder = Encoder(), Decoder()
        self.output = nn.Linear(DIMENSION, target_types)

    def forward(self, source: Tensor, decoder_input: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the output layer reads, and what the feed-forward network reads, at each target position."""
        memory = self.encoder(self.source(source))
        hidden, both = self.decoder(self.target(decoder_input), memory, source.ne(ToyVocabulary.padding))
        return hidden, both


class ToyModel(TranslationModel):
    def __init__(self, vocabulary: Path, languages: tuple[str, str]) -> None:
        self.folder, self.languages = vocabulary, languages
        source, target = (ToyVocabulary(vocabulary / f"dict.{language}.txt") for language in languages)
        self.source_vocabulary: ToyVocabulary = source
        self.target_vocabulary: ToyVocabulary = target
        self.longest_source = LONGEST
        self.network: Network = Network(len(source), len(target))
        self.base_fingerprint = fingerprint(self.network.state_dict())

    def parallel_text(self, data: PreparedCorpus, split: str) -> ToyText:
        symbols = [side.dictionary.symbols for side in (self.source_vocabulary, self.target_vocabulary)]
        data.check(split, symbols, (LONGEST, LONGEST), vocabulary=self.folder, learned_positions=False)
        return ToyText(data, split)

    def source_batch(self, sentences: Sequence[Tensor]) -> SourceBatch:
        return SourceBatch(torch.arange(len(sentences)), filled(sentences), torch.tensor([*map(len, sentences)]))

    def pair(self, source: Tensor, target: Tensor) -> Batch:
        one = torch.zeros(1, dtype=torch.int64)
        before = target.roll(1)
        return Batch(one, source[None], one + len(source), before[None], target[None], ToyVocabulary.padding)

    def teacher_forced(self, batch: Batch, key: str) -> TeacherForced:
        check_kind(key)
        hidden, both = self.network(batch.source, batch.decoder_input)
        return TeacherForced(hidden if key == "decoder_output" else both, hidden, self.project)

    def encode(self, batch: SourceBatch) -> Tensor:
        encoded: Tensor = self.network.encoder(self.network.source(batch.source))
        return encoded

    def project(self, decoder_output: Tensor) -> Tensor:
        logits: Tensor = self.network.output(decoder_output)
        return logits

    def key_dimension(self, kind: str) -> int:
        return DIMENSION if kind == "decoder_output" else 2 * DIMENSION

    def beam_search(self, decoding: base_system.BeamSearch, mixture: Mixture | None = None) -> ToyBeamSearch:
        return ToyBeamSearch(self, decoding, mixture)

    def layers(self) -> dict[str, Layer]:
        return {
            "encoder_0": Layer(self.network.encoder, DIMENSION),
            "decoder_0": Layer(self.network.decoder, DIMENSION),
        }

    def set_dropout(self, dropout: float, attention_dropout: float) -> None:
        self.network.encoder.dropout.p = self.network.decoder.dropout.p = dropout
        self.network.decoder.attention_dropout.p = attention_dropout

    def train_on(self, data: PreparedCorpus, optimisation: Optimisation, objective: Objective) -> ToyRun:
        return ToyRun(self, self.parallel_text(data, "train"), optimisation, objective)


class ToyBeamSearch:
    """Sentence by sentence, the whole prefix anew at every step."""

    def __init__(self, model: ToyModel, decoding: base_system.BeamSearch, mixture: Mixture | None) -> None:
        self.model, self.mixture = model, mixture
        self.key = "decoder_output" if mixture is None else mixture.key
        self.beam, self.penalty = decoding.beam, decoding.length_penalty
        self.longest = decoding.max_len_a, decoding.max_len_b
        model.network.eval()

    @torch.no_grad()
    def __call__(self, batch: SourceBatch) -> list[list[Translation]]:
        if self.mixture is not None:
            self.mixture.begin(batch)
        sources = zip(batch.source, batch.source_lengths.tolist(), strict=True)
        return [self._search(source[:length], number) for number, (source, length) in enumerate(sources)]

    def _search(self, source: Tensor, number: int) -> list[Translation]:
        end, (a, b) = ToyVocabulary.end, self.longest
        longest = int(a * len(source) + b)
        prefixes, scores = torch.empty(1, 0, dtype=torch.int64), torch.empty(1, 0)
        done: list[Translation] = []
        for length in range(1, longest + 2):
            before = torch.cat([torch.full((len(prefixes), 1), end), prefixes], dim=1)
            log_probs = self._step(source.expand(len(prefixes), -1), before, number)
            if length > longest:
                log_probs[:, torch.arange(log_probs.shape[1]) != end] = -torch.inf
            total = scores.sum(1, keepdim=True) + log_probs
            best = total.flatten().topk(min(2 * self.beam, total.numel())).indices
            rows, tokens = best // log_probs.shape[1], best % log_probs.shape[1]
            grown = torch.cat([prefixes[rows], tokens[:, None]], dim=1)
            gained = torch.cat([scores[rows], log_probs[rows, tokens][:, None]], dim=1)
            for hypothesis, own in zip(grown[tokens == end], gained[tokens == end], strict=True):
                if own.isfinite().all():
                    done.append(Translation(hypothesis, own, own.sum() / length**self.penalty))
            prefixes, scores = grown[tokens != end][: self.beam], gained[tokens != end][: self.beam]
            if len(done) >= self.beam:
                break
        return sorted(done, key=lambda one: -float(one.score))[: self.beam]

    def _step(self, source: Tensor, before: Tensor, number: int) -> Tensor:
        batch = Batch(torch.arange(len(before)), source, source.ne(-1).sum(1), before, before, ToyVocabulary.padding)
        passed = self.model.teacher_forced(batch, self.key)
        log_probs = log_softmax(self.model.project(passed.decoder_output[:, -1]))
        if self.mixture is None:
            return log_probs
        return self.mixture(passed.keys[:, -1], log_probs, torch.full((len(before),), number))


class ToyRun(TrainingRun):
    """Adam at a steady rate; there are no checkpoints inside an epoch."""

    def __init__(self, model: ToyModel, text: ToyText, optimisation: Optimisation, objective: Objective) -> None:
        self.model: ToyModel = model
        self.objective, self.text, self.how = objective, text, optimisation
        self.history: list[dict[str, Any]] = []
        trained = [weights for weights in model.network.parameters() if weights.requires_grad]
        self.optimiser = torch.optim.Adam(trained, lr=optimisation.learning_rate)
        self.done = 0
        self.folder: Path | None = None

    @property
    def updates(self) -> int:
        return self.done

    def weights(self) -> dict[str, Tensor]:
        trained = self.model.network if self.model.adapters is None else self.model.adapters
        return dict(trained.state_dict())

    def checkpoint_in(self, folder: Path, every: int) -> None:
        self.folder = folder
        if (folder / CHECKPOINT).exists():
            self.restore(folder / CHECKPOINT)

    def epoch(self, description: str) -> dict[str, float]:
        start, number = time.perf_counter(), len(self.history) + 1
        torch.manual_seed(1000 * self.how.seed + number)
        batches = batches_by_length(self.text, self.how.batch_tokens)
        sums: dict[str, Any] = {}
        tokens = 0
        self.model.network.train()
        for place in torch.randperm(len(batches)).tolist():
            batch = self.text.batch(batches[place])
            begun = self.objective.begin(batch)
            passed = self.model.teacher_forced(batch, "decoder_output")
            rows = passed.log_probs().flatten(0, 1)
            loss, logged = self.objective.loss(TrainingPass(rows, passed.keys), batch, begun)
            positions = int(batch.real.sum())
            self.optimiser.zero_grad()
            (loss / positions).backward()
            self.optimiser.step()
            self.done, tokens = self.done + 1, tokens + positions
            sums = {name: sums.get(name, 0) + value for name, value in logged.items()}
        means = {name: float(mean) for name, (mean, _) in self.objective.means(sums, tokens).items()}
        return {**means, "seconds": time.perf_counter() - start}

    def checkpoint(self) -> None:
        if self.folder is not None:
            self.save(self.folder / CHECKPOINT)

    def save(self, path: Path) -> None:
        state = {"weights": self.weights(), "optimiser": self.optimiser.state_dict(), "history": self.history}
        torch.save({**state, "done": self.done}, path)

    def restore(self, path: Path) -> None:
        state = torch.load(path, weights_only=True)
        trained = self.model.network if self.model.adapters is None else self.model.adapters
        trained.load_state_dict(state["weights"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.history, self.done = list(state["history"]), state["done"]

    def save_model(self, path: Path) -> None:
        torch.save(dict(self.model.network.state_dict()), path)


class ToyBackend(Backend):
    def load(
        self, checkpoint: Path, vocabulary: Path, languages: tuple[str, str], dropout: float | None = None
    ) -> ToyModel:
        model = ToyModel(vocabulary, languages)
        model.network.load_state_dict(torch.load(checkpoint, weights_only=True))
        model.network.eval()
        model.base_fingerprint = fingerprint(model.network.state_dict())
        if dropout is not None:
            model.set_dropout(dropout, 0.0)
        return model

    def untrained(self, data: PreparedCorpus, sizes: Any, seed: int) -> ToyModel:
        torch.manual_seed(seed)
        return ToyModel(data.path, data.languages)

    def untrained_like(
        self, checkpoint: Path, base: TranslationModel, data: PreparedCorpus, dropouts: Mapping[str, float], seed: int
    ) -> ToyModel:
        return self.untrained(data, None, seed)
