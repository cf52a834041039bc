"""What the commands that translate, measure and render read."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ink.config.sections import measurements
from ink.config.sections.base_system import BeamSearch, Datastore, Index, KeyExtraction
from ink.config.sections.experiment import Seeds
from ink.config.sections.parallel_text import Data, GeneralDomain, Languages, Tokenisation, UnknownSubwords
from ink.config.sections.reductions import Reduction
from ink.config.sections.retrieval_systems import AKnn, RKnn, SkMt, VKnn
from ink.config.sections.search_strategies import SearchStrategies
from ink.config.sections.trained_systems import (
    AdapterControls,
    AdapterSizes,
    DevDecoding,
    InkSearch,
    InkVariations,
    InnerDimension,
    Patience,
)
from ink.config.slices.slice import DecodingSettings, ModelSettings, Slice
from ink.config.values import Device, Domain, Systems
from ink.systems.search_methods import SEARCH_STRATEGIES


class SearchSettings(Slice):
    """How systems search that choose nothing on dev for it: of one system's job, its own strategy, and SK-MT's."""

    sk_mt: SkMt | None = None
    search_strategies: SearchStrategies = Field(default={})

    def that_matter(self) -> dict[str, Any]:
        # without any, a job is what it was before there were any
        found = super().that_matter()
        return found if self.search_strategies else {name: found[name] for name in found if name != SEARCH_STRATEGIES}


class EvaluatedText(GeneralDomain, Languages):
    """The direction, and the domain on which forgetting is measured."""


class EvaluationSettings(SearchSettings, DecodingSettings):
    """What evaluate reads."""

    data: EvaluatedText
    index: Index


class RawText(UnknownSubwords, Tokenisation):
    """How lines from anywhere become the model's input."""


class TranslationSettings(SearchSettings, DecodingSettings):
    """What translate and explain read."""

    text: RawText
    index: Index


class AccuracySettings(ModelSettings):
    """What knn-accuracy reads."""

    data: Languages
    datastore: KeyExtraction
    index: Index
    knn_accuracy: measurements.AccuracyMeasure


class OfMetrics(measurements.BleuTokeniser, measurements.CometJudge):
    """What metrics read; of one metric's job, what that one reads."""


class ScoringSettings(Slice):
    """What score reads; `device` is None where its metric runs no model, `evaluation` where it reads nothing."""

    device: Device | None = None
    data: Languages
    evaluation: OfMetrics | None = None


class SpeedSettings(SearchSettings, ModelSettings):
    """What measure-speed reads."""

    data: Languages
    decoding: BeamSearch
    index: Index
    speed: measurements.SpeedMeasure


class TableSettings(Slice):
    """What tables reads."""

    domains: list[Domain]
    systems: Systems
    seeds: Seeds
    data: Data
    evaluation: measurements.Evaluation
    ink: InkVariations
    adapter: AdapterControls
    knn_accuracy: measurements.KnnAccuracy
    speed: measurements.Speed


class SizedAdapter(AdapterSizes, InnerDimension):
    """The sizes of adapters."""


class CurveSettings(DevDecoding, Patience):
    """How dev was translated in training, and what ended it."""


class FigureSettings(Slice):
    """What figures reads."""

    domains: list[Domain]
    systems: Systems
    seeds: Seeds
    data: Data
    evaluation: measurements.Evaluation
    training: CurveSettings
    adapter: SizedAdapter


class LeaderboardSettings(Slice):
    """What leaderboard reads: also which jobs make a system."""

    domains: list[Domain]
    systems: Systems
    seeds: Seeds
    data: Data
    evaluation: measurements.Evaluation
    speed: measurements.Speed
    datastore: Datastore
    ink: InkSearch
    v_knn: VKnn
    a_knn: AKnn
    r_knn: RKnn
    own_systems: dict[str, dict[str, Any]]
    reductions: dict[str, Reduction]
