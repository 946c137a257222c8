"""Coordinates of the viewer are astropy's."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from polarnight.frames.coordinates import wcs_cards
from polarnight.web.viewer.opening import locate
from polarnight.web.viewer.planes import load
from polarnight.web.viewer.problems import BadRequest
from polarnight.web.viewer.sky import pixel_to_sky, read_wcs, sky_to_pixel, solutions

from .conftest import make_wcs


def test_both_images_of_a_pair_are_told(night):
    found = solutions(load(locate(night.reduced)).header)
    assert [solution["key"] for solution in found] == ["A", "B"]
    assert all(solution["local"] for solution in found)
    assert found[0]["crpix"] == pytest.approx([300.2, 250.7])
    assert found[1]["crpix"] == pytest.approx([320.2, 251.7])
    assert found[0]["sip"]["a"]
    np.testing.assert_allclose(found[0]["cd"], make_wcs().wcs.cd)


def test_a_raw_frame_has_none(night):
    assert solutions(load(locate(night.raw)).header) == []


@pytest.mark.parametrize("key", ["A", "B"])
def test_places_are_astropys(night, key):
    wcs = read_wcs(load(locate(night.reduced)).header, key)
    expected = make_wcs() if key == "A" else make_wcs(crpix=(320.2, 251.7))
    for x, y in ((1, 1), (300.5, 17.25), (601, 520)):
        ra, dec = pixel_to_sky(wcs, x, y)
        found = expected.all_pix2world([[x, y]], 1)[0]
        assert (ra, dec) == pytest.approx(tuple(found), abs=1e-9)
        assert sky_to_pixel(wcs, ra, dec) == pytest.approx((x, y), abs=1e-3)


def test_the_other_side_of_the_sky_is_in_no_frame():
    wcs = make_wcs()
    assert sky_to_pixel(wcs, 150.68038, -42.27777) is None
    assert sky_to_pixel(make_wcs(sip=False), 150.68038, -42.27777) is None


def test_other_projections_are_left_to_the_server():
    header = wcs_cards(make_wcs(sip=False), None)
    for key in [key for key in header if key.startswith("CTYPE")]:
        header[key] = header[key].replace("TAN", "ZEA")
    found = solutions(header)
    assert found
    assert not any(solution["local"] for solution in found)
    assert pixel_to_sky(read_wcs(header, ""), 300.2, 250.7) == pytest.approx((330.68038, 42.27777))


def test_a_turned_pole_is_left_to_the_server():
    wcs = make_wcs(sip=False)
    wcs.wcs.lonpole = 90.0
    wcs.wcs.set()
    assert not solutions(wcs_cards(wcs, None))[0]["local"]


@pytest.mark.parametrize(
    "cards",
    [
        {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CD1_1": 0.0, "CD2_2": 0.0},
        {"CTYPE1": "RA---XXX", "CTYPE2": "DEC--XXX"},
        {"CTYPE1": "RA---TAN"},
        {"CTYPE1": "<script>"},
    ],
)
def test_broken_solutions_are_none(cards):
    header = fits.Header()
    header.update(cards)
    assert solutions(header) == []


def test_other_keys_are_refused():
    with pytest.raises(BadRequest):
        read_wcs(fits.Header(), "Z")
