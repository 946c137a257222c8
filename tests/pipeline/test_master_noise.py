"""What the frames of a cycle have in common by their masters."""

from types import SimpleNamespace

import numpy as np
import pytest

from polarnight.pipeline.groups.exposures import BeamTable
from polarnight.pipeline.groups.master_noise import MasterNoise
from polarnight.pipeline.groups.records import ApertureRow

FWHM, RADIUS, FLUX, SKY = 6.0, 7.64, 3e4, 40.0
SIGMA = FWHM / 2.3548
PLACES = [(40.0, 40.0), (41.7, 39.2), (38.9, 42.3), (40.4, 40.8)]


def frame(key, *, additive=0.0, relative=0.0, flat="flat.fits", origin=(0, 0), meta=None):
    noise = {"additive": additive, "relative": relative}
    meta = meta or {"master_noise": noise, "masters": {"bias": "bias.fits", "flat": flat}}
    ref = SimpleNamespace(id=key, info=SimpleNamespace(origin=origin))
    return SimpleNamespace(ref=ref, frame=SimpleNamespace(meta=meta))


def row(key, x, y, pair="O", flux=FLUX):
    return ApertureRow(
        frame=key, source=1, pair=pair, aperpix=RADIUS, r_in=12.0, r_out=23.0, flux_counts=flux,
        flux_counts_err=200.0, area=np.pi * RADIUS**2, n_sky=900, bkg_flux_counts=SKY,
        bkg_flux_counts_err=0.2, x_px=x, y_px=y, forced=False, crowded=False, fwhm=2.0,
        fwhm_source=None, bits=0, bits_left=0,
    )  # fmt: skip


def common(frames, places=PLACES):
    rows = [row(key, *place) for key, place in enumerate(places)]
    return MasterNoise(frames, FWHM).common_variance(rows)["O"]


def weights(place):
    """Aperture, and light in it, of each pixel of a fine grid."""
    step = 0.25
    y, x = np.mgrid[0:80:step, 0:80:step]
    r2 = (x - place[0]) ** 2 + (y - place[1]) ** 2
    inside = r2 <= RADIUS**2
    light = FLUX / (2 * np.pi * SIGMA**2) * np.exp(-0.5 * r2 / SIGMA**2) + SKY
    return inside * step, inside * light * step


@pytest.mark.parametrize(("additive", "relative"), [(4.0, 0.0), (0.0, 1e-5), (2.0, 3e-6)])
def test_covariance_is_that_of_the_pixels_in_common(additive, relative):
    every = [weights(place) for place in PLACES]
    expected = [
        additive * np.sum(a * b) + relative * np.sum(d * e)
        for i, (a, d) in enumerate(every)
        for j, (b, e) in enumerate(every)
        if i != j
    ]
    frames = [frame(key, additive=additive, relative=relative) for key in range(4)]
    assert common(frames) == pytest.approx(np.mean(expected), rel=0.05)


def test_other_masters_and_other_pixels_have_nothing_in_common():
    flats = [frame(key, relative=1e-5, flat=f"{key}.fits") for key in range(4)]
    assert common(flats) == 0.0
    two = [frame(key, relative=1e-5, flat=f"{key // 2}.fits") for key in range(4)]
    same = [frame(key, relative=1e-5) for key in range(4)]
    assert 0.0 < common(two) < 0.5 * common(same)
    windows = [frame(key, additive=4.0, origin=(100 * key, 0)) for key in range(4)]
    assert common(windows) == 0.0
    assert common([frame(0, additive=4.0)], PLACES[:1]) == 0.0


def test_frames_that_do_not_tell_share_none():
    assert common([frame(key, meta={"fwhm_px": FWHM}) for key in range(4)]) == 0.0


def test_errors_without_the_common_part():
    error = {"O": np.array([5.0, 10.0]), "E": np.array([3.0, np.nan])}
    table = BeamTable(np.zeros(2), error, error, error, {})
    own = table.without({"O": 16.0}).error
    assert own["O"] == pytest.approx([3.0, np.sqrt(84.0)])
    assert own["E"] == pytest.approx([3.0, np.nan], nan_ok=True)
    # Never more than four fifths of it.
    assert table.without({"O": 1e4}).error["O"] == pytest.approx(error["O"] * np.sqrt(0.2))
