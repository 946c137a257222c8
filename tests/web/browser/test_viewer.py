"""The frame viewer: what it shows is what the file holds, and what astropy says."""

from __future__ import annotations

import json
import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import Angle
from astropy.io import fits
from playwright.sync_api import expect

from ..conftest import ROLES, make_user
from ..viewer.conftest import make_night, make_wcs
from .conftest import serve

JS = "/static/polarnight/js/viewer"


@pytest.fixture(scope="module")
def served(own_database, tmp_path_factory):
    """A site with one raw and one reduced frame of two images, whose header is hostile."""
    from polarnight.web.preparing import prepare_site

    root = tmp_path_factory.mktemp("frames") / "data"
    with own_database(root) as settings:
        settings.data.ensure()
        prepare_site(settings)
        for role in ROLES:
            make_user(role, role)
        night = make_night(settings.data)
        places = (night.raw.filepath, night.reduced.filepath)
    with serve(root) as site:
        site.raw, site.reduced = places
        yield site


def open_frame(visitor, kind="reduced", query=""):
    visitor.go(f"/frames/{kind}/1/{query}")
    visitor.page.wait_for_selector("canvas.picture[data-complete=true]")
    visitor.page.wait_for_selector(".overlays[data-ready]")


def point_at_centre(visitor):
    """Put the pointer on the middle of the canvas, which a link puts at any pixel."""
    box = visitor.page.locator("canvas.picture").bounding_box()
    visitor.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(visitor.page.locator("[data-readout=value]")).not_to_have_text(re.compile("…|^—$"))
    for name in ("sigma", "bits"):
        cell = visitor.page.locator(f"[data-readout={name}]")
        if cell.count():
            expect(cell).not_to_have_text("…")


def read(visitor, name):
    return visitor.page.inner_text(f"[data-readout={name}]").strip()


def colour_at_centre(visitor):
    visitor.expect("willReadFrequently")
    return visitor.page.evaluate(
        """() => { const c = document.querySelector('canvas.picture');
        return [...c.getContext('2d').getImageData(c.width >> 1, c.height >> 1, 1, 1).data]; }"""
    )


def run(visitor, module, body, argument=None):
    """Run a function of a module in the page."""
    code = f"async (argument) => {{ const m = await import('{JS}/{module}'); {body} }}"
    return visitor.page.evaluate(code, argument)


def test_the_readout_is_the_pixel_of_the_file(visit, served):
    visitor = visit("viewer")
    data, variance, bits = (fits.getdata(served.reduced, name) for name in ("SCI", "VAR", "BITS"))
    for x, y in ((300, 250), (1, 1), (601, 520), (302, 301), (22, 12)):
        open_frame(visitor, query=f"?x={x}&y={y}&zoom=16")
        point_at_centre(visitor)
        value, unit = re.match(r"(.*) (\S+)$", read(visitor, "value")).groups()
        stored = data[y - 1, x - 1]
        if np.isnan(stored):
            assert value == "no data"
        else:
            assert np.float32(value) == stored
        assert unit == "adu"
        assert float(read(visitor, "sigma").removeprefix("± ")) == pytest.approx(
            np.sqrt(variance[y - 1, x - 1]), rel=1e-3
        )
        expected = {0: "none", 256: "no data", 64 | 32: "saturated, cosmic ray"}[
            int(bits[y - 1, x - 1])
        ]
        assert read(visitor, "bits") == expected
        shown = [float(part) for part in read(visitor, "pixel").split(",")]
        assert shown == pytest.approx([x, y], abs=0.06)


def test_the_readout_of_raw_frames_is_whole_numbers(visit, served):
    visitor = visit("viewer")
    raw = fits.getdata(served.raw)
    for x, y in ((17, 400), (257, 256)):
        open_frame(visitor, "raw", f"?x={x}&y={y}&zoom=16")
        point_at_centre(visitor)
        assert read(visitor, "value") == f"{raw[y - 1, x - 1]} counts"
        assert read(visitor, "ra") == "—"


def test_the_sky_under_the_pointer_is_astropys(visit):
    visitor = visit("viewer")
    for key, wcs in (("A", make_wcs()), ("B", make_wcs(crpix=(320.2, 251.7)))):
        open_frame(visitor, query=f"?x=100&y=420&zoom=32&key={key}")
        point_at_centre(visitor)
        ra, dec = wcs.all_pix2world([[100, 420]], 1)[0]
        # Half a device pixel at 32 pixels of the screen per pixel of the frame.
        assert Angle(read(visitor, "ra")).deg == pytest.approx(ra, abs=1e-5)
        text = read(visitor, "dec").replace("−", "-")
        d, m, s = (float(part) for part in re.findall(r"[\d.]+", text))
        assert d + m / 60 + s / 3600 == pytest.approx(dec, abs=1e-5)


def keywords(wcs):
    from polarnight.web.viewer.sky import _keywords

    return json.loads(json.dumps(_keywords(wcs)))


PLACES = (((330.7, 42.3), 12.0), ((0.001, -89.2), 200.0), ((359.9999, 0.0), 90.0),
          ((100.0, 89.9), 3.0))  # fmt: skip


def test_coordinates_of_the_browser_are_astropys(visit):
    visitor = visit("viewer")
    visitor.go("/about/")
    for (crval, angle), sip in product(PLACES, (False, True)):
        check_coordinates(visitor, make_wcs(crval=crval, angle=angle, sip=sip))


def check_coordinates(visitor, wcs):
    """Compare the browser's transformations, there and back, with those of astropy."""
    assert keywords(wcs)["local"]
    spots = [[x, y] for x in (1, 250.25, 601) for y in (1, 333.3, 520)]
    body = """const sky = new m.Sky(argument.solution);
    return argument.spots.map(([x, y]) => {
      const s = sky.toSky(x, y); const p = sky.toPixel(s.ra, s.dec);
      return [s.ra, s.dec, p.x, p.y]; });"""
    found = np.array(run(visitor, "wcs.js", body, {"solution": keywords(wcs), "spots": spots}))
    expected = wcs.all_pix2world(spots, 1)
    apart = (found[:, 0] - expected[:, 0] + 180.0) % 360.0 - 180.0
    # A millionth of an arcsecond.
    assert np.abs(apart * np.cos(np.radians(expected[:, 1]))).max() * 3600 < 1e-6
    assert np.abs(found[:, 1] - expected[:, 1]).max() * 3600 < 1e-6
    np.testing.assert_allclose(found[:, 2:], spots, atol=1e-6)


def test_texts_of_coordinates_carry_over(visit):
    visitor = visit("viewer")
    visitor.go("/about/")
    body = "return argument.map(([ra, dec]) => [m.formatRa(ra), m.formatDec(dec)]);"
    pairs = [[0, 0], [359.9999999, -0.0000001], [15.0, -0.5], [179.99999999, 89.99999999]]
    found = run(visitor, "wcs.js", body, pairs)
    assert found[0] == ["00h00m00.000s", "+00°00′00.00″"]
    assert found[1] == ["00h00m00.000s", "−00°00′00.00″"]
    assert found[2] == ["01h00m00.000s", "−00°30′00.00″"]
    assert found[3] == ["12h00m00.000s", "+90°00′00.00″"]


def test_stretches_are_those_of_the_servers_pictures(visit):
    from polarnight.web.viewer.preview import COLOURS, STRETCHES, _stretch, _table

    visitor = visit("viewer")
    visitor.go("/about/")
    shares = np.linspace(-0.1, 1.1, 40)
    for name in STRETCHES:
        body = "return argument.shares.map((s) => m.bend(argument.name, s));"
        found = run(visitor, "stretch.js", body, {"shares": shares.tolist(), "name": name})
        np.testing.assert_allclose(found, _stretch(shares, name), atol=1e-12)
    for name in COLOURS:
        body = "return argument.shares.map((s) => m.colour(argument.name, s));"
        levels = np.arange(256)
        argument = {"shares": (levels / 255).tolist(), "name": name}
        found = np.array(run(visitor, "colours.js", body, argument))
        assert np.abs(found - _table(name).astype(int)).max() <= 1


def test_pixels_are_painted_in_the_grey_of_their_value(visit, served):
    visitor = visit("viewer")
    data = fits.getdata(served.reduced, "SCI")
    for x, y in ((300, 250), (121, 401), (50, 60)):
        open_frame(visitor, query=f"?x={x}&y={y}&zoom=32&low=900&high=9000&show=")
        expected = np.clip((data[y - 1, x - 1] - 900) / 8100, 0, 1) * 255
        colour = colour_at_centre(visitor)
        assert colour[:3] == pytest.approx([expected] * 3, abs=1)
        assert colour[3] == 255


def test_bits_are_coloured_where_they_are_set(visit):
    visitor = visit("viewer")
    open_frame(visitor, query="?x=302&y=301&zoom=32&show=")
    before = colour_at_centre(visitor)
    assert before[0] == before[1] == before[2]
    visitor.page.check(".bits >> text=saturated")
    visitor.until(lambda: colour_at_centre(visitor) != before, "a colour")
    after = colour_at_centre(visitor)
    assert after[0] > after[2] + 100  # yellow
    expect(visitor.page).to_have_url(re.compile("bits=64"))
    visitor.page.uncheck(".bits >> text=saturated")
    visitor.page.check(".bits >> text=trail")
    expect(visitor.page).not_to_have_url(re.compile("bits=64"))
    visitor.until(lambda: colour_at_centre(visitor) == before, "grey")


def test_a_link_shows_the_same_view(visit):
    visitor = visit("viewer")
    open_frame(visitor)
    page = visitor.page
    page.focus("canvas.picture")
    for key in ("1", "+", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    page.select_option("select[name=stretch]", "asinh")
    page.select_option("select[name=colours]", "viridis")
    page.select_option("select[name=limits]", "98")
    page.uncheck("input[value=sources]")
    expect(page).to_have_url(re.compile("show=apertures"))
    url = page.url
    for part in ("zoom=1.41421", "stretch=asinh", "colours=viridis", "limits=98", "show=apertures"):
        assert part in url, url
    point_at_centre(visitor)
    seen = [read(visitor, name) for name in ("pixel", "value", "ra", "dec")]
    other = visit("viewer")
    open_frame(other, query="?" + url.partition("?")[2])
    point_at_centre(other)
    assert [read(other, name) for name in ("pixel", "value", "ra", "dec")] == seen
    assert not other.page.is_checked("input[value=sources]")
    assert colour_at_centre(other) == colour_at_centre(visitor)


def test_the_wheel_zooms_about_the_pointer(visit):
    visitor = visit("viewer")
    open_frame(visitor)
    page = visitor.page
    box = page.locator("canvas.picture").bounding_box()
    # Browsers tell whole pixels of the wheel.
    spot = (round(box["x"] + box["width"] * 0.4), round(box["y"] + box["height"] * 0.7))
    page.mouse.move(*spot)
    zoom = page.locator("[data-zoom]")
    before, size = [float(part) for part in read(visitor, "pixel").split(",")], zoom.inner_text()
    page.mouse.wheel(0, -600)
    expect(zoom).not_to_have_text(size)
    visitor.settle()
    assert [float(part) for part in read(visitor, "pixel").split(",")] == pytest.approx(
        before, abs=0.11
    )
    page.mouse.down()
    page.mouse.move(spot[0] + 60, spot[1] - 40, steps=4)
    page.mouse.up()
    assert [float(part) for part in read(visitor, "pixel").split(",")] == pytest.approx(
        before, abs=0.11
    )


def test_two_fingers_pinch(visit):
    visitor = visit("viewer", "phone")
    open_frame(visitor)
    page = visitor.page
    box = page.locator("canvas.picture").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    client = page.context.new_cdp_session(page)

    def touch(kind, apart):
        points = (
            []
            if apart is None
            else [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        )
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def zoom():
        return float(page.inner_text("[data-zoom]").split()[0])

    before = zoom()
    touch("touchStart", 30)
    for apart in (40, 60, 90):
        touch("touchMove", apart)
    touch("touchEnd", None)
    visitor.until(lambda: zoom() / before == pytest.approx(3.0, rel=0.1), "three times the size")
    visitor.settle()
    assert zoom() / before == pytest.approx(3.0, rel=0.1)
    page.touchscreen.tap(x, y)
    expect(page.locator("[data-readout=pixel]")).not_to_have_text("—")


def test_a_click_tells_what_was_measured(visit):
    visitor = visit("viewer")
    open_frame(visitor, query="?x=320&y=250&zoom=4")
    box = visitor.page.locator("canvas.picture").bounding_box()
    visitor.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    told = visitor.page.inner_text(".chosen")
    assert "2200+420" in told
    assert "extraordinary" in told
    assert "100000.0 ± 300.0 ADU" in told
    assert "13.300 ± 0.020" in told
    visitor.page.click(".chosen a:text-is('aperture') >> nth=0")
    visitor.page.wait_for_url(re.compile(r"/apertures/\d+/"))
    assert "2200+420" in visitor.page.inner_text("h1")


def test_frames_are_compared(visit):
    visitor = visit("viewer")
    open_frame(visitor, query="?x=50&y=60&zoom=32&show=")
    page = visitor.page
    own = colour_at_centre(visitor)
    page.select_option("#compare-with", "raw-1")
    page.wait_for_selector("canvas.picture[data-shows=other][data-complete=true]")
    expect(page).to_have_url(re.compile("compare=raw-1"))
    expect(page.locator("[data-how]")).to_have_text(
        re.compile("pixel on pixel: not both have a plate")
    )
    visitor.until(lambda: colour_at_centre(visitor) != own, "the other frame")
    page.focus("canvas.picture")
    page.keyboard.press("b")
    page.wait_for_selector("canvas.picture[data-shows=own]")
    visitor.until(lambda: colour_at_centre(visitor) == own, "the frame itself")
    page.check("input[name=blink]")
    page.wait_for_selector("canvas.picture[data-shows=other]")
    page.wait_for_selector("canvas.picture[data-shows=own]")


def test_another_frame_lies_turned_where_its_matrix_says(visit):
    """Canvas and view of the other frame together are the view of this one after the matrix."""
    visitor = visit("viewer")
    open_frame(visitor)
    far = run(
        visitor,
        "placed.js",
        f"""const {{ View }} = await import('{JS}/view.js');
        const view = Object.assign(new View(601, 520), {{ screenWidth: 700, screenHeight: 400 }});
        view.centre(120, 77, 1.7);
        const [a, b, c, d, e, f] = argument;
        const {{ own, transform: t }} = m.placed(view, argument, {{ width: 160, height: 200 }});
        return [[1, 1], [160, 200], [33, 150]].map(([x, y]) => {{
          const [sx, sy] = own.toScreen(x, y);
          const [wx, wy] = view.toScreen(a * x + c * y + e, b * x + d * y + f);
          return Math.hypot(t[0] * sx + t[2] * sy + t[4] - wx, t[1] * sx + t[3] * sy + t[5] - wy);
        }});""",
        [-0.8, 1.1, 1.2, 0.7, 40.5, -12.25],
    )
    assert max(far) < 1e-9


def test_headers_are_searched_and_stay_text(visit):
    visitor = visit("viewer")
    open_frame(visitor, "raw")
    page = visitor.page
    page.click("details.header summary")
    page.wait_for_selector("details.header tbody tr")
    page.fill("input[name=header-search]", "onerror hostile")
    assert page.locator("details.header tbody tr:not(.unit):visible").count() == 1
    assert (
        page.inner_text("details.header tbody tr:visible td >> nth=0")
        == "<img src=x onerror=alert(1)>"
    )
    assert page.locator("details.header img").count() == 0


def test_the_headers_of_all_extensions_are_shown(visit):
    visitor = visit("viewer")
    open_frame(visitor)
    page = visitor.page
    page.click("details.header summary")
    units = page.locator("details.header tr.unit")
    expect(units).to_have_text(["0 SCI", "1 VAR", "2 BITS", "3 POLARNIGHT"])
    page.fill("input[name=header-search]", "EXTNAME BITS")
    expect(page.locator("details.header tr.unit:visible")).to_have_count(1)


def test_flagging_with_a_reason_and_undo(visit):
    visitor = visit("observer")
    open_frame(visitor)
    page = visitor.page
    row = page.locator("[data-part=flags] tr", has_text="IGNORE")
    row.locator("button", has_text="Set").click()
    page.keyboard.type("clouds <b>came</b>")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-part=history] li")
    assert "clouds <b>came</b>" in page.inner_text("[data-part=history]")
    assert "set" in row.inner_text()
    assert "a person" in row.inner_text()
    page.click("[data-part=undo]")
    expect(page.locator("[data-part=history] li")).to_have_count(2)
    assert "a person" not in row.inner_text()
    page.click("text=Write a comment")
    page.fill("textarea[name=text]", "**Thin** clouds <script>alert(1)</script>")
    page.click("[data-part=comment-form] button")
    page.wait_for_selector("[data-part=comment] strong")
    assert "<script>" in page.inner_text("[data-part=comment]")


def test_viewers_see_flags_and_no_buttons(visit):
    visitor = visit("viewer")
    open_frame(visitor)
    visitor.page.wait_for_selector("[data-part=flags] tr")
    assert visitor.page.locator("[data-part=flags] button").count() == 0
    assert visitor.page.locator("textarea").count() == 0


def test_provenance_is_drawn_and_leads_on(visit):
    visitor = visit("viewer")
    open_frame(visitor)
    page = visitor.page
    page.click("details.provenance-part summary")
    page.wait_for_selector("[data-stale].note")
    page.click("svg.provenance a.kind-raw")
    page.wait_for_selector("canvas.picture[data-complete=true]")
    assert page.url.endswith("/frames/raw/1/")


def test_files_are_downloaded_as_they_are(visit, served):
    visitor = visit("viewer")
    open_frame(visitor)
    with visitor.page.expect_download() as found:
        visitor.page.click("text=Download FITS")
    assert Path(found.value.path()).read_bytes() == served.reduced.read_bytes()


@pytest.mark.parametrize("scheme", ["light", "dark", "phone"])
def test_the_page_in_every_scheme(visit, scheme):
    visitor = visit("observer", scheme)
    for kind in ("reduced", "raw"):
        open_frame(visitor, kind)
        visitor.page.click("details.provenance-part summary")
        visitor.page.wait_for_selector("[data-stale].note")
        visitor.page.evaluate("scrollTo(0, 0)")
        visitor.picture(f"frame-{kind}-{scheme}")
        assert visitor.fits()


def test_a_frame_that_cannot_be_read_says_so(visit, served):
    visitor = visit("viewer")
    visitor.expect("404|422")
    content = served.raw.read_bytes()
    try:
        served.raw.write_bytes(b"damaged" * 1000)
        visitor.go("/frames/raw/1/")
        visitor.page.wait_for_selector(".picture-error:visible")
        assert "cannot be shown" in visitor.page.inner_text(".picture-error")
        assert str(served.root) not in visitor.page.content()
    finally:
        served.raw.write_bytes(content)


def test_other_projections_are_asked_of_the_server(visit, served):
    content = served.reduced.read_bytes()
    try:
        with fits.open(served.reduced, mode="update") as hdus:
            header = hdus[0].header
            for key in [key for key in header if key.startswith("CTYPE")]:
                header[key] = header[key].replace("TAN-SIP", "ZEA-SIP")
            wcs = make_wcs()
            wcs.wcs.ctype = ["RA---ZEA-SIP", "DEC--ZEA-SIP"]
        visitor = visit("viewer")
        open_frame(visitor, query="?x=100&y=420&zoom=32")
        asked = []
        visitor.page.on("request", lambda request: asked.append(request.url))
        point_at_centre(visitor)
        expect(visitor.page.locator("[data-readout=ra]")).to_have_text(re.compile("h"))
        assert any("/sky?" in url for url in asked)
        ra, _ = wcs.all_pix2world([[100, 420]], 1)[0]
        assert Angle(read(visitor, "ra")).deg == pytest.approx(ra, abs=1e-5)
    finally:
        served.reduced.write_bytes(content)
