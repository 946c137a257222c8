"""Plots of a fit of the instrumental polarization: what the standards say of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.frames import atomic_write
from polarnight.polarimetry.calibration_fit import CalibrationFit, StandardObservation
from polarnight.polarimetry.diattenuation import diattenuate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_calibration"]

_CYCLE = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#7f7f7f")
_MARKERS = "osD^vP"
_FEWEST_DEGREES = 5.0


def plot_calibration(
    observations: Sequence[StandardObservation],
    fit: CalibrationFit,
    stem: Path,
    *,
    title: str = "",
    dpi: int = 100,
) -> list[Path]:
    """Draw a fit: the (q, u) plane, what is left against time, and against the parallactic angle.

    Parameters
    ----------
    observations : sequence of StandardObservation
        As given to the fit.
    fit : CalibrationFit
    stem : Path
        The files are called after it, with ``_plane.png``, ``_time.png`` and
        ``_parallactic.png`` behind.
    title : str
    dpi : int

    Returns
    -------
    list of Path
        Those for which there was something to draw.
    """
    made = [_save(_plane(observations, fit, title), stem, "plane", dpi)]
    times = np.array([o.jd for o in observations])
    if np.all(np.isfinite(times)) and np.ptp(times) > 0:
        start = float(np.floor(times.min() - 0.5) + 0.5)
        label = f"JD - {start:.1f} (days)"
        figure = _residuals(observations, fit, times - start, label, title)
        made.append(_save(figure, stem, "time", dpi))
    angles = np.array([o.parallactic_angle for o in observations])
    if np.ptp(angles) > _FEWEST_DEGREES:
        if fit.instrumental.turns:
            figure = _turning(observations, fit, title)
        else:
            figure = _residuals(observations, fit, angles, "parallactic angle (deg)", title)
        made.append(_save(figure, stem, "parallactic", dpi))
    return made


def _figure(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Figure, stem: Path, kind: str, dpi: int) -> Path:
    path = stem.with_name(f"{stem.name}_{kind}.png")
    with atomic_write(path) as part:
        figure.savefig(part, dpi=dpi, format="png")
    return path


def _styles(observations: Sequence[StandardObservation]) -> dict[str, dict[str, Any]]:
    stars = list(dict.fromkeys(o.star for o in observations))
    return {
        star: {
            "color": _CYCLE[n % len(_CYCLE)],
            "marker": _MARKERS[n // len(_CYCLE) % len(_MARKERS)],
        }
        for n, star in enumerate(stars)
    }


def _plane(observations: Sequence[StandardObservation], fit: CalibrationFit, title: str) -> Figure:
    """Draw measured values with the zero on the left, corrected minus literature on the right."""
    figure = _figure(11.0, 5.2)
    left, right = figure.subplots(1, 2)
    for star, style in _styles(observations).items():
        own = np.array([n for n, o in enumerate(observations) if o.star == star])
        kept = own[fit.used[own]]
        lost = own[~fit.used[own]]
        for chosen, fill in ((kept, style["color"]), (lost, "none")):
            if not len(chosen):
                continue
            seen = 100 * np.array([[observations[n].q, observations[n].u] for n in chosen])
            look = {**style, "markerfacecolor": fill, "linestyle": "none", "ms": 5}
            name = star if fill != "none" or not len(kept) else None
            left.plot(*seen.T, **look, label=name)
            right.errorbar(
                *(100 * fit.residuals[chosen].T),
                xerr=100 * fit.errors[chosen, 0],
                yerr=100 * fit.errors[chosen, 1],
                elinewidth=0.8,
                **look,
            )
    ip = fit.instrumental
    left.errorbar(
        100 * ip.q0, 100 * ip.u0, xerr=100 * ip.q0_err, yerr=100 * ip.u0_err,
        marker="+", color="black", ms=14, mew=1.5, linestyle="none", label="zero",
    )  # fmt: skip
    if ip.turns:
        turn = np.exp(1j * np.linspace(0, 2 * np.pi, 200))
        circle = 100 * (ip.q0 + 1j * ip.u0 + (ip.telescope_q + 1j * ip.telescope_u) * turn)
        left.plot(circle.real, circle.imag, color="0.5", lw=1, label="telescope")
    _scatter_circle(right, fit)
    left.set_title("measured, in the frame of the instrument", fontsize=9)
    right.set_title("corrected minus literature, on the sky", fontsize=9)
    for axes in (left, right):
        axes.axhline(0, color="0.8", lw=0.8, zorder=0)
        axes.axvline(0, color="0.8", lw=0.8, zorder=0)
        axes.set_aspect("equal", adjustable="datalim")
        axes.set_xlabel("q (%)")
        axes.set_ylabel("u (%)")
    figure.legend(loc="outside right upper", fontsize=8, frameon=False)
    figure.suptitle(title, fontsize=10)
    return figure


def _scatter_circle(axes: Any, fit: CalibrationFit) -> None:
    """Draw the scatter that was estimated, so that the eye can compare."""
    radius = 100 * float(np.hypot(fit.star_scatter, fit.cycle_scatter))
    if radius > 0:
        turn = np.linspace(0, 2 * np.pi, 200)
        axes.plot(
            radius * np.cos(turn), radius * np.sin(turn), color="0.4", lw=1, ls="--",
            label=f"scatter {radius:.3f} %",
        )  # fmt: skip


def _residuals(
    observations: Sequence[StandardObservation],
    fit: CalibrationFit,
    x: np.ndarray[Any, Any],
    label: str,
    title: str,
) -> Figure:
    figure = _figure(8.0, 5.6)
    both = figure.subplots(2, 1, sharex=True)
    for star, style in _styles(observations).items():
        own = np.array([n for n, o in enumerate(observations) if o.star == star])
        for column, axes in enumerate(both):
            for chosen, fill in ((own[fit.used[own]], style["color"]), (own[~fit.used[own]], "w")):
                axes.errorbar(
                    x[chosen], 100 * fit.residuals[chosen, column],
                    yerr=100 * fit.errors[chosen, column], linestyle="none", elinewidth=0.8, ms=5,
                    markerfacecolor=fill, **style,
                    label=star if column == 0 and fill != "w" else None,
                )  # fmt: skip
    for name, axes in zip("qu", both, strict=True):
        axes.axhline(0, color="0.7", lw=0.8, zorder=0)
        axes.set_ylabel(f"{name}: corrected - literature (%)", fontsize=9)
    both[1].set_xlabel(label)
    figure.legend(loc="outside right upper", fontsize=8, frameon=False)
    figure.suptitle(title, fontsize=10)
    return figure


def _turning(
    observations: Sequence[StandardObservation], fit: CalibrationFit, title: str
) -> Figure:
    """Draw what was measured against the parallactic angle with the model, and what is left.

    The light of polarized stars is taken off, so that all lie on one curve.
    """
    figure = _figure(9.0, 7.0)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    ip = fit.instrumental
    sweep = np.linspace(-180, 180, 361)
    zero = ip.q0 + 1j * ip.u0
    turning = ip.telescope_q + 1j * ip.telescope_u
    curve = 100 * (zero + turning * np.exp(2j * np.radians(sweep)))
    for part, name, colour, marker in (
        (np.real, "q", "#1f77b4", "o"),
        (np.imag, "u", "#d62728", "s"),
    ):
        top.plot(sweep, part(curve), color=colour, lw=1)
        for keep in (True, False):
            chosen = [n for n in range(len(observations)) if bool(fit.used[n]) is keep]
            if not chosen:
                continue
            seen, expected, errors, angle = [], [], [], []
            for n in chosen:
                o = observations[n]
                here = ip.at(o.parallactic_angle, o.instrument_angle)
                unpolarized = complex(here.q0, here.u0)
                turn = np.exp(-2j * np.radians(here.zero_angle))
                light = complex(turn * complex(o.true_q, o.true_u))
                whole = ip.efficiency * diattenuate(unpolarized / ip.efficiency, light)
                seen.append(float(part(complex(o.q, o.u) - (whole - unpolarized))))
                expected.append(float(part(unpolarized)))
                errors.append(float(np.sqrt(o.cov["qu".index(name)]["qu".index(name)])))
                angle.append(o.parallactic_angle - o.instrument_angle)
            look: dict[str, Any] = {
                "linestyle": "none", "marker": marker, "color": colour, "ms": 5, "elinewidth": 0.8,
                "markerfacecolor": colour if keep else "w",
            }  # fmt: skip
            values, model, sigma = (100 * np.array(v) for v in (seen, expected, errors))
            wrapped = (np.array(angle) + 180.0) % 360.0 - 180.0
            top.errorbar(wrapped, values, yerr=sigma, label=name if keep else None, **look)
            bottom.errorbar(wrapped, values - model, yerr=sigma, **look)
    top.axhline(0, color="0.7", lw=0.8, zorder=0)
    bottom.axhline(0, color="0.7", lw=0.8, zorder=0)
    top.set_ylabel("measured, without the star's own (%)", fontsize=9)
    bottom.set_ylabel("minus model (%)", fontsize=9)
    bottom.set_xlabel("parallactic angle less that of the instrument (deg)")
    top.legend(fontsize=8, frameon=False)
    figure.suptitle(title, fontsize=10)
    return figure
