"""Times of observation: middle of the exposure, and the barycentric standard."""

from __future__ import annotations

import math
import warnings

import numpy as np
import numpy.typing as npt

__all__ = ["bjd_tdb", "mid_exposure"]

FloatArray = npt.NDArray[np.float64]

_SECONDS = 86400.0


def mid_exposure(jd_start: float, exptime: float) -> float:
    """Julian date of the middle of an exposure.

    Parameters
    ----------
    jd_start : float
        Days.
    exptime : float
        Seconds.

    Raises
    ------
    ValueError
        Where the exposure time is negative or not finite.
    """
    if not (exptime >= 0 and math.isfinite(exptime)):
        msg = f"an exposure of {exptime} s has no middle"
        raise ValueError(msg)
    return jd_start + 0.5 * exptime / _SECONDS


def bjd_tdb(
    jd_utc: npt.ArrayLike,
    ra: float,
    dec: float,
    *,
    longitude: float,
    latitude: float,
    height: float,
) -> FloatArray:
    """Barycentric Julian date in TDB.

    The light-travel time to the barycentre of the solar system is added for a source at
    infinity (Eastman, Siverd and Gaudi 2010, PASP 122, 935), with astropy's built-in
    ephemeris; nothing is fetched from a network. Earth-orientation data beyond the table at
    hand shift the observer by under a metre per year, which no light curve sees.

    Parameters
    ----------
    jd_utc : array_like
        UTC Julian dates, mid-exposure.
    ra, dec : float
        Degrees, ICRS.
    longitude, latitude : float
        Of the site; geodetic, degrees, east positive.
    height : float
        Metres.

    Returns
    -------
    ndarray
        Of the shape of `jd_utc`, good to a few milliseconds.
    """
    from astropy import units
    from astropy.coordinates import EarthLocation, SkyCoord
    from astropy.time import Time
    from astropy.utils import iers

    site = EarthLocation.from_geodetic(
        longitude * units.deg, latitude * units.deg, height * units.m
    )
    source = SkyCoord(ra * units.deg, dec * units.deg, frame="icrs")
    days = np.asarray(jd_utc, dtype=np.float64)
    offline = iers.conf.set_temp("auto_download", False)
    lenient = iers.conf.set_temp("iers_degraded_accuracy", "ignore")
    with offline, lenient, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dates beyond the table of Earth orientation
        # Whole days and fractions apart keep microseconds.
        whole = np.floor(days)
        times = Time(whole, days - whole, format="jd", scale="utc", location=site)
        delay = times.light_travel_time(source, kind="barycentric", ephemeris="builtin")
        moments = times.tdb + delay
    return np.asarray(moments.jd1 + moments.jd2, dtype=np.float64)
