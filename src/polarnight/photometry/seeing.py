"""Seeing: widths of stars, and the apertures that follow from them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from polarnight.errors import AlgorithmFailed

__all__ = ["FWHM_PER_SIGMA", "Seeing", "measure_fwhm", "standard_radii"]

FloatArray = npt.NDArray[np.float64]

FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))
_ROUNDS = 25


@dataclass(frozen=True, eq=False)
class Seeing:
    """Widths of the stars of a frame.

    Attributes
    ----------
    fwhm : float
        Median, pixels.
    fwhm_err : float
        Of the median, from the scatter between stars.
    each : ndarray, shape (n,)
        Of every star given; NaN where it could not be measured.
    n_used : int
    """

    fwhm: float
    fwhm_err: float
    each: FloatArray
    n_used: int


def standard_radii(fwhm: float) -> tuple[float, float, float]:
    """Aperture, inner and outer sky radius for a seeing: 3, 5 and 9 sigma.

    Parameters
    ----------
    fwhm : float
        Pixels (or any unit, which the radii share).

    Raises
    ------
    ValueError
        Where `fwhm` is not positive.
    """
    if not (fwhm > 0 and math.isfinite(fwhm)):
        msg = f"the seeing must be positive, not {fwhm}"
        raise ValueError(msg)
    sigma = fwhm / FWHM_PER_SIGMA
    return 3.0 * sigma, 5.0 * sigma, 9.0 * sigma


def measure_fwhm(
    data: npt.ArrayLike,
    xy: npt.ArrayLike,
    *,
    guess: float = 4.0,
    bits: npt.ArrayLike | None = None,
    max_stars: int = 200,
) -> Seeing:
    """Measure the seeing on stars by fitting round Gaussians.

    Each star is fitted with a Gaussian plus a constant within 1.5 FWHM of it, all stars at
    once by Levenberg-Marquardt, refined once with the width found. The width a pixel adds
    (1/12 to the variance) is taken away. Of a Moffat profile the width comes out a few
    per cent large, alike for all stars and frames.

    Parameters
    ----------
    data : array_like, shape (ny, nx)
    xy : array_like, shape (n, 2)
        Positions of bright, isolated stars, best first.
    guess : float
        Pixels.
    bits : array_like of uint16, shape (ny, nx), optional
        Stars with an unusable pixel in the fitted region are left out.
    max_stars : int
        Only so many of the positions are used.

    Returns
    -------
    Seeing

    Raises
    ------
    AlgorithmFailed
        Where no star could be measured.
    """
    from polarnight.frames import UNUSABLE

    image = np.asarray(data, dtype=np.float64)
    positions = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
    bad = ~np.isfinite(image)
    if bits is not None:
        bad |= (np.asarray(bits) & np.uint16(UNUSABLE)) != 0
    each = np.full(len(positions), np.nan)
    width = guess
    for _ in range(2):
        each[:max_stars] = _fit_gaussians(image, bad, positions[:max_stars], width)
        good = np.isfinite(each)
        if not good.any():
            break
        width = float(np.median(each[good]))
    good = np.isfinite(each)
    if not good.any():
        msg = "no star gave a width"
        raise AlgorithmFailed(msg, stars=len(positions), guess=guess)
    values = each[good]
    median = float(np.median(values))
    spread = 1.4826 * float(np.median(np.abs(values - median)))
    return Seeing(median, 1.2533 * spread / math.sqrt(len(values)), each, len(values))


def _fit_gaussians(
    image: FloatArray, bad: npt.NDArray[np.bool_], xy: FloatArray, guess: float
) -> FloatArray:
    """Widths of all stars at once; NaN where one cannot be fitted."""
    ny, nx = image.shape
    reach = max(3, math.ceil(1.5 * guess))
    step_y, step_x = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1)
    fwhm = np.full(len(xy), np.nan)
    centre = np.rint(np.nan_to_num(xy, nan=-1e6)).astype(np.int64)
    inside = np.all((centre >= reach) & (centre < np.array([nx, ny]) - reach), axis=1)
    index = np.flatnonzero(inside)
    rows, columns = centre[index, 1, None] + step_y, centre[index, 0, None] + step_x
    clean = ~np.any(bad[rows, columns], axis=1)
    index, rows, columns = index[clean], rows[clean], columns[clean]
    if len(index) == 0:
        return fwhm
    values = image[rows, columns]
    offset = xy[index] - centre[index]
    base = np.median(values, axis=1)
    top = values.max(axis=1) - base
    start = np.column_stack([top, base, offset, np.full(len(index), guess / FWHM_PER_SIGMA)])
    found, converged = _levenberg(values, step_x.astype(float), step_y.astype(float), start)
    amplitude, sigma = found[:, 0], np.abs(found[:, 4])
    moved = np.hypot(*(found[:, 2:4] - offset).T)
    sound = converged & (amplitude > 0) & (sigma < reach) & (moved < guess) & (sigma > 0.3)
    narrow = np.sqrt(np.maximum(sigma**2 - 1.0 / 12.0, 0.0)) * FWHM_PER_SIGMA
    fwhm[index[sound]] = narrow[sound]
    return fwhm


def _model(parameters: FloatArray, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Gaussian plus constant and its derivatives, (n, pixels) and (n, pixels, 5)."""
    amplitude, base, x0, y0, sigma = (column[:, None] for column in parameters.T)
    dx, dy = x - x0, y - y0
    square = (dx**2 + dy**2) / sigma**2
    shape = np.exp(-0.5 * square)
    slope = amplitude * shape / sigma
    parts = [shape, np.ones_like(shape), slope * dx / sigma, slope * dy / sigma, slope * square]
    return amplitude * shape + base, np.stack(parts, axis=-1)


def _levenberg(
    values: FloatArray, x: FloatArray, y: FloatArray, start: FloatArray
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Levenberg-Marquardt of many independent small fits."""
    parameters = start.copy()
    damping = np.full(len(start), 1e-2)
    model, slopes = _model(parameters, x, y)
    cost = np.sum((values - model) ** 2, axis=1)
    change = np.full(len(start), np.inf)
    for _ in range(_ROUNDS):
        normal = np.einsum("npi,npj->nij", slopes, slopes)
        pull = np.einsum("npi,np->ni", slopes, values - model)
        diagonal = np.einsum("nii->ni", normal)
        extra = damping[:, None] * diagonal + 1e-12 * diagonal.max(axis=1, keepdims=True)
        normal = normal + np.eye(5) * extra[:, :, None]
        trial = parameters + np.linalg.solve(normal, pull[:, :, None])[:, :, 0]
        trial[:, 4] = np.clip(np.abs(trial[:, 4]), 0.3, 100.0)
        new_model, new_slopes = _model(trial, x, y)
        new_cost = np.sum((values - new_model) ** 2, axis=1)
        better = new_cost <= cost
        change = np.where(better, np.abs(trial[:, 4] - parameters[:, 4]), change)
        damping = np.where(better, damping * 0.3, damping * 10.0)
        parameters = np.where(better[:, None], trial, parameters)
        model = np.where(better[:, None], new_model, model)
        slopes = np.where(better[:, None, None], new_slopes, slopes)
        cost = np.where(better, new_cost, cost)
        if np.all(change < 1e-4):
            break
    return parameters, change < 1e-2
