"""Text that exists only as fairseq binarised it: put back together as raw text, and taken over as it is."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

from ink.config.languages import LanguagePair
from ink.config.sections.parallel_text import MaxLength, Tokenisation
from ink.corpus.dictionary import END, SPECIAL_SYMBOLS, UNKNOWN
from ink.corpus.indexed_tokens import binarised_files, map_tokens, read_lengths
from ink.corpus.model_text import Marks
from ink.corpus.own_text import SPLITS, Pair, write_corpus
from ink.corpus.preparation import check_known, fingerprint, overlap, read_splits
from ink.corpus.prepared_corpus import PreparedCorpus
from ink.corpus.segmentation import TextProcessor
from ink.corpus.sentence_counts import check_sentence_counts, count_binarised
from ink.corpus.vocabulary import check_dictionary, copy_text, load_dictionary
from ink.runtime.errors import InkError
from ink.runtime.progress import progress
from ink.runtime.whole_files import read_json, write_atomically, write_json, write_lines

# as fairseq-generate writes it in a reference, so that a hypothesis's own unknown token is never counted as right
UNKNOWN_IN_TEXT = "<<unk>>"
RESTORED = "subwords joined and tokens detokenised; the raw lines are not at hand"


def restore(
    folder: Path,
    domain: str,
    text_settings: Tokenisation,
    languages: LanguagePair,
    sentences: Mapping[str, int],
    output: Path,
) -> dict[str, Any]:
    """Write the text that fairseq binarised in `folder` as a domain's corpus, the folder `output`; return its counts.

    Subwords are joined, tokens detokenised and, with text.escape, unescaped; unknown tokens become <<unk>>. `sentences`
    are the pairs that each split must have; others are left out. InkError where a file is absent, cut short or not
    fairseq's, or a split has another number of pairs.
    """
    given = PreparedCorpus(folder, languages)
    _check_files(given, domain, sentences)
    _check_joined(folder, languages)
    text = TextProcessor(text_settings, None)
    decoders = (text.decode_source, text.decode_target)
    splits = {split: _pairs(given, split, decoders, f"{domain}: {split}") for split in SPLITS if split in sentences}
    return write_corpus(output, domain, splits, languages, "binarised", {"restored": RESTORED})


def adopt(
    folder: Path, corpus: Path, vocabulary: Path, text_settings: MaxLength, languages: LanguagePair, output: Path
) -> dict[str, Any]:
    """Take the binarised text in `folder` over into the folder `output`, as `prepare` writes it; return its report.

    fairseq's files and dictionaries are copied byte by byte, and nothing is filtered: kept.npy names every training
    pair. `corpus` is the same text, restored. InkError where its dictionaries are not the model's in `vocabulary`, a
    training sentence is longer than text.max_length, or the two folders do not hold the same text.
    """
    given = PreparedCorpus(folder, languages)
    described = read_json(corpus / "corpus.json", "domain", "sentences")
    domain = str(described["domain"])
    sentences = {split: count for split, count in described["sentences"].items() if count}
    _check_files(given, domain, sentences)
    for language in languages:
        _check_dictionary(folder, vocabulary, language)
    if "train" in sentences:
        _check_lengths(given, text_settings.max_length)
    tokens, unknown = _token_counts(given, sentences)
    report: dict[str, Any] = {
        "domain": domain,
        "sentences": {split: sentences.get(split, 0) for split in SPLITS},
        "tokens": tokens,
        "unknown_share": {
            split: {side: unknown[split][side] / tokens[split][side] for side in tokens[split]} for split in tokens
        },
        "dropped": {"empty": 0, "too_long": 0, "ratio": 0},
        **overlap(read_splits(corpus, languages)),
    }
    check_known(report, folder, vocabulary, languages)
    with write_atomically(output) as temporary:
        temporary.mkdir()
        for name in binarised_files(sentences, languages):
            copy = copy_text if name.endswith(".txt") else shutil.copyfile
            copy(folder / name, temporary / name)
        if "train" in sentences:
            for language in languages:
                write_lines(temporary / f"train.bpe.{language}", map(" ".join, _tokens(given, "train", language)))
            numpy.save(temporary / "kept.npy", numpy.arange(sentences["train"], dtype=numpy.int32))
        report["fingerprint"] = fingerprint(temporary)
        write_json(temporary / "prepared.json", report)
    return report


def _check_files(given: PreparedCorpus, domain: str, sentences: Mapping[str, int]) -> None:
    for language in given.languages:
        check_dictionary(given.path / f"dict.{language}.txt")
        for split in sentences:
            given.check_whole(split, language)
    found = count_binarised(given.path, given.languages)
    check_sentence_counts(given.path, {domain: found}, {domain: sentences})


def _check_joined(folder: Path, languages: LanguagePair) -> None:
    """Refuse pieces, which are not joined as words of Moses' tokens are."""
    for language in languages:
        symbols = load_dictionary(path := folder / f"dict.{language}.txt").symbols
        marks = {mark for mark in Marks for symbol in symbols if mark.bare(symbol) != symbol}
        if Marks.BEGUN in marks and Marks.CONTINUED not in marks:
            raise InkError(
                f"{path} has SentencePiece's pieces, and binarised text is put together of words and BPE; give the raw "
                "text, with data.source: files",
                code="vocabulary/not-bpe-codes",
            )


def _check_dictionary(folder: Path, vocabulary: Path, language: str) -> None:
    own, of_model = folder / f"dict.{language}.txt", vocabulary / f"dict.{language}.txt"
    if load_dictionary(own).symbols != load_dictionary(of_model).symbols:
        raise InkError(
            f"{folder} was binarised with {own}, which has other tokens than the model's dictionary {of_model}; "
            "binarised text fits only the model whose dictionaries it was made with",
            code="vocabulary/other-dictionary",
        )


def _check_lengths(given: PreparedCorpus, longest: int) -> None:
    for language in given.languages:
        _, sizes = _numbers(given, "train", language)
        if (found := int(sizes.max()) - 1) > longest:
            raise InkError(
                f"{given.path}: training sentence {int(sizes.argmax())} (counted from 0) has {found} {language} "
                f"tokens, and text.max_length is {longest}; nothing is dropped of binarised text: set text.max_length "
                f"to {found} or more",
                code="text/too-long",
            )


def _token_counts(
    given: PreparedCorpus, splits: Mapping[str, int]
) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, int]]]:
    """Return split -> side -> tokens, ends of sentence included, and the same of unknown ones."""
    tokens: dict[str, dict[str, int]] = {split: {} for split in SPLITS if split in splits}
    unknown: dict[str, dict[str, int]] = {split: {} for split in tokens}
    for side, language in given.languages._asdict().items():
        dictionary = load_dictionary(given.path / f"dict.{language}.txt")
        for split in tokens:
            numbers, _ = _numbers(given, split, language)
            if int(numbers.max(initial=0)) >= len(dictionary):
                raise InkError(
                    f"{given.file(split, language, 'bin')} has the token {int(numbers.max())}, and "
                    f"{given.path}/dict.{language}.txt has fewer; use the dictionary that the text was binarised with",
                    code="vocabulary/other-dictionary",
                )
            tokens[split][side] = len(numbers)
            unknown[split][side] = int((numbers == UNKNOWN).sum())
    return tokens, unknown


def _numbers(given: PreparedCorpus, split: str, language: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return one side's tokens, (tokens,), mapped from the disk, and its sentences' lengths, (sentences,)."""
    index = given.file(split, language, "idx")
    return map_tokens(given.file(split, language, "bin"), index), read_lengths(index)


def _tokens(given: PreparedCorpus, split: str, language: str) -> Iterator[list[str]]:
    """Yield each sentence's tokens without the end of sentence."""
    dictionary = load_dictionary(given.path / f"dict.{language}.txt")
    symbols = dictionary.symbols
    numbers, sizes = _numbers(given, split, language)
    start = 0
    for size in sizes.tolist():
        sentence = numbers[start : start + size].tolist()
        start += size
        yield [symbols[number] for number in (sentence[:-1] if sentence[-1:] == [END] else sentence)]


def _pairs(given: PreparedCorpus, split: str, decoders: Sequence[Callable[[str], str]], description: str) -> list[Pair]:
    pairs = zip(*(_tokens(given, split, language) for language in given.languages), strict=True)
    number = count_binarised(given.path, given.languages)[split]
    return [
        (decoders[0](_as_text(source)), decoders[1](_as_text(target)))
        for source, target in progress(pairs, total=number, description=description, unit="pair")
    ]


def _as_text(tokens: Sequence[str]) -> str:
    return " ".join(UNKNOWN_IN_TEXT if token == SPECIAL_SYMBOLS[UNKNOWN] else token for token in tokens)
