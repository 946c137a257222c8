"""Which magnitudes of the star catalogues serve a frame, and how they are made."""

import numpy as np
import pytest

from polarnight.astrometry import Stars
from polarnight.errors import AlgorithmFailed
from polarnight.photometry import to_johnson
from polarnight.pipeline.groups.field import catalogue_photometry

N = 30
COLOUR = np.linspace(0.6, 1.8, N)


def stars(**mags):
    """Return stars with some bands."""
    values = {band: np.broadcast_to(np.asarray(m, float), N).copy() for band, m in mags.items()}
    errors = {band: np.full(N, 0.01) for band in values}
    zero = np.zeros(N)
    return Stars(zero, zero, zero, mags=values, mag_errs=errors)


GAIA = {"G": 15.0, "BP": 15.0 + 0.5 * COLOUR, "RP": 15.0 - 0.5 * COLOUR}


def test_gaia_gives_the_band_and_a_colour_in_johnson_bands():
    told = catalogue_photometry(stars(**GAIA), "R")
    expected, error, _ = to_johnson("R", GAIA, dict.fromkeys(GAIA, 0.01))
    assert told.mag == pytest.approx(expected)
    assert told.err == pytest.approx(error)
    assert told.colour_name == "V-R"  # so that the colour of a source of the catalogue serves
    assert told.origin.startswith("R from gaia")
    assert np.all(np.diff(told.colour) > 0)


def test_own_magnitudes_go_before_those_that_are_made():
    told = catalogue_photometry(stars(R=14.0, V=14.0 + 0.5 * COLOUR, **GAIA), "R")
    assert told.origin == "R"
    assert told.mag == pytest.approx(np.full(N, 14.0))


def test_a_few_own_magnitudes_do_not_push_out_the_many():
    few = np.full(N, np.nan)
    few[:3] = 14.0
    told = catalogue_photometry(stars(R=few, **GAIA), "R")
    assert told.origin.startswith("R from gaia")
    assert np.isfinite(told.mag).all()


def test_unknown_systems_make_nothing():
    with pytest.raises(AlgorithmFailed, match="--system"):
        catalogue_photometry(stars(g=15.0, r=14.5, i=14.3), "R")


@pytest.mark.parametrize(
    ("bands", "origin"),
    [(("r_ps1", "r_sdss"), "r_sdss"), (("r_ps1", "r_apass"), "r_apass"), (("r_ps1",), "r_ps1")],
)
def test_a_sloan_filter_takes_the_band_of_its_name(bands, origin):
    mags = dict.fromkeys(bands, 14.5)
    more = {f"{b}_ps1": 14.0 + i * COLOUR for i, b in enumerate("gi")}
    told = catalogue_photometry(stars(**{**GAIA, **more, **mags}), "r")
    assert told.origin == origin
    with pytest.raises(AlgorithmFailed, match="no band z"):
        catalogue_photometry(stars(**GAIA), "z")
