"""Forced photometry is unbiased, and limits of what is not detected contain the truth."""

import numpy as np
import pytest

from polarnight.photometry import (
    aperture_photometry,
    centroid,
    instrumental_magnitude,
    standard_radii,
    upper_limit,
)

SIGMA, SKY, STEP, N = 2.0, 400.0, 64, 25
FWHM = 2.3548 * SIGMA


def field(rng, flux):
    """An image of N x N Gaussian stars of one flux (electrons), and where they are."""
    places = STEP * (np.arange(N) + 0.5)
    x, y = (a.ravel() for a in np.meshgrid(places, places))
    x, y = x + rng.uniform(-0.5, 0.5, len(x)), y + rng.uniform(-0.5, 0.5, len(y))
    image = np.full((STEP * N, STEP * N), SKY)
    ry, rx = np.mgrid[-15:16, -15:16]
    for cx, cy in zip(x, y, strict=True):
        ix, iy = round(cx), round(cy)
        star = np.exp(-0.5 * ((rx + ix - cx) ** 2 + (ry + iy - cy) ** 2) / SIGMA**2)
        image[iy - 15 : iy + 16, ix - 15 : ix + 16] += flux * star / (2 * np.pi * SIGMA**2)
    seen = rng.poisson(image).astype(np.float32)
    return seen, np.column_stack([x, y])


def forced(seen, xy):
    radius, r_in, r_out = standard_radii(FWHM)
    table = aperture_photometry(seen, seen, None, xy, [radius], (r_in, r_out), clip=4.0)
    return table.flux[:, 0], table.flux_err[:, 0]


# S/N of about 0, 1, 2, 3 and 5.
@pytest.mark.parametrize("flux", [0.0, 250.0, 500.0, 750.0, 1250.0])
def test_forced_fluxes_are_unbiased_and_limits_hold_the_truth(flux):
    held = 1.0 - np.exp(-4.5)  # of a Gaussian within 3 sigma
    fluxes, errors = [], []
    for seed in range(2):
        rng = np.random.default_rng([seed, int(flux)])
        found, noise = forced(*field(rng, flux))
        fluxes.append(found)
        errors.append(noise)
    found, noise = np.concatenate(fluxes), np.concatenate(errors)
    pulls = (found - held * flux) / noise
    assert abs(pulls.mean()) < 3.5 / np.sqrt(len(pulls))
    assert np.std(pulls) == pytest.approx(1.0, abs=0.07)
    limits = upper_limit(found, noise, 1.0)
    if flux > 0:
        truth = instrumental_magnitude(held * flux, 1.0, 1.0)[0]
        # Fainter than the limit: in 99.87 % of the cases, and never in fewer than that says.
        assert np.mean(truth > limits) > 0.994
    # The limit is about as deep as three sigma, not deeper.
    assert np.median(limits) <= -2.5 * np.log10(2.9 * np.median(noise))
    assert np.isfinite(limits).all()


def test_limits_of_5000_fluxes():
    rng = np.random.default_rng(5)
    for flux in (0.0, 0.5, 1.0, 2.0, 2.9):
        found = flux + rng.standard_normal(5000)
        limits = upper_limit(found, np.ones(5000), 1.0)
        if flux > 0:
            contained = np.mean(-2.5 * np.log10(flux) >= limits)
            assert contained >= 0.9965, flux  # 99.87 % and chance


def test_faint_sources_are_measured_where_the_catalogue_says():
    rng = np.random.default_rng(9)
    seen, xy = field(rng, 1000.0)
    found = centroid(seen, seen, xy, FWHM)
    moved = np.any(found.xy != xy, axis=1)
    assert moved.mean() < 0.01
    assert np.array_equal(moved, found.flags == 0)
