"""A night of an instrument whose polarimetry reads small windows of the chip."""

import json

import numpy as np
import pytest

from polarnight.db import MasterFlat, PhotoPolResult, RawFit, ReducedFit
from polarnight.frames import read_frame

pytestmark = pytest.mark.slow  # two minutes

NIGHT = "OSN-T090/2025-10-18"
SMALL = {
    "binning": 2, "size": 1200, "window_size": (560, 700), "photometry": ("R",),
    "n_photometry": 2, "exptime": 40.0, "exptime_polarimetry": 20.0, "n_cycles": 1, "n_bias": 3,
    "n_darks": 3, "n_flats": 3, "n_stars": 40, "dither": 4.0, "cosmic_rays": False,
}  # fmt: skip


def _night(directory, night="2025-10-18", seed=5, **options):
    from polarnight.pipeline.demo.simulated import simulate_to_directory

    return simulate_to_directory("DIPOL", night, seed, directory, **{**SMALL, **options})


@pytest.fixture(scope="module")
def dipol(tmp_path_factory):
    return _night(tmp_path_factory.mktemp("dipol"))


@pytest.fixture(scope="module")
def reduced_dipol(dipol, make_archive, tmp_path_factory):
    archive = make_archive(tmp_path_factory.mktemp("dipol-reduced") / "data", dipol)
    for arguments in (("ingest", dipol.directory), ("run", "T090/251018")):
        done = archive.in_process(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    return archive


@pytest.fixture
def reduced(reduced_dipol, copy_of):
    with copy_of(reduced_dipol) as archive:
        yield archive


def test_windows_are_calibrated_with_cut_masters(reduced):
    assert MasterFlat.objects.count() == 1
    windows = ReducedFit.objects.filter(obsmode="POLARIMETRY")
    assert windows.count() == 16
    for row in windows:
        x, y = map(int, row.imgorigin.split(","))
        cut = f"cut from 1200x1200 at {x},{y}"
        for reason in (row.bias_reason, row.dark_reason, row.flat_reason):
            assert reason.endswith(cut)
        frame = read_frame(row.filepath)
        assert frame.meta["masters_cut"] == {"bias": cut, "dark": cut, "flat": cut}
        assert frame.shape == (560, 700)
    assert ReducedFit.objects.filter(obsmode="PHOTOMETRY", imgorigin="").count() == 2


def test_windows_are_solved_after_the_wide_frames_and_tied_to_them(reduced, dipol):
    truth = json.loads(dipol.truth.read_text())
    target = next(entry for entry in truth["sky"] if entry["role"] == "target")
    wide = set(ReducedFit.objects.filter(obsmode="PHOTOMETRY").values_list("epoch", "filename"))
    assert len(wide) == 2
    frames = {frame["filename"]: frame for frame in truth["frames"]}
    for row in ReducedFit.objects.filter(obsmode="POLARIMETRY"):
        assert row.solved, row.error
        evidence = row.astrometry_info
        if "wide_frame" in evidence:
            assert evidence["wide_frame"] in {f"{NIGHT}/{name}" for _, name in wide}
            assert row.astrometry_log10_chance <= -2.0
        inputs = [role for _, role, _ in row.provenance["inputs"]]
        assert inputs.count("wide frame") == 2
        frame = read_frame(row.filepath)
        true = frames[row.filename]
        for wcs, beam in ((frame.wcs, ""), (frame.wcs_pair, "_e")):
            n = true[f"source{beam}"].index(truth["sky"].index(target))
            goal = true[f"x{beam}"][n], true[f"y{beam}"][n]
            found = wcs.all_world2pix(target["ra"], target["dec"], 0)
            np.testing.assert_allclose(found, goal, atol=0.7)


def test_results_agree_with_the_truth(reduced, dipol):
    sky = {entry["name"]: entry for entry in json.loads(dipol.truth.read_text())["sky"]}
    deviations = []
    for row in PhotoPolResult.objects.select_related("astrosource"):
        true = sky[row.astrosource.name]
        if row.mag is not None:
            deviations.append((row.mag - true["mags"]["R"]) / row.mag_err)
        if row.reduction == "relpol":
            deviations += [(row.q - true["q"]) / row.q_err, (row.u - true["u"]) / row.u_err]
            assert row.n_frames == 16
    assert PhotoPolResult.objects.filter(reduction="relpol").exists()
    # Photometry adds both images of a source: one alone would be fainter by 0.75 mag.
    assert PhotoPolResult.objects.filter(reduction="relphot").count() >= 2
    assert np.max(np.abs(deviations)) < 4.5


def test_windows_are_stale_with_their_wide_frame(reduced):
    assert "0 products are not current" in reduced.pending()
    one = RawFit.objects.filter(obsmode="PHOTOMETRY", imgtype="LIGHT").order_by("jd_start").first()
    one.flag("IGNORE", why="clouds")
    pending = reduced.pending()
    assert pending.count("the wide frames that it may be tied to changed") == 16, pending
    assert reduced.run("run", "--all-local") == 0, reduced.err
    for row in ReducedFit.objects.filter(obsmode="POLARIMETRY"):
        assert row.solved
        assert one.fileloc != row.astrometry_info.get("wide_frame")
    assert "0 products are not current" in reduced.pending()


def test_why_shows_what_a_window_was_tied_to(reduced):
    rows = ReducedFit.objects.filter(obsmode="POLARIMETRY")
    tied = [row for row in rows if "wide_frame" in row.astrometry_info]
    for row in tied:
        done = reduced.in_process("why", f"{NIGHT}/{row.filename}")
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"tied by    {row.astrometry_info['method']}" in done.stdout
        assert row.astrometry_info["wide_frame"] in done.stdout
    # The target's own pair has no residuals.
    row = rows.first()
    row.astrometry_rms = None
    row.astrometry_info = {"method": "own pair, turned as other frames", "images_matched": 2}
    row.save()
    done = reduced.in_process("why", f"{NIGHT}/{row.filename}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "own pair, turned as other frames; 2 images matched" in done.stdout
