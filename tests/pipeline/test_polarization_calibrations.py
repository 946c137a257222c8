"""Calibrations of the instrumental polarization: made of results, kept, chosen, used."""

import json

import numpy as np
import pytest

from polarnight.calibration import AssociationRules
from polarnight.db import AstroSource, Epoch, PhotoPolResult, PolarizationCalibration
from polarnight.errors import AlgorithmFailed, ConfigError, NoWork
from polarnight.pipeline.polarization.calibrate import (
    CalibrationRequest,
    calibrate_polarization,
)
from polarnight.pipeline.polarization.calibrations import (
    DECLARED,
    CalibrationRecord,
    calibration_for,
    choose_calibration,
)
from polarnight.polarimetry import InstrumentalPolarization
from polarnight.polarimetry.standards import load_standards
from polarnight.simulation import to_instrument

FOUND = InstrumentalPolarization(0.01, 0.02, origin="standards")
SEED = InstrumentalPolarization(0.05, 0.06, origin="a paper")
JD = 2460000.0


def record(key="a", first=JD, last=None, **changes):
    last = first if last is None else last
    values = {"instrument": "AndorT90", "band": "R", "jd": (first + last) / 2, "jd_first": first,
              "jd_last": last, "instrumental": FOUND}  # fmt: skip
    return CalibrationRecord(key, **{**values, **changes})


def choose(records, jd=JD, **rules):
    return choose_calibration(
        records, "AndorT90", "R", jd, SEED, AssociationRules(near_days=7, **rules)
    )


@pytest.mark.parametrize(
    ("jd", "level", "delta"),
    [
        (JD + 0.4, 0, -0.4),
        (JD - 0.4, 0, 0.4),
        (JD + 0.6, 1, -0.6),
        (JD - 6.9, 1, 6.9),
        (JD + 29.0, 2, -29.0),
        (JD - 31.0, 3, 31.0),
    ],
)
def test_levels_are_those_of_masters(jd, level, delta):
    chosen = choose([record()], jd)
    assert (chosen.level, chosen.key, chosen.risky) == (level, "a", level == 3)
    assert chosen.delta_days == pytest.approx(delta)
    assert chosen.instrumental == FOUND
    assert f"level {level}" in chosen.reason
    assert ("earlier" if delta < 0 else "later") in chosen.reason


def test_inside_a_campaign_nothing_is_away():
    campaign = record("campaign", JD - 100, JD + 100)
    chosen = choose([record("night", JD + 3), campaign])
    assert (chosen.key, chosen.level, chosen.delta_days) == ("campaign", 0, 0.0)
    assert "days earlier" not in chosen.reason


def test_the_best_level_then_the_nearest():
    records = [record("far", JD - 20), record("near", JD + 6), record("nearer", JD - 5)]
    assert choose(records).key == "nearer"
    assert choose(reversed(records)).key == "nearer"
    tied = [record("b", JD + 1), record("a", JD - 1)]
    assert choose(tied).key == choose(reversed(tied)).key == "a"


def test_other_instruments_and_bands_and_the_ignored_do_not_count():
    others = [
        record("other", instrument="CAFOS2.2"),
        record("band", band="V"),
        record("bad", ignored=True),
    ]
    chosen = choose(others)
    assert (chosen.level, chosen.key, chosen.instrumental) == (DECLARED, "", SEED)
    assert "bad is to be ignored" in chosen.reason
    assert "other" not in chosen.reason
    assert "a paper" in chosen.reason
    assert "no standards have been fitted" in choose([]).reason


def test_a_stated_validity_bounds_and_replaces_the_general_one():
    stated = record("stated", valid_from=JD - 10, valid_to=JD + 200)
    assert choose([stated], JD + 150).level == 2
    assert "stated validity" in choose([stated], JD + 150).reason
    assert choose([stated], JD - 11).level == 3
    # A mirror was cleaned in between: the later one is not for what was before.
    after = record("after", JD + 1, valid_from=JD + 0.9)
    assert choose([after, record("before", JD - 20)]).key == "before"


def test_risky_ones_can_be_refused():
    chosen = choose([record("old", JD - 100)], allow_risky=False)
    assert chosen.level == DECLARED
    assert "old is 100.0 days away" in chosen.reason


# -- from results in the database --------------------------------------------------------

TRUTH = InstrumentalPolarization(0.0579, 0.0583, zero_angle=-18.0, efficiency=0.95)
STARS = ("Hiltner 960", "HD 204827", "HD 155197", "BD+32 3739", "HD 212311", "BD+28 4211")
NIGHTS = ("2022-09-18", "2022-09-20")
ASK = {"instrument": "AndorT90", "band": "R", "first": NIGHTS[0], "last": NIGHTS[1]}
NOISE = 4e-4


def insert(rng, star, night, cycle, truth=TRUTH, **changes):
    """Put a result of a standard into the database, measured through a known instrument."""
    standard = next(s for s in load_standards() if s.name == star)
    value = standard.in_band("R")
    source, _ = AstroSource.objects.get_or_create(
        name=star.replace(" ", ""),
        defaults={"ra_hms": standard.ra_hms, "dec_dms": standard.dec_dms},
    )
    z = complex(*to_instrument(np.array(value.q), np.array(value.u), truth))
    z += NOISE * complex(*rng.standard_normal(2))
    epoch = Epoch.create(f"OSN-T090/{night}")
    files = [f"OSN-T090/{night}/{source.name}-{cycle}-{angle}.fit" for angle in range(4)]
    values = {
        "identity": PhotoPolResult.make_identity(source.name, "relpol", files),
        "epoch": epoch,
        "astrosource": source,
        "reduction": "relpol",
        "instrument": "AndorT90",
        "obsmode": "POLARIMETRY",
        "band": "R",
        "juliandate": 2459841.4 + 0.01 * cycle + NIGHTS.index(night) * 2,
        "q_nocorr": z.real,
        "u_nocorr": z.imag,
        "files": files,
        "evidence": {"polarimetry": {"measured_cov": [[NOISE**2, 0], [0, NOISE**2]]}},
        "recipe_key": "first",
    }
    return PhotoPolResult.objects.create(**{**values, **changes})


@pytest.fixture
def observed(db, datadir):
    """Two nights with six standards, two cycles each."""
    rng = np.random.default_rng(20)
    for night in NIGHTS:
        for star in STARS:
            for cycle in range(2):
                insert(rng, star, night, cycle)


@pytest.fixture
def settings(datadir):
    from polarnight.config import get_settings

    return get_settings()


@pytest.mark.usefixtures("observed")
def test_a_calibration_is_made_and_kept(settings):
    report = calibrate_polarization(CalibrationRequest(**ASK), settings)
    assert report.verdict == "made"
    found = report.fit.instrumental
    for name in ("q0", "u0", "zero_angle", "efficiency"):
        off = getattr(found, name) - getattr(TRUTH, name)
        assert abs(off) < 3.5 * getattr(found, f"{name}_err")
    assert found.zero_angle_err < 0.3
    row = PolarizationCalibration.objects.get()
    assert row.key == "AndorT90/R/2022-09-18/2022-09-20"
    assert (row.n_stars, row.n_used) == (6, 24)
    assert row.jd_first == pytest.approx(2459841.4)
    assert row.jd == pytest.approx(2459842.405)
    assert row.zero_angle == found.zero_angle
    assert np.array(row.covariance) == pytest.approx(np.array(found.covariance))
    assert row.filepath == report.path
    document = json.loads(report.path.read_text())
    assert document["recipe_key"] == row.recipe_key
    assert len(document["observations"]) == 24
    assert document["standards"]["Hiltner 960"]["source"] == "1992AJ....104.1563S"
    assert document["standards"]["Hiltner 960"]["checked"] is False
    assert document["instrumental_polarization"]["efficiency"] == found.efficiency
    assert sorted(path.name for path in report.plots) == [
        f"R_2022-09-18_2022-09-20_{kind}.png" for kind in ("parallactic", "plane", "time")
    ]
    assert not list(report.path.parent.glob(".*"))


@pytest.mark.usefixtures("observed")
def test_the_same_again_is_current_even_after_the_nights_were_corrected_with_it(settings):
    first = calibrate_polarization(CalibrationRequest(**ASK), settings)
    stamp = first.path.stat().st_mtime_ns
    PhotoPolResult.objects.update(recipe_key="second", q=0.1, u=0.2, q_err=0.1)
    again = calibrate_polarization(CalibrationRequest(**ASK), settings)
    assert (again.verdict, again.path) == ("current", first.path)
    assert first.path.stat().st_mtime_ns == stamp
    first.path.unlink()  # a file that was lost is written again
    assert calibrate_polarization(CalibrationRequest(**ASK), settings).verdict == "made"
    assert first.path.is_file()


@pytest.mark.usefixtures("observed")
def test_nothing_is_replaced_silently(settings):
    calibrate_polarization(CalibrationRequest(**ASK), settings)
    before = PolarizationCalibration.objects.get()
    before.flag("IGNORE", why="clouds")
    insert(np.random.default_rng(1), STARS[0], NIGHTS[0], 7)
    with pytest.raises(ConfigError, match="--replace"):
        calibrate_polarization(CalibrationRequest(**ASK), settings)
    assert PolarizationCalibration.objects.get().recipe_key == before.recipe_key
    dry = calibrate_polarization(CalibrationRequest(**ASK, dry_run=True), settings)
    assert (dry.verdict, int(dry.fit.used.sum())) == ("dry run", 25)
    report = calibrate_polarization(CalibrationRequest(**ASK, replace=True), settings)
    assert report.verdict == "replaced"
    after = PolarizationCalibration.objects.get()
    assert after.n_used == 25
    # What people said of it holds for the new one, too.
    assert after.has_flag(after.FLAGS.IGNORE)


@pytest.mark.usefixtures("observed")
def test_what_cannot_be_used_is_passed_over_with_the_reason(settings):
    rng = np.random.default_rng(2)
    insert(rng, "VI Cyg 12", NIGHTS[0], 0)  # varies
    bad = insert(rng, STARS[0], NIGHTS[0], 8)
    bad.set_flag(bad.FLAGS.BAD_POLARIMETRY).save()
    insert(rng, STARS[1], NIGHTS[0], 8, evidence={})
    known = {"measured_cov": [[NOISE**2, 0], [0, NOISE**2]]}
    sky = {"factor": [1.0, 0.6, 0.8, 0.9], "field_polarization": 0.003}
    insert(rng, STARS[4], NIGHTS[0], 8, evidence={"polarimetry": {**known, "transparency": sky}})
    # Sums of two beams are not modulated: the clouds take nothing of the zero with them.
    sky = {**sky, "field_polarization": None}
    insert(rng, STARS[4], NIGHTS[0], 9, evidence={"polarimetry": {**known, "transparency": sky}})
    report = calibrate_polarization(CalibrationRequest(**ASK, dry_run=True), settings)
    assert int(report.fit.used.sum()) == 25
    why = dict(report.collected.passed_over)
    assert "compared with the field stars" in why["HD 212311, OSN-T090/2022-09-18"]
    assert "varies" in why["VI Cyg 12, OSN-T090/2022-09-18"]
    assert "BAD_POLARIMETRY" in why["Hiltner 960, OSN-T090/2022-09-18"]
    assert "run the night again" in why["HD 204827, OSN-T090/2022-09-18"]
    both = calibrate_polarization(CalibrationRequest(**ASK, dry_run=True, variable=True), settings)
    assert int(both.fit.used.sum()) == 26


@pytest.mark.usefixtures("observed")
def test_requests_that_make_no_sense_are_refused(settings):
    with pytest.raises(NoWork, match="no standard observed with AndorT90 in V"):
        calibrate_polarization(CalibrationRequest(**{**ASK, "band": "V"}), settings)
    with pytest.raises(ConfigError, match="NoSuch"):
        calibrate_polarization(CalibrationRequest(**{**ASK, "instrument": "NoSuch"}), settings)
    with pytest.raises(ConfigError, match="--fix colour"):
        CalibrationRequest(**ASK, fixed=("colour",))
    with pytest.raises(ConfigError, match="is after the last"):
        CalibrationRequest(**{**ASK, "first": "2023-01-01"})
    with pytest.raises(ConfigError, match="ends before"):
        CalibrationRequest(**ASK, valid_from=2.0, valid_to=1.0)
    fixed = ("zero", "angle", "efficiency")
    with pytest.raises(AlgorithmFailed, match="is held"):
        calibrate_polarization(CalibrationRequest(**ASK, fixed=fixed), settings)


def test_zero_standards_alone_give_the_zero_with_the_declared_rest(db, settings):
    rng = np.random.default_rng(3)
    for star in STARS[3:]:
        insert(rng, star, NIGHTS[0], 0)
    report = calibrate_polarization(CalibrationRequest(**ASK), settings)
    assert report.fit.free == ("zero",)
    found = report.fit.instrumental
    assert found.zero_angle == -18.0  # as AndorT90 declares
    assert abs(found.q0 - TRUTH.q0) < 4 * found.q0_err


@pytest.mark.usefixtures("observed")
def test_the_nearest_is_chosen_from_the_database():
    from polarnight.config import get_settings

    before = calibration_for("AndorT90", "R", 2459841.5)
    assert before.level == DECLARED
    report = calibrate_polarization(CalibrationRequest(**ASK), get_settings())
    chosen = calibration_for("AndorT90", "R", 2459850.0)
    assert (chosen.level, chosen.key) == (1, "AndorT90/R/2022-09-18/2022-09-20")
    assert chosen.instrumental.matrix == pytest.approx(report.fit.instrumental.matrix)
    assert chosen.evidence()["values"]["efficiency"] == report.fit.instrumental.efficiency
    assert calibration_for("AndorT90", "V", 2459850.0).level == DECLARED
    PolarizationCalibration.objects.get().flag("IGNORE")
    assert calibration_for("AndorT90", "R", 2459850.0).level == DECLARED


# -- in a night ---------------------------------------------------------------------------

NIGHT = "OSN-T090/2022-09-18"


def keep(found, night="2022-09-18", jd=2459841.5):
    matrix = [list(line) for line in found.matrix]
    return PolarizationCalibration.objects.create(
        key=f"AndorT90/R/{night}/{night}", instrument="AndorT90", band="R", jd=jd,
        jd_first=jd - 0.1, jd_last=jd + 0.1, q0=found.q0, u0=found.u0, covariance=matrix,
        zero_angle=found.zero_angle, efficiency=found.efficiency, telescope_q=0.0,
        telescope_u=0.0, content_key="x", recipe_key="y",
    )  # fmt: skip


def test_a_night_takes_a_new_calibration_and_leaves_it_when_it_is_ignored(reduced):
    target = PhotoPolResult.objects.get(reduction="relpol", astrosource__name="2200+420")
    before, photometry = target.q, reduced.made().of("results")
    assert target.evidence["calibration"]["level"] == DECLARED
    found = InstrumentalPolarization(0.06, 0.05, 0.001, 0.001, -20.0, 0.2, 0.9, 0.01)
    row = keep(found)
    plan = reduced.pending()
    assert "1 products are not current" in plan
    assert "its instrumental polarization changed: now polarization AndorT90/R" in plan
    assert reduced.run("run", NIGHT) == 0
    now = PhotoPolResult.objects.get(reduction="relpol", astrosource__name="2200+420")
    seen = to_instrument(np.array([now.q]), np.array([now.u]), found)
    assert np.ravel(seen) == pytest.approx((now.q_nocorr, now.u_nocorr))
    assert now.q != pytest.approx(before, abs=1e-3)
    assert now.evidence["calibration"]["key"] == row.key
    assert now.evidence["calibration"]["level"] == 0
    assert now.evidence["polarimetry"]["taken_off"]["efficiency"] == 0.9
    # The errors: this cycle's own, and what the constants add to all alike.
    own = now.evidence["polarimetry"]["q_err_random"]
    assert 0 < own < now.q_err
    assert reduced.made().of("results") == photometry
    assert reduced.run("why", f"{NIGHT}/BLLac-0001R45.fit") == 0
    assert f"taken off  polarization {row.key}: level 0 (same night)" in reduced.out
    row.flag("IGNORE", why="wet plate")
    assert "constants declared for AndorT90" in reduced.pending()
    assert reduced.run("run", NIGHT) == 0
    last = PhotoPolResult.objects.get(reduction="relpol", astrosource__name="2200+420")
    assert last.q == before
    assert f"{row.key} is to be ignored" in last.evidence["calibration"]["reason"]


def test_a_calibration_out_of_range_is_flagged(reduced):
    keep(InstrumentalPolarization(0.06, 0.05), night="2021-01-01", jd=2459216.5)
    assert reduced.run("run", NIGHT) == 0
    now = PhotoPolResult.objects.get(reduction="relpol", astrosource__name="2200+420")
    assert now.evidence["calibration"]["level"] == 3
    assert now.has_flag(now.FLAGS.RISKY_MASTER)
