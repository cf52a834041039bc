"""BPE codes and dictionaries that were broken by hand or by software."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fuzzing.mutations import ON_WORDS, mutated
from fuzzing.trial import COUNTS, Trial

from ink.config.languages import LanguagePair
from ink.corpus.segmentation import TextProcessor
from ink.corpus.vocabulary import CODES, adopt_vocabulary, known_subwords
from ink.nmt.model_loading import BaseModelFiles
from ink.runtime.whole_files import read_lines

FRAGMENTS = {
    "codes": [b"#version: 0.1\n", b"#version: 9.9\n", b"a b\n", b"a b 17\n", b"</w> </w>\n", b" \n", b"t h</w> \n"],
    "dictionary": [
        b"<unk> 1\n",
        b"a@@ 1\n",
        b"a@@ 1 #fairseq:overwrite\n",
        b"Gott 1\n",
        b"madeupword0000 0\n",
        b" 1\n",
    ],
}


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("what", ["codes", "dictionary"])
def test_a_vocabulary_is_refused_or_taken(
    tiny: Any, what: str, count: int, project: Path, tmp_path: Path, record_property: Any
) -> None:
    source, target = tiny.languages
    files = {"codes": tiny.vocabulary / CODES, "dictionary": tiny.vocabulary / f"dict.{source}.txt"}
    given = tmp_path / "given"
    lines = [*read_lines(tiny.corpus / f"test.{source}")[:3], "ein <unk> @@ </w> ü \u2028"]

    def parse(data: bytes) -> Path:
        given.write_bytes(data)
        paths = {**files, what: given}
        output = project / "vocabulary"
        adopt_vocabulary(
            paths["codes"], (paths["dictionary"], files["dictionary"]), LanguagePair(source, target), output
        )
        return output

    def use(vocabulary: Path) -> None:
        known = known_subwords(vocabulary, tiny.languages)
        for subwords in (None, known):
            processor = TextProcessor(tiny.settings.text, vocabulary / CODES, subwords)
            for line in lines:
                assert "\n" not in processor.decode_source(processor.encode_source(line))
        if what == "dictionary":
            BaseModelFiles(tiny.base_model, vocabulary, LanguagePair(source, target)).load()

    valid = files[what].read_bytes()
    inputs = mutated(valid, FRAGMENTS[what], most=1, operations=ON_WORDS)
    Trial(project, parse, use).run(what, valid, inputs, count, record_property)
