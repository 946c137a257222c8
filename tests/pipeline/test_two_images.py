"""Photometry of frames that show every source twice."""

import numpy as np
import pytest

from polarnight.pipeline.groups.field import _joined
from polarnight.pipeline.groups.group import direct_flux, instrumental_magnitudes
from polarnight.pipeline.groups.measure import beams_disagree
from polarnight.pipeline.groups.records import ApertureRow


def image(pair, flux, error=10.0, **changes):
    values = {
        "frame": 1, "source": 7, "pair": pair, "aperpix": 8.0, "r_in": 14.0, "r_out": 26.0,
        "flux_counts": flux, "flux_counts_err": error, "area": 200.0, "n_sky": 1500,
        "bkg_flux_counts": 5.0, "bkg_flux_counts_err": 0.1, "x_px": 300.0, "y_px": 200.0,
        "forced": False, "crowded": False, "fwhm": 1.8, "fwhm_source": None, "bits": 0,
        "bits_left": 0,
    }  # fmt: skip
    return ApertureRow(**(values | changes))


def test_both_images_are_the_light_of_a_source():
    rows = [image("O", 6000.0, 30.0), image("E", 5000.0, 40.0)]
    flux = direct_flux(rows)
    assert (flux.value, flux.error) == (11000.0, 50.0)
    joined = _joined(rows)[7]
    assert (joined.flux_counts, joined.flux_counts_err) == (11000.0, 50.0)
    assert (joined.pair, joined.crowded) == ("O", False)


def test_faults_of_either_image_are_those_of_the_source():
    rows = [image("O", 6000.0, bits=4), image("E", 6000.0, bits=8, bits_left=8, crowded=True)]
    joined = _joined(rows)[7]
    assert (joined.bits, joined.bits_left, joined.crowded) == (12, 8, True)
    assert _joined([image("O", 6000.0)])[7].flux_counts == 6000.0


@pytest.mark.parametrize(
    ("fluxes", "error", "disagree"),
    [
        ((6000.0, 6000.0), 10.0, False),
        ((7000.0, 5000.0), 10.0, False),  # 17 % polarized
        ((9000.0, 5000.0), 10.0, True),
        ((5000.0, 9000.0), 10.0, True),
        ((90.0, 30.0), 20.0, False),  # noise
        ((np.nan, 30.0), 20.0, False),
    ],
)
def test_another_star_on_one_of_the_images(fluxes, error, disagree):
    rows = [image(pair, flux, error) for pair, flux in zip("OE", fluxes, strict=True)]
    assert beams_disagree(rows) is disagree
    told = instrumental_magnitudes({7: direct_flux(rows)}, {7: rows}, 10.0)
    assert (7 in told) == (not disagree and bool(np.isfinite(fluxes).all()))
    assert _joined(rows)[7].crowded is disagree


def test_one_image_disagrees_with_nothing():
    assert not beams_disagree([image("O", 6000.0)])
