"""The paper's experiment on archives laid out as the published ones, only small, from their addresses to its tables."""

from __future__ import annotations

import copy
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ink.config import load
from ink.corpus.preparation import fingerprint
from ink.runtime.whole_files import read_json, read_lines
from ink.tools.download.provided_files import provided_files

TESTS = Path(__file__).resolve().parents[1]
PAPER: dict[str, Any] = load(TESTS.parent / "config" / "paper.yaml")
RESULTS = "results/paper-scale"


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"{path.stem}_of_served_archive", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their module up
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


served = _module(Path(__file__).with_name("served.py"))


@dataclass(frozen=True)
class Published:
    """What is served, by artefact, and the folder in which it was made."""

    server: Any
    folder: Path

    def config(self) -> dict[str, Any]:
        """config/paper.yaml with these addresses and numbers of sentences."""
        config = copy.deepcopy(PAPER)
        config["data"]["binarised"]["sentences"] = copy.deepcopy(served.SENTENCES)
        for name, entry in config["downloads"].items():
            entry["url"] = self.server.url(name)
        return config


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    folder = tmp_path_factory.mktemp("published")
    comet = _module(TESTS / "metrics" / "conftest.py").write_tiny_comet(folder / "comet")
    model, text = served.write_archives(folder, PAPER["text"])
    server = served.FileServer(
        {
            "wmt19_model": model,
            "multi_domain_data": text,
            "comet_model": comet.checkpoint,
            "comet_settings": comet.checkpoint.parents[1] / "hparams.yaml",
            "comet_encoder_settings": comet.encoder / "config.json",
            "comet_encoder_tokeniser": comet.encoder / "tokenizer.json",
        }
    )
    yield Published(server, folder)
    server.close()


def small(config: dict[str, Any]) -> dict[str, Any]:
    """What the size of model and text asks for, one domain, and few rounds; all else is the paper's.

    The half precision that there is on a CPU, and two shards.
    """
    config.update(domains=["medical"], device="cpu", precision="bf16", threads=dict.fromkeys(config["threads"], 1))
    config["datastore"]["shards"] = 2
    config["index"].update(lists=16, probes=8)
    config["training"].update(warmup_updates=4, learning_rate=1.0e-3, patience=1)
    config["adapter"].update(inner_dimension=32, max_epochs=3)
    config["ink"]["max_rounds"] = 3
    config["knn_kd"].update(max_epochs=1, warmup_updates=4)
    config["combiner_training"].update(max_updates=10, check_every=5, best_from=5)
    config["knn_accuracy"]["bucket_edges"] = [0, 100, None]
    config["speed"]["domain"] = "medical"
    return config


@pytest.mark.slow
def test_the_paper_s_experiment_runs_from_the_archives_to_its_tables(published: Published, workspace: Any) -> None:
    name = workspace.write_config("small.yaml", small(published.config()))
    run = workspace.snakemake("--cores", "2", "--configfile", name)
    assert run.code == 0, run.text[-5000:]
    path = workspace.path
    for artefact in PAPER["downloads"]:
        first, *_, last = [start for requested, start in published.server.requests if requested == artefact]
        assert first == 0 < last, f"{artefact} was not gone on from where it broke off"
    for table in ("table1", "table2", "table3", "table4", "table5", "gains"):
        assert (path / RESULTS / "tables" / f"{table}.md").is_file(), table
    assert (path / RESULTS / "figures" / "figure4.svg").is_file()
    assert (path / RESULTS / "report.html").is_file()
    table1 = (path / RESULTS / "tables" / "table1.md").read_text(encoding="utf-8")
    assert "| Medical | 150 | 12 | 14 |" in table1 and "| Medical | 248099 | 2000 | 2000 |" in table1
    table2 = (path / RESULTS / "tables" / "table2.md").read_text(encoding="utf-8")
    assert "binarised text put back together" in table2 and "COMET" in table2
    assert [line.partition("|")[2].partition("|")[0].strip() for line in table2.splitlines()].count("INK + R-kNN") == 1
    # taken over as it was
    assert fingerprint(path / "work/paper-scale/binarised/medical") == fingerprint(
        published.folder / "prepared/medical"
    )
    # Moses loses a space here and there, and nothing else
    ours, raw = (
        [line.replace(" ", "") for line in read_lines(folder / "test.de")]
        for folder in (path / "work/paper-scale/corpus/medical", published.folder / "raw/medical")
    )
    assert ours == raw
    for system in PAPER["systems"]:
        score = read_json(path / RESULTS / "scores" / system / "medical" / "seed1.json")
        assert score["sentences"] == 14
    again = workspace.snakemake("--cores", "2", "--configfile", name)
    assert again.planned == {}, again.text[-3000:]
    # raw text goes through the archive's own codes
    text = "Die Patienten werden untersucht.\nR&D\n"
    command = [Path(workspace.snakemake_program).with_name("ink"), "translate", "--config", f"{RESULTS}/config.yaml"]
    done = subprocess.run(
        [*command, "--system", "ink", "--domain", "medical"],
        cwd=path,
        input=text,
        capture_output=True,
        text=True,
        env=workspace.environment,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2


@pytest.mark.failure(
    "Downloads",
    "a download that is refused within the workflow",
    "its line stands on the terminal and in the job's log; what else can run does",
)
@pytest.mark.parametrize(
    ("name", "entry", "sentences", "message"),
    [
        ("multi_domain_data", {}, {"dev": 13}, "medical dev: expected 13, found 12"),
        ("multi_domain_data", {"sha256": "0" * 64}, {}, f"expected sha256 {'0' * 64}, as the config says, found "),
        ("wmt19_model", {"url": "gone"}, {}, "the server answered 404"),
    ],
)
@pytest.mark.usefixtures("without_tracking")
def test_what_is_wrong_with_a_download_reaches_who_runs_the_workflow(
    published: Published, workspace: Any, name: str, entry: dict[str, Any], sentences: dict[str, int], message: str
) -> None:
    config = published.config()
    config["data"]["binarised"]["sentences"]["medical"] |= sentences
    config["downloads"][name] |= entry if "url" not in entry else {"url": published.server.url(entry["url"])}
    target = provided_files(config)[name][0]
    run = workspace.snakemake("--cores", "1", target, "--configfile", workspace.write_config("wrong.yaml", config))
    assert run.code != 0
    archive = {"multi_domain_data": "data-bin.zip", "wmt19_model": "wmt19.de-en.ffn8192.tar.gz"}[name]
    assert f"error: {name}: downloads/{archive} from {config['downloads'][name]['url']}: " in run.text
    assert message in run.text and "to place it by hand, put the file" in run.text
    assert f" at downloads/{archive}" in run.text
    assert workspace.files(f"downloads/{name}/**/*.*") == []
