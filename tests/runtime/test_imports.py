"""What is imported for a job to work, and what is not."""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import ink
from ink.nmt.fairseq.checkpoint import read_checkpoint
from ink.runtime.errors import InkError

# what fairseq, MLflow and torch would bring along
UNUSED = [
    "sklearn",
    "scipy",
    "pandas",
    "mlflow",
    "matplotlib",
    "pytorch_lightning",
    "comet",
    "torch._dynamo",
    "translate",
]
# what the command of each kind of job imports before it works
JOBS = {
    "prepare-corpus": "ink.cli.corpus ink.corpus.preparation",
    "train-base": "ink.tracking.job ink.training.base_model_training ink.nmt.fairseq.trainer",
    "train-adapter": "ink.tracking.job ink.training.adapter_training ink.nmt.fairseq.trainer",
    "train-ink-round": "ink.tracking.job ink.training.ink_rounds ink.nmt.fairseq.trainer",
    "train-knn-kd": "ink.tracking.job ink.training.knn_kd_training ink.nmt.fairseq.trainer",
    "train-combiner": "ink.tracking.job ink.combiners.fitting.learned",
    "build-datastore": "ink.datastore.build ink.nmt.model_loading",
    "tune-v-knn": "ink.tracking.job ink.combiners.fitting.vanilla_on_dev",
    "evaluate": "ink.tracking.job ink.metrics.system_evaluation ink.systems.inference",
    "knn-accuracy": "ink.metrics.knn_accuracy",
    "measure-speed": "ink.metrics.speed ink.systems.inference",
    "translate": "ink.cli.translation ink.tools.translation.translator",
}


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("command", JOBS)
def test_a_job_imports_what_it_uses(command: str) -> None:
    names = ["ink.cli", "ink.cli.threads", *JOBS[command].split()]
    found = run(f"import sys, {', '.join(names)}\nprint(*(name for name in {UNUSED} if name in sys.modules))")
    assert found == "\n"


@pytest.mark.parametrize(("toolkit", "folder"), [("fairseq", "fairseq"), ("transformers", "huggingface")])
def test_only_one_folder_imports_a_toolkit(toolkit: str, folder: str) -> None:
    package = Path(ink.__file__).parent
    found = {
        path.relative_to(package).parent.as_posix()
        for path in package.rglob("*.py")
        if any(name.partition(".")[0] == toolkit for name in imported(path))
    }
    assert found == {f"nmt/{folder}"}


def imported(path: Path) -> list[str]:
    """The modules that a file imports, wherever in it."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = [name.name for node in nodes if isinstance(node, ast.Import) for name in node.names]
    return plain + [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]


def test_a_corpus_s_jobs_need_no_toolkit() -> None:
    program = "import sys, ink.cli.corpus, ink.corpus.preparation, ink.corpus.binarised\n"
    assert run(program + "print({'torch', 'fairseq', 'transformers'} & {*sys.modules})") == "set()\n"


def test_what_a_model_is_needs_no_toolkit() -> None:
    program = (
        "import sys, ink.nmt.translation_model, ink.nmt.generation, ink.datastore.build, ink.combiners.knn_mixture\n"
    )
    assert run(program + "print('fairseq' in sys.modules)") == "False\n"


def test_a_datastore_s_job_needs_no_tables_of_characters() -> None:
    program = "import sys, ink.datastore.build, ink.nmt.model_loading\nprint('sacremoses' in sys.modules)"
    assert run(program) == "False\n"


def test_fairseq_knows_the_names_that_ink_uses() -> None:
    program = """
import ink.training.ink_objective
from fairseq import criterions, models, optim, tasks
from fairseq.optim import lr_scheduler
print(tasks.get_task("translation").__name__)
print({"transformer", "transformer_wmt_en_de_big"} <= set(models.ARCH_MODEL_REGISTRY))
print({"cross_entropy", "label_smoothed_cross_entropy"} <= set(criterions.CRITERION_REGISTRY))
print("adam" in optim.OPTIMIZER_REGISTRY, "inverse_sqrt" in lr_scheduler.LR_SCHEDULER_REGISTRY)
"""
    assert run(program).split() == ["TranslationTask", "True", "True", "True", "True"]


def test_the_rest_of_fairseq_can_be_imported_one_by_one_and_all_at_once() -> None:
    """What fairseq knows then is what it knows where ink was never there."""
    known = "print(*sorted([*tasks.TASK_REGISTRY, *models.ARCH_MODEL_REGISTRY, *criterions.CRITERION_REGISTRY]))"
    whole = run(f"from fairseq import criterions, models, tasks\n{known}")
    program = f"""
import ink
from fairseq import criterions, models, tasks
assert "lstm" not in models.ARCH_MODEL_REGISTRY
from fairseq.models.lstm import LSTMModel
assert models.ARCH_MODEL_REGISTRY["lstm"] is LSTMModel
from ink.runtime.imports import import_rest_of_fairseq
assert import_rest_of_fairseq()
assert not import_rest_of_fairseq()
{known}
"""
    assert run(program) == whole
    assert "audio_finetuning" in whole


def test_a_folder_s_list_is_whole_again_and_its_module_has_its_own_loader(tmp_path: Path) -> None:
    program = """
import gc, os, importlib.machinery, importlib.resources
before = os.listdir
import ink, fairseq, torch
assert os.listdir is before and gc.isenabled()
assert "lstm.py" in os.listdir(os.path.dirname(fairseq.__file__) + "/models")
for module in (torch, fairseq):
    assert isinstance(module.__spec__.loader, importlib.machinery.SourceFileLoader)
    assert module.__loader__ is module.__spec__.loader
print(importlib.resources.files("fairseq").joinpath("config", "config.yaml").is_file())
"""
    assert run(program) == "True\n"


def test_torch_s_optimisers_work_without_its_compiler() -> None:
    program = """
import sys, torch
from fairseq.optim.adam import Adam
from ink.nmt.fairseq.trainer import leave_compiler_unloaded
leave_compiler_unloaded()
weight = torch.nn.Parameter(torch.ones(1))
optimiser = Adam([weight], lr=0.5)
optimiser.zero_grad()
(weight * 2).sum().backward()
optimiser.step()
optimiser.load_state_dict(optimiser.state_dict())
print(round(weight.item(), 4), "torch._dynamo" in sys.modules)
"""
    assert run(program) == "0.5 False\n"


@pytest.mark.parametrize(("part", "name"), [("task", "translation_lev"), ("model", "transformer_align")])
def test_a_checkpoint_of_a_task_or_architecture_that_was_left_out_is_read(
    tiny: Any, tmp_path: Path, part: str, name: str
) -> None:
    path = with_name(tiny, tmp_path, part, name)
    program = f"""
import ink
from fairseq.models import ARCH_MODEL_REGISTRY
from fairseq.tasks import TASK_REGISTRY
from ink.nmt.fairseq.checkpoint import read_checkpoint
known = {{**ARCH_MODEL_REGISTRY, **TASK_REGISTRY}}
assert {name!r} not in known
read_checkpoint({str(path)!r})
print({name!r} in {{**ARCH_MODEL_REGISTRY, **TASK_REGISTRY}})
"""
    assert run(program) == "True\n"


@pytest.mark.failure(
    "Models and adapters",
    "a checkpoint of a task or architecture that fairseq does not have",
    "`checkpoint ... is of the architecture telepathy, which this fairseq does not have; use a Transformer of ... "
    "[model/unsupported]`",
)
@pytest.mark.parametrize(("part", "message"), [("task", "the task telepathy"), ("model", "the architecture telepathy")])
def test_one_of_a_task_or_architecture_that_nobody_has_is_refused(
    tiny: Any, tmp_path: Path, part: str, message: str
) -> None:
    with pytest.raises(InkError, match=rf"other\.pt is of {message}, which this fairseq does not have"):
        read_checkpoint(with_name(tiny, tmp_path, part, "telepathy"))


def with_name(tiny: Any, folder: Path, part: str, name: str) -> Path:
    """A checkpoint that says it is of another task or architecture."""
    read_checkpoint(tiny.base_model)
    state = torch.load(tiny.base_model)
    config = state["cfg"][part]
    if isinstance(config, argparse.Namespace):
        config._name = name
    else:
        config["_name"] = name
    torch.save(state, folder / "other.pt")
    return folder / "other.pt"
