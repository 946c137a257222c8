"""Figures of a plane, and limits between which it is shown."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

# Here and not where it is used: the first picture shall not wait for astropy to be loaded.
from astropy.visualization import ZScaleInterval

__all__ = ["PERCENTILES", "Statistics", "measure"]

PERCENTILES: Final = (0.1, 0.5, 1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0, 99.5, 99.9)
_BINS: Final = 200
_MOST: Final = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class Statistics:
    """Figures over all finite pixels; None where there are none.

    Attributes
    ----------
    n, n_finite : int
        All pixels, and those that are finite.
    min, max, mean, median, std : float or None
    zscale : (float, float) or None
        Limits of IRAF's zscale, as `astropy.visualization.ZScaleInterval` has them.
    percentiles : dict of str to float
        Values below which that many percent of the pixels are (`PERCENTILES`).
    histogram : list of int
        Counts of equal bins from ``histogram_min`` to ``histogram_max``, which are the
        0.1st and 99th percentile, widened to hold the zscale limits and as much above them.
    """

    n: int
    n_finite: int
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    median: float | None = None
    std: float | None = None
    zscale: tuple[float, float] | None = None
    percentiles: dict[str, float] | None = None
    histogram: tuple[int, ...] = ()
    histogram_min: float | None = None
    histogram_max: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able dictionary."""
        return asdict(self)


def measure(plane: npt.NDArray[Any]) -> Statistics:
    """Measure a plane; every pixel counts, none is sampled but for zscale.

    Parameters
    ----------
    plane : ndarray, shape (ny, nx)
    """
    values = np.ravel(plane)
    if plane.dtype.kind == "f":
        # Squares of larger ones overflow; what a damaged file holds is not worth more.
        with np.errstate(invalid="ignore"):
            values = values[np.abs(values) < _MOST]
    if not values.size:
        return Statistics(plane.size, 0)
    ordered = np.sort(values)
    percentiles = {f"{q:g}": _percentile(ordered, q) for q in PERCENTILES}
    low, high = (float(limit) for limit in ZScaleInterval().get_limits(values))
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        low, high = percentiles["0.5"], percentiles["99.5"]
    first = min(low, percentiles["0.1"])
    last = max(2 * high - low, percentiles["99"])
    if not first < last:
        first, last = first - 0.5, last + 0.5
    edges = np.linspace(first, last, _BINS + 1)
    places = np.searchsorted(ordered, edges)
    places[-1] = np.searchsorted(ordered, edges[-1], side="right")
    return Statistics(
        n=plane.size,
        n_finite=values.size,
        min=float(ordered[0]),
        max=float(ordered[-1]),
        mean=float(values.mean(dtype=np.float64)),
        median=percentiles["50"],
        std=float(values.std(dtype=np.float64)),
        zscale=(low, high),
        percentiles=percentiles,
        histogram=tuple(int(count) for count in np.diff(places)),
        histogram_min=first,
        histogram_max=last,
    )


def _percentile(ordered: npt.NDArray[Any], q: float) -> float:
    """Return a percentile of sorted values, linear between two (as `numpy.percentile`)."""
    place = (ordered.size - 1) * q / 100
    below = int(place)
    above = min(below + 1, ordered.size - 1)
    low, high = float(ordered[below]), float(ordered[above])
    return low + (high - low) * (place - below)
