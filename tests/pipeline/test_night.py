"""A whole night through the commands: what is found, where it lies, what is left alone."""

import json

import numpy as np
import pytest

from polarnight.db import Epoch, MasterBias, MasterFlat, PhotoPolResult, RawFit, ReducedFit
from polarnight.frames import content_key, read_frame, read_provenance

NIGHT = "OSN-T090/2022-09-18"


@pytest.fixture
def truth(night):
    return json.loads(night.truth.read_text())


def test_every_frame_is_reduced_and_solved(reduced):
    assert RawFit.objects.count() == 24
    assert (MasterBias.objects.count(), MasterFlat.objects.count()) == (1, 5)
    frames = ReducedFit.objects.all()
    assert len(frames) == 6
    for frame in frames:
        assert frame.solved, frame.error
        assert frame.astrometry_rms < 0.15
        assert frame.astrometry_log10_chance < -10
        assert (frame.bias_level, frame.flat_level) == (0, 0)
        assert frame.content_key == content_key(frame.filepath)
        assert abs(frame.center_ra - 330.68) < 0.02
        assert abs(frame.center_dec - 42.278) < 0.02


def test_results_agree_with_the_truth(reduced, truth):
    sky = {entry["name"]: entry for entry in truth["sky"]}
    results = PhotoPolResult.objects.select_related("astrosource")
    assert results.filter(reduction="relphot").count() == 18
    assert results.filter(reduction="relpol").count() == 9
    deviations = []
    for row in results:
        true = sky[row.astrosource.name]
        deviations.append((row.mag - true["mags"]["R"]) / row.mag_err)
        if row.reduction == "relpol":
            deviations += [(row.q - true["q"]) / row.q_err, (row.u - true["u"]) / row.u_err]
            assert row.n_frames == 4
    # Three values are shared by calibrators of one frame, so this is no exact chi-square.
    assert np.max(np.abs(deviations)) < 4.5
    assert 0.4 < np.mean(np.square(deviations)) < 2.0
    target = results.get(reduction="relpol", astrosource__name="2200+420")
    assert target.mag_err < 0.03
    assert target.p_err < 0.015
    assert target.p == pytest.approx(0.14, abs=4 * target.p_err)
    assert target.chi == pytest.approx(14.7, abs=4 * target.chi_err)


def test_the_data_directory_is_laid_out_as_documented(reduced):
    root = reduced.root
    night = ("OSN-T090", "2022-09-18")
    # An open SQLite database has companions.
    found = {path.name for path in root.iterdir() if not path.name.startswith("iop4.db-")}
    assert found == {
        "raw",
        "masterbias",
        "masterflat",
        "calibration",
        "logs",
        "stars",
        "iop4.db",
    }
    assert len(list(root.joinpath("raw", *night).iterdir())) == 24
    assert len(list(root.joinpath("masterbias", *night).iterdir())) == 1
    assert len(list(root.joinpath("masterflat", *night).iterdir())) == 5
    lights = list(root.joinpath("calibration", *night).iterdir())
    assert {path.name for path in lights} == {
        f"{name}.d" for name in ReducedFit.objects.values_list("filename", flat=True)
    }
    for directory in lights:
        name = directory.name.removesuffix(".d")
        assert (directory / "ReducedFit" / name).is_file()
        assert {path.name for path in directory.iterdir()} <= {"RawFit", "ReducedFit"}
    assert (root / "logs" / "polarnight.log").stat().st_size > 0
    assert not list(root.rglob(".*"))


def test_products_say_what_they_are_made_of(reduced):
    row = ReducedFit.objects.get(filename="BLLac-0001R45.fit")
    frame = read_frame(row.filepath)
    good = frame.bits == 0
    assert good.mean() > 0.95
    assert np.isfinite(frame.data[good]).all()
    assert (frame.variance[good] > 0).all()
    made = read_provenance(row.filepath)
    assert made.recipe_key == row.recipe_key
    assert {(record.role, record.sha256) for record in made.inputs} == {
        ("raw", RawFit.objects.get(filename=row.filename).content_key),
        ("masterbias", row.masterbias.content_key),
        ("masterflat", row.masterflat.content_key),
    }
    assert all(not record.path.startswith("/") for record in made.inputs)
    assert all(
        not record.path.startswith("/")
        for record in read_provenance(row.masterflat.filepath).inputs
    )


def test_raw_files_are_never_touched(reduced, night):
    given = {path.name: path.read_bytes() for path in night.directory.iterdir()}
    raw = reduced.root / "raw" / "OSN-T090" / "2022-09-18"
    before = {path.name: path.stat().st_mtime_ns for path in raw.iterdir()}
    assert reduced.run("run", NIGHT, "--force") == 0
    assert {path.name: path.read_bytes() for path in raw.iterdir()} == given
    assert {path.name: path.stat().st_mtime_ns for path in raw.iterdir()} == before


def test_read_only_raw_files_are_reduced_alike(archive, night, reduced_night):
    assert archive.run("-o", "set_rawdata_readonly=true", "ingest", night.directory) == 0
    raw = archive.root / "raw"
    assert not [p for p in raw.rglob("*.fit") if p.stat().st_mode & 0o222]
    assert archive.run("run", "--all-local", "--only", "masters") == 0
    assert archive.checksums("masterflat") == reduced_night.checksums("masterflat")
    assert archive.checksums("raw") == reduced_night.checksums("raw")


def test_the_archive_may_be_linked(archive, night, reduced_night):
    assert archive.run("ingest", "--link", night.directory) == 0
    assert all(p.is_symlink() for p in (archive.root / "raw").rglob("*.fit"))
    assert archive.run("run", "--all-local", "--only", "masters") == 0
    assert archive.checksums("masterbias") == reduced_night.checksums("masterbias")
    assert "ingest" not in Epoch.objects.get().report


def test_the_library_reduces_as_the_command_does(reduced):
    before = reduced.made()
    report = Epoch.by_epochname("T090/220918").reduce(force=True, quiet=True)
    assert report.failed == []
    assert before.changed(reduced.made()) == {}
