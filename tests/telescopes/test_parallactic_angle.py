"""The parallactic angle against the textbook's triangle and against astropy's frames."""

import math

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import TETE, AltAz, EarthLocation, SkyCoord
from astropy.time import Time

from polarnight.telescopes import all_telescopes, get_telescope

SITE = get_telescope("T090")
JD = 2459841.46187
RNG = np.random.default_rng(20)
DIRECTIONS = [(RNG.uniform(0, 360), RNG.uniform(-35, 88)) for _ in range(12)]


def difference(a, b):
    return (a - b + 180.0) % 360.0 - 180.0


@pytest.mark.parametrize(("ra", "dec"), DIRECTIONS)
def test_it_is_the_direction_to_the_zenith_of_astropy(ra, dec):
    """The position angle, in the ICRS, of the point overhead (without the atmosphere)."""
    place = EarthLocation.from_geodetic(SITE.longitude, SITE.latitude, SITE.height)
    time = Time(JD, format="jd", scale="utc")
    overhead = SkyCoord(alt=90 * u.deg, az=0 * u.deg, frame=AltAz(obstime=time, location=place))
    # Aberration shifts the point overhead by up to 20 arcsec: the ICRS direction is what
    # counts, so the star is carried to the sky and the angle is measured in small steps.
    star = SkyCoord(ra, dec, unit="deg")
    seen = star.transform_to(overhead.frame)
    step = 30 * u.arcsec
    nearer = SkyCoord(alt=seen.alt + step, az=seen.az, frame=overhead.frame).icrs
    expected = star.position_angle(nearer).to_value(u.deg)
    assert abs(difference(SITE.parallactic_angle(ra, dec, JD), expected)) < 0.02


@pytest.mark.parametrize("hours", [-4.0, -1.0, 0.5, 3.0])
def test_it_follows_the_spherical_triangle(hours):
    """tan q = sin H / (tan lat cos dec - sin dec cos H), with all angles of date.

    The pole of date lies off that of the ICRS, and position angles with it.
    """
    sidereal = Time(JD, format="jd", scale="ut1").sidereal_time("apparent", SITE.longitude * u.deg)
    time = Time(JD, format="jd", scale="utc")
    of_date = SkyCoord((sidereal.hour - hours) * 15.0, 20.0, unit="deg", frame=TETE(obstime=time))
    star = of_date.icrs
    pole = SkyCoord(0.0, 90.0, unit="deg", frame=TETE(obstime=time)).icrs
    h, lat, d = math.radians(15 * hours), math.radians(SITE.latitude), math.radians(20.0)
    triangle = math.degrees(
        math.atan2(math.sin(h), math.tan(lat) * math.cos(d) - math.sin(d) * math.cos(h))
    )
    expected = triangle + star.position_angle(pole).to_value(u.deg)
    found = SITE.parallactic_angle(star.ra.deg, star.dec.deg, JD)
    assert abs(difference(found, expected)) < 0.02
    assert math.copysign(1, found) == math.copysign(1, hours)  # east of the meridian: < 0


def test_on_the_meridian_it_is_zero_to_the_south_and_180_to_the_north():
    sidereal = Time(JD, format="jd", scale="ut1").sidereal_time("mean", longitude=SITE.longitude)
    ra = sidereal.deg % 360.0
    assert abs(SITE.parallactic_angle(ra, -10.0, JD)) < 1.0
    assert abs(abs(SITE.parallactic_angle(ra, 75.0, JD)) - 180.0) < 2.0


@pytest.mark.parametrize("name", sorted(all_telescopes()))
def test_every_telescope_has_one(name):
    value = get_telescope(name).parallactic_angle(305.87, 39.35, JD)
    assert -180.0 <= value < 180.0
