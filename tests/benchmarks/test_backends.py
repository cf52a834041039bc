"""The benchmarks of fairseq beside FSMT on the tiny model: what they do and say; times are never tested."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import backend_parity
import backends

from ink.config.sections.base_system import BeamSearch
from ink.nmt.beam_search import Translation
from ink.nmt.fsmt_conversion import to_fsmt
from ink.nmt.huggingface.tokenisers import Languages
from ink.nmt.huggingface.vocabulary_folder import make_vocabulary
from ink.runtime.whole_files import read_lines

SIZES = {"small_batch": 2, "large_batch": 4, "tokens": 200, "lists": 4, "code_bytes": 8, "probes": 4}


@pytest.fixture(scope="module")
def fsmt(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backends") / "fsmt"
    to_fsmt(tiny.base_model, tiny.vocabulary, folder, languages=tiny.languages, escaped=False)
    return folder


def hypothesis(score: float, *tokens: int) -> Translation:
    return Translation(torch.tensor(tokens), torch.zeros(len(tokens)), torch.tensor(score))


def test_a_line_that_differs_has_a_reason() -> None:
    first, second, third = hypothesis(-1.0, 4, 2), hypothesis(-1.5, 5, 2), hypothesis(-1.00001, 6, 2)
    assert backend_parity.reason([first], [third]) == "scores equal to rounding"
    assert backend_parity.reason([first], [second]) == "fairseq's search found a better one"
    assert (
        backend_parity.reason([second, first], [first])
        == "FSMT's search found a better one, which the other ranked lower"
    )


def test_one_model_is_alike_in_both(tiny: Any, fsmt: Path, tmp_path: Path) -> None:
    text = {"escape": False, "split_unknown": False}
    both = backend_parity.load(tiny.base_model, tiny.vocabulary, fsmt, tiny.languages, text, tmp_path / "vocabulary")
    sources, alike = both.sources(read_lines(tiny.corpus / "test.xx")[:4])
    assert alike == 4
    (line,) = backend_parity.decoded(both, sources, BeamSearch(beam=2), 3)
    assert line.startswith("beam 2: equal on 4 of 4 lines; ")
    pairs = [(source, source) for source in sources]
    assert apart(backend_parity.forced(both, pairs, "ffn_input")) < 1e-4
    with torch.no_grad():  # what it says of two models that are not alike
        both.fsmt.network.model.encoder.layers[0].fc1.weight += 1.0
    assert len([*backend_parity.decoded(both, sources, BeamSearch(beam=2), 3)]) > 1
    assert apart(backend_parity.forced(both, pairs, "ffn_input")) > 1e-2


def apart(line: str) -> float:
    """How far keys lie apart, by what is said."""
    found = re.search(r"differ by (\S+) at most", line)
    assert found is not None
    return float(found.group(1))


@pytest.mark.parametrize("backend", backends.BACKENDS)
def test_every_part_of_the_work_is_done(tiny: Any, fsmt: Path, tmp_path: Path, backend: str) -> None:
    model, vocabulary = tiny.base_model, tiny.vocabulary
    if backend == "FSMT":
        model, vocabulary = fsmt, tmp_path / "vocabulary"
        make_vocabulary(fsmt, tiny.languages, Languages(), vocabulary)
    text = {"source_tokeniser_language": "de", "target_tokeniser_language": "en", "escape": False}
    given = backends.Given(model, vocabulary, tiny.corpus, tmp_path / backend, tiny.languages, text, SIZES)
    worker = backends.Worker(given)
    entries = int(worker.train.offsets[-1])
    done = {name: work() for name, work in worker.works.items()}
    systems = ("off-the-shelf", "V-kNN", "R-kNN", "INK")
    assert done == {
        "datastore pass": entries,
        **{f"{system}, batch {batch}": len(worker.test) for batch in (2, 4) for system in systems},
        "epoch of the Adapter": entries,
        "round of INK": entries,
    }
    # each training has moved them, and put them back
    assert all(len(run.history) == 1 and run.updates > 0 for run in worker.runs.values())
    for name, weights in worker.adapted.adapter_weights().items():
        assert torch.equal(weights, worker.start[name]), name


def test_ratios_are_those_of_one_repeat() -> None:
    found = {("V-kNN, batch 8", "fairseq"): [(10, 1.0), (10, 4.0)], ("V-kNN, batch 8", "FSMT"): [(10, 2.0), (10, 6.0)]}
    row = "| V-kNN, batch 8 | 4 sentences | 2.5 | 1.75 (1.50-2.00) |"
    assert backends.table(found, ["V-kNN, batch 8"])[2:] == [row]
