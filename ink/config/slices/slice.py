"""What every slice is, and what those of commands with a model have in common."""

from __future__ import annotations

from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin

from ink.config.sections.base_system import Decoding
from ink.config.sections.measurements import BleuTokeniser
from ink.config.sections.parallel_text import Languages, Tokenisation
from ink.config.values import WITHOUT_EFFECT, Device, Precision, Section


class Slice(Section):
    """What a command reads."""

    def that_matter(self) -> dict[str, Any]:
        """Return the settings as `plain` does, without those that have no effect on what a job yields."""
        return self.plain(without=_without_effect(type(self)))


class ModelSettings(Slice):
    """What computing with a model takes."""

    device: Device
    precision: Precision


class DecodingSettings(ModelSettings):
    """What translating and scoring takes."""

    data: Languages
    text: Tokenisation
    decoding: Decoding
    evaluation: BleuTokeniser


def section_in(annotation: Any) -> type[Section] | None:
    """Return the section that a field of this type is, or is where it is not null; None where it is one setting."""
    kinds = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Section)), None)


@cache
def _without_effect(kind: type[Section]) -> dict[str, Any]:
    """Return the settings without effect as `model_dump` excludes them."""
    found: dict[str, Any] = {}
    for name, field in kind.model_fields.items():
        inner = section_in(field.annotation)
        if WITHOUT_EFFECT in field.metadata:
            found[name] = True
        elif inner is not None and (below := _without_effect(inner)):
            found[name] = below
    return found
