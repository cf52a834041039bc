"""Checkpoints of models that ink does not work with, as fairseq writes them, and of Transformers in other hands."""

from __future__ import annotations

import argparse
import collections
import copy
import importlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fairseq import options, tasks
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from omegaconf import OmegaConf

from ink.corpus.prepared_corpus import PreparedCorpus
from ink.nmt.fairseq.checkpoint import read_checkpoint
from ink.nmt.model_loading import BaseModelFiles
from ink.runtime.errors import InkError

# what ink leaves out of fairseq until a checkpoint asks for it
MODELS = ("fconv", "lstm", "lightconv", "multilingual_transformer", "nat")
TASKS = (
    "multilingual_translation",
    "translation_from_pretrained_bart",
    "translation_lev",
    "translation_multi_simple_epoch",
)
WIDTHS = [
    option
    for side in ("encoder", "decoder")
    for name, value in (("embed-dim", 16), ("ffn-embed-dim", 32), ("attention-heads", 2), ("layers", 1))
    for option in (f"--{side}-{name}", str(value))
]
TRANSFORMER = ["--arch", "transformer", *WIDTHS]
PAIR = ["--source-lang", "xx", "--target-lang", "yy"]
TRANSLATION = ["translation", *PAIR]
EMBEDDED = ["--encoder-embed-dim", "8", "--decoder-embed-dim", "8", "--decoder-out-embed-dim", "8"]


@pytest.fixture(scope="module", autouse=True)
def more_of_fairseq() -> None:
    for name in (*(f"models.{name}" for name in MODELS), *(f"tasks.{name}" for name in TASKS)):
        importlib.import_module(f"fairseq.{name}")


def state_of(tiny: Any, task: list[str], model: list[str], *, old: bool = False) -> dict[str, Any]:
    """Return what fairseq stores of a model with random weights, as it does now or did before configurations."""
    parser = options.get_training_parser(default_task=task[0])
    written = [str(tiny.data), "--task", *task, *model, "--criterion", "cross_entropy", "--optimizer", "adam"]
    arguments = options.parse_args_and_arch(parser, input_args=written)
    config = convert_namespace_to_omegaconf(arguments)
    network = tasks.setup_task(config.task).build_model(config.model)
    return {
        "args": arguments if old else None,
        "cfg": None if old else OmegaConf.to_container(config, resolve=True, enum_to_str=True),
        "model": network.state_dict(),
        "optimizer_history": [{"optimizer_name": "FairseqAdam", "lr_scheduler_state": {"best": 1.0}, "num_updates": 3}],
        "last_optimizer_state": None,
        "extra_state": {"train_iterator": {"epoch": 2}},
    }


@pytest.fixture(scope="module")
def transformers(tiny: Any) -> dict[bool, dict[str, Any]]:
    """A Transformer's checkpoint as fairseq stores it now (False) and did before configurations (True)."""
    return {old: state_of(tiny, TRANSLATION, TRANSFORMER, old=old) for old in (False, True)}


@pytest.fixture
def state(transformers: Any) -> dict[str, Any]:
    return copy.deepcopy(transformers[False])


@pytest.fixture
def old_state(transformers: Any) -> dict[str, Any]:
    return copy.deepcopy(transformers[True])


@pytest.fixture
def load(tiny: Any, tmp_path: Path) -> Callable[..., Any]:
    def save_and_load(state: Any, **how: Any) -> Any:
        torch.save(state, tmp_path / "model.pt", **how)
        return BaseModelFiles(tmp_path / "model.pt", tiny.vocabulary, tiny.languages).load()

    return save_and_load


def refusal(load: Any, state: Any) -> str:
    with pytest.raises(InkError, match=r"model\.pt") as error:
        load(state)
    assert "\n" not in str(error.value)
    assert "dictionaries that the model was trained with" not in str(error.value)
    return str(error.value)


def failure(input_: str, outcome: str) -> Any:
    return pytest.mark.failure("Models and adapters", input_, outcome)


ANOTHER = "which is no Transformer; use a Transformer of fairseq's task translation, for one pair of languages"
CONVOLUTIONS = ["--encoder-layers", "[(8, 3)]", "--decoder-layers", "[(8, 3)]"]
KERNELS = ["--encoder-kernel-size-list", "[3]", "--decoder-kernel-size-list", "[3]"]
LSTM = ["--arch", "lstm", *EMBEDDED, "--encoder-hidden-size", "8", "--decoder-hidden-size", "8"]


@pytest.mark.parametrize(
    ("name", "model", "old"),
    [
        pytest.param(
            "fconv",
            ["--arch", "fconv", *EMBEDDED, *CONVOLUTIONS],
            False,
            marks=failure(
                "a checkpoint of another architecture than the Transformer: convolutions, LSTM",
                f"`checkpoint model.pt is of the architecture fconv, {ANOTHER} [model/unsupported]`",
            ),
        ),
        ("lstm", LSTM, False),
        ("lstm", LSTM, True),
        ("lightconv", ["--arch", "lightconv", *WIDTHS, *KERNELS], False),
    ],
)
def test_another_architecture_is_named(tiny: Any, load: Any, name: str, model: list[str], old: bool) -> None:
    message = refusal(load, state_of(tiny, TRANSLATION, model, old=old))
    assert f"is of the architecture {name}, {ANOTHER}" in message


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize(
    ("task", "model"),
    [
        pytest.param(
            ["translation_multi_simple_epoch", *PAIR, "--langs", "xx,yy", "--lang-pairs", "xx-yy"],
            TRANSFORMER,
            marks=failure(
                "a checkpoint of a multilingual task, such as mBART's",
                "`checkpoint model.pt was trained with the task translation_multi_simple_epoch, of several languages; "
                "use a Transformer of fairseq's task translation, for one pair of languages [model/unsupported]`",
            ),
        ),
        (["translation_from_pretrained_bart", *PAIR, "--langs", "xx,yy"], TRANSFORMER),
        (
            ["multilingual_translation", *PAIR, "--lang-pairs", "xx-yy"],
            ["--arch", "multilingual_transformer", *WIDTHS],
        ),
    ],
)
def test_a_task_of_several_languages_is_named(
    tiny: Any, load: Any, task: list[str], model: list[str], old: bool
) -> None:
    message = refusal(load, state_of(tiny, task, model, old=old))
    assert f"was trained with the task {task[0]}, of several languages; use a Transformer of fairseq's task" in message


@pytest.mark.parametrize("name", ["nonautoregressive_transformer", "levenshtein_transformer"])
@failure(
    "a checkpoint of a Transformer that translates otherwise than token by token",
    "`checkpoint model.pt is a NATransformerModel, which does not translate token by token as a Transformer does; ... "
    "[model/unsupported]`",
)
def test_a_transformer_that_is_not_autoregressive_is_refused(tiny: Any, load: Any, name: str) -> None:
    message = refusal(load, state_of(tiny, TRANSLATION, ["--arch", name, *WIDTHS]))
    assert "does not translate token by token" in message


def test_a_task_that_prepares_text_in_its_own_way_is_refused(tiny: Any, load: Any) -> None:
    message = refusal(load, state_of(tiny, ["translation_lev", *PAIR], TRANSFORMER))
    assert "was trained with the task translation_lev; use a Transformer" in message


@failure(
    "a checkpoint whose decoder projects its output to another dimension",
    "`checkpoint model.pt has decoder layers of dimension 16 and projects their output to 8 (decoder_output_dim), but "
    "keys are of the layers' dimension; ... [model/unsupported]`",
)
def test_an_output_of_another_dimension_is_refused(tiny: Any, load: Any) -> None:
    message = refusal(load, state_of(tiny, TRANSLATION, [*TRANSFORMER, "--decoder-output-dim", "8"]))
    assert "has decoder layers of dimension 16 and projects their output to 8 (decoder_output_dim)" in message


@pytest.mark.parametrize("cutoff", ["10,20", "5000,10000"])
@failure(
    "a checkpoint with an adaptive softmax",
    "`checkpoint model.pt has an adaptive softmax (adaptive_softmax_cutoff), which does not give the probability of "
    "every token; ..., with a plain softmax [model/unsupported]`",
)
def test_an_adaptive_softmax_is_refused(load: Any, state: Any, cutoff: str) -> None:
    # also where it has more classes than the dictionary, which is how fairseq puts it
    state["cfg"]["model"].adaptive_softmax_cutoff = cutoff
    assert "has an adaptive softmax (adaptive_softmax_cutoff)" in refusal(load, state)


@pytest.mark.parametrize("side", ["encoder", "decoder"])
def test_a_side_without_layers_is_refused(tiny: Any, load: Any, side: str) -> None:
    message = refusal(load, state_of(tiny, TRANSLATION, [*TRANSFORMER, f"--{side}-layers", "0"]))
    assert "and keys and adapters are of layers; use a Transformer with one at least on each side" in message


@pytest.mark.parametrize("part", ["task", "arch"])
@failure(
    "a checkpoint of a task or architecture that fairseq does not have",
    "`checkpoint ... is of the architecture telepathy, which this fairseq does not have; use a Transformer of ... "
    "[model/unsupported]`",
)
def test_an_old_checkpoint_of_a_name_that_nobody_has_is_refused(load: Any, old_state: Any, part: str) -> None:
    setattr(old_state["args"], part, "telepathy")
    message = refusal(load, old_state)
    kind = {"task": "task", "arch": "architecture"}[part]
    assert f"is of the {kind} telepathy, which this fairseq does not have" in message


@pytest.mark.parametrize("part", ["task", "model"])
def test_a_checkpoint_that_names_no_task_or_architecture_is_refused(load: Any, state: Any, part: str) -> None:
    section = state["cfg"][part]
    if isinstance(section, argparse.Namespace):
        section._name = section.arch = None
    else:
        section["_name"] = None
    message = refusal(load, state)
    assert f"does not say of which {'task' if part == 'task' else 'architecture'} it is" in message


def test_how_an_old_checkpoint_was_trained_may_be_unknown(load: Any, old_state: Any) -> None:
    plain = load(old_state).fingerprint
    for name in ("criterion", "optimizer", "lr_scheduler"):
        setattr(old_state["args"], name, "of_my_own")
    assert load(old_state).fingerprint == plain


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "_orig_mod.module."])
@failure(
    "a checkpoint whose weights carry the prefix of DataParallel or of torch's compiler (`module.`, `_orig_mod.`)",
    "the prefix is removed",
)
def test_the_names_that_wrappers_give_are_taken_off(load: Any, state: Any, prefix: str) -> None:
    plain = load(state).fingerprint
    state["model"] = {prefix + name: tensor for name, tensor in state["model"].items()}
    assert load(state).fingerprint == plain


@failure(
    "a bare state dict",
    "`checkpoint model.pt holds weights alone, a state dict, and not the settings that their model is built from; ... "
    "[model/damaged]`",
)
def test_weights_alone_are_told_from_a_checkpoint(load: Any, state: Any) -> None:
    assert "holds weights alone, a state dict" in refusal(load, state["model"])
    assert "holds weights alone, a state dict" in refusal(load, dict(state["model"]))
    assert "holds a model without its settings, neither `cfg` nor `args`" in refusal(load, {"model": state["model"]})
    assert "holds no model" in refusal(load, {"state_dict": state["model"], "epoch": 3})


def test_weights_and_settings_are_all_that_a_checkpoint_needs(load: Any, state: Any, old_state: Any) -> None:
    for one, kept in ((state, "cfg"), (old_state, "args")):
        whole = load(one).fingerprint
        assert load({"model": one["model"], kept: one[kept]}).fingerprint == whole


@failure(
    "a checkpoint with weights for which its architecture has no place",
    "`checkpoint model.pt holds weights for which fairseq's TransformerModel has no place: "
    "encoder.layers.0.gate.weight; its architecture was changed: ... [model/weights-mismatch]`",
)
def test_weights_and_settings_that_do_not_belong_together_are_told_apart(load: Any, state: Any) -> None:
    first = "encoder.layers.0.fc1.weight"
    more = copy.deepcopy(state)
    more["model"] |= {"encoder.layers.0.gate.weight": torch.zeros(2), "encoder.layers.0.gate.bias": torch.zeros(2)}
    assert "has no place: encoder.layers.0.gate.weight and 1 more; its architecture was changed" in refusal(load, more)
    fewer = copy.deepcopy(state)
    del fewer["model"][first]
    assert f"lacks weights of fairseq's TransformerModel: {first}; fetch it again" in refusal(load, fewer)
    deeper = copy.deepcopy(state)
    deeper["cfg"]["model"].encoder_layers = 10**6
    assert "its settings say 1000000 encoder layers, and it has weights of 1" in refusal(load, deeper)
    odd = copy.deepcopy(state)
    odd["cfg"]["model"].decoder_attention_heads = 3
    assert "no Transformer can be built from the settings in it (embed_dim must be divisible" in refusal(load, odd)
    wider = copy.deepcopy(state)
    wider["cfg"]["model"].decoder_ffn_embed_dim = 64
    assert "decoder.layers.0.fc1.weight is 32x16 and should be 64x16" in refusal(load, wider)
    strange = copy.deepcopy(state)
    strange["model"][first] = "a word"
    assert f"{first} in its model is no named tensor" in refusal(load, strange)


@failure(
    "a checkpoint with weights that are NaN or infinite",
    "`checkpoint model.pt: 1 of the numbers in decoder.layers.0.fc1.weight are NaN or infinite; its training has "
    "diverged, or the file is damaged: take another [model/not-finite]`",
)
@pytest.mark.parametrize("broken", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_no_numbers_are_refused(load: Any, state: Any, broken: float) -> None:
    state["model"]["decoder.layers.0.fc1.weight"][3, 2] = broken
    assert "1 of the numbers in decoder.layers.0.fc1.weight are NaN or infinite; its training" in refusal(load, state)
    state["model"]["decoder.layers.0.fc1.bias"][:] = broken
    assert "are NaN or infinite, and others of 1 more tensors" in refusal(load, state)


@failure(
    "a checkpoint whose weights are beyond what `precision` holds",
    "`checkpoint model.pt in fp16: 1 of the numbers in ... are NaN or infinite; set precision to one that "
    "holds them, fp32 [model/not-finite]`",
)
def test_weights_beyond_half_precision_are_refused(tiny: Any, load: Any, state: Any, tmp_path: Path) -> None:
    state["model"]["decoder.layers.0.fc1.weight"][3, 2] = 1e6
    assert load(state) is not None
    files = BaseModelFiles(tmp_path / "model.pt", tiny.vocabulary, tiny.languages)
    assert files.load(precision="bf16") is not None
    with pytest.raises(InkError, match=r"model\.pt in fp16: 1 of the numbers in decoder\.layers\.0\.fc1\.weight"):
        files.load(precision="fp16")


def few(count: int, *more: str) -> list[str]:
    return [*TRANSFORMER, "--max-source-positions", str(count), "--max-target-positions", str(count), *more]


LEARNED = ("--encoder-learned-pos", "--decoder-learned-pos")


@pytest.mark.parametrize("learned", [LEARNED, ()])
@failure(
    "a checkpoint with fewer positions than the text has tokens",
    "`.../data: the model has 8 positions, but 60 sentences of train.xx have more tokens, up to 31, end of sentence "
    "included; lower text.max_length to 7, or use a model of more positions [text/too-long]`",
)
def test_text_longer_than_the_model_s_positions_is_refused(tiny: Any, load: Any, learned: Any) -> None:
    model = load(state_of(tiny, TRANSLATION, few(8, *learned)))
    with pytest.raises(InkError, match=r"the model has 8 positions, but 60 sentences of train\.xx .*max_length to 7"):
        model.parallel_text(tiny.domain.data, "dev")


def test_of_dev_and_test_only_what_has_no_position_is_refused(tiny: Any, load: Any, tmp_path: Path) -> None:
    data = without_train(tiny, tmp_path)
    model = load(state_of(tiny, TRANSLATION, few(8)))
    assert len(model.parallel_text(data, "test")) == 10
    model = load(state_of(tiny, TRANSLATION, few(8, *LEARNED)))
    with pytest.raises(
        InkError, match=r"but 7 sentences of dev\.xx have more tokens, up to \d+,.*; take these out of dev"
    ):
        model.parallel_text(data, "test")
    state = state_of(tiny, TRANSLATION, few(512, *LEARNED))
    assert len(load(state).parallel_text(data, "test")) == 10


def without_train(tiny: Any, folder: Path) -> Any:
    shutil.copytree(tiny.data, folder / "data", ignore=shutil.ignore_patterns("train.*"))
    return PreparedCorpus(folder / "data", tiny.languages)


def test_a_model_with_room_for_no_token_is_refused(tiny: Any, load: Any) -> None:
    assert "has 1 positions, too few" in refusal(load, state_of(tiny, TRANSLATION, few(1)))


HARMLESS = {
    "a numpy number": np.float64(2.5),
    "a number in two bytes": np.float16(2.5),
    "a numpy truth value": np.bool_(True),
    "a numpy word": np.str_("best"),
    "a numpy array": np.arange(6).reshape(2, 3),
    "an array of words": np.array(["a", "bc"]),
    "a DictConfig": OmegaConf.create({"lr": [0.1, 2], "names": {"a": None, "b": "${lr}"}, "on": True}),
    "a ListConfig": OmegaConf.create([1, "two", {"three": 3.0}]),
}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=failure(f"a checkpoint with {name} beside its weights", "it is loaded")
            if name in ("a numpy array", "a DictConfig")
            else (),
        )
        for name in HARMLESS
    ],
)
def test_what_scientists_leave_beside_the_weights_is_read(load: Any, state: Any, name: str, zipped: bool) -> None:
    state["extra_state"]["mine"] = [HARMLESS[name], HARMLESS[name]]
    state["model"] = collections.OrderedDict(state["model"])
    assert load(state, _use_new_zipfile_serialization=zipped) is not None


def test_a_numpy_number_is_read_as_the_number_that_it_is(tmp_path: Path, old_state: Any, state: Any) -> None:
    old_state["args"].dropout = np.float32(0.25)
    old_state["extra_state"]["mine"] = [np.dtype(">i4").type(7), np.array([3], dtype=">i4")[0]]
    torch.save(old_state, tmp_path / "old.pt")
    found = read_checkpoint(tmp_path / "old.pt")
    assert found["cfg"]["model"].dropout == 0.25
    assert found["extra_state"]["mine"] == [7, 3]


def test_settings_that_were_stored_as_a_dictconfig_are_settings(load: Any, state: Any) -> None:
    plain = load(state).fingerprint
    model = state["cfg"].pop("model")
    config = OmegaConf.create(state["cfg"], flags={"allow_objects": True})
    config.model = vars(model)
    assert load(dict(state, cfg=config)).fingerprint == plain


class Hostile:
    """A pickle that calls `function` when it is read as Python does."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("open", r"io\.open"),
        ("objects", r"numpy\.dtype"),
        ("memory", r"numpy\.frombuffer"),
        ("resolver", "getattr"),
    ],
)
def test_what_is_hostile_beside_what_is_harmless_is_refused_and_not_run(
    load: Any, state: Any, tmp_path: Path, what: str, name: str, zipped: bool
) -> None:
    made = tmp_path / "made"
    hostile = {
        "open": Hostile(open, str(made), "w"),
        "objects": np.array([made, None], dtype=object),
        "memory": Hostile(np.frombuffer, b"12345678"),
        "resolver": Hostile(OmegaConf.register_new_resolver, "mine", len),
    }[what]
    state["extra_state"] |= {"harmless": list(HARMLESS.values()), "hostile": hostile}
    with pytest.raises(InkError, match=rf"holds an object of type ({name})"):
        load(state, _use_new_zipfile_serialization=zipped)
    assert not made.exists()
