"""Commands about instruments: those that are known, and declarations of observatories."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polarnight.cli.common import Status, console, set_up

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polarnight.frames import FrameInfo
    from polarnight.instruments import Instrument
    from polarnight.instruments.generic import GenericCCD

__all__ = ["register"]

instruments = typer.Typer(
    invoke_without_command=True, help="Instruments: list those known, check a declaration."
)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(instruments, name="instruments")


@instruments.callback()
def list_known(context: typer.Context) -> int:
    """List the instruments that are known, and where each is declared."""
    if context.invoked_subcommand is not None:
        return int(Status.WELL)
    from polarnight.cli.screen import table_of
    from polarnight.instruments import all_instruments, left_out, place_of

    set_up(context.obj, database=False)
    table = table_of(
        *("instrument", "telescope", "polarimeter", "arcsec/px", "declared in"),
        wrapped=("telescope", "polarimeter", "declared in"),
    )
    with warnings.catch_warnings(action="ignore"):  # it is told below, in our own words
        known = all_instruments()
    for name, instrument in known.items():
        table.add_row(
            name,
            ", ".join(instrument.telescopes),
            _polarimeter(instrument),
            f"{instrument.pixel_scale:g}",
            place_of(name),
        )
    console().print(table)
    faults = left_out()
    for fault in faults.values():
        typer.secho(f"left out: {fault}", err=True, fg="red")
    return int(Status.SOME_FAILED if faults else Status.WELL)


@instruments.command()
def check(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="YAML file that declares an observatory.")
    ],
    frames: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FRAME", help="Raw frames to try the declaration on."),
    ] = None,
) -> int:
    """Check a declaration, and show what it makes of frames."""
    from polarnight.instruments.observatories import OBSERVATORIES
    from polarnight.simulation.instruments.generic import derive_simulation

    set_up(context.obj, database=False)
    try:
        found = OBSERVATORIES.add(file)
        for telescope in found.telescopes.values():
            typer.echo(
                f"telescope {telescope.name} ({telescope.abbreviation}): longitude "
                f"{telescope.longitude:g}, latitude {telescope.latitude:g}, "
                f"{telescope.height:g} m"
            )
        for instrument in found.instruments.values():
            typer.echo(_told(instrument))
            derive_simulation(instrument)  # raises where the table of that name is wrong
        failed = _try(found.instruments, frames or [])
    finally:
        OBSERVATORIES.adopt(None)
    return int(Status.SOME_FAILED if failed else Status.WELL)


def _told(instrument: GenericCCD) -> str:
    detector = instrument.detector()
    return (
        f"instrument {instrument.name} at {', '.join(instrument.telescopes)}: "
        f"{_polarimeter(instrument) or 'no polarimeter'}; bands {_bands(instrument)}; "
        f"{instrument.pixel_scale:g} arcsec per pixel, field {instrument.field_arcmin:.1f}'; "
        f"{detector.gain:g} e-/ADU, read noise {detector.read_noise:g} e-, saturated at "
        f"{detector.saturation:g} ADU; needs {', '.join(sorted(instrument.requires)) or 'nothing'}"
    )


def _try(known: Mapping[str, Instrument], frames: list[Path]) -> int:
    """Show what the instruments make of frames; return how many mean nothing."""
    from polarnight.cli.screen import table_of
    from polarnight.errors import BadFrame
    from polarnight.frames import read_header

    if not frames:
        return 0
    table = table_of(
        *("frame", "instrument", "is", "exposure", "start (UTC)", "night", "pixels"),
        *("response", "pointing", "object"),
        wrapped=("is", "pointing", "object"),
    )
    failed = 0
    for path in frames:
        try:
            header = read_header(path)
            own = [one for one in known.values() if one.recognises(header)]
            if not own:
                written = ", ".join(f"{k} = {header.get(k)!r}" for k in ("TELESCOP", "INSTRUME"))
                raise BadFrame(path, f"not of this observatory: {written}", "see recognise")
            for instrument in own:
                table.add_row(path.name, *_row(instrument.classify(header, path.name)))
        except BadFrame as error:
            failed += 1
            typer.secho(str(error), err=True, fg="red")
    if table.row_count:
        console().print(table)
    return failed


def _row(info: FrameInfo) -> list[str]:
    from polarnight.instruments.times import isot_from_jd

    said: list[str] = [info.imgtype, info.band]
    if info.rotangle is not None:
        said.append(f"at {info.rotangle:g} deg")
    said += [f"beam {info.beam}" if info.beam else "", "pairs" if info.has_pairs else ""]
    pixels = f"{info.width} x {info.height}"
    if info.binning != (1, 1):
        pixels += f", binned {info.binning[0]} x {info.binning[1]}"
    if info.origin != (0, 0):
        pixels += f", from {info.origin[0]},{info.origin[1]}"
    known = info.ra is not None and info.dec is not None
    return [
        info.instrument,
        " ".join(part for part in said if part),
        f"{info.exptime:g} s",
        isot_from_jd(info.jd_start, 1),
        info.night,
        pixels,
        f"{info.gain:g} e-/ADU, {info.read_noise:g} e-",
        f"{info.ra:.4f} {info.dec:+.4f}" if known else "none",
        info.object_name,
    ]


def _polarimeter(instrument: Instrument) -> str:
    if instrument.polarimeter is None:
        return ""
    beams = {"one": "", "image": ", two beams", "cameras": ", two cameras"}[instrument.beams]
    return f"{instrument.polarimeter}{beams}, {len(instrument.angles)} angles"


def _bands(instrument: GenericCCD) -> str:
    declared = instrument.declaration
    found = dict.fromkeys(band for band in declared.filters.values() if band)
    return ", ".join(found) or (declared.band or "as the header says")
