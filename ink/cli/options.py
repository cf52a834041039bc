"""Options that several commands share, and what commands make of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ink.cli import completion
from ink.runtime.home import with_home

if TYPE_CHECKING:
    from ink.config.sections.parallel_text import Languages
    from ink.config.slices.slice import Slice

S = TypeVar("S", bound="Slice")


class PathOnDisk(click.Path):
    """A path that a person gives: shells leave `~` alone in --option=~/file, and in quotes."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(with_home(value) if isinstance(value, str) else value, param, ctx)


PATH = PathOnDisk()

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def path(name: str, help: str, *, required: bool = True, multiple: bool = False) -> Decorator:
    """Make an option that takes a path."""
    return click.option(name, type=PATH, required=required, multiple=multiple, help=help)


def several(*options: Decorator) -> Decorator:
    """Make one decorator of several options, which `--help` shows in this order."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        return reduce(lambda decorated, option: option(decorated), reversed(options), command)

    return decorate


config = path("--config", "The experiment's config file.")
domain = click.option(
    "--domain", required=True, shell_complete=completion.domains, help="The domain's name in the config."
)
seed = click.option("--seed", type=int, required=True, help="Seed of initialisation, dropout and data order.")
run_seed = click.option("--seed", type=int, required=True, help="Seed of the run that the job belongs to.")
base_model = path("--base-model", "The base model: fairseq's checkpoint, or a Hugging Face model's folder.")
vocabulary = path("--vocabulary", "Folder with BPE codes and dictionaries, or a tokeniser.")
corpus = path("--corpus", "Folder with the domain's raw text.")
data = path("--data", "Folder with the domain's binarised text.")
output = path("--output", "What to write; whole or not at all.")
domain_files = several(base_model, vocabulary, corpus, data)  # what `make_domain` makes a Domain of


def load_settings(
    config: Path,
    kind: type[S],
    domain: str | None = None,
    system: str | None = None,
    metric: str | None = None,
    reduction: str | None = None,
) -> S:
    """Read a command's slice of the config, resolved for the domain and the system, the metric or the reduction."""
    from ink.config.slices.commands import settings_for

    return settings_for(load_config(config), kind, domain, system, metric, reduction)


def load_config(path: Path) -> dict[str, Any]:
    """Read the whole config and check it: one that was cut short may still be valid YAML."""
    from ink.config import check, load
    from ink.runtime.errors import InkError

    config = load(path)
    try:
        check(config)
    except InkError as error:
        message, *problems = error.args
        raise InkError(f"{path}: {message}", *problems, code=error.code) from None
    return config


def make_domain(languages: Languages, base_model: Path, vocabulary: Path, corpus: Path, data: Path) -> Any:
    """Make the Domain that jobs with a model work on."""
    from ink.nmt.domain_files import Domain
    from ink.nmt.model_loading import backend_of

    return Domain(base_model, vocabulary, corpus, prepared_corpus(languages, data), backend_of(vocabulary))


def prepared_corpus(languages: Languages, data: Path) -> Any:
    """Make the PreparedCorpus in a folder, in these languages."""
    from ink.corpus.prepared_corpus import PreparedCorpus

    return PreparedCorpus(data, languages.languages)
