"""Models: names, keys, paths, queries, how rows show themselves."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import IntegrityError, transaction

from polarnight.db.bulk import upsert
from polarnight.db.handover import hand_over, register
from polarnight.errors import ConfigError

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["OSN-T090/2022-09-18", "T090/220918", "T090/20220918"])
def test_epoch_by_any_name(epoch, name):
    from polarnight.db import Epoch

    assert Epoch.by_epochname(name) == epoch
    assert Epoch.create(name) == epoch
    assert list(Epoch.objects.by_epochnames([name, "CAHA-T220/2020-01-01"])) == [epoch]


@pytest.mark.parametrize(
    "name", ["T090", "T090/2022-13-01", "T090/22-09-18", "T999/220918", "T090/2209181", "", "T090/"]
)
def test_wrong_names_are_refused(name):
    from polarnight.db import Epoch

    with pytest.raises(ConfigError, match=r"T090|night|TELESCOPE"):
        Epoch.create(name)
    assert not Epoch.objects.exists()


def test_last_epoch_is_the_latest_night(epoch):
    from polarnight.db import Epoch

    Epoch.create("T090/2020-01-01")
    assert Epoch.objects.last() == epoch
    assert epoch.jyear == pytest.approx(2022.7132, abs=1e-4)
    assert (epoch.yymmdd, epoch.yyyymmdd) == ("220918", "20220918")


def test_one_epoch_a_night(epoch):
    from polarnight.db import Epoch

    with pytest.raises(IntegrityError), transaction.atomic():
        Epoch.objects.create(telescope="OSN-T090", night=date(2022, 9, 18))


def test_counts(epoch, make_info):
    from polarnight.db import Epoch, RawFit, ReducedFit

    kinds = ["BIAS"] * 3 + ["FLAT"] * 2 + ["LIGHT"] * 4
    rows = [
        RawFit.from_info(epoch, make_info(filename=f"{i}.fit", imgtype=kind))
        for i, kind in enumerate(kinds)
    ]
    upsert(rows, ["epoch", "filename"])
    ReducedFit.from_rawfit(rows[-1], content_key="abc").save()
    ReducedFit.from_rawfit(rows[-2], error="no stars").save()
    RawFit.from_failure(epoch, "bad.fit", "no INSTRUME").save()
    failed = ReducedFit.from_rawfit(rows[-3], error="no stars")
    failed.set_flag(ReducedFit.FLAGS.ERROR_ASTROMETRY).save()
    Epoch.create("T090/200101")
    empty, counted = Epoch.objects.with_counts()
    kinds = [
        "raw",
        "bias",
        "dark",
        "flat",
        "light",
        "unclassified",
        "reduced",
        "solved",
        "failed",
        "results",
    ]
    assert [getattr(counted, f"n_{kind}") for kind in kinds] == [10, 3, 0, 2, 4, 1, 1, 0, 1, 0]
    assert [getattr(empty, f"n_{kind}") for kind in kinds] == [0] * 10
    assert [epoch.rawcount, epoch.biascount, epoch.flatcount, epoch.lightcount] == [10, 3, 2, 4]
    assert epoch.reducedcount == 1
    assert epoch.calibratedcount == 0


def test_header_survives_the_database(epoch, make_info):
    from polarnight.db import RawFit
    from polarnight.frames import Section

    info = make_info(trim=Section(0, 10, 1, 9), rotangle=22.48, extra={"a": [1, 2.5]})
    RawFit.from_info(epoch, info).save()
    row = RawFit.by_fileloc("T090/220918/BLLac-0001R.fit")
    assert row.frame_info() == info
    assert (row.width, row.height, row.imgbinning) == (2048, 2048, "1x1")
    assert row.juliandate == info.jd_mid
    assert row.flag_labels == ["CLASSIFIED"]


def test_failure_then_success(epoch, make_info):
    from polarnight.db import RawFit

    row = RawFit.from_failure(epoch, "BLLac-0001R.fit", "FILTER: no such filter")
    row.save()
    assert row.flag_labels == ["ERROR", "ERROR_CLASSIFY"]
    assert row.frame_info() is None
    assert row.width == 0
    row.fill(make_info()).save()
    assert row.flag_labels == ["CLASSIFIED"]
    assert row.error == ""


def test_files_lie_where_the_first_seed_draws_them(epoch, make_info, datadir):
    from polarnight.db import MasterFlat, RawFit, ReducedFit

    raw = RawFit.from_info(epoch, make_info())
    raw.save()
    root = datadir.root
    night = "OSN-T090/2022-09-18"
    assert raw.filepath == root / "raw" / night / "BLLac-0001R.fit"
    reduced = ReducedFit.from_rawfit(raw)
    assert reduced.filepath == (
        root / "calibration" / night / "BLLac-0001R.fit.d/ReducedFit/BLLac-0001R.fit"
    )
    flat = MasterFlat(
        epoch=epoch,
        instrument="AndorT90",
        imgsize="2048x2048",
        imgbinning="1x1",
        band="R",
        obsmode="POLARIMETRY",
        rotangle=-45.0,
    )
    flat.save()
    assert flat.filepath.parent == root / "masterflat" / night
    assert flat.filename == "masterflat_AndorT90_2048x2048_1x1_R_POLARIMETRY_-45.fits"
    assert flat.key == f"{night}/AndorT90/2048x2048/1x1//R/POLARIMETRY/-45"
    assert not flat.fileexists


def test_masters_are_told_apart_by_all_keys(epoch):
    from polarnight.db import MasterDark, MasterFlat

    common = {"instrument": "AndorT90", "imgsize": "8x8", "imgbinning": "1x1", "readmode": ""}
    flats = [
        MasterFlat(epoch=epoch, band=band, obsmode="POLARIMETRY", rotangle=angle, **common)
        for band in "VR"
        for angle in (None, 0.0, 22.5)
    ]
    upsert(flats, ["key"])
    assert MasterFlat.objects.count() == 6
    assert len({flat.path for flat in flats}) == 6
    assert MasterDark.make_key(epoch.epochname, exptime=60.0, **common) == (
        MasterDark.make_key(epoch.epochname, exptime=60, **common)
    )
    with pytest.raises(KeyError):
        MasterDark.make_key(epoch.epochname, **common)


def test_ignored_masters(epoch):
    from polarnight.db import MasterBias

    row = MasterBias(epoch=epoch, instrument="a", imgsize="8x8", imgbinning="1x1")
    row.save()
    row.flag("IGNORE", why="light leak")
    assert MasterBias.objects.filter(flags__hasnot=MasterBias.FLAGS.IGNORE).count() == 0


def test_identity_of_a_result():
    from polarnight.db import PhotoPolResult

    make = PhotoPolResult.make_identity
    assert make("a", "relpol", ["x", "y"]) == make("a", "relpol", ["y", "x"])
    others = [
        make("a", "relphot", ["x", "y"]),
        make("b", "relpol", ["x", "y"]),
        make("a", "relpol", ["x"]),
    ]
    assert len({make("a", "relpol", ["x", "y"]), *others}) == 4


def test_select(make_result, source):
    from polarnight.db import PhotoPolResult

    make_result().save()
    make_result(files=("OSN-T090/2022-09-18/v.fit",), band="V", juliandate=2459841.4).save()
    select = PhotoPolResult.objects.select
    assert [row.band for row in select()] == ["V", "R"]
    assert select(source="BL Lac", band="R", night="220918", telescope="T090").count() == 1
    assert select(source=source, instrument="AndorT90", reduction="relpol").count() == 2
    assert select(night=date(2022, 9, 19)).count() == 0
    with pytest.raises(ConfigError, match="2200\\+420"):
        select(source="2200+430")


def test_seed_query(make_result):
    from polarnight.db import PhotoPolResult

    make_result().save()
    results = list(PhotoPolResult.objects.filter(astrosource__name="2200+420"))
    assert "2200+420" in repr(results)


def test_rows_show_themselves_safely(epoch, make_info, make_result):
    from polarnight.db import RawFit

    raw = RawFit.from_info(epoch, make_info(object_name="<script>alert(1)</script>"))
    raw.save()
    shown = raw._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    row = make_result()
    row.save()
    assert "0.1400" in row._repr_html_()
    assert "14.70" in row._repr_html_()
    assert "raw    " in epoch._summary().text()

    class Printer:
        def __init__(self):
            self.out = ""

        def text(self, text):
            self.out += text

    printer = Printer()
    epoch._repr_pretty_(printer, cycle=False)
    assert printer.out.startswith("Epoch OSN-T090/2022-09-18")


def test_cone_search():
    from polarnight.db import AstroSource
    from polarnight.db.coordinates import format_dec, format_ra

    for name, ra, dec in [
        ("a", 359.9, 0),
        ("b", 0.1, 0),
        ("c", 180, 89.95),
        ("d", 0, 89.945),
        ("e", 10, 5),
    ]:
        AstroSource.objects.create(name=name, ra_hms=format_ra(ra), dec_dms=format_dec(dec))

    def names(*cone):
        return [row.name for row in AstroSource.objects.in_cone(*cone)]

    assert names(0.09, 0, 0.3) == ["b", "a"]
    assert names(359.95, 0, 0.1) == ["a"]
    assert names(0, 90, 0.06) == ["c", "d"]
    assert names(0, 89.96, 0.2) == ["d", "c"]
    assert names(10, 5, 0.001) == ["e"]
    assert names(10, 6, 0.5) == []


def test_work_is_handed_to_the_pipeline(epoch, monkeypatch):
    from polarnight.db import handover

    monkeypatch.setattr(handover, "_hooks", {})
    register("reduce_epochs", lambda names, **options: (names, options))
    assert epoch.reduce(force=True) == (["OSN-T090/2022-09-18"], {"force": True})
    assert epoch.build_master_biases() == (["OSN-T090/2022-09-18"], {"only": "masters"})
    with pytest.raises(ConfigError, match="no_such_thing"):
        hand_over("no_such_thing")


def test_migrations_are_complete():
    from django.core.management import call_command

    call_command("makemigrations", "polarnight", check=True, dry_run=True, verbosity=0)
