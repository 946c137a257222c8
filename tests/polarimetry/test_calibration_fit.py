"""Fits of zero, angle zero and efficiency to standards, against a known instrument."""

from dataclasses import replace

import numpy as np
import pytest

from polarnight.errors import AlgorithmFailed
from polarnight.polarimetry import InstrumentalPolarization, Stokes, correct
from polarnight.polarimetry._star_blocks import StarBlocks
from polarnight.polarimetry._variances import estimate_variances
from polarnight.polarimetry.calibration_fit import (
    StandardObservation,
    choose_free,
    fit_calibration,
)

from .partial_polarizer import as_measured

TRUTH = InstrumentalPolarization(0.0579, 0.0583, zero_angle=-18.0, efficiency=0.93)
TURNING = replace(TRUTH, telescope_q=0.02, telescope_u=-0.015)
ALL = ("zero", "angle", "efficiency")
MEASURED, LITERATURE = 3e-4, 3e-4


def observe(
    rng,
    truth=TRUTH,
    *,
    unpolarized=4,
    polarized=4,
    cycles=3,
    measured=MEASURED,
    literature=LITERATURE,
    star_scatter=0.0,
    cycle_scatter=0.0,
    angles=False,
    rotator=False,
):
    """Draw standards, and cycles of each, with the errors that are quoted and any scatter."""
    seen = []
    for n in range(unpolarized + polarized):
        p = 0.0 if n < unpolarized else rng.uniform(0.035, 0.09)
        z = p * np.exp(2j * np.radians(rng.uniform(0, 180)))
        quoted = literature * rng.uniform(0.5, 1.5)
        off = complex(*rng.standard_normal(2)) * np.hypot(quoted, star_scatter)
        for _ in range(cycles):
            angle = rng.uniform(-120, 120) if angles else 0.0
            turned = rng.uniform(0, 360) if rotator else 0.0
            here = truth.at(angle, turned)
            noise = measured * rng.uniform(0.6, 1.6)
            m = complex(as_measured(z, here))
            m += complex(*rng.standard_normal(2)) * np.hypot(noise, cycle_scatter)
            seen.append(
                StandardObservation(
                    star=f"star {n}",
                    q=m.real,
                    u=m.imag,
                    cov=np.eye(2) * noise**2,
                    true_q=(z + off).real,
                    true_u=(z + off).imag,
                    true_cov=np.eye(2) * quoted**2,
                    parallactic_angle=angle,
                    instrument_angle=turned,
                )
            )
    return seen


def deviations(fit, truth, names):
    errors = dict(
        zip(
            ("q0", "u0", "zero_angle", "efficiency", "telescope_q", "telescope_u"),
            np.sqrt(np.diag(fit.instrumental.covariance)),
            strict=False,
        )
    )
    found = fit.instrumental
    return [(getattr(found, name) - getattr(truth, name)) / errors[name] for name in names]


FOUR = ("q0", "u0", "zero_angle", "efficiency")
SIX = (*FOUR, "telescope_q", "telescope_u")


def test_without_noise_the_instrument_is_found_exactly():
    rng = np.random.default_rng(1)
    seen = observe(rng, TURNING, measured=1e-9, literature=1e-9, angles=True, rotator=True)
    fit = fit_calibration(seen, free=(*ALL, "telescope"))
    for name in SIX:
        assert getattr(fit.instrumental, name) == pytest.approx(getattr(TURNING, name), abs=1e-6)
    assert np.abs(fit.residuals).max() < 1e-7
    assert fit.dof == 2 * len(seen) - 6


@pytest.mark.parametrize("angle", [-89.0, -45.0, 0.0, 30.0, 90.0])
def test_any_angle_zero_is_found(angle):
    truth = replace(TRUTH, zero_angle=angle)
    fit = fit_calibration(observe(np.random.default_rng(2), truth))
    off = (fit.instrumental.zero_angle - angle + 90) % 180 - 90
    assert abs(off) < 5 * fit.instrumental.zero_angle_err
    assert -90 <= fit.instrumental.zero_angle < 90


def test_the_errors_are_those_of_the_textbook_in_a_simple_case():
    """N cycles of one unpolarized star whose literature value is exact: a plain mean."""
    rng = np.random.default_rng(3)
    seen = observe(rng, unpolarized=1, polarized=0, cycles=10)
    seen = [replace(o, true_q=0.0, true_u=0.0, true_cov=np.zeros((2, 2))) for o in seen]
    fit = fit_calibration(seen, free=("zero",), scatter=False, clip=None)
    weights = np.array([1 / o.cov[0, 0] for o in seen])
    q = np.array([o.q for o in seen])
    assert fit.instrumental.q0 == pytest.approx(weights @ q / weights.sum())
    assert fit.instrumental.q0_err == pytest.approx(weights.sum() ** -0.5)
    chi2 = np.sum([(o.q - fit.instrumental.q0) ** 2 / o.cov[0, 0] for o in seen])
    chi2 += np.sum([(o.u - fit.instrumental.u0) ** 2 / o.cov[1, 1] for o in seen])
    assert fit.chi2 == pytest.approx(chi2)
    assert fit.dof == 18


def test_cycles_of_one_star_share_the_errors_of_the_literature():
    rng = np.random.default_rng(4)
    errors = []
    for cycles in (1, 100):
        seen = observe(rng, unpolarized=3, polarized=0, cycles=cycles, measured=1e-4)
        seen = [replace(o, true_cov=np.eye(2) * 1e-6) for o in seen]
        fit = fit_calibration(seen, free=("zero",), scatter=False)
        errors.append(fit.instrumental.q0_err)
    # However often: not below 1e-3 over the root of three stars.
    assert errors[1] == pytest.approx(1e-3 / np.sqrt(3), rel=0.01)
    assert errors[0] == pytest.approx(errors[1], rel=0.05)


def test_unpolarized_stars_give_the_zero_and_leave_the_rest_as_it_was():
    held = InstrumentalPolarization(
        zero_angle=-17.0, zero_angle_err=0.5, efficiency=0.95, efficiency_err=0.01
    )
    seen = observe(np.random.default_rng(5), polarized=0)
    assert choose_free(seen) == ("zero",)
    fit = fit_calibration(seen, free=choose_free(seen), held=held)
    found = fit.instrumental
    assert (found.zero_angle, found.zero_angle_err) == pytest.approx((-17.0, 0.5))
    assert (found.efficiency, found.efficiency_err) == pytest.approx((0.95, 0.01))
    assert max(map(abs, deviations(fit, TRUTH, ("q0", "u0")))) < 4


def test_what_is_held_adds_its_error():
    """A polarized star gives the angle; an uncertain zero makes it uncertain."""
    seen = observe(np.random.default_rng(6), unpolarized=0, polarized=1, cycles=4)
    assert choose_free(seen) == ("angle", "efficiency")
    free, errors = choose_free(seen), []
    for zero_err in (0.0, 0.003):
        held = replace(TRUTH, q0_err=zero_err, u0_err=zero_err)
        fit = fit_calibration(seen, free=free, held=held)
        errors.append(fit.instrumental.zero_angle_err)
        # One star only: the light that it sends is corrected back to its literature value.
        back = correct(Stokes(q=seen[0].q, u=seen[0].u, cov=seen[0].cov), fit.instrumental)
        assert back.q == pytest.approx(seen[0].true_q, abs=2e-3)
    p = np.hypot(seen[0].true_q, seen[0].true_u) * TRUTH.efficiency
    expected = np.degrees(0.003 / (2 * p))
    assert np.sqrt(errors[1] ** 2 - errors[0] ** 2) == pytest.approx(expected, rel=0.05)
    # The same error of the zero is in the corrected star and cancels there.
    assert np.sqrt(back.cov[0, 0]) < 0.001


def test_what_stars_of_all_kinds_determine():
    rng = np.random.default_rng(7)
    assert choose_free(observe(rng, unpolarized=1, polarized=1)) == ALL
    assert choose_free(observe(rng, unpolarized=0, polarized=3)) == ALL
    assert choose_free(observe(rng, unpolarized=0, polarized=2)) == ("angle", "efficiency")
    assert choose_free(observe(rng), telescope=True) == (*ALL, "telescope")


@pytest.mark.parametrize(
    ("given", "free", "numbers"),
    [
        ({"unpolarized": 0, "polarized": 1}, ALL, {"stars": 1, "free": 4}),
        ({"unpolarized": 4, "polarized": 0}, ALL, {"stars": 4, "polarized": 0}),
        ({"unpolarized": 4, "polarized": 0}, ("angle",), {"polarized": 0}),
        ({}, (*ALL, "telescope"), {"parallactic_angles_deg": 0.0}),
    ],
)
def test_what_is_not_determined_is_refused_with_the_numbers(given, free, numbers):
    seen = observe(np.random.default_rng(8), **given)
    with pytest.raises(AlgorithmFailed, match="do not determine") as failure:
        fit_calibration(seen, free=free)
    assert {key: failure.value.numbers[key] for key in numbers} == numbers


def test_no_observations_and_unknown_names_are_refused():
    with pytest.raises(AlgorithmFailed, match="do not determine"):
        fit_calibration([])
    with pytest.raises(ValueError, match="made of zero, angle"):
        fit_calibration(observe(np.random.default_rng(9)), free=("zeros",))


def test_two_stars_for_four_numbers_are_said_to_test_nothing():
    fit = fit_calibration(observe(np.random.default_rng(10), unpolarized=1, polarized=1))
    assert "none tests the others" in fit.remarks[0]
    assert fit.star_scatter == 0.0
    several = fit_calibration(observe(np.random.default_rng(10), unpolarized=0, polarized=4))
    assert "no unpolarized star" in several.remarks[0]


def test_scatter_is_told_apart():
    rng = np.random.default_rng(11)
    found = []
    for _ in range(25):
        seen = observe(rng, star_scatter=1.5e-3, cycle_scatter=6e-4)
        fit = fit_calibration(seen)
        found.append((fit.star_scatter**2, fit.cycle_scatter**2))
        assert fit.chi2 > 3 * fit.dof
    # Variances are what is estimated without bias: 12 and 32 degrees of freedom, 25 times.
    stars, cycles = np.sqrt(np.mean(found, axis=0))
    assert stars == pytest.approx(1.5e-3, rel=0.15)
    assert cycles == pytest.approx(6e-4, rel=0.12)


def test_a_cycle_and_a_star_that_stray_are_left_out():
    rng = np.random.default_rng(12)
    seen = observe(rng)
    seen[4] = replace(seen[4], q=seen[4].q + 0.02)  # a cosmic ray, say
    wrong = "star 6"
    seen = [replace(o, true_u=o.true_u + 0.03) if o.star == wrong else o for o in seen]
    fit = fit_calibration(seen)
    out = {seen[index].star: reason for index, reason in fit.rejected}
    assert set(out) == {seen[4].star, wrong}
    assert "sigma from what the others predict" in out[wrong]
    assert len(fit.rejected) == 4
    assert list(np.flatnonzero(~fit.used)) == sorted(index for index, _ in fit.rejected)
    assert max(map(abs, deviations(fit, TRUTH, FOUR))) < 4
    by_star = {star.star: star for star in fit.stars}
    assert not by_star[wrong].used
    assert by_star[wrong].u == pytest.approx(-0.03, abs=0.003)
    assert fit_calibration(seen, clip=None).rejected == ()


def test_correlated_measurements_count_with_their_covariance():
    rng = np.random.default_rng(13)
    seen = observe(rng, unpolarized=1, polarized=0, cycles=2)
    cov = np.array([[4e-6, 3.9e-6], [3.9e-6, 4e-6]])
    exact = {"true_q": 0.0, "true_u": 0.0, "true_cov": np.zeros((2, 2))}
    first = replace(seen[0], q=0.01, u=0.01, cov=cov, **exact)
    second = replace(seen[1], q=0.0, u=0.0, cov=cov[::-1, ::-1] * [[1, -1], [-1, 1]], **exact)
    fit = fit_calibration([first, second], free=("zero",), scatter=False, clip=None)
    # The first knows q - u well, the second q + u: both take what the other knows.
    assert fit.instrumental.q0 - fit.instrumental.u0 == pytest.approx(0.0, abs=1e-9)
    assert fit.instrumental.q0 + fit.instrumental.u0 == pytest.approx(0.0, abs=1e-3)
    assert fit.instrumental.q0_err == pytest.approx(np.sqrt(1e-7), rel=0.02)


def test_the_variance_components_are_those_of_the_textbook():
    """Balanced one-way layout of q and u alike: REML equals the analysis of variance."""
    rng = np.random.default_rng(14)
    groups, each = 6, 5
    table = rng.normal(0, 2.0, (groups, 1, 2)) + rng.normal(0, 1.0, (groups, each, 2))
    n = groups * each
    unit = np.tile(np.eye(2), (n, 1, 1))
    data = StarBlocks(
        unit,  # one mean of q, one of u
        table.reshape(n, 2),
        np.zeros((n, 2, 2)),
        unit,
        np.repeat(np.arange(groups), each),
        np.zeros((groups, 2, 2)),
    )
    between, within = estimate_variances(data, [0, 1])
    means = table.mean(axis=1)
    inside = np.sum((table - means[:, None]) ** 2) / (2 * groups * (each - 1))
    outside = each * np.sum((means - means.mean(axis=0)) ** 2) / (2 * (groups - 1))
    assert within == pytest.approx(inside, rel=1e-3)
    assert between == pytest.approx((outside - inside) / each, rel=1e-3)


def some_blocks(rng, n=14, stars=4, parameters=3):
    """Draw a small problem whose covariance fills a matrix, and that matrix by the definition."""

    def covariances(count, size):
        root = rng.normal(size=(count, 2, 2))
        return size * (root @ np.swapaxes(root, 1, 2) + 0.3 * np.eye(2))

    star = np.concatenate([np.arange(stars), rng.integers(0, stars, n - stars)])
    data = StarBlocks(
        rng.normal(size=(n, 2, parameters)),
        rng.normal(size=(n, 2)),
        covariances(n, 1.0),
        rng.normal(size=(n, 2, 2)),
        star,
        covariances(stars, 2.0) * (np.arange(stars) > 0)[:, None, None],
    )
    known = np.zeros((2 * n, 2 * n))
    reach = np.zeros((2 * n, 2 * stars))
    literature = np.zeros((2 * stars, 2 * stars))
    for k in range(n):
        known[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] = data.noise[k]
        reach[2 * k : 2 * k + 2, 2 * star[k] : 2 * star[k] + 2] = data.design[k]
    for k in range(stars):
        literature[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] = data.star_cov[k]
    return data, known + reach @ literature @ reach.T, [reach @ reach.T, np.eye(2 * n)]


def test_blocks_of_stars_are_generalized_least_squares():
    """Everything that is made star by star, against the full matrices of the textbook."""
    data, known, components = some_blocks(np.random.default_rng(15))
    variances = np.array([0.7, 0.4])
    covariance = known + variances[0] * components[0] + variances[1] * components[1]
    design, y = data.jacobian.reshape(28, 3), data.residuals.reshape(28)
    weight = np.linalg.inv(covariance)
    cov = np.linalg.inv(design.T @ weight @ design)
    projector = weight - weight @ design @ cov @ design.T @ weight
    fit = data.solve(variances)
    np.testing.assert_allclose(fit.cov, cov, rtol=1e-10)
    np.testing.assert_allclose(fit.step, cov @ design.T @ weight @ y, rtol=1e-10)
    np.testing.assert_allclose(fit.weighted.reshape(28, 3), weight @ design, rtol=1e-9)
    np.testing.assert_allclose(fit.pulled.reshape(28), projector @ y, rtol=1e-8, atol=1e-12)
    assert fit.chi2 == pytest.approx(y @ projector @ y, rel=1e-10)
    likelihood = np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(design.T @ weight @ design)[1]
    assert fit.log_likelihood == pytest.approx(-0.5 * (likelihood + fit.chi2), rel=1e-10)

    score, information = data.derivatives(fit, [0, 1])
    products = [projector @ component for component in components]
    for n, (one, product) in enumerate(zip(components, products, strict=True)):
        expected = 0.5 * (y @ projector @ one @ projector @ y - np.trace(product))
        assert score[n] == pytest.approx(expected, rel=1e-9)
        gain = cov @ design.T @ weight
        np.testing.assert_allclose(data.slopes(fit, n), gain @ one @ gain.T, rtol=1e-9)
        for m, other in enumerate(products):
            assert information[n, m] == pytest.approx(0.5 * np.trace(product @ other), rel=1e-9)

    for of, found in ((np.arange(14), data.shifts(fit)), (data.star, data.star_shifts(fit))):
        for n, value in enumerate(found):
            shift = np.zeros((28, 2))
            for k in np.flatnonzero(of == n):
                shift[2 * k : 2 * k + 2] = data.design[k]
            pulled, normal = shift.T @ projector @ y, shift.T @ projector @ shift
            assert value == pytest.approx(pulled @ np.linalg.solve(normal, pulled), rel=1e-8)


def test_blocks_refuse_what_is_no_covariance():
    data, *_ = some_blocks(np.random.default_rng(16))
    data.noise[3] = np.diag([1.0, -1.0])
    with pytest.raises(np.linalg.LinAlgError):
        data.solve(np.zeros(2))


@pytest.mark.slow
def test_a_long_campaign_is_fitted_as_a_short_one():
    """2000 cycles of 20 stars; with full matrices this would take hours."""
    rng = np.random.default_rng(17)
    case = {"unpolarized": 10, "polarized": 10, "cycles": 100, "star_scatter": 7e-4}
    seen = observe(rng, cycle_scatter=6e-4, **case)
    for n in (40, 900, 1500):
        seen[n] = replace(seen[n], q=seen[n].q + 0.02)
    fit = fit_calibration(seen, free=ALL)
    assert {n for n, _ in fit.rejected} == {40, 900, 1500}
    assert np.abs(deviations(fit, TRUTH, FOUR)).max() < 4
    assert fit.cycle_scatter == pytest.approx(6e-4, rel=0.1)
    assert fit.star_scatter == pytest.approx(7e-4, rel=0.5)


CASES = {
    "quoted errors": ({}, ALL, TRUTH, FOUR),
    "stars vary": ({"star_scatter": 1e-3}, ALL, TRUTH, FOUR),
    "stars and cycles vary": ({"star_scatter": 1e-3, "cycle_scatter": 1e-3}, ALL, TRUTH, FOUR),
    "a telescope that turns": (
        {"unpolarized": 3, "polarized": 3, "cycles": 5, "star_scatter": 7e-4, "angles": True,
         "rotator": True},
        (*ALL, "telescope"), TURNING, SIX,
    ),
}  # fmt: skip


_FITS = 1000


def simulate(case, n, seed):
    given, free, truth, names = CASES[case]
    rng = np.random.default_rng(seed)
    return np.array(
        [
            deviations(fit_calibration(observe(rng, truth, **given), free=free), truth, names)
            for _ in range(n)
        ]
    )


@pytest.mark.parametrize("case", CASES)
def test_errors_hold_the_truth(case):
    inside = np.abs(simulate(case, 40, 16)) < 1
    assert 0.5 < inside.mean() < 0.85


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_coverage(case):
    """Parameters lie within their errors in 0.66 to 0.70 of the cases, but for chance."""
    off = simulate(case, _FITS, 17)
    inside = np.mean(np.abs(off) < 1, axis=0)
    two = np.mean(np.abs(off) < 2)
    print(f"\n{case}: within 1 sigma {np.round(inside, 3)}, mean {inside.mean():.3f},")
    print(f"within 2 sigma {two:.3f}, bias {np.round(off.mean(axis=0), 3)}")
    chance = np.sqrt(0.68 * 0.32 / _FITS)
    # Those of one fit are little correlated: their mean scatters less than each of them.
    assert abs(inside.mean() - 0.68) < 0.02 + 2 * chance / np.sqrt(len(inside))
    assert np.all(np.abs(inside - 0.68) < 0.02 + 2.5 * chance)
    assert np.all(np.abs(off.mean(axis=0)) < 0.1)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_no_number_is_named(wrong):
    good = StandardObservation("a", 0.01, 0.02, np.eye(2) * 1e-6, 0.0, 0.0, np.eye(2) * 1e-6)
    for bad in (replace(good, q=wrong, label="night 3"), replace(good, cov=np.full((2, 2), wrong))):
        with pytest.raises(AlgorithmFailed, match="no finite number"):
            fit_calibration([good, bad], free=("zero",))
