"""The seeing of a frame is the full width at half maximum of its stars, wings or not."""

import numpy as np
import pytest

from polarnight.frames import Frame, FrameInfo, ImageType, ObsMode
from polarnight.pipeline.recipes.frame import Detect
from polarnight.pipeline.recipes.stage import Product

SIDE, STEP, FINE = 420, 60, 5


def star(x, y, profile):
    """Return the light of a star in every pixel of a box, unit sum, and its corner."""
    reach = 28
    fine = (np.arange((2 * reach + 1) * FINE) - FINE // 2) / FINE
    left, low = round(x) - reach, round(y) - reach
    square = (fine[None, :] + left - x) ** 2 + (fine[:, None] + low - y) ** 2
    light = profile(square).reshape(2 * reach + 1, FINE, 2 * reach + 1, FINE).sum((1, 3))
    return light / light.sum(), np.s_[low : low + 2 * reach + 1, left : left + 2 * reach + 1]


def frame(profile, stars=True):
    rng = np.random.default_rng(21)
    light = np.full((SIDE, SIDE), 50.0)
    for y in range(STEP, SIDE - STEP + 1, STEP) if stars else ():
        for x in range(STEP, SIDE - STEP + 1, STEP):
            shape, box = star(x + rng.uniform(-0.5, 0.5), y + rng.uniform(-0.5, 0.5), profile)
            light[box] += shape * 10 ** rng.uniform(3.5, 5.0)
    variance = light / 2.0 + 9.0
    data = light + np.sqrt(variance) * rng.standard_normal(light.shape)
    bits = np.zeros(light.shape, np.uint16)
    return Frame(data.astype("f4"), variance.astype("f4"), bits, info=INFO)


INFO = FrameInfo(
    telescope="OSN-T090",
    instrument="AndorT90",
    filename="a.fit",
    night="2024-04-08",
    imgtype=ImageType.LIGHT,
    obsmode=ObsMode.PHOTOMETRY,
    band="R",
    rotangle=None,
    exptime=60.0,
    jd_start=2460409.5,
    jd_mid=2460409.5,
    width=SIDE,
    height=SIDE,
    binning=(1, 1),
    gain=2.0,
    read_noise=6.0,
    saturation=65535.0,
    nonlinear=60000.0,
    pixel_scale=0.5,
)


def gaussian(fwhm):
    return lambda square: np.exp(-4.0 * np.log(2.0) * square / fwhm**2)


def moffat(fwhm, beta):
    core = fwhm / 2.0 / np.sqrt(2.0 ** (1.0 / beta) - 1.0)
    return lambda square: (1.0 + square / core**2) ** -beta


@pytest.mark.parametrize("fwhm", [2.6, 5.0])
def test_seeing_of_gaussian_stars(fwhm):
    found = Detect().run(Product({"frame": frame(gaussian(fwhm))}))["detections"]
    assert found.fwhm_median == pytest.approx(fwhm, rel=0.02)


@pytest.mark.parametrize("fwhm", [2.6, 5.0])
def test_wings_hardly_widen_the_seeing(fwhm):
    # The diameter of half the light is 15 % larger for this profile, the atmosphere's own.
    found = Detect().run(Product({"frame": frame(moffat(fwhm, 4.765))}))["detections"]
    assert fwhm < found.fwhm_median < 1.08 * fwhm
    assert np.median(found.fwhm) > 1.12 * fwhm


def test_a_frame_without_stars_has_no_seeing():
    product = Detect().run(Product({"frame": frame(gaussian(3.0), stars=False)}))
    found = product["detections"]
    assert found is None or not np.isfinite(found.fwhm_median) or len(found) < 3
