"""The command that shows how good nights and frames were."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from polarnight.cli.common import (
    Status,
    check_order,
    check_picture,
    console,
    set_up,
)
from polarnight.cli.options import FirstNight, LastNight

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(quality)


def quality(
    context: typer.Context,
    epoch: Annotated[
        str | None,
        typer.Argument(
            metavar="EPOCH", help="One night with its frames; all nights where not given."
        ),
    ] = None,
    instrument: Annotated[str | None, typer.Option(help="Such as AndorT90.")] = None,
    band: Annotated[str | None, typer.Option(help="Such as R.")] = None,
    first: FirstNight = None,
    last: LastNight = None,
    frames: Annotated[
        bool, typer.Option("--frames", help="Each frame, also of several nights.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Picture against time to draw (png, pdf, svg).")
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", help="csv, ecsv, json or votable; a table on screen.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="File to write; standard output by default.")
    ] = None,
) -> int:
    """Show seeing, sky, zero points, transparency, detector and flats of nights and frames.

    Transparency is relative to the best frame of the night, throughput to what is usual of the
    camera. The figures follow from what `run` has measured; nothing is read again.
    """
    check_order(first, last)
    check_picture(plot)
    settings = set_up(context.obj)
    from polarnight.db.quality_export import (
        frame_quality,
        frame_table,
        night_quality,
        night_table,
        write_table,
    )

    select = {"instrument": instrument, "band": band, "first": first, "last": last}
    select |= {"epoch": _epoch(epoch)}
    nights = night_quality(**select)
    rows = frame_quality(**select)
    if not nights and not rows:
        typer.echo(f"there are no figures of quality there; {_what_there_is()}", err=True)
        return int(Status.NOTHING_DONE)
    if plot is not None:
        from polarnight.cli.tables import counted
        from polarnight.pipeline.quality.plots import plot_quality

        # Detectors have no band: a choice of bands leaves them in.
        of_detector = night_quality(**{**select, "band": None})
        plot_quality(rows, of_detector, plot, dpi=settings.mplt_default_dpi)
        of = counted(len({r.epoch_id for r in nights}), "night")
        typer.echo(f"{plot}: {counted(len(rows), 'frame')} of {of}")
        return int(Status.WELL)
    if form or output:
        chosen = form or (output.suffix.lstrip(".").lower() if output else "csv")
        each = frames or epoch is not None
        table = frame_table(rows) if each else night_table(nights)
        text = write_table(table, chosen, output)
        typer.echo(text.rstrip("\n") if output is None else f"{len(table)} lines in {output}")
        return int(Status.WELL)
    screen = console()
    from polarnight.cli.quality_tables import frame_lines, master_lines, night_lines

    screen.print(night_lines(nights))
    if frames or epoch is not None:
        screen.print("", frame_lines(rows))
    for line in master_lines({row.epoch_id for row in nights}):
        screen.print(line)
    return int(Status.WELL)


def _epoch(name: str | None) -> Any:
    from polarnight.db import Epoch
    from polarnight.errors import ConfigError

    if name is None:
        return None
    try:
        return Epoch.by_epochname(name)
    except Epoch.DoesNotExist as error:
        msg = f"{name} is not registered; `polarnight status` lists the nights"
        raise ConfigError(msg) from error


def _what_there_is() -> str:
    """Say of which instruments, bands and nights there are figures, or how they are made."""
    from polarnight.db import NightQuality

    rows = NightQuality.objects.order_by("epoch__night")
    if not rows.exists():
        return "`polarnight run` makes them"
    first, last = (row.epoch.night for row in (rows.select_related("epoch")[0], rows.reverse()[0]))
    names = sorted(set(rows.values_list("instrument", flat=True)))
    bands = sorted(set(rows.values_list("band", flat=True)) - {""})
    return f"there are some of {', '.join(names)} in {', '.join(bands)} from {first} to {last}"
