"""Filling the few bad pixels inside apertures, with an error that says how well it was done."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from polarnight.frames import Bit

__all__ = ["REPAIRABLE", "repair_pixels"]

FloatArray = npt.NDArray[np.float64]

REPAIRABLE = int(Bit.BAD_PIXEL | Bit.COSMIC_RAY | Bit.TRAIL | Bit.NO_DATA)
"""Bits of pixels that may be filled. A saturated core holds no information to fill it from."""

_REACH = 2
_FINE, _COARSE = 4, 2
_LEAST_SPARE = 4
_MOST_BAD_NEIGHBOURS = 3
_EVEN = 8.0
"""Range of some twenty pixels, in sigmas, up to which they may all be sky."""


def repair_pixels(
    data: npt.NDArray[np.float32],
    variance: npt.NDArray[np.float32],
    bits: npt.NDArray[np.uint16],
    xy: npt.ArrayLike,
    radius: float,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.uint16]]:
    """Fill bad pixels near some positions from their neighbours.

    A polynomial of degree 4 in x and y is fitted to the good pixels of the 5x5 around each
    bad one. Its variance is that of the fit, enlarged by the scatter of its residuals, plus
    the square of the difference from a fit of degree 2: where the image bends faster than a
    polynomial can follow, as in the core of a sharp star, the filled value says so. The
    differences of pixels that touch are wrong to the same side, and add up as they are. Where
    too few neighbours are good the pixel stays; so does one, unless all around is sky, of whose
    eight neighbours more than three are bad: nothing tells how high the core of a star rises.

    Parameters
    ----------
    data, variance : ndarray of float32, shape (ny, nx)
    bits : ndarray of uint16, shape (ny, nx)
    xy : array_like, shape (n, 2)
        Centres of the apertures, pixels.
    radius : float
        How far around them pixels are filled.

    Returns
    -------
    data, variance, bits : ndarray
        Copies. A filled pixel has lost the bits of `REPAIRABLE` and gained INTERPOLATED.
    """
    data, variance, bits = data.copy(), variance.copy(), bits.copy()
    wanted = _near(data.shape, np.asarray(xy, dtype=np.float64).reshape(-1, 2), radius)
    bad = (bits & np.uint16(REPAIRABLE)) != 0
    bad |= ~np.isfinite(data)
    saturated = (bits & np.uint16(Bit.SATURATED)) != 0
    source = np.pad(data.astype(np.float64), _REACH)
    noise = np.pad(variance.astype(np.float64), _REACH)
    good = np.pad(~bad & ~saturated, _REACH)
    bend = np.zeros(data.shape)
    # In one dimension: to find few pixels in two takes twenty times as long.
    places = np.flatnonzero(wanted & bad & ~saturated)
    for y, x in zip(*np.divmod(places, data.shape[1]), strict=True):
        box = np.s_[y : y + 2 * _REACH + 1, x : x + 2 * _REACH + 1]
        filled = _fill(source[box], noise[box], good[box])
        if filled is None:
            continue
        data[y, x], variance[y, x], bend[y, x] = filled
        bits[y, x] = (bits[y, x] & np.uint16(~REPAIRABLE & 0xFFFF)) | np.uint16(Bit.INTERPOLATED)
    variance += _together(bend).astype(np.float32)
    return data, variance, bits


def _together(bend: FloatArray) -> FloatArray:
    """Return variances whose sum over each group of touching pixels is the square of its sum."""
    groups, _ = ndimage.label(bend > 0.0, structure=np.ones((3, 3), dtype=bool))
    sums = np.bincount(groups.ravel(), weights=bend.ravel())
    sums[0] = 0.0
    shared: FloatArray = bend * sums[groups]
    return shared


def _near(shape: tuple[int, ...], xy: FloatArray, radius: float) -> npt.NDArray[np.bool_]:
    """Return the pixels within `radius` of any position."""
    near = np.zeros(shape, dtype=bool)
    reach = int(np.ceil(radius)) + 1
    for x, y in xy[np.isfinite(xy).all(axis=1)]:
        y0, y1 = max(round(y) - reach, 0), min(round(y) + reach + 1, shape[0])
        x0, x1 = max(round(x) - reach, 0), min(round(x) + reach + 1, shape[1])
        if y0 >= y1 or x0 >= x1:
            continue
        rows, columns = np.ogrid[y0:y1, x0:x1]
        near[y0:y1, x0:x1] |= np.hypot(columns - x, rows - y) <= radius + 1.0
    return near


def _design(good: npt.NDArray[np.bool_], degree: int) -> FloatArray | None:
    """Return the terms of a polynomial at the good pixels, the constant first."""
    offsets = np.arange(-_REACH, _REACH + 1, dtype=np.float64)
    y, x = np.meshgrid(offsets, offsets, indexing="ij")
    powers = [(i, j) for i, j in product(range(degree + 1), repeat=2) if i + j <= degree]
    if np.count_nonzero(good) < len(powers) + _LEAST_SPARE:
        return None
    return np.column_stack([x[good] ** i * y[good] ** j for i, j in powers])


def _fit(design: FloatArray, values: FloatArray, noise: FloatArray) -> tuple[float, float]:
    """Return the fit at the centre and its variance, enlarged where the fit is poor."""
    inverse = np.linalg.pinv(design)
    coefficients = inverse @ values
    residuals = values - design @ coefficients
    spare = len(values) - design.shape[1]
    scatter = float(residuals @ residuals) / spare / float(np.mean(noise))
    return float(coefficients[0]), float(inverse[0] ** 2 @ noise) * max(1.0, scatter)


def _fill(
    values: FloatArray, noise: FloatArray, good: npt.NDArray[np.bool_]
) -> tuple[float, float, float] | None:
    """Return value, variance of the fit, and how much the image bends there."""
    centre = np.s_[_REACH - 1 : _REACH + 2, _REACH - 1 : _REACH + 2]
    bad_neighbours = int(np.count_nonzero(~good[centre])) - 1
    if bad_neighbours > _MOST_BAD_NEIGHBOURS:
        known, sigma = values[good], np.sqrt(noise[good])
        if len(known) == 0 or np.ptp(known) > _EVEN * float(np.median(sigma)):
            return None
    coarse = _design(good, _COARSE)
    if coarse is None:
        return None
    simple, simple_variance = _fit(coarse, values[good], noise[good])
    fine = _design(good, _FINE)
    if fine is None:
        return simple, simple_variance, 0.0
    value, variance = _fit(fine, values[good], noise[good])
    return value, variance, abs(value - simple)
