"""The command that hands out results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from polarnight.cli.common import Status, check_order, describe_night, set_up
from polarnight.cli.options import FirstNight, LastNight

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
    instrument: Annotated[str | None, typer.Option(help="Such as AndorT90.")] = None,
    first: FirstNight = None,
    last: LastNight = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="table, csv, ecsv, json, votable or parquet; by default by the ending of "
            "--output (.txt: the table as it is printed), else table.",
        ),
    ] = None,
    combine: Annotated[
        str | None,
        typer.Option(help="night: the mean polarization of each source over a night."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="File to write; standard output by default.")
    ] = None,
) -> int:
    """Print or save photo-polarimetric results.

    q, u and p are fractions, chi is in degrees, north through east. mag_corr and p_corr are
    without the host galaxy.
    """
    check_order(first, last)
    form = form or _form_of(output)
    set_up(context.obj)
    from polarnight.db.export import results_table, write_results

    select = {
        "source": source, "band": band, "night": night, "instrument": instrument,
        "first": first, "last": last,
    }  # fmt: skip
    chosen = {key: value for key, value in select.items() if value is not None}
    table = results_table(**chosen) if combine is None else _combined(combine, chosen)
    if not len(table):
        typer.echo(_nothing(), err=True)
        return int(Status.NOTHING_DONE)
    text = write_results(table, form, output)
    if output is None:
        typer.echo(text.rstrip("\n"))
    else:
        typer.echo(f"{len(table)} results in {output}")
    return int(Status.WELL)


def _combined(by: str, chosen: dict[str, Any]) -> Any:
    """Return the table of combined results."""
    from polarnight.db import PhotoPolResult
    from polarnight.db.combine import combined_table

    results = PhotoPolResult.objects.select(**chosen)
    return combined_table(results.combined(by=by))


_ENDINGS = {
    "": "table",
    ".txt": "table",
    ".csv": "csv",
    ".ecsv": "ecsv",
    ".json": "json",
    ".vot": "votable",
    ".xml": "votable",
    ".parquet": "parquet",
}


def _form_of(output: Path | None) -> str:
    """Return the format that the ending of a file asks for."""
    if output is None:
        return "table"
    form = _ENDINGS.get(output.suffix.lower())
    if form is None:
        known = ", ".join(ending for ending in _ENDINGS if ending)
        msg = f"{output}: choose a file that ends in {known}, or say --format"
        raise typer.BadParameter(msg)
    return form


def _nothing() -> str:
    """Say why there may be no result, and what there is to choose from."""
    from polarnight.db import PhotoPolResult

    if not PhotoPolResult.objects.exists():
        return "there are no results yet; `polarnight run --all-local` makes them"
    bands = PhotoPolResult.objects.order_by("band").values_list("band", flat=True).distinct()
    nights = PhotoPolResult.objects.order_by("epoch__night")
    first, last = (row.epoch.night for row in (nights[0], nights.reverse()[0]))
    return f"no result fits; there are bands {', '.join(bands)} from {first} to {last}"
