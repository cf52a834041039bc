"""Translation memories, catalogues and text files made into the parallel text of one domain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ink.config.languages import LanguagePair
from ink.corpus.exchange.units import UnitPairs, one_line, without_accelerator
from ink.corpus.near_duplicates import SHARED, near_duplicates
from ink.corpus.own_text import SPLITS, Pair, hold_out, read_parallel, write_sides
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_lines, write_atomically, write_json

RECORD = "import.json"


@dataclass(frozen=True)
class Wanted:
    """What is made of the text: its languages, splits of these sizes beside train, and what is taken out of it.

    `apart_from` are folders of earlier imports, none of whose sources may be in this one.
    """

    languages: LanguagePair
    held_out: Mapping[str, int]
    seed: int
    msgid_language: str = "en"
    accelerators: Sequence[str] = ()
    apart_from: Sequence[Path] = ()


@dataclass
class Imported:
    """What an import has found and written; `lines` say it to a person."""

    inputs: dict[str, UnitPairs] = field(default_factory=dict)
    repeats: int = 0
    elsewhere: int = 0
    sources_held_out: int = 0
    sentences: dict[str, int] = field(default_factory=dict)
    near_duplicates: dict[str, int] = field(default_factory=dict)

    def lines(self, output: Path, languages: LanguagePair) -> list[str]:
        """Return a line for each input, for what the inputs have twice, and for each split."""
        lines = [_line_of_input(name, found) for name, found in self.inputs.items()]
        if self.repeats:
            lines.append(f"{self.repeats:,} repeated pairs are left out")
        if self.elsewhere:
            lines.append(
                f"{self.elsewhere:,} pairs have a source sentence of the text to keep apart from, and are left out"
            )
        if self.sources_held_out:
            lines.append(f"{self.sources_held_out:,} pairs have the source of a held-out pair and leave train")
        for split, count in self.sentences.items():
            line = f"{output / split}.{languages[0]}, .{languages[1]}: {count:,} pairs"
            if (near := self.near_duplicates.get(split)) is not None:
                line += (
                    f"; {near:,} ({near / count:.1%}) have a near-duplicate in train: "
                    f"{SHARED:.0%} or more of the source's letter trigrams in common"
                )
            lines.append(line)
        return lines


def import_text(memories: Sequence[Path], texts: Sequence[tuple[Path, Path]], wanted: Wanted, output: Path) -> Imported:
    """Write the folder `output`, {split}.{language} and import.json, from translators' files and pairs of text files.

    Pairs keep their markup and placeholders. Each becomes a line; pairs with an empty side and repeated pairs are left
    out, other translations of a source are kept. dev and test are drawn as `hold_out` does. Raises InkError for what
    cannot be read, for sizes that the text does not have, and where `output` holds other files, which it would replace.
    """
    _check_replaceable(output)
    imported = Imported()
    pairs: list[Pair] = []
    for name, found in _found(memories, texts, wanted):
        imported.inputs[name] = found
        pairs += _as_lines(found, wanted.accelerators)
    kept = list(dict.fromkeys(pairs))
    imported.repeats = len(pairs) - len(kept)
    known = {source for folder in wanted.apart_from for source in _sources(folder, wanted.languages[0])}
    splits: dict[str, list[Pair]] = {"train": [pair for pair in kept if pair[0] not in known]}
    imported.elsewhere = len(kept) - len(splits["train"])
    names = ", ".join(imported.inputs)
    if not splits["train"]:
        raise InkError(
            f"{names}: no pair is left; {'; '.join(imported.lines(output, wanted.languages))}", code="text/nothing-left"
        )
    if sizes := {split: size for split, size in wanted.held_out.items() if size}:
        splits = hold_out(splits["train"], sizes, wanted.seed, Path(names))
        imported.sources_held_out = len(kept) - imported.elsewhere - sum(map(len, splits.values()))
    imported.sentences = {split: len(splits[split]) for split in SPLITS if split in splits}
    among = [source for source, _ in splits["train"]]
    imported.near_duplicates = {
        split: sum(near_duplicates((source for source, _ in splits[split]), among)) for split in sizes
    }
    _write(output, splits, wanted, imported)
    return imported


def _found(
    memories: Sequence[Path], texts: Sequence[tuple[Path, Path]], wanted: Wanted
) -> Iterable[tuple[str, UnitPairs]]:
    from ink.corpus.exchange.reading import read_units

    for path in memories:
        yield str(path), read_units(path, wanted.languages, wanted.msgid_language)
    for source, target in texts:
        pairs = read_parallel(source, target)
        yield f"{source}, {target}", UnitPairs(units=len(pairs), pairs=pairs)


def _as_lines(found: UnitPairs, accelerators: Sequence[str]) -> list[Pair]:
    """Return an input's pairs as lines; those with an empty side are counted as left out."""
    lines = []
    for pair in found.pairs:
        for marker in accelerators:
            pair = without_accelerator(pair[0], marker), without_accelerator(pair[1], marker)
        source, target = map(one_line, pair)
        if source and target:
            lines.append((source, target))
        else:
            found.left_out["with an empty side"] += 1
    found.pairs = lines
    return lines


def _sources(folder: Path, language: str) -> Iterable[str]:
    files = sorted(path for split in SPLITS if (path := folder / f"{split}.{language}").is_file())
    if not files:
        raise InkError(
            f"{folder} has no train.{language}; name a folder that `ink import-text` wrote",
            code="file/missing",
        )
    for file in files:
        yield from read_lines(file)


def _check_replaceable(output: Path) -> None:
    if output.exists() and not output.is_dir():
        raise InkError(f"{output} is a file; name a folder to write into", code="folder/not-empty")
    if output.is_dir() and any(output.iterdir()) and not (output / RECORD).is_file():
        raise InkError(
            f"{output} holds files that `ink import-text` did not write and would replace; name a new folder",
            code="folder/not-empty",
        )


def _write(output: Path, splits: Mapping[str, Sequence[Pair]], wanted: Wanted, imported: Imported) -> None:
    record: dict[str, Any] = {
        "languages": list(wanted.languages),
        "inputs": {
            name: {
                "files": found.files,
                "files_in_other_languages": found.passed_over,
                "units": found.units,
                "pairs": len(found.pairs),
                "left_out": dict(found.left_out),
                "with_inline_elements_without_text": found.bare,
            }
            for name, found in imported.inputs.items()
        },
        "accelerators_removed": list(wanted.accelerators),
        "repeats_left_out": imported.repeats,
        "in_other_text": imported.elsewhere,
        "seed": wanted.seed,
        "with_a_held_out_source": imported.sources_held_out,
        "sentences": imported.sentences,
        "near_duplicates_in_train": imported.near_duplicates,
    }
    with write_atomically(output) as folder:
        folder.mkdir()
        for split, pairs in splits.items():
            write_sides(folder, split, wanted.languages, pairs)
        write_json(folder / RECORD, record)


def _line_of_input(name: str, found: UnitPairs) -> str:
    files = f" ({found.files:,} files)" if found.files > 1 else ""
    line = f"{name}{files}: {found.units:,} units, {len(found.pairs):,} pairs"
    if found.left_out:
        line += "; left out: " + ", ".join(f"{count:,} {reason}" for reason, count in found.left_out.most_common())
    if found.passed_over:
        line += f"; {found.passed_over:,} files in other languages passed over"
    if found.bare:
        line += f"; {found.bare:,} units with inline elements that hold no text, of which nothing is kept"
    return line
