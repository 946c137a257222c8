"""The command terminal: cubes in the words of Ophidia."""

from __future__ import annotations

from typing import Annotated

import typer

from polarnight.cli.common import set_up

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        add_help_option=False,
        context_settings={
            "allow_extra_args": True,
            "ignore_unknown_options": True,
            "help_option_names": [],
        },
    )(terminal)


def terminal(
    context: typer.Context,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="OPTIONS", help="Those of oph_term: -e COMMAND, -w FILE, -h, ..."),
    ] = None,
) -> int:
    """Open a terminal for commands on data cubes (`oph_term` with these settings).

    `-e COMMAND` carries out one command, `-w FILE -a ARGS` a workflow, `-j` prints JSON, and
    `-h` shows all options.
    """
    from polarnight.ophidia.terminal import run_terminal

    given = [*(arguments or []), *context.args]
    return run_terminal(given, lambda: set_up(context.obj))
