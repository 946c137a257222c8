"""Nights of standards through other polarimeters than CAFOS: the fit gives back the instrument.

The constants of the simulated instrument differ from the declared ones by many of their errors;
`polarnight calibrate-polarization` has to find them from raw frames of several nights. (CAFOS, and
the science night that uses the product, are in ``tests/pipeline/test_standards_night.py``.)
"""

from datetime import date, timedelta

import numpy as np
import pytest

from polarnight.db import PhotoPolResult, PolarizationCalibration
from polarnight.pipeline.demo.simulated import simulate_to_directory

STARS = ("Hiltner 960", "HD 204827", "BD+59 389", "BD+32 3739", "HD 212311", "BD+28 4211")
OBSERVED = {
    "AndorT90": (
        "2022-09-17",
        2,
        {"q0": 0.040, "u0": 0.075, "zero_angle": -25.0, "efficiency": 0.93},
        {"size": 360, "n_stars": 60},
    ),
    "DIPOL": (
        "2025-10-17",
        2,
        {"q0": -0.010, "u0": -0.030, "zero_angle": 52.0, "efficiency": 0.97},
        {
            "size": 900, "window_size": (440, 560), "n_photometry": 1, "photometry": ("R",),
            "n_stars": 60, "n_darks": 3, "n_cycles": 1, "standards": STARS[:2] + STARS[4:],
        },
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("instrument", OBSERVED)
def test_several_nights_of_standards(instrument, archive, tmp_path, capsys):
    first, count, actual, options = OBSERVED[instrument]
    nights = [(date.fromisoformat(first) + timedelta(n)).isoformat() for n in range(count)]
    for night in nights:
        made = simulate_to_directory(
            instrument, night, 21, tmp_path / night, scenario="standards", visits=1,
            n_bias=3, n_flats=3, instrumental=actual, ip_scatter=0.0,
            **{"standards": STARS, **options},
        )  # fmt: skip
        assert archive.run("ingest", made.directory) == 0
    # All nights of a seed see the same sky.
    stars = ("--mag", "R=mag_R", "--err", "R=mag_R_err")
    assert archive.run("stars", "import", made.stars, *stars) == 0
    assert archive.run("sources", "import", made.sources) == 0
    archive.run("run", "--all-local")
    print(archive.out)
    ask = ("--instrument", instrument, "--band", "R", "--from", nights[0], "--to", nights[-1])
    if instrument == "AndorT90":
        # Behind polaroids a zero that is another than the one in use looks like clouds: the
        # stars of the field all change alike. The observer knows that the nights were clear.
        assert archive.run("calibrate-polarization", *ask) == 2
        assert "hides the zero: clouds, or the zero is another" in archive.err
        never = ("-o", "polarimetry.transparency=never")
        assert "-o polarimetry.transparency=never" in archive.err
        archive.run(*never, "run", "--all-local")
        assert archive.run(*never, "calibrate-polarization", *ask) == 0, archive.err
        # With the zero that was found the stars agree with a clear sky.
        archive.run("run", "--all-local")
        divided = [
            row.evidence["polarimetry"]["transparency"] is not None
            for row in PhotoPolResult.objects.filter(reduction="relpol")
        ]
        assert np.mean(divided) < 0.1
    assert archive.run("calibrate-polarization", *ask, "--replace") == 0, archive.err
    told = archive.out
    row = PolarizationCalibration.objects.get()
    errors = np.sqrt([row.covariance[n][n] for n in range(4)])
    found = [getattr(row, name) for name in actual]
    off = (np.array(found) - list(actual.values())) / errors
    with capsys.disabled():
        for name, value, error, sigmas in zip(actual, found, errors, off, strict=True):
            print(f"\n{instrument} {name}: {value:.4f} +- {error:.4f}, truth {actual[name]}, "
                  f"{sigmas:+.1f} sigma", end="")  # fmt: skip
        print()
    print(told)
    assert np.abs(off).max() < 3.5
    assert errors[0] < 2e-3
    assert errors[1] < 2e-3
    assert errors[2] < 1.0
    assert errors[3] < 0.03
