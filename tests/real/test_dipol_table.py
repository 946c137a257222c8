"""A published set of dual-beam differences: 192 positions of a half-wave plate (DIPOL).

Its authors give P = 0.596 % at 31.6 deg, from their own iterative weighting: points within two
sigma of the mean count fully, those between two and three less, those beyond not at all. Ours
weighs by the photons, leaves out what lies beyond five sigma of the rest, and lets the scatter
enlarge the errors. Run with ``-s``, the tests print what each makes of the table.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from polarnight.polarimetry import (
    Polarization,
    combine_stokes,
    fit_half_wave_plate,
    fit_plate_ratios,
)

DATA = Path(
    os.environ.get("POLARNIGHT_REAL_DATA", Path(__file__).parents[2].parent / "shared" / "data")
)
TABLE = DATA / "polarimetry-tables" / "dipol-differences-1.csv"
P, ANGLE = 0.00596, 31.6

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not TABLE.is_file(), reason=f"no table of real measurements at {TABLE}"),
]


def measured(assumed=0.003):
    """Plate angles, and fluxes and errors of the beams with an assumed relative error."""
    difference = np.genfromtxt(TABLE, delimiter=",", skip_header=1)[:, 2]
    plate = 22.5 * np.arange(len(difference))
    extraordinary = np.ones(len(difference))
    ordinary = 10.0 ** (-0.4 * difference)
    return plate, ordinary, assumed * ordinary, extraordinary, assumed * extraordinary


def off(angle):
    return (angle - ANGLE + 90) % 180 - 90


def show(what, p, p_err, chi, chi_err):
    print(
        f"{what:36s} P = {100 * p:.3f} +- {100 * p_err:.3f} %, angle {chi:.1f} +- {chi_err:.1f} deg"
    )


@pytest.mark.parametrize("assumed", [0.001, 0.005])
def test_published_polarization_is_within_the_errors(assumed):
    """Errors come from the scatter, whatever is assumed."""
    found = fit_half_wave_plate(*measured(assumed), beam_gain=True, clip=None)
    pol = Polarization.from_stokes(found)
    show("one fit to 192", pol.p, pol.p_err, pol.chi, pol.chi_err)
    assert found.n_used == 192
    assert found.scale > 2
    assert abs(pol.p - P) < 2 * pol.p_err
    assert pol.p_err < 0.0015
    assert abs(off(pol.chi)) < 2 * pol.chi_err
    assert pol.chi_err < 7


def test_outliers_are_those_of_the_whole_scatter():
    """The points scatter by 1 %; five of their assumed sigmas would leave few of them."""
    found = fit_half_wave_plate(*measured(0.001), beam_gain=True)
    pol = Polarization.from_stokes(found)
    show("one fit, outliers left out", pol.p, pol.p_err, pol.chi, pol.chi_err)
    assert 188 <= found.n_used < 192
    assert abs(pol.p - P) < 2 * pol.p_err
    assert abs(off(pol.chi)) < 2 * pol.chi_err


@pytest.mark.parametrize("fit", [fit_half_wave_plate, fit_plate_ratios])
def test_twelve_turns_of_the_plate_combined(fit):
    columns = measured()
    options = {"beam_gain": True} if fit is fit_half_wave_plate else {}
    turns = [
        fit(*(column[start : start + 16] for column in columns), **options)
        for start in range(0, 192, 16)
    ]
    mean = combine_stokes(turns)
    pol = Polarization.from_stokes(mean)
    show(f"mean of twelve, {fit.__name__[4:]}", pol.p, pol.p_err, pol.chi, pol.chi_err)
    assert abs(pol.p - P) < 2 * pol.p_err
    assert abs(off(pol.chi)) < 2 * pol.chi_err
    assert 0.0004 < pol.p_err < 0.0009


def two_sigma_mean(vectors):
    """Mean with weights 1 within two sigma, (2 sigma/d)^2 to three, and none beyond."""
    weights = np.ones(len(vectors))
    for _ in range(100):
        mean = weights @ vectors / weights.sum()
        distance = np.hypot(*(vectors - mean).T)
        sigma = np.sqrt(weights @ distance**2 / (2 * weights.sum() - 2))
        new = np.where(distance <= 2 * sigma, 1.0, (2 * sigma / distance) ** 2)
        new[distance >= 3 * sigma] = 0.0
        if np.array_equal(new, weights):
            break
        weights = new
    return mean, sigma / np.sqrt(weights.sum()), weights


def test_weighting_by_two_sigma_changes_less_than_the_errors():
    """What another weighting makes of the same points, each four of them one (q, u)."""
    plate, ordinary, _, extraordinary, _ = measured()
    ratio = (extraordinary - ordinary) / (extraordinary + ordinary)
    turn = 4 * np.radians(plate)
    vectors = np.column_stack([ratio * np.cos(turn), ratio * np.sin(turn)])
    fours = vectors.reshape(48, 4, 2).sum(axis=1) / 2
    (q, u), err, weights = two_sigma_mean(fours)
    p, chi = np.hypot(q, u), 0.5 * np.degrees(np.arctan2(u, q)) % 180
    show("weights by two sigma, as theirs", p, err, chi, np.degrees(0.5) * err / p)
    print(
        f"of 48 fours {np.sum(weights == 1)} count fully, "
        f"{np.sum((weights > 0) & (weights < 1))} partly, {np.sum(weights == 0)} not"
    )
    ours = Polarization.from_stokes(fit_half_wave_plate(*measured(), beam_gain=True, clip=None))
    assert abs(p - ours.p) < ours.p_err
    assert abs((chi - ours.chi + 90) % 180 - 90) < ours.chi_err
    assert abs(p - P) < 2 * err
    # Leaving weight to fewer points makes the quoted error smaller by a quarter.
    assert 0.6 < err / ours.p_err < 0.85
