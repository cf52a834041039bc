"""The systems: rows of Table 2, in its order. Each is a model, and a combiner where it retrieves at inference.

In figures a colour and a shape tell them apart: colours are Okabe and Ito's, which colour-blind readers tell apart, and
shapes and fillings do so in grey print.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ink.systems.row_names import in_words, row_name
from ink.systems.search_methods import SOURCE_TOKENS, search_method
from ink.systems.variations import variation_named

BLACK, GREY, ORANGE, SKY, GREEN = "#000000", "#767676", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"


@dataclass(frozen=True)
class Mark:
    """How a system is drawn: shape, colour, whether the shape is filled, its width in points, and its lines."""

    shape: str
    colour: str
    filled: bool = True
    width: float = 5.0
    line: str = ":"

    def options(self) -> dict[str, Any]:
        """Return matplotlib's options for a line's markers."""
        return {
            "marker": self.shape,
            "markersize": self.width,
            "color": self.colour,
            "markeredgecolor": self.colour,
            "markerfacecolor": self.colour if self.filled else "none",
            "markeredgewidth": 0.6 if self.filled else 1.1,
        }

    @property
    def extent(self) -> float:
        """The width in points that it takes up, edge included."""
        return self.width * (2**0.5 if self.shape == "D" else 1) + 1


@dataclass(frozen=True)
class System:
    """One row of Table 2.

    - commands: those that it consists of; first_job: the job with which a run of it begins
    - model: `base`, whose adapter it uses (`adapter`, `ink`), or the checkpoint that takes the base model's place
      (`knn_kd`, with own_checkpoint)
    - section: the config's section with the settings of its combiner; None where it does not retrieve
    - settings: key and the combiner's settings, where the config has no such section, as in an entry of own_systems
    - combiner: the combiner's name
    - learns_combiner: whether the combiner is trained
    - trained_as: the name under which its combiner is chosen or trained on dev, where that is not the section's
    - without_keys: whether it decodes without the datastore's key file
    - reduction: that of the datastore that it searches, where it is a reduced one
    - strategy: how it searches, where it does not do so at every step in the whole datastore
    - by_sentence: whether it has no datastore, but makes one of each sentence that it translates
    - apart: whether Table 2 sets it below a rule, since it combines two others and does not compete with the rows above
    - compared_with: the systems over which its gain is reported beside that over the off-the-shelf model; BEST_KNN
      stands for the best one that retrieves with the base model
    - starred_over: the system over which its gains are starred in Table 2
    - memory_unit: whether its bytes are the unit of Table 2's memory, the first one's that has been run
    - table3_label: what Table 3 calls it, None where it has no row there
    - in_figure4: whether Figure 4 draws its gains
    - mark: how figures draw it; own systems get marks in their order
    """

    label: str
    model: str
    commands: tuple[str, ...]
    first_job: str
    section: str | None = None
    combiner: str | None = None
    learns_combiner: bool = False
    without_keys: bool = False
    own_checkpoint: bool = False
    reduction: str | None = None
    strategy: str | None = None
    by_sentence: bool = False
    trained_as: str | None = None
    apart: bool = False
    compared_with: tuple[str, ...] = ()
    starred_over: str | None = None
    memory_unit: bool = False
    table3_label: str | None = None
    in_figure4: bool = False
    mark: Mark | None = None
    settings: Mapping[str, Any] | None = None

    @property
    def has_adapter(self) -> bool:
        """Whether it is the base model with an adapter."""
        return self.model != "base" and not self.own_checkpoint

    @property
    def combiner_of(self) -> str | None:
        """The name under which its combiner is chosen or trained; systems with the same one share it."""
        return None if self.by_sentence else self.trained_as or self.section

    @property
    def retrieves(self) -> bool:
        """Whether it searches a datastore while decoding."""
        return self.section is not None and not self.by_sentence

    @property
    def by_source_tokens(self) -> bool:
        """Whether it searches what is aligned with the nearest occurrences of a sentence's own words."""
        return self.strategy is not None and search_method(self.strategy) == SOURCE_TOKENS

    @property
    def is_adapted(self) -> bool:
        """Whether it needs a domain's training text: all but the base model as it is, which is scored everywhere."""
        return self.model != "base" or self.section is not None

    @property
    def is_trained(self) -> bool:
        """Whether it depends on the seed: systems on the base model that learn nothing are the same for every seed."""
        return self.model != "base" or self.learns_combiner


BEST_KNN = "best_knn"
OFF_THE_SHELF = "off_the_shelf"  # the base model as it is, over which every other gains
REDUCING, STORING_SOURCE_TOKENS = "reduce-datastore", "store-source-tokens"
LEARNING_COMBINER = ("build-datastore", "train-combiner", "evaluate")
TRAINING_INK = ("build-datastore", "train-ink-round", "finish-ink")

# Where memory is the same scores may be too: INK's ring goes around Adapter's dot, V-kNN's triangle and R-kNN†'s
# diamond around A-kNN's square.
SYSTEMS: dict[str, System] = {
    OFF_THE_SHELF: System(
        "Off-the-shelf NMT", "base", ("evaluate",), "evaluate", table3_label="NMT", mark=Mark("_", BLACK, line="--")
    ),
    "knn_kd": System(
        "kNN-KD",
        "knn_kd",
        ("build-datastore", "store-neighbours", "train-knn-kd", "evaluate"),
        "train-knn-kd",
        own_checkpoint=True,
        mark=Mark("_", GREY),
    ),
    "v_knn": System(
        "V-kNN",
        "base",
        ("build-datastore", "tune-v-knn", "evaluate"),
        "tune-v-knn",
        section="v_knn",
        combiner="vanilla",
        mark=Mark("^", ORANGE, filled=False, width=8.0),
    ),
    "a_knn": System(
        "A-kNN",
        "base",
        LEARNING_COMBINER,
        "train-combiner",
        section="a_knn",
        combiner="adaptive",
        learns_combiner=True,
        mark=Mark("s", SKY, width=3.5),
    ),
    "r_knn_without_keys": System(
        "R-kNN†",
        "base",
        LEARNING_COMBINER,
        "train-combiner",
        section="r_knn",
        combiner="robust",
        learns_combiner=True,
        without_keys=True,
        mark=Mark("D", GREEN, filled=False, width=6.0),
    ),
    "r_knn": System(
        "R-kNN",
        "base",
        LEARNING_COMBINER,
        "train-combiner",
        section="r_knn",
        combiner="robust",
        learns_combiner=True,
        in_figure4=True,
        mark=Mark("D", GREEN, width=4.5),
    ),
    "adapter": System(
        "Adapter",
        "adapter",
        ("train-adapter", "evaluate"),
        "train-adapter",
        memory_unit=True,
        table3_label="Adapter",
        mark=Mark("o", BLUE, width=4.5, line="-"),
    ),
    "ink": System(
        "INK",
        "ink",
        (*TRAINING_INK, "evaluate"),
        "train-ink-round-1",
        compared_with=("adapter", "r_knn", BEST_KNN),
        starred_over="adapter",
        memory_unit=True,
        table3_label="INK",
        in_figure4=True,
        mark=Mark("o", VERMILLION, filled=False, width=8.0, line="--"),
    ),
    "ink_r_knn": System(
        "INK + R-kNN",
        "ink",
        (*TRAINING_INK, "train-combiner", "evaluate"),
        "train-combiner",
        section="r_knn",
        combiner="robust",
        learns_combiner=True,
        trained_as="ink_r_knn",
        apart=True,
        compared_with=("ink",),
        in_figure4=True,
        mark=Mark("P", PURPLE, width=6.5),
    ),
}
# of later papers, with sections of their own in the config
LATER_SYSTEMS: dict[str, System] = {
    "sk_mt": System(
        "SK-MT", "base", ("evaluate",), "evaluate", section="sk_mt", combiner="distance_aware", by_sentence=True
    ),
}
OWN_SYSTEMS, REDUCTIONS = "own_systems", "reductions"
REDUCED_BY = "+"  # between a system's name and those of the reduction of what it searches and of its strategy


def unreduced(system: str) -> str:
    """Return the name of the system that searches the whole datastore at every step."""
    return system.partition(REDUCED_BY)[0]


def always_searching(system: str) -> tuple[str, str | None]:
    """Return the name of the system that searches at every step where `system` has a strategy, and the strategy's."""
    whole, _, last = system.rpartition(REDUCED_BY)
    return (whole, last) if whole and search_method(last) is not None else (system, None)


def system_named(name: str) -> System:
    """Return the system of this name: one of Table 2 or of a later paper, a variation, or one of the config's own.

    A variation has a model of its own. Own systems retrieve with the base model and a combiner of their own, which
    counts as trained, and go by their name, in words. SYSTEM+REDUCTION is a system on a reduced datastore, where its
    combiner is chosen or trained anew. SYSTEM+STRATEGY is a system, with its combiner, that searches by a strategy.
    """
    if (known := system_of_papers(name)) is not None:
        return known
    always, strategy = always_searching(name)
    if strategy is not None:
        return _with_strategy(always, strategy)
    whole, _, reduction = name.partition(REDUCED_BY)
    if reduction:
        return _reduced(whole, reduction)
    if (variation := variation_named(name)) is not None:
        return replace(SYSTEMS[variation.of], label=variation.label, model=name)
    return System(row_name(name), "base", LEARNING_COMBINER, "train-combiner", section=name, learns_combiner=True)


def system_of_papers(name: str) -> System | None:
    """Return the system of Table 2 or of a later paper with this name, or None."""
    return SYSTEMS.get(name) or LATER_SYSTEMS.get(name)


def _with_strategy(always: str, strategy: str) -> System:
    known = system_named(always)
    commands = known.commands
    if search_method(strategy) == SOURCE_TOKENS:
        commands = (*commands[:-1], STORING_SOURCE_TOKENS, commands[-1])
    return replace(_apart(known, always, strategy), commands=commands, first_job="evaluate", strategy=strategy)


def _apart(known: System, compared_with: str, addition: str) -> System:
    """Return a system with an addition: a row apart, compared with the one without."""
    return replace(
        known,
        label=f"{known.label} + {in_words(addition)}",
        apart=True,
        compared_with=(compared_with,),
        starred_over=None,
        in_figure4=False,
        mark=None,
    )


def _reduced(whole: str, reduction: str) -> System:
    known = system_named(whole)
    return replace(
        _apart(known, whole, reduction),
        commands=tuple(
            part
            for command in known.commands
            for part in ((command, REDUCING) if command == "build-datastore" else (command,))
        ),
        reduction=reduction,
        trained_as=known.combiner_of and f"{known.combiner_of}{REDUCED_BY}{reduction}",
    )
