"""One system on one domain: translate the test sets and write hypotheses and scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ink.combiners.combiner_file import read_combiner
from ink.config.slices.result_slices import EvaluationSettings
from ink.config.slices.slice import DecodingSettings
from ink.corpus.model_text import ModelText
from ink.corpus.prepared_corpus import PreparedCorpus
from ink.metrics.footprint import added_memory
from ink.metrics.score_files import score_translations
from ink.nmt.adapter_file import read_metadata
from ink.nmt.domain_files import Domain
from ink.nmt.generation import Translations, generate
from ink.nmt.huggingface.hub_record import hub_origin
from ink.nmt.text_loading import load_text
from ink.runtime.whole_files import read_lines, write_json, write_lines
from ink.systems.inference import AssembledSystem, Parts, assemble
from ink.systems.layout import Run


@dataclass(frozen=True)
class GeneralTest:
    """The general domain's test set: name, raw text and binarised data."""

    domain: str
    corpus: Path
    data: PreparedCorpus


@dataclass(frozen=True)
class RunFiles:
    """Where a run's translations of the test set are written, one a line, and its scores (JSON)."""

    hypotheses: Path
    scores: Path


def evaluate_system(
    run: Run, domain: Domain, parts: Parts, general: GeneralTest | None, settings: EvaluationSettings, output: RunFiles
) -> None:
    """Translate the domain's test set, and the general one if given; write translations and scores."""
    assembled = assemble(domain, parts, settings, settings.index)
    model = assembled.model
    text = load_text(domain.vocabulary, settings.text, domain.data.languages)
    lines, measured, found = _translate_and_score(assembled, domain.data, domain.corpus, text, settings)
    searched = _searched(assembled)
    result = {**run._asdict(), **measured, "general": None}
    if general is not None:
        _, on_general, _ = _translate_and_score(assembled, general.data, general.corpus, text, settings)
        result["general"] = {"domain": general.domain, **on_general}
    result |= {
        "added_memory": added_memory(assembled.files) | assembled.in_memory,
        "adapter_parameters": model.adapter_parameters,
        "passes": _passes(parts.adapter),
        "decoding": {
            "seconds": found.seconds,
            "sentences_per_second": len(lines) / found.seconds,
            "batch_sentences": settings.decoding.batch_sentences,
        },
        **searched,
        "chosen": _chosen_on_dev(parts),
        "settings": {"decoding": settings.decoding.plain()},
        "model": model.fingerprint,
        **hub_origin(domain.base_model),
    }
    write_lines(output.hypotheses, lines)
    write_json(output.scores, result)


def _searched(system: AssembledSystem) -> dict[str, Any]:
    """Return what the system's mixture has counted of its searches, if anything."""
    return {} if system.mixture is None or not system.mixture.counts else {"search": system.mixture.counts}


def _passes(adapter: Path | None) -> int | None:
    """Return after how many epochs or rounds the adapter's training ended; None where its file does not say so."""
    averaged = None if adapter is None else read_metadata(adapter).get("averaged")
    numbers = [number for number in averaged if isinstance(number, int)] if isinstance(averaged, list) else []
    return max(numbers, default=None)


def _chosen_on_dev(parts: Parts) -> dict[str, Any] | None:
    """Return the combiner's settings that a grid on dev decided, if there was anything to choose from."""
    if parts.combiner is None:
        return None
    described = read_combiner(parts.combiner)
    return described["chosen"] if len(described["tried"]) > 1 else None


def _translate_and_score(
    system: AssembledSystem, data: PreparedCorpus, corpus: Path, text: ModelText, settings: DecodingSettings
) -> tuple[list[str], dict[str, Any], Translations]:
    found = generate(
        system.model,
        system.model.parallel_text(data, "test"),
        settings.decoding,
        mixture=system.mixture,
        description=f"translating {corpus.name}",
    )
    lines = [text.decode_target(line) for line in found.hypotheses]
    references = read_lines(corpus / f"test.{data.languages.target}")
    measured = score_translations(lines, references, settings.evaluation.sacrebleu_tokeniser)
    return lines, {"sentences": len(lines), **measured}, found
