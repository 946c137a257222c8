"""Windowed centroids, with a way back where there is too little light."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

import numpy as np
import numpy.typing as npt

from polarnight.photometry._kernel import native_centroids
from polarnight.photometry._reference import CentroidSearch, reference_centroids
from polarnight.photometry.apertures import aperture_photometry
from polarnight.photometry.seeing import FWHM_PER_SIGMA

__all__ = ["CentroidFlag", "Centroids", "centroid"]

FloatArray = npt.NDArray[np.float64]

_ROUNDS = 30
_TOLERANCE = 1e-4  # pixels


class CentroidFlag(IntFlag):
    """Why a centroid fell back to the position given."""

    TOO_FAINT = 1
    WANDERED = 2
    NOT_CONVERGED = 4
    NO_DATA = 8


@dataclass(frozen=True, eq=False)
class Centroids:
    """Positions of n sources.

    Attributes
    ----------
    xy : ndarray, shape (n, 2)
        The centroid, or the position given where `flags` is not 0.
    xy_err : ndarray, shape (n, 2)
        From the variance of the pixels; NaN without variance or where it fell back.
    snr : ndarray, shape (n,)
        Signal-to-noise in the window.
    flags : ndarray of int, shape (n,)
        `CentroidFlag`; 0 is well.
    """

    xy: FloatArray
    xy_err: FloatArray
    snr: FloatArray
    flags: npt.NDArray[np.int64]


def centroid(
    data: npt.ArrayLike,
    variance: npt.ArrayLike | None,
    xy: npt.ArrayLike,
    fwhm: float,
    *,
    sky: npt.ArrayLike | None = None,
    reach: float | None = None,
    min_snr: float = 10.0,
    threads: int | None = None,
) -> Centroids:
    """Find windowed centroids near given positions.

    Iterates ``x += 2 sum(w f (x_i - x)) / sum(w f)``, w a Gaussian of the seeing cut at 4
    sigma, f without sky (the windowed position of SExtractor, Bertin and Arnouts 1996,
    A&AS 117, 393). Sources fainter than `min_snr` keep the position given: a faint centroid
    climbs onto noise peaks and brightens the source.

    Parameters
    ----------
    data : array_like, shape (ny, nx)
    variance : array_like, shape (ny, nx), optional
        Without it no source counts as too faint and errors are NaN.
    xy : array_like, shape (n, 2)
        Start, zero-based pixel centres.
    fwhm : float
        Seeing, pixels.
    sky : array_like, shape (n,), optional
        Per pixel; by default measured in the annulus 5 to 9 sigma.
    reach : float, optional
        Largest distance from the start, pixels; one FWHM by default.
    min_snr : float
    threads : int, optional

    Returns
    -------
    Centroids

    Raises
    ------
    ValueError
        Where `fwhm` is not positive.
    """
    if not fwhm > 0:
        msg = f"the seeing must be positive, not {fwhm}"
        raise ValueError(msg)
    image = np.ascontiguousarray(data, dtype=np.float32)
    var = None if variance is None else np.ascontiguousarray(variance, dtype=np.float32)
    start = np.ascontiguousarray(np.asarray(xy, dtype=np.float64).reshape(-1, 2))
    sigma = fwhm / FWHM_PER_SIGMA
    if sky is None:
        ring = (5.0 * sigma, 9.0 * sigma)
        measured = aperture_photometry(image, None, None, start, [1.0], ring, threads=threads)
        level = np.ascontiguousarray(measured.sky)
    else:
        level = np.ascontiguousarray(np.broadcast_to(np.asarray(sky, float), (len(start),)))
    search = CentroidSearch(sigma, fwhm if reach is None else reach, _ROUNDS, _TOLERANCE)
    found = native_centroids(image, var, start, level, search, threads)
    if found is None:
        found = reference_centroids(image, var, start, level, search)
    snr = found.values[:, 4] if var is not None else np.full(len(start), np.nan)
    flags = np.zeros(len(start), dtype=np.int64)
    flags[found.steps == -1] |= CentroidFlag.NOT_CONVERGED
    flags[found.steps == -2] |= CentroidFlag.NO_DATA
    flags[found.steps == -3] |= CentroidFlag.WANDERED
    if var is not None:
        flags[~(snr >= min_snr)] |= CentroidFlag.TOO_FAINT
    good = flags == 0
    errors = np.sqrt(found.values[:, 2:4]) if var is not None else np.full((len(start), 2), np.nan)
    return Centroids(
        xy=np.where(good[:, None], found.values[:, :2], start),
        xy_err=np.where(good[:, None], errors, np.nan),
        snr=snr,
        flags=flags,
    )
