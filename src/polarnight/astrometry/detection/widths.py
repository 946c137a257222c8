"""How wide and how long the sources of a frame are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["BRIGHT", "usual_elongation", "widths"]

Floats = npt.NDArray[np.float64]

BRIGHT = 60
"""Sources that tell what is usual on a frame."""


def widths(
    image: npt.NDArray[np.float32],
    mask: npt.NDArray[np.bool_],
    found: npt.NDArray[Any],
    limits: tuple[float, float],
) -> tuple[float, Floats]:
    """Return the FWHM of the frame's stars and of every source, pixels.

    Sources narrower than any star are cosmic rays and hot pixels, which on an empty field
    may be more than the stars; they, and those beyond the upper limit, do not count where others
    are left.
    """
    longest = max(1.5, 1.3 * usual_elongation(found))
    round_ones = (found["flag"] == 0) & (found["a"] < longest * np.maximum(found["b"], 1e-3))
    chosen = np.flatnonzero(round_ones) if round_ones.any() else np.arange(len(found))
    chosen = chosen[np.argsort(-found["flux"][chosen], kind="stable")[:100]]
    reach = np.clip(6.0 * found["a"], 4.0, 40.0)
    some = _half_light_width(image, mask, found[chosen], reach[chosen])
    some = some[np.isfinite(some) & (some > 1.0)]
    likely = (some > limits[0]) & (some < limits[1])
    some = some[likely] if likely.any() else some
    typical = float(np.clip(np.median(some), 1.2, 50.0)) if len(some) else 3.0
    return typical, _half_light_width(image, mask, found, np.minimum(reach, 3.0 * typical))


def usual_elongation(found: npt.NDArray[Any]) -> float:
    """Return the ratio of the axes below which a quarter of the brightest sources stays.

    Columns and trails of satellites are many on some frames: where stars are round, a quarter is.
    """
    top = np.argsort(-found["flux"], kind="stable")[:BRIGHT]
    return float(np.quantile(found["a"][top] / np.maximum(found["b"][top], 1e-3), 0.25))


def _half_light_width(
    image: npt.NDArray[np.float32],
    mask: npt.NDArray[np.bool_],
    found: npt.NDArray[Any],
    reach: Floats,
) -> Floats:
    """Return twice the radius that holds half of the light within `reach`, pixels."""
    import sep

    radius, _ = sep.flux_radius(image, found["x"], found["y"], reach, 0.5, mask=mask, subpix=2)
    return np.asarray(2.0 * radius, dtype=np.float64)
