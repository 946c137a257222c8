"""What the calibrators said of a zero point, by every estimator, and the curves of growth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from polarnight.errors import AlgorithmFailed
from polarnight.photometry import zero_point
from polarnight.pipeline.diagnostics.titles import entitle

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from polarnight.db import PhotoPolResult

__all__ = ["Estimate", "Growth", "ZeroPointCheck", "plot_zero_point", "zero_point_of"]

FloatArray = npt.NDArray[np.float64]

_METHODS = ("student-t", "weighted mean")
_COLOURS = {"student-t": "#0072b2", "weighted mean": "#d55e00"}
_DIFFERENT = 0.3  # errors


@dataclass(frozen=True, slots=True)
class Estimate:
    """A zero point by one method; magnitude of one count a second."""

    method: str
    value: float
    error: float
    inflation: float
    chi2: float


@dataclass(frozen=True, eq=False)
class Growth:
    """A curve of growth of a frame.

    Attributes
    ----------
    file : str
    radius : ndarray
        Arcsec, rising; the last holds all the light.
    share, error : ndarray
        Of the light within it.
    stars : int
        That were measured.
    aperture : float
        Radius of the result, arcsec.
    """

    file: str
    radius: FloatArray
    share: FloatArray
    error: FloatArray
    stars: int
    aperture: float


@dataclass(frozen=True, eq=False)
class ZeroPointCheck:
    """What the calibrators of a result said.

    Attributes
    ----------
    names : tuple of str
    magnitude : ndarray
        Of the literature, NaN where the catalogue has none now.
    value, error : ndarray
        Zero point by each of them.
    used : ndarray of bool
    estimates : tuple of Estimate
        By every method, now.
    stored : Estimate
        As it is kept.
    growth : tuple of Growth
        Of the frames of the result.
    """

    names: tuple[str, ...]
    magnitude: FloatArray
    value: FloatArray
    error: FloatArray
    used: npt.NDArray[np.bool_]
    estimates: tuple[Estimate, ...]
    stored: Estimate
    growth: tuple[Growth, ...]

    @property
    def residuals(self) -> FloatArray:
        """Zero points of the calibrators less the one that is kept."""
        return self.value - self.stored.value

    @property
    def differs(self) -> str:
        """In words how the method of the result, applied now, differs; ``""`` if it does not."""
        for one in self.estimates:
            away = abs(one.value - self.stored.value)
            if one.method == self.stored.method and away > _DIFFERENT * self.stored.error:
                return f"{one.value:.4f} is now, {self.stored.value:.4f} is kept"
        return ""


def zero_point_of(result: PhotoPolResult) -> ZeroPointCheck:
    """Return what the calibrators of a result said, and what each estimator makes of it.

    Parameters
    ----------
    result : PhotoPolResult
        Saved.

    Raises
    ------
    AlgorithmFailed
        Where it has no zero point.
    """
    told = (result.evidence or {}).get("zero_point") or {}
    if result.mag_zp is None:
        msg = "the result has no zero point: no calibrator was measured with it"
        raise AlgorithmFailed(msg)
    # Of the stars of a catalogue the result keeps the fit, not the hundreds of stars.
    stars: Sequence[dict[str, Any]] = told.get("calibrators") or []
    value = np.array([star["zp"] for star in stars], dtype=np.float64)
    error = np.array([star["zp_err"] for star in stars], dtype=np.float64)
    names = tuple(str(star["name"]) for star in stars)
    estimates = []
    for method in _METHODS if len(stars) else ():
        found = zero_point(value, error, method=method)
        estimates.append(Estimate(method, found.value, found.err, found.inflation, found.chi2))
    return ZeroPointCheck(
        names=names,
        magnitude=_literature(names, result.band),
        value=value,
        error=error,
        used=np.array([bool(star.get("used", True)) for star in stars], dtype=bool),
        estimates=tuple(estimates),
        stored=Estimate(
            result.zp_method,
            float(result.mag_zp),
            float(result.mag_zp_err or 0.0),
            float(result.zp_inflation or 1.0),
            float("nan") if result.zp_chi2 is None else float(result.zp_chi2),
        ),
        growth=tuple(_growth(result)),
    )


def _literature(names: Sequence[str], band: str) -> FloatArray:
    from polarnight.db import AstroSource

    known = {
        source.name: source.magnitude(band) for source in AstroSource.objects.filter(name__in=names)
    }
    found = [known.get(name) for name in names]
    return np.array([np.nan if one is None else one[0] for one in found], dtype=np.float64)


def _growth(result: PhotoPolResult) -> list[Growth]:
    found = []
    for frame in result.reducedfits.order_by("juliandate", "pk"):
        told = ((frame.photometry_info or {}).get(result.reduction) or {}).get("growth")
        scale = frame.pixscale or frame.pixel_scale
        if not told or not scale:
            continue
        corrections = told["corrections"]
        value = np.array([one["value"] for one in corrections])
        radius = np.array([*told["radii_px"], told["total_px"]]) * scale
        share = np.append(10.0 ** (0.4 * value), 1.0)
        error = np.append(0.4 * np.log(10.0) * np.array([one["err"] for one in corrections]), 0.0)
        # The aperture of the result may be among the steps, too.
        _, order = np.unique(radius, return_index=True)
        found.append(
            Growth(
                frame.filename, radius[order], share[order], share[order] * error[order],
                int(told["stars"]), float(radius[0]),
            )
        )  # fmt: skip
    return found


def plot_zero_point(check: ZeroPointCheck, *, title: str = "") -> Figure:
    """Draw the zero points of the calibrators, what is left of each, and the curves of growth.

    Parameters
    ----------
    check : ZeroPointCheck
    title : str
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 8.0), layout="constrained")
    above, middle, below = figure.subplots(3, 1, height_ratios=(3, 2, 3))
    middle.sharex(above)
    if check.names:
        _draw_calibrators(above, middle, check)
    else:
        _say(above, "made of the stars of a catalogue, which are not kept one by one")
        middle.set_visible(False)
    if check.growth:
        _draw_growth(below, check.growth)
    else:
        _say(below, "no curve of growth was measured with this result")
    entitle(figure, title, check.differs)
    return figure


def _draw_calibrators(above: Axes, middle: Axes, check: ZeroPointCheck) -> None:
    known = bool(np.isfinite(check.magnitude).all())
    x = check.magnitude if known else np.arange(len(check.names), dtype=np.float64)
    for chosen, fill, label in ((check.used, "0.2", "calibrators"), (~check.used, "w", "not used")):
        if chosen.any():
            look: dict[str, Any] = {
                "fmt": "o", "ms": 5, "color": "0.2", "elinewidth": 0.9, "markerfacecolor": fill,
            }  # fmt: skip
            above.errorbar(x[chosen], check.value[chosen], check.error[chosen], label=label, **look)
            middle.errorbar(x[chosen], 1e3 * check.residuals[chosen], 1e3 * check.error[chosen],
                            **look)  # fmt: skip
    for one in check.estimates:
        own = one.method == check.stored.method
        colour = _COLOURS[one.method]
        label = f"{one.method}{' (the result)' if own else ''}: {one.value:.4f} ± {one.error:.4f}"
        above.axhline(one.value, color=colour, lw=1.6 if own else 0.9, ls="-" if own else "--",
                      label=label)  # fmt: skip
        above.axhspan(one.value - one.error, one.value + one.error, color=colour, alpha=0.12, lw=0)
    middle.axhline(0.0, color="0.7", lw=0.8, zorder=0)
    for at, name, value in zip(x, check.names, check.value, strict=True):
        above.annotate(name.rpartition(" ")[2] or name, (at, value), xytext=(4, 4),
                       textcoords="offset points", fontsize=7, parse_math=False)  # fmt: skip
    above.legend(fontsize=8, loc="best")
    above.set_ylabel("zero point (mag)")
    middle.set_ylabel("calibrator − kept (mmag)")
    middle.set_xlabel("magnitude of the literature" if known else "number of the calibrator")
    above.grid(alpha=0.3, lw=0.5)
    middle.grid(alpha=0.3, lw=0.5)


def _draw_growth(axes: Axes, growth: Sequence[Growth]) -> None:
    for number, one in enumerate(growth):
        label = f"{one.file} ({one.stars} stars)"
        axes.errorbar(one.radius, one.share, one.error, fmt="o-", ms=3.5, lw=1, label=label,
                      color=f"C{number % 10}")  # fmt: skip
    axes.axhline(1.0, color="0.6", lw=0.8)
    axes.axvline(growth[0].aperture, color="0.4", lw=0.8, ls="--", label="aperture of the result")
    axes.set(xlabel="radius (arcsec)", ylabel="share of the light", ylim=(0.0, 1.08))
    axes.set_xlim(left=0.0)
    axes.legend(fontsize=7, loc="lower right")
    axes.grid(alpha=0.3, lw=0.5)


def _say(axes: Axes, words: str) -> None:
    axes.set_axis_off()
    axes.text(0.5, 0.5, words, ha="center", va="center", color="0.4", transform=axes.transAxes)
