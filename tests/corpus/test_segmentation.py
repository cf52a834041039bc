"""Raw text to model text and back: hand-checked lines, and properties for every line Unicode can make."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from sacremoses import MosesTokenizer

from ink.config.sections.parallel_text import Text
from ink.corpus.segmentation import TextProcessor, read_codes
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_lines

SETTINGS = Text(
    source_tokeniser_language="de",
    target_tokeniser_language="en",
    normalise_punctuation=True,
    aggressive_dash_splits=True,
    escape=False,
)

# th, the; in, ing</w>; do, dog</w>
CODES = "#version: 0.2\nt h\nth e</w>\ni n\nin g</w>\nd o\ndo g</w>\n"

LINE = st.text(st.characters(exclude_characters="\n", codec="utf-8"))


@pytest.fixture(scope="module")
def codes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("codes") / "bpecodes"
    path.write_text(CODES, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def processor(codes: Path) -> TextProcessor:
    return TextProcessor(SETTINGS, codes)


def words(**settings: Any) -> TextProcessor:
    return TextProcessor(SETTINGS.model_copy(update=settings), None)


@pytest.mark.parametrize(
    ("raw", "tokens"),
    [
        ("", ""),
        ("   ", ""),
        ("Das ist, z.B., gut.", "Das ist , z.B. , gut ."),
        ("„Ja“, sagte er – heute.", '" Ja " , sagte er - heute .'),
        ("E-Mail-Adresse", "E @-@ Mail @-@ Adresse"),
        ("Am 3. Mai kostet es 1.234,50 €!", "Am 3. Mai kostet es 1.234,50 € !"),
        ("R&D <b> [1] |", "R & D < b > [ 1 ] |"),
        ("erste\u2028zweite\x85dritte\x0bvierte\x1cfünfte\rsechste", "erste zweite dritte vierte fünfte sechste"),
        ("ein\tTab\xa0und\u3000Raum", "ein Tab und Raum"),
        ("ein\x00Zei\x07chen", "einZeichen"),
    ],
)
def test_source_tokens(raw: str, tokens: str) -> None:
    assert words().tokenise_source(raw) == tokens


def test_each_side_has_its_own_language() -> None:
    processor = words()
    assert processor.tokenise_target("Don't, Mr. Smith's dog.") == "Don 't , Mr. Smith 's dog ."
    assert processor.tokenise_source("Don't") == "Don ' t"


def test_settings_are_followed() -> None:
    assert words(normalise_punctuation=False).tokenise_source("„Ja“") == "„ Ja “"
    assert words(aggressive_dash_splits=False).tokenise_source("E-Mail") == "E-Mail"
    assert words(escape=True).tokenise_target("R&D's [1]") == "R &amp; D &apos;s &#91; 1 &#93;"
    assert words(escape=True).decode_target("R &amp; D &apos;s &#91; 1 &#93;") == "R & D's [1]"


def test_entities_of_the_text_itself_survive_where_nothing_is_escaped() -> None:
    processor = words()
    assert processor.decode_target("&amp;") == "&amp;"


def test_subwords(processor: TextProcessor) -> None:
    assert processor.encode_target("the dog doing") == "the dog do@@ ing"
    assert processor.encode_source("then") == "th@@ e@@ n"
    assert processor.encode_target("") == ""


@pytest.mark.parametrize(
    ("subwords", "text"),
    [
        ("", ""),
        ("the dog do@@ ing .", "the dog doing."),
        ("th@@ e@@ n , E @-@ M@@ ail !", "then, E-Mail!"),
        ('" Yes , " he said .', '"Yes," he said.'),
        ("cut off do@@", "cut off do"),
        ("cut off do@@ ", "cut off do"),
        ("it &apos;s", "it &apos;s"),
    ],
)
def test_translations_become_text(processor: TextProcessor, subwords: str, text: str) -> None:
    assert processor.decode_target(subwords) == text


@settings(deadline=None)
@given(
    st.lists(st.text("abcdefghijklmnopqrstuvwxyzäöüß", min_size=1, max_size=8), min_size=1, max_size=8),
    st.sampled_from(["", ".", "!", "?"]),
)
def test_simple_text_comes_back(processor: TextProcessor, sentence: list[str], end: str) -> None:
    text = " ".join(sentence) + end
    assert processor.decode_target(processor.encode_target(text)) == text


@settings(deadline=None)
@given(LINE)
@example("a\u2028b\x85\x0b\x0c\x1c\x1d\x1e\x1f\r\u2029c")
@example("@@ a@@ @@")
@example("DOTMULTI ... .... a.b.")
@example("\ufeff\u200b\u200e")
def test_one_line_in_is_one_line_out(processor: TextProcessor, line: str) -> None:
    for encode in (processor.encode_source, processor.encode_target):
        encoded = encode(line)
        assert len(encoded.splitlines()) == (1 if encoded else 0)
        assert encoded == " ".join(encoded.split())
        decoded = processor.decode_target(encoded)
        assert len(decoded.splitlines()) == (1 if decoded else 0)


@settings(deadline=None)
@given(LINE, st.booleans(), st.booleans())
def test_subwords_join_to_the_tokens_they_were_split_from(codes: Path, line: str, escape: bool, dashes: bool) -> None:
    processor = TextProcessor(SETTINGS.model_copy(update={"escape": escape, "aggressive_dash_splits": dashes}), codes)
    assert processor.encode_source(line).replace("@@ ", "") == processor.tokenise_source(line)


@settings(deadline=None)
@given(st.text(st.sampled_from("aäBzA.'\"-, 12&ابあ字.."), max_size=30), st.sampled_from(["de", "en", "fr", "zh"]))
def test_the_faster_tokeniser_is_sacremoses(line: str, language: str) -> None:
    processor = words(source_tokeniser_language=language, normalise_punctuation=False)
    plain = MosesTokenizer(lang=language).tokenize(line, aggressive_dash_splits=True, escape=False)
    assert processor.tokenise_source(line) == " ".join(plain)


def test_fastbpe_codes_are_the_same_codes(tmp_path: Path, processor: TextProcessor) -> None:
    path = tmp_path / "fastbpe"
    merges = CODES.splitlines()[1:]
    path.write_text("".join(f"{merge} {1000 - number}\n" for number, merge in enumerate(merges)), encoding="utf-8")
    assert read_codes(path) == CODES
    assert TextProcessor(SETTINGS, path).encode_target("then the doing") == processor.encode_target("then the doing")


def test_codes_of_the_first_version_keep_their_meaning(tmp_path: Path) -> None:
    path = tmp_path / "bpecodes"
    path.write_text("t h\ne </w>\nth e</w>\n", encoding="utf-8")
    assert TextProcessor(SETTINGS, path).encode_target("the then") == "the th@@ e@@ n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", r"bpecodes holds no BPE codes"),
        ("#version: 0.2\n", r"bpecodes holds no BPE codes"),
        ("#version: 0.2\nt h\nthe\n", r"bpecodes, line 3: 'the' is no BPE merge, expected two subwords"),
        ("#version: 0.2\nt h 12\n", r"bpecodes, line 2: 't h 12' is no BPE merge, expected two subwords"),
        ("t h 12\nth e\n", r"bpecodes, line 2: 'th e' is no BPE merge, expected two subwords and a count"),
        ("t h 12\nth e</w> many\n", r"bpecodes, line 2: 'th e</w> many' is no BPE merge, expected two"),
        ("t h\n\nth e\n", r"bpecodes, line 2: '' is no BPE merge"),
        ("#version: new\nt h\n", r"bpecodes, line 1: '#version: new' is not a version of BPE codes"),
    ],
)
def test_codes_that_do_not_parse_name_file_and_line(tmp_path: Path, data: str, message: str) -> None:
    path = tmp_path / "bpecodes"
    path.write_text(data, encoding="utf-8")
    with pytest.raises(InkError, match=message):
        TextProcessor(SETTINGS, path)


@pytest.mark.skipif("INK_REAL_TEXT" not in os.environ, reason="INK_REAL_TEXT names no real text")
def test_the_real_model_knows_the_tokens_of_the_real_text() -> None:
    place = Path(os.environ["INK_REAL_TEXT"])
    processor = TextProcessor(SETTINGS, place / "base" / "bpecodes")
    known = {line.rpartition(" ")[0] for line in read_lines(place / "base" / "dict.de.txt")}
    lines = read_lines(place / "corpora" / "koran.dev.de")[:500]
    tokens = [token for line in lines for token in processor.encode_source(line).split()]
    assert len(tokens) > 10_000
    assert sum(token not in known for token in tokens) / len(tokens) < 0.005


def test_a_subword_that_the_dictionary_lacks_is_split_into_ones_it_has(codes: Path) -> None:
    # of `the` the dictionary has t@@, h@@, e; of `dog` it has all; `ing` is known to the source's dictionary alone
    source, target = {"t@@", "h@@", "e", "dog", "ing"}, {"t@@", "h@@", "e", "dog", "i@@", "n@@", "g"}
    processor = TextProcessor(SETTINGS, codes, (source, target))
    assert processor.encode_source("the dog ing") == "t@@ h@@ e dog ing"
    assert processor.encode_target("the dog ing") == "t@@ h@@ e dog i@@ n@@ g"
    assert processor.decode_target(processor.encode_target("the dog ing")) == "the dog ing"


# fastBPE gives each code once, and no two that make the same subword: it refuses others
SYMBOLS = ["a", "b", "ß", "a</w>", "b</w>", "ß</w>"]


@st.composite
def fastbpe_codes(draw: st.DrawFn) -> list[tuple[str, str]]:
    symbols, codes = list(SYMBOLS), []
    for _ in range(draw(st.integers(1, 12))):
        left = draw(st.sampled_from([symbol for symbol in symbols if not symbol.endswith("</w>")]))
        right = draw(st.sampled_from(symbols))
        if left + right not in symbols:
            codes.append((left, right))
            symbols.append(left + right)
    return codes


def fastbpe(word: str, codes: list[tuple[str, str]], known: set[str]) -> list[str]:
    """fastBPE's segmentation, a merge of one code at a time; what `known` lacks is taken apart again."""
    parts = [*word[:-1], f"{word[-1]}</w>"]
    while here := [pair for pair in codes if pair in pairwise(parts)]:
        merged, place = [], 0
        while place < len(parts):
            step = 2 if tuple(parts[place : place + 2]) == here[0] else 1
            merged.append("".join(parts[place : place + step]))
            place += step
        parts = merged

    def written(part: str) -> str:
        return part.removesuffix("</w>") if part.endswith("</w>") else f"{part}@@"

    def known_parts(part: str) -> list[str]:
        made_of = next((pair for pair in codes if "".join(pair) == part), None)
        if not known or written(part) in known or made_of is None:
            return [written(part)]
        return [small for piece in made_of for small in known_parts(piece)]

    return [small for part in parts for small in known_parts(part)]


@given(fastbpe_codes(), st.text("abß", min_size=1, max_size=9), st.data())
def test_words_are_split_as_fastbpe_splits_them(
    tmp_path_factory: pytest.TempPathFactory, codes: list[tuple[str, str]], word: str, data: st.DataObject
) -> None:
    assume(codes)
    path = tmp_path_factory.getbasetemp() / "fastbpe"
    path.write_text("".join(f"{left} {right} {9000 - n}\n" for n, (left, right) in enumerate(codes)), encoding="utf-8")
    assert TextProcessor(SETTINGS, path).segment(word).split() == fastbpe(word, codes, set())
    subwords = sorted({subword for n in range(len(word)) for subword in fastbpe(word[n:], codes, set())})
    known = set(data.draw(st.lists(st.sampled_from(subwords)))) | {"a@@"}
    assert TextProcessor(SETTINGS, path, (known, known)).segment(word).split() == fastbpe(word, codes, known)
