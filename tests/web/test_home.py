"""The first page tells the last night of each telescope: what came out, what failed and why."""

from __future__ import annotations

import re

import pytest

from polarnight.web.nights.failures import failures_of
from polarnight.web.nights.last import Latest, last_nights
from polarnight.web.templatetags.polarnight import codes, percent, pm


def test_the_page_of_a_night(demo):
    page = demo.client("viewer").get("/").content.decode()
    assert re.search(r"OSN-T090 <span[^>]*>2022-09-18", page)
    assert "the header has no IMAGETYP" in page
    assert "add the type of exposure to the header" in page
    assert "BLLac-0099R.fit" in page
    assert "/explore/plot/?srcname=2200%2B420" in page
    assert str(demo.root) not in page


def test_numbers_are_those_of_the_database(demo):
    from polarnight.db import NightQuality, PhotoPolResult, RawFit

    (night,) = last_nights()
    assert night.epoch.n_raw == RawFit.objects.count()
    assert {failure.part: failure.files for failure in night.failures} == {
        "classify": ["unknown-0001.fit"],
        "reduce": ["BLLac-0099R.fit"],
    }
    assert night.n_failed == 2
    (entry,) = night.results
    rows = PhotoPolResult.objects.filter(astrosource__name="2200+420").order_by("juliandate")
    assert entry.n == rows.count()
    last = rows.exclude(mag=None).last()
    assert entry.mags["R"] == (last.mag, last.mag_err)
    polarized = rows.exclude(p=None).last()
    assert entry.p[:2] == (100 * polarized.p, 100 * polarized.p_err)
    assert entry.chi == (polarized.chi, polarized.chi_err)
    qualities = {(q.band, q.obsmode): q for q in NightQuality.objects.exclude(band="")}
    for row in night.conditions:
        mode = {"phot": "PHOTOMETRY", "pol": "POLARIMETRY"}[row.mode]
        assert row.seeing == qualities[row.band, mode].seeing


def test_results_that_are_bad_are_counted_and_not_shown(demo):
    from polarnight.db import PhotoPolResult

    rows = PhotoPolResult.objects.filter(astrosource__name="2200+420").order_by("juliandate")
    last = rows.exclude(mag=None).last()
    last.flag("BAD_PHOTOMETRY", why="a test", who="tester")
    (entry,) = last_nights()[0].results
    assert entry.n_flagged == 1
    assert all(value != (last.mag, last.mag_err) for value in entry.mags.values())


def test_frames_left_out_by_people_are_no_failures(demo):
    from polarnight.db import Epoch, RawFit

    Epoch.objects.update(report={})
    (before,) = failures_of(Epoch.objects.get())
    assert before.files == ["unknown-0001.fit"]
    RawFit.objects.get(filename="unknown-0001.fit").flag("IGNORE", why="a test", who="tester")
    assert failures_of(Epoch.objects.get()) == []


def test_what_is_usual_is_the_median_of_nights_before(demo):
    from polarnight.db import Epoch, NightQuality

    template = NightQuality.objects.filter(obsmode="PHOTOMETRY").first()
    for day, seeing, zero_point in ((1, 1.0, 21.0), (2, 1.2, 21.2), (3, 3.0, 23.0)):
        epoch = Epoch.create(f"OSN-T090/2022-09-0{day}")
        NightQuality.objects.create(
            epoch=epoch, instrument=template.instrument, band=template.band,
            obsmode="PHOTOMETRY", seeing=seeing, zero_point=zero_point,
        )  # fmt: skip
    (night,) = last_nights()
    row = next(row for row in night.conditions if row.mode == "phot")
    assert row.usual_seeing == 1.2
    assert row.zero_point_change == pytest.approx(template.zero_point - 21.2)
    assert row.poor_seeing


def test_bands_stand_from_blue_to_red():
    mags = dict.fromkeys(("I", "r", "V", "B", "R", "U"), (15.0, 0.1))
    entry = Latest(source="x", other_names="", srctype="", url="", mags=mags)
    assert [band for band, _ in entry.by_band] == ["U", "B", "V", "R", "I", "r"]


def test_jobs_that_run_come_first_and_those_that_ended_badly_are_told(site):
    from django.utils import timezone

    from polarnight.web.models import Job, JobState

    for state in (JobState.LOST, JobState.FAILED, JobState.QUEUED, JobState.DONE):
        Job.objects.create(
            kind="reduce", title=f"a job that is {state}", state=state, finished=timezone.now()
        )
    page = site.client("viewer").get("/").content.decode()
    told = re.findall(r"a job that is (\w+)", page)
    assert told == ["queued", "failed", "lost"]


def test_an_empty_archive_says_how_to_begin(site):
    assert b"polarnight ingest" in site.client("viewer").get("/").content


def test_names_from_headers_stay_text(site):
    from polarnight.db import AstroSource, Epoch, PhotoPolResult

    evil = '<script>alert(1)</script>" onload="x'
    epoch = Epoch.create("OSN-T090/2024-01-01")
    epoch.report = {"failed": [["reduce", f"a/b/{evil}", f"`{evil}` went wrong"]]}
    epoch.save()
    source = AstroSource.objects.create(
        name=evil, other_names=evil, ra_hms="01:00:00", dec_dms="+01:00:00"
    )
    PhotoPolResult.objects.create(
        identity="x", epoch=epoch, astrosource=source, reduction="relphot", instrument=evil,
        obsmode="PHOTOMETRY", band="R", juliandate=2460310.5, mag=15.0, mag_err=0.1,
    )  # fmt: skip
    page = site.client("viewer").get("/").content.decode()
    assert "<script>alert" not in page
    assert 'onload="' not in page
    assert "&lt;script&gt;alert(1)" in page


def test_numbers_have_the_digits_that_their_error_allows():
    assert pm(14.37219, 0.0123) == "14.372\u00a0±\u00a00.012"
    assert pm(113.2, 12.0) == "113\u00a0±\u00a012"
    assert pm(11.998782, 0.00098) == "11.9988\u00a0±\u00a00.0010"
    assert pm(1.5, None) == "1.500"
    assert pm(None, 0.1) == "–"
    assert pm(float("nan"), 0.1) == "–"
    assert percent(0.871) == "87\u00a0%"
    assert codes("try `a <b>` & see") == "try <code>a &lt;b&gt;</code> &amp; see"
