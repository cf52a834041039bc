"""The search over alpha and beta: of INK trained at several points, the one that translates dev best."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ink.nmt.adapter_file import read_metadata
from ink.runtime.errors import InkError
from ink.runtime.whole_files import read_json, write_atomically, write_json


def choose(points: Sequence[Path], domain: str, seed: int, output: Path) -> None:
    """Write the folder `output` with the adapter, trained with `seed`, of the point with the best dev BLEU.

    points: folders with a final adapter and its record, every point with every seed. A point's dev BLEU is the mean
    over the seeds; of several equally good points the first is chosen. record.json is the chosen one's, and under
    "search" has every point with its dev BLEU. InkError where a folder is of another domain, or a point lacks a seed.
    """
    found: dict[str, dict[int, Path]] = {}
    for folder in points:
        metadata = read_metadata(folder / "adapter.safetensors")
        if metadata.get("domain") != domain:
            raise InkError(
                f"{folder} holds an adapter of the domain {metadata.get('domain')}, not of {domain}",
                code="training/wrong-candidates",
            )
        found.setdefault(str(metadata["system"]), {})[int(metadata["seed"])] = folder
    seeds = sorted({number for folders in found.values() for number in folders})
    tried: list[dict[str, Any]] = []
    for name, folders in found.items():
        missing = [number for number in {*seeds, seed} if number not in folders]
        if missing:
            raise InkError(
                f"point {name} has no adapter trained with seed {missing[0]}; give every point with every seed",
                code="training/wrong-candidates",
            )
        records = {number: read_json(folders[number] / "record.json", "dev_bleu") for number in seeds}
        scores = {str(number): float(record["dev_bleu"]) for number, record in records.items()}
        tried.append({"system": name, "dev_bleu": statistics.fmean(scores.values()), "by_seed": scores})
    if not tried:
        raise InkError("a search needs at least one --point", code="training/wrong-candidates")
    best = max(tried, key=lambda point: float(point["dev_bleu"]))
    chosen = found[best["system"]][seed]
    with write_atomically(output) as folder:
        folder.mkdir(parents=True)
        shutil.copyfile(chosen / "adapter.safetensors", folder / "adapter.safetensors")
        record = read_json(chosen / "record.json")
        write_json(folder / "record.json", {**record, "chosen": best["system"], "search": tried})
