"""Settings of the base model, of beam search, and of datastores and their index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from ink.config import values

BITS = 8  # of a code of an index, unless its settings say otherwise


class BaseModelTraining(values.Section):
    """Without path how the base model is trained on the general domain."""

    model_config = ConfigDict(title="a mapping")

    encoder_layers: values.Layers
    """Layers of the encoder."""
    decoder_layers: values.Layers
    """Layers of the decoder."""
    dimension: values.Dimensions
    """Size of embeddings and hidden states; a datastore's keys have it."""
    ffn_dimension: values.Dimensions
    """Inner size of the feed-forward networks."""
    attention_heads: values.Count
    """Attention heads; they divide dimension."""
    dropout: values.ShareBelowOne
    """Dropout."""
    learning_rate: values.Positive
    """Adam's highest learning rate (inverse square root schedule)."""
    warmup_updates: values.Updates
    """Updates until the highest learning rate."""
    batch_tokens: values.Tokens
    """Tokens of a batch at most."""
    processes: values.Processes = 1
    """Processes that train together, one GPU each; an update sees a batch of each."""
    label_smoothing: values.ShareBelowOne
    """Label smoothing."""
    max_epochs: values.Epochs
    """Epochs."""
    average_last: values.Epochs
    """The checkpoints of so many last epochs are averaged."""


_NAME = "[A-Za-z0-9][A-Za-z0-9._-]*"
HubName = Annotated[
    str, Field(title="a model's name on the Hugging Face hub, OWNER/NAME", pattern=f"^{_NAME}(/{_NAME})?$")
]
Revision = Annotated[str, Field(title="a commit, tag or branch", pattern="^[A-Za-z0-9][A-Za-z0-9._/-]*$")]


class HuggingFaceModel(values.Section):
    """A Hugging Face encoder-decoder: OPUS-MT (Marian), M2M100, NLLB, mBART or FSMT."""

    hub: HubName | None = values.optional()
    """In place of path, folder and train: a model's name on the Hugging Face hub, from which the workflow fetches its
    settings, tokeniser and weights into downloads/hub/. What folder says of text goes for it too."""
    revision: Revision | None = values.optional()
    """With hub: the commit of the model, or a tag. Left out, it is the branch main, which may name another commit
    later."""
    folder: values.Path | None = values.optional()
    """In place of path and train: the folder of a Hugging Face model, with its config.json, weights and tokeniser.
    Text goes through that tokeniser, and what text says of Moses and of subwords is without effect."""
    source_code: str | None = values.optional()
    """With hub or folder, of a model of many languages: what its tokeniser calls the source, such as deu_Latn."""
    target_code: str | None = values.optional()
    """With hub or folder, of a model of many languages: what its tokeniser calls the target."""
    tag: str | None = values.optional()
    """With hub or folder, of a Marian model of several target languages: the tag before every source, such as
    >>nld<<."""


class BaseModelSource(HuggingFaceModel):
    """The off-the-shelf model (paper: wmt19.de-en.ffn8192, a single model of Ng et al. 2019). Either path, with codes
    and dictionaries, or hub, or folder, or train.
    """

    path: values.Path | None = None
    """A fairseq Transformer checkpoint. null trains one, or takes hub or folder."""
    bpe_codes: values.Path | None = None
    """With path the codes it was trained with, subword-nmt's or fastBPE's; or a SentencePiece model of both languages,
    with which the settings of Moses are without effect."""
    source_dictionary: values.Path | None = None
    """With path its fairseq dictionary of the source language."""
    target_dictionary: values.Path | None = None
    """With path its fairseq dictionary of the target language."""
    train: BaseModelTraining | None = values.optional()


class KeyExtraction(values.Section):
    """How keys are extracted."""

    batch_tokens: values.Tokens = 4096
    """Tokens of a batch at most while keys are extracted: memory against speed; changes no result."""


class Datastore(KeyExtraction):
    """Keys and values of the training set."""

    shards: values.ByDomain[values.Count] = 1
    """Jobs into which the pass over the training set is divided, each a share of its batches; one more joins them.
    The datastore is the same. A refresh inside an INK round stays one pass. May differ by domain."""


class Index(values.Section):
    """The FAISS index of a datastore's keys, the same for every system; the defaults are the released code's."""

    type: Literal["ivfpq", "exact"] = "ivfpq"
    """ivfpq: inverted lists of product-quantised keys; exact: every key compared in full, for tests and for measuring
    recall (the settings below are then unused)."""
    device: values.Device = "cpu"
    """Where indexes are trained, filled and searched: cpu, or a GPU, which needs faiss-gpu and holds the index,
    values and log-probabilities in its memory (1.6 GB for the paper's largest)."""
    lists: values.Count = 4096
    """Inverted lists (centroids); between 4 and 16 times the square root of the number of target tokens is usual."""
    code_bytes: Annotated[values.Count, values.Keyword("unit", "bytes")] = 64
    """Bytes of a quantised key; they divide the dimension of keys. More is more exact and larger."""
    code_bits: Literal[8, 4] = values.optional()
    """Bits of one of the codes that make up code_bytes; without it 8. With 4 a key has twice as many codes, which FAISS
    scans in the processor's registers: in a third of the time, with somewhat less recall. CPU alone."""
    probes: Annotated[values.Count, values.Keyword("unit", "lists")] = 32
    """Lists looked into by a search. More is more exact and slower."""
    training_sample: Annotated[int, Field(ge=256), values.Keyword("unit", "keys")] = 1_000_000
    """Keys from which centroids and codebooks are learned; a codebook has 256 entries. Some 40 for each list or more.
    """
    seed: values.Seed = 142758
    """Seed of the clustering (INK's scripts; the other systems' use 1)."""


def code_bits(settings: Mapping[str, Any]) -> int:
    """Return how many bits a code has, of the plain settings of an index."""
    return int(settings.get("code_bits") or BITS)


def codes_of(code_bytes: int, bits: int) -> int:
    """Return how many codes a key of so many bytes has: the parts into which its dimension is divided."""
    return code_bytes * BITS // bits


class BeamSearch(values.Section):
    """How translations are searched for."""

    beam: values.Count = 4
    """Beam size (paper: 4)."""
    length_penalty: values.NotNegative = 0.6
    """Exponent of the length by which scores are divided (paper: 0.6)."""
    max_len_a: values.NotNegative = 1.2
    """A translation has at most max_len_a * source length + max_len_b tokens (released: 1.2); the batch's longest
    source counts, as in fairseq."""
    max_len_b: Annotated[int, Field(ge=0), values.Keyword("unit", "tokens")] = 10
    """See max_len_a (released: 10)."""


class Decoding(BeamSearch):
    """Beam search, the same for every system."""

    batch_sentences: values.Sentences = 32
    """Sentences decoded at once (released: 64)."""
