"""One system on one domain, from files to scores."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ink.combiners.combiner_file import write_combiner
from ink.combiners.fitting.vanilla_on_dev import tune_vanilla
from ink.combiners.strategies.ask_where_unsure import AskWhereUnsure
from ink.config.sections.base_system import Index
from ink.config.slices.commands import settings_for
from ink.config.slices.result_slices import EvaluationSettings
from ink.datastore.build import Extraction, build_datastore
from ink.metrics.dev_bleu import DevBleu
from ink.metrics.system_evaluation import GeneralTest, RunFiles, evaluate_system
from ink.nmt.adapter import read_adapter, write_adapter
from ink.nmt.fairseq.checkpoint import allow_fairseq_types
from ink.nmt.model_loading import BaseModelFiles
from ink.results.records.scores import read_scores
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, read_lines, write_json
from ink.systems.inference import Parts
from ink.systems.layout import Run

TEST_SENTENCES = 10


@pytest.fixture
def adapter(tiny: Any, tmp_path: Path) -> Path:
    model = tiny.domain.load_model(tiny.settings)
    torch.manual_seed(5)
    model.attach_adapters(4, dropout=0.0)
    for parameter in model.network.adapters.parameters():
        parameter.data = 0.3 * torch.randn_like(parameter)
    metadata = {"base_model": model.base_fingerprint, "averaged": [3, 7, 8]}
    write_adapter(tmp_path / "a.safetensors", model.adapter_weights(), **metadata)
    return tmp_path / "a.safetensors"


@pytest.fixture(scope="module")
def datastore(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("datastore") / "store"
    model = tiny.domain.load_model(tiny.settings)
    build_datastore(
        Extraction(
            model, model.parallel_text(tiny.domain.data, "train"), tiny.domain.data.fingerprint, "decoder_output", 500
        ),
        path,
        Index(type="exact"),
    )
    return path


@pytest.fixture
def run(tiny: Any, tmp_path: Path) -> Callable[..., tuple[dict[str, Any], list[str]]]:
    """Evaluate a system under tmp_path; return its score and its hypotheses."""

    def evaluate(system: str, *, with_general: bool = False, **parts: Any) -> tuple[dict[str, Any], list[str]]:
        needed = settings_for(tiny.settings.plain(), EvaluationSettings)
        general = GeneralTest("general", tiny.corpus, tiny.domain.data) if with_general else None
        hypotheses = tmp_path / "hypotheses" / system / "koran" / "seed3.en"
        scores = tmp_path / "scores" / system / "koran" / "seed3.json"
        evaluate_system(
            Run(system, "koran", 3), tiny.domain, Parts(**parts), general, needed, RunFiles(hypotheses, scores)
        )
        return read_json(scores), read_lines(hypotheses)

    return evaluate


def test_a_checkpoint_of_its_own_takes_the_base_model_s_place_and_adds_no_memory(
    tiny: Any, run: Any, tmp_path: Path
) -> None:
    allow_fairseq_types()
    state = torch.load(tiny.base_model, weights_only=True)
    state["model"] = {name: weight + 0.1 * torch.randn(weight.shape) for name, weight in state["model"].items()}
    torch.save(state, tmp_path / "own.pt")
    score, hypotheses = run("knn_kd", with_general=True, model=tmp_path / "own.pt")
    own = BaseModelFiles(tmp_path / "own.pt", tiny.vocabulary, tiny.languages).load()
    assert score["model"] == own.fingerprint != tiny.domain.load_model(tiny.settings).fingerprint
    assert score["added_memory"] == {}
    assert score["general"]["domain"] == "general"
    assert hypotheses != run("off_the_shelf")[1]


def test_off_the_shelf(tiny: Any, run: Any, tmp_path: Path) -> None:
    score, hypotheses = run("off_the_shelf")
    assert len(hypotheses) == TEST_SENTENCES == len(read_lines(tiny.corpus / "test.yy"))
    assert not any("@@" in line for line in hypotheses)
    assert (score["system"], score["domain"], score["seed"]) == ("off_the_shelf", "koran", 3)
    assert score["sentences"] == TEST_SENTENCES
    assert "tok:13a" in score["bleu"]["signature"]
    assert 0 <= score["bleu"]["score"] <= 100
    assert 0 <= score["chrf"]["score"] <= 100
    assert score["added_memory"] == {}
    assert score["general"] is None
    assert score["chosen"] is None
    assert score["decoding"]["batch_sentences"] == 4
    assert score["decoding"]["sentences_per_second"] * score["decoding"]["seconds"] == pytest.approx(TEST_SENTENCES)
    assert score["settings"] == {"decoding": tiny.settings.decoding.plain()}
    assert score["model"] == tiny.domain.load_model(tiny.settings).fingerprint
    # what was written is what the tables read
    (read,) = read_scores(tmp_path)
    assert (read.system, read.sentences, read.added_memory) == ("off_the_shelf", TEST_SENTENCES, {})
    assert read.adapter_parameters is score["adapter_parameters"] is None
    assert read.passes is score["passes"] is None


def test_an_adapter_is_counted_by_its_file_and_what_was_forgotten_is_scored(
    tiny: Any, run: Any, adapter: Path, tmp_path: Path
) -> None:
    score, hypotheses = run("adapter", adapter=adapter, with_general=True)
    assert len(hypotheses) == TEST_SENTENCES
    assert score["added_memory"] == {"adapter.safetensors": adapter.stat().st_size}
    assert score["adapter_parameters"] == sum(weights.numel() for weights in read_adapter(adapter)[0].values())
    assert score["model"] == tiny.domain.load_model(tiny.settings, adapter=adapter).fingerprint
    assert hypotheses != run("off_the_shelf")[1]
    # here the general test set is the domain's own
    general = score["general"]
    assert general == {"domain": "general"} | {name: score[name] for name in ("sentences", "bleu", "chrf")}
    passes = {read.system: read.passes for read in read_scores(tmp_path)}
    assert passes == {"adapter": 8, "off_the_shelf": None}  # the last of those averaged


@pytest.mark.parametrize("select_by", ["likelihood", "bleu"])
def test_v_knn_with_settings_chosen_on_dev(
    tiny: Any, run: Any, datastore: Path, tmp_path: Path, select_by: str
) -> None:
    settings = tiny.settings.changed(
        v_knn={"select_by": select_by, "k": [1, 4], "lambda": [0.0, 0.9], "temperature": 1}
    )
    combiner = tmp_path / "combiner.json"
    tune_vanilla(tiny.domain, datastore, settings, combiner)
    described = read_json(combiner)
    assert (described["combiner"], described["selected_by"], len(described["tried"])) == ("vanilla", select_by, 4)
    measure = {"likelihood": "log_likelihood", "bleu": "dev_bleu"}[select_by]
    best = max(described["tried"], key=lambda choice: choice[measure])
    assert described["chosen"].items() <= best.items()
    if select_by == "likelihood":
        # a random model is far worse than any neighbour
        assert described["chosen"]["lambda"] == 0.9

    score, hypotheses = run("v_knn", datastore=datastore, combiner=combiner)
    assert len(hypotheses) == TEST_SENTENCES
    assert score["chosen"] == described["chosen"]
    files = ("index.faiss", "values.npy")
    assert score["added_memory"] == {name: (datastore / name).stat().st_size for name in files}


def test_a_grid_of_one_needs_no_choice(tiny: Any, run: Any, datastore: Path, tmp_path: Path) -> None:
    settings = tiny.settings.changed(v_knn={"k": 2, "lambda": 0.0, "temperature": [1]})
    tune_vanilla(tiny.domain, datastore, settings, tmp_path / "combiner.json")
    assert len(read_json(tmp_path / "combiner.json")["tried"]) == 1
    score, hypotheses = run("v_knn", datastore=datastore, combiner=tmp_path / "combiner.json")
    assert score["chosen"] is None
    assert hypotheses == run("off_the_shelf")[1]


def test_likelihood_on_dev_is_the_models_own_where_lambda_is_0(tiny: Any, datastore: Path, tmp_path: Path) -> None:
    settings = tiny.settings.changed(v_knn={"k": 2, "lambda": [0.0, 0.1], "temperature": 1})
    tune_vanilla(tiny.domain, datastore, settings, tmp_path / "combiner.json")
    model = tiny.domain.load_model(settings)
    dataset = model.parallel_text(tiny.domain.data, "dev")
    total, tokens = 0.0, 0
    for index in range(len(dataset)):
        batch = dataset.batch([index])
        with torch.no_grad():
            logits = model.network(batch.source, batch.source_lengths, batch.decoder_input)[0][0].double()
        for row, token in zip(logits.tolist(), batch.target[0].tolist(), strict=True):
            total += row[token] - math.log(sum(math.exp(value) for value in row))
            tokens += 1
    assert read_json(tmp_path / "combiner.json")["tried"][0]["log_likelihood"] == pytest.approx(
        total / tokens, rel=1e-5
    )


def test_a_datastore_of_another_model_is_refused_and_nothing_is_written(
    run: Any, adapter: Path, datastore: Path, tmp_path: Path
) -> None:
    write_json(
        tmp_path / "c.json", {"combiner": "vanilla", "settings": {"k": 1, "lambda": 0.5, "temperature": 1}, "tried": []}
    )
    with pytest.raises(InkError, match="was made with model"):
        run("v_knn", adapter=adapter, datastore=datastore, combiner=tmp_path / "c.json")
    assert not (tmp_path / "scores").exists()
    assert not (tmp_path / "hypotheses").exists()


def test_dev_bleu_is_that_of_the_first_sentences_and_leaves_the_mode(tiny: Any) -> None:
    settings = tiny.settings
    model = tiny.domain.load_model(settings)
    scorer = DevBleu(model, tiny.domain, settings, beam=1)
    assert scorer.references == read_lines(tiny.corpus / "dev.yy")[:4]
    modes: list[bool] = []
    model.network.encoder.layers[0].register_forward_pre_hook(lambda layer, _: modes.append(layer.training))
    in_eval = scorer(model)
    assert not model.network.training
    model.network.train()
    assert scorer(model) == in_eval
    assert model.network.training
    assert modes == [False, False]


def test_a_system_that_searches_rarely_says_how_often_it_did(run: Any, datastore: Path, tmp_path: Path) -> None:
    combiner = tmp_path / "combiner.json"
    settings = {"k": 4, "lambda": 0.9, "temperature": 1.0}
    write_combiner(combiner, "vanilla", settings, chosen=settings, tried=[settings])
    of_whole, always = run("v_knn", datastore=datastore, combiner=combiner)
    assert "search" not in of_whole

    def with_threshold(below: float) -> tuple[dict[str, int], list[str]]:
        parts = {"datastore": datastore, "combiner": combiner, "strategy": AskWhereUnsure(below)}
        score, hypotheses = run("v_knn+unsure", with_general=True, **parts)
        assert score["added_memory"] == of_whole["added_memory"]
        return score["search"], hypotheses

    often, like_whole = with_threshold(1)
    assert often["searched"] == often["positions"] > TEST_SENTENCES
    assert like_whole == always
    never, like_model = with_threshold(1e-6)
    assert never["searched"] == 0 < never["positions"]
    assert like_model == run("off_the_shelf")[1] != always
    assert {read.system for read in read_scores(tmp_path)} == {"off_the_shelf", "v_knn", "v_knn+unsure"}
