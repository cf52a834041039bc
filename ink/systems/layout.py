"""Where an experiment keeps what it has prepared and trained: for the workflow, and for commands that use it later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ink.config.domains import given_base_model
from ink.runtime.project import project_path
from ink.systems.known_systems import system_named
from ink.systems.systems_of_experiment import retrieval_settings

# of the repository that holds this code, or of the installed package
PAPER = project_path("results/paper")


def paper_folder(results: Path | str) -> Path:
    """Return the folder with the paper's own numbers, for results/EXPERIMENT or results/published/EXPERIMENT.

    That is results/paper where it is there, else the repository's: a workflow may run in any folder.
    """
    beside = [folder / "paper" for folder in Path(results).absolute().parents[:2]]
    return next((folder for folder in beside if folder.is_dir()), PAPER)


class Run(NamedTuple):
    """A run of an experiment: a system on a domain, trained with a seed; one that does not learn has the first seed."""

    system: str
    domain: str
    seed: int

    def __str__(self) -> str:
        return f"{self.system}/{self.domain}/seed{self.seed}"


@dataclass(frozen=True)
class Layout:
    """Paths of one experiment, relative to the folder that the workflow runs in.

    An argument may be one of Snakemake's wildcards, such as "{domain}".
    """

    config: Mapping[str, Any]
    folder: str | None = None  # of what is heavy, where it is not work/EXPERIMENT

    @property
    def work(self) -> str:
        """What is heavy and can be made again."""
        return self.folder or f"work/{self.config['experiment']}"

    @property
    def results(self) -> str:
        """What is small and worth keeping."""
        return f"results/{self.config['experiment']}"

    @property
    def base_model(self) -> str:
        """The base model's checkpoint, or a Hugging Face model's folder: the one given, or the one trained here."""
        return given_base_model(self.config) or f"{self.work}/base_model/model.pt"

    @property
    def vocabulary(self) -> str:
        """BPE codes and dictionaries."""
        return f"{self.work}/vocabulary"

    def corpus(self, domain: str) -> str:
        """Raw text."""
        return f"{self.work}/corpus/{domain}"

    def data(self, domain: str) -> str:
        """Binarised text."""
        return f"{self.work}/binarised/{domain}"

    def datastore(self, domain: str, key: str) -> str:
        """The base model's datastore."""
        return f"{self.work}/datastores/{key}/{domain}"

    def reduced_datastore(self, reduction: str, domain: str, key: str) -> str:
        """The base model's datastore, made small."""
        return f"{self.work}/datastores/reduced/{reduction}/{key}/{domain}"

    def adapted_datastore(self, model: str, domain: str, seed: str | int) -> str:
        """The datastore of the base model with the final adapter of `adapter` or `ink`, keyed on decoder_output."""
        return f"{self.work}/datastores/{model}/{domain}/seed{seed}"

    def shard(self, datastore: str, number: str | int, count: str | int) -> str:
        """A shard of a datastore, of which the path is given; gone once they are joined."""
        place = datastore.removeprefix(f"{self.work}/datastores/")
        return f"{self.work}/datastores/shards/{place}/{number}of{count}"

    def combiner(self, name: str, domain: str, seed: str | int | None = None) -> str:
        """What was chosen on dev under this name, or trained there with a seed."""
        trained = "" if seed is None else f"/seed{seed}"
        return f"{self.work}/combiners/{name}/{domain}{trained}/combiner.json"

    def adapter(self, model: str, domain: str, seed: str | int) -> str:
        """The final adapter of `adapter`, `ink` or a variation of them."""
        return f"{self.work}/adapters/{model}/{domain}/seed{seed}/adapter.safetensors"

    def card(self, model: str, domain: str, seed: str | int) -> str:
        """What stands beside that adapter for its readers."""
        return f"{self.work}/adapters/{model}/{domain}/seed{seed}/card.md"

    def rounds(self, model: str, domain: str, seed: str | int, first: str | int) -> str:
        """The rounds of INK, or of a variation of it, that one job trains, from round `first` on."""
        return f"{self.work}/ink/{model}/{domain}/seed{seed}/rounds/{first}"

    def neighbours(self, domain: str) -> str:
        """The neighbours of the base model's datastore's entries, stored."""
        return f"{self.work}/neighbours/decoder_output/{domain}"

    def source_tokens(self, domain: str) -> str:
        """The source tokens of the training text, as the base model encodes them, with what is aligned."""
        return f"{self.work}/source_tokens/{domain}"

    def model(self, model: str, domain: str, seed: str | int) -> str:
        """The checkpoint of a system whose model takes the base model's place."""
        return f"{self.work}/models/{model}/{domain}/seed{seed}/model.pt"

    def searched_datastore(self, system: str, domain: str, seed: str | int) -> str:
        """What a system that retrieves searches: the datastore of its own model, or a reduced one."""
        known = system_named(system)
        if known.has_adapter:
            return self.adapted_datastore(known.model, domain, seed)
        key = retrieval_settings(self.config, system)["key"]
        return (
            self.datastore(domain, key)
            if known.reduction is None
            else self.reduced_datastore(known.reduction, domain, key)
        )

    def system_files(self, system: str, domain: str, seed: str | int) -> dict[str, str]:
        """What a system adds to the base model, or has in its place: adapter, model, datastore, combiner, tokens."""
        known, files = system_named(system), {}
        if known.has_adapter:
            files["adapter"] = self.adapter(known.model, domain, seed)
        if known.own_checkpoint:
            files["model"] = self.model(known.model, domain, seed)
        if known.combiner_of is not None:
            files["datastore"] = self.searched_datastore(system, domain, seed)
            files["combiner"] = self.combiner(known.combiner_of, domain, seed if known.learns_combiner else None)
        if known.by_source_tokens:
            files["source_tokens"] = self.source_tokens(domain)
        return files

    def hypotheses(self, system: str, domain: str, seed: str | int) -> str:
        """Translations of the test set by one run."""
        language = self.config["data"]["target_language"]
        return f"{self.results}/hypotheses/{system}/{domain}/seed{seed}.{language}"

    def scores(self, system: str, domain: str, seed: str | int) -> str:
        """Scores of one run."""
        return f"{self.results}/scores/{system}/{domain}/seed{seed}.json"

    def metric(self, system: str, domain: str, seed: str | int, metric: str) -> str:
        """One run's score in a metric that is scored apart from translating."""
        return self.scores(system, domain, f"{seed}.{metric}")
