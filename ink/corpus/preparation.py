"""From a domain's raw corpus to what fairseq's translation task loads, with everything dropped or unknown counted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy

from ink.config.languages import LanguagePair
from ink.config.slices.text_slices import PreparedText
from ink.corpus.indexed_tokens import binarised_file, write_sentences
from ink.corpus.model_text import ModelText
from ink.corpus.numbering import FILES, copy_numbering, numbering_file, read_numbering
from ink.corpus.own_text import REMEDY, SPLITS, Pair, write_sides
from ink.corpus.segmentation import TextProcessor
from ink.corpus.vocabulary import CODES, known_subwords
from ink.runtime.errors import InkError
from ink.runtime.progress import progress
from ink.runtime.whole_files import read_json, read_lines, write_atomically, write_json

# Beyond this share of unknown tokens the model reads noise; text of another domain has a few in a hundred.
MOST_UNKNOWN = 0.5


def prepare(
    corpus: Path,
    vocabulary: Path,
    text_settings: PreparedText,
    languages: LanguagePair,
    output: Path,
    text: ModelText | None = None,
) -> dict[str, Any]:
    """Encode, filter and binarise the splits of `corpus` into the folder `output`; return prepared.json's content.

    Pairs that are empty, longer than text.max_length or more uneven than text.max_length_ratio leave train, and train
    alone. Beside fairseq's files stand train.bpe.{language}, the kept pairs as tokens, and kept.npy (pairs,) int32,
    their raw line numbers from 0. Token counts include </s>; a split that the domain lacks counts 0 sentences and has
    no entry under tokens and unknown_share.

    text: how lines become the model's tokens; by Moses' rules and the vocabulary's BPE codes where it is None.
    """
    raw = read_splits(corpus, languages)
    described = read_json(corpus / "corpus.json", "domain")
    domain = str(described["domain"])
    processor = text or bpe_text(text_settings, vocabulary, languages)
    encoded = {split: _encode(pairs, processor, f"{domain}: {split}") for split, pairs in raw.items()}
    dropped = {"empty": 0, "too_long": 0, "ratio": 0}
    kept: list[int] = []
    if "train" in encoded:
        kept, dropped = select(encoded["train"], text_settings.max_length, text_settings.max_length_ratio)
        if not kept:
            reasons = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
            raise InkError(
                f"{corpus}: none of {len(raw['train'])} training pairs is left after filtering ({reasons}); "
                "check the text, text.max_length and text.max_length_ratio",
                code="text/nothing-left",
            )
        encoded["train"] = [encoded["train"][number] for number in kept]
    report: dict[str, Any] = {
        "domain": domain,
        "sentences": {split: len(encoded.get(split, ())) for split in SPLITS},
        "tokens": {},
        "unknown_share": {},
        "dropped": dropped,
        **overlap(raw),
        **({"train_from": described["train_from"]} if "train_from" in described else {}),
    }
    with write_atomically(output) as folder:
        folder.mkdir()
        for language in languages:
            copy_numbering(vocabulary, folder, language)
        for split, pairs in encoded.items():
            tokens, unknown = _binarise(pairs, folder, split, languages)
            report["tokens"][split] = tokens
            report["unknown_share"][split] = {side: unknown[side] / tokens[side] for side in tokens}
        check_known(report, corpus, vocabulary, languages)
        if "train" in encoded:
            write_sides(folder, "train.bpe", languages, encoded["train"])
            numpy.save(folder / "kept.npy", numpy.array(kept, dtype=numpy.int32))
        report["fingerprint"] = fingerprint(folder)
        write_json(folder / "prepared.json", report)
    return report


def bpe_text(text_settings: PreparedText, vocabulary: Path, languages: LanguagePair) -> TextProcessor:
    """Return how lines become tokens by Moses' rules and the BPE codes of a vocabulary folder."""
    known = known_subwords(vocabulary, languages) if text_settings.split_unknown_subwords else None
    return TextProcessor(text_settings, vocabulary / CODES, known)


def check_known(report: Mapping[str, Any], corpus: Path, vocabulary: Path, languages: LanguagePair) -> None:
    """Refuse text most of which the dictionary does not know: it is another language's, or the codes are others."""
    for side, language in zip(("source", "target"), languages, strict=True):
        tokens = sum(of_side[side] for of_side in report["tokens"].values())
        unknown = sum(
            report["unknown_share"][split][side] * report["tokens"][split][side] for split in report["tokens"]
        )
        if unknown > MOST_UNKNOWN * tokens:
            raise InkError(
                f"{corpus}: {unknown / tokens:.0%} of the {language} text's tokens are not in "
                f"{numbering_file(vocabulary, language)}; the text is in another language, or the BPE codes are not "
                "those of the dictionary",
                code="vocabulary/unknown-tokens",
            )


def select(pairs: Sequence[Pair], max_length: int, max_length_ratio: float) -> tuple[list[int], dict[str, int]]:
    """Return the numbers of the pairs that training keeps, and how many were dropped for which reason.

    Of several reasons the first counts. Lengths are in tokens without </s>; the ratio is the longer side's by the
    shorter's, and 0 switches it off.
    """
    kept = []
    dropped = {"empty": 0, "too_long": 0, "ratio": 0}
    for number, pair in enumerate(pairs):
        shorter, longer = sorted(len(side.split()) for side in pair)
        if not shorter:
            dropped["empty"] += 1
        elif longer > max_length:
            dropped["too_long"] += 1
        elif max_length_ratio and longer > max_length_ratio * shorter:
            dropped["ratio"] += 1
        else:
            kept.append(number)
    return kept, dropped


def fingerprint(folder: Path) -> str:
    """Return 16 hexadecimal digits that stand for a folder's binarised text and dictionaries."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in ("*.bin", "*.idx", *FILES) for path in folder.glob(pattern)):
        digest.update(f"{path.name}\t{path.stat().st_size}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def read_splits(corpus: Path, languages: LanguagePair) -> dict[str, list[Pair]]:
    """Return split -> raw sentence pairs of a corpus; InkError where two sides are not equally long."""
    raw = {}
    for split in SPLITS:
        paths = [corpus / f"{split}.{language}" for language in languages]
        if any(path.exists() for path in paths):
            source, target = (read_lines(path, REMEDY) for path in paths)
            if len(source) != len(target):
                raise InkError(
                    f"{paths[0]} has {len(source)} lines and {paths[1]} has {len(target)}; "
                    "delete the folder and write the corpus again",
                    code="text/sides-differ",
                )
            raw[split] = list(zip(source, target, strict=True))
    if not raw:
        raise InkError(
            f"{corpus} has no {' or '.join(f'{split}.{languages[0]}' for split in SPLITS)}", code="text/missing"
        )
    return raw


def _encode(pairs: Sequence[Pair], processor: ModelText, description: str) -> list[Pair]:
    return [
        (processor.encode_source(source), processor.encode_target(target))
        for source, target in progress(pairs, total=len(pairs), description=description, unit="pair")
    ]


def overlap(raw: Mapping[str, Sequence[Pair]]) -> dict[str, int]:
    """Count the test pairs, and the test sources, that the raw training text has as well."""
    train = raw.get("train", ())
    pairs, sources = set(train), {source for source, _ in train}
    test = raw.get("test", ())
    return {
        "test_pairs_in_train": sum(pair in pairs for pair in test),
        "test_sources_in_train": sum(source in sources for source, _ in test),
    }


def _binarise(
    pairs: Sequence[Pair], folder: Path, split: str, languages: LanguagePair
) -> tuple[dict[str, int], dict[str, int]]:
    """Write what fairseq-preprocess writes for one split; return each side's tokens and unknown tokens."""
    tokens, unknown = {}, {}
    for side, (name, language) in enumerate(zip(("source", "target"), languages, strict=True)):
        numbering = read_numbering(folder, language)
        text, index = (folder / binarised_file(split, languages, language, kind) for kind in ("bin", "idx"))
        encoded = (numbering.encode(pair[side]) for pair in pairs)
        tokens[name] = write_sentences(text, index, encoded, len(numbering))
        unknown[name] = sum(numbering.unknown(pair[side]) for pair in pairs)
    return tokens, unknown
