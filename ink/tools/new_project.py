"""A project of one's own: an experiment's file and a Snakefile that uses the workflow of the installed package."""

from __future__ import annotations

from pathlib import Path

from ink.runtime.errors import InkError
from ink.runtime.project import project_path
from ink.runtime.whole_files import write_atomically

# name -> the file of the repository's config/ that a project begins with
EXPERIMENTS = {
    "mini": "config.yaml",
    "mini-full": "mini-full.yaml",
    "methods": "methods.yaml",
    "own-corpus": "own-corpus.yaml",
    "opus-mt": "opus-mt.yaml",
    "software": "software.yaml",
    "paper": "paper.yaml",
}

_SNAKEFILE = """\
# The workflow of the installed package; `snakemake --cores all` runs config/config.yaml.
from ink.runtime.project import project_path


include: str(project_path("workflow/Snakefile"))


workflow.default_target = "all"
"""

_README = """\
# An INK experiment

`config/config.yaml` says what runs. In this folder, with the environment in which `ink` is installed:

    ink doctor config/config.yaml   # what is missing on this machine, and how long it will take
    snakemake --cores all           # run it; killed, it goes on where it was
    mlflow ui                       # compare runs

Tables, figures and a report come out in `results/`; `work/` has what can be made again. `profiles/default/config.yaml`
has Snakemake's options. Every setting: `ink config show config/config.yaml`.
"""

_IGNORED = """\
/.snakemake/
/downloads/
/mlflow.db*
/mlruns/
/results/
/work/
"""


def create_project(folder: Path, experiment: str) -> list[Path]:
    """Write a new project that begins with one of EXPERIMENTS; return its files.

    InkError where the folder exists and is not empty, or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InkError(f"{folder} exists and is not an empty folder; name another one", code="folder/not-empty")
    texts = {
        "Snakefile": _SNAKEFILE,
        "README.md": _README,
        ".gitignore": _IGNORED,
        "config/config.yaml": project_path(f"config/{EXPERIMENTS[experiment]}").read_text(encoding="utf-8"),
        "profiles/default/config.yaml": project_path("profiles/default/config.yaml").read_text(encoding="utf-8"),
    }
    for name, text in texts.items():
        with write_atomically(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return [folder / name for name in texts]
