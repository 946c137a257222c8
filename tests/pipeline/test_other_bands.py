"""Bands that are not Johnson-Cousins: what there is of them is used, and nothing crashes."""

import numpy as np
import pytest

from polarnight.astrometry.stars.catalogue import Stars
from polarnight.errors import AlgorithmFailed
from polarnight.pipeline.groups.field import catalogue_photometry
from polarnight.pipeline.groups.records import SourceRecord
from polarnight.pipeline.groups.relative import InstrumentalMagnitude, zero_points


@pytest.fixture
def stars():
    rng = np.random.default_rng(3)
    r = rng.uniform(12, 16, 50)
    mags = {"g_sdss": r + 0.6, "r_sdss": r, "i_sdss": r - 0.2}
    errors = {band: np.full(50, 0.01) for band in mags}
    return Stars(np.full(50, 10.0), np.full(50, 20.0), r, mags, errors)


def test_a_band_of_the_catalogue_is_taken_as_it_is(stars):
    told = catalogue_photometry(stars, "g_sdss")
    np.testing.assert_array_equal(told.mag, stars.mags["g_sdss"])
    assert told.origin == "g_sdss"
    assert np.isfinite(told.colour).all()


def test_a_band_that_no_catalogue_has_is_refused_with_the_reason(stars):
    with pytest.raises(AlgorithmFailed, match="no band Ha, which cannot be made of others"):
        catalogue_photometry(stars, "Ha")


def test_calibrators_without_the_band_give_no_zero_point():
    sources = [
        SourceRecord(1, "target", 10.0, 20.0),
        SourceRecord(2, "star", 10.0, 20.1, magnitudes={"V": (12.0, 0.01)}, calibrates=(1,)),
    ]
    measured = {n: InstrumentalMagnitude(-10.0, 0.01) for n in (1, 2)}
    assert zero_points(measured, sources, "Ha") == {}
    assert set(zero_points(measured, sources, "V")) == {1}
