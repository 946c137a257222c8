import numpy as np
import pytest

from polarnight.polarimetry import (
    InstrumentalPolarization,
    Polarization,
    Stokes,
    combine_stokes,
    correct,
    degree_and_angle,
    unwrap_angles,
)
from polarnight.polarimetry.stokes import rotation_covariance

from .partial_polarizer import as_corrected, as_measured


def stokes(q, u, sq, su=None, rho=0.0, **more):
    su = sq if su is None else su
    cov = np.array([[sq**2, rho * sq * su], [rho * sq * su, su**2]])
    return Stokes(q=q, u=u, cov=cov, **more)


def test_high_signal():
    pol = Polarization.from_stokes(stokes(0.03, 0.04, 0.0005))
    assert pol.p_naive == pytest.approx(0.05)
    assert pol.p == pytest.approx(0.05 - 0.0005**2 / 0.1)
    assert pol.p_err == pytest.approx(0.0005, rel=1e-3)
    assert pol.p_low == pytest.approx(0.0495, abs=1e-5)
    assert pol.p_high == pytest.approx(0.0505, abs=1e-5)
    assert pol.p_limit95 is None
    assert pol.chi == pytest.approx(0.5 * np.degrees(np.arctan2(0.04, 0.03)))
    assert pol.chi_err == pytest.approx(np.degrees(0.5) / 100, rel=1e-3)
    assert pol.snr == pytest.approx(100)


@pytest.mark.parametrize(
    ("q", "u", "chi"), [(1, 0, 0.0), (0, 1, 45.0), (-1, 0, 90.0), (0, -1, 135.0), (1, -1e-9, 180.0)]
)
def test_angles_run_from_north_through_east(q, u, chi):
    found = Polarization.from_stokes(stokes(0.1 * q, 0.1 * u, 0.001)).chi
    assert 0 <= found < 180
    assert abs((found - chi + 90) % 180 - 90) < 1e-6


def test_low_signal_is_undetermined_and_limited():
    pol = Polarization.from_stokes(stokes(0.001, 0.0005, 0.002))
    assert pol.chi_err == 90.0
    assert pol.p_low == 0.0
    assert pol.p - pol.p_err <= 0
    assert pol.p_naive > pol.p > 0
    assert 0.003 < pol.p_limit95 < 0.006


def test_zero_is_no_special_case():
    pol = Polarization.from_stokes(stokes(0.0, 0.0, 0.002))
    assert pol.p == 0
    assert np.isfinite([pol.p_err, pol.p_high, pol.chi, pol.chi_err, pol.p_limit95]).all()


def test_debiasing_methods():
    source = stokes(0.004, 0.0, 0.002)
    assert Polarization.from_stokes(source, debias="none").p == pytest.approx(0.004)
    wk = Polarization.from_stokes(source, debias="wardle-kronberg").p
    assert wk == pytest.approx(0.002 * np.sqrt(3.0))
    with pytest.raises(ValueError, match="debias"):
        Polarization.from_stokes(source, debias="median")


def test_textbook_angle_error_can_be_chosen():
    source = stokes(0.02, 0.0, 0.002)
    chosen = Polarization.from_stokes(source, angle_error="naghizadeh-khouei")
    assert chosen.chi_err == pytest.approx(np.degrees(0.5) / 10, rel=0.02)


@pytest.mark.parametrize(
    ("ratio", "rho"), [(1.0, 0.0), (1.3, 0.0), (1.0, 0.3), (2.0, 0.0), (2.0, 0.5)]
)
@pytest.mark.parametrize("signal", [0.0, 0.7, 1.5, 2.0, 2.5, 3.0, 6.0])
def test_intervals_hold_for_unequal_errors(ratio, rho, signal):
    """Coverage where the error ellipse of (q, u) is not a circle."""
    rng = np.random.default_rng([int(10 * ratio), int(10 * rho), int(10 * signal)])
    sq, su = 0.002, 0.002 * ratio
    cov = np.array([[sq**2, rho * sq * su], [rho * sq * su, su**2]])
    sigma = np.sqrt((sq**2 + su**2) / 2)
    n, p = 40_000, signal * sigma
    chi = rng.uniform(0, 180, n)
    true = p * np.array([np.cos(np.radians(2 * chi)), np.sin(np.radians(2 * chi))])
    q, u = true + np.linalg.cholesky(cov) @ rng.standard_normal((2, n))
    found = degree_and_angle(q, u, np.broadcast_to(cov, (n, 2, 2)))
    off = (found["chi"] - chi + 90) % 180 - 90
    inside = (
        np.abs(found["p"] - p) <= found["p_err"],
        (found["p_low"] <= p) & (p <= found["p_high"]),
        np.abs(off) <= found["chi_err"],
    )
    # 40 000 cases: 0.23 % each way. The tables are exact for a circle only.
    assert np.all(np.abs(np.mean(inside, axis=1) - 0.68) < 0.02 + 0.007 + 0.01 * (ratio > 1.5))
    limited = np.mean(found["p_limit95"] >= p)
    assert limited == pytest.approx(0.95, abs=0.01) if signal > 1.3 else limited > 0.95
    if signal >= 2:
        assert abs(np.mean(found["p"]) - p) < 0.1 * sigma


def test_many_at_once_are_each_alone():
    rng = np.random.default_rng(9)
    q, u = 0.003 * rng.standard_normal((2, 50))
    several = [
        stokes(a, b, 0.001, 0.0015, 0.2, rotation_err=2.0) for a, b in zip(q, u, strict=True)
    ]
    together = degree_and_angle(q, u, np.array([s.cov for s in several]), rotation_err=2.0)
    for n, one in enumerate(several):
        alone = Polarization.from_stokes(one)
        for name, column in together.items():
            if name != "p_limit95":
                assert column[n] == pytest.approx(getattr(alone, name)), name
        limit = together["p_limit95"][n] if alone.snr < 3 else None
        assert alone.p_limit95 == limit


def test_correction_inverts_the_instrument():
    ahead = InstrumentalPolarization(0.0579, 0.0583, 0.0, 0.0, -18.0, 0.0, 0.93, 0.0)
    z = 0.05 + 0.02j
    seen = as_measured(z, ahead)
    fixed = correct(stokes(seen.real, seen.imag, 0.001), ahead)
    assert (fixed.q, fixed.u) == pytest.approx((0.05, 0.02))
    # To first order; besides, the optics stretch and shear by some per cent.
    np.testing.assert_allclose(fixed.cov, np.eye(2) * (0.001 / 0.93) ** 2, atol=1e-7)


def test_correction_of_osn_is_the_published_rotation():
    """q, u minus the zero, rotated by -18 degrees, of which light of 6 % differs by 0.05 %."""
    ahead = InstrumentalPolarization(0.0579, 0.0583, 0.003, 0.0023, -18.0, 0.001)
    fixed = correct(stokes(0.10, 0.02, 0.002), ahead)
    q, u, turn = 0.10 - 0.0579, 0.02 - 0.0583, np.radians(-36.0)
    assert fixed.q == pytest.approx(q * np.cos(turn) - u * np.sin(turn), abs=5e-4)
    assert fixed.u == pytest.approx(q * np.sin(turn) + u * np.cos(turn), abs=5e-4)


def test_correction_propagates_every_error():
    ahead = InstrumentalPolarization(0.02, -0.01, 0.001, 0.0015, 12.0, 1.2, 0.9, 0.02)
    measured = stokes(0.09, 0.04, 0.0012, 0.0008, 0.3)
    quoted = correct(measured, ahead)
    rng = np.random.default_rng(6)
    n = 200_000
    q, u = rng.multivariate_normal([0.09, 0.04], measured.cov, n).T
    zero = (0.02 + 0.001 * rng.standard_normal(n)) + 1j * (-0.01 + 0.0015 * rng.standard_normal(n))
    angle = 12.0 + 1.2 * rng.standard_normal(n)
    z = as_corrected(q + 1j * u, zero, angle, 0.9 + 0.02 * rng.standard_normal(n))
    drawn = np.cov(z.real, z.imag)
    np.testing.assert_allclose(np.diag(quoted.cov), np.diag(drawn), rtol=0.02)
    assert quoted.cov[0, 1] == pytest.approx(drawn[0, 1], rel=0.06)


def test_error_of_the_angle_zero_moves_chi_but_not_p():
    ahead = InstrumentalPolarization(zero_angle=-1.5, zero_angle_err=1.5)
    pol = Polarization.from_stokes(correct(stokes(0.2, 0.0, 0.0005), ahead))
    assert pol.p == pytest.approx(0.2, abs=1e-6)
    assert pol.p_err == pytest.approx(0.0005, rel=1e-3)
    assert pol.chi_err == pytest.approx(1.5, rel=0.01)
    assert pol.chi == pytest.approx(178.5)


def test_rotation_covariance_is_that_of_a_small_turn():
    cov = rotation_covariance(0.03, 0.04, 0.01)
    step = 2 * np.radians(0.01)
    assert cov == pytest.approx(np.outer([-0.04, 0.03], [-0.04, 0.03]) * step**2, rel=1e-6)


@pytest.mark.parametrize("error", [3.0, 20.0, 52.0])
def test_rotation_covariance_is_that_of_a_turn_by_any_angle(error):
    rng = np.random.default_rng(12)
    turn = np.exp(2j * np.radians(error * rng.standard_normal(400_000)))
    off = (0.03 + 0.04j) * (turn - 1.0)
    square = np.mean([[off.real**2, off.real * off.imag], [off.imag * off.real, off.imag**2]], 2)
    many = rotation_covariance([0.03, 0.1], [0.04, 0.0], [error, 0.0])
    np.testing.assert_allclose(many[0], square, atol=0.01 * np.trace(square))
    np.testing.assert_array_equal(many[1], 0.0)


def test_of_an_unknown_angle_zero_only_the_degree_is_left():
    """Seen along +q: it says no more of q than of u."""
    ahead = InstrumentalPolarization(zero_angle_err=52.0)
    once = correct(stokes(0.1, 0.0, 0.002), ahead)
    assert once.q_err > 0.07  # a uniform angle gives q between -0.1 and 0.1
    assert once.u_err > 0.07
    pol = Polarization.from_stokes(once)
    assert pol.p == pytest.approx(0.1, abs=1e-4)
    assert pol.p_err == pytest.approx(0.002, rel=1e-3)
    assert pol.chi_err == 90.0
    night = combine_stokes([once] * 16)
    mean = Polarization.from_stokes(night)
    assert mean.p_err == pytest.approx(0.002 / 4, rel=1e-3)
    assert night.q_err > 0.07
    assert mean.chi_err == 90.0


def test_correcting_twice_or_by_nothing_is_refused():
    once = correct(stokes(0.1, 0.0, 0.001), InstrumentalPolarization())
    assert once.corrected
    with pytest.raises(ValueError, match="already"):
        correct(once, InstrumentalPolarization())
    with pytest.raises(ValueError, match="efficiency"):
        correct(stokes(0.1, 0.0, 0.001), InstrumentalPolarization(efficiency=0.0))


@pytest.mark.parametrize(
    ("debias", "worst"), [("mas", 0.66), ("none", 0.60), ("wardle-kronberg", 0.54)]
)
def test_the_error_of_p_goes_with_its_estimate(debias, worst):
    rng = np.random.default_rng(31)
    for signal in (0.0, 0.5, 1.0, 2.0, 3.0, 6.0):
        z = 0.001 * (signal + rng.standard_normal(40_000) + 1j * rng.standard_normal(40_000))
        found = degree_and_angle(z.real, z.imag, np.eye(2) * 1e-6, debias=debias)
        held = np.mean(np.abs(found["p"] - 0.001 * signal) <= found["p_err"])
        assert worst < held < 0.75


def test_angles_are_unwrapped():
    chi = [170.0, 178.0, 3.0, np.nan, 12.0, 95.0, 179.0, 5.0, 172.0]
    expected = [170.0, 178.0, 183.0, np.nan, 192.0, 275.0, 359.0, 365.0, 352.0]
    np.testing.assert_allclose(unwrap_angles(chi), expected)
    assert unwrap_angles([]).shape == (0,)
