"""The column Default of the commands' options: the default, `required`, or nothing.

mkdocs-click writes what click has for an option without a default, whatever that is.
"""

from __future__ import annotations

from typing import Any

import click

from ink.cli import ink

PAGE = "reference/commands.md"


def on_config(config: Any) -> None:
    """Give every option without a default, and every flag that is off, None as its default."""
    _forget_absent_defaults(ink, click.Context(ink, info_name="ink"))


def _forget_absent_defaults(command: click.Command, context: click.Context) -> None:
    for option in command.get_params(context):
        default = option.to_info_dict()["default"]
        if default is None or default is False:
            option.default = None
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                _forget_absent_defaults(inner, click.Context(inner, info_name=name, parent=context))


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Write mkdocs-click's `None` and `_required` as nothing and as a word."""
    if page.file.src_uri != PAGE:
        return html
    return html.replace("<td>None</td>", "<td></td>").replace("<td>_required</td>", "<td><em>required</em></td>")
