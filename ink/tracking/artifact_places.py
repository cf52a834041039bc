"""Where MLflow keeps the files of runs: ./mlruns of the project, also when that is moved, copied or renamed.

MLflow writes absolute addresses into its database. Where the database has come to another place with the project, they
lead to the old one: a copy's runs would write into the original.
"""

from __future__ import annotations

import contextlib
import sqlite3
import urllib.parse
import urllib.request
from pathlib import Path

ARTIFACTS = "mlruns"
_BUSY_SECONDS = 60.0  # somebody may be looking at the runs
# table and column of every address of files that MLflow keeps for runs and models
_ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
)


def artifact_location(experiment: str) -> str:
    """Return the address of an experiment's files in this project, in which MLflow finds any folder's name again.

    MLflow takes a plain path for an address: in a folder called `a%20b` it would write into one called `a b`.
    """
    return (Path.cwd() / ARTIFACTS / experiment).as_uri()


def follow_project(database: Path, location: str) -> None:
    """Let a project's own database name files below ./mlruns where it names those of the project's former place.

    location: what the database says of an experiment. One that is not below a folder mlruns was chosen by somebody, and
    a database outside the project does not move with it: these stay as they are.
    """
    former = _path(location)
    if former is None or former.parent.name != ARTIFACTS or not database.absolute().is_relative_to(Path.cwd()):
        return
    before, now = former.parent, Path.cwd() / ARTIFACTS
    if _are_one(before, now):
        return
    with contextlib.closing(sqlite3.connect(database, timeout=_BUSY_SECONDS)) as connection, connection:
        for table, column in _ADDRESSES:
            for written in (str(before), before.as_uri()):
                beginning = f"{written}/"
                connection.execute(
                    f"update {table} set {column} = ? || substr({column}, ?) where substr({column}, 1, ?) = ?",
                    (f"{now.as_uri()}/", len(beginning) + 1, len(beginning), beginning),
                )


def _path(location: str) -> Path | None:
    """Return the folder that MLflow means by an address; None where it is on no disk of this machine."""
    parts = urllib.parse.urlsplit(location)
    if parts.scheme not in ("", "file") or parts.netloc:
        return None
    path = Path(urllib.request.url2pathname(parts.path if parts.scheme else location))
    return path if path.is_absolute() else None


def _are_one(one: Path, other: Path) -> bool:
    """Whether two paths lead to one folder, be it there or not."""
    return one == other or (one.exists() and other.exists() and one.samefile(other))
