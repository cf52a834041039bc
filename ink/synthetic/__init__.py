"""The embedded corpus: German-English sentence pairs in five domains, made from a lexicon and two grammars."""

from __future__ import annotations

from ink.synthetic.generator import generate
from ink.synthetic.lexicon import DOMAINS, ambiguous_words

AMBIGUOUS = ambiguous_words()

__all__ = ["AMBIGUOUS", "DOMAINS", "generate"]
