"""How much text an experiment has, a domain and a split each: counted where it is there, estimated where it is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy

from ink.config import Config, TextFiles, text_files
from ink.config.languages import LanguagePair
from ink.corpus.indexed_tokens import INDEX_HEADER_BYTES, binarised_file
from ink.corpus.own_text import drawn_count

# Assumptions, each measured once on the embedded corpus (3,000 merges) or on real text with 10,000.
GENERAL_TOKENS = 17  # target tokens of a generated sentence of the general domain
DOMAIN_TOKENS = 29  # of another domain: its words are cut into more subwords
TOKENS_A_WORD = 1.4  # subwords of a raw word, punctuation marks included
# Of text that is still to come with the artefact multi_domain_data: the entries of the paper's datastores a sentence.
TOKENS_A_SENTENCE = {"medical": 27.8, "law": 40.8, "it": 16.2, "koran": 29.2}


@dataclass(frozen=True)
class Text:
    """A domain's sentences and target tokens, a split each; the source side is taken to be as long."""

    sentences: Mapping[str, int]
    tokens: Mapping[str, float]


@dataclass(frozen=True)
class TextCounts:
    """Counts of a text file; words are what white space separates."""

    lines: int
    words: int
    bytes: int


def pairs_taken(files: TextFiles, lines: int) -> int:
    """Return how many pairs a split has of files with so many lines."""
    return lines if files.drawn is None else drawn_count(files.drawn, lines)


def source_files(config: Config) -> dict[str, list[TextFiles]]:
    """Return domain -> its files, of the domains that the experiment uses."""
    data = config["data"]
    if data["source"] != "files":
        return {}
    used = [*config["domains"], *([data["general_domain"]] if data["general_domain"] is not None else [])]
    return {domain: text_files(config, domain) for domain in used}


def text_of(config: Config, counts: Mapping[Path, TextCounts]) -> dict[str, Text]:
    """Estimate how much text every domain of an experiment has; `counts` are those of its text files."""
    source = config["data"]["source"]
    if source == "synthetic":
        return _generated(config)
    return _binarised(config) if source == "binarised" else _given(config, counts)


def _generated(config: Config) -> dict[str, Text]:
    text = {}
    for domain, sentences in config["data"]["synthetic"]["sentences"].items():
        mean = GENERAL_TOKENS if domain == config["data"]["general_domain"] else DOMAIN_TOKENS
        text[domain] = Text(dict(sentences), {split: count * mean for split, count in sentences.items()})
    return text


def _given(config: Config, counts: Mapping[Path, TextCounts]) -> dict[str, Text]:
    text = {}
    for domain, files in source_files(config).items():
        sentences, tokens = Counter[str](), Counter[str]()
        for one in files:
            found = counts[Path(one.target)]
            pairs = pairs_taken(one, found.lines)
            sentences[one.split] += pairs
            tokens[one.split] += int((int(found.words * TOKENS_A_WORD) + found.lines) * pairs / found.lines)
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
    languages, text = LanguagePair.of(data), {}
    for domain in config["domains"]:
        sentences = data["binarised"]["sentences"][domain]
        folder = Path(data["binarised"]["folder"].format(domain=domain))
        tokens = {}
        for split, count in sentences.items():
            index = folder / binarised_file(split, languages, languages.target, "idx")
            if index.is_file():
                tokens[split] = int(numpy.fromfile(index, dtype="<i4", offset=INDEX_HEADER_BYTES, count=count).sum())
            else:
                tokens[split] = int(count * TOKENS_A_SENTENCE.get(domain, DOMAIN_TOKENS))
        text[domain] = Text(dict(sentences), tokens)
    return text
