"""Several nights and instruments in one archive: dual beams, and masters of other nights."""

import json

import numpy as np
import pytest

from polarnight.db import AperPhotResult, Epoch, PhotoPolResult, ReducedFit
from polarnight.pipeline.demo.simulated import simulate_to_directory

FIRST, SECOND = "OSN-T090/2022-09-18", "OSN-T090/2022-09-21"


def give_catalogues(archive, night):
    archive.run("stars", "import", night.stars, "--mag", "R=mag_R", "--err", "R=mag_R_err")
    archive.run("sources", "import", night.sources)


def test_a_dual_beam_night_beside_another_telescope(reduced, tmp_path):
    before = reduced.made()
    night = simulate_to_directory(
        "CAFOS2.2", "2025-09-13", 3, tmp_path, size=400, photometry=("R",),
        n_photometry=1, n_cycles=1, n_bias=3, n_flats=3,
    )  # fmt: skip
    give_catalogues(reduced, night)
    assert reduced.run("ingest", night.directory) == 0
    assert reduced.run("run", "--all-local") == 0
    after = reduced.made()
    # The other night was current and stays as it is.
    assert not {name for name in before.changed(after) if "BLLac" in name or "OSN-T090" in name}
    here = PhotoPolResult.objects.filter(epoch__telescope="CAHA-T220")
    assert here.filter(reduction="relphot").count() == 9
    assert here.filter(reduction="relpol").count() == 9
    pairs = AperPhotResult.objects.filter(
        reducedfit__epoch__telescope="CAHA-T220", reducedfit__obsmode="POLARIMETRY"
    )
    assert pairs.filter(pairs="O").count() == pairs.filter(pairs="E").count() == 36
    sky = {entry["name"]: entry for entry in json.loads(night.truth.read_text())["sky"]}
    deviations = []
    for row in here.filter(flags__hasnot=PhotoPolResult.FLAGS.CROWDED):
        true = sky[row.astrosource.name]
        deviations.append((row.mag - true["mags"]["R"]) / row.mag_err)
        if row.reduction == "relpol":
            deviations += [(row.q - true["q"]) / row.q_err, (row.u - true["u"]) / row.u_err]
    assert np.max(np.abs(deviations)) < 4.5
    target = here.get(reduction="relpol", astrosource__name="Hiltner960")
    assert (target.p_err < 0.003, target.chi_err < 2.0) == (True, True)
    assert Epoch.objects.count() == 2
    assert reduced.run("status") == 0
    assert len(reduced.out.splitlines()) == 3
    assert reduced.run("run", "T220/250913") == 0
    assert reduced.made() == after


@pytest.fixture(scope="module")
def second_night(tmp_path_factory):
    """One R frame of three nights later, with calibrations of its own."""
    return simulate_to_directory(
        "AndorT90", "2022-09-21", 3, tmp_path_factory.mktemp("second"), size=400,
        photometry=("R",), n_photometry=1, n_cycles=0, n_bias=3, n_flats=3, n_stars=120,
    )  # fmt: skip


def test_masters_of_another_night_until_there_are_own(reduced, second_night):
    light = next(second_night.directory.glob("BLLac*"))
    assert reduced.run("ingest", light) == 0
    assert reduced.run("run", SECOND) == 0
    row = ReducedFit.objects.get(epoch__night="2022-09-21")
    assert row.solved
    assert (row.bias_level, row.flat_level) == (1, 1)
    assert f"{row.masterflat.epoch}" == FIRST
    assert reduced.run("why", f"{SECOND}/{light.name}") == 0
    assert "days" in next(line for line in reduced.out.splitlines() if " flat " in line)
    assert PhotoPolResult.objects.filter(epoch__night="2022-09-21").count() == 9
    first = ReducedFit.objects.get(epoch__night="2022-09-18", filename=light.name).recipe_key
    # Now the calibrations of the night itself arrive.
    assert reduced.run("ingest", second_night.directory) == 0
    assert reduced.pending().count("not made yet") == 2
    assert "4 products are not current" in reduced.out  # with the frame and its photometry
    assert reduced.run("run", "--all-local") == 0
    row = ReducedFit.objects.get(epoch__night="2022-09-21")
    assert (row.bias_level, row.flat_level) == (0, 0)
    assert (
        ReducedFit.objects.get(epoch__night="2022-09-18", filename=light.name).recipe_key == first
    )


def test_masters_too_far_away_are_flagged_or_refused(reduced, second_night):
    light = next(second_night.directory.glob("BLLac*"))
    reduced.run("ingest", light)
    near = ("-o", "calibration.near_days=1")
    assert reduced.run(*near, "run", SECOND) == 0
    row = ReducedFit.objects.get(epoch__night="2022-09-21")
    assert row.flat_level == 2
    assert row.has_flag(row.FLAGS.RISKY_MASTER) is False
