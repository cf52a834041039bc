"""A corpus, a base model and a datastore of any size, with nothing in them: random tokens, weights and keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from fairseq import tasks
from fairseq.data import indexed_dataset

from ink.config.languages import LanguagePair
from ink.corpus.prepared_corpus import FAIRSEQ_NAMES, PreparedCorpus
from ink.datastore.storage import Datastore, DatastoreMeta, create_datastore, map_array, open_datastore, seal
from ink.nmt.batches import ParallelText
from ink.nmt.device import torch_device, torch_dtype
from ink.nmt.fairseq.adapted_transformer import AdaptedTransformer
from ink.nmt.fairseq.fairseq_model import FairseqModel
from ink.nmt.fairseq.trainer import configuration
from ink.runtime.whole_files import write_json, write_lines
from ink.training.training_neighbours import PrecomputedLookup, TrainingNeighbours

LANGUAGES = ("de", "en")
SPECIAL_TYPES = 4  # fairseq's own: begin and end of sentence, padding, unknown
ENTRIES_AT_ONCE = 100_000
NAME = "random"  # of model and corpus, in place of a fingerprint


@dataclass(frozen=True)
class Size:
    """The architecture; what is given first is the paper's base model, transformer_wmt_en_de_big of WMT'19."""

    layers: int = 6
    dimension: int = 1024
    encoder_ffn: int = 8192
    decoder_ffn: int = 4096
    heads: int = 16
    types: int = 42_024

    @property
    def options(self) -> list[str]:
        """Return fairseq's options for it."""
        options = ["--arch", "transformer_wmt_en_de_big", "--share-all-embeddings"]
        for side, inner in (("encoder", self.encoder_ffn), ("decoder", self.decoder_ffn)):
            options += [f"--{side}-layers", str(self.layers), f"--{side}-embed-dim", str(self.dimension)]
            options += [f"--{side}-ffn-embed-dim", str(inner), f"--{side}-attention-heads", str(self.heads)]
        return options


def random_corpus(folder: Path, types: int, sentences: dict[str, int], length: int) -> PreparedCorpus:
    """Write a binarised corpus, `sentences` by split, each of `length` tokens on either side, its end included."""
    generator = torch.Generator().manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    source, target = LANGUAGES
    for language in LANGUAGES:
        write_lines(folder / f"dict.{language}.txt", [f"w{number} 1" for number in range(types - SPECIAL_TYPES)])
        for split, count in sentences.items():
            prefix = str(folder / f"{FAIRSEQ_NAMES[split]}.{source}-{target}.{language}")
            builder = indexed_dataset.make_builder(f"{prefix}.bin", impl="mmap", vocab_size=types)
            for _ in range(count):
                tokens = torch.randint(SPECIAL_TYPES, types, (length,), generator=generator, dtype=torch.int32)
                tokens[-1] = 2  # end of sentence
                builder.add_item(tokens)
            builder.finalize(f"{prefix}.idx")
    write_json(folder / "prepared.json", {"fingerprint": NAME})
    return PreparedCorpus(folder, LanguagePair(source, target))


def random_model(data: PreparedCorpus, options: Sequence[str], device: str, precision: str) -> FairseqModel:
    """Make the Transformer that fairseq's options describe, with the weights that it starts from."""
    torch.manual_seed(0)
    config = configuration(data, options)
    task = tasks.setup_task(config.task)
    network = AdaptedTransformer(task.build_model(config.model)).eval()
    network.to(device=torch_device(device), dtype=torch_dtype(precision))
    return FairseqModel(network, task, NAME, config.model)


def random_neighbours(folder: Path, text: ParallelText, types: int, dimension: int, k: int) -> TrainingNeighbours:
    """Write a datastore of `text` of `types` types with k neighbours of every entry; open it as a round of INK does."""
    generator, offsets = np.random.default_rng(0), text.offsets
    entries = int(offsets[-1])
    meta = DatastoreMeta(entries, dimension, len(text), "decoder_output", NAME, NAME, log_probs=False)
    store: Datastore = create_datastore(folder, meta)
    store.offsets[:] = offsets
    store.values[:] = generator.integers(SPECIAL_TYPES, types, entries)
    found = map_array(folder / "neighbours.npy", np.int32, (entries, k), "w+")
    for start in range(0, entries, ENTRIES_AT_ONCE):
        part = slice(start, min(start + ENTRIES_AT_ONCE, entries))
        count = part.stop - part.start
        store.keys[part] = generator.standard_normal((count, dimension), dtype=np.float32)
        found[part] = generator.integers(0, entries, (count, k))
    seal(store)
    opened = open_datastore(folder)
    return TrainingNeighbours(opened, PrecomputedLookup(folder / "neighbours.npy", opened, k, "paper"))
