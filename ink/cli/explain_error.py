"""The command that explains an error by the code in brackets at its end."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem


def _codes(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from ink.runtime.known_errors import known_errors

    return [
        CompletionItem(code, help=each.what) for code, each in known_errors().items() if code.startswith(incomplete)
    ]


@click.command("explain-error")
@click.argument("code", required=False, shell_complete=_codes)
def explain_error(code: str | None) -> None:
    """Explain an error by its code: what is wrong, why, what to do. Without CODE, list all codes.

    The code stands in brackets at the end of the error's first line, such as [config/wrong-setting].
    """
    from ink.runtime.known_errors import known_error, known_errors

    if code is not None:
        click.echo(known_error(code).explained())
        return
    known = known_errors()
    widest = max(map(len, known))
    for name, each in known.items():
        click.echo(f"{name:<{widest}}  {each.what}")
