"""The polarimeters: the published formulas give back what was put in."""

import numpy as np
import pytest

from polarnight.instruments import get_instrument
from polarnight.polarimetry import Stokes, correct
from polarnight.polarimetry.instrumental import InstrumentalPolarization
from polarnight.simulation import (
    beam_fractions,
    draw_instrumental,
    polaroid_fraction,
    retarder_fractions,
    to_instrument,
)
from polarnight.simulation.modulation import radial_polarization

CASES = np.array([0.0, 0.05, -0.12, 0.2]), np.array([0.0, -0.08, 0.11, 0.0])


@pytest.mark.parametrize("name", ["AndorT90", "CAFOS2.2"])
def test_correction_undoes_the_instrument(name):
    ip = get_instrument(name).instrumental_polarization("R")
    q, u = to_instrument(*CASES, ip)
    np.testing.assert_allclose(corrected(q, u, ip), CASES[0] + 1j * CASES[1], atol=1e-15)


def corrected(q, u, ip):
    """What the pipeline's correction makes of them."""
    both = zip(q, u, strict=True)
    found = [correct(Stokes(q=a, u=b, cov=np.eye(2) * 1e-6), ip) for a, b in both]
    return np.array([one.q + 1j * one.u for one in found])


def test_the_rotation_of_the_osn_polaroids_is_that_of_their_reduction():
    # q_r = q_c cos 2Phi - u_c sin 2Phi, u_r = q_c sin 2Phi + u_c cos 2Phi with Phi = -18 deg:
    # to first order, and exactly where the light is not polarized.
    ip = get_instrument("AndorT90").instrumental_polarization("R")
    q, u = to_instrument(*CASES, ip)
    qc, uc, phi = q - 0.0579, u - 0.0583, np.deg2rad(-18.0)
    np.testing.assert_allclose(qc * np.cos(2 * phi) - uc * np.sin(2 * phi), CASES[0], atol=0.006)
    np.testing.assert_allclose(qc * np.sin(2 * phi) + uc * np.cos(2 * phi), CASES[1], atol=0.006)
    assert (qc[0], uc[0]) == pytest.approx((0.0, 0.0), abs=1e-15)


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


# -- independent optics: fields, Jones matrices and Mueller matrices ---------------------------


def turned(angle):
    """Rotation of the axes (north, east) by an angle from north to east, degrees."""
    c, s = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    return np.array([[c, s], [-s, c]])


def plate(angle, retardance):
    """Jones matrix, fields as exp(-i omega t): the slow axis is late by the retardance."""
    late = np.diag([1.0, np.exp(1j * np.deg2rad(retardance))])
    return turned(angle).T @ late @ turned(angle)


PAULI = [
    np.array(m)
    for m in (
        [[1, 0], [0, 1]], [[1, 0], [0, -1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]],
    )
]  # fmt: skip


def mueller(jones):
    """M_ij = tr(s_i J s_j J+)/2; the last Stokes parameter is signed by the next test."""
    return np.array(
        [[0.5 * np.trace(a @ jones @ b @ jones.conj().T).real for b in PAULI] for a in PAULI]
    )


def through(jones, stokes):
    return mueller(jones) @ np.asarray(stokes)


def test_the_sign_of_v_is_that_of_the_iau():
    # North and east components of a field whose position angle grows with time.
    t = np.linspace(0.0, 2.0 * np.pi, 5, endpoint=False)[:4]
    north, east = np.cos(t), np.sin(t)
    assert np.all(np.diff(np.unwrap(np.arctan2(east, north))) > 0)
    # As exp(-i omega t): cos(t) = Re exp(-it), sin(t) = Re i exp(-it).
    field = np.array([1.0, 1j]) / np.sqrt(2.0)
    v = [(field.conj() @ p @ field).real for p in PAULI]
    np.testing.assert_allclose(v, [1, 0, 0, 1], atol=1e-15)
    # A quarter-wave plate, fast axis at 45 degrees, makes of it light along north.
    late = np.deg2rad(90.0)
    fast = (north + east) / np.sqrt(2.0)
    slow = (np.sin(t - late) - np.cos(t - late)) / np.sqrt(2.0)
    out_north, out_east = (fast - slow) / np.sqrt(2.0), (fast + slow) / np.sqrt(2.0)
    np.testing.assert_allclose(out_east, 0.0, atol=1e-12)
    assert np.abs(out_north).max() == pytest.approx(np.sqrt(2.0), rel=0.1)
    o, e = retarder_fractions(np.zeros(1), np.zeros(1), np.ones(1), 45.0)
    assert (o[0], e[0]) == (pytest.approx(0.0, abs=1e-15), pytest.approx(1.0))


@pytest.mark.parametrize("retardance", [90.0, 180.0, 90.0 + 7.0, 171.0])
@pytest.mark.parametrize("gain", [0.0, 0.03])
def test_plates_against_mueller_matrices(retardance, gain):
    rng = np.random.default_rng(8)
    for angle in rng.uniform(0.0, 360.0, 12):
        q, u, v = rng.uniform(-0.5, 0.5, 3)
        light = through(plate(angle, retardance), [1.0, q, u, v])
        along = through(np.diag([1.0, 0.0]), light)[0] * (1.0 + gain)
        across = through(np.diag([0.0, 1.0]), light)[0] * (1.0 - gain)
        o, e = retarder_fractions(
            np.array(q), np.array(u), np.array(v), angle, retardance=retardance, gain_ratio=gain
        )
        assert (o, e) == (pytest.approx(across, abs=1e-13), pytest.approx(along, abs=1e-13))
        if retardance == 180.0:
            half = beam_fractions(np.array(q), np.array(u), angle, gain)
            np.testing.assert_allclose(half, (across, along), atol=1e-13)


def test_polaroids_against_mueller_matrices():
    for angle in (0.0, 17.0, 60.0, -45.0):
        polaroid = turned(angle).T @ np.diag([1.0, 0.0]) @ turned(angle)
        seen = through(polaroid, [1.0, 0.2, -0.1, 0.05])[0]
        assert polaroid_fraction(np.array(0.2), np.array(-0.1), angle) == pytest.approx(seen)


def test_a_turned_instrument_sees_a_turned_sky():
    # 30 degrees of position angle on the sky are 10 in an instrument turned by 20.
    turn = np.deg2rad(60.0)
    q, u = to_instrument(
        np.array([0.1 * np.cos(turn)]),
        np.array([0.1 * np.sin(turn)]),
        InstrumentalPolarization(),
        instrument_angle=20.0,
    )
    assert np.rad2deg(0.5 * np.arctan2(u, q))[0] == pytest.approx(10.0)
    # The plate turned by 20 degrees within an unturned instrument sees the same.
    polaroid = turned(20.0 + 33.0).T @ np.diag([1.0, 0.0]) @ turned(20.0 + 33.0)
    seen = through(polaroid, [1.0, 0.1 * np.cos(turn), 0.1 * np.sin(turn), 0.0])[0]
    assert polaroid_fraction(q, u, 33.0)[0] == pytest.approx(seen)


@pytest.mark.parametrize("rotator", [0.0, 72.0])
def test_correction_undoes_telescope_and_rotator(rotator):
    ip = InstrumentalPolarization(
        q0=0.01, u0=-0.02, zero_angle=12.0, efficiency=0.9, telescope_q=0.03, telescope_u=0.01
    )
    q, u = to_instrument(*CASES, ip, instrument_angle=rotator, parallactic_angle=-37.0)
    here = ip.at(-37.0, rotator)
    np.testing.assert_allclose(corrected(q, u, here), CASES[0] + 1j * CASES[1], atol=1e-15)


def test_what_the_telescope_adds_stays_with_the_zenith():
    # Unpolarized light: in a frame that follows the sky the vector turns with the parallactic
    # angle; in one that follows the telescope it stays.
    ip = InstrumentalPolarization(telescope_q=0.02)
    zero = np.zeros(1)
    for parallactic in (-50.0, 10.0, 80.0):
        q, u = to_instrument(zero, zero, ip, parallactic_angle=parallactic)
        assert np.rad2deg(0.5 * np.arctan2(u, q))[0] % 180 == pytest.approx(parallactic % 180)
        fixed = to_instrument(
            zero, zero, ip, parallactic_angle=parallactic, instrument_angle=parallactic
        )
        np.testing.assert_allclose(fixed, ([0.02], [0.0]), atol=1e-15)


def test_polarization_by_the_optics_is_radial():
    x, y = np.array([49.5, 99.0, 49.5, 0.0]), np.array([24.5, 24.5, 49.0, 0.0])
    q, u = radial_polarization(x, y, (50, 100), 0.01)
    assert q[0] == u[0] == 0.0
    assert q[1] > 0 > q[2]
    assert np.hypot(q[3], u[3]) == pytest.approx(0.01, rel=0.03)
    chi = np.rad2deg(0.5 * np.arctan2(u[3], q[3]))
    assert chi == pytest.approx(np.rad2deg(np.arctan2(24.5, 49.5)))
