"""kNN-KD's criterion against a slow version in double precision, over the whole vocabulary."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fairseq.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropyCriterion
from fairseq.logging import metrics
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor

from ink.config.sections.base_system import Index
from ink.datastore.build import Extraction, build_datastore
from ink.datastore.knn_graph import StoredNeighbours, open_neighbours, store_neighbours
from ink.datastore.storage import Datastore, open_datastore
from ink.nmt.fairseq.criterion import ObjectiveCriterion, criterion_of
from ink.nmt.translation_model import TranslationModel
from ink.training.knn_kd_objective import KnnKdObjective, Teacher
from ink.training.losses import distance_scores, divergence

EXACT = Index(type="exact")
SMOOTHING = 0.1
VOCABULARY = 9
STORED = 8


@pytest.fixture(scope="module")
def model(tiny: Any) -> TranslationModel:
    loaded: TranslationModel = tiny.domain.load_model(tiny.settings, dropout=0.1)
    return loaded


def task_of(model: Any) -> Any:
    return model.task


@pytest.fixture(scope="module")
def sample(tiny: Any, model: TranslationModel) -> dict[str, Any]:
    """Sentences 0 and 1, which are the same, and two others; with padding."""
    dataset: Any = model.parallel_text(tiny.domain.data, "train")
    dataset = dataset.dataset
    collated: dict[str, Any] = dataset.collater([dataset[number] for number in (0, 1, 20, 33)])
    assert not collated["target"].ne(model.target_vocabulary.padding).all()
    return collated


@pytest.fixture(scope="module")
def datastore(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Datastore:
    folder: Path = tmp_path_factory.mktemp("kd") / "datastore"
    base = tiny.domain.load_model(tiny.settings)
    dataset = base.parallel_text(tiny.domain.data, "train")
    build_datastore(Extraction(base, dataset, "corpus", "decoder_output", 200), folder, EXACT)
    return open_datastore(folder)


@pytest.fixture(scope="module")
def stored(datastore: Datastore, tmp_path_factory: pytest.TempPathFactory) -> StoredNeighbours:
    folder = tmp_path_factory.mktemp("kd") / "neighbours"
    store_neighbours(datastore, EXACT, STORED, folder)
    return open_neighbours(folder, datastore)


def criterion(model: TranslationModel, weight: float, temperature: float = 10.0) -> ObjectiveCriterion:
    return criterion_of(KnnKdObjective(SMOOTHING, weight, temperature), task_of(model))


def loss_and_gradients(made: Any, model: TranslationModel, sample: Any) -> tuple[Tensor, int, Any, list[Tensor]]:
    """One training step's loss with the same dropout every time."""
    network = model.network.train()
    network.zero_grad()
    torch.manual_seed(8)
    loss, sample_size, logged = made(network, sample)
    loss.backward()
    gradients = [parameter.grad.clone() for parameter in network.parameters() if parameter.grad is not None]
    return loss.detach(), sample_size, logged, gradients


def slow_divergence(
    distances: list[float], values: list[int], temperature: float, logits: list[float]
) -> tuple[float, list[float]]:
    """KL(p_kNN || softmax(logits)) and its gradient: sums over the vocabulary in double precision, term by term."""
    weights = [math.exp(-(distance - min(distances)) / temperature) for distance in distances]
    retrieved = [
        sum(weight for weight, value in zip(weights, values, strict=True) if value == token) / sum(weights)
        for token in range(len(logits))
    ]
    highest = max(logits)
    total = highest + math.log(sum(math.exp(logit - highest) for logit in logits))
    found = sum(p * (math.log(p) - (logits[token] - total)) for token, p in enumerate(retrieved) if p > 0)
    return found, [math.exp(logits[token] - total) - p for token, p in enumerate(retrieved)]


# few different distances and values: ties, repeated values, zeros, one value alone
positions = st.integers(1, 6).flatmap(
    lambda k: st.lists(
        st.tuples(
            st.lists(st.sampled_from([0.0, 0.0, 1.0, 2.5, 7.0, 100.0, math.inf]), min_size=k, max_size=k).map(sorted),
            st.lists(st.integers(0, VOCABULARY - 1), min_size=k, max_size=k),
            st.lists(st.floats(-8, 8, width=32), min_size=VOCABULARY, max_size=VOCABULARY),
        ),
        min_size=1,
        max_size=4,
    )
)


@given(positions, st.sampled_from([0.01, 1.0, 10.0, 100.0]))
def test_the_divergence_and_its_gradient_are_those_over_the_whole_vocabulary(rows: Any, temperature: float) -> None:
    distances = torch.tensor([row[0] for row in rows])
    values = torch.tensor([row[1] for row in rows])
    logits = torch.tensor([row[2] for row in rows], requires_grad=True)
    log_model = torch.log_softmax(logits, dim=-1).gather(-1, values)
    present = torch.isfinite(distances)
    found = divergence(distance_scores(distances, temperature), values, present, log_model)
    found.backward()
    assert logits.grad is not None
    expected = 0.0
    for number, (row_distances, row_values, row_logits) in enumerate(rows):
        kept = [place for place, distance in enumerate(row_distances) if distance < math.inf]
        if not kept:
            assert not logits.grad[number].any()
            continue
        term, gradient = slow_divergence(
            [row_distances[place] for place in kept], [row_values[place] for place in kept], temperature, row_logits
        )
        expected += term
        assert logits.grad[number].tolist() == pytest.approx(gradient, abs=1e-5)
    assert float(found.detach()) == pytest.approx(expected, rel=1e-5, abs=1e-5)


@given(positions)
def test_a_temperature_towards_0_leaves_the_nearest_alone(rows: Any) -> None:
    rows = [row for row in rows if math.isfinite(row[0][0])]
    assume(rows)
    distances = torch.tensor([row[0] for row in rows])
    values = torch.tensor([row[1] for row in rows], dtype=torch.int64)
    logs = torch.log_softmax(torch.tensor([row[2] for row in rows]), dim=-1)
    found = divergence(distance_scores(distances, 1e-9), values, torch.isfinite(distances), logs.gather(-1, values))
    expected = 0.0
    for (row_distances, row_values, _), own in zip(rows, logs, strict=True):
        nearest = [value for d, value in zip(row_distances, row_values, strict=True) if d == row_distances[0]]
        expected += sum(
            nearest.count(value) / len(nearest) * (math.log(nearest.count(value) / len(nearest)) - float(own[value]))
            for value in set(nearest)
        )
    assert float(found) == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_with_weight_0_it_is_fairseq_s_own_bit_for_bit(model: TranslationModel, sample: dict[str, Any]) -> None:
    theirs = LabelSmoothedCrossEntropyCriterion(task_of(model), False, SMOOTHING)
    loss, size, logged, gradients = loss_and_gradients(criterion(model, 0.0), model, sample)
    expected, expected_size, expected_logged, expected_gradients = loss_and_gradients(theirs, model, sample)
    assert torch.equal(loss, expected)
    assert size == expected_size
    assert torch.equal(logged["nll_loss"], expected_logged["nll_loss"])
    assert all(torch.equal(mine, other) for mine, other in zip(gradients, expected_gradients, strict=True))
    with metrics.aggregate(new_root=True) as meters:
        type(criterion(model, 1.0)).reduce_metrics([logged])
    assert set(meters.get_smoothed_values()) == {"loss", "nll_loss"}


def by_hand(
    model: TranslationModel, sample: Any, datastore: Datastore, k: int, own_entry: str, temperature: float
) -> tuple[float, float, int]:
    """Cross-entropy and divergence, summed over positions, from a search through all entries by the stored key."""
    network = model.network.train()
    torch.manual_seed(8)
    with torch.no_grad():
        logits = network(**sample["net_input"])[0].double()
    vocabulary, pad = logits.shape[-1], model.target_vocabulary.padding
    keys = np.asarray(datastore.keys, dtype=np.float64)
    smoothed, distilled, tokens = 0.0, 0.0, 0
    for row, sentence in enumerate(sample["id"].tolist()):
        for place, target in enumerate(sample["target"][row].tolist()):
            if target == pad:
                continue
            tokens += 1
            own_logs = torch.log_softmax(logits[row, place], dim=-1).tolist()
            epsilon = SMOOTHING / (vocabulary - 1)
            smoothed -= (1 - SMOOTHING - epsilon) * own_logs[target] + epsilon * sum(own_logs)
            own = int(datastore.offsets[sentence]) + place
            ranked = sorted(
                (float(((key - keys[own]) ** 2).sum()), number)
                for number, key in enumerate(keys)
                if own_entry == "included" or number != own
            )[:k]
            distilled += slow_divergence(
                [distance for distance, _ in ranked],
                [int(datastore.values[number]) for _, number in ranked],
                temperature,
                logits[row, place].tolist(),
            )[0]
    return smoothed, distilled, tokens


@pytest.mark.parametrize(
    ("own_entry", "k", "temperature", "weight"),
    [("included", 5, 1.0, 1.0), ("included", 1, 10.0, 0.3), ("excluded", 6, 1.0, 1.0), ("excluded", 1, 0.1, 2.0)],
)
def test_the_loss_is_cross_entropy_and_weighted_divergence(
    model: TranslationModel,
    sample: dict[str, Any],
    datastore: Datastore,
    stored: StoredNeighbours,
    own_entry: str,
    k: int,
    temperature: float,
    weight: float,
) -> None:
    made = criterion(model, weight, temperature)
    made.objective.teacher = Teacher(datastore, stored, k, own_entry)
    loss, size, logged, gradients = loss_and_gradients(made, model, sample)
    smoothed, distilled, tokens = by_hand(model, sample, datastore, k, own_entry, temperature)
    assert size == logged["ntokens"] == tokens
    assert float(logged["loss_kd"]) == pytest.approx(distilled, rel=1e-5)
    assert float(loss) == float(logged["loss"]) == pytest.approx(smoothed + weight * distilled, rel=1e-5)
    plain = loss_and_gradients(criterion(model, 0.0), model, sample)[3]
    assert all(not torch.equal(mine, other) for mine, other in zip(gradients, plain, strict=True))
    with metrics.aggregate(new_root=True) as meters:
        type(criterion(model, 1.0)).reduce_metrics([logged, logged])
    found = meters.get_smoothed_values()
    assert set(found) == {"loss", "nll_loss", "loss_kd"}
    assert found["loss_kd"] == pytest.approx(distilled / tokens / math.log(2), abs=1e-4)


def test_with_the_own_entry_the_nearest_one_s_value_is_the_target(
    model: TranslationModel, sample: dict[str, Any], datastore: Datastore, stored: StoredNeighbours
) -> None:
    """Which is why the released code's teacher is nearly one-hot."""
    real = sample["target"].ne(model.target_vocabulary.padding)
    targets = sample["target"][real]
    distances, values = Teacher(datastore, stored, 1, "included").neighbours(sample["id"], real)
    assert torch.equal(values[:, 0], targets)
    assert not distances.any()
    _, values = Teacher(datastore, stored, 1, "excluded").neighbours(sample["id"], real)
    assert not torch.equal(values[:, 0], targets)


def test_a_divergence_without_a_teacher_is_a_programming_error(model: TranslationModel, sample: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="given no teacher"):
        loss_and_gradients(criterion(model, 1.0), model, sample)


def test_an_unknown_choice_of_the_own_entry_is_a_programming_error(
    datastore: Datastore, stored: StoredNeighbours
) -> None:
    with pytest.raises(ValueError, match="known: included, excluded"):
        Teacher(datastore, stored, 1, "released")
