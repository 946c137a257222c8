"""Published observations of unpolarized stars behind a telescope that turns (EFOSC2 at the NTT).

The flat mirror that sends the light to the Nasmyth focus polarizes it by several percent along
a direction that keeps to the horizon, so that q and u follow twice the parallactic angle.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from polarnight.pipeline.polarization.plots import plot_calibration
from polarnight.polarimetry import Stokes, correct
from polarnight.polarimetry.calibration_fit import StandardObservation, fit_calibration

DATA = Path(
    os.environ.get("POLARNIGHT_REAL_DATA", Path(__file__).parents[2].parent / "shared" / "data")
)
TABLES = {
    "U": DATA / "polarimetry-tables" / "pu_standards.txt",
    "I": DATA / "polarimetry-tables" / "pi_standards.txt",
}
AMPLITUDES = {"U": 0.0245, "I": 0.0555}

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not all(path.is_file() for path in TABLES.values()),
        reason=f"no tables of real measurements under {DATA / 'polarimetry-tables'}",
    ),
]


def observations(band):
    """The table: star and number of the observation, parallactic angle, q, q_err, u, u_err."""
    rows = [line.split(",") for line in TABLES[band].read_text().splitlines() if line.strip()]
    return [
        StandardObservation(
            star=row[0].split()[0],
            q=float(row[2]),
            u=float(row[4]),
            cov=np.diag([float(row[3]) ** 2, float(row[5]) ** 2]),
            true_q=0.0,
            true_u=0.0,
            true_cov=np.zeros((2, 2)),
            parallactic_angle=float(row[1]),
            label=row[0].strip(),
        )
        for row in rows
    ]


@pytest.fixture(scope="module", params=list(TABLES))
def fitted(request):
    seen = observations(request.param)
    return request.param, seen, fit_calibration(seen, free=("zero", "telescope"), clip=4.0)


def test_one_circle_describes_all_of_a_band(fitted):
    band, seen, fit = fitted
    ip = fit.instrumental
    amplitude = np.hypot(ip.telescope_q, ip.telescope_u)
    errors = np.sqrt(np.diag(ip.covariance))
    assert amplitude == pytest.approx(AMPLITUDES[band], abs=0.0015)
    assert errors[[0, 1, 4, 5]].max() < 0.0008
    # Nothing is left that keeps to the instrument.
    assert abs(ip.q0) < 3 * errors[0]
    assert abs(ip.u0) < 3 * errors[1]
    # The quoted errors are those of photons: they are too small by a third.
    assert fit.dof == 2 * len(seen) - 4
    assert 1.3 < fit.chi2 / fit.dof < 2.4
    scatter = np.hypot(fit.star_scatter, fit.cycle_scatter)
    assert 0.0003 < scatter < 0.0025
    assert not fit.rejected
    assert np.std(fit.residuals) < 0.0025


def test_with_the_scatter_the_residuals_are_as_large_as_they_should_be(fitted):
    _, _, fit = fitted
    whole = np.sqrt(fit.errors**2 + fit.star_scatter**2 + fit.cycle_scatter**2)
    chi2 = np.sum((fit.residuals / whole) ** 2)
    assert 0.6 < chi2 / fit.dof < 1.5


def test_a_zero_that_does_not_turn_cannot_describe_them(fitted):
    band, seen, _ = fitted
    still = fit_calibration(seen, free=("zero",), clip=None)
    assert still.chi2 / still.dof > 200
    assert still.cycle_scatter > 0.5 * AMPLITUDES[band]


def test_stars_left_out_of_the_fit_come_out_unpolarized(fitted):
    """Each star is corrected with what the others say."""
    _, seen, fit = fitted
    scatter = np.hypot(fit.star_scatter, fit.cycle_scatter)
    distances = []
    for star in sorted({o.star for o in seen}):
        others = fit_calibration([o for o in seen if o.star != star], free=("zero", "telescope"))
        for o in (o for o in seen if o.star == star):
            measured = Stokes(q=o.q, u=o.u, cov=o.cov + np.eye(2) * scatter**2)
            sky = correct(measured, others.instrumental.at(o.parallactic_angle))
            z = np.array([sky.q, sky.u])
            distances.append(z @ np.linalg.solve(sky.cov, z))
            assert np.hypot(*z) < 0.006
    assert 0.5 < np.mean(distances) / 2 < 1.8


def test_it_can_be_drawn(fitted, tmp_path):
    band, seen, fit = fitted
    made = plot_calibration(seen, fit, tmp_path / f"efosc2_{band}", title=f"EFOSC2 {band}")
    assert [path.name for path in made] == [
        f"efosc2_{band}_plane.png",
        f"efosc2_{band}_parallactic.png",
    ]
    assert all(path.stat().st_size > 20_000 for path in made)
