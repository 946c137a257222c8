"""The projection: as FITS defines TAN, oriented as said, and invertible."""

import numpy as np
import pytest
from astropy.wcs import WCS

from polarnight.simulation import Optics


def make(**changes):
    values = {
        "ra": 330.68, "dec": 42.28, "scale": 0.5, "rotation": 30.0, "mirrored": False,
        "shape": (800, 1000), "shift": (3.0, -2.0), "distortion": 0.0,
    }  # fmt: skip
    return Optics(**(values | changes))


@pytest.mark.parametrize("mirrored", [False, True])
def test_agrees_with_the_tan_projection_of_astropy(mirrored):
    optics = make(mirrored=mirrored)
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [optics.ra, optics.dec]
    wcs.wcs.crpix = [optics.centre[0] + 1, optics.centre[1] + 1]
    wcs.wcs.cd = np.array(optics.cd_matrix)
    x, y = np.random.default_rng(1).uniform(-100, 1100, (2, 50))
    ra, dec = wcs.pixel_to_world_values(x, y)
    np.testing.assert_allclose(optics.pixel(ra, dec), (x, y), atol=1e-6)
    np.testing.assert_allclose(optics.sky(x, y), (ra, dec), atol=1e-9)


@pytest.mark.parametrize("distortion", [0.0, 0.4, -0.4])
def test_there_and_back(distortion):
    optics = make(distortion=distortion)
    x, y = np.random.default_rng(2).uniform(0, 1000, (2, 50))
    np.testing.assert_allclose(optics.pixel(*optics.sky(x, y)), (x, y), atol=1e-6)


def test_distortion_is_what_it_says_at_half_the_diagonal():
    ny, nx = make().shape
    straight, bent = make(shift=(0.0, 0.0)), make(shift=(0.0, 0.0), distortion=0.4)
    corner = straight.sky(np.array([nx - 0.5]), np.array([ny - 0.5]))
    x, y = bent.pixel(*corner)
    assert np.hypot(x - (nx - 0.5), y - (ny - 0.5))[0] == pytest.approx(0.4, rel=1e-6)


@pytest.mark.parametrize(("mirrored", "east"), [(False, -1.0), (True, 1.0)])
def test_orientation(mirrored, east):
    optics = make(rotation=0.0, mirrored=mirrored, shift=(0.0, 0.0))
    x, y = optics.pixel(
        np.array([optics.ra + 0.01, optics.ra]), np.array([optics.dec, optics.dec + 0.01])
    )
    x0, y0 = optics.centre
    assert np.sign(x[0] - x0) == east
    assert y[1] > y0
    assert x[1] == pytest.approx(x0, abs=1e-6)


def test_rotation_turns_north_to_the_left():
    optics = make(rotation=90.0, shift=(0.0, 0.0))
    x, y = optics.pixel(np.array([optics.ra]), np.array([optics.dec + 0.01]))
    assert x[0] < optics.centre[0] - 70
    assert y[0] == pytest.approx(optics.centre[1], abs=1e-6)


def test_behind_the_tangent_plane_is_nowhere():
    assert np.isnan(make().pixel(np.array([150.68]), np.array([-42.0]))).all()
