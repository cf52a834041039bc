from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ink.results.records.scores import Selection, labels, read_hypotheses, read_references, read_scores
from ink.runtime.errors import InkError

Add = Callable[..., Path]


def test_scores_come_sorted_and_whole(tmp_path: Path, add_score: Add) -> None:
    general = {
        "domain": "general",
        "sentences": 250,
        "bleu": {"score": 30, "signature": "s"},
        "chrf": {"score": 50.5, "signature": "c"},
    }
    add_score("ink", "law", 30.5, seed=10)
    add_score("ink", "law", 30.25, seed=2, general=general, chosen={"k": 8})
    add_score("adapter", "medical", 40)
    add_score("ink", "it", 20)
    scores = read_scores(tmp_path)
    assert [(score.system, score.domain, score.seed) for score in scores] == [
        ("adapter", "medical", 1),
        ("ink", "it", 1),
        ("ink", "law", 2),
        ("ink", "law", 10),
    ]
    score = scores[2]
    assert (score.metrics["bleu"].score, score.metrics["chrf"].score, score.sentences) == (30.25, 50.25, 300)
    assert score.general is not None
    assert (score.general.sentences, score.general.metrics["bleu"].score, score.general.metrics["chrf"].signature) == (
        250,
        30.0,
        "c",
    )
    assert score.chosen == {"k": 8}
    assert score.added_memory == {"adapter.safetensors": 1000}
    assert scores[0].general is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bleu": {"score": "12", "signature": "s"}}, r"bleu\.score should be a finite number, found '12'"),
        ({"bleu": {"score": float("nan"), "signature": "s"}}, r"bleu\.score should be a finite number"),
        ({"chrf": {"score": 12}}, r"chrf\.signature is missing"),
        ({"chrf": 12}, r"chrf should be an object, found '12'"),
        ({"sentences": True}, r"sentences should be an integer >= 0"),
        ({"sentences": -1}, r"sentences should be an integer >= 0"),
        ({"seed": "1"}, r"seed should be an integer >= 0"),
        ({"added_memory": {"keys.npy": 1.5}}, r"added_memory\.keys\.npy should be an integer"),
        ({"general": {"domain": "general"}}, r"general\.sentences is missing"),
        ({"model": None}, r"model should be a string, found 'None'"),
        ({"settings": []}, r"settings should be an object"),
    ],
)
def test_a_wrong_field_is_named_with_its_file(
    tmp_path: Path, add_score: Add, change: dict[str, Any], message: str
) -> None:
    path = add_score("ink", "it", 20)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InkError, match=message) as error:
        read_scores(tmp_path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("key", ["system", "general", "chosen", "decoding", "added_memory"])
def test_a_missing_field_is_named_with_its_file(tmp_path: Path, add_score: Add, key: str) -> None:
    path = add_score("ink", "it", 20)
    score = json.loads(path.read_text())
    del score[key]
    path.write_text(json.dumps(score))
    with pytest.raises(InkError, match=rf"it/seed1\.json: {key} is missing"):
        read_scores(tmp_path)


def test_a_file_that_is_no_object(tmp_path: Path, add_score: Add) -> None:
    add_score("ink", "it", 20).write_text("[]")
    with pytest.raises(InkError, match="the file should be an object"):
        read_scores(tmp_path)


@pytest.mark.failure(
    "Results and reports",
    "a score in another one's place",
    "what it says of itself is named [results/moved]",
)
def test_a_file_in_another_ones_place(tmp_path: Path, add_score: Add) -> None:
    path = add_score("ink", "it", 20)
    path.rename(path.with_name("seed2.json"))
    with pytest.raises(InkError, match="says that it is ink/it/seed1"):
        read_scores(tmp_path)


def test_no_score_at_all(tmp_path: Path) -> None:
    with pytest.raises(InkError, match="no score under"):
        read_scores(tmp_path)


def test_selecting(tmp_path: Path, add_score: Add) -> None:
    for system, domain, seed in [("ink", "it", 1), ("ink", "it", 2), ("ink", "law", 1), ("adapter", "it", 1)]:
        add_score(system, domain, 20, seed=seed)
    assert set(Selection(tmp_path, ["it"], ["ink", "v_knn"], [1, 3]).scores) == {("ink", "it", 1)}
    with pytest.raises(InkError, match="none of the systems"):
        _ = Selection(tmp_path, ["it"], ["v_knn"], [1]).scores


def test_test_sets_of_different_size_are_not_compared(tmp_path: Path, add_score: Add) -> None:
    add_score("ink", "it", 20, sentences=300)
    add_score("adapter", "it", 20, sentences=250)
    add_score("adapter", "law", 20, sentences=100)
    with pytest.raises(InkError, match="domain it: adapter was scored on 250 test sentences, ink on 300"):
        _ = Selection(tmp_path, ["it", "law"], ["ink", "adapter"], [1]).scores


def test_labels_come_in_the_order_of_the_table() -> None:
    assert list(labels(["ink", "off_the_shelf", "v_knn"])) == ["off_the_shelf", "v_knn", "ink"]
    assert labels(["v_knn"]) == {"v_knn": "V-kNN"}
    # what combines two rows stands below one's own systems too
    assert list(labels(["ink_r_knn", "zz", "ink", "aa", "v_knn"])) == ["v_knn", "ink", "zz", "aa", "ink_r_knn"]


def test_hypotheses_and_references_in_whatever_language(tmp_path: Path) -> None:
    for name, text in {
        "hypotheses/ink/it/seed1.fr": "un\ndeux",
        "hypotheses/ink/it/seed10.fr": "dix\n",
        "references/it.fr": "un\ntrois\n",
        "references/it.small.fr": "autre\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert read_hypotheses(tmp_path, "ink", "it", 1) == ["un", "deux"]
    assert read_references(tmp_path, "it") == ["un", "trois"]
    with pytest.raises(InkError, match=r"seed2\.LANGUAGE does not exist"):
        read_hypotheses(tmp_path, "ink", "it", 2)
    (tmp_path / "references" / "it.de").write_text("eins\n")
    with pytest.raises(InkError, match=r"it\.de and it\.fr"):
        read_references(tmp_path, "it")
