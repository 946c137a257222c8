"""Explore: plot with selection, flag, undo and permalink; table with filters and downloads."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs, quote, urlsplit

import numpy as np
import pytest
from astropy.table import Table

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

POINTS = "window.Bokeh.documents.at(-1).get_model_by_name('points')"
READY = "#plot[data-ready]"
# What the menu offers as tables: its words, the ending of the file, how astropy reads it.
FILES = (
    ("CSV", "csv", {"format": "ascii.csv", "comment": "#"}),
    ("ECSV", "ecsv", {"format": "ascii.ecsv"}),
    ("PARQUET", "parquet", {"format": "parquet"}),
    ("VOTABLE", "vot", {"format": "votable"}),
)


def api(visitor, path):
    answer = visitor.page.context.request.get(f"{visitor.url}/api/v1{path}")
    assert answer.ok, answer.text()
    return answer.json()


@pytest.fixture(scope="module")
def source(served, own_database):
    """The source of the demonstration with most results that have polarization."""
    with own_database(served.root):
        from polarnight.db import PhotoPolResult

        results = PhotoPolResult.objects.filter(p__isnull=False)
        names = list(results.values_list("astrosource__name", flat=True))
    return max(set(names), key=names.count)


def open_plot(visitor, source, more=""):
    visitor.go(f"/explore/plot/?srcname={quote(source, safe='')}{more}")
    visitor.page.wait_for_selector(READY, timeout=60_000)


def test_a_point_and_a_filter_on_a_phone(visit, source):
    visitor = visit("observer", "phone")
    open_plot(visitor, source)
    visitor.page.focus("#plot")
    visitor.page.keyboard.press("ArrowRight")
    visitor.page.wait_for_selector("#drawer h2")
    visitor.picture("plot-drawer-phone")
    assert visitor.fits()
    visitor.go("/explore/data/?f=mag:lt:20")
    visitor.page.wait_for_selector("#table[data-ready]")
    visitor.picture("data-filtered-phone")
    assert visitor.fits()


def test_limits_are_told_as_such(visit, served, own_database):
    """A limit has its confidence and room for its arrow; a panel without points has axes."""
    with own_database(served.root):
        from polarnight.db import PhotoPolResult

        limits = PhotoPolResult.objects.filter(p_limit95__isnull=False, p_limit95__lt=0.02)
        row = limits.select_related("astrosource").order_by("pk").first()
        name, pk, limit = row.astrosource.name, row.pk, row.p_limit95
    visitor = visit("viewer")
    open_plot(visitor, name, f"&points={pk}")
    page = visitor.page
    expect(page.locator("#points tbody tr")).to_contain_text(f"< {100 * limit:.2f} % (95 %)")
    room = "window.Bokeh.documents.at(-1).get_model_by_name('room:p').data.y"
    assert page.evaluate(room) == [0]
    open_plot(visitor, name, "&f=reduction:eq:relphot")
    low, high = page.evaluate("""() => {
        const range = window.Bokeh.documents.at(-1).get_model_by_name("panel:chi").y_range;
        return [range.start, range.end]; }""")
    assert low <= 0
    assert high >= 180


def flags_of(visitor, pk):
    return api(visitor, f"/results/{pk}")


def test_brush_flag_undo(visit, source):
    """A box over all points, b, a reason, Enter; u takes it back. All of it is in the history."""
    visitor = visit("observer")
    page = visitor.page
    open_plot(visitor, source)
    # The tool of Bokeh's own toolbar, then a brush over the first panel.
    page.evaluate(
        """() => {
          const doc = window.Bokeh.documents.at(-1);
          const panel = doc.get_model_by_name("panel:chi");
          for (const tool of panel.toolbar.tools) {
            if (tool.type === "BoxSelectTool") tool.active = true;
            if (tool.type === "BoxZoomTool") tool.active = false;
          }
          doc.get_model_by_name("points").selected.indices =
            Array.from(doc.get_model_by_name("points").data.pk.keys());
        }"""
    )
    page.wait_for_selector("#points tbody tr")
    total = page.evaluate(
        "window.Bokeh.documents.at(-1).get_model_by_name('points').data.pk.length"
    )
    assert page.inner_text("#chosen") == f"{total} selected"
    pk = int(page.inner_text("#points tbody tr:first-child th"))
    before = flags_of(visitor, pk)
    page.focus("#plot")
    page.keyboard.press("b")
    page.keyboard.type("clouds <b>all</b> night")
    page.keyboard.press("Enter")
    page.wait_for_selector("#toasts .success")
    flagged = flags_of(visitor, pk)
    assert "BAD_PHOTOMETRY" in flagged["flags"]
    assert flagged["history"][-1]["why"] == "clouds <b>all</b> night"
    assert flagged["history"][-1]["who"] == "observer"
    assert "BAD_PHOTOMETRY" in page.inner_text("#points tbody")
    page.focus("#plot")
    page.keyboard.press("u")
    expect(page.locator("#toasts")).to_contain_text("Taken back")
    assert flags_of(visitor, pk)["flags"] == before["flags"]


def test_lasso_with_the_mouse(visit, source):
    """A real drag of the mouse selects what lies in the box, in all panels alike."""
    visitor = visit("viewer")
    page = visitor.page
    open_plot(visitor, source)
    page.evaluate(
        """() => {
          const doc = window.Bokeh.documents.at(-1);
          for (const name of ["mag", "p", "chi", "qu"]) {
            const bar = doc.get_model_by_name(`panel:${name}`).toolbar;
            bar.active_drag = bar.tools.find((tool) => tool.type === "BoxSelectTool");
          }
          for (const model of doc._all_models.values()) {
            const kind = model.type === "ToolProxy" ? model.tools[0]?.type : "";
            if (kind === "BoxSelectTool") model.active = true;
            if (kind === "BoxZoomTool") model.active = false;
          }
        }"""
    )
    box = page.locator("#plot").bounding_box()
    page.mouse.move(box["x"] + 130, box["y"] + 90)  # inside the axes
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 30, box["y"] + 215, steps=8)
    page.mouse.up()
    page.wait_for_selector("#points tbody tr")
    assert page.locator("#flagbar").is_hidden()  # viewers do not flag


def test_permalink(visit, source):
    """What was hidden, and the window of time, are in the address; it opens the same view."""
    visitor = visit("viewer")
    page = visitor.page
    open_plot(visitor, source)
    page.locator("#legend input").first.uncheck()
    page.evaluate(
        """() => {
          const time = window.Bokeh.documents.at(-1).get_model_by_name("time");
          const room = (time.end - time.start) / 4;
          time.setv({ start: time.start + room, end: time.end - room });
        }"""
    )
    expect(page).to_have_url(re.compile(r"hide=.*window=|window=.*hide="))
    visitor.wait_for_link()
    link = page.url
    window = [float(part) for part in parse_qs(urlsplit(link).query)["window"][0].split(",")]
    other = visit("observer")
    other.go(link.removeprefix(visitor.url))
    other.page.wait_for_selector(READY, timeout=60_000)
    assert not other.page.locator("#legend input").first.is_checked()
    seen = other.page.evaluate(
        "(() => { const t = window.Bokeh.documents.at(-1).get_model_by_name('time');"
        " return [t.start, t.end]; })()"
    )
    assert seen == pytest.approx(window, abs=1e-3)
    shown = other.page.evaluate("window.Bokeh.documents.at(-1).get_model_by_name('shown').booleans")
    assert not all(shown)


def test_table_filter_and_download(visit, served, own_database, source, tmp_path):
    """Rows of a filter are those of every file, to the last digit, and of the database."""
    visitor = visit("viewer")
    page = visitor.page
    visitor.go(f"/explore/data/?source={quote(source, safe='')}&columns=id,mjd,p&f=p:notnull:")
    page.wait_for_selector("#table[data-ready]")
    with own_database(served.root):
        from polarnight.db import PhotoPolResult

        chosen = PhotoPolResult.objects.filter(astrosource__name=source, p__isnull=False)
        rows = chosen.values_list("id", "juliandate", "p")
        expected = sorted((pk, jd - 2_400_000.5, p) for pk, jd, p in rows)
    assert page.inner_text("#count") == str(len(expected))
    page.click("th:has-text('MJD') button")
    page.wait_for_selector("th[aria-sort=ascending]:has-text('MJD')")
    shown = [float(text) for text in page.locator("#table tbody td:nth-child(3)").all_inner_texts()]
    assert shown == sorted(shown)
    for name, ending, reading in FILES:
        page.click("summary:has-text('Download')")
        with page.expect_download() as got:
            page.click(f"#downloads a:text-is('{name}')")
        path = tmp_path / f"rows.{ending}"
        got.value.save_as(path)
        rows = Table.read(path, **reading)
        columns = (np.asarray(rows[column]).tolist() for column in ("id", "mjd", "p"))
        assert sorted(zip(*columns, strict=True)) == expected, name
        visitor.go(page.url.removeprefix(visitor.url))
        page.wait_for_selector("#table[data-ready]")


def test_filters_by_hand(visit):
    visitor = visit("viewer")
    page = visitor.page
    visitor.go("/explore/data/")
    page.wait_for_selector("#table[data-ready]")
    page.click("#add")
    page.select_option("#filters select >> nth=0", "band")
    page.fill("#filters input", "' OR 1=1 --")
    page.keyboard.press("Tab")
    expect(page.locator("#count")).to_have_text("0")
    assert parse_qs(urlsplit(page.url).query)["f"] == ["band:eq:' OR 1=1 --"]
    page.click("#filters button")
    expect(page.locator("#count")).not_to_have_text("0")
    page.click("summary:has-text('Columns')")
    page.locator("#columns input[value=airmass]").check()
    page.wait_for_selector("thead th:has-text('airmass')")


def test_a_view_is_kept(visit):
    visitor = visit("viewer")
    page = visitor.page
    visitor.go("/explore/data/?sort=mag")
    page.click("text=Save view")
    page.fill("#kept input >> nth=0", "faint last")
    page.keyboard.press("Enter")
    page.wait_for_selector("#kept summary")
    views = api(visitor, "/views?page=data")["items"]
    assert json.dumps(views).count("faint last") == 1
    page.click("#kept summary")
    page.click("#kept >> text=faint last")
    page.wait_for_url("**/explore/data/?*sort=mag*")
