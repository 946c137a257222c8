"""Magnitudes from fluxes, and limits where there is no source."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

__all__ = ["MAG_PER_RELATIVE_ERROR", "instrumental_magnitude", "upper_limit"]

FloatArray = npt.NDArray[np.float64]

MAG_PER_RELATIVE_ERROR = 2.5 / math.log(10.0)


def instrumental_magnitude(
    flux: npt.ArrayLike, flux_err: npt.ArrayLike, exptime: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Magnitude of the flux per second.

    ``m = -2.5 log10(F/t)``, ``sigma_m = 2.5/ln(10) sigma_F/F``.

    Parameters
    ----------
    flux, flux_err : array_like
    exptime : array_like
        Seconds.

    Returns
    -------
    magnitude, error : ndarray
        NaN where the flux is not positive; see `upper_limit`.

    Raises
    ------
    ValueError
        Where an exposure time is not positive.
    """
    time = np.asarray(exptime, dtype=np.float64)
    if not np.all(time > 0):
        msg = "magnitudes per second need a positive exposure time"
        raise ValueError(msg)
    value, error = np.asarray(flux, dtype=np.float64), np.asarray(flux_err, dtype=np.float64)
    positive = np.where(value > 0, value, np.nan)
    magnitude = -2.5 * np.log10(positive / time)
    return magnitude, MAG_PER_RELATIVE_ERROR * error / positive


def upper_limit(
    flux: npt.ArrayLike, flux_err: npt.ArrayLike, exptime: npt.ArrayLike, *, nsigma: float = 3.0
) -> FloatArray:
    """Instrumental magnitude that a non-detection is fainter than.

    That of the flux ``max(F, 0) + nsigma sigma_F``: the measured flux counts, so that a
    source just below the threshold is not said to be fainter than it may be.

    Parameters
    ----------
    flux, flux_err : array_like
    exptime : array_like
        Seconds.
    nsigma : float

    Returns
    -------
    ndarray
    """
    value = np.maximum(np.asarray(flux, dtype=np.float64), 0.0)
    error = np.asarray(flux_err, dtype=np.float64)
    return instrumental_magnitude(value + nsigma * error, error, exptime)[0]
