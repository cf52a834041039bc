"""Kinds of values that settings have: what each allows, in which unit, and how a message words it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import CoreSchema


class Section(BaseModel):
    """A mapping of settings, or a part of one; an attribute's docstring is the setting's documentation."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True, defer_build=True)

    def plain(self, *, without: Any = None) -> dict[str, Any]:
        """Return the settings as the configuration has them: those that were given, by name, in the class's order.

        without: what is left out, as pydantic's `model_dump` excludes it.
        """
        # its warnings are of whole numbers where there may be a fraction
        return self.model_dump(by_alias=True, exclude_unset=True, exclude=without, warnings=False)


@dataclass(frozen=True)
class Keyword:
    """A keyword of JSON schema that pydantic has no argument for."""

    name: str
    value: Any

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(core), self.name: self.value}


DISTINCT = Keyword("uniqueItems", True)


def optional() -> Any:
    """Say of a setting that it may be absent: it has no default and is then absent from the resolved whole too."""

    def without_default(rules: dict[str, Any]) -> None:
        del rules["default"]

    return Field(default=None, json_schema_extra=without_default)


def _as_written(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    check(value)
    return value


# A number that may have a fraction stays as it is written: 10 is no 10.0, in files neither.
AS_WRITTEN = WrapValidator(_as_written)
# How a job runs and not what it yields: a change of such a setting reruns nothing.
WITHOUT_EFFECT = "without effect on what a job yields"

T = TypeVar("T")

Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
Neighbours = Annotated[int, Field(ge=1, le=2048), Keyword("unit", "neighbours")]  # FAISS finds no more on a GPU
Positive = Annotated[float, Field(gt=0), AS_WRITTEN]
NotNegative = Annotated[float, Field(ge=0), AS_WRITTEN]
Share = Annotated[float, Field(ge=0, le=1), AS_WRITTEN]
ShareBelowOne = Annotated[float, Field(ge=0, lt=1), AS_WRITTEN]

Cores = Annotated[Count, Keyword("unit", "cores")]
Processes = Annotated[Count, Keyword("unit", "processes")]
Tokens = Annotated[Count, Keyword("unit", "tokens")]
Sentences = Annotated[Count, Keyword("unit", "sentences")]
Pairs = Annotated[Count, Keyword("unit", "sentence pairs")]
Batches = Annotated[Count, Keyword("unit", "batches")]
Updates = Annotated[Count, Keyword("unit", "updates")]
Checks = Annotated[Count, Keyword("unit", "checks")]
Epochs = Annotated[Count, Keyword("unit", "epochs")]
Rounds = Annotated[Count, Keyword("unit", "rounds")]
EpochsOrRounds = Annotated[Count, Keyword("unit", "epochs or rounds")]
Layers = Annotated[Count, Keyword("unit", "layers")]
Occurrences = Annotated[Count, Keyword("unit", "occurrences")]
Dimensions = Annotated[Count, Keyword("unit", "dimensions")]

Path = Annotated[str, Field(title="a path", min_length=1)]
Domain = Annotated[str, Field(title="a name of letters, digits, _ and -", pattern="^[A-Za-z0-9][A-Za-z0-9_-]*$")]
Language = Annotated[
    str, Field(title="a language code such as de, pt_BR or zh-CN", pattern="^[A-Za-z]{2,3}([_-][A-Za-z0-9]+)*$")
]
Device = Annotated[str, Field(title="cpu, cuda, or one GPU by number such as cuda:1", pattern="^(cpu|cuda(:[0-9]+)?)$")]
Precision = Literal["fp32", "fp16", "bf16"]
Split = Literal["train", "dev", "test"]
Key = Literal["decoder_output", "ffn_input"]
System = Annotated[str, Field(title="a system's name")]

Domains = Annotated[list[Domain], Field(title="a list of different domains"), DISTINCT]
Systems = Annotated[list[System], Field(title="a list of different systems", min_length=1), DISTINCT]
Betas = Annotated[
    list[ShareBelowOne], Field(title="a list of two numbers of at least 0 and below 1", min_length=2, max_length=2)
]
SharesBelowOne = Annotated[list[ShareBelowOne], Field(title="a list of numbers of at least 0 and below 1"), DISTINCT]

# a value, or several to choose from on dev
Grid: TypeAlias = T | Annotated[list[T], Field(title="a list of such values", min_length=1), DISTINCT]
# a value, or one a domain; a command's settings are resolved for its domain and have the one
if TYPE_CHECKING:
    ByDomain: TypeAlias = Annotated[T, "by domain"]
    ListByDomain: TypeAlias = Annotated[T, "by domain"]
    GridByDomain: TypeAlias = Grid[T]
else:
    ByDomain = T | Annotated[dict[str, T], Field(title="one such value per domain", min_length=1)]
    ListByDomain = T | Annotated[dict[str, T], Field(title="one such list per domain", min_length=1)]
    GridByDomain = Grid[T] | Annotated[dict[str, Grid[T]], Field(title="either per domain", min_length=1)]
