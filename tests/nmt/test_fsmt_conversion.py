"""`ink convert`: the same weights there and back, and what cannot be converted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from nmt.test_other_checkpoints import TRANSFORMER, TRANSLATION, state_of
from transformers import FSMTForConditionalGeneration

from ink.cli import ink
from ink.nmt.fairseq.checkpoint import read_checkpoint
from ink.nmt.fsmt_conversion import to_fairseq, to_fsmt
from ink.nmt.huggingface.model_folder import read_model
from ink.runtime.errors import InkError

CHANGED = [
    pytest.param(["--encoder-learned-pos"], "the encoder has learned positions (encoder_learned_pos)", id="learned"),
    pytest.param(["--no-token-positional-embeddings"], "the decoder has no positions", id="none"),
    pytest.param(["--decoder-normalize-before"], "the decoder normalises before each block", id="pre-norm"),
    pytest.param(["--activation-fn", "tanh"], "its activation is tanh (activation_fn)", id="activation"),
    pytest.param(["--layernorm-embedding"], "the encoder normalises its embeddings", id="embeddings"),
    pytest.param([], "its output layer is not its target embeddings", id="untied"),
]


def run(*arguments: Any) -> list[str]:
    done = CliRunner().invoke(ink, ["convert", *map(str, arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


@pytest.fixture(scope="module")
def fsmt(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model, whose embeddings are shared, as FSMT."""
    folder = tmp_path_factory.mktemp("converted")
    printed = run(tiny.base_model, folder / "fsmt", "--vocabulary", tiny.vocabulary, "--plain")
    assert printed[0].startswith(f"{folder / 'fsmt'}: FSMT from xx to yy, 2+2 layers of dimension 16, ")
    assert printed[1].endswith("(text.escape: false)")
    assert len({file.stat().st_mode for file in (folder / "fsmt").iterdir()}) == 1
    return folder / "fsmt"


def test_there_and_back_gives_the_same_weights_and_subwords(tiny: Any, fsmt: Path, tmp_path: Path) -> None:
    run(fsmt, tmp_path / "back")
    before, after = (read_checkpoint(path) for path in (tiny.base_model, tmp_path / "back" / "model.pt"))
    assert before["model"].keys() == after["model"].keys()
    for name, value in before["model"].items():
        assert after["model"][name].dtype == value.dtype
        if value.numel() > 1:  # not version numbers, and what stands for tables of sines
            assert torch.equal(after["model"][name], value), name
    assert after["cfg"]["model"].share_all_embeddings
    assert (tmp_path / "back" / "bpecodes").read_text() == (tiny.vocabulary / "bpecodes").read_text()
    for language in tiny.languages:
        one, other = (folder / f"dict.{language}.txt" for folder in (tiny.vocabulary, tmp_path / "back"))
        assert [line.split()[0] for line in one.open()] == [line.split()[0] for line in other.open()]
    to_fsmt(tmp_path / "back" / "model.pt", tmp_path / "back", tmp_path / "again", languages=None, escaped=False)
    for file in fsmt.iterdir():
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes(), file.name


def test_transformers_reads_the_folder_with_no_weight_amiss(fsmt: Path) -> None:
    network, printed = FSMTForConditionalGeneration.from_pretrained(fsmt, output_loading_info=True)
    assert not printed["unexpected_keys"]
    assert not printed["mismatched_keys"]
    assert all(name.endswith("embed_positions.weight") for name in printed["missing_keys"])
    assert torch.equal(network.model.encoder.embed_tokens.weight, network.model.decoder.output_projection.weight)
    settings, weights = read_model(fsmt)
    assert settings["tie_word_embeddings"]
    for name, value in weights.items():
        assert torch.equal(network.state_dict()[name], value), name


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_separate_vocabularies_and_precision_stay(tiny: Any, tmp_path: Path, dtype: torch.dtype) -> None:
    state = state_of(tiny, TRANSLATION, [*TRANSFORMER, "--share-decoder-input-output-embed", "--activation-fn", "gelu"])
    state["model"] = {name: value.to(dtype) for name, value in state["model"].items()}
    torch.save(state, tmp_path / "model.pt")
    to_fsmt(tmp_path / "model.pt", tiny.vocabulary, tmp_path / "fsmt", languages=None, escaped=True)
    settings, weights = read_model(tmp_path / "fsmt")
    assert (settings["tie_word_embeddings"], settings["activation_function"]) == (False, "gelu")
    assert {value.dtype for value in weights.values()} == {dtype}
    to_fairseq(tmp_path / "fsmt", tmp_path / "back")
    back = read_checkpoint(tmp_path / "back" / "model.pt")
    for name, value in state["model"].items():
        if value.numel() > 1:
            assert torch.equal(back["model"][name], value), name
    assert back["cfg"]["model"].activation_fn == "gelu"


@pytest.mark.failure(
    "Models and adapters",
    "a fairseq model that FSMT cannot express: learned positions, layer norm before each block, another activation",
    "`checkpoint model.pt cannot be converted to FSMT [model/not-convertible]`, with a line for each",
)
@pytest.mark.parametrize(("options", "message"), CHANGED)
def test_what_fsmt_cannot_express_is_refused(tiny: Any, tmp_path: Path, options: list[str], message: str) -> None:
    shared = ["--share-decoder-input-output-embed"] if options else []
    torch.save(state_of(tiny, TRANSLATION, [*TRANSFORMER, *shared, *options]), tmp_path / "model.pt")
    with pytest.raises(InkError) as caught:
        to_fsmt(tmp_path / "model.pt", tiny.vocabulary, tmp_path / "fsmt", languages=None, escaped=None)
    assert any(problem.startswith(message) for problem in caught.value.args[1:])
    assert not (tmp_path / "fsmt").exists()


BROKEN: dict[str, tuple[Callable[[Path], Any], str]] = {
    "kind": (lambda folder: changed(folder, model_type="marian"), "only FSMT is converted"),
    "activation": (lambda folder: changed(folder, activation_function="silu"), "its activation is silu"),
    "numbers": (lambda folder: (folder / "vocab-src.json").write_text('{"<s>": 0}'), "its first tokens are"),
    "weights": (lambda folder: (folder / "model.safetensors").write_bytes(b"no"), "is not whole"),
}


def changed(folder: Path, **settings: Any) -> None:
    held = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**held, **settings}), encoding="utf-8")


@pytest.mark.failure(
    "Models and adapters",
    "a Hugging Face folder that fairseq cannot express, or that is broken",
    "`ink convert` says why, and writes nothing",
)
@pytest.mark.parametrize("name", BROKEN)
def test_a_folder_that_cannot_become_fairseq_s_is_refused(fsmt: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(fsmt, tmp_path / "fsmt")
    break_it, message = BROKEN[name]
    break_it(tmp_path / "fsmt")
    with pytest.raises(InkError, match=message):
        to_fairseq(tmp_path / "fsmt", tmp_path / "back")
    assert [path.name for path in tmp_path.iterdir()] == ["fsmt"]


@pytest.mark.failure(
    "Paths and places",
    "a folder that has something in it as the target of `ink convert`",
    "refused; it stays as it is [folder/not-empty]",
)
def test_a_folder_with_something_in_it_stays_as_it_is(tiny: Any, fsmt: Path, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(InkError, match="is there already"):
        to_fsmt(tiny.base_model, tiny.vocabulary, tmp_path, languages=None, escaped=None)
    with pytest.raises(InkError, match="is there already"):
        to_fairseq(fsmt, tmp_path / "kept")
    assert (tmp_path / "kept").read_text() == "mine"


def test_options_of_a_checkpoint_do_not_go_with_a_folder(fsmt: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(ink, ["convert", str(fsmt), str(tmp_path / "back"), "--plain"])
    assert done.exit_code == 2
    assert "whose files say this already; leave the options out" in done.output
