"""Pages and API of nights: numbers of the database, reasons, filters, bounds of queries."""

from __future__ import annotations

import re
from datetime import date

import pytest

from polarnight.web.nights.frames import FRAME_STATES, Asked, choose_frames, frame_rows
from polarnight.web.nights.listing import choose_nights, night_rows

NIGHT = "OSN-T090/2022-09-18"


def _epoch():
    from polarnight.db import Epoch

    return Epoch.objects.with_counts().get()


def test_the_list_has_the_numbers_of_the_database(demo):
    epoch = _epoch()
    (row,) = night_rows([epoch])
    assert row.counts == {
        "raw": epoch.n_raw, "bias": epoch.n_bias, "dark": epoch.n_dark, "flat": epoch.n_flat,
        "light": epoch.n_light, "reduced": epoch.n_reduced, "solved": epoch.n_solved,
        "results": epoch.n_results, "failed": 2,
    }  # fmt: skip
    assert row.flags == _epoch().flag_labels
    assert "ERROR" in row.flags
    page = demo.client("viewer").get("/nights/").content.decode()
    assert "LISTED" not in page
    assert f'href="/nights/{NIGHT}/"' in page
    answer = demo.client("viewer").get("/api/v1/nights").json()
    assert answer["count"] == 1
    assert answer["items"][0]["counts"] == row.counts
    assert answer["items"][0]["seeing"] == row.seeing


def test_nights_are_chosen_by_telescope_date_and_state(demo):
    from polarnight.db import Epoch

    Epoch.create("OSN-T150/2023-01-02")
    assert [e.telescope for e in choose_nights()] == ["OSN-T150", "OSN-T090"]
    assert choose_nights(telescope="OSN-T090").get().night == date(2022, 9, 18)
    assert choose_nights(first=date(2023, 1, 1)).get().telescope == "OSN-T150"
    assert choose_nights(last=date(2022, 12, 31)).get().telescope == "OSN-T090"
    assert choose_nights(state="failed").get().telescope == "OSN-T090"
    assert choose_nights(state="results").get().telescope == "OSN-T090"
    assert choose_nights(state="raw").get().telescope == "OSN-T150"
    assert not choose_nights(state="good").exists()
    Epoch.objects.update(machine_flags=0, report={})
    from polarnight.db import RawFit

    RawFit.objects.exclude(error="").delete()
    assert choose_nights(state="good").get().telescope == "OSN-T090"
    refused = demo.client("viewer").get("/nights/?first=yesterday")
    assert refused.status_code == 400
    assert "is no date; write it as YYYY-MM-DD" in refused.content.decode()


def test_failures_are_counted_as_the_first_page_counts_them(demo):
    from polarnight.web.nights.failures import failed_files
    from polarnight.web.nights.last import night_of

    epoch = _epoch()
    assert len(failed_files([epoch])[0]) == night_of(epoch).n_failed == 2


def test_every_frame_says_what_it_became_and_why(demo):
    from polarnight.db import RawFit

    rows = {row["filename"]: row for row in frame_rows(choose_frames(_epoch(), Asked()))}
    assert len(rows) == RawFit.objects.count()
    for raw in RawFit.objects.filter(reduced__solved=True).select_related("reduced"):
        row, made = rows[raw.filename], raw.reduced
        assert row["reduced"]["fwhm"] == made.fwhm
        assert row["reduced"]["astrometry_rms"] == made.astrometry_rms
        assert {m["kind"]: m["reason"] for m in row["masters"]} == {
            kind: reason
            for kind, reason in (
                ("bias", made.bias_reason), ("dark", made.dark_reason), ("flat", made.flat_reason)
            )
            if reason
        }  # fmt: skip
    clouds, unknown = rows["BLLac-0099R.fit"], rows["unknown-0001.fit"]
    assert clouds["error"]
    assert clouds["remedy"]
    assert not clouds["reduced"]["solved"]
    assert "IMAGETYP" in unknown["error"]
    assert "add the type" in unknown["remedy"]
    for raw in RawFit.objects.filter(imgtype="BIAS"):
        (master,) = rows[raw.filename]["masters"]
        assert master["kind"] == "bias"
        assert master["role"] == "part"
        assert raw.masterbias_set.get().pk == master["id"]


def test_frames_are_filtered_sorted_and_paged(demo):
    from polarnight.db import RawFit

    client = demo.client("viewer")

    def names(query):
        answer = client.get(f"/api/v1/nights/{NIGHT}/frames?{query}")
        assert answer.status_code == 200, answer.content
        return [row["filename"] for row in answer.json()["items"]]

    def expected(**filters):
        return list(RawFit.objects.filter(**filters).values_list("filename", flat=True))

    assert names("imgtype=BIAS") == expected(imgtype="BIAS")
    assert names("state=failed") == ["BLLac-0099R.fit", "unknown-0001.fit"]
    assert names("state=solved") == expected(reduced__solved=True)
    assert names("state=unsolved") == ["BLLac-0099R.fit"]
    assert names("text=bllac-0099") == ["BLLac-0099R.fit"]
    assert names("text=nothing-like-that") == []
    assert names("limit=3&offset=2") == sorted(expected())[2:5]
    times = [row.juliandate for row in RawFit.objects.filter(imgtype="LIGHT")]
    rows = client.get(f"/api/v1/nights/{NIGHT}/frames?imgtype=LIGHT&sort=-time").json()["items"]
    assert [row["juliandate"] for row in rows] == sorted(times, reverse=True)
    RawFit.objects.get(filename="BLLac-0099R.fit").flag("IGNORE", why="clouds", who="tester")
    assert names("state=ignored") == ["BLLac-0099R.fit"]
    for query in ("sort=flags", "imgtype=X", "state=x", "limit=0"):
        assert client.get(f"/api/v1/nights/{NIGHT}/frames?{query}").status_code == 422
    for state in FRAME_STATES:
        assert client.get(f"/nights/{NIGHT}/?state={state}").status_code == 200


def test_the_page_of_a_night(demo):
    client = demo.client("operator")
    page = client.get(f"/nights/{NIGHT}/").content.decode()
    assert "BLLac-0099R.fit" in page
    assert "the header has no IMAGETYP" in page
    assert re.search(r"bias: <|bias</a>: ", page)
    assert '<form id="reduce"' in page
    assert "preview.png" not in page
    assert str(demo.root) not in page
    assert 'loading="lazy"' in client.get(f"/nights/{NIGHT}/?previews=1").content.decode()
    assert (
        '<form id="reduce"' not in demo.client("viewer").get(f"/nights/{NIGHT}/").content.decode()
    )
    for wrong in ("OSN-T090/2022-09-19", "OSN-T090/yesterday", "X%00Y/2022-09-18"):
        assert client.get(f"/nights/{wrong}/").status_code == 404
        assert client.get(f"/api/v1/nights/{wrong}").status_code == 404


def test_what_is_stale_is_what_the_pipeline_says(demo):
    from polarnight.config import get_settings
    from polarnight.pipeline.pending import pending_of

    client = demo.client("viewer")
    path = f"/api/v1/nights/{NIGHT}/stale"
    before = {row["what"] for row in client.get(path).json()}
    raw = next((demo.root / "raw").glob("*/*/BLLac-0001R.fit"))
    from polarnight.db import ReducedFit

    made = ReducedFit.objects.get(filename=raw.name)
    made.recipe_key = "another"
    made.save()
    rows = client.get(path).json()
    assert raw.name in {row["what"] for row in rows} - before
    pending = pending_of(_epoch(), get_settings())
    told = {row["what"]: row["why"] for row in rows if row["product"] == "frame"}
    assert told[raw.name] == pending.frames[f"{NIGHT}/{raw.name}"]


def test_a_night_in_the_api(demo):
    told = demo.client("viewer").get(f"/api/v1/nights/{NIGHT}").json()
    epoch = _epoch()
    assert told["seconds"] == epoch.report["seconds"]
    assert {name for entry in told["failures"] for name in entry["files"]} == {
        "BLLac-0099R.fit", "unknown-0001.fit",
    }  # fmt: skip
    assert told["results"][0]["source"] == "2200+420"
    assert demo.client("viewer").get(f"/api/v1/nights/{NIGHT}/job").json() == {"job": None}


def test_names_from_headers_stay_text(site):
    from polarnight.db import Epoch, RawFit

    evil = '<img src=x onerror="alert(1)">'
    epoch = Epoch.create("OSN-T090/2024-01-01")
    RawFit.objects.create(epoch=epoch, filename=evil, object_name=evil, error=f"{evil}; do {evil}")
    page = site.client("viewer").get("/nights/OSN-T090/2024-01-01/").content.decode()
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


@pytest.fixture
def big_night(site):
    """A night of 2000 frames, 1200 of them reduced with masters."""
    from polarnight.db import Epoch, MasterBias, RawFit, ReducedFit

    epoch = Epoch.create("OSN-T090/2024-01-01")
    common = {"epoch": epoch, "instrument": "AndorT90", "imgsize": "10x10", "imgbinning": "1x1"}
    master = MasterBias.objects.create(**common, n_used=800)
    raws = RawFit.objects.bulk_create(
        RawFit(
            **common, filename=f"frame-{n:05d}.fit", imgtype="LIGHT" if n >= 800 else "BIAS",
            band="R", juliandate=2460310.5 + n / 2000, exptime=30.0, object_name=f"field {n % 7}",
        )
        for n in range(2000)
    )  # fmt: skip
    ReducedFit.objects.bulk_create(
        ReducedFit(
            epoch=epoch, rawfit=raw, filename=raw.filename, instrument="AndorT90", imgtype="LIGHT",
            masterbias=master, bias_level=0, bias_reason="of the same night", content_key="x",
            solved=bool(n % 10), fwhm=1.0 + n / 1000, astrometry_rms=0.1, astrometry_matched=30,
            warnings=["saturated"] if n % 100 == 0 else [],
        )
        for n, raw in enumerate(raws[800:])
    )  # fmt: skip
    master.rawfits.set(raws[:800])
    return epoch


def test_big_nights_take_few_queries(big_night, site, django_assert_max_num_queries):
    client = site.client("viewer")
    path = "/nights/OSN-T090/2024-01-01/"
    client.get(path)  # templates are read once
    for query in ("?imgtype=LIGHT&page=5", "?imgtype=BIAS", "?state=warned", "?sort=-seeing"):
        with django_assert_max_num_queries(40):
            answer = client.get(path + query)
        assert answer.status_code == 200
        assert answer.content.count(b'scope="row" class="file') <= 100
    with django_assert_max_num_queries(14):
        answer = client.get("/api/v1/nights/OSN-T090/2024-01-01/frames?limit=1000&imgtype=LIGHT")
    assert len(answer.json()["items"]) == 1000
    assert answer.json()["count"] == 1200


def test_a_hundred_nights_take_as_many_queries_as_one(site, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from polarnight.db import Epoch

    epochs = [Epoch.create(f"OSN-T090/2024-01-{day:02d}") for day in range(1, 29)]
    with CaptureQueriesContext(
        connection,
    ) as one:
        night_rows(epochs[:1])
    with django_assert_num_queries(len(one)):
        assert len(night_rows(epochs)) == 28


def test_a_curve_of_the_seeing_is_drawn_where_there_is_one():
    from polarnight.web.nights.sparkline import sparkline

    nights = [(date(2024, 1, day), 1.0 + day / 10) for day in range(1, 6)]
    assert sparkline(nights[:2]) == ""
    drawn = sparkline([*nights, (date(2024, 1, 9), None)])
    assert drawn.count("<circle") == 5
    assert "2024-01-03 1.30″" in drawn
