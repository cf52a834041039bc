"""Where an experiment's files lie: the one place that knows, for the workflow and for people's own commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any


@dataclass(frozen=True)
class Layout:
    """Paths of one experiment, relative to the folder that the workflow runs in.

    Arguments may be Snakemake wildcards such as "{domain}". WORK is heavy and can be made again; RESULTS is small.
    """

    config: Mapping[str, Any]

    @property
    def work(self) -> str:
        return f"work/{self.config['experiment']}"

    @property
    def results(self) -> str:
        return f"results/{self.config['experiment']}"

    @property
    def target_language(self) -> str:
        return str(self.config["data"]["target_language"])

    @property
    def resolved_config(self) -> str:
        """The config after overrides, which every command of a run reads."""
        return f"{self.results}/config.yaml"

    @property
    def base_model_folder(self) -> str:
        return f"{self.work}/base_model"

    @property
    def base_model(self) -> str:
        """The base model's checkpoint: the one given, or the one trained here."""
        return self.config["base_model"]["path"] or f"{self.base_model_folder}/model.pt"

    @property
    def vocabulary(self) -> str:
        return f"{self.work}/vocabulary"

    def corpus(self, domain: str) -> str:
        """Raw text."""
        return f"{self.work}/corpus/{domain}"

    def data(self, domain: str) -> str:
        """Binarised text."""
        return f"{self.work}/binarised/{domain}"

    def datastore(self, domain: str, key: str = "decoder_output") -> str:
        """The base model's datastore."""
        return f"{self.work}/datastores/{key}/{domain}"

    def combiner(self, system: str, domain: str) -> str:
        return f"{self.work}/combiners/{system}/{domain}/combiner.json"

    def adapter_folder(self, model: str, domain: str, seed: str | int) -> str:
        """Folder of the final adapter of `adapter` or `ink`, with its record."""
        return f"{self.work}/adapters/{model}/{domain}/seed{seed}"

    def adapter(self, model: str, domain: str, seed: str | int) -> str:
        return f"{self.adapter_folder(model, domain, seed)}/adapter.safetensors"

    def round(self, domain: str, seed: str | int, number: str | int) -> str:
        """Folder of one of INK's rounds."""
        return f"{self.work}/ink/{domain}/seed{seed}/rounds/{number}"

    def round_datastore(self, domain: str, seed: str | int, number: str | int) -> str:
        """The refreshed datastore that a round trains on."""
        return f"{self.work}/ink/{domain}/seed{seed}/datastores/{number}"

    def corpus_counts(self, domain: str) -> str:
        return f"{self.results}/corpus/{domain}.json"

    def references(self, domain: str) -> str:
        return f"{self.results}/references/{domain}.{self.target_language}"

    def hypotheses(self, system: str, domain: str, seed: str | int) -> str:
        return f"{self.results}/hypotheses/{system}/{domain}/seed{seed}.{self.target_language}"

    def scores(self, system: str, domain: str, seed: str | int) -> str:
        return f"{self.results}/scores/{system}/{domain}/seed{seed}.json"

    def table(self, name: str) -> str:
        """A table's path without its suffix."""
        return f"{self.results}/tables/{name}"

    def log(self, job: str) -> str:
        return f"{self.results}/logs/{PurePosixPath(job)}.log"

    def benchmark(self, job: str) -> str:
        return f"{self.results}/benchmarks/{PurePosixPath(job)}.tsv"
