"""A user's own parallel text: read, checked, drawn from several sources, split, and written as a domain's corpus."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ink.config.languages import LanguagePair
from ink.corpus.raw_text import remarks
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_lines, write_atomically, write_json, write_lines

SPLITS = ("train", "dev", "test")

Pair = tuple[str, str]

REMEDY = "convert the file to UTF-8 or remove the line on both sides"


@dataclass(frozen=True)
class OwnFiles:
    """A user's files of one domain.

    `pattern` is a path with {domain}, {split} and {language}; `splits` says which of train, dev and test exist.
    `train_from` are sources, each with a pattern and a weight or a number of sentences, that train is put together from
    in place of its own files.
    """

    pattern: str
    splits: Sequence[str]
    train_from: Sequence[Mapping[str, Any]] = ()


def ingest(
    files: OwnFiles, domain: str, languages: LanguagePair, output: Path, seed: int, held_out: Mapping[str, int]
) -> dict[str, Any]:
    """Bring a domain's parallel text into the folder `output` and return its counts, which are corpus.json.

    A dev or test that does not exist is split off train by `seed`, `held_out` pairs each; a domain without train needs
    a test and is only scored. What is put together is drawn by `seed` too. InkError names file, line and count where
    text is missing, empty, not UTF-8, or where the two sides differ in length.
    """
    _check_splits(domain, files.splits)
    _check_pattern(files.pattern, files.splits)
    found: dict[str, Sequence[Pair]] = {}
    details: dict[str, Any] = {}
    for split in SPLITS:
        if split == "train" and split in files.splits and files.train_from:
            found[split], details["train_from"] = _mixed(files.train_from, domain, languages, seed)
        elif split in files.splits:
            found[split] = read_parallel(*_paths(files.pattern, domain, split, languages))
    missing = [split for split in ("dev", "test") if split not in found]
    if "train" in found and missing:
        sizes = {split: held_out.get(split, 0) for split in missing}
        pattern = files.train_from[0]["pattern"] if files.train_from else files.pattern
        before = len(found["train"])
        found |= hold_out(found["train"], sizes, seed, _paths(pattern, domain, "train", languages)[0])
        details["held_out"] = {
            "seed": seed,
            "splits": missing,
            "repeats_left_out": before - len(found["train"]) - sum(sizes.values()),
        }
    return write_corpus(output, domain, found, languages, "files", details)


def read_parallel(source: Path, target: Path) -> list[Pair]:
    """Read two files as sentence pairs, line by line; warn on standard error of what looks odd in them.

    InkError names what is missing, empty, no UTF-8 text, or not equally long on both sides.
    """
    sides = []
    for path, other in ((source, target), (target, source)):
        if not path.is_file():
            beside = f"; its other side {other} exists" if other.is_file() else ""
            raise InkError(
                f"{path} does not exist{beside}; both sides of a parallel text are needed", code="text/missing"
            )
        lines = read_lines(path, REMEDY)
        if not any(line.strip() for line in lines):
            raise InkError(
                f"{path} is empty ({len(lines)} lines, none with text); it needs one sentence a line", code="text/empty"
            )
        for remark in remarks(path, lines):
            print(f"warning: {remark}", file=sys.stderr, flush=True)
        sides.append(lines)
    if len(sides[0]) != len(sides[1]):
        shorter, longer = sorted(zip((source, target), sides, strict=True), key=lambda side: len(side[1]))
        raise InkError(
            f"{source} has {len(sides[0])} lines and {target} has {len(sides[1])}: line {len(shorter[1]) + 1} of "
            f"{longer[0]} has no counterpart; both sides must have one sentence a line, in the same order",
            code="text/sides-differ",
        )
    return list(zip(*sides, strict=True))


def hold_out(pairs: Sequence[Pair], sizes: Mapping[str, int], seed: int, path: Path) -> dict[str, list[Pair]]:
    """Split `sizes[split]` pairs off `pairs` for each split; what is left is "train" and shares no source with them.

    Source sentences are drawn by the hash of seed and sentence, so that neither the platform nor the order of the file
    matters. A drawn sentence gives its first pair to its split; its repeats are left out. InkError counts what `path`
    was short of.
    """
    for split, size in sizes.items():
        if size < 1:
            raise InkError(
                f"{path}: {size} sentences are to be held out as {split}; give {split} a size of 1 or more",
                code="text/too-small",
            )
    first: dict[str, int] = {}
    for number, (source, target) in enumerate(pairs):
        if source.strip() and target.strip():
            first.setdefault(source.strip(), number)
    needed = sum(sizes.values())
    if len(first) <= needed:
        requested = " and ".join(f"{size} for {split}" for split, size in sizes.items())
        raise InkError(
            f"{path} is too small to hold out {requested}: its {len(pairs)} lines have {len(first)} distinct sources "
            f"and {needed + 1} or more are needed; hold out fewer or provide the files",
            code="text/too-small",
        )
    drawn = sorted(first, key=lambda sentence: hashlib.sha256(f"{seed}\t{sentence}".encode()).digest())[:needed]
    parts: dict[str, list[Pair]] = {}
    for split, size in sizes.items():
        parts[split] = [pairs[number] for number in sorted(first[sentence] for sentence in drawn[:size])]
        drawn = drawn[size:]
    held = {source.strip() for part in parts.values() for source, _ in part}
    parts["train"] = [pair for pair in pairs if pair[0].strip() not in held]
    return parts


def write_corpus(
    output: Path,
    domain: str,
    splits: Mapping[str, Sequence[Pair]],
    languages: LanguagePair,
    source: str,
    details: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write the folder `output`, {split}.{language} and corpus.json, whole or not at all; return what corpus.json says.

    `source` says where the text comes from ("files", "synthetic"); a split that the domain lacks counts 0 and has no
    file; `details` are further entries of corpus.json.
    """
    counts = {
        "domain": domain,
        "source": source,
        "sentences": {split: len(splits.get(split, ())) for split in SPLITS},
        **(details or {}),
    }
    with write_atomically(output) as folder:
        folder.mkdir()
        for split in SPLITS:
            if split in splits:
                write_sides(folder, split, languages, splits[split])
        write_json(folder / "corpus.json", counts)
    return counts


def write_sides(folder: Path, name: str, languages: LanguagePair, pairs: Sequence[Pair]) -> None:
    """Write pairs as two files of the folder, NAME.LANGUAGE, a line each."""
    for side, language in enumerate(languages):
        write_lines(folder / f"{name}.{language}", (pair[side] for pair in pairs))


def _mixed(
    sources: Sequence[Mapping[str, Any]], domain: str, languages: LanguagePair, seed: int
) -> tuple[list[Pair], list[dict[str, Any]]]:
    """Read and draw from each source; return the pairs, one source after the other, and what was drawn of which."""
    train: list[Pair] = []
    counts = []
    for given in sources:
        source, target = _paths(given["pattern"], domain, "train", languages)
        pairs = read_parallel(source, target)
        drawn = draw(pairs, drawn_count(given, len(pairs)), seed)
        if not drawn:
            raise InkError(
                f"{source}: none of its {len(pairs)} pairs is drawn by weight {given['weight']}; raise it",
                code="text/nothing-left",
            )
        train += drawn
        # the name alone: what is published of an experiment says nothing of the machine
        counts.append({"files": Path(given["pattern"]).name, "pairs": len(pairs), "drawn": len(drawn)})
    return train, counts


def _paths(pattern: str, domain: str, split: str, languages: LanguagePair) -> tuple[Path, Path]:
    source, target = (Path(pattern.format(domain=domain, split=split, language=language)) for language in languages)
    return source, target


def _check_splits(domain: str, splits: Sequence[str]) -> None:
    given = ", ".join(splits) or "none"
    if unknown := [split for split in splits if split not in SPLITS]:
        raise InkError(
            f"domain {domain}: unknown split {unknown[0]}; allowed are {', '.join(SPLITS)}",
            code="config/impossible-combination",
        )
    if len(set(splits)) < len(splits):
        raise InkError(f"domain {domain}: a split is listed twice ({given})", code="config/impossible-combination")
    if "train" not in splits and "test" not in splits:
        raise InkError(
            f"domain {domain} has neither train nor test (splits: {given}), so there is nothing to score",
            code="config/impossible-combination",
        )


def _check_pattern(pattern: str, splits: Sequence[str]) -> None:
    try:
        of_sides = {pattern.format(domain="", split="", language=language) for language in "ab"}
        of_splits = {pattern.format(domain="", split=split, language="") for split in splits}
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise InkError(
            f"the path {pattern!r} cannot be filled in ({error!r}); "
            "its placeholders are {domain}, {split} and {language}",
            code="config/impossible-combination",
        ) from None
    if len(of_sides) < 2:
        raise InkError(
            f"the path {pattern!r} names one file for both sides; write {{language}} where they differ",
            code="config/impossible-combination",
        )
    if len(of_splits) < len(splits):
        raise InkError(
            f"the path {pattern!r} names one file for {', '.join(splits)}; write {{split}} where they differ",
            code="config/impossible-combination",
        )


def drawn_count(source: Mapping[str, Any], pairs: int) -> int:
    """Return how many pairs are drawn of a source with so many: its `sentences`, or its `weight` times all of them."""
    return int(source["sentences"]) if "sentences" in source else round(source["weight"] * pairs)


def draw(pairs: Sequence[Pair], count: int, seed: int) -> list[Pair]:
    """Draw `count` of `pairs`, in their order; where that is more than there are, all of them as often as they fit in.

    The rest is drawn by the hash of seed and pair. So neither the platform nor the order of the file matters, and a
    smaller count draws a part of what a larger one does.
    """
    times, rest = divmod(count, len(pairs)) if pairs else (0, 0)

    def hashed(number: int) -> bytes:
        source, target = pairs[number]
        return hashlib.sha256(f"{seed}\t{source}\t{target}".encode()).digest()

    drawn = sorted(sorted(range(len(pairs)), key=hashed)[:rest]) if rest else []
    return [*pairs] * times + [pairs[number] for number in drawn]
