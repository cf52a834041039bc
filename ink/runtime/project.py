"""What belongs to the project beside its code: workflow, profiles, experiments, the paper's numbers."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def project_path(name: str) -> Path:
    """Return a file or folder of the repository by its name there, such as `results/paper`.

    A wheel carries what is needed of them in the package's folder `project` (setup.py); else the package is in its
    repository. Whether the path is there is not checked.
    """
    carried = _PACKAGE / "project"
    return (carried if carried.is_dir() else _PACKAGE.parent) / name
