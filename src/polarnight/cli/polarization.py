"""Commands about instrumental polarization: standards, calibrate-polarization."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polarnight.cli.common import GlobalOptions, Status, console, describe_night, set_up
from polarnight.cli.options import FirstNight, LastNight
from polarnight.errors import ConfigError

if TYPE_CHECKING:
    from polarnight.pipeline.polarization.calibrate import CalibrationReport
    from polarnight.polarimetry.standards import Standard

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(standards)
    app.command("calibrate-polarization")(calibrate_polarization)


def standards(
    context: typer.Context,
    band: Annotated[str | None, typer.Option(help="Values of one band only.")] = None,
    table: Annotated[
        Path | None, typer.Option("--standards", help="A table of your own (CSV).")
    ] = None,
    into_catalogue: Annotated[
        bool, typer.Option("--import", help="Add them to the sources, to be measured.")
    ] = False,
) -> int:
    """List the standard stars of polarimetry, with the source of every value.

    `checked` says whether somebody compared the number with the paper itself. Values of
    unpolarized stars from another band are marked.
    """
    from polarnight.polarimetry.standards import load_standards

    options: GlobalOptions = context.obj
    stars = load_standards(table)
    if not into_catalogue:
        set_up(options, database=False)
        _check_band(stars, band)
        console().print(_standards_table(stars, band))
        return int(Status.WELL)
    set_up(options)
    from polarnight.db.catalogue import import_entries
    from polarnight.db.standards import standards_as_sources

    entries, known = standards_as_sources(stars)
    report = import_entries(entries, origin="standards")
    for name, own in known:
        typer.echo(f"{name} is in the catalogue already, as {own}; left as it is")
    typer.echo(str(report))
    return int(Status.WELL)


def _check_band(stars: list[Standard], band: str | None) -> None:
    """Refuse a band in which no standard has a value."""
    known = sorted({letter for star in stars for value in star.values for letter in value.bands})
    if band is not None and not any(star.in_band(band) for star in stars):
        msg = f"no standard has a value in band {band}; there are {', '.join(known)}"
        raise ConfigError(msg)


def calibrate_polarization(
    context: typer.Context,
    instrument: Annotated[str | None, typer.Option(help="Such as AndorT90.")] = None,
    band: Annotated[str | None, typer.Option(help="Such as R.")] = None,
    first: FirstNight = None,
    last: LastNight = None,
    fix: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT", help="Hold zero, angle or efficiency as declared; may be repeated."
        ),
    ] = None,
    parallactic: Annotated[
        bool,
        typer.Option(
            "--parallactic", help="Fit a part that turns with the parallactic angle, too."
        ),
    ] = False,
    table: Annotated[
        Path | None, typer.Option("--standards", help="A table of standards of your own (CSV).")
    ] = None,
    variable: Annotated[
        bool, typer.Option("--variable", help="Take standards that vary, too.")
    ] = False,
    valid_from: Annotated[
        str | None,
        typer.Option(help="First night it may be used without risk.", parser=describe_night),
    ] = None,
    valid_to: Annotated[
        str | None,
        typer.Option(help="Last night it may be used without risk.", parser=describe_night),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace one of the same nights.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Fit and tell; keep nothing.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait where somebody else fits.")] = False,
    listed: Annotated[
        bool, typer.Option("--list", help="List the calibrations there are.")
    ] = False,
) -> int:
    """Fit zero, angle zero and efficiency of a polarimeter to the standards it observed.

    The nights have to be reduced, with the standards among the sources
    (`polarnight standards --import`). Nights reduced near the calibration become stale, and
    the next `run` takes it.
    """
    options: GlobalOptions = context.obj
    settings = set_up(options)
    if listed:
        console().print(_calibrations_table())
        return int(Status.WELL)
    from polarnight.pipeline.polarization.calibrate import (
        CalibrationRequest,
        calibrate_polarization,
    )

    needed = {"--instrument": instrument, "--band": band, "--from": first, "--to": last}
    missing = [name for name, value in needed.items() if not value]
    if missing:
        msg = f"give {', '.join(missing)} (or --list)"
        raise typer.BadParameter(msg)
    request = CalibrationRequest(
        instrument=instrument or "",
        band=band or "",
        first=first or "",
        last=last or "",
        fixed=tuple(fix or ()),
        telescope=parallactic,
        standards=table,
        variable=variable,
        valid_from=None if valid_from is None else _noon(instrument or "", valid_from, 0),
        valid_to=None if valid_to is None else _noon(instrument or "", valid_to, 1),
        replace=replace,
        dry_run=dry_run,
        wait=wait,
    )
    console().print(_report(calibrate_polarization(request, settings)))
    return int(Status.WELL)


def _noon(instrument: str, night: str, later: int) -> float:
    """Return the Julian date of the local mean noon at which a night begins, or the next."""
    from datetime import date

    from polarnight.instruments import get_instrument
    from polarnight.telescopes import get_telescope

    site = get_telescope(get_instrument(instrument).telescopes[0])
    greenwich_noon = date.fromisoformat(night).toordinal() + 1_721_425.0 + later
    return greenwich_noon - site.longitude / 360.0


def _standards_table(stars: list[Standard], band: str | None) -> Any:
    from polarnight.cli.screen import table_of

    numbers = ("V", "q %", "u %", "+-", "p %", "chi")
    table = table_of(
        *("star", "RA", "Dec", "V", "kind", "band", "q %", "u %", "+-", "p %", "chi", "source"),
        *("transcribed", "checked", "remarks"),
        numbers=numbers,
        wrapped=("transcribed", "remarks"),
    )
    for star in stars:
        values = star.values if band is None else tuple(filter(None, [star.in_band(band)]))
        for value in values:
            error = 100.0 * ((value.cov[0][0] + value.cov[1][1]) / 2.0) ** 0.5
            remarks = [value.note] if value.note else []
            if star.variable:
                remarks.insert(0, "varies")
            table.add_row(
                star.name,
                star.ra_hms,
                star.dec_dms,
                "" if star.mag_v is None else f"{star.mag_v:.2f}",
                "polarized" if star.polarized else "unpolarized",
                value.bands,
                f"{100 * value.q:.3f}",
                f"{100 * value.u:.3f}",
                f"{error:.4f}" if error < 0.01 else f"{error:.3f}",
                f"{100 * value.p:.3f}",
                f"{value.chi:.2f}" if star.polarized else "",
                value.source,
                value.transcribed,
                "yes" if value.checked else "no",
                "; ".join(remarks),
            )
    return table


def _calibrations_table() -> Any:
    """Return a line for each calibration of the database."""
    from rich.text import Text

    from polarnight.cli.screen import table_of
    from polarnight.db import PolarizationCalibration

    numbers = ("stars", "cycles", "chi2/dof")
    table = table_of(
        *("instrument", "band", "nights", "q0 %", "u0 %", "angle zero", "efficiency", "stars"),
        *("cycles", "chi2/dof", "flags"),
        numbers=numbers,
        wrapped=("flags",),
    )
    for row in PolarizationCalibration.objects.all():
        *_, first, last = row.key.split("/")
        errors = [line[n] ** 0.5 for n, line in enumerate(row.covariance)]
        table.add_row(
            row.instrument,
            row.band,
            f"{first} to {last}",
            f"{100 * (row.q0 or 0):+.3f} +- {100 * errors[0]:.3f}",
            f"{100 * (row.u0 or 0):+.3f} +- {100 * errors[1]:.3f}",
            f"{row.zero_angle:+.2f} +- {errors[2]:.2f}",
            f"{row.efficiency:.4f} +- {errors[3]:.4f}",
            str(row.n_stars),
            str(row.n_used),
            f"{row.chi2:.1f}/{row.dof}",
            ", ".join(row.flag_labels),
        )
    if not table.row_count:
        return Text("no instrumental polarization has been fitted; declared constants are used")
    return table


def _report(report: CalibrationReport) -> Any:
    """Return what was fitted, star by star, and what became of it."""
    from rich.console import Group
    from rich.text import Text

    from polarnight.cli.screen import table_of

    fit, request = report.fit, report.request
    ip = fit.instrumental
    held = [name for name in ("zero", "angle", "efficiency") if name not in fit.free]
    lines = [
        f"{request.instrument}, {request.band}, {request.first} to {request.last}: "
        f"{int(fit.used.sum())} cycles of {sum(star.used for star in fit.stars)} stars",
        f"  zero        q0 {100 * ip.q0:+.3f} +- {100 * ip.q0_err:.3f} %, "
        f"u0 {100 * ip.u0:+.3f} +- {100 * ip.u0_err:.3f} %",
        f"  angle zero  {ip.zero_angle:+.2f} +- {ip.zero_angle_err:.2f} deg",
        f"  efficiency  {ip.efficiency:.4f} +- {ip.efficiency_err:.4f}",
    ]
    if ip.turns and ip.covariance is not None:
        errors = [ip.covariance[n][n] ** 0.5 for n in (4, 5)]
        lines.append(
            f"  telescope   q {100 * ip.telescope_q:+.3f} +- {100 * errors[0]:.3f} %, "
            f"u {100 * ip.telescope_u:+.3f} +- {100 * errors[1]:.3f} % at parallactic angle 0"
        )
    if held:
        lines.append(f"  held        {', '.join(held)}, as declared")
    lines.append(
        f"  chi2/dof    {fit.chi2:.1f}/{fit.dof} with the quoted errors; scatter "
        f"{100 * fit.star_scatter:.3f} % from star to star, "
        f"{100 * fit.cycle_scatter:.3f} % from cycle to cycle"
    )
    lines += [f"  note        {remark}" for remark in fit.remarks]
    numbers = ("cycles", "q - literature %", "u - literature %")
    table = table_of("star", *numbers, "", numbers=numbers)
    for star in fit.stars:
        table.add_row(
            star.star,
            str(star.n),
            f"{100 * star.q:+.3f} +- {100 * star.q_err:.3f}",
            f"{100 * star.u:+.3f} +- {100 * star.u_err:.3f}",
            "" if star.used else "left out",
        )
    below = [
        f"left out: {report.collected.observations[n].label}: {why}" for n, why in fit.rejected
    ]
    below += [f"passed over: {what}: {why}" for what, why in report.collected.passed_over]
    below.append(_outcome(report))
    return Group(Text("\n".join(lines)), table, Text("\n".join(below)))


def _outcome(report: CalibrationReport) -> str:
    if report.verdict == "dry run":
        return "nothing was kept (--dry-run)"
    if report.verdict == "current":
        return f"current: {report.path} was made of the same"
    plots = ", ".join(path.name for path in report.plots)
    return (
        f"{report.verdict}: {report.path}, with {plots}; `polarnight run` takes it where it "
        "is the nearest"
    )
