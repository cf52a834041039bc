"""fairseq models of SentencePiece's pieces: learned or taken over, text into pieces and back, and a model on them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from conftest import write_random_model

from ink.config.languages import LanguagePair
from ink.config.sections.base_system import Decoding
from ink.config.sections.parallel_text import Text
from ink.corpus.binarised import restore
from ink.corpus.model_text import Marks
from ink.corpus.own_text import write_corpus
from ink.corpus.pieces import PieceText
from ink.corpus.preparation import prepare
from ink.corpus.prepared_corpus import PreparedCorpus
from ink.corpus.vocabulary import adopt_vocabulary, learn_vocabulary, load_dictionary
from ink.nmt.domain_files import Domain
from ink.nmt.fsmt_conversion import to_fsmt
from ink.nmt.generation import generate
from ink.nmt.text_loading import load_text
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, read_lines

SETTINGS = Text(
    source_tokeniser_language="de", target_tokeniser_language="en", segmentation="sentencepiece", bpe_merges=60
)


@pytest.fixture(scope="module")
def learned(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("pieces") / "vocabulary"
    learn_vocabulary(tiny.corpus, SETTINGS, tiny.languages, output)
    return output


@pytest.fixture(scope="module")
def prepared(tiny: Any, learned: Path, tmp_path_factory: pytest.TempPathFactory) -> PreparedCorpus:
    folder = tmp_path_factory.mktemp("prepared") / "data"
    prepare(tiny.corpus, learned, SETTINGS, tiny.languages, folder, load_text(learned, SETTINGS, tiny.languages))
    return PreparedCorpus(folder, tiny.languages)


def lines(tiny: Any, split: str = "train") -> list[str]:
    return [line for language in tiny.languages for line in read_lines(tiny.corpus / f"{split}.{language}")]


def test_the_dictionary_counts_the_pieces_of_both_sides(tiny: Any, learned: Path) -> None:
    processor = sentencepiece.SentencePieceProcessor(model_file=str(learned / "sentencepiece.model"))
    assert 40 < len(processor) <= 60
    counts = Counter(piece for line in lines(tiny) for piece in processor.encode(line, out_type=str))
    held = [line.rsplit(" ", 1) for line in read_lines(learned / "dict.xx.txt")]
    assert {piece: int(count) for piece, count in held if int(count)} == counts
    assert (learned / "dict.xx.txt").read_bytes() == (learned / "dict.yy.txt").read_bytes()
    assert (len(held) + 4) % 8 == 0
    assert sorted(path.name for path in learned.iterdir()) == ["dict.xx.txt", "dict.yy.txt", "sentencepiece.model"]


def test_what_is_learned_is_the_same_every_time(tiny: Any, learned: Path, tmp_path: Path) -> None:
    learn_vocabulary(tiny.corpus, SETTINGS, tiny.languages, tmp_path / "again")
    for file in learned.iterdir():
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes(), file.name


def test_a_line_comes_back_from_its_pieces(tiny: Any, learned: Path) -> None:
    text = load_text(learned, SETTINGS, tiny.languages, split_unknown=True)
    assert isinstance(text, PieceText)
    assert (text.marks, text.escaped) == (Marks.BEGUN, False)
    for line in lines(tiny, "test"):
        assert text.decode_target(text.encode_target(line)) == line
        assert text.encode_source(line) == text.encode_target(line)
    # whatever is a space, or was none of the training text's characters
    assert text.encode_source("der\u2028Text\u00a0 \t") == text.encode_source("der Text")
    assert text.encode_source("") == text.encode_source(" \u2003") == text.decode_target("") == ""
    pieces = text.encode_source("der Ж&Text").split()
    assert Counter(piece in load_dictionary(learned / "dict.xx.txt").symbols for piece in pieces)[False] == 1


def test_a_given_model_is_told_by_its_file(tiny: Any, learned: Path, tmp_path: Path) -> None:
    model, dictionaries = learned / "sentencepiece.model", (learned / "dict.xx.txt", learned / "dict.yy.txt")
    adopt_vocabulary(model, dictionaries, LanguagePair("de", "en"), tmp_path / "vocabulary")
    assert (tmp_path / "vocabulary" / "sentencepiece.model").read_bytes() == model.read_bytes()
    assert (tmp_path / "vocabulary" / "dict.de.txt").read_bytes() == dictionaries[0].read_bytes()
    line = lines(tiny)[0]
    taken, own = (load_text(folder, SETTINGS, tiny.languages) for folder in (tmp_path / "vocabulary", learned))
    assert taken.encode_source(line) == own.encode_source(line)


@pytest.mark.failure(
    "Text and vocabulary",
    "a SentencePiece model as base_model.bpe_codes that is cut short",
    "`spm.model is no whole SentencePiece model; ... [vocabulary/not-bpe-codes]`",
)
def test_a_broken_model_is_refused(learned: Path, tmp_path: Path) -> None:
    (tmp_path / "spm.model").write_bytes((learned / "sentencepiece.model").read_bytes()[:-20])
    dictionaries = (learned / "dict.xx.txt", learned / "dict.yy.txt")
    with pytest.raises(InkError, match="is no whole SentencePiece model"):
        adopt_vocabulary(tmp_path / "spm.model", dictionaries, LanguagePair("xx", "yy"), tmp_path / "vocabulary")
    assert not (tmp_path / "vocabulary").exists()


@pytest.mark.failure(
    "Text and vocabulary",
    "`text.segmentation: sentencepiece` with fewer pieces in text.bpe_merges than the text has characters",
    "the job names text and number, with SentencePiece's own reason [vocabulary/nothing-to-learn]",
)
def test_fewer_pieces_than_characters_are_refused(tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus", "general", {"train": [("Wort", "word")]}, LanguagePair("xx", "yy"), "synthetic")
    few = SETTINGS.model_copy(update={"bpe_merges": 5})
    with pytest.raises(InkError, match="no SentencePiece model of 5 pieces can be learned"):
        learn_vocabulary(tmp_path / "corpus", few, LanguagePair("xx", "yy"), tmp_path / "vocabulary")
    assert not (tmp_path / "vocabulary").exists()


def test_a_model_translates_from_raw_text_to_raw_text(
    tiny: Any, learned: Path, prepared: PreparedCorpus, tmp_path: Path
) -> None:
    text = load_text(learned, SETTINGS, tiny.languages)
    report = read_json(prepared.path / "prepared.json")
    assert report["unknown_share"]["train"] == {"source": 0, "target": 0}
    write_random_model(tmp_path / "model.pt", prepared, seed=1)
    model = Domain(tmp_path / "model.pt", learned, tiny.corpus, prepared).load_model(tiny.settings)
    found = generate(model, model.parallel_text(prepared, "test"), Decoding(beam=2, max_len_b=3))
    assert len(found.hypotheses) == report["sentences"]["test"]
    symbols = {*load_dictionary(learned / "dict.yy.txt").symbols}
    assert any(found.hypotheses)
    for hypothesis in found.hypotheses:
        assert {*hypothesis.split()} <= symbols
        assert "▁" not in text.decode_target(hypothesis)


@pytest.mark.failure(
    "Text and vocabulary",
    "text that fairseq has binarised in SentencePiece's pieces (data.source: binarised)",
    "`dict.de.txt has SentencePiece's pieces, ...; give the raw text, ... [vocabulary/not-bpe-codes]`",
)
def test_binarised_pieces_are_not_put_together(tiny: Any, prepared: PreparedCorpus, tmp_path: Path) -> None:
    sentences = read_json(prepared.path / "prepared.json")["sentences"]
    with pytest.raises(InkError, match=r"has SentencePiece's pieces, .* give the raw text"):
        restore(prepared.path, "koran", SETTINGS, tiny.languages, sentences, tmp_path / "raw")
    assert not (tmp_path / "raw").exists()


@pytest.mark.failure(
    "Models and adapters",
    "a fairseq model of SentencePiece's pieces for `ink convert`",
    "refused: FSMT's tokeniser reads no SentencePiece model [model/not-convertible]",
)
def test_pieces_are_not_converted_to_fsmt(tiny: Any, learned: Path, tmp_path: Path) -> None:
    with pytest.raises(InkError, match="which FSMT's tokeniser does not read"):
        to_fsmt(tiny.base_model, learned, tmp_path / "fsmt", languages=None, escaped=None)
