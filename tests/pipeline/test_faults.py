"""One bad frame of every kind never stops a night: it is flagged, and the reason is told."""

import errno
import shutil

import pytest
from astropy.io import fits

from polarnight.db import MasterBias, MasterFlat, PhotoPolResult, RawFit, ReducedFit
from polarnight.pipeline.demo.simulated import simulate_to_directory
from polarnight.simulation.faults import FAULTS, apply_fault

NIGHT = "OSN-T090/2022-09-18"

# What is said of a frame; None where the frame can be used all the same.
REASONS = {
    "truncated": "truncated",
    "zero_byte": "empty",
    "wrong_bitpix": "BITPIX",
    "float_pixels": "BITPIX",
    "missing_exptime": "EXPTIME",
    "missing_filter": "FILTER",
    "missing_date": "DATE-OBS",
    "unknown_filter": "Xray",
    "wrong_telescope": "TELESCOP",
    "all_nan": "not one pixel can be used",
    "saturated": "saturated",
    "wrong_pointing": None,
    "swapped_pointing": None,
    "empty_pointing": None,
    "no_stars": "too few sources",
}


@pytest.fixture(scope="session")
def spoilt_night(tmp_path_factory):
    """A night of which every frame but the first is spoilt in another way."""
    faults = {fault: n for n, fault in enumerate(FAULTS, start=1)}
    return simulate_to_directory(
        "AndorT90", "2022-09-18", 5, tmp_path_factory.mktemp("spoilt"), size=320,
        photometry=("R",), n_photometry=len(FAULTS) + 1, n_cycles=0, n_bias=3, n_flats=3,
        n_stars=120, faults=faults,
    )  # fmt: skip


@pytest.fixture(scope="session")
def spoilt_archive(spoilt_night, tmp_path_factory, make_archive):
    """That night as it comes from the telescope, and reduced, in a process of its own."""
    archive = make_archive(tmp_path_factory.mktemp("data"), spoilt_night)
    raw = archive.root / "raw" / NIGHT
    raw.parent.mkdir(parents=True)
    raw.symlink_to(spoilt_night.directory)
    done = archive.in_process("run", "--all-local")
    archive.out = done.stdout
    assert done.returncode == 1, done.stderr
    return archive


@pytest.fixture
def spoilt(spoilt_archive, copy_of):
    with copy_of(spoilt_archive) as archive:
        yield archive


def name_of(fault):
    return f"BLLac-{list(FAULTS).index(fault) + 2:04d}R.fit"


def test_the_faults_are_all_known_here():
    assert set(REASONS) == set(FAULTS)


def test_the_rest_of_the_night_is_reduced(spoilt):
    good = [name_of(fault) for fault, reason in REASONS.items() if reason is None]
    for name in ["BLLac-0001R.fit", *good]:
        row = ReducedFit.objects.get(filename=name)
        assert row.solved, (name, row.error)
        assert PhotoPolResult.objects.filter(reducedfits=row).count() == 9
    assert "Traceback" not in spoilt.out
    assert "Error:" not in spoilt.out


def test_each_bad_frame_has_its_reason(spoilt, spoilt_archive):
    spoilt.run("status", NIGHT)
    status = {line.split()[0]: line for line in spoilt.out.splitlines() if ".fit" in line}
    for fault, reason in REASONS.items():
        if reason is None:
            continue
        name = name_of(fault)
        raw = RawFit.objects.get(filename=name)
        reduced = ReducedFit.objects.filter(rawfit=raw).first()
        said = raw.error or reduced.error
        assert reason in said, (fault, said)
        assert "Error:" not in said  # no exception that nobody foresaw
        flagged = raw if raw.error else reduced
        assert flagged.has_flag(
            RawFit.FLAGS.ERROR_CLASSIFY
            | RawFit.FLAGS.ERROR_CALIBRATION
            | RawFit.FLAGS.ERROR_ASTROMETRY
        ), fault
        assert not PhotoPolResult.objects.filter(reducedfits__rawfit=raw).exists()
        assert reason in status[name], fault
        assert reason in spoilt_archive.out
        assert spoilt.run("why", f"{NIGHT}/{name}") == 0
        assert reason in spoilt.out


def test_a_second_run_tries_nothing_again_and_says_the_same(spoilt):
    before = spoilt.made()
    assert spoilt.run("run", NIGHT) == 1
    told = {line.split(":")[0] for line in spoilt.out.splitlines() if ".fit: " in line}
    assert told == {f"{NIGHT}/{name_of(f)}" for f, reason in REASONS.items() if reason}
    assert before.changed(spoilt.made()) == {}


def test_retry_failed_tries_what_failed_and_nothing_else(spoilt):
    before = spoilt.made()
    plan = spoilt.pending("--retry-failed")
    assert "failed before" in plan
    assert spoilt.run("run", NIGHT, "--retry-failed") == 1
    lines = {line.split()[0]: line.split()[1] for line in spoilt.out.splitlines()[1:5]}
    assert (lines["masters"], lines["photometry"]) == ("0", "0")
    assert before.changed(spoilt.made()) == {}


def test_a_mended_frame_is_taken_up(spoilt, spoilt_night, tmp_path):
    link = spoilt.root / "raw" / NIGHT
    target = link.resolve()
    link.unlink()
    link.mkdir()
    for path in target.iterdir():
        (link / path.name).symlink_to(path)
    bad = link / name_of("truncated")
    bad.unlink()
    bad.write_bytes((target / "BLLac-0001R.fit").read_bytes())
    fits.setval(bad, "COMMENT", value="fetched again")
    assert spoilt.run("run", NIGHT) == 1
    assert ReducedFit.objects.get(filename=bad.name).solved
    assert PhotoPolResult.objects.filter(reducedfits__filename=bad.name).count() == 9
    assert RawFit.objects.get(filename=bad.name).error == ""


def test_no_catalogue_and_then_one(archive, night):
    assert archive.run("ingest", night.directory) == 0
    assert archive.run("run", "--all-local") == 1
    rows = ReducedFit.objects.all()
    assert {row.solved for row in rows} == {False}
    assert all("stars import" in row.error or "catalogue" in row.error for row in rows)
    # They are calibrated nevertheless, and calibrated only once.
    assert all(row.filepath.is_file() for row in rows)
    archive.run("stars", "import", night.stars, "--mag", "R=mag_R", "--err", "R=mag_R_err")
    assert "failed before, and the star catalogues have changed since" in archive.pending()
    assert archive.run("run", "--all-local") == 0
    assert ReducedFit.objects.filter(solved=True).count() == 6


def test_no_flats(archive, night):
    archive.run("stars", "import", night.stars, "--mag", "R=mag_R", "--err", "R=mag_R_err")
    lights = [p for p in night.directory.iterdir() if not p.name.startswith("Flat-0")]
    assert archive.run("ingest", *lights) == 0
    assert archive.run("run", "--all-local") == 1
    rows = ReducedFit.objects.all()
    assert {row.error.split(" (")[0] for row in rows} == {"no master FLAT"}
    assert all(row.has_flag(row.FLAGS.MISSING_MASTER) for row in rows)
    assert archive.run("why", f"{NIGHT}/BLLac-0001R.fit") == 0
    assert "no master FLAT" in archive.out
    assert archive.run("-o", "calibration.allow_missing=true", "run", "--all-local") == 0
    row = ReducedFit.objects.get(filename="BLLac-0001R.fit")
    assert row.solved
    assert row.has_flag(row.FLAGS.MISSING_MASTER)
    assert row.warnings == ["reduced without master FLAT"]


def test_a_full_disk_while_writing(reduced, monkeypatch):
    before = reduced.made()
    from polarnight.frames import atomic

    flush = atomic.flush_to_disk

    def full(path):
        if "BLLac-0002R" in path.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        flush(path)

    monkeypatch.setattr(atomic, "flush_to_disk", full)
    checksums = reduced.checksums("calibration")
    assert reduced.run("run", NIGHT, "--force") == 1
    row = ReducedFit.objects.get(filename="BLLac-0002R.fit")
    assert "No space left on device" in row.error
    assert not PhotoPolResult.objects.filter(reducedfits=row).exists()
    assert reduced.checksums("calibration") == checksums  # the old file, and no leftover
    monkeypatch.undo()
    monkeypatch.setenv("COLUMNS", "400")
    assert reduced.run("run", NIGHT) == 1
    assert "--retry-failed" in reduced.out
    assert reduced.run("run", NIGHT, "--retry-failed") == 0
    assert before.changed(reduced.made()) == {}


def test_bad_calibrations_are_left_out_of_their_master(archive, night, tmp_path):
    raw = tmp_path / "raw"
    shutil.copytree(night.directory, raw)
    apply_fault(raw / "Flat-0001R.fit", "truncated")
    apply_fault(raw / "Flat-0002R.fit", "saturated")
    apply_fault(raw / "Bias-0001.fit", "all_nan")
    apply_fault(raw / "Bias-0002.fit", "saturated")
    archive.run("stars", "import", night.stars, "--mag", "R=mag_R", "--err", "R=mag_R_err")
    place = archive.root / "raw" / NIGHT
    place.parent.mkdir(parents=True)
    raw.rename(place)
    assert archive.run("run", "--all-local") == 1
    assert "Flat-0001R.fit: truncated" in archive.out
    assert MasterFlat.objects.get(obsmode="PHOTOMETRY").n_used == 1
    assert MasterBias.objects.get().n_used == 1
    assert archive.run("why", f"{NIGHT}/Flat-0002R.fit") == 0
    assert "rejected" in archive.out
    assert "saturated" in archive.out
    assert ReducedFit.objects.filter(solved=True).count() == 6
