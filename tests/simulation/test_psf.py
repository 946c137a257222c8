"""Star images: all the light, at the right place, integrated over pixels."""

import numpy as np
import pytest

from polarnight.simulation import Psf, add_stars


@pytest.mark.parametrize("kind", ["moffat", "gaussian"])
@pytest.mark.parametrize("fwhm", [1.5, 2.0, 2.6, 4.0])
def test_all_the_light_is_there_wherever_the_star_falls(kind, fwhm):
    psf = Psf(fwhm, kind)
    dx, dy = np.array([0.0, 0.3, -0.5, 0.49]), np.array([0.0, -0.2, 0.5, 0.1])
    stamps = psf.stamps(dx, dy, 60)
    np.testing.assert_allclose(stamps.sum(axis=(1, 2), dtype=float), 1.0, atol=1e-5)


@pytest.mark.parametrize("kind", ["moffat", "gaussian"])
def test_the_centroid_is_the_position(kind):
    stamp = Psf(3.0, kind).stamps(np.array([0.3]), np.array([-0.2]), 60)[0].astype(float)
    axis = np.arange(-60, 61)
    assert (stamp.sum(axis=0) * axis).sum() == pytest.approx(0.3, abs=2e-4)
    assert (stamp.sum(axis=1) * axis).sum() == pytest.approx(-0.2, abs=2e-4)


def test_a_pixel_holds_the_integral_not_the_middle_value():
    psf = Psf(2.0, "moffat", 2.5)
    value = float(psf.stamps(np.array([0.3]), np.array([0.1]), 3)[0, 3, 3])
    grid = (np.arange(2000) + 0.5) / 2000 - 0.5
    r2 = (grid[None, :] - 0.3) ** 2 + (grid[:, None] - 0.1) ** 2
    norm = 1.5 / (np.pi * psf.alpha**2)
    expected = np.mean(norm * (1.0 + r2 / psf.alpha**2) ** -2.5)
    assert value == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", ["moffat", "gaussian"])
def test_half_of_the_peak_at_half_the_width(kind):
    psf = Psf(40.0, kind)  # so wide that pixels do not matter
    stamp = psf.stamps(np.zeros(1), np.zeros(1), 30)[0]
    assert stamp[30, 50] / stamp[30, 30] == pytest.approx(0.5, rel=2e-3)


@pytest.mark.parametrize("kind", ["moffat", "gaussian"])
def test_light_outside_a_radius(kind):
    # Averaged over where in its pixel the star falls, the jagged edge of the circle evens out.
    psf = Psf(8.0, kind)
    offset = (np.arange(10) + 0.5) / 10 - 0.5
    dx, dy = (a.ravel() for a in np.meshgrid(offset, offset))
    stamps = psf.stamps(dx, dy, 60).astype(float)
    axis = np.arange(-60, 61)
    r = np.hypot(axis - dx[:, None, None], axis[:, None] - dy[:, None, None])
    outside = 1.0 - (stamps * (r < 10.0)).sum(axis=(1, 2)).mean()
    # The square pixel widens the image by 1/12 in variance on each axis, a little more light.
    wide = float(Psf(np.sqrt(64.0 + 2.3548**2 / 12.0), kind).outside(10.0))
    assert float(psf.outside(10.0)) < outside
    assert outside == pytest.approx(wide, rel=0.01)


def test_stars_add_up_and_hardly_lose_light():
    image = np.zeros((200, 220), dtype=np.float32)
    flux = np.array([1e2, 1e4, 3e5])
    add_stars(image, np.array([60.2, 110.7, 100.0]), np.array([70.0, 101.3, 99.9]), flux, Psf(3.0))
    assert image.sum(dtype=float) == pytest.approx(flux.sum(), abs=1.0)
    assert image[70, 60] > 0


def test_stars_beyond_the_edge_shine_in():
    image = np.zeros((50, 50), dtype=np.float32)
    add_stars(
        image,
        np.array([-1.0, np.nan, 500.0]),
        np.array([25.0, 3.0, 3.0]),
        np.full(3, 1e5),
        Psf(4.0),
    )
    half = float(image.sum())
    assert 0.2e5 < half < 0.5e5
    assert np.argmax(image.sum(axis=0)) == 0


@pytest.mark.parametrize(
    "wrong", [{"fwhm": 0.0}, {"fwhm": 2.0, "beta": 1.0}, {"fwhm": 2.0, "kind": "airy"}]
)
def test_nonsense_is_refused(wrong):
    with pytest.raises(ValueError, match="no point-spread function"):
        Psf(**wrong)
