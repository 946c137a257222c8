"""The polarimeters: the published formulas give back what was put in."""

import numpy as np
import pytest

from polarnight.instruments import get_instrument
from polarnight.polarimetry.instrumental import InstrumentalPolarization
from polarnight.simulation import (
    beam_fractions,
    draw_instrumental,
    polaroid_fraction,
    to_instrument,
)

CASES = np.array([0.0, 0.05, -0.12, 0.2]), np.array([0.0, -0.08, 0.11, 0.0])


@pytest.mark.parametrize("name", ["AndorT90", "CAFOS2.2"])
def test_correction_undoes_the_instrument(name):
    ip = get_instrument(name).instrumental_polarization("R")
    q, u = to_instrument(*CASES, ip)
    turn = np.exp(2j * np.deg2rad(ip.zero_angle))
    back = ((q - ip.q0) + 1j * (u - ip.u0)) * turn / ip.efficiency
    np.testing.assert_allclose(back, CASES[0] + 1j * CASES[1], atol=1e-15)


def test_the_rotation_of_the_osn_polaroids_is_that_of_their_reduction():
    # q_r = q_c cos 2Phi - u_c sin 2Phi, u_r = q_c sin 2Phi + u_c cos 2Phi with Phi = -18 deg.
    ip = get_instrument("AndorT90").instrumental_polarization("R")
    q, u = to_instrument(*CASES, ip)
    qc, uc, phi = q - 0.0579, u - 0.0583, np.deg2rad(-18.0)
    np.testing.assert_allclose(qc * np.cos(2 * phi) - uc * np.sin(2 * phi), CASES[0], atol=1e-15)
    np.testing.assert_allclose(qc * np.sin(2 * phi) + uc * np.cos(2 * phi), CASES[1], atol=1e-15)


def test_position_angle_of_cafos_is_increased_by_its_zero():
    ip = InstrumentalPolarization(zero_angle=-1.5)
    q, u = to_instrument(np.array([0.05]), np.array([0.0]), ip)
    seen = np.rad2deg(0.5 * np.arctan2(u, q))[0]
    assert seen + ip.zero_angle == pytest.approx(0.0, abs=1e-12)


def test_difference_formula_of_polaroids():
    q, u = CASES
    f = {angle: polaroid_fraction(q, u, angle) for angle in (-45.0, 0.0, 45.0, 90.0)}
    np.testing.assert_allclose((f[0.0] - f[90.0]) / (f[0.0] + f[90.0]), q, atol=1e-15)
    np.testing.assert_allclose((f[45.0] - f[-45.0]) / (f[45.0] + f[-45.0]), u, atol=1e-15)
    np.testing.assert_allclose(f[0.0] + f[90.0], 1.0)


@pytest.mark.parametrize("gain", [0.0, 0.03])
@pytest.mark.parametrize("angle", [0.0, 22.48, 44.98, 67.48])
def test_ratio_of_the_beams(angle, gain):
    q, u = CASES
    o, e = beam_fractions(q, u, angle, gain)
    theta = 4.0 * np.deg2rad(angle)
    s = q * np.cos(theta) + u * np.sin(theta)
    np.testing.assert_allclose((e - o) / (e + o), (gain + s) / (1.0 + gain * s), atol=1e-15)


def test_drawn_constants_scatter_as_quoted():
    quoted = get_instrument("AndorT90").instrumental_polarization("R")
    rng = np.random.default_rng(3)
    drawn = [draw_instrumental(quoted, 1.0, rng) for _ in range(4000)]
    pulls = np.array(
        [((d.q0 - quoted.q0) / quoted.q0_err, (d.u0 - quoted.u0) / quoted.u0_err) for d in drawn]
    )
    assert np.all(np.abs(pulls.mean(axis=0)) < 0.06)  # 4 sigma
    assert np.all(np.abs(pulls.std(axis=0) - 1.0) < 0.05)
    exact = draw_instrumental(quoted, 0.0, rng)
    assert (exact.q0, exact.u0, exact.zero_angle) == (quoted.q0, quoted.u0, quoted.zero_angle)
