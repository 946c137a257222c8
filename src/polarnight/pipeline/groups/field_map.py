"""The map of polarization of a field: vectors on the image, and the plane of q and u."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from astropy.table import Table
    from astropy.wcs import WCS

    from polarnight.pipeline.groups.field_stars import FieldMean, FieldPolarization

__all__ = ["plot_field"]

FloatArray = npt.NDArray[np.float64]

_LENGTH = 0.08
"""Share of the frame's width that the typical vector takes."""

_SIGNIFICANT = 3.0

_STEPS = np.array([0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0])


def plot_field(
    data: npt.NDArray[Any],
    wcs: WCS,
    field: FieldPolarization,
    path: str | Path,
    *,
    instrument_angle: float | None = None,
    corrected: bool = True,
    title: str = "",
) -> Path:
    """Draw the polarization of the stars of a field.

    Parameters
    ----------
    data : ndarray, shape (ny, nx)
        The first frame of the cycle.
    wcs : astropy.wcs.WCS
        Its plate solution.
    field : FieldPolarization
    path : str or Path
        PNG, or any format of matplotlib, to be written at one stroke.
    instrument_angle : float or None
        Position angle of the instrument on the sky, degrees; used for vectors as measured.
    corrected : bool
        Whether the vectors are those after the instrumental polarization was taken off, or as
        measured, which shows the instrument.
    title : str

    Returns
    -------
    Path
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from polarnight.frames import atomic_write

    figure = Figure(figsize=(13.5, 6.8), layout="constrained")
    FigureCanvasAgg(figure)
    image, plane = figure.subplots(1, 2, width_ratios=[1.12, 1.0])
    names = ("q", "u") if corrected else ("q_nocorr", "u_nocorr")
    turn = 0.0 if corrected or instrument_angle is None else instrument_angle
    _image(image, data)
    _vectors(image, wcs, field.table, names, turn)
    ny, nx = data.shape
    image.set(xlim=(-0.5, nx - 0.5), ylim=(-0.5, ny - 0.5), xlabel="x / px", ylabel="y / px")
    image.set_title(title, fontsize=10)
    _plane(plane, field.table, names, field.corrected if corrected else field.measured)
    frame = "north through east" if corrected else "frame of the instrument, as measured"
    plane.set_title(f"Stokes parameters of the stars ({frame})", fontsize=10)
    target = Path(path)
    with atomic_write(target) as scratch:
        figure.savefig(scratch, dpi=110, format=target.suffix.lstrip(".") or "png")
    return target


def _image(axes: Any, data: npt.NDArray[Any]) -> None:
    finite = data[np.isfinite(data)]
    low, high = np.percentile(finite, [20.0, 99.8]) if finite.size else (0.0, 1.0)
    shown = np.arcsinh((np.nan_to_num(data, nan=low) - low) / max(high - low, 1e-9) * 10.0)
    axes.imshow(shown, cmap="gray_r", origin="lower", vmin=0.0, vmax=1.3 * np.arcsinh(10.0))


def _vectors(axes: Any, wcs: WCS, table: Table, names: tuple[str, str], turn: float) -> None:
    """Draw a line along the electric vector of each star; those left out of the mean dotted.

    A star whose polarization is not significant is a circle.
    """
    q, u = (np.asarray(table[name], dtype=float) for name in names)
    degree = np.hypot(q, u)
    if not len(degree):
        return
    sigma = np.hypot(*(np.asarray(table[f"{n}_err_random"], dtype=float) for n in ("q", "u")))
    told = degree > _SIGNIFICANT * sigma / np.sqrt(2.0)
    unit = float(np.median(degree[told] if told.any() else degree))
    width = axes.get_images()[0].get_array().shape[1]
    length = _LENGTH * width / max(unit, 1e-4)
    way = _directions(wcs, table, np.degrees(0.5 * np.arctan2(u, q)) + turn)
    xy = np.column_stack([table["x"], table["y"]]).astype(float)
    half = 0.5 * length * degree[:, None] * way
    for n, (start, end) in enumerate(zip(xy - half, xy + half, strict=True)):
        kept = not str(table["left_out"][n])
        colour = "tab:red" if kept else "tab:blue"
        if not told[n]:
            # Noise has a direction too, and would look like one.
            axes.plot(*xy[n], "o", markersize=5, markerfacecolor="none", color=colour, alpha=0.5)
            continue
        axes.plot(
            *np.array([start, end]).T,
            color=colour,
            linewidth=1.4 if kept else 0.9,
            linestyle="-" if kept else ":",
        )
    scale = float(_STEPS[np.argmin(np.abs(np.log(_STEPS / (100.0 * max(unit, 1e-4)))))])
    x0, y0 = 0.05 * width, 0.035 * axes.get_images()[0].get_array().shape[0]
    axes.plot([x0, x0 + length * scale / 100.0], [y0, y0], color="black", linewidth=2.0)
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
    axes.annotate(f"{scale:g} %", (x0, y0), (0, 6), textcoords="offset points", bbox=box, zorder=9)


def _directions(wcs: WCS, table: Table, angle: FloatArray) -> FloatArray:
    """Return unit vectors in pixels along position angles (degrees), shape (n, 2)."""
    ra, dec = (np.asarray(table[name], dtype=float) for name in ("ra", "dec"))
    step = 5.0 / 3600.0
    chi = np.deg2rad(angle)
    east = step * np.sin(chi) / np.maximum(np.cos(np.deg2rad(dec)), 1e-6)
    sky = np.column_stack([ra, dec])
    ahead = np.column_stack([ra + east, dec + step * np.cos(chi)])
    way = np.asarray(wcs.all_world2pix(ahead, 0, quiet=True)) - wcs.all_world2pix(
        sky, 0, quiet=True
    )
    return np.asarray(way / np.hypot(*way.T)[:, None])


def _plane(axes: Any, table: Table, names: tuple[str, str], mean: FieldMean | None) -> None:
    """Draw q against u in percent with errors, and the mean."""
    from matplotlib.colors import to_rgba

    q, u = (100.0 * np.asarray(table[name], dtype=float) for name in names)
    errors = [100.0 * np.asarray(table[f"{name}_err_random"], dtype=float) for name in ("q", "u")]
    kept = np.array([not str(reason) for reason in table["left_out"]], dtype=bool)
    sigma = np.hypot(*errors)
    precise = sigma <= (np.median(sigma) if len(q) else 0.0)
    weight = np.clip(sigma.min(initial=np.inf) / np.maximum(sigma, 1e-9) * 3.0, 0.1, 1.0)
    for chosen, colour, label in (
        (kept, "tab:red", "in the mean"),
        (~kept, "tab:blue", "left out"),
    ):
        if chosen.any():
            # Stars that tell little are pale, or they would hide those that tell much.
            shades = [to_rgba(colour, alpha) for alpha in weight[chosen]]
            axes.errorbar(
                q[chosen], u[chosen], errors[1][chosen], errors[0][chosen],
                fmt="none", elinewidth=0.6, ecolor=shades,
            )  # fmt: skip
            axes.scatter(q[chosen], u[chosen], s=9, color=shades)
            axes.plot([], [], "o", markersize=3, color=colour, label=label)
    axes.axhline(0.0, color="0.7", linewidth=0.7, zorder=0)
    axes.axvline(0.0, color="0.7", linewidth=0.7, zorder=0)
    if mean is not None:
        text = (
            f"mean of {mean.n}: q = {100 * mean.q:+.2f} ± {100 * mean.q_err:.2f} %, "
            f"u = {100 * mean.u:+.2f} ± {100 * mean.u_err:.2f} %"
        )
        axes.plot(100 * mean.q, 100 * mean.u, "+", color="black", markersize=14, label=text)
    seen = np.abs(np.concatenate([q[precise], u[precise]]))
    reach = 1.3 * float(np.percentile(seen, 98)) + 0.1 if len(seen) else 1.0
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xlabel="q / %", ylabel="u / %")
    axes.set_aspect("equal")
    axes.plot(
        [], [], "o", markersize=5, markerfacecolor="none", color="tab:red", alpha=0.5,
        label=f"map: below {_SIGNIFICANT:g} sigma",
    )  # fmt: skip
    axes.figure.legend(loc="outside lower right", ncol=4, fontsize=8)
