"""Clouds of a magnitude between exposures, told by the stars of the field."""

import numpy as np
import pytest

from polarnight.errors import AlgorithmFailed
from polarnight.polarimetry import (
    InstrumentalPolarization,
    correct,
    field_transparency,
    fit_polaroids,
    zero_of_field,
)

AXES = np.array([-45.0, 0.0, 45.0, 90.0])
OSN = InstrumentalPolarization(0.0579, 0.0583, 0.003, 0.0023, -18.0, 1.0)
CLOUDS = np.array([1.0, 0.4, 0.7, 0.9])


def behind_polaroids(q, u, level, axes=AXES):
    turn = np.radians(2 * axes)
    wave = np.outer(np.atleast_1d(q), np.cos(turn)) + np.outer(np.atleast_1d(u), np.sin(turn))
    return np.reshape(level, (-1, 1)) * (1 + wave)


def stars(rng, n=20, q=None, u=None, clouds=CLOUDS, own=0.005):
    """Fluxes of field stars with the zero of the instrument and scattered polarization."""
    q = OSN.q0 + own * rng.standard_normal(n) if q is None else q
    u = OSN.u0 + own * rng.standard_normal(n) if u is None else u
    clean = behind_polaroids(q, u, rng.uniform(3e4, 6e5, n)) * clouds
    seen = rng.poisson(clean) + 25 * rng.standard_normal(clean.shape)
    return seen, np.sqrt(np.maximum(seen, 0) + 625)


def test_two_beams_tell_the_clouds_within_the_errors():
    rng = np.random.default_rng(1)
    pulls = []
    for _ in range(300):
        clean = rng.uniform(2e4, 6e5, (8, 1)) * CLOUDS
        seen = rng.poisson(clean)
        found = field_transparency(seen, np.sqrt(seen))
        pulls.append((found.factor - CLOUDS / CLOUDS.mean()) / found.error)
        assert found.changes
        assert found.range == pytest.approx(2.5 * np.log10(1 / 0.4), abs=0.02)
    # The mean of the factors is fixed, so that they scatter a little less than their errors.
    assert 0.75 < np.std(pulls) < 1.05
    assert np.abs(np.mean(pulls, axis=0)).max() < 0.2


def test_clear_skies_do_not_change():
    rng = np.random.default_rng(2)
    quiet = [
        field_transparency(
            *stars(rng, clouds=np.ones(4)), axes_deg=AXES, zero=OSN, field_err=0.003
        ).changes
        for _ in range(200)
    ]
    assert np.mean(quiet) < 0.03


def test_the_zero_of_the_instrument_is_no_cloud():
    """An instrument that polarizes by 8 % modulates every star; without knowing, it is a cloud."""
    rng = np.random.default_rng(3)
    flux, error = stars(rng, clouds=np.ones(4))
    assert field_transparency(flux, error, axes_deg=AXES).changes
    assert not field_transparency(flux, error, axes_deg=AXES, zero=OSN, field_err=0.003).changes


def test_polarization_through_clouds_of_a_magnitude():
    rng = np.random.default_rng(4)
    flux, error = stars(rng)
    sky = field_transparency(flux, error, axes_deg=AXES, zero=OSN, field_err=0.003)
    turn = np.exp(-2j * np.radians(OSN.zero_angle))
    z = (0.10 - 0.04j) * turn + OSN.q0 + 1j * OSN.u0
    clean = behind_polaroids(z.real, z.imag, 4e5)[0] * CLOUDS
    seen = rng.poisson(clean)
    blind = correct(fit_polaroids(AXES, seen, np.sqrt(seen)), OSN)
    assert abs(blind.q - 0.10) > 0.05  # what the cloud makes of it
    noise = np.hypot(np.sqrt(seen), seen * sky.error / sky.factor) / sky.factor
    found = correct(fit_polaroids(AXES, seen / sky.factor, noise), zero_of_field(OSN, 0.003))
    assert abs(found.q - 0.10) < 3 * found.q_err
    assert abs(found.u + 0.04) < 3 * found.u_err
    assert found.q_err < 0.006


def test_polarization_of_the_whole_field_is_taken_off_and_its_error_said():
    """The degeneracy: 1 % common to all stars goes with the clouds."""
    rng = np.random.default_rng(5)
    n = 40
    flux, error = stars(rng, n, q=np.full(n, OSN.q0 + 0.01), u=np.full(n, OSN.u0))
    sky = field_transparency(flux, error, axes_deg=AXES, zero=OSN, field_err=0.01)
    clean = behind_polaroids(OSN.q0 + 0.10, OSN.u0, 5e7)[0] * CLOUDS
    fitted = fit_polaroids(AXES, clean / sky.factor, np.sqrt(clean))
    assert fitted.q - OSN.q0 == pytest.approx(0.09, abs=0.001)
    ahead = zero_of_field(OSN, 0.01)
    assert (ahead.q0_err, ahead.u0_err) == pytest.approx((0.01, 0.01))
    assert ahead.zero_angle_err == OSN.zero_angle_err
    assert "field" in ahead.origin
    assert correct(fitted, ahead).q_err > 0.0099


def test_the_zero_of_the_instrument_cancels():
    """Wrong constants, put in and taken off again, do not matter."""
    rng = np.random.default_rng(6)
    flux, error = stars(rng, own=0.0)
    clean = behind_polaroids(OSN.q0 + 0.05, OSN.u0, 1e6)[0] * CLOUDS
    values = []
    for q0 in (0.04, 0.0579, 0.07):
        wrong = InstrumentalPolarization(q0, 0.05)
        sky = field_transparency(flux, error, axes_deg=AXES, zero=wrong, field_err=0.003)
        fitted = fit_polaroids(AXES, clean / sky.factor, np.sqrt(clean))
        values.append(correct(fitted, wrong).q)
    assert np.ptp(values) < 0.001
    assert values[1] == pytest.approx(0.05, abs=0.003)


@pytest.mark.parametrize("bad", ["variable", "spoilt"])
def test_an_odd_star_is_left_out(bad):
    rng = np.random.default_rng(7)
    flux, error = stars(rng)
    if bad == "variable":
        flux[3] *= [1.0, 1.1, 1.2, 1.3]
    else:
        flux[3, 2] *= 2.0
    found = field_transparency(flux, error, axes_deg=AXES, zero=OSN, field_err=0.003)
    assert found.n_stars == 19
    assert found.factor == pytest.approx(CLOUDS / CLOUDS.mean(), abs=0.01)


def test_too_few_stars_are_refused():
    rng = np.random.default_rng(8)
    flux, error = stars(rng, 6)
    flux[0, 1] = np.nan
    flux[4, 2] = -3.0
    with pytest.raises(AlgorithmFailed, match="too few constant stars") as caught:
        field_transparency(flux, error)
    assert caught.value.numbers["stars"] == 4
    with pytest.raises(AlgorithmFailed):
        field_transparency(np.zeros((0, 4)), np.zeros((0, 4)))


def test_an_uncertain_scale_is_no_cloud():
    """Factors that all stars were divided by have errors of their own."""
    rng = np.random.default_rng(9)
    flux, error = stars(rng, clouds=np.array([1.0, 1.01, 0.99, 1.0]), own=0.0)
    known = {"axes_deg": AXES, "zero": OSN, "field_err": 0.001}
    assert field_transparency(flux, error, **known).changes
    doubtful = field_transparency(flux, error, scale_err=np.full(4, 0.01), **known)
    assert not doubtful.changes
    assert doubtful.error == pytest.approx(field_transparency(flux, error, **known).error)
