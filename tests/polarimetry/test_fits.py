import numpy as np
import pytest

from polarnight.config.model import PolarimetrySettings
from polarnight.errors import AlgorithmFailed
from polarnight.polarimetry import (
    fit_half_wave_plate,
    fit_plate_ratios,
    fit_polaroids,
    fit_single_beam,
)

Q, U = 0.031, -0.047
PLATE = np.array([0.0, 22.5, 45.0, 67.5])


def polaroid_flux(angles, q=Q, u=U, level=1000.0):
    turn = np.radians(2 * np.asarray(angles))
    return level * (1 + q * np.cos(turn) + u * np.sin(turn))


def beams(plate, q=Q, u=U, level=1000.0, gain=1.0):
    turn = np.radians(4 * np.asarray(plate))
    wave = q * np.cos(turn) + u * np.sin(turn)
    return level * (1 - wave), gain * level * (1 + wave)


@pytest.mark.parametrize(
    "angles", [(0, 45, 90, -45), (0, 60, 120), (10, 55, 100, 145), (0, 30, 77, 140, 165)]
)
def test_polaroids_recover_the_truth(angles):
    flux = polaroid_flux(angles)
    found = fit_polaroids(angles, flux, np.full(len(flux), 3.0))
    assert (found.q, found.u) == pytest.approx((Q, U), abs=1e-12)
    assert found.intensity == pytest.approx(2000.0)
    assert found.n_used == len(angles)


def test_four_polaroids_are_the_difference_formula():
    rng = np.random.default_rng(1)
    f0, f45, f90, f135 = rng.uniform(800, 1200, 4)
    s0, s45, s90, s135 = rng.uniform(3, 9, 4)
    found = fit_polaroids([45, 90, -45, 0], [f45, f90, f135, f0], [s45, s90, s135, s0], clip=None)
    plain = found.cov / found.scale**2
    assert found.q == pytest.approx((f0 - f90) / (f0 + f90))
    assert found.u == pytest.approx((f45 - f135) / (f45 + f135))
    sigma_q = 2 * np.sqrt(f90**2 * s0**2 + f0**2 * s90**2) / (f0 + f90) ** 2
    sigma_u = 2 * np.sqrt(f135**2 * s45**2 + f45**2 * s135**2) / (f45 + f135) ** 2
    assert np.sqrt(np.diag(plain)) == pytest.approx([sigma_q, sigma_u])
    assert plain[0, 1] == pytest.approx(0.0, abs=1e-18)
    assert found.method == "polaroid pairs"


def test_pairs_forgive_a_cloud_between_them():
    flux = polaroid_flux([0, 90, 45, -45]) * [1, 1, 0.8, 0.8]
    found = fit_polaroids([0, 90, 45, -45], flux, np.full(4, 2.0))
    assert (found.q, found.u) == pytest.approx((Q, U), abs=1e-12)
    assert found.scale > 10  # but the disagreement is told


def test_rotated_pairs_equal_the_general_fit():
    angles = np.array([20.0, 65.0, 110.0, 155.0])
    flux, err = polaroid_flux(angles), np.array([3.0, 4.0, 3.5, 2.5])
    pairs = fit_polaroids(angles, flux, err)
    near = angles + np.array([0.0, 0.2, 0.0, 0.0])
    moved = fit_polaroids(near, polaroid_flux(near), err)
    assert pairs.method != moved.method
    assert (pairs.q, pairs.u) == pytest.approx((moved.q, moved.u), abs=1e-12)
    assert pairs.cov == pytest.approx(moved.cov, rel=0.1, abs=1e-7)


def test_covariance_is_that_of_repeated_measurements():
    rng = np.random.default_rng(2)
    angles = np.array([0.0, 25.0, 70.0, 100.0, 150.0])
    clean = polaroid_flux(angles, q=0.15, u=0.08, level=4000.0)
    found = []
    for _ in range(4000):
        seen = rng.poisson(clean)
        fitted = fit_polaroids(angles, seen, np.sqrt(seen), clip=None)
        found.append((fitted.q, fitted.u))
    scatter = np.cov(np.array(found).T)
    quoted = fit_polaroids(angles, clean, np.sqrt(clean)).cov
    # Variances of 4000 draws are known to 2.2 %.
    np.testing.assert_allclose(np.diag(scatter), np.diag(quoted), rtol=0.08)
    correlation = scatter[0, 1] / np.sqrt(scatter[0, 0] * scatter[1, 1])
    assert correlation == pytest.approx(
        quoted[0, 1] / np.sqrt(quoted[0, 0] * quoted[1, 1]), abs=0.05
    )
    assert np.mean(found, axis=0) == pytest.approx([0.15, 0.08], abs=0.1 * np.sqrt(quoted[0, 0]))


def test_faint_levels_are_not_pulled_down_by_their_weights():
    rng = np.random.default_rng(3)
    angles = np.array([0.0, 36.0, 72.0, 108.0, 144.0])
    level = [
        fit_polaroids(angles, seen := rng.poisson(60.0, 5) + 0.5, np.sqrt(seen)).intensity
        for _ in range(3000)
    ]
    # Weights 1/F would give 2 (60.5 - 1); the mean is known to 0.13.
    assert np.mean(level) == pytest.approx(121.0, abs=0.5)


def test_an_outlier_is_left_out():
    angles = np.arange(0.0, 180.0, 15.0)
    flux = polaroid_flux(angles)
    flux[3] += 100.0
    found = fit_polaroids(angles, flux, np.full(12, 3.0))
    assert (found.q, found.u) == pytest.approx((Q, U), abs=1e-9)
    assert np.flatnonzero(~found.used).tolist() == [3]
    kept = fit_polaroids(angles, flux, np.full(12, 3.0), clip=None)
    assert kept.n_used == 12
    assert kept.scale > 3


def test_values_that_are_not_finite_are_left_out():
    angles = [0, 45, 90, -45, 20]
    flux = polaroid_flux(angles)
    flux[1] = np.nan
    found = fit_polaroids(angles, flux, np.full(5, 3.0))
    assert found.n_used == 4
    assert (found.q, found.u) == pytest.approx((Q, U), abs=1e-10)


def test_too_few_angles():
    with pytest.raises(AlgorithmFailed, match="three angles") as caught:
        fit_polaroids([0, 180, 90], [1.0, 1, 1], [0.1] * 3)
    assert caught.value.numbers["angles"] == 2
    with pytest.raises(AlgorithmFailed, match="a finite flux and a positive error"):
        fit_polaroids([0, 45, 90, -45], [1.0] * 4, [0.0] * 4)
    with pytest.raises(AlgorithmFailed, match="no light"):
        fit_polaroids([0, 45, 90, -45], [-1.0] * 4, [1.0] * 4)
    with pytest.raises(ValueError, match="equal"):
        fit_polaroids([0, 45], [1.0], [1.0])


@pytest.mark.parametrize("plate", [PLATE, PLATE + 0.02 * np.arange(4), np.arange(16) * 22.5])
@pytest.mark.parametrize("gain", [1.0, 1.07])
def test_plate_recovers_the_truth(plate, gain):
    o, e = beams(plate, gain=gain)
    found = fit_half_wave_plate(plate, o, 3 + 0 * o, e, 3 + 0 * e, beam_gain=gain != 1)
    assert (found.q, found.u) == pytest.approx((Q, U), abs=1e-10)
    if gain != 1:
        assert found.k == pytest.approx((gain - 1) / (gain + 1), abs=1e-10)
    else:
        assert found.k is None
        assert found.intensity == pytest.approx(2000.0)


def test_transparency_cancels():
    o, e = beams(PLATE)
    clouds = np.array([1.0, 0.4, 0.7, 0.9])
    found = fit_half_wave_plate(PLATE, o * clouds, 3 + 0 * o, e * clouds, 3 + 0 * e)
    assert (found.q, found.u) == pytest.approx((Q, U), abs=1e-10)
    assert found.scale == 1.0


def test_ratio_method_equals_the_fit_and_forgives_gain():
    o, e = beams(PLATE, gain=1.2)
    ratios = fit_plate_ratios(PLATE, o, 3 + 0 * o, e, 3 + 0 * e)
    assert (ratios.q, ratios.u) == pytest.approx((Q, U), abs=1e-12)
    assert ratios.k == pytest.approx(0.2 / 2.2)
    fitted = fit_half_wave_plate(PLATE, o, 3 + 0 * o, e, 3 + 0 * e, beam_gain=True)
    assert ratios.q_err == pytest.approx(fitted.q_err, rel=0.02)
    assert ratios.u_err == pytest.approx(fitted.u_err, rel=0.02)


def test_ratio_method_needs_the_complete_set():
    o, e = beams(PLATE)
    with pytest.raises(AlgorithmFailed, match="ratio method"):
        fit_plate_ratios(PLATE[:3], o[:3], o[:3], e[:3], e[:3])
    with pytest.raises(AlgorithmFailed, match="ratio method"):
        fit_plate_ratios([0, 22.5, 45, 60], o, o, e, e)


@pytest.mark.parametrize("beam", ["ordinary", "extraordinary"])
def test_single_beam(beam):
    plate = np.array([0.0, 22.5, 45.0, 67.5, 30.0])
    o, e = beams(plate)
    flux = o if beam == "ordinary" else e
    found = fit_single_beam(plate, flux, np.full(5, 3.0), beam=beam)
    assert (found.q, found.u) == pytest.approx((Q, U), abs=1e-10)
    assert found.intensity == pytest.approx(2000.0)
    with pytest.raises(ValueError, match="beam"):
        fit_single_beam(plate, flux, flux, beam="left")


def test_plate_needs_four_angles_with_both_beams():
    o, e = beams(PLATE)
    e[2] = np.nan
    with pytest.raises(AlgorithmFailed, match="four angles") as caught:
        fit_half_wave_plate(PLATE, o, 3 + 0 * o, e, 3 + 0 * e)
    assert caught.value.numbers["angles"] == 3


def test_spoilt_angle_among_sixteen_is_left_out():
    plate = np.arange(16) * 22.5
    o, e = beams(plate)
    o[6] *= 1.5
    found = fit_half_wave_plate(plate, o, 3 + 0 * o, e, 3 + 0 * e)
    assert (found.q, found.u) == pytest.approx((Q, U), abs=1e-10)
    assert np.flatnonzero(~found.used).tolist() == [6]


def test_scatter_enlarges_errors_only_where_it_is_significant():
    plate = np.arange(16) * 22.5
    rng = np.random.default_rng(4)
    o, e = beams(plate)
    quiet = fit_half_wave_plate(plate, o, 3 + 0 * o, e, 3 + 0 * e)
    assert quiet.scale == 1.0
    assert quiet.chi2 < 1e-12  # errors are not made smaller by a perfect fit
    jump = 30.0 * rng.standard_normal(16)
    loud = fit_half_wave_plate(plate, o + jump, 3 + 0 * o, e, 3 + 0 * e, clip=None)
    assert loud.scale == pytest.approx(np.sqrt(loud.chi2 / loud.dof))
    assert loud.q_err == pytest.approx(quiet.q_err * loud.scale, rel=0.05)


@pytest.mark.parametrize("gain", [False, True])
def test_covariance_of_the_plate_is_that_of_repeated_measurements(gain):
    rng = np.random.default_rng(5)
    o, e = beams(PLATE, q=0.12, u=0.05, level=3000.0, gain=1.05 if gain else 1.0)
    found = []
    for _ in range(4000):
        so, se = rng.poisson(o), rng.poisson(e)
        fit = fit_half_wave_plate(PLATE, so, np.sqrt(so), se, np.sqrt(se), beam_gain=gain)
        found.append((fit.q, fit.u))
    quoted = fit_half_wave_plate(PLATE, o, np.sqrt(o), e, np.sqrt(e), beam_gain=gain).cov
    np.testing.assert_allclose(np.var(found, axis=0), np.diag(quoted), rtol=0.08)


def test_an_imbalance_of_the_beams_inflates_no_errors_by_default():
    gain = PolarimetrySettings().beam_gain
    rng = np.random.default_rng(12)
    quoted, measured = {}, {}
    for imbalance in (0.0, 0.02):
        errors, values = [], []
        for _ in range(300):
            wave = 0.03 * np.cos(4 * np.radians(PLATE)) + 0.02 * np.sin(4 * np.radians(PLATE))
            e = (1 + imbalance) * (1 + wave) * 1e5
            o = (1 - imbalance) * (1 - wave) * 1e5
            e, o = rng.normal(e, np.sqrt(e)), rng.normal(o, np.sqrt(o))
            fit = fit_half_wave_plate(PLATE, o, np.sqrt(o), e, np.sqrt(e), beam_gain=gain)
            errors.append(fit.q_err)
            values.append(fit.q)
        quoted[imbalance], measured[imbalance] = np.median(errors), np.std(values)
    # sigma_q = sqrt(2 / N), N all photons of the cycle.
    assert quoted[0.0] == pytest.approx(np.sqrt(2 / 8e5), rel=0.02)
    assert quoted[0.02] == pytest.approx(quoted[0.0], rel=0.02)
    assert measured[0.02] == pytest.approx(quoted[0.02], rel=0.15)


@pytest.mark.parametrize("angles", [(10, 12, 14), (0, 1.5, 90), (0, 10, 20, 5)])
def test_polaroids_that_hardly_differ_are_refused(angles):
    flux = 1e6 * (1.0 + 0.1 * np.cos(2 * np.radians(angles)))
    with pytest.raises(AlgorithmFailed, match="too close"):
        fit_polaroids(angles, flux, np.sqrt(flux))


def test_positions_of_a_half_wave_plate_that_hardly_differ_are_refused():
    plate = np.arange(4) * 3.0
    wave = 0.1 * np.cos(4 * np.radians(plate))
    beams = [1e6 * (1 - wave), np.full(4, 1e3), 1e6 * (1 + wave), np.full(4, 1e3)]
    with pytest.raises(AlgorithmFailed, match="too close"):
        fit_half_wave_plate(plate, *beams)
