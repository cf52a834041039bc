"""What libraries say that is no news to a reader."""

from __future__ import annotations

import logging
import warnings

# Beginnings of warnings, as regular expressions.
_NO_NEWS = (
    "Support for mismatched key_padding_mask",
    "'pin_memory' argument is set as true but no accelerator",
    r"(?s).*automatic_schema_matching",
    "pkg_resources is deprecated",
)


def quieten_libraries() -> None:
    """Let libraries speak of what went wrong, and not of how they work."""
    # fairseq tells of every module it loads, hydra and torch of the way in which fairseq uses them, faiss of the
    # instructions it tries, comet that it trains nothing: no news to a reader
    for name in ("fairseq", "hydra", "faiss", "comet"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", category=UserWarning, module=r"hydra\.")
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"fairseq\.")
    for message in _NO_NEWS:
        warnings.filterwarnings("ignore", message=message)
    # it prints the traceback of an error that it raises as well
    logging.getLogger("fairseq.checkpoint_utils").setLevel(logging.CRITICAL)
