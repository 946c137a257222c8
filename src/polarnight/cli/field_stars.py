"""The command that measures the polarization of every star of a field."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polarnight.cli.common import Status, console, set_up

if TYPE_CHECKING:
    from polarnight.pipeline.field_night import FieldCycle
    from polarnight.pipeline.groups.field_stars import FieldMean

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(name="field-stars")(field_stars)


def field_stars(
    context: typer.Context,
    epoch: Annotated[str, typer.Argument(metavar="EPOCH", help="Night, such as T090/2024-04-08.")],
    object_name: Annotated[
        str | None, typer.Option("--object", help="Only frames of this OBJECT.")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", help="Directory of tables (ECSV) and maps (PNG).")
    ] = Path("field-stars"),
    min_snr: Annotated[
        float, typer.Option(min=3.0, help="Least signal-to-noise ratio of a star.")
    ] = 20.0,
    as_measured: Annotated[
        bool,
        typer.Option(
            "--as-measured",
            help="Draw stars as measured, without taking the instrument's share off.",
        ),
    ] = False,
) -> int:
    """Measure the polarization of every star of each cycle of a night; draw a map of vectors.

    No catalogue is needed. The mean of the field shows the instrument where the stars are not
    polarized; a map of the dust in front of them where they are.
    """
    settings = set_up(context.obj)
    from polarnight.pipeline.field_night import measure_night_fields

    failed = 0
    for cycle in measure_night_fields(
        epoch,
        settings,
        output,
        object_name=object_name,
        min_snr=min_snr,
        corrected=not as_measured,
    ):
        failed += cycle.field is None
        for line in _lines(cycle):
            console().print(line)
    return int(Status.SOME_FAILED if failed else Status.WELL)


def _lines(cycle: FieldCycle) -> list[Any]:
    lines = [f"{cycle.name} ({cycle.instrument}, {cycle.band})"]
    if cycle.field is None:
        return [*lines, f"  not measured: {cycle.reason}"]
    left_out = sum(1 for reason in cycle.field.table["left_out"] if str(reason))
    lines.append(
        f"  {len(cycle.field.table)} stars, {left_out} left out of the mean, "
        f"{len(cycle.field.refused)} without a result"
    )
    if cycle.field.relative:
        lines.append("  relative to their own mean, because of clouds: the mean says nothing")
    else:
        lines.append(f"  as measured, frame of the instrument: {_mean(cycle.field.measured)}")
        lines.append(f"  corrected, north through east:        {_mean(cycle.field.corrected)}")
    lines.append(f"  {cycle.table}  {cycle.picture}")
    return lines


def _mean(mean: FieldMean | None) -> str:
    if mean is None:
        return "fewer than three good stars"
    return (
        f"q = {100 * mean.q:+.3f} +- {100 * mean.q_err:.3f} %, "
        f"u = {100 * mean.u:+.3f} +- {100 * mean.u_err:.3f} % "
        f"(scatter {100 * mean.scatter:.2f} %, {mean.n} stars)"
    )
