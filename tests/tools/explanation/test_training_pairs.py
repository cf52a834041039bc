"""From an entry's number to the line of the raw training text, whatever preparation has filtered out before it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ink.config.languages import LanguagePair
from ink.corpus.own_text import write_corpus
from ink.corpus.preparation import prepare
from ink.corpus.prepared_corpus import PreparedCorpus
from ink.datastore.storage import Datastore, DatastoreMeta, create_datastore
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_lines
from ink.tools.explanation.training_pairs import TrainingPairs

TRAIN = [
    ("Gott sieht das Wort .", "God sees the word."),
    ("", "the text without a source"),
    ("der Text findet „Gott“ .", "the text finds “God”."),
    ("kein Signal", "no signal " * 70),
    ("die Leitung meldet ein Signal .", "the line reports\u00a0a  signal."),
]
KEPT = [0, 2, 4]


@pytest.fixture
def corpus(tiny: Any, tmp_path: Path) -> Path:
    """Raw and prepared text of which the second and the fourth pair were filtered out."""
    text = tiny.settings.text
    write_corpus(tmp_path / "corpus", "koran", {"train": TRAIN}, tiny.languages, "synthetic")
    report = prepare(tmp_path / "corpus", tiny.vocabulary, text, tiny.languages, tmp_path / "data")
    assert report["dropped"] == {"empty": 1, "too_long": 1, "ratio": 0}
    return tmp_path


def stored(corpus: Path, sentences: int = len(KEPT)) -> Datastore:
    """A datastore of the prepared text as far as offsets go."""
    lengths = [len(line.split()) + 1 for line in read_lines(corpus / "data" / "train.bpe.yy")][:sentences]
    store = create_datastore(
        corpus / "store", DatastoreMeta(sum(lengths), 2, len(lengths), "decoder_output", "m", "c", False)
    )
    store.offsets[:] = np.cumsum([0, *lengths])
    return store


def pairs_of(corpus: Path, store: Datastore) -> TrainingPairs:
    return TrainingPairs(store, PreparedCorpus(corpus / "data", LanguagePair("xx", "yy")), corpus / "corpus")


def test_every_entry_leads_to_its_raw_line_and_token(corpus: Path) -> None:
    store = stored(corpus)
    pairs = pairs_of(corpus, store)
    found = [pairs.occurrence(entry) for entry in range(store.meta.entries)]
    sentences = [found[store.offsets[n] : store.offsets[n + 1]] for n in range(len(KEPT))]
    for number, sentence in zip(KEPT, sentences, strict=True):
        assert {(one.line, one.source, one.target, one.length) for one in sentence} == {
            (number + 1, *TRAIN[number], len(sentence))
        }
        assert [one.position for one in sentence] == list(range(1, len(sentence) + 1))
        *words, end = sentence
        assert end.subword.is_end
        assert end.parts == (TRAIN[number][1], "", "")
        assert not any(one.subword.is_end for one in words)
        # every token is where it is written
        assert ["".join(one.parts) for one in words] == [TRAIN[number][1]] * len(words)
        assert sorted(one.parts[1] for one in words if one.parts[1] in "“”") == sorted(set(TRAIN[number][1]) & {*"“”"})
        for one in words:
            assert one.parts[1].translate(str.maketrans("“”", '""')) == one.subword.text


@pytest.mark.failure(
    "Looking into a translation",
    "training text that is not the datastore's",
    "`.../train.bpe.en has 3 lines and .../kept.npy 3, but datastore ... was made of 2 sentences; prepare the "
    "text and build the datastore again [translation/other-training-text]`",
)
def test_a_datastore_of_another_text_is_refused(corpus: Path) -> None:
    with pytest.raises(InkError, match=r"train\.bpe\.yy has 3 lines .* made of 2 sentences; prepare the text"):
        pairs_of(corpus, stored(corpus, sentences=2))


def test_a_sentence_of_another_length_is_refused(corpus: Path) -> None:
    store = stored(corpus)
    store.offsets[1] -= 1
    with pytest.raises(InkError, match=r"sentence 0 of datastore .* has \d+ tokens, but \d+ in the prepared text"):
        pairs_of(corpus, store).occurrence(0)


@pytest.mark.failure(
    "Looking into a translation",
    "raw training text cut short after it was prepared",
    "`.../train.de has 4 lines, but .../kept.npy names line 5; write the corpus and prepare the text again "
    "[translation/other-training-text]`",
)
def test_raw_text_that_lacks_lines_is_refused(corpus: Path) -> None:
    path = corpus / "corpus" / "train.xx"
    path.write_text("\n".join(read_lines(path)[:4]) + "\n", encoding="utf-8")
    with pytest.raises(InkError, match=r"train\.xx has 4 lines, but .*kept\.npy names line 5"):
        pairs_of(corpus, stored(corpus))


def test_what_says_which_pairs_were_kept_has_to_be_there(corpus: Path) -> None:
    store = stored(corpus)
    (corpus / "data" / "kept.npy").unlink()
    with pytest.raises(InkError, match=r"kept\.npy cannot be read .* prepare the text again"):
        pairs_of(corpus, store)
