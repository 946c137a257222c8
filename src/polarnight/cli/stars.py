"""Commands for the star catalogues: import, fetch, list, remove."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from polarnight.cli.common import GlobalOptions, Status, console, set_up
from polarnight.errors import ConfigError

__all__ = ["register"]

stars = typer.Typer(
    no_args_is_help=True, help="Field stars for the plate solver and the zero points."
)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(stars, name="stars")


def _band_columns(pairs: list[str]) -> dict[str, str]:
    bands = {}
    for pair in pairs:
        band, equals, column = pair.partition("=")
        if not equals or not band or not column:
            msg = f"{pair!r}: write BAND=COLUMN, such as R=Rmag"
            raise typer.BadParameter(msg)
        bands[band] = column
    return bands


def _bands_of_nobody(bands: list[str], system: str | None) -> list[str]:
    """Return the bands that no instrument is declared to have, nor a photometric system.

    Bands of the systems serve all instruments: what an instrument sees in is made from them.
    """
    from polarnight.frames.bands import JOHNSON, ROUGH, SYSTEMS, band_in_system
    from polarnight.instruments import all_instruments

    if system is not None:
        return []  # `import_stars` refuses what that system has not
    known = {*JOHNSON, ROUGH}
    known.update(band_in_system(band, each) for each, own in SYSTEMS.items() for band in own)
    for instrument in all_instruments().values():
        declared = getattr(instrument, "declaration", None)
        known.update(() if declared is None else {*declared.filters.values(), declared.band})
    return [band for band in bands if band not in known]


@stars.command("import")
def import_stars(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV, ECSV, FITS, VOTable or Parquet table.")
    ],
    ra: Annotated[
        str, typer.Option(metavar="COLUMN", help="Column of right ascension (ICRS, degrees).")
    ] = "ra",
    dec: Annotated[
        str, typer.Option(metavar="COLUMN", help="Column of declination (ICRS, degrees).")
    ] = "dec",
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
    system: Annotated[
        str | None,
        typer.Option(
            help="Photometric system of bands such as g, r, i: sdss, ps1, apass or gaia; without "
            "it they make no zero points."
        ),
    ] = None,
) -> int:
    """Import a table of field stars, for plate solving and catalogue zero points."""
    from polarnight.astrometry import import_stars as run_import

    options: GlobalOptions = context.obj
    settings = set_up(options, database=False)
    bands = _band_columns(mag or [])
    count = run_import(
        file,
        settings.data.stars,
        ra=ra,
        dec=dec,
        mags=bands,
        errors=_band_columns(err or []),
        pmra=pmra,
        pmdec=pmdec,
        epoch=epoch,
        name=name,
        system=system,
    )
    typer.echo(f"{count} stars imported into {settings.data.stars}")
    unused = _bands_of_nobody(list(bands), system)
    if unused:
        typer.echo(
            f"note: no instrument is declared to have a band {', '.join(unused)}: these magnitudes "
            "order stars by brightness, and make zero points only of frames whose band has the "
            "same name; bands such as g, r and i need --system",
            err=True,
        )
    return int(Status.WELL if count else Status.NOTHING_DONE)


@stars.command("fetch")
def fetch_stars(
    context: typer.Context,
    catalogue: Annotated[str, typer.Option(help="gaia, apass, ps1 or sdss.")] = "gaia",
    ra: Annotated[
        float | None, typer.Option(metavar="DEGREES", help="Right ascension, ICRS degrees.")
    ] = None,
    dec: Annotated[
        float | None, typer.Option(metavar="DEGREES", help="Declination, ICRS degrees.")
    ] = None,
    radius: Annotated[
        float | None, typer.Option(help="Radius in degrees; by default that of the frames, or 0.3.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Around a source of the catalogue of sources.")
    ] = None,
    night: Annotated[
        str | None,
        typer.Option(metavar="EPOCH", help="Every field of a night, such as T090/220918."),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Also what is on disk already.")] = False,
) -> int:
    """Fetch field stars over the network and keep them on disk.

    Needs a network; nothing else of Polarnight does.
    """
    ways = [ra is not None or dec is not None, source is not None, night is not None]
    if sum(ways) != 1:
        msg = "say where: --ra and --dec, or --source, or --night"
        raise typer.BadParameter(msg)
    if ways[0] and (ra is None or dec is None):
        msg = "--ra and --dec go together"
        raise typer.BadParameter(msg)
    settings = set_up(context.obj, database=not ways[0])
    from polarnight.pipeline.star_fields import (
        Field,
        fetch_fields,
        field_of_source,
        fields_of_night,
    )

    if night is not None:
        fields = fields_of_night(night, radius)
    elif source is not None:
        fields = [field_of_source(source, radius)]
    else:
        assert ra is not None
        assert dec is not None
        fields = [Field(ra, dec, radius or 0.3)]
    for found in fetch_fields(
        fields, catalogue, settings.data.stars, settings.astrometry.online_timeout, again=again
    ):
        place = "fetched" if found.new else "on disk already"
        typer.echo(f"{found.name}: {found.stars} stars, {place}")
    return int(Status.WELL)


@stars.command("list")
def list_stars(context: typer.Context) -> None:
    """List the star catalogues on disk with their stars, bands and photometric system."""
    from rich.text import Text

    from polarnight.astrometry import LocalCatalogue
    from polarnight.cli.screen import table_of

    settings = set_up(context.obj, database=False)
    manifests = LocalCatalogue(settings.data.stars).manifests
    if not manifests:
        console().print(
            Text(
                f"no star catalogue in {settings.data.stars}; `polarnight stars import` or "
                "`polarnight stars fetch`"
            )
        )
        return
    table = table_of(
        *("name", "stars", "bands", "system", "epoch", "from"),
        numbers=("stars",),
        wrapped=("bands", "epoch", "from"),
    )
    for name, manifest in manifests.items():
        table.add_row(name, *_described(manifest))
    console().print(table)


def _described(manifest: dict[str, Any]) -> tuple[str, str, str, str, str]:
    bands = [c.removeprefix("mag_") for c in manifest["columns"] if c.startswith("mag_")]
    motions = " with proper motions" if manifest["proper_motions"] else ""
    origin = manifest.get("origin") or ""
    if manifest.get("fetched"):
        origin = f"VizieR {manifest.get('vizier', '')}, {manifest.get('date', '')}"
    return (
        str(manifest.get("stars", "")),
        " ".join(bands),
        manifest.get("system") or "",
        f"{float(manifest['epoch']):g}{motions}",
        origin,
    )


@stars.command("remove")
def remove_stars(
    context: typer.Context,
    names: Annotated[
        list[str], typer.Argument(metavar="NAME", help="Names as `stars list` shows them.")
    ],
) -> int:
    """Remove star catalogues from the disk."""
    from polarnight.astrometry import LocalCatalogue

    settings = set_up(context.obj, database=False)
    catalogue = LocalCatalogue(settings.data.stars)
    unknown = [name for name in names if name not in catalogue.manifests]
    if unknown:
        known = ", ".join(catalogue.manifests) or "none"
        msg = f"there is no star catalogue {unknown[0]!r}; there are: {known}"
        raise ConfigError(msg)
    for name in dict.fromkeys(names):
        count = catalogue.remove(name)
        typer.echo(f"{name}: {count} stars removed")
    return int(Status.WELL)
