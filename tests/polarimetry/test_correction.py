"""Correction for instrumental polarization with correlated constants, and a turning telescope."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from polarnight.frames import recipe_key
from polarnight.polarimetry import InstrumentalPolarization, Polarization, Stokes, correct
from polarnight.polarimetry.diattenuation import diattenuate, diattenuation_derivatives
from polarnight.polarimetry.stokes import common_covariance

from .partial_polarizer import as_corrected, as_measured, through_optics

ERRORS = np.array([0.001, 0.0015, 1.2, 0.02])
RNG = np.random.default_rng(7)


def correlated(scale=0.6):
    """A covariance with every correlation there can be."""
    mixing = np.eye(4) + scale * RNG.uniform(-1, 1, (4, 4))
    raw = mixing @ mixing.T
    size = np.sqrt(np.diag(raw))
    return raw / np.outer(size, size) * np.outer(ERRORS, ERRORS)


def as_tuples(matrix):
    return tuple(map(tuple, matrix))


def instrument(matrix, **changes):
    values = {"q0": 0.02, "u0": -0.01, "zero_angle": 12.0, "efficiency": 0.9}
    return InstrumentalPolarization(**{**values, **changes}, covariance=as_tuples(matrix))


def measured(q=0.09, u=0.04):
    return Stokes(q=q, u=u, cov=np.array([[1.44e-6, 0.3e-6], [0.3e-6, 0.64e-6]]))


def drawn(ahead, matrix, seen, n=200_000):
    """Corrected values where measurement and constants are drawn from their covariances."""
    centre = (ahead.q0, ahead.u0, ahead.zero_angle, ahead.efficiency)
    q0, u0, angle, efficiency = RNG.multivariate_normal(centre, matrix, n).T
    q, u = RNG.multivariate_normal((seen.q, seen.u), seen.cov, n).T
    z = as_corrected(q + 1j * u, q0 + 1j * u0, angle, efficiency)
    return np.array([z.real, z.imag])


@pytest.mark.parametrize("case", range(4))
def test_every_correlation_is_propagated(case):
    matrix = correlated()
    ahead, seen = instrument(matrix), measured()
    quoted = correct(seen, ahead)
    sample = np.cov(drawn(ahead, matrix, seen))
    np.testing.assert_allclose(quoted.cov, sample, rtol=0.03, atol=0.03 * np.trace(sample))
    common = common_covariance(quoted.q, quoted.u, ahead)
    np.testing.assert_allclose(quoted.common_cov, common)
    own = np.cov(drawn(ahead, np.zeros((4, 4)), seen))
    np.testing.assert_allclose(quoted.random_cov, own, rtol=0.02, atol=0.02 * np.trace(own))


def test_independent_errors_are_the_diagonal_matrix():
    plain = InstrumentalPolarization(0.02, -0.01, *ERRORS[:2], 12.0, ERRORS[2], 0.9, ERRORS[3])
    full = instrument(np.diag(ERRORS**2))
    assert (full.q0_err, full.u0_err) == pytest.approx(tuple(ERRORS[:2]))
    assert (full.zero_angle_err, full.efficiency_err) == pytest.approx(tuple(ERRORS[2:]))
    one, other = correct(measured(), plain), correct(measured(), full)
    np.testing.assert_allclose(one.cov, other.cov, rtol=1e-12)
    assert one.rotation_err == pytest.approx(other.rotation_err)
    assert one.rotation_err == pytest.approx(ERRORS[2])


@pytest.mark.parametrize("case", range(4))
def test_the_error_of_chi_holds_its_correlations(case):
    """The angle zero is treated apart in chi; together they scatter as drawn values do."""
    matrix = correlated()
    ahead, seen = instrument(matrix), measured(0.25, -0.1)
    pol = Polarization.from_stokes(correct(seen, ahead))
    q, u = drawn(ahead, matrix, seen)
    chi = np.degrees(0.5 * np.angle((q + 1j * u) * np.exp(-2j * np.radians(pol.chi))))
    assert pol.chi_err == pytest.approx(np.std(chi), rel=0.02)
    assert pol.p_err == pytest.approx(np.std(np.hypot(q, u)), rel=0.02)


def test_a_correlation_that_helps_leaves_no_negative_variance():
    # q0 and the angle zero of one polarized star: what one takes the other gives.
    matrix = np.diag(ERRORS**2)
    matrix[1, 2] = matrix[2, 1] = -0.98 * ERRORS[1] * ERRORS[2]
    ahead = instrument(matrix, zero_angle=0.0)
    for q in (-0.03, 0.0, 1e-9, 0.02, 0.3):
        pol = Polarization.from_stokes(correct(measured(q, 0.0), ahead))
        assert 0 < pol.p_err < 0.1
        assert 0 < pol.chi_err <= 90


def test_constants_with_a_covariance_can_be_written_and_hashed():
    ahead = instrument(correlated())
    assert InstrumentalPolarization(**json.loads(json.dumps(asdict(ahead)))) == ahead
    assert hash(ahead) == hash(replace(ahead))
    assert recipe_key({}, {"constants": asdict(ahead)}, {})


@pytest.mark.parametrize(
    ("matrix", "problem"),
    [
        (np.eye(3), "shape"),
        (np.diag([1.0, 1.0, -1.0, 1.0]), "not positive"),
        (np.diag([1.0, np.nan, 1.0, 1.0]), "finite"),
        (np.triu(np.ones((4, 4))), "symmetric"),
    ],
)
def test_what_is_no_covariance_is_refused(matrix, problem):
    with pytest.raises(ValueError, match=problem):
        instrument(matrix)


def test_the_telescope_turns_with_the_parallactic_angle():
    ahead = InstrumentalPolarization(0.001, 0.002, telescope_q=0.03, telescope_u=-0.01)
    with pytest.raises(ValueError, match="parallactic"):
        correct(measured(), ahead)
    for angle, rotator in ((0.0, 0.0), (30.0, 0.0), (-110.0, 25.0), (170.0, -80.0)):
        here = ahead.at(angle, rotator)
        turn = np.exp(2j * np.radians(angle - rotator))
        zero = 0.001 + 0.002j + (0.03 - 0.01j) * turn
        assert (here.q0, here.u0) == pytest.approx((zero.real, zero.imag))
        assert here.zero_angle == pytest.approx(rotator)
        assert not here.turns
    assert ahead.at(180.0).q0 == pytest.approx(ahead.at(0.0).q0)


def test_what_the_telescope_adds_has_errors_that_turn_too():
    matrix = np.diag([1e-6, 1e-6, 0.25, 1e-4, 4e-6, 1e-6])
    matrix[0, 4] = matrix[4, 0] = -1e-6
    ahead = InstrumentalPolarization(
        0.001, 0.002, telescope_q=0.03, telescope_u=-0.01, covariance=as_tuples(matrix)
    )
    draws = RNG.multivariate_normal((0.001, 0.002, 0.0, 1.0, 0.03, -0.01), matrix, 200_000)
    for angle in (0.0, 45.0, 70.0):
        turn = np.exp(2j * np.radians(angle))
        zero = draws[:, 0] + 1j * draws[:, 1] + (draws[:, 4] + 1j * draws[:, 5]) * turn
        expected = np.cov(zero.real, zero.imag)
        np.testing.assert_allclose(ahead.at(angle).matrix[:2, :2], expected, atol=4e-8)


def test_a_rotator_turns_the_sky_back():
    """One source, two positions of the rotator: the sky's values do not change."""
    ahead = InstrumentalPolarization(0.004, -0.003, zero_angle=5.0, efficiency=0.95)
    sky = 0.05 - 0.02j
    for rotator in (0.0, 33.0, 100.0):
        z = as_measured(sky, ahead.at(0.0, rotator))
        fixed = correct(measured(z.real, z.imag), ahead.at(0.0, rotator))
        assert fixed.q + 1j * fixed.u == pytest.approx(sky)


OPTICS = (0.0, 0.05, -0.02 + 0.058j, 0.3j, -0.6 + 0.1j)
LIGHT = (0.0, 0.2, -0.1 + 0.15j, 0.5 - 0.5j, -1j)


@pytest.mark.parametrize("d", OPTICS)
def test_optics_that_polarize_transmit_one_direction_better(d):
    light = np.array(LIGHT)
    behind = diattenuate(np.full(len(light), d, dtype=complex), light)
    np.testing.assert_allclose(behind, through_optics(d, light), atol=1e-15)
    assert behind[0] == pytest.approx(d)
    assert abs(behind[-1]) == pytest.approx(1.0)  # light polarized all through stays so
    back = diattenuate(np.full(len(light), -d, dtype=complex), behind)
    np.testing.assert_allclose(back, light, atol=1e-14)


@pytest.mark.parametrize("d", OPTICS)
@pytest.mark.parametrize("light", LIGHT[:4])
def test_derivatives_of_the_optics(d, light):
    found = diattenuation_derivatives(d, light)
    step = 1e-6
    for n, moved in enumerate((lambda e: (d, light + e), lambda e: (d + e, light))):
        slopes = [
            (through_optics(*moved(step * e)) - through_optics(*moved(-step * e))) / (2 * step)
            for e in (1.0, 1j)
        ]
        expected = [[slope.real for slope in slopes], [slope.imag for slope in slopes]]
        np.testing.assert_allclose(found[n], expected, atol=1e-8)


def test_a_strong_zero_does_more_than_add_up():
    """A blazar of 20 % behind a zero of 4.6 %, as DIPOL has: 0.2 % of error if subtracted."""
    ahead = InstrumentalPolarization(0.0004, -0.0455, zero_angle=41.0)
    for angle in range(0, 180, 15):
        sky = 0.2 * np.exp(2j * np.radians(angle))
        seen = as_measured(sky, ahead)
        fixed = correct(measured(seen.real, seen.imag), ahead)
        assert fixed.q + 1j * fixed.u == pytest.approx(sky, abs=1e-14)
    plain = (seen - complex(ahead.q0, ahead.u0)) * np.exp(2j * np.radians(ahead.zero_angle))
    assert 0.0005 < abs(plain - sky) < 0.003


def test_a_zero_of_all_light_is_refused():
    with pytest.raises(ValueError, match="all light"):
        correct(measured(), InstrumentalPolarization(0.6, 0.6, efficiency=0.8))
