"""Frames are laid upon each other where the sky says."""

from __future__ import annotations

import numpy as np
import pytest

from polarnight.db import RawFit, ReducedFit
from polarnight.web.viewer.alignment import align, fit
from polarnight.web.viewer.neighbours import neighbours

from .conftest import SHAPE, make_info, make_wcs


@pytest.mark.parametrize("angle", [12.0, 57.0, -168.0])
def test_pixels_fall_where_astropy_puts_them(angle):
    wcs, base = make_wcs(crpix=(80.0, 95.5), angle=angle), make_wcs()
    found = fit(wcs, (200, 160), base, SHAPE)
    a, b, c, d, e, f = found.matrix
    assert found.by_sky
    assert found.rms < 0.5
    for x, y in ((1, 1), (80, 95), (160, 200)):
        expected = base.all_world2pix(wcs.all_pix2world([[x, y]], 1), 1)[0]
        assert (a * x + c * y + e, b * x + d * y + f) == pytest.approx(tuple(expected), abs=1.0)


def test_without_distortion_nothing_is_left():
    found = fit(make_wcs(angle=30.0, sip=False), (200, 160), make_wcs(sip=False), SHAPE)
    assert found.rms < 1e-3
    a, b, c, d, *_ = found.matrix
    assert abs(np.degrees(np.arctan2(b, a))) == pytest.approx(18.0, abs=1e-3)
    assert a * d - b * c == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("crval", [(331.5, 42.28), (150.68, -42.28)])
def test_other_parts_of_the_sky_are_told(crval):
    found = fit(make_wcs(crval=crval), SHAPE, make_wcs(), SHAPE)
    assert (found.by_sky, found.why) == (False, "they show different parts of the sky")
    assert found.matrix == (1, 0, 0, 1, 0, 0)


def test_only_solved_frames_are_laid_by_the_sky(night):
    assert align(night.reduced, night.reduced).by_sky
    night.reduced.solved = False
    assert align(night.reduced, night.reduced).why == "not both have a plate solution"


def test_frames_of_another_size_are_offered(night):
    info = make_info(filename="later.fit", width=160, height=200, jd_mid=2459841.6)
    later = RawFit.from_info(night.epoch, info)
    later.save()
    ReducedFit.from_rawfit(later, path="none", content_key="y").save()
    found = neighbours(night.reduced)
    assert [entry["role"] for entry in found] == ["raw", "next"]
    assert "later.fit" in found[1]["title"]
