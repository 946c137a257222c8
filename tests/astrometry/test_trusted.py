"""Plate solutions of headers, and laying one frame on another."""

import numpy as np
import pytest
from astropy.io.fits import Header
from astropy.wcs import WCS
from numpy.testing import assert_allclose

from polarnight.astrometry import register, solution_from_header
from polarnight.errors import AlgorithmFailed

SHAPE = (500, 600)
SCALE = 0.42


def wcs_of(ra=285.9, dec=40.87, turn=142.0, crpix=(301.0, 251.0)):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [ra, dec]
    wcs.wcs.crpix = crpix
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    wcs.wcs.cd = SCALE / 3600.0 * np.array([[-c, s], [s, c]])
    wcs.wcs.set()
    return wcs


def header_of(wcs):
    header = Header()
    header["NAXIS"], header["NAXIS1"], header["NAXIS2"] = 2, SHAPE[1], SHAPE[0]
    header.update(wcs.to_header())
    return header


def test_the_solution_is_the_headers():
    wcs = wcs_of()
    solution = solution_from_header(header_of(wcs), SHAPE, pixel_scale=SCALE)
    xy = np.random.default_rng(1).uniform(0, 500, (50, 2))
    assert_allclose(solution.wcs.all_pix2world(xy, 0), wcs.all_pix2world(xy, 0), atol=1e-8)
    assert solution.evidence["method"] == "header"
    assert "not verified" in solution.evidence["pointing"]
    assert solution.evidence["rms_arcsec"] is None


def test_a_header_with_another_scale_is_refused():
    with pytest.raises(AlgorithmFailed, match="another pixel scale"):
        solution_from_header(header_of(wcs_of()), SHAPE, pixel_scale=2 * SCALE)


def test_a_header_without_coordinates_is_refused():
    with pytest.raises(AlgorithmFailed, match="no celestial coordinates"):
        solution_from_header(Header(), SHAPE, pixel_scale=SCALE)


@pytest.mark.parametrize("n_stars", [5, 40])
def test_a_frame_is_laid_on_the_stars_of_another(n_stars):
    rng = np.random.default_rng(n_stars)
    true = wcs_of()
    xy = rng.uniform(20, 480, (n_stars, 2))
    sky = true.all_pix2world(xy, 0)
    # What the header says is off by some pixels and, for many stars, turned and stretched.
    off = wcs_of(turn=142.0 + (0.2 if n_stars > 8 else 0.0), crpix=(303.0, 249.5))
    seen = np.vstack([xy + 0.02 * rng.standard_normal(xy.shape), rng.uniform(0, 500, (10, 2))])
    moved, n, rms = register(off, sky, seen, reach=8.0)
    assert n >= n_stars - 2
    assert rms < 0.1
    assert_allclose(moved.all_world2pix(sky, 0), xy, atol=0.08)


def test_another_field_is_not_registered():
    rng = np.random.default_rng(3)
    sky = wcs_of().all_pix2world(rng.uniform(0, 500, (30, 2)), 0)
    with pytest.raises(AlgorithmFailed, match="too few stars"):
        register(wcs_of(), sky, rng.uniform(0, 500, (30, 2)), reach=1.0)


SIP = {"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP"}


@pytest.mark.parametrize(
    "cards",
    [
        {"CRVAL2": 95.0},
        {"CRVAL1": 1e9},
        {"CRVAL1": "nan"},
        {"CDELT1": 0.0, "CDELT2": 0.0},
        {"CDELT1": 1e10, "CDELT2": 1e10},
        {"CDELT1": 1e-300, "CDELT2": 1e-300},
        {"CTYPE2": ""},
        {"CTYPE2": "GLAT-TAN"},
        {"CUNIT1": "parsec"},
        {**SIP, "A_ORDER": 10**9, "B_ORDER": 10**9},
        {**SIP, "A_ORDER": 2},
        {**SIP, "A_ORDER": "x", "B_ORDER": "y"},
        {**SIP, "A_ORDER": 9, "B_ORDER": 9, "A_9_0": 1e30, "B_0_9": 1e30},
    ],
)
def test_coordinates_that_are_none_leave_the_frame_unsolved(cards):
    header = header_of(wcs_of())
    header.update(cards)
    with pytest.raises(AlgorithmFailed, match="celestial coordinates"):
        solution_from_header(header, SHAPE, pixel_scale=SCALE)
