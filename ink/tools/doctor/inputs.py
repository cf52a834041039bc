"""What an experiment's config names: files that are there, are text and large enough, and languages' rules."""

from __future__ import annotations

import codecs
import itertools
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from ink.config import Config, TextFiles
from ink.config.bounds import measured_neighbours, requested_neighbours, values_of
from ink.config.domains import huggingface_folder
from ink.config.languages import MOSES, LanguagePair, moses_languages
from ink.corpus.raw_text import beginning, remarks
from ink.corpus.sentence_counts import check_sentence_counts, count_binarised
from ink.corpus.vocabulary import check_vocabulary_size, holds_pieces
from ink.metrics.bleu_tokeniser import bleu_with
from ink.runtime.errors import InkError
from ink.runtime.given_text import LOOKED_AT, MARK, reason_not_text, without_mark
from ink.tools.costs.text_amounts import TextCounts, pairs_taken, source_files
from ink.tools.costs.workload import Workload
from ink.tools.doctor.finding import Finding, error, ok, warning
from ink.tools.doctor.metric_files import comet_files
from ink.tools.download.provided_files import base_model_files, binarised_paths, files_to_come

CHECKED_BYTES = 64 << 20  # of a larger file the rest is counted and not decoded
_READ_BYTES = 1 << 22


def examine_inputs(config: Config) -> tuple[list[Finding], dict[Path, TextCounts]]:
    """Look at every file that the config names; return findings, one a domain or more, and the counts of text files."""
    counts: dict[Path, TextCounts] = {}
    # what is still to come is the downloads' to tell
    to_come = files_to_come(config)
    coming = set(itertools.chain(*to_come.values()))
    findings: list[Finding] = []
    if coming.isdisjoint(base_model_files(config).values()):
        findings += _base_model(config)
    if not any(name.startswith("comet_") for name in to_come):
        findings += comet_files(config)
    for domain, files in source_files(config).items():
        findings += _domain(domain, files, counts)
    if config["data"]["source"] == "binarised":
        for domain in config["domains"]:
            if coming.isdisjoint(paths := binarised_paths(config, domain)):
                findings += _binarised(config, domain, paths)
    return findings, counts


def _binarised(config: Config, domain: str, paths: Sequence[str]) -> Iterator[Finding]:
    data, check = config["data"], f"text of {domain}"
    problems = [problem for path in paths if (problem := _unreadable(Path(path)))]
    if not problems:
        folder, expected = Path(paths[0]).parent, data["binarised"]["sentences"][domain]
        try:
            found = count_binarised(folder, LanguagePair.of(data))
            check_sentence_counts(folder, {domain: found}, {domain: expected})
            counted = [f"{count:,} {split}" for split, count in found.items() if split in expected]
            yield ok(check, f"{', '.join(counted)} pairs, binarised")
        except InkError as problem:
            yield error(check, str(problem), problem.code)
    yield from (error(check, problem) for problem in problems)


def _base_model(config: Config) -> Iterator[Finding]:
    if (folder := huggingface_folder(config["base_model"])) is not None:
        # what is still to come from the hub is the downloads' to tell
        if config["base_model"].get("hub") is None or Path(folder).exists():
            yield _model_folder(Path(folder))
        return
    named = {name: Path(path) for name, path in base_model_files(config).items()}
    if not named:
        return
    problems = [f"base_model.{name}: {problem}" for name, path in named.items() if (problem := _unreadable(path))]
    if not problems:
        texts = [path for name, path in named.items() if name != "path"]
        if holds_pieces(named["bpe_codes"]):
            texts.remove(named["bpe_codes"])
        problems = [problem for path in texts if (problem := _no_text(path))]
    if problems:
        yield from (error("base model", problem) for problem in problems)
    else:
        yield ok("base model", f"{named['path']}, codes and dictionaries are there")


def _model_folder(folder: Path) -> Finding:
    """Look for the settings and the weights of a Hugging Face model; whether they can be used, its own job tells."""
    if not (folder / "config.json").is_file():
        return error(
            "base model", f"base_model.folder: {folder} has no config.json: it is no Hugging Face model's folder"
        )
    if not any(folder.glob("*.safetensors")) and not any(folder.glob("*.bin")):
        return error("base model", f"base_model.folder: {folder} has no weights (safetensors or bin)")
    return ok("base model", f"{folder}, settings and weights are there")


def _domain(domain: str, files: Sequence[TextFiles], counts: dict[Path, TextCounts]) -> Iterator[Finding]:
    check, wrong = f"text of {domain}", False
    pairs = Counter[str]()
    for one in files:
        sides = Path(one.source), Path(one.target)
        problems = [problem for path in sides if (problem := _count(path, counts))]
        if not problems:
            lines = [counts[path].lines for path in sides]
            if lines[0] != lines[1]:
                problems.append(f"{sides[0]} has {lines[0]:,} lines and {sides[1]} has {lines[1]:,}")
            pairs[one.split] += pairs_taken(one, lines[0])
            yield from (warning(check, remark) for path in sides for remark in remarks(path, beginning(path)))
        for problem in problems:
            wrong = True
            yield error(check, problem)
    if not wrong:
        yield ok(check, f"{', '.join(f'{count:,} {split}' for split, count in pairs.items())} pairs")


def _unreadable(path: Path) -> str | None:
    if not path.exists():
        return f"{path} does not exist"
    if not path.is_file():
        return f"{path} is no file"
    return None if os.access(path, os.R_OK) else f"{path} cannot be read: no permission"


def _no_text(path: Path) -> str:
    """Say what a file is that should be text, by its beginning; nothing where it may be text."""
    with path.open("rb") as file:
        reason = reason_not_text(file.read(LOOKED_AT))
    return f"{path} is no UTF-8 text: {reason}" if reason else ""


def _count(path: Path, counts: dict[Path, TextCounts]) -> str | None:
    """Count a file into `counts`, or return what is wrong with it."""
    if problem := _unreadable(path) or _no_text(path):
        return problem
    lines = words = size = 0
    decoder, last = codecs.getincrementaldecoder("utf-8")(), b"\n"
    with path.open("rb") as file:
        file.seek(0 if without_mark(mark := file.read(len(MARK.encode()))) else len(mark))
        while data := file.read(_READ_BYTES):
            if size < CHECKED_BYTES:
                try:
                    # the last part must not end within a character
                    decoder.decode(data, final=len(data) < _READ_BYTES)
                except UnicodeDecodeError as failed:
                    # what the decoder was given before is not told; a character has no line break within
                    line = lines + failed.object[: failed.start].count(b"\n") + 1
                    return f"{path}, line {line}: not valid UTF-8"
            lines, words, size, last = lines + data.count(b"\n"), words + len(data.split()), size + len(data), data[-1:]
    if not words:
        return f"{path} is empty"
    counts[path] = TextCounts(lines + (last != b"\n"), words, size)
    return None


def examine_languages(config: Config) -> Iterator[Finding]:
    """Make the tokeniser for BLEU, without the network; warn of languages that get the English rules."""
    tokeniser = config["evaluation"]["sacrebleu_tokeniser"]
    try:
        yield ok("BLEU", f"sacrebleu's tokeniser {bleu_with(tokeniser).tokenizer_signature}")
    except InkError as problem:
        yield error("BLEU", str(problem), problem.code)
    for side, language in moses_languages(config).items():
        if language not in MOSES:
            yield warning(
                "tokenisation",
                f"text.{side}_tokeniser_language: sacremoses has no rules for {language} and takes the English ones",
            )


def sizes(workload: Workload) -> Iterator[Finding]:
    """Compare what systems ask for with the tokens of the target dictionary and of each domain's training text."""
    config = workload.config
    try:
        check_vocabulary_size(config)
    except InkError as problem:
        yield error("vocabulary", str(problem), problem.code)
    for domain in workload.domains:
        entries = workload.entries(domain)
        wanted = {**requested_neighbours(config), **measured_neighbours(config, domain)}
        if config["index"]["type"] == "ivfpq":
            wanted["index.lists"] = config["index"]["lists"]
        for name, value in wanted.items():
            for key, found in values_of(name, value):
                if found > entries and key in (name, f"{name}.{domain}"):
                    text = f"{key} is {found:,}, but the datastore will have about {entries:,} entries; lower it"
                    yield warning(f"datastore of {domain}", text)
