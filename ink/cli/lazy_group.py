"""A command group that imports a command's module only when that command runs, so that `ink --help` is instant."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import click

from ink.cli.streams import end_unread

LONGEST_PURPOSE = 200


class LazyCommands(click.Group):
    """Finds command `train-base` as `train_base` in the module that `groups` names for it under one of its headings.

    `renamed` has, for a command of an earlier release, what takes its place.
    """

    def __init__(
        self, *arguments: Any, groups: Mapping[str, Mapping[str, str]], renamed: Mapping[str, str], **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self.groups = groups
        self.sources = {name: module for group in groups.values() for name, module in group.items()}
        self.renamed = renamed

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.sources)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each group under its heading, every command with the whole first sentence of its help."""
        for heading, group in self.groups.items():
            commands = [(name, self.get_command(ctx, name)) for name in group]
            with formatter.section(heading):
                formatter.write_dl(
                    [(name, command.get_short_help_str(LONGEST_PURPOSE)) for name, command in commands if command]
                )

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.sources and args[0] not in self.renamed and not args[0].startswith("-"):
            near = get_close_matches(args[0], self.sources, n=1)
            ctx.fail(f"No such command '{args[0]}'." + "".join(f" Did you mean '{name}'?" for name in near))
        return super().resolve_command(ctx, args)

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
