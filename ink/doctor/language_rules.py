"""What is here of the languages that a config names: BLEU's tokeniser, and Moses' rules."""

from __future__ import annotations

from collections.abc import Iterator

from ink.config import Config
from ink.config.languages import MOSES
from ink.doctor.finding import Finding, error, ok, warning
from ink.errors import InkError
from ink.metrics.bleu_tokeniser import bleu_with


def examine_languages(config: Config) -> Iterator[Finding]:
    """Make the tokeniser for BLEU, without the network; warn of languages that get the English rules."""
    tokeniser = config["evaluation"]["sacrebleu_tokeniser"]
    try:
        yield ok("BLEU", f"sacrebleu's tokeniser {bleu_with(tokeniser).tokenizer_signature}")
    except InkError as problem:
        yield error("BLEU", str(problem))
    for side in ("source", "target"):
        language = config["text"][f"{side}_tokeniser_language"]
        if language not in MOSES:
            yield warning(
                "tokenisation",
                f"text.{side}_tokeniser_language: sacremoses has no rules for {language} and takes the English ones",
            )
