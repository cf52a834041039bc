"""Puts into a wheel what `ink` reads of the repository beside its code; all else stands in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

# the models that `ink translate --demo` uses
DEMO = ("results/published/mini/config.yaml", "results/published/mini/models")
# read through ink/runtime/project.py
CARRIED = ("workflow", "profiles", "config", "results/paper", "pyproject.toml", *DEMO)


class BuildWithProject(build_py):
    """Copies them into the package's folder `project`; an editable installation reads them where they are."""

    def run(self) -> None:
        """Build, then copy."""
        super().run()
        if not self.editable_mode:
            for name in CARRIED:
                target = Path(self.build_lib, "ink", "project", name)
                target.parent.mkdir(parents=True, exist_ok=True)
                if Path(name).is_dir():
                    shutil.copytree(name, target, dirs_exist_ok=True)
                else:
                    shutil.copyfile(name, target)


setup(cmdclass={"build_py": BuildWithProject})
