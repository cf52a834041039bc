"""Settings of what is measured: scores, kNN accuracy, speed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from ink.config import values

Metrics = Annotated[
    list[Annotated[str, Field(title="a metric's name")]],
    Field(title="a list of different metrics", min_length=1),
    values.DISTINCT,
]
CometModel = Annotated[str, Field(title="a name on the Hugging Face hub, or a path that ends in .ckpt", min_length=1)]
BucketEdges = Annotated[
    list[Annotated[int, Field(ge=0)] | None],
    Field(title="a list of two or more whole numbers of at least 0, the last one or null", min_length=2),
]
NeighbourCounts = Annotated[
    list[values.Neighbours], Field(title="a list of different numbers of neighbours", min_length=1), values.DISTINCT
]
BatchSizes = Annotated[
    list[values.Sentences],
    Field(title="a list of different whole numbers of at least 1", min_length=1),
    values.DISTINCT,
]


class Comet(values.Section):
    """The model of the metric comet (paper: wmt20-comet-da); null without it, and Table 2 says so. model:
    wmt20-comet-da downloads 2.3 GB from the Hugging Face hub; without network name a checkpoint and an encoder.
    """

    model_config = ConfigDict(title="a mapping with model, encoder and batch_sentences")

    model: CometModel = "wmt20-comet-da"
    """wmt20-comet-da or another of Unbabel's, OWNER/NAME on the Hugging Face hub, or the path of
    checkpoints/model.ckpt beside its hparams.yaml, with which nothing is downloaded."""
    encoder: values.Path | None = None
    """Folder with config.json and tokeniser of the encoder that the model was trained on (of wmt20-comet-da:
    xlm-roberta-large); null takes them from the hub."""
    batch_sentences: values.Sentences = 32
    """Translations scored at once."""


class ChosenMetrics(values.Section):
    """What hypotheses are scored with."""

    metrics: Metrics = ["bleu", "chrf"]
    """What translations are scored with: bleu and chrf, which every run has, and comet or ter, scored by jobs of their
    own that translate nothing again. Each is in Table 2, gains, Table 4 and controls (chrF in Table 2's CSV alone,
    unless it is the first), in MLflow and in `ink compare`; the first ranks the systems in the report and is the axis
    of Figures 3 and 4. docs/adding-a-metric.md adds one."""


class BleuTokeniser(values.Section):
    """How BLEU splits text into words."""

    sacrebleu_tokeniser: Literal[
        "13a", "intl", "zh", "ja-mecab", "ko-mecab", "char", "flores101", "flores200", "spBLEU-1K", "none"
    ] = "13a"
    """sacrebleu's tokeniser for the target language: 13a for most; zh, ja-mecab or ko-mecab for Chinese, Japanese or
    Korean, whose BLEU under 13a says nothing, and flores200 for Thai, Lao, Khmer, Burmese and Tibetan. char,
    flores101, flores200 and spBLEU-1K are for any language. `ink check-config` and `ink doctor` say what one lacks
    here."""


class Bootstrap(values.Section):
    """How sure a difference is."""

    bootstrap_samples: Annotated[values.Count, values.Keyword("unit", "samples")] = 1000
    """Samples of the bootstrap behind confidence intervals."""
    bootstrap_seed: values.Seed = 12345
    """Seed of the bootstrap."""


class CometJudge(values.Section):
    """The model that COMET judges by."""

    comet: Annotated[Comet | None, Field(title="null, or a mapping with model, encoder and batch_sentences")] = None


class Evaluation(CometJudge, Bootstrap, BleuTokeniser, ChosenMetrics):
    """How hypotheses are scored."""


class AccuracyDomains(values.Section):
    """Where kNN accuracy is measured."""

    domains: values.Domains = []
    """Domains with training text, of which those among the experiment's domains are measured (paper: Medical); []
    leaves Table 3 out."""


class AccuracyMeasure(values.Section):
    """What is counted of neighbours."""

    k: NeighbourCounts = [8, 16, 32, 64]
    """Neighbours of a position (paper: 8, 16, 32, 64)."""
    bucket_edges: BucketEdges = [0, 1000, 5000, 10000, 20000, 30000, None]
    """Ranks in the base model's target dictionary, which is sorted by frequency, at which one bucket of tokens ends
    and the next begins (paper: 0, 1000, 5000, 10000, 20000, 30000, 42000, where the dictionary has 42,024 types).
    Starts with 0; null at the end is the end of the dictionary."""


class KnnAccuracy(AccuracyMeasure, AccuracyDomains):
    """Table 3: how many of a dev position's neighbours have the reference's token as their value.

    Measured for the base model, for INK, and for Adapter if it is among the systems, each in its own training
    datastore. Only where INK is among the systems.
    """


class TimedSystems(values.Section):
    """What is timed."""

    domain: values.Domain | None = None
    """A domain with training text (paper: Law), if it is among the experiment's domains; null leaves Table 5 out."""
    systems: values.Systems = ["r_knn", "ink"]
    """Of these the experiment's are measured (paper: r_knn, ink); any system may stand here, off_the_shelf and
    adapter too."""


class SpeedMeasure(values.Section):
    """How it is timed."""

    batch_sentences: BatchSizes = [8, 32, 128]
    """Sentences decoded at once (paper: 8, 32, 128)."""
    repeats: Annotated[values.Count, values.Keyword("unit", "rounds")] = 3
    """Rounds that count, after one that does not (paper: 3)."""
    sentences: values.Sentences = 2000
    """So many first test sentences are translated (paper: all 2000); all of them where there are fewer."""


class Speed(SpeedMeasure, TimedSystems):
    """Table 5: sentences and target tokens a second of beam search, loading and detokenising excluded. The job has
    all cores to itself.
    """
