"""Pictures of light curves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.polarimetry import unwrap_angles

if TYPE_CHECKING:
    from astropy.timeseries import TimeSeries
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_lightcurve", "save_lightcurve"]

_FAR = 0.5  # of the largest polarization
_ROOM = 0.05
_TURN = 180.0  # degrees after which a position angle is the same


def plot_lightcurve(*curves: TimeSeries, title: str = "") -> Figure:
    """Return a picture of light curves of one source, a panel for each quantity.

    Magnitudes grow downwards, limits are arrows. Polarizations are in percent; where p is not
    significant its upper limit is an arrow and there is no angle. Angles are drawn within 90
    degrees of the one before, so that a curve through north does not jump; where that leaves
    0 to 180 degrees the axis says that angles are modulo 180.

    Parameters
    ----------
    *curves : TimeSeries
        As of `polarnight.photometry.lightcurve`, such as one of magnitudes and one of
        polarization.
    title : str
    """
    from matplotlib.figure import Figure

    panels: list[tuple[str, TimeSeries]] = []
    for curve in curves:
        if "mag" in curve.colnames:
            panels.append(("mag", curve))
        else:
            panels += [("p", curve), ("chi", _without_jumps(curve))]
    figure = Figure(figsize=(8.0, 1.2 + 2.3 * len(panels)), layout="constrained")
    rows = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    start = _start(curves)
    instruments = sorted({str(one) for curve in curves for one in curve["instrument"]})
    for axes, (name, curve) in zip(rows, panels, strict=True):
        for number, instrument in enumerate(instruments):
            here = np.array([str(one) == instrument for one in curve["instrument"]], dtype=bool)
            _DRAW[name](axes, curve[here], start, f"C{number}", instrument)
        axes.grid(alpha=0.3, lw=0.5)
    _finish(rows, panels, start, curves)
    _legend(figure, rows, curves, instruments)
    figure.suptitle(title or _title(curves, instruments), fontsize=11)
    return figure


def save_lightcurve(path: Path, *curves: TimeSeries, title: str = "") -> None:
    """Write the picture of light curves (PNG, PDF or SVG by the ending)."""
    plot_lightcurve(*curves, title=title).savefig(path, dpi=150)


def _without_jumps(curve: TimeSeries) -> TimeSeries:
    """Return a curve whose angles do not jump where they pass north, most within 0 to 180."""
    curve = curve.copy()
    # The angle where p is not significant may be any, and must not lead the others astray.
    known = ~np.isfinite(_values(curve, "p_limit95")) & np.isfinite(_values(curve, "chi"))
    chi = np.where(known, _values(curve, "chi"), np.nan)
    if known.any():
        chi = unwrap_angles(chi, period=_TURN)
        chi -= _TURN * np.floor(np.nanmedian(chi) / _TURN)
    curve["chi"] = chi
    return curve


def _legend(
    figure: Figure, rows: Any, curves: tuple[TimeSeries, ...], instruments: list[str]
) -> None:
    """Tell instruments, where there are several, and limits, below all panels."""
    from matplotlib.lines import Line2D

    known: dict[str, Any] = {}
    if len(instruments) > 1:
        handles, labels = rows[0].get_legend_handles_labels()
        known = dict(zip(labels, handles, strict=True))
    limits = [c[name] for c in curves for name in ("mag_limit", "p_limit95") if name in c.colnames]
    if any(np.isfinite(np.asarray(column, dtype=float)).any() for column in limits):
        known["limit"] = Line2D([], [], ls="none", marker="v", mfc="none", ms=6, color="0.3")
    if known:
        figure.legend(known.values(), known.keys(), loc="outside lower center", ncols=4, fontsize=8)


def _jd(curve: TimeSeries) -> Any:
    return np.asarray(curve.time.jd, dtype=float)


def _start(curves: tuple[TimeSeries, ...]) -> float:
    times = np.concatenate([_jd(curve) for curve in curves])
    return float(np.floor(times.min())) if len(times) else 0.0


def _title(curves: tuple[TimeSeries, ...], instruments: list[str]) -> str:
    meta = curves[0].meta
    without = "without the host galaxy" if meta.get("host_corrected") else ""
    told = (meta.get("source", ""), meta.get("band", ""), ", ".join(instruments), without)
    return "   ".join(filter(None, told))


def _values(curve: TimeSeries, name: str) -> Any:
    return np.asarray(curve[name], dtype=float)


def _bars(axes: Axes, x: Any, y: Any, error: Any, colour: str, label: str) -> None:
    good = np.isfinite(y)
    axes.errorbar(
        x[good], y[good], np.nan_to_num(error[good]), fmt="o", ms=3.5, lw=0.8, capsize=0,
        color=colour, label=label,
    )  # fmt: skip


def _magnitudes(axes: Axes, curve: TimeSeries, start: float, colour: str, label: str) -> None:
    x = _jd(curve) - start
    _bars(axes, x, _values(curve, "mag"), _values(curve, "mag_err"), colour, label)
    if "mag_limit" in curve.colnames:
        limit = _values(curve, "mag_limit")
        known = np.isfinite(limit)
        axes.plot(x[known], limit[known], ls="none", marker="v", mfc="none", ms=6, color=colour)


def _degrees(axes: Axes, curve: TimeSeries, start: float, colour: str, label: str) -> None:
    x, p, error = _jd(curve) - start, _values(curve, "p"), _values(curve, "p_err")
    limit = _values(curve, "p_limit95")
    only = np.isfinite(limit)
    _bars(axes, x[~only], 100 * p[~only], 100 * error[~only], colour, label)
    axes.plot(x[only], 100 * limit[only], ls="none", marker="v", mfc="none", ms=6, color=colour)


def _angles(axes: Axes, curve: TimeSeries, start: float, colour: str, label: str) -> None:
    x, chi, error = _jd(curve) - start, _values(curve, "chi"), _values(curve, "chi_err")
    _bars(axes, x, chi, error, colour, label)


_DRAW = {"mag": _magnitudes, "p": _degrees, "chi": _angles}
_LABELS = {"p": "p (%)", "chi": "chi (deg)"}


def _tell_turns(axes: Axes, chi: Any) -> None:
    """Write the angles of an axis modulo 180 where the curve leaves 0 to 180 degrees."""
    chi = chi[np.isfinite(chi)]
    if np.all((chi >= 0.0) & (chi < _TURN)):
        return
    axes.set_ylabel("chi (deg, modulo 180)")
    axes.yaxis.set_major_formatter(lambda value, _: f"{round(value, 6) % _TURN:g}")


def _finish(
    rows: Any, panels: list[tuple[str, TimeSeries]], start: float, curves: tuple[TimeSeries, ...]
) -> None:
    for axes, (name, curve) in zip(rows, panels, strict=True):
        if name == "mag":
            band = curve.meta.get("band", "")
            about = " about its mean" if curve.meta.get("kind") == "ensemble" else ""
            axes.set_ylabel(f"{band} (mag){about}")
            axes.invert_yaxis()
        else:
            axes.set_ylabel(_LABELS[name])
            low, high = axes.get_ylim()
            # The zero belongs to the picture unless all is far from it.
            if name == "p" and low < _FAR * high:
                axes.set_ylim(0.0, high + _ROOM * high)
            if name == "chi":
                _tell_turns(axes, _values(curve, "chi"))
    scale = "BJD (TDB)" if curves[0].time.scale == "tdb" else "JD (UTC)"
    rows[-1].set_xlabel(f"{scale} - {start:.0f}")
