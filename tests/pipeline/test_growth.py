"""Curves of growth of frames: the light of the model, errors that cover, what is stored."""

from types import SimpleNamespace

import numpy as np
import pytest

from polarnight.errors import AlgorithmFailed
from polarnight.frames import Frame
from polarnight.photometry import FWHM_PER_SIGMA, Apertures
from polarnight.pipeline.groups.growth import (
    GROWTH_STEPS,
    FrameGrowth,
    frame_growth,
    plot_growth,
    with_corrections,
)
from polarnight.pipeline.groups.measure import LoadedFrame, _crowded
from polarnight.pipeline.groups.records import ApertureRow
from polarnight.simulation import Psf, add_stars

GAIN, SKY, SIZE = 2.0, 100.0, 520


def loaded(rng, fwhm, *, number=1, flux=3e5, n=5):
    """A frame of n x n equal stars, far from one another."""
    places = np.linspace(60.0, SIZE - 60.0, n) + rng.uniform(-0.5, 0.5, n)
    x, y = (a.ravel() for a in np.meshgrid(places, places))
    electrons = np.full((SIZE, SIZE), SKY * GAIN, dtype=np.float32)
    add_stars(electrons, x, y, np.full(len(x), flux), Psf(fwhm))
    counts = rng.poisson(electrons).astype(np.float32)
    variance = np.maximum(counts, 1.0) / GAIN**2
    frame = Frame(counts / GAIN, variance, np.zeros(counts.shape, np.uint16))
    detections = {
        "x": x,
        "y": y,
        "flux": np.full(len(x), flux / GAIN),
        "flux_err": np.full(len(x), np.sqrt(flux + 5000.0) / GAIN),
        "flags": np.zeros(len(x), int),
    }
    return LoadedFrame(SimpleNamespace(id=number), frame, detections)


def growth(frame, fwhm):
    sigma = fwhm / FWHM_PER_SIGMA
    return frame_growth(frame, fwhm, (3.0 * sigma, 5.0 * sigma, 9.0 * sigma), GROWTH_STEPS)


def test_the_curve_is_that_of_the_stars():
    fwhm = 5.0
    curve = growth(loaded(np.random.default_rng(1), fwhm), fwhm)
    psf = Psf(fwhm)
    inside = 1.0 - np.array([float(psf.outside(r)) for r in (*curve.radii, curve.total)])
    ring = np.array([float(psf.outside(r)) for r in (5.0, 9.0)]) * 1.0
    assert curve.radii[0] == pytest.approx(3.0 * fwhm / FWHM_PER_SIGMA)
    steps = (3.0, *GROWTH_STEPS)
    for n, correction in enumerate(curve.corrections):
        share = 10.0 ** (0.4 * correction.value)
        # The sky of the measurement lies in the wings and takes a little light away.
        wings = (ring[0] - ring[1]) * (curve.radii[n] / fwhm) ** 2
        expected = inside[n] / inside[-1]
        # A pixel widens the core: it shows in the smallest circles only.
        tolerance = 0.03 if steps[n] < 2.0 else 0.004
        assert expected - tolerance - wings < share < expected + tolerance, steps[n]
        assert 0 < correction.err < 0.01
        assert correction.n == 25
    values = [c.value for c in curve.corrections[1:]]
    assert values == sorted(values)
    assert curve.at(2.0 * fwhm / FWHM_PER_SIGMA) is curve.corrections[3]


def test_corrected_magnitudes_do_not_follow_the_seeing():
    rng = np.random.default_rng(8)
    aperture = 3.0 * 5.0 / FWHM_PER_SIGMA
    plain, corrected, errors = [], [], []
    for fwhm in (4.4, 5.0, 5.8):
        frame = loaded(rng, fwhm)
        sigma = 5.0 / FWHM_PER_SIGMA
        found = frame_growth(frame, fwhm, (aperture, 5.0 * sigma, 9.0 * sigma), ()).corrections[0]
        # The light that the aperture holds of a star of magnitude zero.
        held = 1.0 - float(Psf(fwhm).outside(aperture))
        plain.append(-2.5 * np.log10(held))
        corrected.append(plain[-1] + found.value)
        errors.append(found.err)
    assert np.ptp(plain) > 0.03
    assert np.ptp(corrected) < 0.004
    assert max(errors) < 0.002


def test_the_error_covers_the_scatter():
    pulls = []
    rng = np.random.default_rng(4)
    values, errors = [], []
    for _ in range(25):
        curve = growth(loaded(rng, 5.0, flux=4e4, n=3), 5.0)
        values.append([c.value for c in curve.corrections])
        errors.append([c.err for c in curve.corrections])
    pulls = (np.array(values) - np.mean(values, axis=0)) / np.array(errors)
    assert 0.6 < np.std(pulls) < 1.25


def test_no_bright_star_no_curve():
    frame = loaded(np.random.default_rng(2), 5.0)
    frame.detections["flux"][:] = 1.0
    with pytest.raises(AlgorithmFailed, match="no bright isolated star"):
        growth(frame, 5.0)


def row(**changes):
    values = {
        "frame": 1, "source": 7, "pair": "O", "aperpix": 6.4, "r_in": 10.6, "r_out": 19.1,
        "flux_counts": 1e4, "flux_counts_err": 100.0, "area": 128.0, "n_sky": 700,
        "bkg_flux_counts": 100.0, "bkg_flux_counts_err": 0.4, "x_px": 1.0, "y_px": 2.0,
        "forced": False, "crowded": False, "fwhm": 2.0, "fwhm_source": None, "bits": 0,
        "bits_left": 0,
    }  # fmt: skip
    return ApertureRow(**{**values, **changes})


def test_rows_take_the_correction_of_their_frame_and_radius():
    curve = growth(loaded(np.random.default_rng(1), 5.0), 5.0)
    first, second, other = with_corrections([row(), row(aperpix=2.2), row(frame=2)], {1: curve})
    assert first.aperture_correction == curve.corrections[0].value
    assert first.aperture_correction_err == curve.corrections[0].err
    assert second.aperture_correction == curve.corrections[1].value
    assert other.aperture_correction is None
    assert curve.figures()["corrections"][0]["n"] == 25


def test_the_picture_shows_the_curve():
    curve = growth(loaded(np.random.default_rng(1), 5.0), 5.0)
    figure = plot_growth(curve, pixel_scale=0.4, title="frame")
    share = figure.axes[0].lines[0].get_ydata()
    assert len(share) == len(GROWTH_STEPS) + 2
    assert share[-1] == 1.0
    assert isinstance(curve, FrameGrowth)


def aperture(flux, error):
    n = len(flux)
    blank = np.zeros(n)
    return Apertures(
        xy=np.column_stack([np.full(n, 100.0), 100.0 + 200.0 * np.arange(n)]),
        radii=np.array([6.0]), flux=np.array(flux)[:, None], flux_err=np.array(error)[:, None],
        area=np.full((n, 1), 113.0), sky=blank, sky_err=blank, sky_rms=blank,
        n_sky=np.full(n, 500), bits=np.zeros((n, 1), np.uint16),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("neighbour", "distance", "flux", "error", "crowded"),
    [
        (2000.0, 5.5, 1e5, 100.0, True),  # inside, 2 %
        (500.0, 5.5, 1e5, 100.0, False),  # inside, half a per cent
        (2000.0, 7.0, 1e5, 100.0, True),  # outside; its wing reaches in
        (2000.0, 14.0, 1e5, 100.0, False),  # too far
        (2e6, 12.0, 1e5, 100.0, True),  # as far, but bright
        (2000.0, 5.5, 3e4, 3e4, False),  # lost in the noise of the source
        (1e5, 3.0, 1e5, 100.0, False),  # the source itself
    ],
)
def test_crowded_asks_how_bright_the_neighbour_is(neighbour, distance, flux, error, crowded):
    detections = {
        "x": np.array([100.2, 100.0 + distance]),
        "y": np.array([100.0, 100.0]),
        "flux": np.array([flux, neighbour]),
    }
    frame = LoadedFrame(SimpleNamespace(id=1), None, detections)
    table = aperture([flux + (neighbour if distance < 6.0 else 0.0), 1e4], [error, 100.0])
    assert _crowded(frame, table, 5.0).tolist() == [crowded, False]
