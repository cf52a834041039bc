"""Settings of the systems that retrieve while they decode: V-kNN, and those with a combiner that is trained on dev."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from ink.config import values

Module = Annotated[
    str, Field(title="a module of ink/combiners, or a module with dots", pattern="^[A-Za-z_][A-Za-z0-9_.]*$")
]


class VKnn(values.Section):
    """V-kNN: vanilla kNN-MT (Khandelwal et al. 2021). A list is a grid to choose from on dev."""

    key: values.Key = "decoder_output"
    """What its datastore is keyed on. decoder_output: the last decoder layer's output; ffn_input: the input of that
    layer's feed-forward network (Khandelwal et al. 2021). INK uses decoder_output throughout."""
    k: values.GridByDomain[values.Neighbours] = 4
    """Neighbours of a query (released: 4, IT 8, Koran 16). A list is a grid. May differ by domain."""
    lambda_: values.GridByDomain[values.Share] = Field(default=0.8, alias="lambda")
    """Weight of the neighbours (released: 0.8, IT 0.7). A list is a grid. May differ by domain."""
    temperature: values.GridByDomain[values.Positive] = 10
    """Temperature of the neighbours, which depends on the scale of the model's keys (released: 10, Koran 100). A list
    is a grid. May differ by domain."""
    select_by: Literal["likelihood", "bleu"] = "bleu"
    """How a grid's best point is found: likelihood of dev, teacher-forced in one pass, which favours small lambda, or
    bleu of dev by beam search."""


class CombinerTraining(values.Section):
    """How combiners that learn are trained: on dev, the base model frozen, the best by dev loss. The same for A-kNN,
    R-kNN and own_systems.
    """

    learning_rate: values.Positive = 3e-4
    """Adam's learning rate, the same throughout (paper: 3e-4)."""
    betas: values.Betas = [0.9, 0.98]
    """Adam's betas (paper: 0.9, 0.98)."""
    epsilon: values.Positive = 1e-8
    """Adam's epsilon (released: 1e-8)."""
    clip_norm: values.NotNegative = 1.0
    """Largest norm of the gradient; 0 clips nothing (released: 1.0)."""
    batch_sentences: values.Sentences = 32
    """Sentences of an update (released: 32)."""
    label_smoothing: values.ShareBelowOne = 0.001
    """Label smoothing (released: 0.001)."""
    max_updates: values.Updates = 5000
    """Updates at most (released: 5000)."""
    check_every: values.Updates = 100
    """Updates from one check of the dev loss to the next (released: 100)."""
    best_from: values.Updates = 1000
    """The best check counts from this update on (released: 1000)."""
    patience: values.Checks = 30
    """Training stops after so many checks, from best_from on, without a lower dev loss (released: 30)."""
    base_dropout: Literal["none", "released"] = "released"
    """Dropout of the base model while it queries in training. none: it queries once, in eval mode, and what was found
    is kept; released: it queries anew for every batch, with dropout 0.2 and attention dropout 0.1."""


class AKnn(values.Section):
    """A-kNN: adaptive kNN-MT (Zheng et al. 2021). A list is a grid to choose from by dev loss."""

    key: values.Key = "decoder_output"
    """What its datastore is keyed on (paper: decoder_output)."""
    max_k: values.GridByDomain[values.Neighbours] = 16
    """K, neighbours of a query, a power of 2 (paper: 16, Law and IT 8). A list is a grid. May differ by domain."""
    temperature: values.GridByDomain[values.Positive] = 10
    """Temperature of the neighbours (paper: 10, Koran 100; kNN-box: 10 for Koran too). A list is a grid. May differ
    by domain."""
    hidden: values.Dimensions = 32
    """Hidden size of its network (paper: 32)."""
    dropout: values.ShareBelowOne = 0.0
    """Dropout inside its network."""


class RKnn(values.Section):
    """R-kNN: robust kNN-MT (Jiang et al. 2022); r_knn_without_keys is the same without the key file, ink_r_knn the
    same on top of INK. A list is a grid to choose from by dev loss.
    """

    key: Literal["decoder_output"] = "decoder_output"
    """What its datastore is keyed on: what the output layer sees, since it asks for the model's opinion of an entry."""
    max_k: values.GridByDomain[values.Neighbours] = 8
    """K, neighbours of a query (paper: 8). A list is a grid. May differ by domain."""
    hidden_calibration: values.Dimensions = 4
    """Hidden size of the network that corrects neighbours (paper: 4)."""
    hidden_weight: values.Dimensions = 32
    """Hidden size of the network that gives lambda and temperature (paper: 32)."""
    top_probabilities: values.Count = 8
    """So many of the model's highest probabilities are looked at (paper: 8)."""
    sigma: values.NotNegative = 0.01
    """Standard deviation of the noise on keys in training (paper: 0.01)."""
    alpha0: values.ByDomain[values.Share] = 1.0
    """Probability of perturbing a position in the first update (paper: 1.0). May differ by domain."""
    decay: values.ByDomain[values.Positive] = 1000
    """Updates until that probability is 1/e of it (released: 1000; kNN-box: 10 for Koran). May differ by domain."""


class SkMt(values.Section):
    """SK-MT (Dai et al. 2023): each sentence has a small datastore, of the training pairs that are like it. Nothing is
    stored but text, and nothing chosen on dev: the values are the paper's. See docs/methods.md.
    """

    key: values.Key = "decoder_output"
    """What the datastores are keyed on."""
    candidates: values.Pairs = 64
    """Training pairs of the highest BM25 whose edit similarity is looked at (released: 64)."""
    pairs: values.Pairs = 16
    """Of these the most similar ones, of which a datastore is made (paper: 16, or 2 where k is 1)."""
    k: values.ByDomain[values.Neighbours] = 2
    """Neighbours of a query (paper: 2, or 1). May differ by domain."""
    temperature: values.ByDomain[values.Positive] = 100
    """T of the neighbours' shares and of lambda, ReLU(1 - d_1 / T), which depends on the scale of the model's keys
    (paper: 100). May differ by domain."""


class OwnSystem(values.Section):
    """A system with a combiner of your own; what else stands in it are the combiner's settings."""

    model_config = ConfigDict(title="a mapping with combiner, key, and the combiner's settings", extra="allow")

    combiner: Module
    """The module that defines the combiner."""
    key: values.Key
    """What its datastore is keyed on."""


OwnName = Annotated[str, Field(title="a name of small letters, digits and _", pattern="^[a-z][a-z0-9_]*$")]
OwnSystems = dict[OwnName, OwnSystem]
