"""Parallel text that was broken by hand or by software, on one side of one split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fuzzing.mutations import Handed, mutated
from fuzzing.trial import COUNTS, Trial
from hypothesis import strategies as st

from ink.config.languages import LanguagePair
from ink.corpus.own_text import SPLITS, OwnFiles, ingest
from ink.corpus.preparation import prepare

LINES = {"train": 12, "dev": 3, "test": 3}


@pytest.mark.parametrize("count", COUNTS)
def test_a_corpus_is_refused_or_prepared(
    tiny: Any, count: int, project: Path, tmp_path: Path, record_property: Any
) -> None:
    source, target = tiny.languages
    given = tmp_path / "given"
    given.mkdir()
    valid = {
        f"{split}.{language}": b"".join((tiny.corpus / f"{split}.{language}").read_bytes().splitlines(True)[:lines])
        for split, lines in LINES.items()
        for language in tiny.languages
    }

    def parse(sides: dict[str, bytes]) -> Path:
        for name, data in sides.items():
            (given / name).write_bytes(data)
        pattern = str(given / "{split}.{language}")
        ingest(
            OwnFiles(pattern, SPLITS), "koran", LanguagePair(source, target), project / "corpus", seed=1, held_out={}
        )
        return project / "corpus"

    def use(corpus: Path) -> None:
        prepare(corpus, tiny.vocabulary, tiny.settings.text, LanguagePair(source, target), project / "data")

    def one_side(name: str) -> st.SearchStrategy[Handed]:
        return mutated(valid[name]).map(lambda side: Handed({**valid, name: side.data}, f"{name}: {side.how}"))

    inputs = st.sampled_from(sorted(valid)).flatmap(one_side)
    Trial(project, parse, use).run("corpus", valid, inputs, count, record_property)
