"""What a shell completes after an option: systems, and the domains of the config that stands before it.

`eval "$(_INK_COMPLETE=bash_source ink)"` turns it on (zsh_source and fish_source for other shells). A config that
cannot be read completes nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ink.runtime.errors import InkError


def systems(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the config's systems, or all known ones where no config is given yet."""
    from ink.systems.known_systems import OWN_SYSTEMS, SYSTEMS

    config = _config(ctx)
    names = [*config.get("systems", SYSTEMS), *config.get(OWN_SYSTEMS, {})]
    return [name for name in names if name.startswith(incomplete)]


def domains(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the config's domains."""
    return [name for name in _config(ctx).get("domains", []) if name.startswith(incomplete)]


def experiments(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Return the experiments that have results here, as `ink compare` takes them."""
    found = sorted(path.parent.name for path in Path("results").glob("*/config.yaml"))
    return [name for name in found if name.startswith(incomplete)]


def _config(ctx: click.Context) -> dict[str, Any]:
    from ink.config import read

    path = ctx.params.get("config")
    try:
        return dict(read(path)) if path is not None else {}
    except InkError:
        return {}
