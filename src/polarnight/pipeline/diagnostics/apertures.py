"""One aperture looked at closely: cut-out, radial profile, curve of growth, sky."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from polarnight.photometry import Apertures, aperture_photometry
from polarnight.pipeline.diagnostics.titles import entitle
from polarnight.pipeline.groups.measure import SKY_CLIP

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CutOut", "cut_out", "plot_aperture", "plot_thumbnail"]

FloatArray = npt.NDArray[np.float64]

_ROOM = 1.25  # of the outer radius of the sky
_STEPS = 40


@dataclass(frozen=True, eq=False)
class CutOut:
    """The pixels around an aperture.

    Attributes
    ----------
    data : ndarray, shape (ny, nx)
    variance, bits : ndarray or None
    x, y : float
        Centre of the aperture in the cut-out, zero-based.
    left, low : int
        Pixel of the frame that is the first of the cut-out, zero-based.
    radius, r_in, r_out : float
        Pixels.
    pixel_scale : float or None
        Arcsec.
    """

    data: FloatArray
    variance: FloatArray | None
    bits: npt.NDArray[np.uint16] | None
    x: float
    y: float
    left: int
    low: int
    radius: float
    r_in: float
    r_out: float
    pixel_scale: float | None = None

    @property
    def distance(self) -> FloatArray:
        """Of each pixel from the centre, pixels."""
        rows, columns = np.indices(self.data.shape)
        return np.asarray(np.hypot(columns - self.x, rows - self.y))

    @property
    def sky(self) -> npt.NDArray[np.bool_]:
        """Pixels of the annulus that have a value."""
        distance = self.distance
        inside = (distance >= self.r_in) & (distance < self.r_out)
        return np.asarray(inside & np.isfinite(self.data))


def cut_out(
    data: npt.NDArray[Any],
    centre: tuple[float, float],
    radii: tuple[float, float, float],
    *,
    variance: npt.NDArray[Any] | None = None,
    bits: npt.NDArray[Any] | None = None,
    pixel_scale: float | None = None,
) -> CutOut:
    """Cut the surroundings of an aperture out of a frame.

    Parameters
    ----------
    data : ndarray, shape (ny, nx)
    centre : tuple of float
        x and y, zero-based.
    radii : tuple of float
        Of the aperture, and inner and outer of the sky, pixels.
    variance, bits : ndarray, optional
    pixel_scale : float, optional

    Raises
    ------
    ValueError
        Where nothing of it lies in the frame.
    """
    x, y = centre
    room = _ROOM * max(radii)
    ny, nx = data.shape
    left, right = max(0, int(np.floor(x - room))), min(nx, int(np.ceil(x + room)) + 1)
    low, high = max(0, int(np.floor(y - room))), min(ny, int(np.ceil(y + room)) + 1)
    if right - left < 2 or high - low < 2:
        msg = f"the aperture at x={x:.0f}, y={y:.0f} lies outside of the frame"
        raise ValueError(msg)
    window = np.s_[low:high, left:right]
    return CutOut(
        np.asarray(data[window], dtype=np.float64),
        None if variance is None else np.asarray(variance[window], dtype=np.float64),
        None if bits is None else np.asarray(bits[window], dtype=np.uint16),
        x - left, y - low, left, low, *radii, pixel_scale,
    )  # fmt: skip


def plot_aperture(cut: CutOut, *, title: str = "") -> Figure:
    """Draw cut-out, radial profile, curve of growth and the sky of an aperture, two by two.

    Parameters
    ----------
    cut : CutOut
    title : str
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 8.0), layout="constrained")
    axes = figure.subplots(2, 2)
    found = _measured(cut)
    level, noise = float(found.sky[0]), float(found.sky_rms[0])
    _draw_cut(axes[0, 0], cut)
    _draw_profile(axes[0, 1], cut, level, noise)
    _draw_growth(axes[1, 0], cut, found)
    _draw_sky(axes[1, 1], cut, level, noise)
    entitle(figure, title)
    return figure


def plot_thumbnail(cut: CutOut) -> Figure:
    """Draw the cut-out with its circles alone, for lists."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.28, 1.28))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    _draw_cut(axes, cut, 0.7)
    axes.set_axis_off()
    return figure


def _measured(cut: CutOut) -> Apertures:
    """Measure in circles up to the end of the sky, as the pipeline measures in one."""
    radii = np.linspace(0.5, cut.r_out, _STEPS)
    return aperture_photometry(
        cut.data, cut.variance, cut.bits, [[cut.x, cut.y]], radii, (cut.r_in, cut.r_out),
        clip=SKY_CLIP,
    )  # fmt: skip


def _draw_cut(axes: Axes, cut: CutOut, width: float = 1.3) -> None:
    from matplotlib.patches import Circle

    finite = cut.data[np.isfinite(cut.data)]
    limits = np.percentile(finite, [2.0, 99.5]) if finite.size else (0.0, 1.0)
    ny, nx = cut.data.shape
    # FITS counts pixels from 1.
    left, low = cut.left + 0.5, cut.low + 0.5
    axes.imshow(
        cut.data, cmap="gray_r", origin="lower", vmin=limits[0], vmax=limits[1],
        extent=(left, left + nx, low, low + ny), interpolation="nearest",
    )  # fmt: skip
    centre = (cut.x + cut.left + 1.0, cut.y + cut.low + 1.0)
    for radius, colour, style in (
        (cut.radius, "#d55e00", "-"), (cut.r_in, "#0072b2", "--"), (cut.r_out, "#0072b2", "--"),
    ):  # fmt: skip
        axes.add_patch(Circle(centre, radius, fill=False, ec=colour, ls=style, lw=width))
    axes.plot(*centre, "+", color="#d55e00", ms=6)
    axes.set(xlabel="x (px)", ylabel="y (px)")
    if cut.pixel_scale:
        width = min(10.0 / cut.pixel_scale, 0.8 * nx)
        start, height = left + 0.06 * nx, low + 0.06 * ny
        axes.plot([start, start + width], [height, height], color="#009e73", lw=2)
        axes.text(start, height + 0.02 * ny, f"{width * cut.pixel_scale:.0f}″", color="#009e73",
                  fontsize=8)  # fmt: skip


def _draw_profile(axes: Axes, cut: CutOut, level: float, noise: float) -> None:
    distance = cut.distance
    shown = distance <= _ROOM * cut.r_out
    axes.plot(distance[shown], cut.data[shown], ".", ms=3, color="0.35", alpha=0.6)
    if np.isfinite(noise):
        for n, style in ((1, "-"), (3, "--"), (5, ":")):
            axes.axhline(level + n * noise, color="#0072b2", lw=0.7, ls=style, label=f"{n} σ")
        axes.legend(fontsize=7, loc="upper right")
    _radii(axes, cut)
    axes.axhline(level, color="0.5", lw=0.8)
    axes.set(xlabel="radius (px)", ylabel="value (ADU)", title="radial profile")


def _draw_growth(axes: Axes, cut: CutOut, found: Apertures) -> None:
    axes.errorbar(found.radii, found.flux[0], found.flux_err[0], fmt=".-", ms=4, lw=1,
                  color="#0072b2", elinewidth=0.7)  # fmt: skip
    _radii(axes, cut)
    axes.set(xlabel="radius (px)", ylabel="flux less sky (ADU)", title="curve of growth")
    axes.grid(alpha=0.3, lw=0.5)


def _draw_sky(axes: Axes, cut: CutOut, level: float, noise: float) -> None:
    values = cut.data[cut.sky]
    axes.set(xlabel="value (ADU)", ylabel="pixels", title="sky in the annulus")
    if not values.size:
        axes.text(0.5, 0.5, "no pixel of the sky has a value", ha="center",
                  transform=axes.transAxes)  # fmt: skip
        return
    low, high = np.percentile(values, [0.5, 99.5])
    room = 0.1 * (high - low) or 1.0
    axes.hist(values, bins=min(60, max(10, int(np.sqrt(values.size)))),
              range=(low - room, high + room), color="0.6")  # fmt: skip
    axes.axvline(
        level, color="#d55e00", lw=1.3, label=f"mean {level:.2f}, clipped at {SKY_CLIP:g} σ"
    )
    axes.axvspan(level - noise, level + noise, color="#d55e00", alpha=0.15, lw=0,
                 label=f"± {noise:.2f}")  # fmt: skip
    axes.legend(fontsize=7, loc="upper right")


def _radii(axes: Axes, cut: CutOut) -> None:
    axes.axvline(cut.radius, color="#d55e00", lw=1)
    axes.axvspan(cut.r_in, cut.r_out, color="#0072b2", alpha=0.1, lw=0)
