"""A command group that imports a command's module only when that command runs, so that `ink --help` is instant."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

from ink.cli.streams import end_unread


class LazyCommands(click.Group):
    """Finds command `train-base` as `train_base` in the module that `sources` names for it.

    `renamed` has, for a command of an earlier release, what takes its place.
    """

    def __init__(self, *arguments: Any, sources: Mapping[str, str], renamed: Mapping[str, str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.sources = sources
        self.renamed = renamed

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.sources)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.renamed:
            ctx.fail(f"`ink {cmd_name}` is `ink {self.renamed[cmd_name]}` now")
        if cmd_name not in self.sources:
            return None
        module = importlib.import_module(self.sources[cmd_name])
        return getattr(module, cmd_name.replace("-", "_"))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            end_unread(error)
