"""Where text and base model come from: one source of each, complete, its splits, and the files of one's own text."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ink.config.domains import SPLITS, Config, huggingface_folder, trained_sections
from ink.config.languages import LanguagePair
from ink.config.schema import in_words, refusal, schema, shown


def sources(config: Config) -> Iterator[str]:
    """Exactly one source of text and one of the base model, each complete."""
    data, base_model = config["data"], config["base_model"]
    source = data["source"]
    if data.get(source) is None:
        yield f"data.{source}: missing or null; allowed: a mapping, since data.source is {source}"
    for other in SPLITS:
        if other != source and data.get(other) is not None:
            yield f"data.{other}: found a mapping; allowed: null or nothing, since data.source is {source}"

    merges = config["text"]["bpe_merges"]
    path, train = base_model["path"], base_model.get("train")
    if base_model.get("revision") is not None and base_model.get("hub") is None:
        yield f"base_model.revision: found {base_model['revision']}; allowed: null, since base_model.hub is not given"
    if huggingface_folder(base_model) is not None:
        yield from _with_folder(config)
        return
    for key in ("source_tokeniser_language", "target_tokeniser_language"):
        if key not in config["text"]:
            yield f"text.{key}: missing; allowed: {in_words(schema()['properties']['text']['properties'][key])}"
    for key in ("source_code", "target_code", "tag"):
        if base_model.get(key) is not None:
            allowed = "null, since base_model.folder and base_model.hub are not given"
            yield refusal(f"base_model.{key}", base_model[key], allowed)
    if path is None and train is None:
        yield "base_model.path: null, and base_model.train is null or missing; allowed: exactly one of the two"
    elif path is not None and train is not None:
        yield f"base_model.path: found {path}, and base_model.train as well; allowed: exactly one of the two"
    elif path is not None:
        if merges is not None:
            yield f"text.bpe_merges: found {merges}; allowed: null, since base_model.path brings base_model.bpe_codes"
    elif source == "binarised":
        yield "base_model.path: null; allowed: a path, since data.source is binarised: with that model's dictionaries"
    elif merges is None:
        yield "text.bpe_merges: null; allowed: a whole number, since base_model.path is null: codes are learned"
    for key in ("bpe_codes", "source_dictionary", "target_dictionary"):
        if path is None and base_model[key] is not None:
            yield f"base_model.{key}: found {base_model[key]}; allowed: null, since base_model.path is null"
        if path is not None and base_model[key] is None:
            yield f"base_model.{key}: null; allowed: a path, since base_model.path is given"


def _with_folder(config: Config) -> Iterator[str]:
    """What a Hugging Face model stands for, and what it is not trained in."""
    base_model = config["base_model"]
    given = "folder" if base_model.get("hub") is None else "hub"
    why = f"since base_model.{given} is given"
    for key in ("path", "bpe_codes", "source_dictionary", "target_dictionary", "train"):
        if base_model.get(key) is not None:
            yield f"base_model.{key}: found {shown(base_model[key])}; allowed: null, {why}"
    if given == "hub" and base_model.get("folder") is not None:
        yield f"base_model.folder: found {shown(base_model['folder'])}; allowed: null, {why}: exactly one of the two"
    if (merges := config["text"]["bpe_merges"]) is not None:
        yield f"text.bpe_merges: found {merges}; allowed: null, {why}, with a tokeniser of its own"
    if config["data"]["source"] == "binarised":
        yield refusal("data.source", "binarised", f"synthetic or files, {why}: binarised text has fairseq's numbers")
    if config["precision"] == "fp16":
        yield refusal("precision", "fp16", f"fp32 or bf16, {why}: such a model is trained in these")
    for name, section in trained_sections(config).items():
        if (found := section["processes"]) > 1:
            yield refusal(f"{name}.processes", str(found), f"1, {why}: such a model is trained by one")


def splits(data: Config) -> Iterator[str]:
    """Splits and paths of the text, as far as its source leaves them to the configuration."""
    if data["source"] == "files":
        yield from _files(data["files"])
    elif data["source"] == "binarised":
        yield from _binarised(data["binarised"])


def _files(files: Config) -> Iterator[str]:
    for domain, splits in files["splits"].items():
        if "train" not in splits and "test" not in splits:
            allowed = "train, from which a missing dev or test is held out, or test"
            yield f"data.files.splits.{domain}: found [{', '.join(splits)}]; allowed: {allowed}"
    pattern = files["pattern"]
    needed = {"split", "language"} | ({"domain"} if len(files["splits"]) > 1 else set())
    fields = _fields(pattern)
    if fields is None or not needed <= fields <= {"domain", "split", "language"}:
        allowed = "a path with {domain}, {split} and {language} in it and nothing else in braces"
        yield refusal("data.files.pattern", repr(pattern), allowed)
    for domain, sources in (files.get("train_from") or {}).items():
        yield from _train_from(f"data.files.train_from.{domain}", sources, files["splits"].get(domain))


def _train_from(name: str, sources: list[Config], splits: list[str] | None) -> Iterator[str]:
    """A domain with training text, and of each source a pattern of train's two files and one measure of it."""
    if splits is None:
        yield f"{name}: found an unknown domain; allowed: the domains of data.files.splits"
    elif "train" not in splits:
        yield f"{name}: found sources, and data.files.splits has no train for it; allowed: with train among its splits"
    for position, source in enumerate(sources):
        given = [key for key in ("weight", "sentences") if key in source]
        if len(given) != 1:
            found = " and ".join(given) or "neither weight nor sentences"
            yield f"{name}[{position}]: found {found}; allowed: exactly one of weight and sentences"
        fields = _fields(source["pattern"])
        if fields is None or not {"language"} <= fields <= {"domain", "split", "language"}:
            allowed = "a path with {language} in it, {split} or {domain} if need be, and nothing else in braces"
            yield refusal(f"{name}[{position}].pattern", repr(source["pattern"]), allowed)


def _binarised(binarised: Config) -> Iterator[str]:
    """Nothing can be held out of text that is taken over as it is."""
    for domain, sentences in binarised["sentences"].items():
        lacking = [split for split in ("dev", "test") if split not in sentences]
        if "test" in lacking or ("train" in sentences and lacking):
            allowed = "train, dev and test, or without train test at least"
            yield refusal(f"data.binarised.sentences.{domain}", ", ".join(sentences), allowed)
    needed = {"domain"} if len(binarised["sentences"]) > 1 else set()
    fields = _fields(binarised["folder"])
    if fields is None or not needed <= fields <= {"domain"}:
        allowed = "a path with {domain} in it and nothing else in braces"
        yield refusal("data.binarised.folder", repr(binarised["folder"]), allowed)


def _fields(pattern: str) -> set[str] | None:
    """Return what stands in braces in a pattern, None where they do not match."""
    try:
        return {name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None}
    except ValueError:
        return None


@dataclass(frozen=True)
class TextFiles:
    """Source and target file of a domain's split, or of one of the sources that its train is put together from."""

    split: str
    source: str
    target: str
    drawn: Mapping[str, Any] | None = None  # that source, as data.files.train_from says it; None: the whole is taken


def train_sources(config: Config, domain: str) -> list[Mapping[str, Any]]:
    """Return what a domain's training text is put together from; nothing where it has files of its own."""
    return list((config["data"]["files"].get("train_from") or {}).get(domain, ()))


def mixed_domains(config: Config) -> list[str]:
    """Return the experiment's domains, the general one included, whose training text is of several sources."""
    if config["data"]["source"] != "files":
        return []
    general = config["data"]["general_domain"]
    used = [*config["domains"], *([] if general is None else [general])]
    return [domain for domain in used if train_sources(config, domain)]


def text_files(config: Config, domain: str) -> list[TextFiles]:
    """Return every pair of files that a domain's text is read from, where data.source is files."""
    data = config["data"]
    languages = LanguagePair.of(data)

    def named(pattern: str, split: str, drawn: Mapping[str, Any] | None = None) -> TextFiles:
        source, target = (pattern.format(domain=domain, split=split, language=language) for language in languages)
        return TextFiles(split, source, target, drawn)

    found = []
    for split in data["files"]["splits"][domain]:
        sources = train_sources(config, domain) if split == "train" else []
        found += [named(part["pattern"], split, part) for part in sources] or [named(data["files"]["pattern"], split)]
    return found
