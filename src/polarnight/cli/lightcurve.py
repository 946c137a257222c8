"""Commands for light curves and curves of growth."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import Annotated, Any

import typer

from polarnight.cli.common import Status, check_order, check_picture, set_up

__all__ = ["register"]

_SAME_RADIUS = 1e-6  # pixels
_FORMATS = {".ecsv": "ascii.ecsv", ".csv": "ascii.csv", ".fits": "fits", ".vot": "votable"}


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(lightcurve)
    app.command()(growth)


def lightcurve(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="Name (or other name) of a source.")
    ],
    band: Annotated[str, typer.Option(help="Band.")] = "R",
    kind: Annotated[
        str,
        typer.Option(help="mag, p (with q, u and chi), or ensemble (differential photometry)."),
    ] = "mag",
    instrument: Annotated[
        list[str] | None, typer.Option(help="Only this one; may be repeated.")
    ] = None,
    since: Annotated[str | None, typer.Option("--from", help="First night, YYYY-MM-DD.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Last night, YYYY-MM-DD.")] = None,
    time: Annotated[str, typer.Option(help="bjd_tdb or utc.")] = "bjd_tdb",
    width: Annotated[
        str | None, typer.Option("--bin", metavar="DAYS", help="Width of bins in days, or night.")
    ] = None,
    host_corrected: Annotated[
        bool, typer.Option("--host-corrected", help="Without the light of the host galaxy.")
    ] = False,
    keep_flagged: Annotated[
        bool, typer.Option("--keep-flagged", help="Keep results flagged as spoilt.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", help="File to write: .ecsv, .csv, .fits or .vot.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Picture: magnitudes, and p and chi if any.")
    ] = None,
) -> int:
    """Print, save or draw the light curve of a source."""
    check_order(since, until)
    check_picture(plot)
    unused = {
        "--from": since, "--to": until, "--bin": width, "--host-corrected": host_corrected,
        "--keep-flagged": keep_flagged,
    }  # fmt: skip
    given = [name for name, value in unused.items() if value]
    if kind == "ensemble" and given:
        msg = f"an ensemble is made of all photometric frames; leave out {', '.join(given)}"
        raise typer.BadParameter(msg)
    set_up(context.obj)
    from polarnight.photometry import lightcurve as run_lightcurve
    from polarnight.pipeline.lightcurves.curves import ensemble_lightcurve

    options: dict[str, Any] = {
        "dates": (since, until),
        "instruments": instrument or None,
        "time": time,
        "bin": _bin(width),
        "host_corrected": host_corrected,
        "flagged": "keep" if keep_flagged else "drop",
    }
    if kind == "ensemble":
        one = instrument[0] if instrument else None
        series = ensemble_lightcurve(source, band, instrument=one)
    else:
        series = run_lightcurve(source, band, kind, **options)  # type: ignore[arg-type]
    if plot is not None:
        curves = [series]
        other = {"mag": "p", "p": "mag", "polarization": "mag"}.get(kind)
        if other is not None:
            second = run_lightcurve(source, band, other, **options)  # type: ignore[arg-type]
            curves = [c for c in (series, second) if len(c)]
            curves.sort(key=lambda c: "mag" not in c.colnames)
        _save(plot, curves)
    if output is not None:
        _write(series, output)
    elif plot is None and len(series):
        typer.echo("\n".join(_readable(series).pformat(max_lines=-1, max_width=-1, align="<")))
    if not len(series):
        typer.echo(_nothing(source, band), err=True)
        return int(Status.NOTHING_DONE)
    for what, path in ((f"{len(series)} points", output), ("picture", plot)):
        if path is not None:
            typer.echo(f"{what} in {path}")
    return int(Status.WELL)


def _bin(text: str | None) -> float | str | None:
    if text is None or text == "night":
        return text
    try:
        return float(text)
    except ValueError as error:
        msg = f"{text!r}: write a number of days, or night"
        raise typer.BadParameter(msg) from error


def _save(path: Path, curves: list[Any]) -> None:
    from polarnight.errors import ConfigError
    from polarnight.pipeline.lightcurves.plot import save_lightcurve

    if not curves:
        return
    try:
        save_lightcurve(path, *curves)
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be written: {error}"
        raise ConfigError(msg) from error


def _write(series: Any, path: Path) -> None:
    from polarnight.errors import ConfigError
    from polarnight.frames import atomic_write

    form = _FORMATS.get(path.suffix.lower())
    if form is None:
        msg = f"{path}: choose a file that ends in {', '.join(_FORMATS)}"
        raise ConfigError(msg)
    table = series if form in ("ascii.ecsv", "fits") else _plain(series)
    try:
        with atomic_write(path.resolve()) as part:
            table.write(part, format=form, overwrite=True)
    except OSError as error:
        msg = f"{path} cannot be written: {error}"
        raise ConfigError(msg) from error


def _plain(series: Any) -> Any:
    """Return the light curve with its times as Julian dates."""
    from astropy.table import Column, Table

    name = "bjd_tdb" if series.time.scale == "tdb" else "jd_utc"
    table = Table({name: Column(series.time.jd, unit="d")}, meta=dict(series.meta))
    for column in series.colnames[1:]:
        values = series[column]
        plain = getattr(values, "value", values)
        unit = getattr(values, "unit", None)
        table[column] = Column(plain, unit=unit, description=values.info.description)
    return table


def _readable(series: Any) -> Any:
    """Return the light curve in as many digits as an eye wants, ``-`` where there is no number."""
    from astropy.table import Table

    plain, table = _plain(series), Table()
    for name in plain.colnames:
        column = plain[name]
        if column.dtype.kind != "f":
            table[name] = column
            continue
        digits = 5 if "jd" in name else 1 if name.startswith("chi") else 4
        form = ".1e" if "cov" in name else f".{digits}f"
        table[name] = [f"{value:{form}}" if isfinite(value) else "-" for value in column]
        table[name].unit = column.unit
    return table


def _nothing(source: str, band: str) -> str:
    """Say that no result fits, and of what nights and instruments there are some."""
    from polarnight.db import PhotoPolResult

    rows = PhotoPolResult.objects.select(source=source, band=band)
    nights = sorted(set(rows.values_list("epoch__night", flat=True)))
    if not nights:
        return "no result fits"
    names = sorted(set(rows.values_list("instrument", flat=True)))
    return f"no result fits; there are some of {', '.join(names)} from {nights[0]} to {nights[-1]}"


def growth(
    context: typer.Context,
    frame: Annotated[
        str,
        typer.Argument(
            metavar="EPOCH/FILE",
            help="Raw file of a reduced frame, such as T090/2024-04-08/BLLac-0001R.fit.",
        ),
    ],
    plot: Annotated[Path, typer.Option("--plot", help="Picture to write.")] = Path("growth.png"),
) -> int:
    """Draw the curve of growth of a reduced frame: the share of a star's light by radius."""
    check_picture(plot)
    settings = set_up(context.obj)
    from polarnight.pipeline.groups.growth import growth_of_file, save_growth

    curve, scale = growth_of_file(frame, settings)
    save_growth(curve, plot, pixel_scale=scale, title=frame)
    typer.echo("radius  correction to all the light")
    steps = sorted(zip(curve.radii, curve.corrections, strict=True), key=lambda step: step[0])
    for radius, step in steps:
        own = abs(radius - curve.radii[0]) < _SAME_RADIUS
        if own and step is not curve.corrections[0]:
            continue
        told = "  aperture of the results" if own else ""
        typer.echo(f'{radius * scale:5.2f}"  {step.value:+.4f} +- {step.err:.4f} mag{told}')
    typer.echo(f"picture in {plot}")
    return int(Status.WELL)
