"""What people decided survives every rerun, and a cycle is never filled from elsewhere."""

from astropy.io import fits

from polarnight.db import AstroSource, MasterFlat, PhotoPolResult, RawFit, ReducedFit
from polarnight.db.audit import history

NIGHT = "OSN-T090/2022-09-18"


def the_result(reduction="relpol"):
    return PhotoPolResult.objects.filter(
        astrosource__name="2200+420", reduction=reduction
    ).earliest("juliandate")


def test_flags_on_results_survive(reduced):
    flags = PhotoPolResult.FLAGS
    the_result().flag("BAD_POLARIMETRY", why="moon in the beam", who="ana")
    the_result().write_comment("see the log of the night", who="ana")
    other = the_result("relphot")
    other.flag("BAD_PHOTOMETRY", who="ana")
    for arguments in (["--force"], ["-o", "polarimetry.debias=none"], []):
        options = [a for a in arguments if a != "--force"]
        force = ["--force"] if "--force" in arguments else []
        assert reduced.run(*options, "run", NIGHT, *force) == 0
        assert the_result().has_flag(flags.BAD_POLARIMETRY)
        assert the_result().human_comment == "see the log of the night"
        assert the_result("relphot").has_flag(flags.BAD_PHOTOMETRY)
    assert PhotoPolResult.objects.filter(flags__has=flags.BAD_POLARIMETRY).count() == 1
    assert [change.who for change in history(the_result())][:1] == ["ana"]
    # Another sky in the same frame: the decision was about one source only.
    assert reduced.run("results", "--format", "csv") == 0
    assert reduced.out.count("BAD_POLARIMETRY") == 1


def test_a_decision_waits_for_a_result_that_went_away(reduced):
    the_result().flag("BAD_POLARIMETRY", who="ana")
    frame = ReducedFit.objects.get(filename="BLLac-0001R0.fit")
    frame.flag("IGNORE", who="ana")
    assert reduced.run("run", NIGHT) == 1
    assert not PhotoPolResult.objects.filter(reduction="relpol").exists()
    frame.undecide("IGNORE")
    assert reduced.run("run", NIGHT) == 0
    assert the_result().has_flag(PhotoPolResult.FLAGS.BAD_POLARIMETRY)


def test_flags_on_frames_and_masters_survive(reduced):
    RawFit.objects.get(filename="BLLac-0002R.fit").flag("IGNORE", who="ana")
    MasterFlat.objects.get(rotangle=90).flag("IGNORE", who="ana")
    reduced.run("run", NIGHT)
    ReducedFit.objects.get(filename="BLLac-0001R90.fit").unflag("MISSING_MASTER", who="ana")
    assert reduced.run("run", NIGHT, "--force") == 1
    assert RawFit.objects.get(filename="BLLac-0002R.fit").has_flag(RawFit.FLAGS.IGNORE)
    assert MasterFlat.objects.get(rotangle=90).has_flag(MasterFlat.FLAGS["IGNORE"])
    row = ReducedFit.objects.get(filename="BLLac-0001R90.fit")
    assert not row.has_flag(row.FLAGS.MISSING_MASTER)
    assert row.machine_flags & row.FLAGS.MISSING_MASTER
    assert reduced.run("ingest", reduced.root / "raw") == 0
    assert RawFit.objects.get(filename="BLLac-0002R.fit").has_flag(RawFit.FLAGS.IGNORE)


def test_a_source_that_is_deleted_takes_its_results_along(reduced):
    AstroSource.objects.get(name="2200+420 H").delete()
    assert not PhotoPolResult.objects.filter(astrosource__name="2200+420 H").exists()
    assert "3 products are not current" in reduced.pending()
    assert reduced.run("run", NIGHT) == 0
    assert PhotoPolResult.objects.count() == 24


def test_a_cycle_is_not_filled_from_another_hour(reduced):
    path = reduced.raw("BLLac-0001R90.fit")
    with fits.open(path, mode="update") as hdus:
        header = hdus[0].header
        assert header["DATE-OBS"].startswith("2022-09-18T22") or header["DATE-OBS"][11:13] < "23"
        hour = int(header["DATE-OBS"][11:13])
        header["DATE-OBS"] = f"{header['DATE-OBS'][:11]}{hour + 1:02d}{header['DATE-OBS'][13:]}"
        if "JD" in header:
            header["JD"] += 1.0 / 24.0
    assert reduced.run("run", NIGHT) == 1
    assert "incomplete cycle of 3 frames (gap): no frame at 90 deg" in reduced.out
    assert "incomplete cycle of 1 frame (end): no frame at -45, 0, 45 deg" in reduced.out
    assert not PhotoPolResult.objects.filter(reduction="relpol").exists()
    frame = ReducedFit.objects.get(filename="BLLac-0001R90.fit")
    assert frame.solved
    assert frame.has_flag(frame.FLAGS.ERROR_POLARIMETRY)
    assert reduced.run("why", f"{NIGHT}/BLLac-0001R90.fit") == 0
    assert "incomplete cycle of 1 frame" in reduced.out
    assert PhotoPolResult.objects.filter(reduction="relphot").count() == 18
