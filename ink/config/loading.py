"""Reading an experiment's YAML file, and the check of the whole: its schema first, then what no single key can tell."""

from __future__ import annotations

from pathlib import Path

from ink.config.constraints import impossible_combinations
from ink.config.domains import Config
from ink.config.history import CURRENT, HISTORY
from ink.config.paths import expand_home
from ink.config.resolving import VERSION, resolve, upgrade
from ink.config.schema import schema_problems
from ink.runtime.errors import InkError
from ink.runtime.given_text import check_is_text, without_mark
from ink.runtime.yaml_reading import read_yaml


def load(path: Path | str) -> Config:
    """Read an experiment's YAML file and resolve it to the whole, unchecked, with `~` in its paths expanded.

    InkError names file and line where it is missing or no YAML.
    """
    return resolve(read(path))


def load_resolved(path: Path | str) -> Config:
    """Read the file of an experiment in results/: it is what ran, of its version or the first, and gets no defaults."""
    stated = read(path)
    version = stated.get(VERSION, 1)
    return upgrade(stated, version if version in [*HISTORY] else CURRENT)


def read(path: Path | str) -> Config:
    """Read what an experiment's YAML file states and no more; otherwise as `load`."""
    try:
        data = Path(path).read_bytes()
        check_is_text(path, data)
        text = without_mark(data).decode("utf-8")
    except OSError as error:
        raise InkError(
            f"{path}: the configuration cannot be read ({error.strerror})", code="config/unreadable"
        ) from None
    except UnicodeDecodeError as error:
        raise InkError(
            f"{path}: the configuration is not UTF-8 (byte {error.start})", code="config/unreadable"
        ) from None
    config = read_yaml(text, path)
    if not isinstance(config, dict):
        found = "nothing" if config is None else f"a {type(config).__name__}"
        raise InkError(
            f"{path}: an experiment is a mapping of settings, but the file holds {found}", code="config/unreadable"
        )
    expand_home(config)
    return config


def check(config: Config) -> None:
    """Check a configuration before any job.

    Raises:
        InkError: one message with, for every problem, the dotted key, what was found and what is allowed.
    """
    if problems := schema_problems(config):
        raise _refused(problems, code="config/wrong-setting")
    if problems := impossible_combinations(config):
        raise _refused(problems, code="config/impossible-combination")


def _refused(problems: list[str], code: str) -> InkError:
    if len(problems) == 1:
        return InkError(f"configuration: {problems[0]}", code=code)
    return InkError(f"configuration: {len(problems)} problems", *problems, code=code)
