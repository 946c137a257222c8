"""How much foreign light neighbours put into an aperture."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

__all__ = ["foreign_light", "light_of_neighbours"]

FloatArray = npt.NDArray[np.float64]


def foreign_light(
    ra: npt.ArrayLike, dec: npt.ArrayLike, flux: npt.ArrayLike, radius: float, sigma: float
) -> FloatArray:
    """Return the light of catalogued neighbours in an aperture over that of each star.

    A neighbour inside the aperture counts in full, one outside by the Gaussian wing that
    reaches in: enough to tell a blend from an isolated star.

    Parameters
    ----------
    ra, dec : array_like, shape (n,)
        Degrees.
    flux : array_like, shape (n,)
        Any unit; stars without a positive flux lend no light.
    radius, sigma : float
        Of the aperture and of the star image, arcsec.

    Returns
    -------
    ndarray, shape (n,)
        Infinite for stars without a positive flux.
    """
    alpha, delta = np.asarray(ra, dtype=np.float64), np.asarray(dec, dtype=np.float64)
    light = np.nan_to_num(np.asarray(flux, dtype=np.float64))
    foreign = np.zeros(len(light))
    if not len(light):
        return foreign
    # Differences of right ascension, so that 0h is no seam.
    east = ((alpha - alpha[0] + 180.0) % 360.0 - 180.0) * np.cos(np.deg2rad(delta))
    places = np.column_stack([east, delta]) * 3600.0
    for i, j in cKDTree(places).query_pairs(radius + 4.0 * sigma):
        beyond = max(0.0, float(np.hypot(*(places[i] - places[j]))) - radius)
        share = float(np.exp(-0.5 * (beyond / sigma) ** 2))
        foreign[i] += share * light[j]
        foreign[j] += share * light[i]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(light > 0, foreign / light, np.inf)


def light_of_neighbours(
    xy: npt.ArrayLike,
    neighbours: npt.ArrayLike,
    flux: npt.ArrayLike,
    radius: float,
    sigma: float,
    own: float,
) -> FloatArray:
    """Return the light that neighbours put into apertures.

    Parameters
    ----------
    xy : array_like, shape (n, 2)
        Centres of the apertures, pixels.
    neighbours : array_like, shape (m, 2)
        Places of all detections, the sources' own among them.
    flux : array_like, shape (m,)
        Of the detections; those without a positive flux lend no light.
    radius, sigma : float
        Of the apertures and of the star images, pixels.
    own : float
        A detection this near is the source itself, pixels.

    Returns
    -------
    ndarray, shape (n,)
        In the unit of `flux`. A neighbour inside the aperture counts in full, one outside by
        the Gaussian wing that reaches in, as in `foreign_light`.
    """
    places = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
    others = np.asarray(neighbours, dtype=np.float64).reshape(-1, 2)
    light = np.maximum(np.nan_to_num(np.asarray(flux, dtype=np.float64)), 0.0)
    distance = np.hypot(*(places[:, None, :] - others[None, :, :]).transpose(2, 0, 1))
    share = np.exp(-0.5 * (np.maximum(distance - radius, 0.0) / sigma) ** 2)
    share[~(distance > own)] = 0.0
    foreign: FloatArray = share @ light
    return foreign
