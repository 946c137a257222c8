"""The command that writes simulated nights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from polarnight.cli.common import console, describe_night, set_up

__all__ = ["register"]

_OWN_OPTIONS = {
    "instrument": "the argument INSTRUMENT",
    "night": "--night",
    "seed": "--seed",
    "output": "--output",
    "scenario": "--scenario",
}


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(simulate)


def simulate(
    context: typer.Context,
    instrument: Annotated[
        str | None,
        typer.Argument(metavar="INSTRUMENT", help="Such as AndorT90; --list shows all."),
    ] = None,
    night: Annotated[
        str | None,
        typer.Option("--night", help="Date at the start of the night.", parser=describe_night),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same bytes.")] = 0,
    output: Annotated[
        Path, typer.Option("--output", help="Directory for the frames and the truth.")
    ] = Path("simulated"),
    scenario: Annotated[str, typer.Option("--scenario", help="What is observed.")] = "demo",
    nights: Annotated[int, typer.Option("--nights", min=1, help="So many, one a day.")] = 1,
    option: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any option of the simulation."),
    ] = None,
    listed: Annotated[
        bool, typer.Option("--list", help="Show instruments and scenarios; write nothing.")
    ] = False,
) -> None:
    """Write raw nights of an instrument from a sky that is known.

    The frames have the instrument's own header keywords. The truth (sky table, Stokes
    parameters, frame by frame) lies beside them in one file that `run` never reads;
    `sources.yaml` and `stars.csv` are for `sources import` and `stars import`.

    Scenarios are `demo`, `grid` (isolated sources, for statistics), `field` (stars anywhere in
    the sky), `standards` (standard stars of polarimetry) and `galaxy`; `--set` changes what is
    observed, the weather, and what goes wrong, such as `--set clouds=1 --set "missing=[3]"`.
    """
    # Observatories declared in files are where the configuration says.
    set_up(context.obj, database=False)
    if listed:
        _show_simulations()
        return
    if instrument is None or night is None:
        missing = "the argument INSTRUMENT" if instrument is None else "the option --night"
        msg = f"{missing} is missing; `polarnight simulate --list` shows what there is"
        raise typer.BadParameter(msg)
    values = _values(option or [])
    from datetime import date, timedelta

    from polarnight.pipeline.demo.simulated import simulate_to_directory

    first = date.fromisoformat(night)
    catalogues: dict[bytes, str] = {}
    for number in range(nights):
        when = (first + timedelta(days=number)).isoformat()
        made = simulate_to_directory(instrument, when, seed, output, scenario=scenario, **values)
        typer.echo(f"{made.frames} frames in {made.directory}; the truth is {made.truth.name}")
        bands = " ".join(f"--mag {b}=mag_{b} --err {b}=mag_{b}_err" for b in made.bands)
        # Nights that look at the same sky share its catalogues.
        catalogues.setdefault(
            made.stars.read_bytes(),
            f"polarnight stars import {made.stars} --name {instrument}-{when} {bands}\n"
            f"      polarnight sources import {made.sources}",
        )
    place = made.directory if nights == 1 else made.directory.parent / "*-*-??"
    typer.echo("next: " + "\n      ".join(catalogues.values()))
    typer.echo(f"      polarnight ingest {place} && polarnight run --all-local")


def _values(options: list[str]) -> dict[str, Any]:
    """Read ``key=value`` with values as YAML writes them (``size=300``, ``faults={trail: 2}``)."""
    from polarnight.config.texts import parse_yaml, shown
    from polarnight.errors import ConfigError

    values: dict[str, Any] = {}
    for text in options:
        key, sign, value = text.partition("=")
        try:
            values[key.strip()] = parse_yaml(value, f"the value of {key}")
        except ConfigError as error:
            msg = f"{shown(value)} of {key} cannot be read; write it as in YAML, such as [R, V]"
            raise typer.BadParameter(msg) from error
        if key.strip() in _OWN_OPTIONS:
            msg = f"{key.strip()} is no option of the simulation; give {_OWN_OPTIONS[key.strip()]}"
            raise typer.BadParameter(msg)
        if not sign or not key.strip():
            msg = f"{text!r} is no KEY=VALUE"
            raise typer.BadParameter(msg)
    return values


def _show_simulations() -> None:
    from polarnight.cli.screen import table_of
    from polarnight.simulation import all_simulations, scenarios_of

    table = table_of("instrument", "telescope", "scenarios", wrapped=("scenarios",))
    for name, simulation in all_simulations().items():
        table.add_row(name, simulation.camera.telescope, ", ".join(scenarios_of(simulation)))
    console().print(table)
