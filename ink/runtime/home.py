"""Paths as people write them: `~` stands for their home folder, where no shell has replaced it."""

from __future__ import annotations

from pathlib import Path


def with_home(path: str) -> str:
    """Return a path with `~` or `~user` at its beginning replaced; that of a user who cannot be stays as it is."""
    if not path.startswith("~"):
        return path
    try:
        return str(Path(path).expanduser())
    except (RuntimeError, ValueError):
        return path
