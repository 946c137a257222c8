"""Quality against time: charts of what the database holds, warnings, filters."""

from __future__ import annotations

from datetime import date

import pytest

from polarnight.web.nights.charts import charts_of
from polarnight.web.nights.quality import choose_quality, warnings_of


@pytest.fixture
def year(site):
    """Three nights of one camera, the last one poor, and a detector that changed."""
    from polarnight.db import Epoch, MasterFlat, NightQuality

    for day, seeing, throughput, bias in (
        (1, 1.2, 1.0, 300.0),
        (2, 1.3, 0.98, 301.0),
        (9, 2.9, 0.4, 340.0),
    ):
        epoch = Epoch.create(f"OSN-T090/2024-03-0{day}")
        for band in ("R", "V"):
            NightQuality.objects.create(
                epoch=epoch, instrument="AndorT90", band=band, obsmode="PHOTOMETRY",
                seeing=seeing, throughput=throughput, zero_point=21.0,
            )  # fmt: skip
        NightQuality.objects.create(epoch=epoch, instrument="AndorT90", bias_level=bias)
    MasterFlat.objects.create(
        epoch=epoch, instrument="AndorT90", imgsize="1x1", imgbinning="1x1", band="R",
        comparison={"warnings": ["3 new grains of dust <b>"]},
    )  # fmt: skip
    return site


def test_charts_hold_the_figures_of_the_nights(year):
    charts = {chart.figure.name: chart for chart in charts_of(list(choose_quality()))}
    assert set(charts) == {"seeing", "zero_point", "throughput", "bias_level"}
    assert charts["seeing"].series["AndorT90 R"] == [
        (date(2024, 3, 1), 1.2, "OSN-T090"), (date(2024, 3, 2), 1.3, "OSN-T090"),
        (date(2024, 3, 9), 2.9, "OSN-T090"),
    ]  # fmt: skip
    assert [value for _, value, _ in charts["throughput"].series["AndorT90 V"]] == [
        100.0, 98.0, 40.0,
    ]  # fmt: skip
    assert [value for _, value, _ in charts["bias_level"].series["AndorT90"]] == [300, 301, 340]
    drawn = charts["seeing"].svg()
    assert drawn.count("<circle") == 6
    assert "2024-03-09 AndorT90 R: 2.9 arcsec" in drawn


def test_what_is_out_of_the_ordinary_is_told(year):
    told = [(w.night.day, w.what, w.text) for w in warnings_of(list(choose_quality()))]
    assert told == [
        (9, "AndorT90 flat R", "3 new grains of dust <b>"),
        (9, "AndorT90 V", "throughput 40 % of the usual"),
        (9, "AndorT90 R", "throughput 40 % of the usual"),
    ]
    page = year.client("viewer").get("/quality/").content.decode()
    assert "3 new grains of dust &lt;b&gt;" in page
    assert page.count("<figure>") == 4
    answer = year.client("viewer").get("/api/v1/quality/warnings").json()
    assert answer["count"] == 3


def test_figures_are_chosen(year):
    client = year.client("viewer")
    rows = client.get("/api/v1/quality/nights?band=R").json()
    assert {row["band"] for row in rows["items"]} == {"R", ""}
    rows = client.get("/api/v1/quality/nights?first=2024-03-02&last=2024-03-05").json()
    assert {row["epoch"] for row in rows["items"]} == {"OSN-T090/2024-03-02"}
    assert client.get("/api/v1/quality/nights?instrument=None").json()["count"] == 0
    assert client.get("/quality/?instrument=None").status_code == 200
    assert client.get("/quality/?first=x").status_code == 400
    assert client.get("/api/v1/quality/nights?first=x").status_code == 422


def test_figures_of_frames_are_those_of_the_database(demo):
    from polarnight.db import FrameQuality

    answer = demo.client("viewer").get("/api/v1/quality/frames?band=R").json()
    rows = FrameQuality.objects.filter(band="R").order_by("juliandate", "pk")
    assert answer["count"] == rows.count() > 0
    assert [row["seeing"] for row in answer["items"]] == [row.seeing for row in rows]
    assert answer["items"][0]["filename"] == rows[0].reducedfit.filename
