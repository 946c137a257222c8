"""The demonstration command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polarnight.cli.common import GlobalOptions, Status, console, set_up
from polarnight.cli.demo_site import ELSEWHERE, serve_demo

if TYPE_CHECKING:
    from rich.table import Table

    from polarnight.config import Settings
    from polarnight.pipeline.demo.run import Comparison

__all__ = ["DEFAULT_SEED", "register"]

DEFAULT_SEED = 4
"""A sky of which every number comes back within three standard errors. Of the 324 numbers one
lies beyond with more than every second seed, as it should."""

_PERCENT = {"q", "u", "p"}


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(demo)


def demo(
    context: typer.Context,
    output: Annotated[
        Path, typer.Option("--output", help="Directory for everything the demonstration makes.")
    ] = Path("polarnight-demo"),
    seed: Annotated[int, typer.Option("--seed", help="Of the simulated nights.")] = DEFAULT_SEED,
    full: Annotated[
        bool, typer.Option("--all", help="Also list every calibrator, not the targets only.")
    ] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="Then serve a site with all of it, until Ctrl-C.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="PORT", min=0, max=65535, help="Of that site; 0 for any."),
    ] = None,
) -> int:
    """Simulate a night of AndorT90 and one of CAFOS2.2, reduce both, compare with the truth.

    With --serve a demonstration that is there already is served as it is.
    """
    from polarnight.pipeline.demo.run import fresh_directory, is_finished

    options: GlobalOptions = context.obj
    kept = serve and is_finished(output, seed)
    place = output if kept else fresh_directory(output)
    # Nothing of the demonstration may land in the user's own database or catalogues.
    own: dict[str, Any] = {"datadir": place / "data", **dict.fromkeys(ELSEWHERE)}
    if port is not None:
        own["web.port"] = port
    if serve:
        from polarnight.web.preparing import use_site_settings
        from polarnight.web.serving import check_address

        use_site_settings()
    settings = set_up(options, own)
    if serve:
        check_address(settings.web.host, settings.web.port)  # not after minutes of work
    if kept:
        typer.echo(f"{output} is served as it is; without --serve it is made anew")
        status = Status.WELL
    else:
        status = _make(settings, place, seed, full=full, quiet=options.quiet)
    if serve:
        return serve_demo(settings, place, options.config_file)
    return int(status)


def _make(settings: Settings, place: Path, seed: int, *, full: bool, quiet: bool) -> Status:
    """Run the demonstration and show what came out."""
    from polarnight.cli.tables import run_summary
    from polarnight.pipeline.demo.plots import plot_demo
    from polarnight.pipeline.demo.run import (
        compare_with_truth,
        mark_finished,
        reduced_chi2,
        run_demo,
    )

    report, truths = run_demo(settings, place, seed, quiet=quiet)
    rows = compare_with_truth(truths)
    screen = console()
    screen.print(run_summary(report))
    screen.print()
    screen.print(_table(rows, full))
    chi2, count = reduced_chi2(rows)
    worst = max((abs(row.deviation) for row in rows if row.independent), default=0.0)
    screen.print(
        f"{count} independent numbers, those of calibrators included (--all lists them): "
        f"reduced chi-square {chi2:.2f}, largest deviation {worst:.1f} sigma"
    )
    for picture in plot_demo(rows, place, settings.mplt_default_dpi):
        screen.print(f"plot: {picture}")
    _next_steps(place)
    mark_finished(place, seed)
    return Status.SOME_FAILED if report.failed else Status.WELL


def _table(rows: list[Comparison], full: bool) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title="truth and measurement", box=None, pad_edge=False)
    for column in ("source", "instrument", "UT", "mode", "band", "what"):
        table.add_column(column, no_wrap=True)
    for column in ("truth", "measured", "error", "sigma"):
        table.add_column(column, justify="right")
    for row in rows:
        if not (full or row.target):
            continue
        scale = 100.0 if row.quantity in _PERCENT else 1.0
        unit = " %" if row.quantity in _PERCENT else " deg" if row.quantity == "chi" else ""
        digits = {"mag": 3, "chi": 2}.get(row.quantity, 2)
        colour = "red" if abs(row.deviation) > 3 else "default"
        table.add_row(
            row.source,
            row.instrument,
            _clock(row.jd),
            row.mode,
            row.band,
            row.quantity + unit,
            f"{scale * row.truth:.{digits}f}",
            f"{scale * row.value:.{digits}f}",
            f"{scale * row.error:.{digits}f}",
            Text(f"{row.deviation:+.2f}", colour),
        )
    return table


def _clock(jd: float) -> str:
    """Return the time of day of a Julian date as hours and minutes."""
    minutes = round(((jd + 0.5) % 1.0) * 1440.0)
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def _next_steps(place: Path) -> None:
    program, data = _as_called(), place / "data"
    typer.echo("next:")
    for line in (
        f"{program} -d {data} status                       what became of every night",
        f"{program} -d {data} status T220/2025-09-13       and of every frame of one",
        f"{program} -d {data} why T090/2022-09-18/BLLac-0001R.fit",
        f"{program} -d {data} results --source 2200+420 --format csv",
        f"{program} -d {data} serve                        all of it in a browser",
        f"{program} ingest YOUR_FRAMES && {program} run --all-local",
    ):
        typer.echo(f"  {line}")


def _as_called() -> str:
    """Return what to write for this program: where it is not on the path, where it lies."""
    import shutil
    import sys

    script = Path(sys.argv[0])
    found = shutil.which("polarnight")
    elsewhere = found is None or not script.exists() or not script.samefile(found)
    return sys.argv[0] if script.name == "polarnight" and elsewhere else "polarnight"
