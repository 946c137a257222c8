"""Curves of growth and aperture corrections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from polarnight.errors import AlgorithmFailed
from polarnight.photometry.apertures import Apertures
from polarnight.photometry.magnitudes import MAG_PER_RELATIVE_ERROR
from polarnight.photometry.zeropoint import zero_point

__all__ = ["ApertureCorrection", "aperture_correction", "aperture_differences", "growth_curve"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ApertureCorrection:
    """Magnitudes to add to those of a small aperture to have those of a large one.

    Attributes
    ----------
    value, err : float
        Negative: the large aperture holds more light.
    n : int
        Stars used.
    inflation : float
        Factor on their errors that their scatter asks for.
    """

    value: float
    err: float
    n: int
    inflation: float


def aperture_differences(
    apertures: Apertures, small: int, large: int
) -> tuple[FloatArray, FloatArray]:
    """Magnitude differences of the stars between two apertures, and their errors.

    The small circle lies within the large one, so that only the light between them is
    independent: its variance is the difference of the two.

    Parameters
    ----------
    apertures : Apertures
    small, large : int
        Indices of the radii.

    Returns
    -------
    difference, error : ndarray, shape (n,)
        Magnitudes, large minus small; not numbers where a star gives none.
    """
    inner, outer = apertures.flux[:, small], apertures.flux[:, large]
    ring = apertures.flux_err[:, large] ** 2 - apertures.flux_err[:, small] ** 2
    good = (inner > 0) & (outer > 0) & (ring > 0)
    safe_in, safe_out = np.where(good, inner, np.nan), np.where(good, outer, np.nan)
    # d(out/in)/(out/in): noise of the ring, plus that of the core where ring light scales it.
    share = (safe_out - safe_in) / safe_out
    core = share * apertures.flux_err[:, small] / safe_in
    error = np.hypot(np.sqrt(np.where(good, ring, np.nan)) / safe_out, core)
    return -2.5 * np.log10(safe_out / safe_in), MAG_PER_RELATIVE_ERROR * error


def aperture_correction(apertures: Apertures, small: int, large: int) -> ApertureCorrection:
    """Robust mean difference between two apertures over bright, isolated stars.

    Parameters
    ----------
    apertures : Apertures
        Of the stars chosen.
    small, large : int
        Indices of the radii.

    Returns
    -------
    ApertureCorrection

    Raises
    ------
    AlgorithmFailed
        Where no star gives a difference.
    ValueError
        Where the radii are not in this order.
    """
    if not apertures.radii[small] < apertures.radii[large]:
        msg = f"radius {apertures.radii[small]} is not smaller than {apertures.radii[large]}"
        raise ValueError(msg)
    mean = zero_point(*aperture_differences(apertures, small, large))
    return ApertureCorrection(mean.value, mean.err, mean.n, mean.inflation)


def growth_curve(apertures: Apertures) -> tuple[FloatArray, FloatArray]:
    """Fraction of the light of the largest aperture within each.

    Parameters
    ----------
    apertures : Apertures
        Of bright, isolated stars; radii in any order.

    Returns
    -------
    fraction, error : ndarray, shape (r,)
        Exactly 1 with no error at the largest radius.

    Raises
    ------
    AlgorithmFailed
        Where no star gives a curve.
    """
    if len(apertures) == 0:
        msg = "no star for a curve of growth"
        raise AlgorithmFailed(msg, stars=0)
    large = int(np.argmax(apertures.radii))
    fraction, error = np.ones(len(apertures.radii)), np.zeros(len(apertures.radii))
    for index, radius in enumerate(apertures.radii):
        if radius < apertures.radii[large]:
            step = aperture_correction(apertures, index, large)
            fraction[index] = 10.0 ** (0.4 * step.value)
            error[index] = fraction[index] * step.err / MAG_PER_RELATIVE_ERROR
    return fraction, error
