"""How much an experiment has to do: its text in tokens, its model in parameters, its systems in jobs. All estimated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy

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
from ink.corpus.fairseq_files import INDEX_HEADER_BYTES, binarised_file
from ink.doctor.inputs import TextFile, source_files
from ink.systems import retrieval_settings, seeds_of, system_named
from ink.variations import variation_named

# Assumptions, each measured once on the embedded corpus (3,000 merges) or on real text with 10,000.
GENERAL_TOKENS = 17  # target tokens of a generated sentence of the general domain
DOMAIN_TOKENS = 29  # of another domain: its words are cut into more subwords
TOKENS_A_WORD = 1.4  # subwords of a raw word, punctuation marks included
BYTES_A_TOKEN = 4.0
# Of text that is still to come with the artefact multi_domain_data: the entries of the paper's datastores a sentence.
TOKENS_A_SENTENCE = {"medical": 27.8, "law": 40.8, "it": 16.2, "koran": 29.2}
# A checkpoint is not opened for this: its size on disk gives its parameters, and this the width that such models have.
_WIDTHS = ((3e6, 128), (2e7, 256), (1.2e8, 512), (float("inf"), 1024))


@dataclass(frozen=True)
class Text:
    """A domain's sentences and target tokens, a split each; the source side is taken to be as long."""

    sentences: Mapping[str, int]
    tokens: Mapping[str, int]


@dataclass(frozen=True)
class Model:
    """The base model: its width, its layers on both sides, and its parameters, embeddings apart and together."""

    dimension: int
    layers: int
    inner: int
    embeddings: int

    @property
    def parameters(self) -> int:
        return self.inner + self.embeddings

    @property
    def types(self) -> int:
        """Return the tokens of its dictionary; source and target are taken to share theirs."""
        return self.embeddings // self.dimension


# A checkpoint that is still to come is the artefact wmt19_model's: feed-forward networks of 8,192 and 4,096.
WMT19 = Model(
    dimension=1024,
    layers=12,
    inner=6 * (4 * 1024**2 + 2 * 1024 * 8192) + 6 * (8 * 1024**2 + 2 * 1024 * 4096),
    embeddings=42_024 * 1024,
)


@dataclass(frozen=True)
class Training:
    """One training of Adapter or INK, or of a variation of it, with the parameters of its adapters."""

    domain: str
    adapter: int
    refreshes: bool


@dataclass(frozen=True)
class Extent:
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

    def trainings(self, system: str) -> list[Training]:
        """List the trainings of `adapter` or `ink` and of its variations over all domains, one seed's."""
        refreshes = system == "ink" and self.config["ink"]["refresh"] == "every_round"
        found = []
        if system in self.trained:
            # a search trains its points in place of INK itself
            own = [one for one in self.domains if system != "ink" or not searched_points(self.config, one)]
            found += [Training(domain, self.adapter_parameters(domain), refreshes) for domain in own]
        for name, domains in variations(self.config).items():
            variation = variation_named(name)
            if variation is None or variation.of != system:
                continue
            inner = variation.changes.get("adapter.inner_dimension")
            kept = refreshes and variation.changes.get("ink.refresh") != "never"
            found += [Training(domain, self.adapter_parameters(domain, inner), kept) for domain in domains]
        return found

    def adapter_parameters(self, domain: str, inner: int | None = None) -> int:
        """Return the parameters of adapters behind every layer, of a domain's size or of the inner dimension given."""
        if inner is None:
            inner = for_domain(self.config["adapter"], domain, self.config["domains"])["inner_dimension"]
        return int(self.model.layers * self.model.dimension * (2 * inner + 4))


def extent_of(config: Config, counts: Mapping[Path, TextFile]) -> Extent:
    """Estimate the extent of an experiment whose config and files are in order; `counts` are of its text files."""
    source = config["data"]["source"]
    if source == "synthetic":
        text = _generated(config)
    else:
        text = _binarised(config) if source == "binarised" else _given(config, counts)
    return Extent(config, _model(config), text)


def _generated(config: Config) -> dict[str, Text]:
    text = {}
    for domain, sentences in config["data"]["synthetic"]["sentences"].items():
        mean = GENERAL_TOKENS if domain == config["data"]["general_domain"] else DOMAIN_TOKENS
        text[domain] = Text(dict(sentences), {split: count * mean for split, count in sentences.items()})
    return text


def _given(config: Config, counts: Mapping[Path, TextFile]) -> dict[str, Text]:
    text = {}
    for domain, files in source_files(config).items():
        sentences: dict[str, int] = {}
        tokens: dict[str, int] = {}
        for one in files:
            found = counts[one.target]
            pairs = one.pairs(found.lines)
            of_all = (int(found.words * TOKENS_A_WORD) + found.lines) * pairs / found.lines
            sentences[one.split] = sentences.get(one.split, 0) + pairs
            tokens[one.split] = tokens.get(one.split, 0) + int(of_all)
        if "train" in sentences:
            mean = tokens["train"] / sentences["train"]
            for split, count in config["data"]["files"]["held_out"].items():
                sentences.setdefault(split, count)
                tokens.setdefault(split, int(count * mean))
        text[domain] = Text(sentences, tokens)
    return text


def _binarised(config: Config) -> dict[str, Text]:
    """Count the tokens of binarised text in its index, which has every sentence's length; before it is there, guess."""
    data = config["data"]
    sides, text = (data["source_language"], data["target_language"]), {}
    for domain in config["domains"]:
        sentences = data["binarised"]["sentences"][domain]
        folder = Path(data["binarised"]["folder"].format(domain=domain))
        tokens = {}
        for split, count in sentences.items():
            index = folder / binarised_file(split, *sides, sides[1], "idx")
            if index.is_file():
                tokens[split] = int(numpy.fromfile(index, dtype="<i4", offset=INDEX_HEADER_BYTES, count=count).sum())
            else:
                tokens[split] = int(count * TOKENS_A_SENTENCE.get(domain, DOMAIN_TOKENS))
        text[domain] = Text(dict(sentences), tokens)
    return text


def _model(config: Config) -> Model:
    given, train = config["base_model"]["path"], config["base_model"].get("train")
    if given is None:
        width, hidden = train["dimension"], train["ffn_dimension"]
        encoder, decoder = train["encoder_layers"], train["decoder_layers"]
        inner = encoder * (4 * width**2 + 2 * width * hidden) + decoder * (8 * width**2 + 2 * width * hidden)
        return Model(width, encoder + decoder, inner, width * config["text"]["bpe_merges"])
    checkpoint, dictionary = Path(given), Path(config["base_model"]["target_dictionary"])
    if not checkpoint.is_file():
        return WMT19
    parameters = checkpoint.stat().st_size // 4
    width = next(width for most, width in _WIDTHS if parameters <= most)
    types = dictionary.read_bytes().count(b"\n")
    embeddings = min(types * width, parameters // 2)
    return Model(width, 12, parameters - embeddings, embeddings)
