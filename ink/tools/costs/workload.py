"""How much an experiment has to do: its text in tokens, its model in parameters, its systems in jobs. All estimated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ink.config import (
    Config,
    accuracy_domains,
    accuracy_systems,
    adapted_domains,
    for_domain,
    scored_variations,
    searched_points,
    variations,
)
from ink.config.domains import huggingface_folder
from ink.datastore.knn_graph_division import lists_of, queries_at_once, sampled_of
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json
from ink.systems.known_systems import REDUCTIONS, system_named
from ink.systems.systems_of_experiment import retrieval_settings, seeds_of
from ink.systems.variations import variation_named
from ink.tools.costs.text_amounts import Text, TextCounts, text_of

# A checkpoint is not opened for this: its size on disk gives its parameters, and this the width that such models have.
_WIDTHS = ((3e6, 128), (2e7, 256), (1.2e8, 512), (float("inf"), 1024))


@dataclass(frozen=True)
class Model:
    """The base model: its width, its layers on both sides together, and its parameters; biases and norms left out."""

    dimension: int
    layers: int
    encoder: int
    decoder: int
    embeddings: int

    @property
    def parameters(self) -> int:
        return self.encoder + self.decoder + self.embeddings

    @property
    def types(self) -> int:
        """Return the tokens of its dictionary; source and target are taken to share theirs."""
        return self.embeddings // self.dimension


# A checkpoint that is still to come is the artefact wmt19_model's: feed-forward networks of 8,192 and 4,096.
WMT19 = Model(
    dimension=1024,
    layers=12,
    encoder=6 * (4 * 1024**2 + 2 * 1024 * 8192),
    decoder=6 * (8 * 1024**2 + 2 * 1024 * 4096),
    embeddings=42_024 * 1024,
)


@dataclass(frozen=True)
class Workload:
    """What an experiment works on, and how often."""

    config: Config
    model: Model
    text: Mapping[str, Text]

    @property
    def domains(self) -> list[str]:
        """Return the domains that are adapted to."""
        return adapted_domains(self.config)

    @property
    def keys(self) -> list[str]:
        """Return the kinds of key of which every adapted domain has a datastore of the base model."""
        systems = {name: system_named(name) for name in self.config["systems"]}
        kinds = {
            retrieval_settings(self.config, name)["key"]
            if system.retrieves and not system.has_adapter
            else "decoder_output"
            for name, system in systems.items()
            if "build-datastore" in system.commands
        }
        return sorted(kinds)

    @property
    def reduced(self) -> list[tuple[str, str]]:
        """Return the method and the kind of key of each reduced datastore of a domain."""
        searched = {
            (reduction, retrieval_settings(self.config, name)["key"])
            for name in self.config["systems"]
            if (reduction := system_named(name).reduction) is not None
        }
        return [(self.config[REDUCTIONS][reduction]["method"], key) for reduction, key in sorted(searched)]

    @property
    def commands(self) -> set[str]:
        """Return the commands that the experiment's systems consist of."""
        return {command for name in self.config["systems"] for command in system_named(name).commands}

    @property
    def adapted_datastores(self) -> list[str]:
        """Return the domain of each datastore that a final Adapter or INK model has, one a seed."""
        measured = accuracy_domains(self.config)
        systems = [system_named(name) for name in self.config["systems"]]
        of_ink = self.domains if any(system.retrieves and system.has_adapter for system in systems) else measured
        return [*of_ink, *(measured if "adapter" in accuracy_systems(self.config) else [])]

    @property
    def trained(self) -> dict[str, int]:
        """Return, of `adapter` and `ink`, epochs or rounds of those that run."""
        of_model = {"adapter": self.config["adapter"]["max_epochs"], "ink": self.config["ink"]["max_rounds"]}
        wanted = {system_named(name).model for name in self.config["systems"]}
        return {name: rounds for name, rounds in of_model.items() if name in wanted}

    @property
    def combiners(self) -> list[str]:
        """Return a system for each combiner that is trained, since systems may share one."""
        learning = [name for name in self.config["systems"] if system_named(name).learns_combiner]
        return list({system_named(name).combiner_of: name for name in learning}.values())

    @property
    def evaluations(self) -> list[tuple[str, str]]:
        """Return system and domain of every run that is scored, once a seed."""
        return [
            (system, domain)
            for system in self.config["systems"]
            for domain in (self.domains if system_named(system).is_adapted else self.config["domains"])
            for _ in seeds_of(system, self.config["seeds"])
        ] + [
            (name, domain)
            for domain in self.domains
            for name in scored_variations(self.config, domain)
            for _ in self.config["seeds"]
        ]

    def trainings(self, system: str) -> list[DomainWorkload]:
        """List the trainings of `adapter` or `ink` and of its variations over all domains, one seed's."""
        refreshes = system == "ink" and self.config["ink"]["refresh"] == "every_round"
        found = []
        if system in self.trained:
            # a search trains its points in place of INK itself
            own = [one for one in self.domains if system != "ink" or not searched_points(self.config, one)]
            found += [replace(self.of(domain), refreshes=refreshes) for domain in own]
        for name, domains in variations(self.config).items():
            variation = variation_named(name)
            if variation is None or variation.of != system:
                continue
            inner = variation.changes.get("adapter.inner_dimension")
            kept = refreshes and variation.changes.get("ink.refresh") != "never"
            found += [DomainWorkload(self, domain, self.adapter_parameters(domain, inner), kept) for domain in domains]
        return found

    def adapter_parameters(self, domain: str, inner: int | None = None) -> int:
        """Return the parameters of adapters behind every layer, of a domain's size or of the inner dimension given."""
        if inner is None:
            inner = for_domain(self.config["adapter"], domain, self.config["domains"])["inner_dimension"]
        return int(self.model.layers * self.model.dimension * (2 * inner + 4))

    def of(self, domain: str) -> DomainWorkload:
        """Return what there is to do for a domain, with an adapter of its size where there are adapters."""
        adapter = self.adapter_parameters(domain) if self.trained and domain in self.domains else 0
        return DomainWorkload(self, domain, adapter)

    @property
    def seeds(self) -> int:
        return len(self.config["seeds"])

    def entries(self, domain: str) -> int:
        """Return the entries of a domain's datastore."""
        return int(self.text[domain].tokens.get("train", 0))


@dataclass(frozen=True)
class DomainWorkload:
    """One domain of a workload, with the parameters of the adapter that a training or a system has there.

    refreshes: whether a training of INK builds its datastore anew for every round.
    """

    workload: Workload
    name: str
    adapter: int = 0
    refreshes: bool = False

    @property
    def config(self) -> Config:
        return self.workload.config

    @property
    def model(self) -> Model:
        return self.workload.model

    @property
    def entries(self) -> int:
        return self.workload.entries(self.name)

    @property
    def keys(self) -> float:
        """Bytes of a datastore's keys, in half precision."""
        return 2.0 * self.model.dimension * self.entries

    @property
    def k(self) -> int:
        """Neighbours of a position in INK."""
        return int(for_domain(self.config["ink"], self.name, self.config["domains"])["k"])

    @property
    def lists(self) -> int:
        """Lists into which the search for the neighbours of all entries divides them."""
        return lists_of(self.entries)

    @property
    def sampled(self) -> int:
        return sampled_of(self.entries)

    @property
    def block(self) -> int:
        """Entries whose neighbours INK's rounds find together."""
        return min(self.entries, queries_at_once(self.entries))

    def sentences(self, split: str) -> int:
        return self.workload.text[self.name].sentences.get(split, 0)

    def tokens(self, split: str) -> float:
        return self.workload.text[self.name].tokens.get(split, 0)

    def length(self, split: str) -> float:
        """Return the target tokens of a sentence; the source's are assumed to be as many."""
        return self.tokens(split) / max(1, self.sentences(split))

    def trainings(self, system: str) -> list[DomainWorkload]:
        """List this domain's trainings of `adapter` or `ink` and of its variations, one seed's."""
        return [training for training in self.workload.trainings(system) if training.name == self.name]


def workload_of(config: Config, counts: Mapping[Path, TextCounts]) -> Workload:
    """Estimate the workload of an experiment whose config and files are in order; `counts` are of its text files."""
    return Workload(config, _model(config), text_of(config, counts))


def _model(config: Config) -> Model:
    given, train = config["base_model"]["path"], config["base_model"].get("train")
    if (folder := huggingface_folder(config["base_model"])) is not None:
        return _of_folder(Path(folder))
    if given is None:
        width, hidden = train["dimension"], train["ffn_dimension"]
        encoder, decoder = train["encoder_layers"], train["decoder_layers"]
        return Model(
            width,
            encoder + decoder,
            encoder=encoder * (4 * width**2 + 2 * width * hidden),
            decoder=decoder * (8 * width**2 + 2 * width * hidden),
            embeddings=width * config["text"]["bpe_merges"],
        )
    checkpoint, dictionary = Path(given), Path(config["base_model"]["target_dictionary"])
    if not checkpoint.is_file():
        return WMT19
    parameters = checkpoint.stat().st_size // 4
    width = next(width for most, width in _WIDTHS if parameters <= most)
    types = dictionary.read_bytes().count(b"\n")
    embeddings = min(types * width, parameters // 2)
    # a layer of the decoder has a second attention
    encoder = (parameters - embeddings - 6 * 4 * width**2) // 2
    return Model(width, 12, encoder, parameters - embeddings - encoder, embeddings)


def _of_folder(folder: Path) -> Model:
    """Return the sizes that a Hugging Face model's settings say, or another's where they do not."""
    try:
        settings = read_json(folder / "config.json")
        width, types = int(settings["d_model"]), int(settings.get("vocab_size") or settings["tgt_vocab_size"])
        layers = {side: int(settings[f"{side}_layers"]) for side in ("encoder", "decoder")}
        hidden = {side: 2 * width * int(settings[f"{side}_ffn_dim"]) for side in layers}
    except (InkError, KeyError, TypeError, ValueError, AttributeError):
        return WMT19
    encoder, decoder = (layers[side] * (attentions * width**2 + hidden[side]) for side, attentions in _ATTENTIONS)
    return Model(width, sum(layers.values()), encoder, decoder, types * width)


# four matrices an attention, of which a layer of the decoder has two
_ATTENTIONS = (("encoder", 4), ("decoder", 8))
