"""A picture of a solved frame, to judge a solution by eye."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from astropy.wcs import WCS

    from polarnight.astrometry.detection.detections import Detections
    from polarnight.astrometry.stars.catalogue import Stars

__all__ = ["plot_solution"]

_LARGEST = 400


def plot_solution(
    data: npt.NDArray[Any],
    wcs: WCS,
    stars: Stars,
    detections: Detections,
    path: str | Path,
    *,
    wcs_pair: WCS | None = None,
    title: str = "",
) -> Path:
    """Draw a frame with its detections and the catalogue stars where the WCS puts them.

    Parameters
    ----------
    data : ndarray, shape (ny, nx)
        Pixels; any shape will do, it is shown as it is, with y upwards.
    wcs : astropy.wcs.WCS
        Solution.
    stars : Stars
        The brightest 400 on the frame are marked, in red.
    detections : Detections
        Marked in blue; flagged ones dashed.
    path : str or Path
        PNG (or any format of matplotlib) to be written, at one stroke.
    wcs_pair : astropy.wcs.WCS, optional
        Solution of the other beam, whose stars are marked in orange.
    title : str
        Text above.

    Returns
    -------
    Path
        The file.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    ny, nx = data.shape
    # Constructed outside pyplot: figures of pyplot are global and never freed by threads.
    figure = Figure(figsize=(9.0, 9.0 * ny / nx + 0.6), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    low, high = _limits(data)
    shown = np.arcsinh((np.nan_to_num(data, nan=low) - low) / (high - low) * 10.0)
    axes.imshow(shown, cmap="gray_r", origin="lower", vmin=0.0, vmax=float(np.arcsinh(10.0)))

    size = max(nx, ny) / 100.0
    clean = detections.clean
    for chosen, style in ((clean, "-"), (~clean, ":")):
        _circles(axes, detections.xy[chosen], size, "tab:blue", style)
    # Bright stars first: a deep catalogue would bury the frame.
    order = np.argsort(np.where(np.isfinite(stars.mag), stars.mag, np.inf), kind="stable")
    bright = stars.select(order)
    for solution, colour in ((wcs, "tab:red"), (wcs_pair, "tab:orange")):
        if solution is None or len(bright) == 0:
            continue
        x, y = solution.all_world2pix(bright.ra, bright.dec, 0, quiet=True)
        inside = (x > -0.5) & (x < nx - 0.5) & (y > -0.5) & (y < ny - 0.5)
        places = np.column_stack([x[inside], y[inside]])[:_LARGEST]
        axes.plot(*places.T, "+", color=colour, markersize=5, markeredgewidth=0.7)
    _compass(axes, wcs, nx, ny)
    axes.set(xlim=(-0.5, nx - 0.5), ylim=(-0.5, ny - 0.5), xlabel="x / px", ylabel="y / px")
    axes.set_title(title or "blue: detected (dotted: flagged); red: catalogue", fontsize=9)

    target = Path(path)
    scratch = target.with_name(f".{target.stem}.{os.getpid()}{target.suffix}")
    try:
        figure.savefig(scratch)
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)
    return target


def _limits(data: npt.NDArray[Any]) -> tuple[float, float]:
    finite = data[np.isfinite(data)]
    if finite.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(finite, [10.0, 99.7])
    return float(low), float(high if high > low else low + 1.0)


def _circles(
    axes: Any, xy: npt.NDArray[np.float64], radius: float, colour: str, style: str
) -> None:
    from matplotlib.collections import EllipseCollection

    n = len(xy)
    axes.add_collection(
        EllipseCollection(
            np.full(n, 2.0 * radius),
            np.full(n, 2.0 * radius),
            np.zeros(n),
            units="xy",
            offsets=xy,
            transOffset=axes.transData,
            facecolors="none",
            edgecolors=colour,
            linestyles=style,
            linewidths=0.7,
        )
    )


def _compass(axes: Any, wcs: WCS, nx: int, ny: int) -> None:
    """Draw arrows to the north and to the east in a corner."""
    x0, y0, length = 0.12 * nx, 0.12 * ny, 0.07 * min(nx, ny)
    ra, dec = wcs.all_pix2world(x0, y0, 0)
    step = 10.0 / 3600.0
    for name, target in (
        ("N", (ra, dec + step)),
        ("E", (ra + step / np.cos(np.radians(dec)), dec)),
    ):
        x, y = wcs.all_world2pix(*target, 0, quiet=True)
        way = np.array([float(x) - x0, float(y) - y0])
        way *= length / np.hypot(*way)
        axes.annotate(
            name,
            (x0, y0),
            (x0 + way[0], y0 + way[1]),
            arrowprops={"arrowstyle": "<-", "color": "tab:green"},
            color="tab:green",
            ha="center",
            va="center",
        )
