"""The model's vocabulary: subwords and fairseq dictionaries, learned from a corpus or taken over from a base model.

What settings need of one that is there is checked before a job spends hours.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ink.config.bounds import requested_probabilities, values_of
from ink.config.languages import LanguagePair
from ink.corpus.dictionary import OVERWRITE, SPECIAL_SYMBOLS, Dictionary
from ink.corpus.token_list import TokenList
from ink.runtime.errors import InkError
from ink.runtime.given_text import is_sentencepiece, marks_inside, without_mark
from ink.runtime.progress import progress
from ink.runtime.whole_files import read_lines, write_atomically, write_lines
from ink.systems.layout import Layout

if TYPE_CHECKING:
    from ink.config.sections.parallel_text import Tokenisation
    from ink.config.slices.text_slices import MergedText

# ink.corpus.segmentation is not imported here, with its tables of every character: many jobs only check a dictionary.

CODES, PIECES = "bpecodes", "sentencepiece.model"

# fairseq-preprocess' default: a vocabulary size that suits tensor cores.
PADDING_FACTOR = 8

LONGEST_COUNT = 18  # digits
LONGEST_BEGINNING = 300  # bytes: more than a first piece and its score


def learn_vocabulary(corpus: Path, text_settings: MergedText, languages: LanguagePair, output: Path) -> None:
    """Learn joint subwords and one joint dictionary from `corpus`/train and write them as the folder `output`.

    Subwords are BPE codes or, with text.segmentation sentencepiece, a SentencePiece model.

    The dictionary is what fairseq-preprocess --joined-dictionary makes: by frequency, then alphabetically, padded to a
    multiple of 8; both languages' files are the same.
    """
    merges = text_settings.bpe_merges
    if not merges:
        raise InkError(
            "text.bpe_merges is not set: give the number of merges to learn, or base_model.path with its bpe_codes",
            code="vocabulary/nothing-to-learn",
        )
    with write_atomically(output) as folder:
        folder.mkdir()
        learn = _learn_pieces if text_settings.segmentation == "sentencepiece" else _learn_merges
        dictionary = Dictionary.of_counts(learn(corpus, text_settings, languages, merges, folder), PADDING_FACTOR)
        for language in languages:
            write_lines(folder / f"dict.{language}.txt", dictionary.lines())


def _learn_merges(
    corpus: Path, text_settings: MergedText, languages: LanguagePair, merges: int, folder: Path
) -> Counter[str]:
    """Write BPE codes and return how often the text has each subword."""
    from ink.corpus.segmentation import TextProcessor

    words = _count_words(corpus, text_settings, languages)
    (folder / CODES).write_text(_learn_codes(words, merges, corpus), encoding="utf-8", newline="\n")
    processor = TextProcessor(text_settings, folder / CODES)
    subwords: Counter[str] = Counter()
    for word, count in words.items():
        for subword in processor.segment(word).split(" "):
            subwords[subword] += count
    return subwords


def _learn_pieces(
    corpus: Path, _settings: MergedText, languages: LanguagePair, pieces: int, folder: Path
) -> Counter[str]:
    """Write a SentencePiece model and return how often the text has each piece."""
    from ink.corpus.pieces import PieceText, learn_pieces

    lines = [line for language in languages for line in read_lines(corpus / f"train.{language}")]
    (folder / PIECES).write_bytes(learn_pieces(lines, pieces, corpus))
    text = PieceText(folder / PIECES)
    found: Counter[str] = Counter()
    for line in progress(lines, total=len(lines), description="pieces", unit="line"):
        found.update(text.encode(line).split())
    return found


def adopt_vocabulary(bpe_codes: Path, dictionaries: tuple[Path, Path], languages: LanguagePair, output: Path) -> None:
    """Copy a base model's codes and dictionaries into `output`; warn on standard error of byte-order marks inside.

    bpe_codes: or a SentencePiece model. dictionaries: the source's and the target's. InkError names the file and line
    that do not parse.
    """
    in_pieces = holds_pieces(bpe_codes)
    if in_pieces:
        from ink.corpus.pieces import load_pieces

        load_pieces(bpe_codes)
    else:
        from ink.corpus.segmentation import read_codes

        read_codes(bpe_codes)
    for path in dictionaries:
        check_dictionary(path)
    for path in dict.fromkeys(dictionaries if in_pieces else (bpe_codes, *dictionaries)):
        if remark := marks_inside(path, read_lines(path)):
            print(f"warning: {remark}", file=sys.stderr, flush=True)
    with write_atomically(output) as folder:
        folder.mkdir()
        if in_pieces:
            shutil.copyfile(bpe_codes, folder / PIECES)
        else:
            copy_text(bpe_codes, folder / CODES)
        for path, language in zip(dictionaries, languages, strict=True):
            copy_text(path, folder / f"dict.{language}.txt")


def holds_pieces(codes: Path) -> bool:
    """Tell by its beginning whether what is named as BPE codes is a SentencePiece model."""
    if not codes.is_file():
        return False
    with codes.open("rb") as file:
        return is_sentencepiece(file.read(LONGEST_BEGINNING))


def copy_text(source: Path, target: Path) -> None:
    """Copy a file, without the byte-order mark before its text, which fairseq would take for the first token's."""
    target.write_bytes(without_mark(source.read_bytes()))


def check_dictionary(path: Path) -> int:
    """Return the number of types in a fairseq dictionary, special symbols included; InkError names file and line."""
    known = set(SPECIAL_SYMBOLS)
    lines = read_lines(path)
    if not lines:
        raise InkError(
            f"{path} is empty; a fairseq dictionary has a token and its count per line",
            code="vocabulary/not-a-dictionary",
        )
    for number, line in enumerate(lines, start=1):
        overwrites = line.endswith(f" {OVERWRITE}")
        token, _, count = line.removesuffix(f" {OVERWRITE}").rstrip().rpartition(" ")
        if not token or not count.isdecimal() or len(count) > LONGEST_COUNT:
            raise InkError(
                f"{path}, line {number}: {line!r} is not a line of a fairseq dictionary; expected `token count`",
                code="vocabulary/not-a-dictionary",
            )
        if " " in token:
            raise InkError(
                f"{path}, line {number}: {line!r} is a merge of BPE codes, where a dictionary is wanted",
                code="vocabulary/not-a-dictionary",
            )
        if "\r" in token:
            raise InkError(
                f"{path}, line {number}: {token!r} holds a carriage return, where fairseq begins a line; remove it",
                code="vocabulary/not-a-dictionary",
            )
        if token in known and not overwrites:
            raise InkError(
                f"{path}, line {number}: {token!r} is in the dictionary already", code="vocabulary/not-a-dictionary"
            )
        known.add(token)
    return len(known)


def load_dictionary(path: Path) -> Dictionary:
    """Return the dictionary in a file that has been checked."""
    return Dictionary.of_lines(read_lines(path))


def known_subwords(vocabulary: Path, languages: LanguagePair) -> tuple[set[str], set[str]]:
    """Return the tokens in the source's and in the target's dictionary of a vocabulary folder."""
    source, target = (set(load_dictionary(vocabulary / f"dict.{language}.txt").symbols) for language in languages)
    return source, target


def _count_words(corpus: Path, text_settings: Tokenisation, languages: LanguagePair) -> Counter[str]:
    from ink.corpus.segmentation import TextProcessor

    processor = TextProcessor(text_settings, None)
    words: Counter[str] = Counter()
    for language, tokenise in zip(languages, (processor.tokenise_source, processor.tokenise_target), strict=True):
        lines = read_lines(corpus / f"train.{language}")
        for line in progress(lines, total=len(lines), description=f"words of train.{language}", unit="sentence"):
            words.update(tokenise(line).split())
    return words


def _learn_codes(words: Mapping[str, int], merges: int, corpus: Path) -> str:
    from subword_nmt.learn_bpe import learn_bpe

    if not any(len(word) > 1 for word in words):
        raise InkError(
            f"{corpus}: the training text has no word of two characters or more to learn BPE codes from",
            code="vocabulary/nothing-to-learn",
        )
    codes = io.StringIO()
    # Fewer merges than asked for is no error in a small corpus; its note would be the only line a log gets.
    with contextlib.redirect_stderr(io.StringIO()):
        learn_bpe(_as_lines(words), codes, merges, is_dict=True)
    return codes.getvalue()


def _as_lines(words: Mapping[str, int]) -> Iterable[str]:
    return (f"{word} {count}" for word, count in words.items())


def check_vocabulary_size(config: Mapping[str, Any]) -> None:
    """Raise InkError where a system looks at more of the model's probabilities than its target dictionary has tokens.

    The dictionary is the one that comes with the base model, or that the experiment has made. One that is not there
    yet, or that does not parse, is its own job's to tell.
    """
    given = config["base_model"]["target_dictionary"]
    made, language = Path(Layout(config).vocabulary), config["data"]["target_language"]
    listed = made / f"tokens.{language}.json"
    dictionary = Path(given) if given is not None else listed if listed.is_file() else made / f"dict.{language}.txt"
    if not dictionary.is_file():
        return
    try:
        types = len(TokenList.read(dictionary)) if dictionary == listed else check_dictionary(dictionary)
    except InkError:
        return
    for name, value in requested_probabilities(dict(config)).items():
        for key, found in values_of(name, value):
            if found > types:
                raise InkError(
                    f"{key} is {found}, but {dictionary} has {types} tokens; set it to {types} or less",
                    code="config/beyond-vocabulary",
                )
