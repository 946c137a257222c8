"""After a change exactly what depends on it is made again, and it is said why."""

import os
import shutil

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table

from polarnight.db import MasterFlat, PhotoPolResult, RawFit, ReducedFit

NIGHT = "OSN-T090/2022-09-18"
LIGHTS = {
    "BLLac-0001R.fit", "BLLac-0002R.fit", "BLLac-0001R_45.fit", "BLLac-0001R0.fit",
    "BLLac-0001R45.fit", "BLLac-0001R90.fit",
}  # fmt: skip
CYCLE = {name for name in LIGHTS if not name.endswith(("1R.fit", "2R.fit"))}


class Changes:
    """What of the products a run changed."""

    def __init__(self, archive):
        self.archive = archive
        self.before, self.files = archive.made(), self._times()

    def _times(self):
        return {
            path: path.stat().st_mtime_ns
            for part in ("masterbias", "masterflat", "calibration")
            for path in (self.archive.root / part).rglob("*.fit*")
            if path.is_file()
        }

    def written(self):
        """Names of the product files that were written."""
        now = self._times()
        return {path.name for path in now if now[path] != self.files.get(path)}

    def changed(self, part):
        return set(self.before.changed(self.archive.made(), part))


def swap(archive, name, other):
    """Replace a raw file by another one, as somebody who fetched it anew would."""
    path = archive.raw(name)
    shutil.copyfile(archive.raw(other), path)
    # Equal bytes would be a copy, and no exposure of its own.
    fits.setval(path, "COMMENT", value="fetched again")
    os.utime(path, ns=(1, 1))


def results_of(name):
    return PhotoPolResult.objects.filter(reducedfits__filename=name)


def made(text, part):
    """How many products a part of a run made, from its summary."""
    line = next(line for line in text.splitlines() if line.startswith(part))
    return int(line.split()[1])


def test_an_unchanged_night_is_left_alone(reduced):
    changes = Changes(reduced)
    assert reduced.run("run", NIGHT) == 0
    assert changes.written() == set()
    assert changes.before.changed(reduced.made()) == {}
    assert [made(reduced.out, part) for part in ("masters", "reduce", "photometry")] == [0, 0, 0]
    assert "0 products are not current" in reduced.pending()


def test_a_touched_file_of_the_same_content_changes_nothing(reduced):
    os.utime(reduced.raw("BLLac-0001R.fit"))
    changes, flags = Changes(reduced), RawFit.objects.get(filename="BLLac-0001R.fit").flags
    assert reduced.run("run", NIGHT) == 0
    assert changes.written() == set()
    assert RawFit.objects.get(filename="BLLac-0001R.fit").flags == flags


def test_another_light_frame(reduced):
    swap(reduced, "BLLac-0001R.fit", "BLLac-0002R.fit")
    plan = reduced.pending()
    assert f"{NIGHT}/BLLac-0001R.fit" in plan
    assert "the raw frame" in plan
    assert "2 products are not current" in plan  # the frame, and its photometry
    changes = Changes(reduced)
    assert reduced.run("run", NIGHT) == 0
    assert changes.written() == {"BLLac-0001R.fit"}
    assert {" ".join(key.split()[:2]) for key in changes.changed("results")} == {
        "relphot BLLac-0001R.fit"
    }


def test_another_flat(reduced):
    swap(reduced, "Flat-0001R45.fit", "Flat-0002R45.fit")
    plan = reduced.pending()
    for line in ("POLARIMETRY/45", "BLLac-0001R45.fit", "R_45.fit and 3 more"):
        assert line in plan
    assert "3 products are not current" in plan
    assert reduced.run("why", f"{NIGHT}/BLLac-0001R45.fit") == 0
    assert "may change" in reduced.out
    changes = Changes(reduced)
    assert reduced.run("run", NIGHT) == 0
    flat = "masterflat_AndorT90_400x400_2x2_1-MHz_R_POLARIMETRY_45.fits"
    assert changes.written() == {flat, "BLLac-0001R45.fit"}
    assert changes.changed("results") == {
        name for name in changes.before.of("results") if name.startswith("relpol")
    }


def test_another_bias_concerns_everything(reduced):
    swap(reduced, "Bias-0001.fit", "Bias-0002.fit")
    changes = Changes(reduced)
    assert "15 products are not current" in reduced.pending()
    assert reduced.run("run", NIGHT) == 0
    assert len(changes.written()) == 12
    assert changes.changed("results") == changes.before.of("results")


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        pytest.param("calibration.nsigma=5.0", (6, 6, 27), marks=pytest.mark.slow),
        ("calibration.cosmic_rays=false", (0, 6, 27)),
        ("astrometry.max_rms_arcsec=0.9", (0, 6, 27)),
        ("astrometry.pictures=true", (0, 0, 0)),
        ("polarimetry.debias=none", (0, 0, 9)),
        ("workers=2", (0, 0, 0)),
    ],
)
def test_another_setting(reduced, option, expected):
    assert reduced.run("-o", option, "run", NIGHT) == 0
    parts = ("masters", "reduce", "photometry", "polarimetry")
    masters, frames, *results = (made(reduced.out, part) for part in parts)
    # A frame that comes out bit for bit the same makes no result stale.
    if option.startswith("astrometry.max_rms"):
        assert (masters, frames) == expected[:2]
    else:
        assert (masters, frames, sum(results)) == expected
    assert reduced.run("-o", option, "run", NIGHT) == 0
    assert [made(reduced.out, part) for part in parts] == [0, 0, 0, 0]


def test_an_ignored_master_and_its_return(reduced):
    flat = MasterFlat.objects.get(rotangle=45)
    before = reduced.made()
    flat.flag("IGNORE", why="fringes", who="ana")
    assert reduced.run("run", NIGHT) == 1
    row = ReducedFit.objects.get(filename="BLLac-0001R45.fit")
    assert row.error.startswith("no master FLAT")
    assert row.has_flag(row.FLAGS.MISSING_MASTER)
    # Three angles are no cycle: what rested on the fourth is gone, and it is said.
    assert not PhotoPolResult.objects.filter(reduction="relpol").exists()
    assert "incomplete cycle of 3 frames" in reduced.out
    assert reduced.run("run", NIGHT) == 1
    assert "incomplete cycle of 3 frames" in reduced.out
    reduced.run("why", f"{NIGHT}/BLLac-0001R0.fit")
    assert "incomplete cycle" in reduced.out
    flat.undecide("IGNORE")
    assert reduced.run("run", NIGHT) == 0
    assert before.changed(reduced.made()) == {}


@pytest.mark.parametrize("model", [RawFit, ReducedFit])
def test_an_ignored_light_frame(reduced, model):
    before = reduced.made()
    row = model.objects.get(filename="BLLac-0002R.fit")
    row.flag("IGNORE", why="a plane", who="ana")
    reduced.run("run", NIGHT)
    assert not results_of("BLLac-0002R.fit").exists()
    assert PhotoPolResult.objects.filter(reduction="relphot").count() == 9
    assert reduced.run("run", NIGHT) == 0
    row.undecide("IGNORE")
    assert reduced.run("run", NIGHT) == 0
    assert before.changed(reduced.made()) == {}


def test_ignored_flats_leave_no_master(reduced):
    before = reduced.made()
    flats = RawFit.objects.filter(filename__in=["Flat-0001R.fit", "Flat-0002R.fit"])
    for row in flats:
        row.flag("IGNORE", who="ana")
    changes = Changes(reduced)
    assert reduced.run("run", NIGHT) == 0
    flat = "masterflat_AndorT90_400x400_2x2_1-MHz_R_PHOTOMETRY.fits"
    assert changes.written() >= {flat, "BLLac-0001R.fit", "BLLac-0002R.fit"}
    last = RawFit.objects.get(filename="Flat-0003R.fit")
    last.flag("IGNORE", who="ana")
    assert "none of its frames is used any more" in reduced.pending()
    assert "5 products are not current" in reduced.out
    assert reduced.run("run", NIGHT) == 1
    assert "out of use" in reduced.out
    assert ReducedFit.objects.filter(error__contains="FLAT").count() == 2
    for row in [*flats, last]:
        row.undecide("IGNORE")
    assert reduced.run("run", NIGHT) == 0
    assert before.changed(reduced.made()) == {}


def test_lost_products_are_made_again(reduced):
    before = reduced.made()
    flat = MasterFlat.objects.get(rotangle=0)
    flat.filepath.unlink()
    ReducedFit.objects.get(filename="BLLac-0001R.fit").filepath.unlink()
    results_of("BLLac-0002R.fit").first().delete()
    plan = reduced.pending()
    assert f"its file {flat.path} is gone" in plan
    assert "BLLac-0001R.fit is gone" in plan
    assert "1 of its results are gone" in plan
    changes = Changes(reduced)
    assert reduced.run("run", NIGHT) == 0
    assert changes.written() == {flat.filepath.name, "BLLac-0001R.fit"}
    assert before.changed(reduced.made()) == {}


def test_a_raw_file_that_goes_and_comes_back(reduced, tmp_path):
    before = reduced.made()
    path = reduced.raw("BLLac-0001R.fit")
    path.rename(tmp_path / "aside.fit")
    assert reduced.run("run", NIGHT) == 1
    assert "no longer in" in reduced.out
    assert results_of("BLLac-0001R.fit").exists()
    (tmp_path / "aside.fit").rename(path)
    assert reduced.run("run", NIGHT) == 0
    assert before.changed(reduced.made()) == {}
    assert not RawFit.objects.exclude(error="").exists()


def test_a_raw_file_that_becomes_unreadable_takes_its_results_along(reduced):
    path = reduced.raw("BLLac-0001R.fit")
    path.write_bytes(path.read_bytes()[:100000])
    assert reduced.run("run", NIGHT) == 1
    assert not results_of("BLLac-0001R.fit").exists()
    assert reduced.run("results", "--format", "csv") == 0
    assert "BLLac-0001R.fit" not in reduced.out


def a_star(path, ra, dec):
    """The brightest field star within 0.03 deg, as ``ra_hms,dec_dms``."""
    stars = Table.read(path, format="ascii.csv")
    near = np.hypot((stars["ra"] - ra) * np.cos(np.deg2rad(dec)), stars["dec"] - dec) < 0.03
    field = stars[near & np.char.startswith(stars["name"].astype(str), "F0")]
    found = field[np.argmin(field["mag_R"])]
    place = SkyCoord(found["ra"], found["dec"], unit="deg")
    return place.to_string("hmsdms", sep=" ", precision=2).replace(" +", ",+")


def test_one_more_source_in_the_field_and_one_elsewhere(reduced, night, tmp_path):
    new = "name,ra_hms,dec_dms,srctype\n"
    (tmp_path / "far.csv").write_text(f"{new}far,02 00 00,+10 00 00,STAR\n")
    reduced.run("sources", "import", tmp_path / "far.csv")
    assert "0 products" in reduced.pending()
    star = a_star(night.stars, 330.6804, 42.2778)
    (tmp_path / "near.csv").write_text(f"{new}near,{star},STAR\n")
    reduced.run("sources", "import", tmp_path / "near.csv")
    assert "3 products are not current" in reduced.pending()
    changes = Changes(reduced)
    reduced.run("run", NIGHT)
    assert changes.written() == set()
    assert PhotoPolResult.objects.filter(astrosource__name="near").count() == 3


def test_force_makes_everything_anew_and_equal(reduced):
    changes = Changes(reduced)
    assert reduced.run("run", NIGHT, "--force") == 0
    assert len(changes.written()) == 12
    assert changes.before.changed(reduced.made()) == {}


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("masters", (6, None, None, None)),
        ("reduce", (None, 6, None, None)),
        pytest.param("photometry", (None, None, 18, None), marks=pytest.mark.slow),
        ("polarimetry", (None, None, None, 9)),
    ],
)
def test_one_part_only(reduced, part, expected):
    before = reduced.made()
    assert reduced.run("run", NIGHT, "--only", part, "--force") == 0
    for name, count in zip(
        ("masters", "reduce", "photometry", "polarimetry"), expected, strict=True
    ):
        lines = [line for line in reduced.out.splitlines() if line.startswith(name)]
        assert [int(line.split()[1]) for line in lines] == ([] if count is None else [count])
    assert before.changed(reduced.made()) == {}


def test_a_cycle_that_is_made_otherwise_leaves_nothing_behind(reduced):
    # Exposures follow each other after 8 s; with 3 s no two frames are of one cycle.
    option = "polarimetry.max_gap_minutes=0.05"
    assert reduced.run("-o", option, "run", NIGHT) == 1
    assert reduced.out.count("incomplete cycle of 1 frame") == 4
    assert not PhotoPolResult.objects.filter(reduction="relpol").exists()
    assert PhotoPolResult.objects.filter(reduction="relphot").count() == 18
