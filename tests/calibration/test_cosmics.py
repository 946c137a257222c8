"""Cosmic rays are found, the cores of stars are left alone, the pixels stay as they are."""

import numpy as np
import pytest
from scipy import ndimage

from polarnight.calibration import CosmicRayRules, ReduceRules, reduce_frame
from polarnight.calibration.cosmics import find_cosmic_rays
from polarnight.calibration.laplacian import sharp_edges
from polarnight.frames import Bit, Frame, ImageType

SKY, GAIN, READ_NOISE = 200.0, 1.5, 7.0
SATURATION = 39000.0
SIZE = 300


def field_of_stars(fwhm, rng, n=60, hits=0):
    """Return a frame, where the stars' cores are and where cosmic rays hit."""
    sigma = fwhm / 2.3548
    light = np.full((SIZE, SIZE), SKY)
    cores = np.zeros((SIZE, SIZE), bool)
    for _ in range(n):
        x0, y0 = rng.uniform(12, SIZE - 12, 2)
        box = np.s_[int(y0) - 12 : int(y0) + 13, int(x0) - 12 : int(x0) + 13]
        y, x = np.mgrid[box]
        # The mean over each pixel, not its value at the centre, which matters when few pixels
        # hold the star.
        image = sum(
            np.exp(-((y + j - y0) ** 2 + (x + i - x0) ** 2) / (2 * sigma**2))
            for j in (-1 / 3, 0, 1 / 3)
            for i in (-1 / 3, 0, 1 / 3)
        )
        light[box] += 10 ** rng.uniform(3.5, 5.8) * image / image.sum()
        cores[box] |= np.hypot(y - y0, x - x0) < 2 * fwhm
    mean = np.minimum(light, 40000.0)
    data = rng.poisson(mean * GAIN) / GAIN + rng.normal(0, READ_NOISE / GAIN, light.shape)
    struck = np.zeros((SIZE, SIZE), bool)
    for _ in range(hits):
        x0, y0 = rng.integers(12, SIZE - 12, 2)
        length, angle = rng.integers(1, 7), rng.uniform(0, np.pi)
        for step in range(length):
            place = int(y0 + step * np.sin(angle)), int(x0 + step * np.cos(angle))
            if not cores[place]:
                data[place] += rng.uniform(400, 8000)
                struck[place] = True
    variance = (np.maximum(data, 0) / GAIN + (READ_NOISE / GAIN) ** 2).astype("f4")
    bits = np.where(data >= SATURATION, np.uint16(Bit.SATURATED), np.uint16(0))
    return Frame(data.astype("f4"), variance, bits), cores, struck


@pytest.mark.parametrize("fwhm", [1.5, 1.8, 2.2, 3.0, 5.0])
def test_stars_are_left_alone(fwhm):
    frame, cores, _ = field_of_stars(fwhm, np.random.default_rng(int(fwhm * 10)))
    hits = find_cosmic_rays(frame, CosmicRayRules())
    assert (hits.mask & cores).sum() <= 1
    assert (hits.mask & ~cores).sum() <= 3


@pytest.mark.parametrize("fwhm", [1.8, 3.0, 5.0])
def test_cosmic_rays_are_found(fwhm):
    frame, _, struck = field_of_stars(fwhm, np.random.default_rng(7), hits=150)
    hits = find_cosmic_rays(frame, CosmicRayRules())
    assert (hits.mask & struck).sum() > 0.95 * struck.sum()
    # Touching pixels may be marked at a lower significance, others must not.
    far = ~ndimage.binary_dilation(struck, np.ones((3, 3)))
    assert (hits.mask & far).sum() <= 3
    assert hits.n_hits > 100


@pytest.mark.parametrize("fwhm", [5.0, 6.0])
def test_hits_in_the_cores_of_sampled_stars_are_found(fwhm):
    struck = found = 0
    for seed in range(8):
        rng = np.random.default_rng([11, seed])
        frame, cores, _ = field_of_stars(fwhm, rng)
        sigma = np.sqrt(frame.variance)
        star = ndimage.binary_erosion(cores, iterations=2) & (frame.data > SKY + 10 * sigma)
        places = rng.permutation(np.argwhere(star & (frame.bits == 0)))[:4]
        hit = np.zeros(star.shape, bool)
        hit[tuple(places.T)] = True
        added = np.where(hit, np.maximum(40 * sigma, 0.5 * (frame.data - SKY)), 0.0).astype("f4")
        hits = find_cosmic_rays(
            frame.replace(data=frame.data + added, variance=frame.variance + added / GAIN),
            CosmicRayRules(),
        )
        struck += hit.sum()
        found += (hits.mask & hit).sum()
        far = ~ndimage.binary_dilation(hit, np.ones((5, 5)))
        assert (hits.mask & far & cores).sum() <= 2
    assert found >= 0.9 * struck


@pytest.mark.parametrize("fwhm", [3.0, 5.0])
def test_pixels_found_are_those_of_the_established_code(fwhm):
    import astroscrappy

    frame, _, _ = field_of_stars(fwhm, np.random.default_rng(7), hits=150)
    bad = frame.bits != 0
    rules = CosmicRayRules()
    ours = sharp_edges(frame.data, frame.variance, bad, rules)
    theirs, _ = astroscrappy.detect_cosmics(
        frame.data,
        inmask=bad,
        invar=frame.variance,
        sigclip=rules.nsigma,
        sigfrac=rules.neighbour_fraction,
        objlim=rules.contrast,
        gain=1.0,
        satlevel=1e30,
        niter=rules.max_iterations,
        sepmed=False,
        cleantype="medmask",
    )
    theirs &= ~bad
    assert ours.sum() > 100
    assert (ours != theirs).sum() <= 0.01 * theirs.sum()


def test_a_frame_full_of_bad_pixels(chip):
    frame, _, struck = field_of_stars(3.0, np.random.default_rng(8), hits=50)
    bits = frame.bits.copy()
    bits[:, 100:103] = Bit.BAD_PIXEL
    data = frame.data.copy()
    data[:, 100:103] = np.nan
    hits = find_cosmic_rays(frame.replace(data=data, bits=bits), CosmicRayRules())
    assert not hits.mask[:, 100:103].any()
    inside = struck.copy()
    inside[:, 97:106] = False
    assert (hits.mask & inside).sum() > 0.95 * inside.sum()
    nothing = find_cosmic_rays(
        frame.replace(bits=np.full_like(bits, Bit.SATURATED)), CosmicRayRules()
    )
    assert nothing.n_hits == 0


def test_variance_is_needed():
    frame = Frame(np.zeros((20, 20), "f4"))
    with pytest.raises(ValueError, match="without a variance"):
        find_cosmic_rays(frame, CosmicRayRules())


def test_reduced_frames_are_marked_not_altered(chip):
    data = chip.expose(100.0, 60.0)
    data[40:44, 50] += 5000
    path, info = chip.write(data, chip.info(ImageType.LIGHT, exptime=60.0))
    marked = reduce_frame(path, info)
    plain = reduce_frame(path, info, cosmic_rays=False)
    np.testing.assert_array_equal(marked.data, plain.data)
    assert (marked.bits[40:44, 50] & Bit.COSMIC_RAY).all()
    assert marked.meta["cosmic_rays"]["hits"] >= 1
    assert "cosmic_rays" not in plain.meta
    short = reduce_frame(path, info.replace(exptime=2.0))
    assert short.meta["cosmic_rays"] == {"searched": False, "why": "exposed less than 5 s"}
    rules = ReduceRules(cosmic_rays=CosmicRayRules(min_exptime=0.0))
    assert reduce_frame(path, info.replace(exptime=2.0), rules=rules).bits[41, 50]
