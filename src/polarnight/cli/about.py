"""Commands about the installation: config and doctor."""

from __future__ import annotations

from typing import Annotated

import typer

from polarnight.cli.common import Status, console, set_up

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(config)
    app.command()(doctor)


def config(context: typer.Context) -> None:
    """Print the settings in force and where each value came from."""
    from polarnight.cli.screen import table_of

    settings = set_up(context.obj, database=False)
    table = table_of("setting", "value", "from", wrapped=("value", "from"))
    for key, value, origin in settings.describe():
        table.add_row(key, value, origin)
    console().print(table)


def doctor(
    context: typer.Context,
    sweep: Annotated[
        bool, typer.Option("--sweep", help="Delete stored cubes that nothing needs any more.")
    ] = False,
) -> int:
    """Check installation, plug-ins, database, disk and star catalogues."""
    from rich.text import Text

    from polarnight.cli.screen import table_of
    from polarnight.pipeline.doctor import examine

    settings = set_up(context.obj)
    if sweep:
        from polarnight.pipeline.orphans import sweep as sweep_orphans

        swept = sweep_orphans(settings)
        size = sum(one.size for one in swept) / 1e6
        console().print(f"{len(swept)} stored cubes that nothing needs deleted, {size:.0f} MB")
    findings = examine(settings)
    table = table_of("check", "", "finding", wrapped=("finding",))
    colours = {"ok": "green", "note": "yellow", "bad": "red"}
    for finding in findings:
        colour = colours[finding.verdict]
        table.add_row(finding.check, Text(finding.verdict, colour), finding.text)
    console().print(table)
    bad = any(finding.verdict == "bad" for finding in findings)
    return int(Status.SOME_FAILED if bad else Status.WELL)
