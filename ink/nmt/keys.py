"""Keys: the contextualised representations at target positions that a datastore holds and decoding queries with.

decoder_output: what the output projection reads, behind the last layer's adapter if there is one. In a Transformer
whose layers normalise their sums (post-norm) it is the last layer's output; in one whose layers normalise their inputs
(pre-norm), that output behind the decoder's own last norm.

ffn_input: what the last decoder layer's feed-forward network reads (Khandelwal et al. 2021): with post-norm the
normalised sum of the cross-attention and what it was added to, with pre-norm that sum behind the feed-forward network's
own norm.
"""

from __future__ import annotations

from ink.errors import InkError

KEY_KINDS = ("decoder_output", "ffn_input")


def check_kind(kind: str) -> None:
    """Raise InkError where there are no keys of this kind."""
    if kind not in KEY_KINDS:
        raise InkError(f"datastore key kind is {kind!r}; allowed: {', '.join(KEY_KINDS)}")
