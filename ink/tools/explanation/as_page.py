"""Explanations as one HTML page that needs nothing else: no script, no other file, no network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ink.runtime.escape import visible
from ink.tools.explanation.explanation import ExplainedSystem, Explanation, Token, distance, probability
from ink.tools.explanation.subwords import as_words

TEMPLATE = "page.html"


def as_page(explanations: Sequence[Explanation], about: ExplainedSystem) -> str:
    """Return the page. Every text on it is escaped, and isolated where it runs from right to left."""
    environment = Environment(
        loader=PackageLoader("ink.tools.explanation", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters.update(probability=probability, distance=distance, percent=percent)
    return environment.get_template(TEMPLATE).render(explanations=explanations, about=about, word_of=word_of)


def percent(p: float) -> str:
    """Return a probability as a width in CSS, kept within its bar whatever rounding did."""
    return f"{100 * min(max(p, 0.0), 1.0):.1f}%"


def word_of(word: Sequence[tuple[int, Token]]) -> str:
    """Return the word that these tokens are pieces of."""
    return as_words([token.subword for _, token in word])


def _shown(value: Any) -> Any:
    """Take the commands out of text; what the template itself has made stays as it is."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
