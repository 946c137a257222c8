"""Plots of the demonstration: light curves and polarization beside the truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polarnight.pipeline.demo.run import Comparison

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_demo"]

_COLOURS = {"U": "#6a51a3", "B": "#2171b5", "V": "#238b45", "R": "#cb181d", "I": "#7f2704"}


def plot_demo(rows: Sequence[Comparison], directory: Path, dpi: int = 100) -> list[Path]:
    """Draw light curve and polarization of every target.

    Parameters
    ----------
    rows : sequence of Comparison
    directory : Path
        Gets one PNG for each target and kind of plot.
    dpi : int
        Resolution.

    Returns
    -------
    list of Path
    """
    targets = sorted({row.source for row in rows if row.target})
    made = []
    for target in targets:
        own = [row for row in rows if row.source == target]
        name = target.replace("+", "p").replace(" ", "")
        made.append(_save(_light_curve(target, own), directory / f"{name}_light_curve.png", dpi))
        if any(row.quantity == "q" for row in own):
            made.append(
                _save(_polarization(target, own), directory / f"{name}_polarization.png", dpi)
            )
    return made


def _figure(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Figure, path: Path, dpi: int) -> Path:
    figure.savefig(path, dpi=dpi)
    return path


def _hours(rows: Sequence[Comparison]) -> tuple[float, list[float]]:
    start = float(int(min(row.jd for row in rows) - 0.5) + 0.5)
    return start, [24.0 * (row.jd - start) for row in rows]


def _light_curve(target: str, rows: Sequence[Comparison]) -> Figure:
    figure = _figure(7.0, 4.2)
    axes = figure.subplots()
    magnitudes = [row for row in rows if row.quantity == "mag"]
    for band in sorted({row.band for row in magnitudes}, key=lambda b: ("UBVRI".find(b), b)):
        own = [row for row in magnitudes if row.band == band]
        start, hours = _hours(own)
        colour = _COLOURS.get(band, "0.3")
        axes.errorbar(
            hours,
            [r.value for r in own],
            [r.error for r in own],
            fmt="o",
            ms=4,
            color=colour,
            capsize=2,
            label=band,
        )
        axes.axhline(own[0].truth, color=colour, lw=0.8, ls="--")
    axes.invert_yaxis()
    axes.set(
        title=f"{target}: magnitudes (dashed: truth)",
        xlabel=f"UTC hours after JD {start:.1f}",
        ylabel="magnitude",
    )
    axes.legend(title="band", frameon=False)
    return figure


def _polarization(target: str, rows: Sequence[Comparison]) -> Figure:
    figure = _figure(9.0, 4.2)
    grid = figure.add_gridspec(2, 2, width_ratios=(1, 1.1))
    _qu_plane(figure.add_subplot(grid[:, 0]), rows)
    for place, quantity, scale, label in (
        (grid[0, 1], "p", 100.0, "p (%)"),
        (grid[1, 1], "chi", 1.0, "chi (deg)"),
    ):
        axes = figure.add_subplot(place)
        own = [row for row in rows if row.quantity == quantity]
        start, hours = _hours(own)
        axes.errorbar(
            hours,
            [scale * r.value for r in own],
            [scale * r.error for r in own],
            fmt="o",
            ms=4,
            color=_COLOURS["R"],
            capsize=2,
        )
        axes.axhline(scale * own[0].truth, color="0.3", lw=0.8, ls="--")
        axes.set(ylabel=label, xlabel=f"UTC hours after JD {start:.1f}")
    figure.suptitle(f"{target}: polarization (dashed and cross: truth)")
    return figure


def _qu_plane(axes: Any, rows: Sequence[Comparison]) -> None:
    q = [row for row in rows if row.quantity == "q"]
    u = [row for row in rows if row.quantity == "u"]
    axes.errorbar(
        [100 * r.value for r in q],
        [100 * r.value for r in u],
        xerr=[100 * r.error for r in q],
        yerr=[100 * r.error for r in u],
        fmt="o",
        ms=4,
        color=_COLOURS["R"],
        capsize=2,
    )
    axes.plot(100 * q[0].truth, 100 * u[0].truth, "+", ms=14, color="0.2")
    axes.set(xlabel="q (%)", ylabel="u (%)")
    axes.set_aspect("equal", "datalim")
    axes.grid(alpha=0.25)
