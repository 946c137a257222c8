"""The modulation of a polarimetric result against the angle, with the curves of all methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.pipeline.diagnostics.titles import entitle
from polarnight.polarimetry import Method, modulation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from polarnight.pipeline.diagnostics.cycles import ResultCycle

__all__ = ["plot_modulation"]

# Of Okabe and Ito: the colour-blind tell them apart.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
_MARKERS = "osD^vP"
_ANGLES = {"polaroids": "angle of the polaroid (°)"}


def plot_modulation(cycle: ResultCycle, *, all_methods: bool = True, title: str = "") -> Figure:
    """Draw what was measured at each angle, the fitted curves, and what is left.

    Parameters
    ----------
    cycle : ResultCycle
    all_methods : bool
        Every method beside that of the result, which alone is drawn otherwise.
    title : str
        Where the method of the result gives something else now, the title says so.
    """
    from matplotlib.figure import Figure

    shown = [m for m in cycle.methods if m.stokes is not None and (all_methods or m is cycle.own)]
    figure = Figure(figsize=(8.0, 6.4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    stored = np.isfinite([cycle.stored.q, cycle.stored.u]).all()
    sweep = _sweep(cycle)
    for number, method in enumerate(shown):
        _draw(above, below, cycle, method, sweep, number, len(shown))
    if stored and (cycle.own is None or cycle.differs):
        curve = 100 * modulation(cycle.fluxes, cycle.stored, sweep)
        above.plot(sweep, curve, color="0.3", lw=1, ls=":", label="as it is kept")
    for axes in (above, below):
        axes.axhline(0.0, color="0.7", lw=0.8, zorder=0)
        axes.grid(alpha=0.3, lw=0.5)
    above.set_ylabel(_ordinate(cycle))
    below.set_ylabel("measured − curve (%)")
    below.set_xlabel(_ANGLES.get(cycle.fluxes.polarimeter, "angle of the plate (°)"))
    if shown:
        above.legend(fontsize=8, loc="best")
    entitle(figure, title, cycle.differs)
    return figure


def _sweep(cycle: ResultCycle) -> Any:
    angle = cycle.fluxes.angle
    low, high = float(angle.min()), float(angle.max())
    room = 0.1 * (high - low) or 5.0
    return np.linspace(low - room, high + room, 400)


def _ordinate(cycle: ResultCycle) -> str:
    if cycle.fluxes.two_beams:
        return "(E − O) / (E + O)  (%)"
    return "flux / mean flux − 1  (%)"


def _draw(
    above: Axes, below: Axes, cycle: ResultCycle, method: Method, sweep: Any, number: int, n: int
) -> None:
    assert method.stokes is not None
    assert method.points is not None
    own = method is cycle.own
    colour = _COLOURS[number % len(_COLOURS)]
    look: dict[str, Any] = {
        "color": colour, "marker": _MARKERS[number % len(_MARKERS)], "ls": "none", "ms": 5,
        "elinewidth": 0.9,
    }  # fmt: skip
    curve = 100 * modulation(cycle.fluxes, method.stokes, sweep)
    label = f"{method.name} (the result)" if own else method.name
    above.plot(sweep, curve, color=colour, lw=1.8 if own else 0.9, ls="-" if own else "--")
    # Points of several methods at one angle would hide each other.
    aside = (number - 0.5 * (n - 1)) * 0.008 * float(np.ptp(sweep))
    used = cycle.used if own else np.ones(len(cycle.used), dtype=bool)
    for chosen, fill in ((used, colour), (~used, "none")):
        if not chosen.any():
            continue
        x = cycle.fluxes.angle[chosen] + aside
        error = 100 * method.points.error[chosen]
        named = label if fill != "none" else f"{method.name}: left out"
        above.errorbar(
            x, 100 * method.points.value[chosen], error, markerfacecolor=fill, label=named, **look
        )
        below.errorbar(x, 100 * method.residuals[chosen], error, markerfacecolor=fill, **look)
