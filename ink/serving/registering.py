"""A trained system brought into MLflow's registry, as a model written as code with every file that it needs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Any

import ink
from ink.config import load_resolved
from ink.config.domains import huggingface_folder
from ink.results.run_measures import measures_of
from ink.runtime.errors import InkError, warn
from ink.serving.answers import answers
from ink.serving.system_folder import CONFIG, load_system_folder, make_system_folder
from ink.systems.layout import Layout, Run
from ink.tools.model_card import CARD, Subject, model_card
from ink.tracking.experiment_run import ExperimentRun
from ink.tracking.journal import Journal
from ink.tracking.store import configured_uri
from ink.tracking.upload import Uploader

SCRIPT = Path(__file__).with_name("served_system.py")
# what loading and translating imports by itself: the model asks for these, of the versions that are here
REQUIRED = (
    *("faiss-cpu", "faiss-gpu", "fairseq-fixed", "jsonschema", "lxml", "numpy", "packaging", "psutil", "pydantic"),
    *("PyYAML", "sacrebleu", "sacremoses", "safetensors", "subword-nmt", "tabulate", "torch", "tqdm"),
)
REQUIRED_BY_HUGGING_FACE = ("sentencepiece", "tokenizers", "transformers")
EXAMPLES = 2
LONGEST_DESCRIPTION = 5000  # MLflow's limit


@dataclass(frozen=True)
class RegisteredModel:
    """A version of a registered model; store: the MLflow store that has it."""

    name: str
    version: str
    store: str

    @property
    def uri(self) -> str:
        """The model's address, as MLflow's commands take it."""
        return f"models:/{self.name}/{self.version}"


@dataclass(frozen=True)
class Registration:
    """Where a model goes, and what it gets there; None takes what the experiment has.

    name: of the registered model; store: the MLflow store's URI; examples: texts to translate, which the model keeps;
    device: on which the model will run.
    """

    name: str | None = None
    store: str | None = None
    examples: Sequence[str] = ()
    device: str | None = None


def log_model(layout: Layout, run: Run, results: Path, wanted: Registration) -> RegisteredModel:
    """Register a trained system as an MLflow model with signature, input example and card.

    The model has copies of all files that it reads, and of ink; it is logged only if it translates its example.
    `results` has the run's scores. InkError where it has not been trained or is not what was scored, UploadError where
    MLflow refuses. For a process of its own: MLflow's store is the process's from here on.
    """
    config = layout.config
    name = wanted.name or f"{config['experiment']}-{run.system}-{run.domain}"
    with tempfile.TemporaryDirectory(prefix="ink-model-") as folder:
        system = Path(folder) / "system"
        make_system_folder(layout, run, system, wanted.device)
        examples = list(wanted.examples) or _first_lines(layout, run.domain)
        translator = load_system_folder(system, warn)
        answers(translator, examples)
        card = model_card(
            Subject.of(layout, run, results), measures_of(results, config, run, translator.model.fingerprint)
        )
        (system / CARD).write_text(card, encoding="utf-8")
        del translator
        uploader = Uploader(ExperimentRun(config), wanted.store or configured_uri(config))
        client, experiment_id = uploader.connected()
        with uploader.errors_in_one_line():
            run_id = uploader.run_of(Journal(results, run))
            _use_store(client.tracking_uri, experiment_id)
            version = _logged(name, run, run_id, _code(Path(folder)), system, examples)
            _describe(name, version, card)
        return RegisteredModel(name, version, uploader.uri)


def _logged(name: str, run: Run, run_id: str | None, code: Path, system: Path, examples: list[str]) -> str:
    """Log the model and register it; return its version."""
    import mlflow.pyfunc
    from mlflow.models import Model

    logged: Any = Model.log(
        artifact_path=None,
        name=name,
        flavor=mlflow.pyfunc,
        run_id=run_id,
        registered_model_name=name,
        tags={f"ink.{field}": str(value) for field, value in run._asdict().items()},
        metadata={**run._asdict(), "ink": ink.__version__},
        python_model=str(SCRIPT),
        artifacts={"system": str(system)},
        code_paths=[str(code)],
        input_example=examples,
        pip_requirements=requirements(system),
    )
    return str(logged.registered_model_version)


def requirements(system: Path) -> list[str]:
    """Return what a system's folder needs to be installed, as pip takes it, of the versions that are installed here."""
    found = []
    of_library = REQUIRED_BY_HUGGING_FACE if huggingface_folder(load_resolved(system / CONFIG)["base_model"]) else ()
    for name in (*REQUIRED, *of_library):
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        found.append(f"{name}=={version.partition('+')[0]}")  # an index has no 2.13.0+cpu
    return found


def _use_store(uri: str, experiment_id: str) -> None:
    import mlflow

    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment(experiment_id=experiment_id)


def _code(folder: Path) -> Path:
    """Copy ink into a folder, without what a wheel carries of the project beside it."""
    copy = folder / "code" / "ink"
    shutil.copytree(Path(ink.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__", "project"))
    return copy


def _first_lines(layout: Layout, domain: str) -> list[str]:
    """Return the first lines of a domain's test set, or of its training text; InkError where neither is there."""
    language = layout.config["data"]["source_language"]
    for split in ("test", "train"):
        path = Path(layout.corpus(domain)) / f"{split}.{language}"
        if path.is_file():
            with path.open(encoding="utf-8") as file:
                lines = (line.rstrip("\r\n") for line in file)
                return list(islice(filter(str.strip, lines), EXAMPLES))
    raise InkError(
        f"the model needs an example of what it translates, and there is no text of {domain} in "
        f"{layout.corpus(domain)}; give one with --example",
        code="text/missing",
    )


def _describe(name: str, version: str, card: str) -> None:
    """Let MLflow show the card with a version, or as much of it as fits."""
    from mlflow import MlflowClient

    if len(card) > LONGEST_DESCRIPTION:
        end = f"\n\nThe whole of it is the model's file artifacts/system/{CARD}."
        card = card[: LONGEST_DESCRIPTION - len(end)] + end
    MlflowClient().update_model_version(name, version, description=card)
