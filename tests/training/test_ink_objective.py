"""INK's criterion: fairseq's own without the retrieval terms, and with them their sum, worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from fairseq.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropyCriterion
from fairseq.logging import metrics
from torch import Tensor

from ink.config.sections.base_system import Index
from ink.datastore.build import Extraction, build_datastore
from ink.datastore.storage import Datastore, open_datastore
from ink.nmt.fairseq.criterion import ObjectiveCriterion, criterion_of
from ink.nmt.translation_model import TranslationModel
from ink.training import ink_objective
from ink.training.ink_objective import InkObjective
from ink.training.losses import INK_TERMS, Term
from ink.training.training_neighbours import IndexLookup, TrainingNeighbours

EXACT = Index(type="exact")
SMOOTHING = 0.1


@pytest.fixture(scope="module")
def model(tiny: Any) -> TranslationModel:
    loaded: TranslationModel = tiny.domain.load_model(tiny.settings, dropout=0.1)
    torch.manual_seed(3)
    loaded.attach_adapters(8, 0.1, "default")
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
    folder: Path = tmp_path_factory.mktemp("criterion") / "datastore"
    base = tiny.domain.load_model(tiny.settings)
    dataset = base.parallel_text(tiny.domain.data, "train")
    build_datastore(Extraction(base, dataset, "corpus", "decoder_output", 200), folder, EXACT)
    return open_datastore(folder)


def ink_criterion(model: TranslationModel, alpha: float, beta: float, variant: str = "paper") -> ObjectiveCriterion:
    return criterion_of(InkObjective(SMOOTHING, {"alpha": alpha, "beta": beta}, variant), task_of(model))


def loss_and_gradients(criterion: Any, model: TranslationModel, sample: Any) -> tuple[Tensor, int, Any, list[Tensor]]:
    """One training step's loss with the same dropout every time."""
    network = model.network.train()
    network.zero_grad()
    torch.manual_seed(8)
    loss, sample_size, logged = criterion(network, sample)
    loss.backward()
    gradients = [parameter.grad.clone() for parameter in network.parameters() if parameter.grad is not None]
    return loss.detach(), sample_size, logged, gradients


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_without_retrieval_terms_it_is_fairseq_s_own_bit_for_bit(
    model: TranslationModel, sample: dict[str, Any], variant: str
) -> None:
    theirs = LabelSmoothedCrossEntropyCriterion(task_of(model), False, SMOOTHING)
    loss, size, logged, gradients = loss_and_gradients(ink_criterion(model, 0.0, 0.0, variant), model, sample)
    expected, expected_size, expected_logged, expected_gradients = loss_and_gradients(theirs, model, sample)
    assert torch.equal(loss, expected)
    assert size == expected_size
    assert torch.equal(logged["nll_loss"], expected_logged["nll_loss"])
    assert len(gradients) == len(expected_gradients) == 2 * 2 * 6
    assert all(torch.equal(mine, other) for mine, other in zip(gradients, expected_gradients, strict=True))
    assert all((gradient != 0).any() for gradient in gradients)


def test_it_is_divided_by_target_tokens_and_not_by_sentences(model: TranslationModel, sample: dict[str, Any]) -> None:
    pad = model.target_vocabulary.padding
    tokens = sum(1 for row in sample["target"].tolist() for token in row if token != pad)
    _, size, logged, _ = loss_and_gradients(ink_criterion(model, 0.0, 0.0), model, sample)
    assert size == logged["sample_size"] == logged["ntokens"] == tokens
    assert logged["nsentences"] == 4
    with metrics.aggregate(new_root=True) as meters:
        type(ink_criterion(model, 0.3, 0.7)).reduce_metrics([logged, logged])
    found = meters.get_smoothed_values()
    with metrics.aggregate(new_root=True) as meters:
        LabelSmoothedCrossEntropyCriterion.reduce_metrics([logged, logged])
    theirs = meters.get_smoothed_values()
    for name in ("loss", "nll_loss"):
        assert found[name] == pytest.approx(theirs[name], abs=1e-3)
        assert found[name] == pytest.approx(float(logged[name]) / tokens / math.log(2), abs=1e-4)
    assert set(found) == {"loss", "loss_a", "nll_loss"}


def by_hand(
    model: TranslationModel, sample: Any, datastore: Datastore, k: int, variant: str
) -> tuple[dict[str, float], int]:
    """Every term of the loss, summed over positions, from a search through all entries in double precision."""
    network = model.network.train()
    torch.manual_seed(8)
    with torch.no_grad():
        logits, extra = network(**sample["net_input"])
    log_probs = torch.log_softmax(logits.double(), dim=-1)
    vocabulary, pad = logits.shape[-1], model.target_vocabulary.padding
    keys = np.asarray(datastore.keys, dtype=np.float64)
    sums = {"loss_a": 0.0, "loss_i": 0.0, "loss_r": 0.0, "with_target": 0.0, "same_value": 0.0, "cosine_sum": 0.0}
    tokens = 0
    for row, sentence in enumerate(sample["id"].tolist()):
        for place, target in enumerate(sample["target"][row].tolist()):
            if target == pad:
                continue
            tokens += 1
            own_logs = log_probs[row, place].tolist()
            epsilon = SMOOTHING / (vocabulary - 1)
            sums["loss_a"] -= (1 - SMOOTHING - epsilon) * own_logs[target] + epsilon * sum(own_logs)
            query = extra["keys"][row, place].double().numpy()
            own = int(datastore.offsets[sentence]) + place
            order = sorted(range(len(keys)), key=lambda number: float(((keys[number] - query) ** 2).sum()))
            ranked = order[1:k] if variant == "released" else [number for number in order if number != own][:k]
            cosine = {
                number: float(keys[number] @ query / np.linalg.norm(keys[number]) / np.linalg.norm(query))
                for number in ranked
            }
            for term, considered in (("loss_i", ranked[:8] if variant == "released" else ranked), ("loss_r", ranked)):
                twice = variant == "released" and term == "loss_i"
                masses: dict[int, float] = {}
                for number in considered:
                    kernel = math.exp(math.exp(cosine[number])) if twice else math.exp(cosine[number])
                    value = int(datastore.values[number])
                    masses[value] = masses.get(value, 0.0) + kernel
                shares = {value: mass / sum(masses.values()) for value, mass in masses.items()}
                if term == "loss_i":
                    sums[term] += sum(share * (math.log(share) - own_logs[value]) for value, share in shares.items())
                elif target in shares:
                    sums[term] -= math.log(shares[target])
            same = [number for number in ranked if int(datastore.values[number]) == target]
            sums["with_target"] += bool(same)
            sums["same_value"] += len(same)
            sums["cosine_sum"] += sum(cosine[number] for number in same)
    return sums, tokens


@pytest.mark.parametrize(("variant", "k"), [("paper", 5), ("paper", 1), ("released", 12)])
def test_the_loss_is_the_weighted_sum_of_its_terms(
    model: TranslationModel, sample: dict[str, Any], datastore: Datastore, variant: str, k: int
) -> None:
    alpha, beta = 0.3, 0.7
    criterion = ink_criterion(model, alpha, beta, variant)
    criterion.objective.neighbours = TrainingNeighbours(datastore, IndexLookup(datastore, EXACT, k, variant))
    loss, _, logged, gradients = loss_and_gradients(criterion, model, sample)
    expected, tokens = by_hand(model, sample, datastore, k, variant)
    for name, value in expected.items():
        assert float(logged[name]) == pytest.approx(value, rel=1e-5), name
    total = expected["loss_a"] + alpha * expected["loss_i"] + beta * expected["loss_r"]
    assert float(loss) == float(logged["loss"]) == pytest.approx(total, rel=1e-5)
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
    with metrics.aggregate(new_root=True) as meters:
        type(ink_criterion(model, 0.3, 0.7)).reduce_metrics([logged])
    found = meters.get_smoothed_values()
    for name in ("loss_a", "loss_i", "loss_r"):
        assert found[name] == pytest.approx(expected[name] / tokens / math.log(2), abs=1e-4)
    assert found["share_with_target"] == pytest.approx(expected["with_target"] / tokens, abs=1e-4)
    assert found["cosine_same_value"] == pytest.approx(expected["cosine_sum"] / expected["same_value"], abs=1e-4)


@pytest.mark.parametrize(("alpha", "beta"), [(0.3, 0.0), (0.0, 0.3)])
def test_each_term_alone_moves_the_gradients(
    model: TranslationModel, sample: dict[str, Any], datastore: Datastore, alpha: float, beta: float
) -> None:
    plain = loss_and_gradients(ink_criterion(model, 0.0, 0.0), model, sample)[3]
    criterion = ink_criterion(model, alpha, beta)
    criterion.objective.neighbours = TrainingNeighbours(datastore, IndexLookup(datastore, EXACT, 5, "paper"))
    moved = loss_and_gradients(criterion, model, sample)[3]
    assert all(not torch.equal(mine, other) for mine, other in zip(moved, plain, strict=True))


def test_means_over_batches_weigh_by_what_was_counted(model: TranslationModel) -> None:
    common = {"loss": 1.0, "loss_a": 1.0, "nll_loss": 1.0, "loss_i": 2.0, "loss_r": 4.0}
    batches = [
        {**common, "ntokens": 10, "with_target": 3.0, "same_value": 4.0, "cosine_sum": 2.0},
        {**common, "ntokens": 30, "with_target": 1.0, "same_value": 0.0, "cosine_sum": 0.0},
    ]
    with metrics.aggregate(new_root=True) as meters:
        type(ink_criterion(model, 0.3, 0.7)).reduce_metrics(batches)
    found = meters.get_smoothed_values()
    assert found["share_with_target"] == pytest.approx(4 / 40)
    assert found["cosine_same_value"] == pytest.approx(0.5)
    assert found["loss_r"] == pytest.approx(8 / 40 / math.log(2), abs=1e-4)


def test_terms_without_neighbours_are_a_programming_error(model: TranslationModel, sample: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="given no neighbours"):
        loss_and_gradients(ink_criterion(model, 0.1, 0.0), model, sample)


def test_a_term_more_is_weighed_by_its_setting_added_up_and_logged(
    model: TranslationModel, sample: dict[str, Any], datastore: Datastore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One entry of INK_TERMS is all that the criterion needs of another loss."""

    def logged_by(criterion: Any) -> Any:
        criterion.objective.neighbours = TrainingNeighbours(datastore, IndexLookup(datastore, EXACT, 5, "paper"))
        return loss_and_gradients(criterion, model, sample)[2]

    plain = logged_by(ink_criterion(model, 0.3, 0.7))
    pull = Term("loss_pull", "gamma", lambda found: (1 - found.similarities).masked_fill(~found.present, 0.0).sum())
    monkeypatch.setattr(ink_objective, "INK_TERMS", (*INK_TERMS, pull))
    chosen: Any = SimpleNamespace(alpha=0.3, beta=0.7, gamma=0.5, variant="paper")
    more = logged_by(criterion_of(InkObjective.from_settings(chosen, SMOOTHING), task_of(model)))
    assert float(more["loss_pull"]) > 0
    assert float(more["loss"]) == pytest.approx(float(plain["loss"]) + 0.5 * float(more["loss_pull"]), rel=1e-5)
