"""Geometry agrees with astropy and erfa, which uses other code."""

import erfa
import numpy as np
import pytest
from astropy.wcs import WCS

from polarnight.astrometry.geometry import (
    gnomonic,
    gnomonic_inverse,
    julian_year,
    precess_to_j2000,
    separation,
    unit_vectors,
)


@pytest.mark.parametrize(("ra0", "dec0"), [(0.001, 0.0), (359.9, 60.0), (120.0, -89.5)])
def test_gnomonic_is_the_tan_projection_of_fits(ra0, dec0):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [ra0, dec0]
    wcs.wcs.cdelt = [1.0, 1.0]
    xi = np.array([-0.5, 0.0, 0.3, 1.0])
    eta = np.array([0.7, 0.0, -0.2, -1.0])
    ra, dec = gnomonic_inverse(xi, eta, ra0, dec0)
    world = wcs.wcs_pix2world(np.column_stack([xi, eta]) + wcs.wcs.crpix, 1)
    assert np.all(separation(ra, dec, world[:, 0], world[:, 1]) < 1e-9)
    back = gnomonic(ra, dec, ra0, dec0)
    np.testing.assert_allclose(back, [xi, eta], atol=1e-10)


def test_gnomonic_does_not_reach_the_far_hemisphere():
    xi, _ = gnomonic(np.array([180.0, 0.1]), np.array([0.0, 0.0]), 0.0, 0.0)
    assert np.isnan(xi[0])
    assert np.isfinite(xi[1])


@pytest.mark.parametrize("year", [1985.0, 2021.24, 2050.0])
@pytest.mark.parametrize(("ra", "dec"), [(114.9159, 21.5259), (10.0, -70.0), (250.0, 88.0)])
def test_precession_agrees_with_erfa(ra, dec, year):
    jd = 2451545.0 + (year - 2000.0) * 365.25
    # The matrix from J2000 to the date, by the same theory in the reference library of the IAU.
    _, precession, _ = erfa.bp06(jd, 0.0)
    x, y, z = precession.T @ unit_vectors(ra, dec)
    expected = np.degrees(np.arctan2(y, x)), np.degrees(np.arcsin(z))
    assert separation(*precess_to_j2000(ra, dec, jd), *expected) * 3600 < 1e-3


def test_separation_and_years():
    assert separation(359.5, 0.0, 0.5, 0.0) == pytest.approx(1.0)
    assert separation(0.0, 0.0, 180.0, 0.0) == pytest.approx(180.0)
    assert separation(10.0, 89.9, 190.0, 89.9) == pytest.approx(0.2)
    assert julian_year(2451545.0 + 3652.5) == pytest.approx(2010.0)
