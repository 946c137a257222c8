"""Simulated nights of standards give back the instrument, and a science night is right with it."""

import json
import re

import numpy as np
import pytest

from polarnight.db import PhotoPolResult, PolarizationCalibration
from polarnight.pipeline.demo.simulated import simulate_to_directory
from polarnight.pipeline.polarization.calibrations import DECLARED

AHEAD = {"q0": 0.012, "u0": -0.009, "zero_angle": -4.0, "efficiency": 0.95}
NIGHTS = ("2025-09-13", "2025-09-16")
STARS = ("Hiltner 960", "HD 204827", "BD+59 389", "BD+32 3739", "HD 212311", "BD+28 4211")


def bring(archive, night, name):
    stars = ("--mag", "R=mag_R", "--err", "R=mag_R_err", "--name", name)
    assert archive.run("stars", "import", night.stars, *stars) == 0
    assert archive.run("ingest", night.directory) == 0


@pytest.mark.slow
def test_from_standards_to_science(archive, tmp_path):
    shared = {"size": 300, "n_bias": 3, "n_flats": 3, "instrumental": AHEAD, "ip_scatter": 0.0}
    standards = simulate_to_directory(
        "CAFOS2.2", NIGHTS[0], 11, tmp_path / "standards", scenario="standards", standards=STARS,
        visits=1, **shared,
    )  # fmt: skip
    science = simulate_to_directory(
        "CAFOS2.2", NIGHTS[1], 12, tmp_path / "science", photometry=(), n_photometry=0, n_cycles=3,
        n_stars=60, **shared,
    )  # fmt: skip
    assert archive.run("sources", "import", science.sources) == 0
    assert archive.run("standards", "--import") == 0
    assert "Hiltner 960 is in the catalogue already" in archive.out
    bring(archive, standards, "standards")
    bring(archive, science, "science")
    assert archive.run("run", "--all-local") == 0, archive.out
    truth = json.loads(science.truth.read_text())
    sky = {entry["name"]: entry for entry in truth["sky"]}

    def deviations():
        rows = PhotoPolResult.objects.filter(
            reduction="relpol", epoch__night=NIGHTS[1], flags__hasnot=PhotoPolResult.FLAGS.CROWDED
        )
        found = [
            [(r.q - sky[r.astrosource.name]["q"]) / r.q_err,
             (r.u - sky[r.astrosource.name]["u"]) / r.u_err]
            for r in rows
        ]  # fmt: skip
        return np.array(found)

    # The declared constants are others than those of this instrument.
    assert np.abs(deviations()).mean() > 3
    dates = ("--from", NIGHTS[0], "--to", NIGHTS[0])
    ask = ("calibrate-polarization", "--instrument", "CAFOS2.2", "--band", "R", *dates)
    assert archive.run(*ask, "--dry-run") == 0
    assert "nothing was kept" in archive.out
    assert not PolarizationCalibration.objects.exists()
    assert archive.run(*ask) == 0
    print(archive.out)
    assert re.search(r"\d+ cycles of [56] stars", archive.out)  # one may be too low
    row = PolarizationCalibration.objects.get()
    errors = np.sqrt([row.covariance[n][n] for n in range(4)])
    off = np.array([getattr(row, name) - value for name, value in AHEAD.items()]) / errors
    assert np.abs(off).max() < 3.5
    assert errors[0] < 1e-3
    assert errors[2] < 0.6
    assert archive.run("calibrate-polarization", "--list") == 0
    assert "CAFOS2.2" in archive.out
    assert "instrumental polarization changed" in archive.pending()
    assert archive.run("run", "--all-local") == 0
    after = deviations()
    assert len(after) >= 20
    assert np.abs(after).mean() < 1.5
    assert np.abs(after).max() < 4.5
    levels = {
        r.epoch.night.isoformat(): r.evidence["calibration"]["level"]
        for r in PhotoPolResult.objects.filter(reduction="relpol").select_related("epoch")
    }
    assert levels == {NIGHTS[0]: 0, NIGHTS[1]: 1}
    assert DECLARED not in levels.values()
    # Nothing goes round in circles: what was corrected with it does not change it.
    assert archive.run(*ask) == 0
    assert "current" in archive.out
    assert "0 products are not current" in archive.pending()
