"""Commands for the catalogue of sources."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polarnight.cli.common import Status, console, set_up

__all__ = ["register"]

sources = typer.Typer(no_args_is_help=True, help="Targets and calibrators: import and list.")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(sources, name="sources")


@sources.command("import")
def import_sources(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="YAML or CSV file.")],
) -> int:
    """Add or update sources from a YAML or CSV file.

    Columns: name, other_names, ra_hms, dec_dms, srctype, mag_B ... mag_I with errors
    (mag_B_err ...), p, p_err, chi, chi_err, calibrates (names, separated by `;`).
    """
    set_up(context.obj)
    # The models can be imported only once Django is set up.
    from polarnight.db.catalogue import import_sources as run_import

    report = run_import(file)
    typer.echo(str(report))
    for name, way in report.moved:
        typer.secho(f"{name} is {way:.0f} arcsec from where it was", err=True, fg="yellow")
    return int(Status.WELL)


@sources.command("list")
def list_sources(context: typer.Context) -> None:
    """List the sources with their position, magnitudes and calibrators."""
    from polarnight.cli.tables import source_list

    set_up(context.obj)
    console().print(source_list())
