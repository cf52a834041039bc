"""COMET's model (Rei et al. 2020) loaded weights-only, and its score of each translation, through unbabel-comet."""

from __future__ import annotations

import inspect
import logging
import pickle
import warnings
from pathlib import Path
from typing import Any

import comet
import torch
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint

from ink.metrics.comet_files import find_encoder, read_hparams
from ink.metrics.metric import Texts
from ink.nmt.plain_types import harmless_types
from ink.nmt.weights import check_finite
from ink.runtime.errors import InkError

# By these classes earlier versions of Lightning name what a checkpoint says of its training.
CALLBACKS: list[Any] = [EarlyStopping, ModelCheckpoint]


def load_comet(checkpoint: Path, encoder: str | None) -> comet.models.CometModel:
    """Load a COMET model weights-only, its encoder's configuration and tokeniser from `encoder` or the hub's cache.

    With a local encoder nothing is fetched. InkError where a file is missing, is no COMET model's, would have to
    execute code to be read, or holds weights that are not finite.
    """
    hparams = read_hparams(checkpoint)
    kind = comet.models.str2model.get(hparams["class_identifier"])
    if kind is None:
        known = ", ".join(comet.models.str2model)
        raise InkError(
            f"{checkpoint}: unbabel-comet has no model {hparams['class_identifier']!r}; it has {known}",
            code="metric/files-damaged",
        )
    folder = find_encoder(encoder, hparams)
    state = _read_checkpoint(checkpoint)
    # as in Lightning, the checkpoint's own settings count, and those that the class does not know are left out
    made_with = dict(state.get("hyper_parameters") or hparams)
    made_with |= {"pretrained_model": str(folder), "load_pretrained_weights": False, "local_files_only": True}
    parameters = inspect.signature(kind).parameters
    try:
        model = kind(**{name: value for name, value in made_with.items() if name in parameters})
    except Exception as error:  # tokenizers raises nothing narrower
        reason = " ".join(str(error).split())[:300]
        raise InkError(
            f"COMET's model {checkpoint} could not be made with the encoder in {folder} ({reason}); is it the encoder "
            "that the model was trained on, complete?",
            code="metric/files-damaged",
        ) from None
    try:
        # older checkpoints hold what later versions of the encoder no longer have
        missing = model.load_state_dict(state["state_dict"], strict=False).missing_keys
    except RuntimeError as error:
        reason = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise InkError(
            f"{checkpoint} does not fit the encoder in {folder}: {reason}", code="metric/files-damaged"
        ) from None
    if missing:
        raise InkError(
            f"{checkpoint} lacks {len(missing)} weights of its model, such as {missing[0]}; fetch the COMET model "
            f"again, or name the encoder that it was trained on (not {folder})",
            code="metric/files-damaged",
        )
    check_finite(model.state_dict(), f"COMET's model {checkpoint}", "fetch it again, or take another")
    return model.eval()


def segment_scores(
    model: comet.models.CometModel, texts: Texts, batch_sentences: int, device: torch.device
) -> list[float]:
    """Return the model's score of every translation, in their order.

    In float32; comet-score 2.2.7 computes in half precision.
    """
    triples = zip(texts.sources, texts.hypotheses, texts.references, strict=True)
    samples = [dict(zip(("src", "mt", "ref"), triple, strict=True)) for triple in triples]
    on_gpu = device.type == "cuda"
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)  # which devices it sees and does not use
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*`isinstance.*LeafSpec.*")  # Lightning's own use of torch
        found = model.predict(
            samples,
            batch_size=batch_sentences,
            gpus=1 if on_gpu else 0,
            devices=[device.index or 0] if on_gpu else None,
            accelerator="gpu" if on_gpu else "cpu",
            num_workers=0,
            progress_bar=False,
        )
    return [float(score) for score in found.scores]


def _read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a Lightning checkpoint weights-only; InkError, with nothing executed, where it holds anything else."""
    with torch.serialization.safe_globals(CALLBACKS), harmless_types():
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError:
            refused = _refused_types(path)
            raise InkError(
                f"COMET's model {path} holds objects other than weights and plain settings{refused}; it was not loaded "
                "and nothing in it was run. Take it from where it was published, or save it again with "
                "hyper_parameters and state_dict alone",
                code="model/unsafe",
            ) from None
        except (RuntimeError, EOFError, OSError, KeyError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InkError(
                f"COMET's model {path} is not a whole checkpoint ({reason}); fetch it again",
                code="metric/files-damaged",
            ) from None
    if not isinstance(state, dict) or "state_dict" not in state:
        raise InkError(
            f"{path} holds no state_dict; it is not the checkpoint of a COMET model", code="metric/files-damaged"
        )
    return state


def _refused_types(path: Path) -> str:
    try:
        names = sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except (RuntimeError, ValueError, OSError):  # a file in torch's older format does not tell
        return ""
    return f" ({', '.join(names)})" if names else ""
