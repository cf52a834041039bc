"""What a person can get wrong, through the real command line: one line, exit code 1, nothing overwritten."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import pytest
from safetensors import safe_open
from safetensors.torch import save_file

Damage = Callable[[Any], object]
A_KNN = ("--system", "a_knn", "--datastore", "datastore", "--combiner", "a_knn/combiner.json")
V_KNN = ("--system", "v_knn", "--datastore", "datastore", "--combiner", "combiner.json")
ADAPTER = ("--system", "adapter", "--adapter", "adapter/adapter.safetensors")
TUNE, SCORE = "--output combiner.json", "--scores out.json"


def swap_tokens(experiment: Any, place: str) -> None:
    """Make another dictionary of the same size."""
    for language in ("xx", "yy"):
        path = experiment.path(f"{place}/dict.{language}.txt")
        first, second, *rest = path.read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join([second, first, *rest, ""]), encoding="utf-8")


def widen_adapter(experiment: Any) -> None:
    """Keep what the adapter says of itself and change what it is."""
    path = experiment.path("adapter/adapter.safetensors")
    with safe_open(str(path), framework="pt") as file:
        weights = {name: file.get_tensor(name).repeat_interleave(2, dim=0) for name in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    save_file(weights, path, metadata=metadata)


def belong_to_another_model(experiment: Any) -> None:
    path = experiment.path("adapter/adapter.safetensors")
    own = json.loads(experiment.path("datastore/meta.json").read_text(encoding="utf-8"))["model"].encode()
    assert path.read_bytes().count(own) == 1
    path.write_bytes(path.read_bytes().replace(own, b"0123456789abcdef"))


def lose_choice(experiment: Any) -> None:
    experiment.change("combiner.json", settings={"k": 4, "lambda": 0.3})


def lose_line(experiment: Any) -> None:
    path = experiment.path("corpus/train.yy")
    path.write_bytes(path.read_bytes().partition(b"\n")[2])


def spoil_line(experiment: Any) -> None:
    path = experiment.path("corpus/dev.xx")
    path.write_bytes(b"\xff\n" + path.read_bytes().partition(b"\n")[2])


def another_language(experiment: Any) -> None:
    for split in ("train", "dev", "test"):
        path = experiment.path(f"corpus/{split}.xx")
        lines = path.read_text(encoding="utf-8").count("\n")
        path.write_text("Ωξ Ψχ Σφ Δλ\n" * lines, encoding="utf-8")


def cut_config_between_lines(experiment: Any) -> None:
    """What is left is valid YAML."""
    path = experiment.path("config.yaml")
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index("v_knn:")], encoding="utf-8")


# what is handed in: the section of docs/failures.md, the outcome there, the damage, the command, and what it says
CASES: dict[str, tuple[str, str, Damage, str, tuple[str, ...], str]] = {
    "a datastore of another model": (
        "Datastores and combiners",
        "`datastore ... was made with model 0123456789abcdef, but ... is in use; build the datastore again or ...`",
        lambda e: e.change("datastore/meta.json", model="0123456789abcdef"),
        "score",
        V_KNN,
        "was made with model 0123456789abcdef, but ",
    ),
    "a datastore of another corpus": (
        "Datastores and combiners",
        "`datastore ... was made with corpus 0123456789abcdef, but ... is in use; ...`",
        lambda e: e.change("datastore/meta.json", corpus="0123456789abcdef"),
        "tune",
        (),
        "was made with corpus 0123456789abcdef, but ",
    ),
    "a meta.json without a field": (
        "Datastores and combiners",
        "`datastore/meta.json does not describe a datastore (...); build it again`",
        lambda e: e.lose("datastore/meta.json", "dimension"),
        "tune",
        (),
        "datastore/meta.json does not describe a datastore",
    ),
    "a meta.json cut short": (
        "Datastores and combiners",
        "`datastore/meta.json is not whole JSON (...); delete it and run the workflow again`",
        lambda e: e.cut("datastore/meta.json"),
        "tune",
        (),
        "datastore/meta.json is not whole JSON",
    ),
    "values.npy cut short": (
        "Datastores and combiners",
        "`datastore/values.npy is cut short or not a .npy file (...); build the datastore again`",
        lambda e: e.cut("datastore/values.npy"),
        "tune",
        (),
        "datastore/values.npy is cut short",
    ),
    "keys.npy cut short": (
        "Datastores and combiners",
        "`datastore/keys.npy is cut short or not a .npy file (...); build the datastore again`, where keys are read",
        lambda e: e.cut("datastore/keys.npy"),
        "round",
        (),
        "datastore/keys.npy is cut short",
    ),
    "an index cut short": (
        "Datastores and combiners",
        "`index datastore/index.faiss cannot be read (...); build the datastore again`",
        lambda e: e.cut("datastore/index.faiss"),
        "score",
        V_KNN,
        "index datastore/index.faiss cannot be read",
    ),
    "no datastore": (
        "Datastores and combiners",
        "`datastore/meta.json does not exist; run the workflow that writes it`",
        lambda e: shutil.rmtree(e.path("datastore")),
        "tune",
        (),
        "datastore/meta.json does not exist; run the workflow that writes it",
    ),
    "k beyond the number of entries": (
        "Datastores and combiners",
        "`2000 neighbours asked of datastore datastore, which has 613 entries; lower k`",
        lambda e: e.write_config(v_knn={"k": [4, 2000]}),
        "tune",
        (),
        "2000 neighbours asked of datastore datastore, which has ",
    ),
    "index.type ivfpq with an exact index": (
        "Datastores and combiners",
        "`index.type is ivfpq, but datastore/index.faiss has no lists; set index.type to exact or build ...`",
        lambda e: e.write_config(index={"type": "ivfpq"}),
        "tune",
        (),
        "index.type is ivfpq, but datastore/index.faiss has no lists",
    ),
    "a checkpoint cut short": (
        "Models and adapters",
        "`checkpoint model.pt is not a whole fairseq checkpoint (...); fetch it again`",
        lambda e: e.cut("model.pt"),
        "build",
        (),
        "checkpoint model.pt is not a whole fairseq checkpoint",
    ),
    "no checkpoint": (
        "Models and adapters",
        "`checkpoint model.pt does not exist; check base_model.path in the config`",
        lambda e: e.path("model.pt").unlink(),
        "build",
        (),
        "checkpoint model.pt does not exist",
    ),
    "no vocabulary folder": (
        "Text and vocabulary",
        "`vocabulary/dict.xx.txt does not exist`",
        lambda e: shutil.rmtree(e.path("vocabulary")),
        "adapt",
        (),
        "vocabulary/dict.xx.txt does not exist",
    ),
    "text binarised with another dictionary of the same size": (
        "Text and vocabulary",
        "`data was binarised with data/dict.xx.txt, which has other tokens than the model's dictionary in "
        "vocabulary; ...`",
        lambda e: swap_tokens(e, "data"),
        "build",
        (),
        "data was binarised with data/dict.xx.txt, which has other tokens than the model's dictionary in vocabulary",
    ),
    "a model used with another dictionary of the same size": (
        "Text and vocabulary",
        "`data was binarised with data/dict.xx.txt, which has other tokens than the model's dictionary in "
        "vocabulary; ...`",
        lambda e: swap_tokens(e, "vocabulary"),
        "adapt",
        (),
        "data was binarised with data/dict.xx.txt, which has other tokens than the model's dictionary in vocabulary",
    ),
    "binarised text cut short": (
        "Text and vocabulary",
        "`data/train.xx-yy.yy.bin has 744 of 1240 bytes; prepare the text again`",
        lambda e: e.cut("data/train.xx-yy.yy.bin"),
        "adapt",
        (),
        "data/train.xx-yy.yy.bin has ",
    ),
    "no binarised text": (
        "Text and vocabulary",
        "`data/dict.xx.txt does not exist`",
        lambda e: shutil.rmtree(e.path("data")),
        "adapt",
        (),
        "data/dict.xx.txt does not exist",
    ),
    "an adapter of another base model": (
        "Models and adapters",
        "`adapter ... (system adapter, domain koran, seed 1) was trained on base model 0123456789abcdef, but "
        "model.pt is ...; use the base model it was trained on`",
        belong_to_another_model,
        "score",
        ADAPTER,
        "adapter adapter/adapter.safetensors (system adapter, domain koran, seed 1) was trained on base model "
        "0123456789abcdef, but model.pt is ",
    ),
    "an adapter whose weights are not those that its file names": (
        "Models and adapters",
        "`adapter ... (system adapter, domain koran, seed 1) does not fit the layers of model.pt: ... size "
        "mismatch ...; train it again`",
        widen_adapter,
        "score",
        ADAPTER,
        "adapter adapter/adapter.safetensors (system adapter, domain koran, seed 1) does not fit the layers of ",
    ),
    "an adapter cut short": (
        "Models and adapters",
        "`adapter ... is not a whole safetensors file (...); copy it again, or train it again`",
        lambda e: e.cut("adapter/adapter.safetensors"),
        "score",
        ADAPTER,
        "adapter adapter/adapter.safetensors is not a whole safetensors file",
    ),
    "a carried adapter file cut short": (
        "Models and adapters",
        "`adapter ... is not a whole safetensors file (...); copy it again, or train it again`, before a model "
        "is loaded",
        lambda e: e.cut("adapter/adapter.safetensors"),
        "translate",
        ("--adapter", "adapter/adapter.safetensors"),
        "adapter adapter/adapter.safetensors is not a whole safetensors file",
    ),
    "a file that is no adapter": (
        "Models and adapters",
        "`adapter ... is not a whole safetensors file (...)`; of another programme's safetensors file: `adapter "
        "... does not say which base model it belongs to; it was not written by ink`",
        lambda e: None,
        "describe",
        ("model.pt",),
        "adapter model.pt is not a whole safetensors file",
    ),
    "no adapter file": (
        "Models and adapters",
        "`adapter absent.safetensors does not exist; train it first`",
        lambda e: None,
        "translate",
        ("--adapter", "absent.safetensors"),
        "adapter absent.safetensors does not exist",
    ),
    "a combiner.json cut short": (
        "Datastores and combiners",
        "`combiner.json is not whole JSON (...); delete it and run the workflow again`",
        lambda e: e.cut("combiner.json"),
        "score",
        V_KNN,
        "combiner.json is not whole JSON",
    ),
    "a combiner.json without a setting": (
        "Datastores and combiners",
        "`combiner.json: its settings are not those of combiner 'vanilla' (KeyError: 'temperature'); delete it "
        "and run the workflow again`",
        lose_choice,
        "score",
        V_KNN,
        "combiner.json: its settings are not those of combiner 'vanilla' (KeyError: 'temperature'); delete it and ",
    ),
    "a combiner's weights cut short, or of other settings": (
        "Datastores and combiners",
        "`a_knn/weights.safetensors does not fit combiner.json beside it (...); train the combiner again`",
        lambda e: e.cut("a_knn/weights.safetensors"),
        "score",
        A_KNN,
        "a_knn/weights.safetensors does not fit combiner.json beside it",
    ),
    "a combiner without its weights": (
        "Datastores and combiners",
        "`a_knn/weights.safetensors does not exist; train the combiner first`",
        lambda e: e.path("a_knn/weights.safetensors").unlink(),
        "score",
        A_KNN,
        "a_knn/weights.safetensors does not exist; train the combiner first",
    ),
    "no log_probs.npy": (
        "Datastores and combiners",
        "`datastore/log_probs.npy does not exist; build the datastore again`",
        lambda e: e.path("datastore/log_probs.npy").unlink(),
        "learn",
        ("--system", "r_knn"),
        "datastore/log_probs.npy does not exist; build the datastore again",
    ),
    "a combiner to train for a system that learns none": (
        "Datastores and combiners",
        "`V-kNN learns no combiner`",
        lambda e: None,
        "learn",
        ("--system", "v_knn"),
        "V-kNN learns no combiner",
    ),
    "a combiner to train for a system that does not exist": (
        "Datastores and combiners",
        "`system 'b_knn' does not exist; known: off_the_shelf, v_knn, ...`",
        lambda e: None,
        "learn",
        ("--system", "b_knn"),
        "system 'b_knn' does not exist; known: off_the_shelf, knn_kd, v_knn, a_knn, ",
    ),
    "a config cut between two lines, which is valid YAML": (
        "Config",
        "`config.yaml: configuration: v_knn: missing; allowed: a mapping`",
        cut_config_between_lines,
        "adapt",
        (),
        "config.yaml: configuration: v_knn: missing; allowed: a mapping",
    ),
    "a GPU that is not there": (
        "Config",
        "`device is cuda:99, but torch finds 0 GPUs here; set device to cpu, or install ...`",
        lambda e: e.path("config.yaml").write_text(
            e.path("config.yaml").read_text(encoding="utf-8").replace("device: cpu", "device: cuda:99")
        ),
        "build",
        (),
        "device is cuda:99, but torch finds ",
    ),
    "a score cut short": (
        "Results and reports",
        "`.../seed1.json is not whole JSON (...); delete it and run the workflow again`",
        lambda e: e.cut("results/scores/off_the_shelf/koran/seed1.json"),
        "tables",
        ("table2",),
        "seed1.json is not whole JSON",
    ),
    "a score without a field": (
        "Results and reports",
        "`.../seed1.json: sentences is missing; delete the file and run the workflow again`",
        lambda e: e.lose("results/scores/off_the_shelf/koran/seed1.json", "sentences"),
        "tables",
        ("table2",),
        "seed1.json: sentences is missing; delete the file and run the workflow again",
    ),
    "no score": (
        "Results and reports",
        "`no score under results/scores; run the workflow that writes scores first`",
        lambda e: shutil.rmtree(e.path("results/scores")),
        "tables",
        ("table2",),
        "no score under results/scores",
    ),
    "a prepared corpus whose sides differ in length": (
        "Text and vocabulary",
        "`corpus/train.xx has 60 lines and corpus/train.yy has 59; delete the folder and write the corpus again`",
        lose_line,
        "prepare",
        (),
        "corpus/train.xx has 60 lines and corpus/train.yy has 59",
    ),
    "text that is not UTF-8": (
        "Text and vocabulary",
        "`corpus/dev.xx, line 1: not valid UTF-8 (invalid start byte at byte 0); convert the file to UTF-8 or ...`",
        spoil_line,
        "prepare",
        (),
        "corpus/dev.xx, line 1: not valid UTF-8",
    ),
    "text in another language than the dictionary": (
        "Text and vocabulary",
        "`corpus: 87% of the xx text's tokens are not in vocabulary/dict.xx.txt; the text is in another "
        "language, or ...`",
        another_language,
        "prepare",
        (),
        "of the xx text's tokens are not in vocabulary/dict.xx.txt",
    ),
    "a corpus.json without its domain": (
        "Text and vocabulary",
        "`corpus/corpus.json: domain is missing; delete the file and run the workflow again`",
        lambda e: e.lose("corpus/corpus.json", "domain"),
        "prepare",
        (),
        "corpus/corpus.json: domain is missing",
    ),
    "BPE codes that do not parse": (
        "Text and vocabulary",
        "file and line are named",
        lambda e: e.path("vocabulary/bpecodes").write_text("#version: 0.2\na b c d e\n", encoding="utf-8"),
        "prepare",
        (),
        "vocabulary/bpecodes, line 2",
    ),
}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(given, marks=pytest.mark.failure(section, given, outcome))
        for given, (section, outcome, *_) in CASES.items()
    ],
)
def test_it_is_refused_in_one_line_and_nothing_is_overwritten(
    case: str, experiment: Any, commands: Any, spelled: Any
) -> None:
    _section, _outcome, damage, name, more, said = CASES[case]
    outputs = {
        "build": ("--output", "out"),
        "go on": ("--output", "out"),
        "adapt": ("--output", "out"),
        "round": ("--output", "out"),
        "prepare": ("--output", "out"),
        "learn": ("--output", "out"),
        "tune": ("--output", "out.json"),
        "score": ("--scores", "out.json"),
        "describe": (),
        "translate": (),
        "tables": (),
    }
    before = older_output(experiment)
    damage(experiment)
    refused = commands(*spelled(name, *outputs[name], *more), folder=experiment.folder)
    assert said in refused.refusal
    assert older_output(experiment, make=False) == before
    assert not [path.name for path in experiment.folder.rglob(".*") if path.name.endswith((".lock", "partial"))]


@pytest.mark.failure(
    "Datastores and combiners",
    "index.device a GPU with faiss-cpu, or a GPU that is not there",
    "`index.device is cuda, but the FAISS installed here is faiss-cpu; install faiss-gpu and torch's CUDA build "
    "(README, GPU machines), or set index.device to cpu`, before anything is computed; `ink doctor` says it too",
)
def test_a_gpu_to_search_on_with_a_faiss_that_knows_none_is_refused(
    experiment: Any, commands: Any, spelled: Any
) -> None:
    if hasattr(faiss, "StandardGpuResources"):
        pytest.skip("faiss-gpu is installed")
    experiment.write_config(index={"device": "cuda"})
    for name, more in (("build", ("--output", "out")), ("tune", ("--output", "out.json")), ("score", V_KNN)):
        more = (*more, "--scores", "out.json") if name == "score" else more
        said = commands(*spelled(name, *more), folder=experiment.folder).refusal
        assert "index.device is cuda, but the FAISS installed here is faiss-cpu; install faiss-gpu" in said
    assert not experiment.path("out").exists() and not experiment.path("out.json").exists()


def older_output(experiment: Any, make: bool = True) -> dict[str, bytes]:
    """What stands where the command would write: a folder, and files beside it."""
    files = ["out/older", "out.json", "out.txt", "out.summary", "out.references", "results/tables/table2.csv"]
    if make:
        for name in files:
            experiment.path(name).parent.mkdir(parents=True, exist_ok=True)
            experiment.path(name).write_text("older", encoding="utf-8")
    found = [path for place in ("out", "results/tables") for path in experiment.path(place).rglob("*")]
    found += [experiment.path(name) for name in files if "/" not in name]
    return {str(path.relative_to(experiment.folder)): path.read_bytes() for path in found}


@pytest.mark.failure(
    "Datastores and combiners",
    "k beyond what index.probes lists can hold",
    "`400 neighbours asked of ..., but the 1 largest of its 8 lists ... hold ... together; lower k or raise "
    "index.probes`",
)
def test_more_neighbours_than_the_probed_lists_hold_are_refused(
    experiment: Any, commands: Any, spelled: Any, tmp_path: Path
) -> None:
    index = {"type": "ivfpq", "lists": 8, "code_bytes": 8, "probes": 1}
    experiment.write_config(index=index, v_knn={"k": [4, 400]})
    built = commands(*spelled("build", "--output", "lists"), folder=experiment.folder)
    assert built.code == 0, built.err
    # of an option given twice the last counts
    command = spelled("tune", "--output", "out.json", "--datastore", "lists")
    said = commands(*command, folder=experiment.folder).refusal
    assert "400 neighbours asked of datastore lists, but the 1 largest of its 8 lists" in said
    assert "lower k or raise index.probes" in said
    assert not experiment.path("out.json").exists()


@pytest.mark.failure(
    "Config",
    "a config cut within a line",
    "`config.yaml, line 46: not valid YAML: ...`",
)
def test_a_config_cut_within_a_line_is_refused(experiment: Any, commands: Any, spelled: Any) -> None:
    whole = experiment.path("config.yaml").read_text(encoding="utf-8")
    experiment.path("config.yaml").write_text(whole[: whole.index("paper")] + "'pap", encoding="utf-8")
    refused = commands(*spelled("adapt", "--output", "out"), folder=experiment.folder)
    assert "config.yaml, line " in refused.refusal
    assert "not valid YAML" in refused.refusal


def test_the_undamaged_experiment_is_not_refused(experiment: Any, commands: Any, spelled: Any) -> None:
    """What the fixture has not run already works before anything is damaged: it is the damage that is refused."""
    for name, more in (
        ("go on", ("--output", "out")),
        ("score", (*V_KNN, "--scores", "out.json")),
        ("score", (*A_KNN, "--scores", "out.json")),
        ("learn", ("--system", "r_knn", "--output", "out.combiner")),
        ("score", (*ADAPTER, "--scores", "out.json")),
        ("prepare", ("--output", "out.data")),
        ("tables", ("table2",)),
    ):
        ended = commands(*spelled(name, *more), folder=experiment.folder)
        assert ended.code == 0, ended.err
