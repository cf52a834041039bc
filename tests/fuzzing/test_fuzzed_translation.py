"""Standard input of `ink translate`: whatever comes, a line is answered by a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fuzzing.mutations import mutated
from fuzzing.trial import COUNTS, Trial

from ink.cli import translation
from ink.cli.options import load_config
from ink.corpus.segmentation import TextProcessor
from ink.runtime.errors import InkError
from ink.systems.inference import Parts, assemble
from ink.tools.translation.translator import Translator

MICRO = Path(__file__).resolve().parents[1] / "workflow" / "micro.yaml"
COMMAND = ["--config", str(MICRO), "--system", "off_the_shelf", "--domain", "koran"]


@pytest.mark.parametrize("count", COUNTS)
def test_standard_input_is_answered_line_by_line(
    tiny: Any, count: int, project: Path, monkeypatch: pytest.MonkeyPatch, record_property: Any
) -> None:
    settings = tiny.settings.changed(decoding={"max_len_a": 0.0, "max_len_b": 2, "beam": 1})
    text = TextProcessor(settings.text, tiny.vocabulary / "bpecodes")
    translator = Translator(assemble(tiny.domain, Parts(), settings, settings.index), text, settings.decoding, None)

    def load(*arguments: Any) -> Translator:
        translator.warn = arguments[-1]
        return translator

    monkeypatch.setattr("ink.tools.translation.translator.load_translator", load)
    config = load_config(MICRO)
    monkeypatch.setattr("ink.cli.options.load_config", lambda _path: config)

    def parse(data: bytes) -> None:
        result = CliRunner().invoke(translation.translate, COMMAND, input=data, standalone_mode=False)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        lines = data.count(b"\n") + (not data.endswith(b"\n") and data != b"")
        assert result.stdout_bytes.count(b"\n") == lines, result.stderr
        if result.exit_code != 0:
            *named, last = result.stderr.splitlines()
            assert last.endswith("of the input's lines could not be read and were left empty")
            assert int(last.split()[0]) == sum(line.endswith("; left empty") for line in named)
            raise InkError(last)
        for line in result.stderr.splitlines():
            assert line.startswith("line "), line

    valid = b"".join((tiny.corpus / f"test.{tiny.languages[0]}").read_bytes().splitlines(True)[:5])
    Trial(project, parse, lambda _: None).run("standard input", valid, mutated(valid), count, record_property)
