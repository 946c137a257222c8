"""Geometry of the sphere and of the tangent plane, in plain numpy.

These few formulas are wanted thousands of times while a frame is being solved, where
the general machinery of astropy would cost more than the solution itself.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = [
    "gnomonic",
    "gnomonic_inverse",
    "julian_year",
    "precess_to_j2000",
    "separation",
    "unit_vectors",
]

Floats = npt.NDArray[np.float64]

_J2000 = 2451545.0
_ARCSEC = np.pi / (180.0 * 3600.0)


def julian_year(jd: float) -> float:
    """Return the Julian year of a Julian date."""
    return 2000.0 + (jd - _J2000) / 365.25


def unit_vectors(ra: npt.ArrayLike, dec: npt.ArrayLike) -> Floats:
    """Return unit vectors towards (ra, dec) in degrees, shape (..., 3)."""
    a = np.radians(np.asarray(ra, dtype=np.float64))
    d = np.radians(np.asarray(dec, dtype=np.float64))
    return np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=-1)


def separation(
    ra1: npt.ArrayLike, dec1: npt.ArrayLike, ra2: npt.ArrayLike, dec2: npt.ArrayLike
) -> Floats:
    """Return the angle between directions, degrees; exact at small angles and at 180 deg."""
    chord = np.linalg.norm(unit_vectors(ra1, dec1) - unit_vectors(ra2, dec2), axis=-1)
    return np.asarray(np.degrees(2.0 * np.arcsin(np.minimum(chord / 2.0, 1.0))))


def gnomonic(
    ra: npt.ArrayLike, dec: npt.ArrayLike, ra0: float, dec0: float
) -> tuple[Floats, Floats]:
    """Project onto the plane tangent at (ra0, dec0) (the TAN projection of FITS).

    Parameters
    ----------
    ra, dec : array_like
        Degrees.
    ra0, dec0 : float
        The tangent point, degrees.

    Returns
    -------
    xi, eta : ndarray
        Standard coordinates, degrees, xi to the east and eta to the north; NaN on the far
        hemisphere, which the projection does not reach.
    """
    a = np.radians(np.asarray(ra, dtype=np.float64) - ra0)
    d = np.radians(np.asarray(dec, dtype=np.float64))
    s0, c0 = np.sin(np.radians(dec0)), np.cos(np.radians(dec0))
    depth = s0 * np.sin(d) + c0 * np.cos(d) * np.cos(a)
    depth = np.where(depth > 1e-6, depth, np.nan)
    xi = np.cos(d) * np.sin(a) / depth
    eta = (c0 * np.sin(d) - s0 * np.cos(d) * np.cos(a)) / depth
    return np.degrees(xi), np.degrees(eta)


def gnomonic_inverse(
    xi: npt.ArrayLike, eta: npt.ArrayLike, ra0: float, dec0: float
) -> tuple[Floats, Floats]:
    """Return (ra, dec) in degrees of standard coordinates in degrees; inverse of `gnomonic`."""
    x = np.radians(np.asarray(xi, dtype=np.float64))
    y = np.radians(np.asarray(eta, dtype=np.float64))
    s0, c0 = np.sin(np.radians(dec0)), np.cos(np.radians(dec0))
    ra = ra0 + np.degrees(np.arctan2(x, c0 - y * s0))
    dec = np.degrees(np.arctan2(s0 + y * c0, np.hypot(x, c0 - y * s0)))
    return np.asarray(ra % 360.0), np.asarray(dec)


def precess_to_j2000(ra: float, dec: float, jd: float) -> tuple[float, float]:
    """Precess a mean place of date to J2000.

    Parameters
    ----------
    ra, dec : float
        Mean equator and equinox of `jd`, degrees.
    jd : float
        Julian date of the equinox.

    Returns
    -------
    ra, dec : float
        Mean equator and equinox J2000, degrees. Nutation and aberration (together below
        40 arcsec) are left out: this serves pointings, which are worse than that.

    Notes
    -----
    Equatorial precession angles zeta, z, theta of the IAU 2006 theory: Capitaine, Wallace
    and Chapront 2003, A&A 412, 567, eq. 40.
    """
    t = (jd - _J2000) / 36525.0
    zeta = (2.650545 + t * (2306.083227 + t * (0.2988499 + t * 0.01801828))) * _ARCSEC
    z = (-2.650545 + t * (2306.077181 + t * (1.0927348 + t * 0.01826837))) * _ARCSEC
    theta = t * (2004.191903 + t * (-0.4294934 - t * 0.04182264)) * _ARCSEC
    # Inverse of Rz(-z) Ry(theta) Rz(-zeta), which leads from J2000 to the date.
    a, d = np.radians(ra) - z, np.radians(dec)
    x = np.cos(theta) * np.cos(d) * np.cos(a) + np.sin(theta) * np.sin(d)
    y = np.cos(d) * np.sin(a)
    s = -np.sin(theta) * np.cos(d) * np.cos(a) + np.cos(theta) * np.sin(d)
    return (
        float(np.degrees(np.arctan2(y, x) - zeta) % 360.0),
        float(np.degrees(np.arcsin(np.clip(s, -1.0, 1.0)))),
    )
