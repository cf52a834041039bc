"""COMET's model and encoder: are the files there, or will a job have to fetch them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ink.config import Config
from ink.metrics.comet_files import (
    cache_folder,
    cached,
    checkpoint_problem,
    encoder_problem,
    hub_name,
    is_checkpoint,
    read_hparams,
)
from ink.runtime.errors import InkError
from ink.tools.doctor.finding import Finding, error, ok, warning


def comet_files(config: Config) -> Iterator[Finding]:
    """Look for COMET's model and its encoder; what a job will fetch is no error."""
    comet = config["evaluation"]["comet"]
    if comet is None:
        return
    fetched, encoder_name = [], None
    if is_checkpoint(comet["model"]):
        checkpoint: Path | None = Path(comet["model"])
        problem = checkpoint_problem(Path(comet["model"]))
    else:
        checkpoint, problem = cached(hub_name(comet["model"]), "checkpoints/model.ckpt"), None
        fetched += [hub_name(comet["model"])] if checkpoint is None else []
    if problem is None and checkpoint is not None:
        try:
            encoder_name = read_hparams(checkpoint)["pretrained_model"]
        except InkError as unreadable:
            problem = str(unreadable)
    problems = [problem] if problem else []
    if comet["encoder"] is not None:
        problem = encoder_problem(Path(comet["encoder"]))
        problems += [problem] if problem else []
    elif encoder_name is not None and cached(encoder_name, "config.json") is None:
        fetched.append(encoder_name)
    yield from (error("COMET", problem) for problem in problems)
    if fetched:
        yield warning(
            "COMET",
            f"{' and '.join(fetched)} not in {cache_folder()}: the first job that scores will fetch it from the "
            "Hugging Face hub (wmt20-comet-da: 2.3 GB)",
        )
    elif not problems:
        yield ok("COMET", f"{checkpoint} and its encoder are there; estimates below leave COMET's time out")
