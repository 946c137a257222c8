import numpy as np
import pytest

from polarnight.polarimetry import (
    InstrumentalPolarization,
    Stokes,
    combine_stokes,
    correct,
    fit_half_wave_plate,
    fit_plate_ratios,
)

AHEAD = InstrumentalPolarization(0.02, -0.01, 0.002, 0.003, 12.0, 1.5, 0.95, 0.01)


def stokes(q, u, sq, su, rho=0.0, **more):
    cov = np.array([[sq**2, rho * sq * su], [rho * sq * su, su**2]])
    return Stokes(q, u, cov, **more)


def test_two_measurements_by_hand():
    a, b = stokes(0.01, 0.02, 0.001, 0.002, 0.5), stokes(0.014, 0.01, 0.002, 0.001)
    found = combine_stokes([a, b])
    weights = [np.linalg.inv(one.cov) for one in (a, b)]
    cov = np.linalg.inv(weights[0] + weights[1])
    mean = cov @ (weights[0] @ (0.01, 0.02) + weights[1] @ (0.014, 0.01))
    assert (found.q, found.u) == pytest.approx(tuple(mean))
    assert found.dof == 2
    assert found.cov == pytest.approx(cov * found.scale**2)


def test_the_common_part_is_not_averaged_down():
    cycles = [correct(stokes(0.05, 0.03, 0.004, 0.004), AHEAD) for _ in range(100)]
    mean = combine_stokes(cycles)
    assert mean.common_cov == pytest.approx(cycles[0].common_cov)
    assert mean.random_cov == pytest.approx(cycles[0].random_cov / 100)
    assert mean.rotation_err == pytest.approx(cycles[0].rotation_err)
    assert mean.cov == pytest.approx(mean.common_cov + mean.random_cov)
    assert mean.corrected


def test_a_common_part_can_be_given():
    common = np.diag([0.003**2, 0.0])
    cycles = [stokes(0.01, 0.0, 0.005, 0.004) for _ in range(4)]
    mean = combine_stokes(cycles, common)
    assert mean.q_err == pytest.approx(np.hypot(0.003, 0.004 / 2))
    assert mean.u_err == pytest.approx(0.004 / 2)


def test_errors_of_the_mean_cover_with_one_draw_of_the_constants():
    """Each trial draws the instrument once and ten cycles; only the sum of both errors covers."""
    rng = np.random.default_rng(8)
    pulls, alone = [], []
    for _ in range(1500):
        zero = complex(0.02 + 0.002 * rng.standard_normal(), -0.01 + 0.003 * rng.standard_normal())
        turn = np.exp(-2j * np.radians(12.0 + 1.5 * rng.standard_normal()))
        seen = zero + (0.06 + 0.02j) * turn * (0.95 + 0.01 * rng.standard_normal())
        cycles = []
        for _ in range(10):
            error = rng.uniform(0.002, 0.006)
            z = seen + error * complex(*rng.standard_normal(2))
            cycles.append(correct(stokes(z.real, z.imag, error, error), AHEAD))
        mean = combine_stokes(cycles)
        pulls.append(((mean.q - 0.06) / mean.q_err, (mean.u - 0.02) / mean.u_err))
        alone.append((mean.q - 0.06) / np.sqrt(mean.random_cov[0, 0]))
    assert np.mean(np.abs(pulls) < 1) == pytest.approx(0.683, abs=0.03)
    assert np.abs(np.mean(pulls, axis=0)).max() < 0.1
    assert np.mean(np.abs(alone) < 1) < 0.5  # what averaging everything down would give


def test_scatter_beyond_chance_enlarges_the_random_part_alone():
    quiet = [correct(stokes(q, 0.0, 0.001, 0.001), AHEAD) for q in (0.0500, 0.0505, 0.0495)]
    loud = [correct(stokes(q, 0.0, 0.001, 0.001), AHEAD) for q in (0.05, 0.06, 0.04)]
    assert combine_stokes(quiet).scale == 1.0
    found = combine_stokes(loud)
    assert found.scale == pytest.approx(np.sqrt(found.chi2 / found.dof))
    assert found.scale > 5
    assert found.common_cov == pytest.approx(combine_stokes(quiet).common_cov, rel=0.01)


def test_circular_polarization_is_combined_too():
    both = [
        stokes(0.0, 0.0, 0.001, 0.001, v=0.02, v_err=0.001),
        stokes(0.0, 0.0, 0.001, 0.001, v=0.023, v_err=0.002),
    ]
    found = combine_stokes(both)
    assert found.v == pytest.approx((0.02 * 4 + 0.023) / 5)
    assert found.v_err == pytest.approx(0.001 * np.sqrt(0.8))
    assert combine_stokes([*both, stokes(0.0, 0.0, 0.001, 0.001)]).v is None


def test_what_cannot_be_combined():
    one = stokes(0.0, 0.0, 0.001, 0.001)
    with pytest.raises(ValueError, match="nothing"):
        combine_stokes([])
    with pytest.raises(ValueError, match="others are not"):
        combine_stokes([one, correct(one, AHEAD)])
    with pytest.raises(ValueError, match="not positive"):
        combine_stokes([one, one], np.diag([0.002**2, 0.0]))


def test_ratio_method_takes_a_whole_turn_as_four_sets():
    plate = np.arange(16) * 22.5
    wave = 0.031 * np.cos(4 * np.radians(plate)) - 0.047 * np.sin(4 * np.radians(plate))
    clouds = np.linspace(1.0, 0.5, 16)
    o, e = 1000 * (1 - wave) * clouds, 1100 * (1 + wave) * clouds
    found = fit_plate_ratios(plate, o, 3 + 0 * o, e, 3 + 0 * e)
    assert (found.q, found.u) == pytest.approx((0.031, -0.047), abs=1e-12)
    assert found.k == pytest.approx(0.1 / 2.1)
    assert (found.n_used, found.dof) == (16, 10)
    assert found.used.all()
    without = fit_plate_ratios(plate[:7], o[:7], 3 + 0 * o[:7], e[:7], 3 + 0 * e[:7])
    assert without.used.tolist() == [True] * 4 + [False] * 3


def cycles(rng, scatters):
    """Cycles of sixteen plate angles whose fluxes scatter by so many times their photon noise."""
    plate = np.arange(16) * 22.5
    wave = 0.06 * np.cos(4 * np.radians(plate)) - 0.03 * np.sin(4 * np.radians(plate))
    found = []
    for scatter in scatters:
        o, e = 1e5 * (1 - wave), 1e5 * (1 + wave)
        noise = [np.sqrt(o), np.sqrt(e)]
        seen = [
            f + scatter * s * rng.standard_normal(16) for f, s in zip((o, e), noise, strict=True)
        ]
        found.append(fit_half_wave_plate(plate, seen[0], noise[0], seen[1], noise[1]))
    return found


@pytest.mark.parametrize(("scatter", "low"), [(1.0, 0.64), (1.3, 0.63), (2.0, 0.63)])
def test_many_cycles_tell_the_scatter_that_one_cannot(scatter, low):
    rng = np.random.default_rng(21)
    held = []
    for _ in range(150):
        mean = combine_stokes(cycles(rng, [scatter] * 6))
        held += [abs(mean.q - 0.06) < mean.q_err, abs(mean.u + 0.03) < mean.u_err]
    assert low < np.mean(held) < 0.74


def test_one_cycle_that_scatters_keeps_its_scatter_to_itself():
    quiet, loud = (
        cycles(np.random.default_rng(22), [1.0] * 5),
        cycles(np.random.default_rng(23), [8.0]),
    )
    alone, together = combine_stokes(quiet), combine_stokes([*quiet, *loud])
    assert loud[0].scale > 4
    assert together.q_err == pytest.approx(alone.q_err, rel=0.05)
    assert together.q_err < alone.q_err
