"""Circular polarization against Jones and Mueller calculus that share nothing with the fit."""

import numpy as np
import pytest

from polarnight.errors import AlgorithmFailed
from polarnight.polarimetry import Stokes, correct, fit_half_wave_plate, fit_quarter_wave_plate
from polarnight.polarimetry.instrumental import InstrumentalPolarization

EIGHT = np.arange(8) * 22.5
FULL = (0.04, -0.03, 0.06)


def retarder(theta, delta):
    """Mueller matrix of a retarder, fast axis at theta, V of the IAU, from its Jones matrix.

    Fields are exp(+i w t): the fast axis is ahead in phase. Axes x = north, y = east.
    """
    turn = np.array([[np.cos(theta), np.sin(theta)], [-np.sin(theta), np.cos(theta)]])
    jones = turn.T @ np.diag([np.exp(0.5j * delta), np.exp(-0.5j * delta)]) @ turn
    # Coherency vector to Stokes: V = 2 Im(Ex Ey*), positive for Ex = 1, Ey = exp(-i pi/2),
    # which is cos(w t), sin(w t): the angle grows with time.
    to_stokes = np.array([[1, 0, 0, 1], [1, 0, 0, -1], [0, 1, 1, 0], [0, -1j, 1j, 0]])
    mueller = to_stokes @ np.kron(jones, jones.conj()) @ np.linalg.inv(to_stokes)
    assert np.allclose(mueller.imag, 0)
    return mueller.real


def beams(plate, stokes, delta=90.0, gain=1.0, level=1000.0):
    sky = np.array([1.0, *stokes])
    out = [retarder(np.radians(t), np.radians(delta)) @ sky for t in plate]
    q = np.array([one[1] for one in out])
    return level * (1 - q), gain * level * (1 + q)


def test_the_reference_has_the_sign_of_the_iau():
    """A wave whose position angle grows with time has V = +1."""
    time = np.linspace(0, 2 * np.pi, 9)[:-1]
    field = np.array([1.0, np.exp(-0.5j * np.pi)])
    x, y = (field[:, None] * np.exp(1j * time)).real
    angle = np.unwrap(np.arctan2(y, x))
    assert np.all(np.diff(angle) > 0)
    assert 2 * np.imag(field[0] * np.conj(field[1])) == pytest.approx(2.0)
    # A quarter-wave plate with its fast axis at +45 degrees makes it linear, along north.
    after = retarder(np.pi / 4, np.pi / 2) @ [1, 0, 0, 1]
    assert after == pytest.approx([1, 1, 0, 0], abs=1e-12)
    # A half-wave plate at 45 degrees exchanges the axes, so that "before" is no identity.
    assert retarder(np.pi / 4, np.pi) @ [1, 1, 0, 0] == pytest.approx([1, -1, 0, 0], abs=1e-12)


@pytest.mark.parametrize("delta", [90.0, 84.0, 100.0])
@pytest.mark.parametrize("gain", [1.0, 1.08])
def test_all_three_parameters_from_eight_angles(delta, gain):
    o, e = beams(EIGHT, FULL, delta, gain)
    found = fit_quarter_wave_plate(EIGHT, o, 3 + 0 * o, e, 3 + 0 * e, retardance=delta)
    assert (found.q, found.u, found.v) == pytest.approx(FULL, abs=1e-10)
    assert found.k == pytest.approx((gain - 1) / (gain + 1), abs=1e-10)
    assert found.method == "quarter-wave plate fit with beam gain"


def test_two_angles_give_v_alone_whatever_is_linear():
    plate = np.array([45.0, -45.0])
    o, e = beams(plate, FULL, gain=1.05)
    found = fit_quarter_wave_plate(plate, o, 3 + 0 * o, e, 3 + 0 * e)
    assert found.v == pytest.approx(FULL[2], abs=1e-9)
    assert np.isnan([found.q, found.u]).all()
    # v = (R(45) - R(-45))/2 by hand.
    ratio = (e - o) / (e + o)
    assert found.v == pytest.approx((ratio[0] - ratio[1]) / 2, abs=2e-4)


def test_four_angles_give_q_and_v():
    plate = np.array([0.0, 45.0, 90.0, 135.0])
    o, e = beams(plate, FULL)
    found = fit_quarter_wave_plate(plate, o, 3 + 0 * o, e, 3 + 0 * e)
    assert (found.q, found.v) == pytest.approx((FULL[0], FULL[2]), abs=1e-9)
    assert np.isnan(found.u)


def test_angles_against_the_sky_turn_the_sign():
    o, e = beams(EIGHT, FULL)
    found = fit_quarter_wave_plate(-EIGHT, o, 3 + 0 * o, e, 3 + 0 * e)
    assert (found.q, found.u, found.v) == pytest.approx((FULL[0], -FULL[1], -FULL[2]), abs=1e-10)


def test_angles_that_cannot_tell_are_refused():
    o, e = beams([0.0, 90.0, 180.0], FULL)
    with pytest.raises(AlgorithmFailed, match="do not determine the circular"):
        fit_quarter_wave_plate([0.0, 90.0, 180.0], o, 3 + 0 * o, e, 3 + 0 * e)
    # 20 and 70 degrees: u cancels in the mean of neither, v cannot be told from it.
    plate = [20.0, 20.0, 70.0]
    o, e = beams(plate, FULL)
    with pytest.raises(AlgorithmFailed, match="do not determine the circular"):
        fit_quarter_wave_plate(plate, o, 3 + 0 * o, e, 3 + 0 * e)


def test_known_linear_polarization_is_taken_off_with_its_error():
    plate = np.array([30.0, 60.0, -30.0, -50.0])
    o, e = beams(plate, FULL)
    linear = Stokes(FULL[0], FULL[1], np.diag([0.004**2, 0.003**2]))
    err = 3 + 0 * o
    found = fit_quarter_wave_plate(plate, o, err, e, err, linear=linear)
    assert found.v == pytest.approx(FULL[2], abs=1e-9)
    shifted = [
        fit_quarter_wave_plate(plate, o, err, e, err, linear=linear.replace(**change)).v
        for change in ({"q": FULL[0] + 0.004}, {"u": FULL[1] + 0.003})
    ]
    exact = fit_quarter_wave_plate(
        plate, o, err, e, err, linear=linear.replace(cov=np.zeros((2, 2)))
    )
    assert found.v_err == pytest.approx(
        np.sqrt(exact.v_err**2 + np.sum((np.array(shifted) - FULL[2]) ** 2)), rel=0.02
    )


def test_a_half_wave_is_the_half_wave_plate():
    o, e = beams(EIGHT, FULL, 180.0)
    err = 3 + 0 * o
    half = fit_half_wave_plate(EIGHT, o, err, e, err)
    assert (half.q, half.u) == pytest.approx(FULL[:2], abs=1e-10)


def test_error_of_v_is_that_of_repeated_measurements():
    rng = np.random.default_rng(3)
    o, e = beams(EIGHT, FULL, level=4000.0)
    found = []
    for _ in range(1500):
        so, se = rng.poisson(o), rng.poisson(e)
        found.append(fit_quarter_wave_plate(EIGHT, so, np.sqrt(so), se, np.sqrt(se)).v)
    quoted = fit_quarter_wave_plate(EIGHT, o, np.sqrt(o), e, np.sqrt(e))
    assert np.std(found) == pytest.approx(quoted.v_err, rel=0.06)
    assert np.mean(found) == pytest.approx(FULL[2], abs=4 * quoted.v_err / np.sqrt(1500))


def test_a_spoilt_angle_is_left_out():
    o, e = beams(EIGHT, FULL)
    o[3] *= 1.4
    found = fit_quarter_wave_plate(EIGHT, o, 3 + 0 * o, e, 3 + 0 * e)
    assert np.flatnonzero(~found.used).tolist() == [3]
    assert (found.q, found.u, found.v) == pytest.approx(FULL, abs=1e-9)


def test_v_survives_the_correction_for_the_instrument():
    o, e = beams(EIGHT, FULL)
    found = fit_quarter_wave_plate(EIGHT, o, 3 + 0 * o, e, 3 + 0 * e)
    sky = correct(found, InstrumentalPolarization(zero_angle=30.0))
    assert (sky.v, sky.v_err) == (found.v, found.v_err)
    assert sky.q != found.q
