"""The search over alpha and beta chooses on dev, by the mean over the seeds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ink.nmt.adapter import write_adapter
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, write_json
from ink.training.hyperparameter_search import choose

POINTS = {
    "ink_alpha0.1_beta0.1": {1: 20.0, 2: 24.0},
    "ink_alpha0.1_beta0.3": {1: 25.0, 2: 18.0},
    "ink_alpha0.3_beta0.1": {1: 22.0, 2: 22.0},
}
WEIGHTS = {
    "encoder.layers.0.adapter.down.weight": torch.zeros(2, 4),
    "decoder.layers.0.adapter.down.weight": torch.zeros(2, 4),
}


def points(folder: Path, domain: str = "koran") -> list[Path]:
    found = []
    for name, scores in POINTS.items():
        for seed, bleu in scores.items():
            place = folder / name / f"seed{seed}"
            place.mkdir(parents=True)
            origin = {"system": name, "domain": domain, "seed": seed}
            write_adapter(place / "adapter.safetensors", WEIGHTS, base_model="base", **origin)
            write_json(place / "record.json", {"dev_bleu": bleu, "best_dev_bleu": bleu + 1, "history": []})
            found.append(place)
    return found


def test_the_best_mean_over_the_seeds_is_chosen_and_every_seed_gets_its_own_adapter(tmp_path: Path) -> None:
    """22.0, 21.5 and 22.0: of the two best the first, although one seed alone would have chosen another."""
    folders = points(tmp_path)
    for seed in (1, 2):
        choose(folders, "koran", seed, tmp_path / f"chosen{seed}")
        chosen = tmp_path / "ink_alpha0.1_beta0.1" / f"seed{seed}" / "adapter.safetensors"
        assert (tmp_path / f"chosen{seed}" / "adapter.safetensors").read_bytes() == chosen.read_bytes()
        record = read_json(tmp_path / f"chosen{seed}" / "record.json")
        assert record["dev_bleu"] == POINTS["ink_alpha0.1_beta0.1"][seed]
        assert record["chosen"] == "ink_alpha0.1_beta0.1"
        assert [point["dev_bleu"] for point in record["search"]] == [22.0, 21.5, 22.0]


def test_a_point_that_lacks_a_seed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InkError, match=r"ink_alpha0\.3_beta0\.1 has no adapter trained with seed 2"):
        choose(points(tmp_path)[:-1], "koran", 1, tmp_path / "chosen")
    assert not (tmp_path / "chosen").exists()


def test_points_of_another_domain_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InkError, match="of the domain it, not of koran"):
        choose(points(tmp_path, "it"), "koran", 1, tmp_path / "chosen")
