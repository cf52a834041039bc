"""A vocabulary that is there is compared with what systems ask of it before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ink.config import load
from ink.corpus.vocabulary import check_vocabulary_size
from ink.runtime.errors import InkError

MICRO = Path(__file__).resolve().parents[1] / "workflow" / "micro.yaml"
TOKENS = 54  # with fairseq's four special symbols


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The micro experiment with a base model whose dictionary has 50 tokens."""
    monkeypatch.chdir(tmp_path)
    found = load(MICRO)
    found["base_model"]["target_dictionary"] = str(dictionary(tmp_path / "given.txt"))
    return found


def dictionary(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"t{number} 1\n" for number in range(TOKENS - 4)), encoding="utf-8")
    return path


@pytest.mark.failure(
    "Datastores and combiners",
    "r_knn.top_probabilities above the size of the vocabulary",
    "`r_knn.top_probabilities is 55, but .../dict.en.txt has 54 tokens; set it to 54 or less "
    "[config/beyond-vocabulary]`: by `ink doctor`, and "
    "before the first job where the dictionary is there; above text.bpe_merges when the configuration is checked",
)
def test_as_many_probabilities_as_tokens_are_there_and_no_more(config: Any) -> None:
    config["r_knn"]["top_probabilities"] = TOKENS
    check_vocabulary_size(config)
    config["r_knn"]["top_probabilities"] = TOKENS + 1
    with pytest.raises(
        InkError, match=rf"^r_knn\.top_probabilities is 55, but .*given\.txt has {TOKENS} tokens; set it to"
    ):
        check_vocabulary_size(config)


def test_a_vocabulary_that_the_experiment_has_made_counts_too(config: Any) -> None:
    config["base_model"]["target_dictionary"] = None
    config["r_knn"]["top_probabilities"] = TOKENS + 1
    check_vocabulary_size(config)
    dictionary(Path("work/micro/vocabulary/dict.en.txt"))
    with pytest.raises(InkError, match=r"but work/micro/vocabulary/dict\.en\.txt has 54 tokens"):
        check_vocabulary_size(config)


def test_an_own_system_s_grid_counts_and_what_does_not_run_does_not(config: Any) -> None:
    own = {"combiner": "robust", "key": "decoder_output", "top_probabilities": [8, TOKENS + 1]}
    config["own_systems"]["mine"] = own
    config["systems"] = ["off_the_shelf", "mine"]
    with pytest.raises(InkError, match=r"^own_systems\.mine\.top_probabilities is 55"):
        check_vocabulary_size(config)
    config["systems"] = ["off_the_shelf"]
    check_vocabulary_size(config)


def test_what_is_no_dictionary_is_left_to_the_job_that_takes_it(config: Any, tmp_path: Path) -> None:
    config["r_knn"]["top_probabilities"] = 10**6
    (tmp_path / "given.txt").write_text("no dictionary\n", encoding="utf-8")
    check_vocabulary_size(config)
    (tmp_path / "given.txt").unlink()
    check_vocabulary_size(config)
