"""BLEU with one of sacrebleu's tokenisers, or what that lacks here, found out without the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ink.runtime.errors import InkError

# those that need nothing but sacrebleu
PLAIN = ("13a", "intl", "zh", "char", "none")
# sacrebleu's extra that brings the packages of one
_EXTRAS = {"ja-mecab": "ja", "ko-mecab": "ko"}


def bleu_with(tokeniser: str, *, effective_order: bool = False) -> Any:
    """Make sacrebleu's BLEU with a tokeniser; InkError says what that lacks here, and the command that brings it.

    Nothing is fetched: sacrebleu would fetch a SentencePiece model when the first score is computed, hours after the
    start and on a node that may have no network.
    """
    from sacrebleu.metrics import BLEU

    if tokeniser not in BLEU.TOKENIZERS:
        raise InkError(
            f"sacrebleu has no tokeniser {tokeniser!r}; it has {', '.join(sorted(BLEU.TOKENIZERS))}",
            code="config/value-not-allowed",
        )
    lacks = f"evaluation.sacrebleu_tokeniser: {tokeniser} lacks"
    bring = f"python -c \"from sacrebleu.metrics import BLEU; BLEU(tokenize='{tokeniser}')\""
    model = _model_of(tokeniser)
    if model is not None and not model.is_file():
        raise InkError(
            f"{lacks} its SentencePiece model {model}; fetch it where there is network: {bring}",
            code="metric/files-missing",
        )
    try:
        return BLEU(tokenize=tokeniser, effective_order=effective_order)
    except (ImportError, RuntimeError, OSError, AssertionError) as error:
        if model is not None:
            raise InkError(
                f"{lacks} a whole SentencePiece model: delete {model}, then fetch it: {bring}",
                code="metric/files-damaged",
            ) from None
        if tokeniser in _EXTRAS:
            # asserted of the dictionary that the packages bring
            lacking = "the dictionary of its packages" if isinstance(error, AssertionError) else "its packages"
            raise InkError(
                f"{lacks} {lacking}; install them: pip install 'sacrebleu[{_EXTRAS[tokeniser]}]'",
                code="metric/files-missing",
            ) from None
        raise


def _model_of(tokeniser: str) -> Path | None:
    """Return where sacrebleu looks for the SentencePiece model of a tokeniser; None of one that has none."""
    from sacrebleu.tokenizers import tokenizer_spm

    if tokeniser not in tokenizer_spm.SPM_MODELS:
        return None
    address = tokenizer_spm.SPM_MODELS[tokeniser]["url"]
    return Path(tokenizer_spm.SACREBLEU_DIR) / "models" / Path(address).name
