"""The command that hands out results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polarnight.cli.common import Status, describe_night, set_up

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(results)


def results(
    context: typer.Context,
    source: Annotated[str | None, typer.Option(help="Name (or other name) of a source.")] = None,
    band: Annotated[str | None, typer.Option(help="Band, such as R.")] = None,
    night: Annotated[
        str | None, typer.Option(help="Date at the start of a night.", parser=describe_night)
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="table, csv, ecsv, json, votable or parquet; by default by the ending of "
            "--output, else table.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="File to write; standard output by default.")
    ] = None,
) -> int:
    """Print or save photo-polarimetric results.

    q, u and p are fractions, chi is in degrees, north through east.
    """
    set_up(context.obj)
    from polarnight.db.export import results_table, write_results

    select = {"source": source, "band": band, "night": night}
    table = results_table(**{key: value for key, value in select.items() if value is not None})
    if not len(table):
        typer.echo(_nothing(), err=True)
        return int(Status.NOTHING_DONE)
    text = write_results(table, form or _form_of(output), output)
    if output is None:
        typer.echo(text.rstrip("\n"))
    else:
        typer.echo(f"{len(table)} results in {output}")
    return int(Status.WELL)


_ENDINGS = {
    ".csv": "csv",
    ".ecsv": "ecsv",
    ".json": "json",
    ".vot": "votable",
    ".xml": "votable",
    ".parquet": "parquet",
}


def _form_of(output: Path | None) -> str:
    """Return the format that the ending of a file asks for."""
    return "table" if output is None else _ENDINGS.get(output.suffix.lower(), "table")


def _nothing() -> str:
    """Say why there may be no result, and what there is to choose from."""
    from polarnight.db import PhotoPolResult

    if not PhotoPolResult.objects.exists():
        return "there are no results yet; `polarnight run --all-local` makes them"
    bands = PhotoPolResult.objects.order_by("band").values_list("band", flat=True).distinct()
    nights = PhotoPolResult.objects.order_by("epoch__night")
    first, last = (row.epoch.night for row in (nights[0], nights.reverse()[0]))
    return f"no result fits; there are bands {', '.join(bands)} from {first} to {last}"
