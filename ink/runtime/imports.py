"""How large packages are imported here: quickly, and of fairseq what ink uses.

Importing fairseq imports every task, model and criterion in its folders, so that their names are known. Its tasks for
audio bring scikit-learn, SciPy and pandas: half a second and more of every job. Here its folders seem to hold only what
ink uses. What that needs itself is imported as anywhere, and what was left out can be imported like any module.
`import_rest_of_fairseq` imports all of it, for whoever meets a name that fairseq does not know.

`import ink` installs this, so that `from fairseq import ...` stands in any module as it would without it. Where fairseq
has been imported before ink, it is whole.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

# Packages of which fairseq imports every module that their folders list, and the modules that are listed here. What
# a package imports by name comes with it.
USED = {
    "fairseq.criterions": ("cross_entropy", "label_smoothed_cross_entropy"),
    "fairseq.models": ("transformer",),
    "fairseq.tasks": ("translation",),
    "fairseq.model_parallel.criterions": (),
    "fairseq.model_parallel.models": (),
}
# They make so many objects that last that looking for garbage among them takes a fifth of the time.
LARGE = ("torch", "fairseq", "mlflow")


def install() -> None:
    """Let large packages be imported in this way from now on."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def import_rest_of_fairseq() -> bool:
    """Import the modules of fairseq that were left out, so that it knows all its names; return whether any were."""
    found = False
    with _no_collection():
        for package in USED:
            (folder,) = importlib.import_module(package).__path__
            for name in sorted(map(_module_in, Path(folder).iterdir())):
                if name and f"{package}.{name}" not in sys.modules:
                    importlib.import_module(f"{package}.{name}")
                    found = True
    return found


def _module_in(path: Path) -> str:
    """Return the name of the module or package at a path, as fairseq finds it; empty where there is none."""
    if path.name.startswith(("_", ".")):
        return ""
    return path.stem if path.suffix == ".py" else path.name if path.is_dir() else ""


class _Finder(MetaPathFinder):
    """Finds large packages as the other finders do, and has them loaded with `_Loader`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in LARGE:
            return None
        found = (finder.find_spec(fullname, path, target) for finder in sys.meta_path if finder is not self)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(Loader):
    """Loads a large package, with what that imports itself."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # from here on the module has its own loader, which others ask for its files
        module.__loader__ = self.loader
        if module.__spec__ is not None:
            module.__spec__.loader = self.loader
        with _no_collection(), _shortened_lists(Path(str(module.__file__)).parent):
            self.loader.exec_module(module)


@contextmanager
def _shortened_lists(folder: Path) -> Iterator[None]:
    """Let folders of the package in `folder` list what USED names of them."""
    lists = {str(folder.joinpath(*package.split(".")[1:])): names for package, names in USED.items()}
    listdir = os.listdir

    def shortened(path: Any = ".") -> Any:
        found = listdir(path)
        names = lists.get(os.path.normpath(path)) if isinstance(path, str) else None
        return found if names is None else [name for name in found if name.removesuffix(".py") in names]

    os.listdir = shortened
    try:
        yield
    finally:
        os.listdir = listdir


@contextmanager
def _no_collection() -> Iterator[None]:
    """Look for no garbage meanwhile, and never among what has been imported by then."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()
