"""What the commands that train, and that build what training needs, read."""

from __future__ import annotations

from typing import Any

from ink.config.sections import trained_systems
from ink.config.sections.base_system import BaseModelTraining, Datastore, Index, KeyExtraction
from ink.config.sections.parallel_text import Languages
from ink.config.sections.reductions import Reduction
from ink.config.sections.retrieval_systems import AKnn, CombinerTraining, RKnn, VKnn
from ink.config.slices.slice import DecodingSettings, ModelSettings, Slice
from ink.config.values import Section


class DevSettings(DecodingSettings):
    """What translating dev in training takes."""

    training: trained_systems.DevSentences


class WholeEpochs(trained_systems.Checkpoints, trained_systems.DevSentences):
    """Training whose epochs are all run."""


class LearnedModel(Section):
    """A base model that is trained."""

    train: BaseModelTraining


class BaseModelSettings(DevSettings):
    """What train-base reads."""

    training: WholeEpochs
    base_model: LearnedModel


class DatastoreSettings(ModelSettings):
    """What build-datastore reads."""

    data: Languages
    datastore: KeyExtraction
    index: Index


class ShardSettings(ModelSettings):
    """What build-datastore-shard reads."""

    data: Languages
    datastore: Datastore


class JoiningSettings(Slice):
    """What join-datastore reads."""

    index: Index


class SourceTokensSettings(ModelSettings):
    """What store-source-tokens reads."""

    data: Languages
    datastore: KeyExtraction


class ReductionSettings(ModelSettings):
    """What reduce-datastore reads: of the reductions its own."""

    data: Languages
    datastore: KeyExtraction
    index: Index
    reductions: dict[str, Reduction]


class TuningSettings(DevSettings):
    """What tune-v-knn reads."""

    datastore: KeyExtraction
    index: Index
    v_knn: VKnn


class CombinerSettings(ModelSettings):
    """What train-combiner reads: of the sections of combiners the system's alone."""

    data: Languages
    datastore: KeyExtraction
    index: Index
    combiner_training: CombinerTraining
    a_knn: AKnn | None = None
    r_knn: RKnn | None = None
    own_systems: dict[str, dict[str, Any]]


class StoringSettings(Slice):
    """What store-neighbours reads."""

    index: Index
    knn_kd: trained_systems.StoredNeighbours


class StoppedByDev(
    trained_systems.Checkpoints, trained_systems.Averaging, trained_systems.Patience, trained_systems.DevDecoding
):
    """Training that dev stops, and whose last epochs are averaged."""


class KnnKdSettings(DevSettings):
    """What train-knn-kd reads."""

    training: StoppedByDev
    knn_kd: trained_systems.KnnKd


class AdapterSettings(DevSettings):
    """What train-adapter reads."""

    training: trained_systems.Training
    adapter: trained_systems.TrainedAdapter


class InkRound(
    trained_systems.LossWeights,
    trained_systems.NeighbourSearch,
    trained_systems.InkNeighbours,
    trained_systems.InkVariant,
):
    """What a round of INK minimises, and where its neighbours are from."""


class InkRoundSettings(DevSettings):
    """What train-ink-round reads."""

    training: trained_systems.Training
    adapter: trained_systems.AdapterShape
    datastore: KeyExtraction
    index: Index
    ink: InkRound


class InkChoiceSettings(Slice):
    """What choose-ink reads."""

    ink: trained_systems.InkSearch


class AveragedRounds(trained_systems.Averaging, trained_systems.DevDecoding):
    """What is averaged of rounds, and how dev is translated with it."""


class InkAverageSettings(DevSettings):
    """What finish-ink reads."""

    training: AveragedRounds
    ink: trained_systems.InkVariant
