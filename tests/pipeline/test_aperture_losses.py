"""Light lost outside the aperture is told by the stars of each frame."""

from types import SimpleNamespace

import numpy as np
import pytest

from polarnight.frames import Bit, Frame
from polarnight.photometry import standard_radii
from polarnight.pipeline.groups.aperture_losses import RelativeLoss, relative_losses
from polarnight.pipeline.groups.measure import LoadedFrame
from polarnight.simulation import Psf, add_stars

GAIN, SKY, READ_NOISE = 2.0, 100.0, 5.0
SIZE = 400


def loaded(number, fwhm, rng, *, flux=2e5, transparency=1.0, n=25):
    """A frame of equal stars on a grid, and their detections."""
    places = np.linspace(45.0, SIZE - 45.0, 5) + 0.3
    x, y = (a.ravel()[:n] for a in np.meshgrid(places, places))
    electrons = np.full((SIZE, SIZE), SKY * GAIN, dtype=np.float32)
    fluxes = np.full(len(x), flux * transparency)
    add_stars(electrons, x, y, fluxes, Psf(fwhm))
    counts = rng.poisson(electrons) + READ_NOISE * rng.standard_normal(electrons.shape)
    data = (counts / GAIN).astype(np.float32)
    variance = (np.maximum(counts, 0) / GAIN**2 + (READ_NOISE / GAIN) ** 2).astype(np.float32)
    frame = Frame(data, variance, np.zeros(data.shape, np.uint16))
    detections = {
        "x": x,
        "y": y,
        "flux": fluxes / GAIN,
        "flux_err": np.sqrt(fluxes + 5000.0) / GAIN,
        "flags": np.zeros(len(x), int),
    }
    return LoadedFrame(SimpleNamespace(id=number), frame, detections)


def test_seeing_that_changes_is_made_good():
    rng = np.random.default_rng(3)
    widths, fwhm = (4.6, 5.0, 5.6), 5.0
    frames = [loaded(i, w, rng, transparency=1.0 - 0.2 * i) for i, w in enumerate(widths)]
    found = relative_losses(frames, fwhm, standard_radii(fwhm))
    radius = 3.0 * fwhm / 2.3548
    held = np.array([1.0 - float(Psf(w).outside(radius)) for w in widths])
    expected = held / held.mean()
    assert np.ptp(expected) > 0.02
    for number, truth in enumerate(expected):
        loss = found[number]
        assert loss.n == 25
        assert 0 < loss.error < 0.001
        # Beyond: the wings outside the large circle, which differ by some 1e-4 here.
        assert abs(loss.factor - truth) < 3 * loss.error + 0.0005


def test_the_error_is_that_of_the_scatter():
    """Frames of one seeing differ by their errors."""
    rng = np.random.default_rng(4)
    deviations = []
    for _ in range(15):
        pair = [loaded(i, 5.0, rng, flux=3e4, n=12) for i in range(2)]
        a, b = relative_losses(pair, 5.0, standard_radii(5.0)).values()
        deviations.append((a.factor - b.factor) / np.hypot(a.error, b.error))
    assert 0.6 < np.std(deviations) < 1.5


def test_without_bright_stars_nothing_is_corrected():
    rng = np.random.default_rng(5)
    frames = [loaded(0, 5.0, rng), loaded(1, 5.0, rng, flux=500.0)]
    assert relative_losses(frames, 5.0, standard_radii(5.0)) == {
        0: RelativeLoss(),
        1: RelativeLoss(),
    }


def test_stars_with_a_bright_neighbour_are_left_out():
    rng = np.random.default_rng(6)
    frame = loaded(0, 5.0, rng)
    near = {key: np.append(value, value[0]) for key, value in frame.detections.items()}
    near["x"][-1] += 8.0
    near["flux"][-1] *= 0.1
    disturbed = LoadedFrame(frame.ref, frame.frame, near)
    assert relative_losses([disturbed], 5.0, standard_radii(5.0))[0].n == 24
    near["flux"][-1] *= 0.01
    assert relative_losses([disturbed], 5.0, standard_radii(5.0))[0].n == pytest.approx(25)


def test_a_star_that_is_odd_in_every_frame_is_compared_with_itself():
    """Bright stars with wings of their own, a few of them: seen in one frame and not in another,
    or counted there less, their oddity would be taken for the seeing.
    """
    rng = np.random.default_rng(7)
    frames = [odd_ones(loaded(i, 5.0, rng), spoilt=3 * i) for i in range(3)]
    found = relative_losses(frames, 5.0, standard_radii(5.0))
    for loss in found.values():
        assert abs(loss.factor - 1.0) < 3.0 * loss.error
        assert loss.error < 0.001


def odd_ones(frame, *, spoilt):
    """Put light around ten stars of a frame; of these some cannot be measured there."""
    data, bits = frame.frame.data.copy(), frame.frame.bits.copy()
    y, x = np.indices(data.shape)
    for n in range(10):
        apart = np.hypot(x - frame.detections["x"][n], y - frame.detections["y"][n])
        data[(apart > 8.0) & (apart < 13.0)] += 14.0
        if spoilt <= n < spoilt + 3:
            bits[apart < 3.0] = int(Bit.NO_DATA)
    return LoadedFrame(frame.ref, Frame(data, frame.frame.variance, bits), frame.detections)


def test_frames_without_a_star_in_common_have_their_own_curves():
    rng = np.random.default_rng(8)
    one, other = loaded(0, 5.0, rng), loaded(1, 5.0, rng)
    halves = [
        LoadedFrame(
            frame.ref, frame.frame, {key: value[part] for key, value in frame.detections.items()}
        )
        for frame, part in ((one, np.s_[:10]), (other, np.s_[15:]))
    ]
    found = relative_losses(halves, 5.0, standard_radii(5.0))
    assert [loss.n for loss in found.values()] == [10, 10]
    assert abs(found[0].factor - found[1].factor) < 4.0 * np.hypot(found[0].error, found[1].error)
