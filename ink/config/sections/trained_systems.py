"""Settings of the systems that are trained on a domain's text: Adapter, INK and kNN-KD."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ink.config import values

Switch = Annotated[bool, Field(title="true or false")]
Sizes = Annotated[list[values.Dimensions], Field(title="a list of whole numbers of at least 1"), values.DISTINCT]
Ablations = Annotated[
    list[Literal["without_refresh", "without_l_r", "without_l_i"]],
    Field(title="a list of without_refresh, without_l_r and without_l_i"),
    values.DISTINCT,
]
Controls = Annotated[list[Literal["exact_neighbours"]], Field(title="a list of exact_neighbours"), values.DISTINCT]
Weights = Annotated[list[values.Positive], Field(title="a list of numbers above 0", min_length=1), values.DISTINCT]
CheckpointUpdates = Annotated[
    int, Field(title="a whole number of at least 0", ge=0), values.Keyword("unit", "updates"), values.WITHOUT_EFFECT
]


class Learning(values.Section):
    """How weights are updated."""

    learning_rate: values.Positive = 5e-4
    """Adam's highest learning rate, inverse square root schedule (paper: 5e-4)."""
    warmup_updates: values.Updates = 4000
    """Updates until the highest learning rate (paper: 4000). One epoch of the smallest domain is a good start."""
    betas: values.Betas = [0.9, 0.98]
    """Adam's two decay rates (released: 0.9, 0.98)."""
    weight_decay: values.NotNegative = 1e-4
    """Adam's weight decay (released: 1e-4)."""
    clip_norm: values.NotNegative = 0.0
    """Gradients are clipped to this norm; 0 clips none, as released."""
    batch_tokens: values.Tokens = 4096
    """Tokens of a batch at most (paper: 4096; INK's released code: 1024 with an update_frequency of 4). At least
    text.max_length + 1."""
    update_frequency: values.Batches = 1
    """Batches of each process whose gradients are added up for one update: raise it where memory is short."""
    processes: values.Processes = 1
    """Processes that train together, one GPU each, or on a CPU threads.training cores each; an update sees up to
    batch_tokens * update_frequency * processes tokens."""
    dropout: values.ShareBelowOne = 0.1
    """Dropout (released: 0.1); of attention it is the checkpoint's own."""
    label_smoothing: values.ShareBelowOne = 0.1
    """Label smoothing of the translation loss L^a (released: 0.1)."""


class Patience(values.Section):
    """When training stops."""

    patience: Annotated[values.Count | None, values.Keyword("unit", "epochs or rounds")] = 10
    """Training stops after so many epochs or rounds without a better dev BLEU (released: 10). null trains all of them,
    so that systems with equal max_epochs and max_rounds are compared after as many passes."""


class DevSentences(values.Section):
    """What is translated of dev."""

    dev_sentences: values.Sentences = 2000
    """So many first sentences of dev are decoded after every epoch or round (paper: all 2000)."""


class DevDecoding(DevSentences):
    """How dev is translated in training."""

    dev_beam: values.Count = 4
    """Beam of these; 1 is greedy search, about three times as fast. Test sets are decoded with decoding.beam."""


class Averaging(values.Section):
    """What is averaged."""

    average_last: values.EpochsOrRounds = 5
    """The checkpoints of so many last epochs or rounds, and the best one, are averaged (released: 5)."""


class Checkpoints(values.Section):
    """When the state of training is written."""

    checkpoint_updates: CheckpointUpdates = 1000
    """After so many updates within an epoch the whole state of training is written, from which an interrupted job
    goes on; 0 writes it after whole epochs only. For the base model's training too. Changes no result, reruns
    nothing."""


class Training(Checkpoints, Averaging, DevDecoding, Patience, Learning):
    """What Adapter and INK share; dev_sentences, dev_beam, patience and average_last are kNN-KD's too."""


class InnerDimension(values.Section):
    """The size of adapters."""

    inner_dimension: values.ByDomain[values.Dimensions] = 4096
    """Inner size of an adapter, the larger the larger the domain (released: Medical 4096, Law 8192, IT 2048, Koran
    256). May differ by domain."""


class AdapterShape(InnerDimension):
    """What adapters are before training."""

    initialisation: Literal["zero", "default"] = "zero"
    """zero: the adapted model starts as the base model; default: nn.Linear's own, as in the released code."""


class TrainedAdapter(AdapterShape):
    """What the system Adapter trains."""

    max_epochs: values.Epochs = 200
    """Epochs of the system Adapter at most; equal to ink.max_rounds where both run. patience ends them earlier."""


class AdapterSizes(values.Section):
    """Variations of Adapter and INK by size."""

    sizes: values.ListByDomain[Sizes] = []
    """Further inner dimensions with which Adapter and INK are trained and scored, for Figure 3. May differ by domain.
    """


class AdapterControls(values.Section):
    """Variations of the Adapter that are controls."""

    label_smoothings: values.ListByDomain[values.SharesBelowOne] = []
    """Further label smoothings with which the Adapter is trained and scored, as controls: is what INK gains there
    without it? May differ by domain."""
    dropouts: values.ListByDomain[values.SharesBelowOne] = []
    """Further dropouts with which the Adapter is trained and scored, as controls. May differ by domain."""


class Adapter(AdapterControls, AdapterSizes, TrainedAdapter):
    """The adapters of the systems Adapter and INK."""


class InkRounds(values.Section):
    """How many rounds INK trains."""

    max_rounds: values.Rounds = 200
    """Rounds at most (released: 200). A round is one refresh and one epoch. patience ends them earlier."""
    rounds_per_job: values.Rounds = 1
    """Rounds that one job of the workflow trains, one after the other in one process, which is set up once; few where
    a job's time is bounded. What comes out is the same; a change trains INK again all the same."""


class InkVariant(values.Section):
    """Whose INK it is."""

    variant: Literal["paper", "released"] = "paper"
    """Where the paper and its released code differ: docs/paper-and-code.md says in what."""


class InkNeighbours(values.Section):
    """How many neighbours INK looks at."""

    k: values.ByDomain[values.Neighbours] = 32
    """Neighbours of a position (released: 32, Koran 64). May differ by domain."""


class LossWeights(values.Section):
    """The weights of INK's losses."""

    alpha: values.ByDomain[values.NotNegative] = 0.1
    """Weight of L^i, which aligns the model with its neighbours (released: 0.1, Law and Koran 0.2; the paper chooses
    among 0.1, 0.2 and 0.3). May differ by domain."""
    beta: values.ByDomain[values.NotNegative] = 0.1
    """Weight of L^r, which draws keys of one target token together (likewise). May differ by domain."""


class NeighbourSearch(values.Section):
    """When INK's neighbours are found, and where."""

    neighbours: Literal["per_round", "per_batch", "per_round_exact"] = "per_round"
    """When a position's neighbours are found. per_round: of all positions at once right after the refresh, with the
    stored keys as queries; per_batch: by a search of the index with the current h_t, dropout on, as released;
    per_round_exact: as per_round, among all entries whatever the index, which takes time with their square."""
    refresh: Literal["every_round", "never"] = "every_round"
    """every_round: after round 1 the datastore is recomputed with the adapters of the round before; never: all rounds
    train on the base model's."""
    refresh_index: Literal["reuse", "retrain"] = "reuse"
    """Of per_batch, which searches the refreshed index. reuse: keep the first round's centroids and codebooks, as
    released; retrain: learn them anew every round."""


class InkVariations(values.Section):
    """Variations of INK that are scored."""

    ablations: values.ListByDomain[Ablations] = []
    """Ablations of INK that are trained and scored, for Table 4 (paper: all, on Medical): without_refresh
    (ink.refresh never), without_l_r (beta 0), without_l_i (alpha 0). Each takes as long as INK. May differ by domain.
    """
    controls: values.ListByDomain[Controls] = []
    """Controls of INK that are trained and scored, for the table of controls: exact_neighbours (ink.neighbours
    per_round_exact). May differ by domain."""


class InkSearch(values.Section):
    """Points among which alpha and beta are chosen."""

    search: values.ByDomain[Switch] = False
    """true: INK is trained with every pair of the values of search_over as alpha and beta, and the one with the best
    dev BLEU (mean over the seeds) is INK. May differ by domain."""
    search_over: Weights = [0.1, 0.2, 0.3]
    """Values of alpha and beta that a search tries (paper: 0.1, 0.2, 0.3)."""


class Ink(InkSearch, InkVariations, NeighbourSearch, LossWeights, InkNeighbours, InkVariant, InkRounds):
    """INK: L = L^a + alpha L^i + beta L^r, the datastore refreshed every round."""


class KnnTeacher(values.Section):
    """What kNN-KD's neighbours teach."""

    k: values.ByDomain[values.Neighbours] = 4
    """Neighbours of a position, the first of those stored (released: 4, Koran 16). May differ by domain."""
    temperature: values.ByDomain[values.Positive] = 10
    """Temperature of the neighbours (released: 10, Koran 100). May differ by domain."""
    weight: values.NotNegative = 1.0
    """Weight of KL(p_kNN || p) (released: 1.0)."""


class StoredNeighbours(values.Section):
    """What kNN-KD's neighbours are chosen from."""

    stored: values.Neighbours = 64
    """Neighbours found once of every training position, its own entry among them (released: 64)."""


class KnnKd(StoredNeighbours, KnnTeacher):
    """kNN-KD (Yang et al. 2022): a model of the base model's architecture, trained from scratch on the domain and
    taught by the base model's neighbours. Stopping, averaging and dev sentences are those of training.
    """

    own_entry: Literal["included", "excluded"] = "included"
    """included: a position's own entry teaches it too, as released; excluded: it is left out by identity, duplicates
    of the sentence stay."""
    max_epochs: values.Epochs = 10
    """Epochs at most (released: 10 for Law)."""
    learning_rate: values.Positive = 5e-4
    """Adam's highest learning rate, inverse square root schedule (released: 5e-4)."""
    warmup_updates: values.Updates = 4000
    """Updates until the highest learning rate (released: 4000)."""
    batch_tokens: values.Tokens = 8192
    """Tokens of a batch at most (released: 8192 on each of 4 GPUs)."""
    update_frequency: values.Batches = 4
    """Batches of each process whose gradients are added up for one update (in place of the released code's 4 GPUs)."""
    processes: values.Processes = 1
    """Processes that train together, one GPU each (released: 4); an update sees up to batch_tokens * update_frequency
    * processes tokens."""
    dropout: values.ShareBelowOne = 0.2
    """Dropout (released: 0.2)."""
    attention_dropout: values.ShareBelowOne = 0.1
    """Dropout of attention weights (released: 0.1)."""
    activation_dropout: values.ShareBelowOne = 0.1
    """Dropout inside the feed-forward networks (released: 0.1)."""
    label_smoothing: values.ShareBelowOne = 0.1
    """Label smoothing (released: 0.1)."""
