"""A model that `ink log-model` has registered, served by MLflow on this machine: it answers as `ink translate` does."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

BIN = Path(sys.executable).parent
INK, MLFLOW = str(BIN / "ink"), str(BIN / "mlflow")
LINES = [
    "Wir werden die gesegnete Wahrheit verkünden.",
    "",
    "Gott ist gut. " * 300,
    "Ein \U0001f600 Zeichen\u2028hier.",
]
SECONDS = 300  # for a server to come up beside other tests

pytestmark = pytest.mark.xdist_group("serving")


def environment(**more: str) -> dict[str, str]:
    found = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1", **more}
    return {name: value for name, value in found.items() if name in more or not name.startswith("MLFLOW_")}


@dataclass(frozen=True)
class Registered:
    """A registered model, and the folder of its project; files: the only model's, where the store keeps them."""

    project: Path
    logged: dict[str, str]

    @property
    def files(self) -> Path:
        (description,) = (self.project / "mlruns").rglob("MLmodel")
        return description.parent


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Registered:
    """The published INK for koran, in the store of a folder of its own."""
    project = tmp_path_factory.mktemp("serving")
    command = [INK, "log-model", "--demo", "koran", "--json"]
    done = subprocess.run(command, cwd=project, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Registered(project, json.loads(done.stdout))


@pytest.fixture(scope="module")
def server(registered: Registered) -> Iterator[tuple[str, Path]]:
    """The address of a server of that model, and the file of what it says."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [MLFLOW, "models", "serve", "--env-manager", "local", "--model-uri", registered.logged["uri"]]
    log = registered.project / "server.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port), "--timeout", str(SECONDS)],
            cwd=registered.project,
            env=environment(MLFLOW_TRACKING_URI=registered.logged["store"]),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(address, process, log)
        yield address, log
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)


def wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if requests.get(f"{address}/ping", timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.5)
    raise AssertionError(log.read_text(errors="replace"))


def ask(address: str, body: str) -> requests.Response:
    headers = {"Content-Type": "application/json"}
    return requests.post(f"{address}/invocations", data=body.encode(), headers=headers, timeout=SECONDS)


def test_it_answers_over_http_what_ink_translate_answers(server: tuple[str, Path]) -> None:
    address, log = server
    text = "".join(f"{line}\n" for line in LINES).encode()
    translate = [INK, "translate", "--demo", "koran"]
    expected = subprocess.run(translate, input=text, env=environment(), capture_output=True, check=True)
    answered = ask(address, json.dumps({"inputs": LINES}))
    assert answered.status_code == 200, answered.text
    assert answered.json() == {"predictions": expected.stdout.decode().split("\n")[:-1]}
    assert answered.json()["predictions"][1] == ""
    # what a person should know of a line is said by both
    warning = expected.stderr.decode().strip()
    assert "line 3: " in warning and "pieces" in warning
    assert warning in log.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"inputs": "Gott ist gut."}', "inputs is of the kind str, where a list of texts is needed"),
        ('{"inputs": ["Gott ist gut.", 3]}', "inputs[1] is of the kind int, where a text is needed"),
        (r'{"inputs": ["G\u0000"]}', "inputs[0] is not UTF-8 text (a NUL at byte 1, as UTF-16 has them)"),
        (r'{"inputs": ["\ud800"]}', "inputs[0] is no text: half a character (surrogates not allowed) at 0"),
    ],
)
def test_what_is_no_list_of_texts_is_refused_in_one_line(server: tuple[str, Path], body: str, expected: str) -> None:
    answered = ask(server[0], body)
    assert answered.status_code == 400
    assert answered.json()["message"] == expected
    assert answered.json()["error_code"] == "BAD_REQUEST"


def test_it_is_written_as_code_with_copies_of_everything_and_nothing_is_pickled(registered: Registered) -> None:
    files = {path.relative_to(registered.files).as_posix() for path in registered.files.rglob("*") if path.is_file()}
    assert not [name for name in files if name.endswith((".pkl", ".pickle"))]
    assert not [path for path in registered.files.rglob("*") if path.is_symlink()]
    system = "artifacts/system"
    assert {name for name in files if name.startswith(system)} == {
        *(f"{system}/{name}" for name in ("config.yaml", "system.json", "card.md", "base_model/model.pt")),
        *(f"{system}/vocabulary/{name}" for name in ("bpecodes", "dict.de.txt", "dict.en.txt")),
        f"{system}/adapters/ink/koran/seed1/adapter.safetensors",
    }
    assert {"served_system.py", "code/ink/serving/answers.py", "requirements.txt"} <= files
    assert not [name for name in files if "__pycache__" in name or name.startswith("code/ink/project")]


def test_it_has_a_signature_and_an_example(registered: Registered) -> None:
    described = yaml.safe_load((registered.files / "MLmodel").read_text(encoding="utf-8"))
    signature: dict[str, Any] = described["signature"]
    assert [json.loads(signature[side]) for side in ("inputs", "outputs")] == [
        [{"type": "string", "required": True}]
    ] * 2
    example = json.loads((registered.files / "serving_input_example.json").read_text(encoding="utf-8"))
    assert len(example["inputs"]) == 2 and all(example["inputs"])
    assert described["metadata"] | {"system": "ink", "domain": "koran", "seed": 1} == described["metadata"]


def test_the_registry_shows_the_card(registered: Registered) -> None:
    from mlflow import MlflowClient

    assert registered.logged["name"] == "mini-ink-koran"
    assert registered.logged["uri"] == "models:/mini-ink-koran/1"
    client = MlflowClient(f"sqlite:///{registered.project}/mlflow.db")
    version = client.get_model_version("mini-ink-koran", "1")
    card = (registered.files / "artifacts/system/card.md").read_text(encoding="utf-8")
    assert card.startswith("# INK for koran\n")
    assert version.description == card
    assert {name: version.tags[f"ink.{name}"] for name in ("system", "domain", "seed")} == {
        "system": "ink",
        "domain": "koran",
        "seed": "1",
    }


def test_what_it_asks_to_be_installed_is_all_that_it_imports(registered: Registered) -> None:
    """Of the packages that ink asks for: others come with these."""
    script = """
import importlib.metadata, sys
import ink.serving.system_folder
loaded = {name.partition(".")[0] for name in sys.modules}
owners = importlib.metadata.packages_distributions()
print(*sorted({owner for name in loaded for owner in owners.get(name, [])}))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment())
    imported = {name.lower().replace("_", "-") for name in done.stdout.split()}
    pins = (registered.files / "requirements.txt").read_text(encoding="utf-8").split()
    requested = {pin.partition("==")[0].lower() for pin in pins}
    project = Path(__file__).resolve().parents[2] / "pyproject.toml"
    needed = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    own = {
        name.partition("[")[0].rstrip("<>=.,0123456789").lower()
        for name in [*needed["dependencies"], *needed["optional-dependencies"]["cpu"]]
    }
    assert imported & own <= requested
