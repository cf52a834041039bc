"""Checkpoints whose dictionaries hold other things than fairseq puts there, or that were broken on the way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from fuzzing.mutations import mutated, revalued
from fuzzing.trial import COUNTS, Trial
from hypothesis import strategies as st

from ink.corpus.segmentation import TextProcessor
from ink.nmt.fairseq.checkpoint import allow_fairseq_types, read_checkpoint
from ink.runtime.imports import import_rest_of_fairseq
from ink.systems.inference import Parts, assemble
from ink.tools.translation.lines import Line
from ink.tools.translation.translator import Translator


@pytest.mark.parametrize("count", COUNTS)
def test_a_checkpoint_is_refused_or_translates(
    tiny: Any, count: int, project: Path, tmp_path: Path, record_property: Any
) -> None:
    allow_fairseq_types()
    import_rest_of_fairseq()  # takes seconds, once, at the first checkpoint that names what is not known yet
    state = torch.load(tiny.base_model, weights_only=True)
    path = tmp_path / "model.pt"
    settings = tiny.settings.changed(decoding={"max_len_a": 0.0, "max_len_b": 2, "beam": 1})
    text = TextProcessor(settings.text, tiny.vocabulary / "bpecodes")
    domain = replace(tiny.domain, base_model=path)

    def parse(given: Any) -> None:
        if isinstance(given, bytes):
            path.write_bytes(given)
        else:
            torch.save(given, path)
        read_checkpoint(path)

    def use(_parsed: None) -> None:
        translator = Translator(
            assemble(domain, Parts(), settings, settings.index), text, settings.decoding, lambda warning: None
        )
        translator.translate([Line(1, "Gott sieht das Wort .")])

    inputs = st.one_of(revalued(state), revalued(state), revalued(state), mutated(tiny.base_model.read_bytes(), most=1))
    Trial(project, parse, use).run("checkpoint", state, inputs, count, record_property)
