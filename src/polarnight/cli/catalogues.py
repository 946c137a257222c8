"""Commands for the catalogue of sources and the star catalogues."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polarnight.cli.common import GlobalOptions, Status, console, set_up

__all__ = ["register"]

sources = typer.Typer(no_args_is_help=True, help="Targets and calibrators: import and list.")
stars = typer.Typer(
    no_args_is_help=True, help="Field stars for the plate solver and the zero points."
)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(sources, name="sources")
    app.add_typer(stars, name="stars")


@sources.command("import")
def import_sources(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="YAML or CSV file.")],
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
    return int(Status.WELL)


@sources.command("list")
def list_sources(context: typer.Context) -> None:
    """List the sources with their position, magnitudes and calibrators."""
    from polarnight.cli.tables import source_list

    set_up(context.obj)
    console().print(source_list())


def _band_columns(pairs: list[str]) -> dict[str, str]:
    bands = {}
    for pair in pairs:
        band, equals, column = pair.partition("=")
        if not equals or not band or not column:
            msg = f"{pair!r}: write BAND=COLUMN, such as R=Rmag"
            raise typer.BadParameter(msg)
        bands[band] = column
    return bands


@stars.command("import")
def import_stars(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV, ECSV, FITS, VOTable or Parquet table.")],
    ra: Annotated[str, typer.Option(help="Column of right ascension (ICRS, degrees).")] = "ra",
    dec: Annotated[str, typer.Option(help="Column of declination (ICRS, degrees).")] = "dec",
    mag: Annotated[
        list[str] | None,
        typer.Option(metavar="BAND=COLUMN", help="Column of a magnitude; may be repeated."),
    ] = None,
    err: Annotated[
        list[str] | None,
        typer.Option(metavar="BAND=COLUMN", help="Column of its error; may be repeated."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Name of the catalogue, replacing one so named; by default the file's."),
    ] = None,
    pmra: Annotated[
        str | None,
        typer.Option(help="Column of proper motion in right ascension times cos(dec), mas/yr."),
    ] = None,
    pmdec: Annotated[
        str | None, typer.Option(help="Column of proper motion in declination, mas/yr.")
    ] = None,
    epoch: Annotated[
        float, typer.Option(help="Julian year of the positions; of Gaia DR3 2016.")
    ] = 2000.0,
) -> int:
    """Import a table of field stars, for plate solving and catalogue zero points."""
    from polarnight.astrometry import import_stars as run_import

    options: GlobalOptions = context.obj
    settings = set_up(options, database=False)
    count = run_import(
        file,
        settings.data.stars,
        ra=ra,
        dec=dec,
        mags=_band_columns(mag or []),
        errors=_band_columns(err or []),
        pmra=pmra,
        pmdec=pmdec,
        epoch=epoch,
        name=name,
    )
    typer.echo(f"{count} stars imported into {settings.data.stars}")
    return int(Status.WELL if count else Status.NOTHING_DONE)
