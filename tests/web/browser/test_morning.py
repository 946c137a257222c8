"""A morning: what failed, the light curve, the frame behind a point, a flag, a link sent on."""

from __future__ import annotations

import re

import pytest

expect = pytest.importorskip("playwright.sync_api").expect

DOCUMENT = "window.Bokeh.documents.at(-1)"
READY = "#plot[data-ready]"


def state_of(page):
    """Return what the plot shows: window, points with flags, what is hidden, what is chosen."""
    return page.evaluate(
        f"""() => {{
          const doc = {DOCUMENT};
          const points = doc.get_model_by_name("points");
          const time = doc.get_model_by_name("time");
          return {{
            title: document.getElementById("title").textContent,
            window: [time.start.toFixed(3), time.end.toFixed(3)],
            keys: Array.from(points.data.pk), flags: Array.from(points.data.flags),
            shown: doc.get_model_by_name("shown").booleans,
            bars: doc.get_model_by_name("bars:0").visible,
            chosen: points.selected.indices.map((at) => points.data.pk[at]),
            drawer: document.querySelector("#drawer h2")?.textContent,
          }};
        }}"""
    )


def test_the_morning_walk(visit):
    visitor = visit("observer")
    page = visitor.page
    visitor.go("/")

    # The last night comes first; what failed is red, with its reason and what to do.
    assert "2022-09-18" in page.inner_text("article.night h1")
    failures = page.locator(".failures")
    expect(failures).to_contain_text("the header has no IMAGETYP")
    expect(failures).to_contain_text("add the type of exposure to the header")
    red, green, blue = map(
        int, re.findall(r"\d+", failures.evaluate("n => getComputedStyle(n).borderLeftColor"))[:3]
    )
    assert red > 1.5 * max(green, blue)

    # One click: the frame that failed, which says why.
    page.click(".failures a:has-text('BLLac-0099R.fit')")
    page.wait_for_selector("canvas")
    assert "BLLac-0099R.fit" in page.inner_text("h1")
    expect(page.locator("main .error, main .bad-text").first).to_be_visible()
    page.go_back()

    # One click: the light curve of the source.
    page.click(".night-columns th a:has-text('2200+420')")
    page.wait_for_selector(READY, timeout=60_000)
    assert "2200+420" in page.inner_text("#title")

    # One more click on a point, one more: the frame behind it, and back to the same point.
    page.focus("#plot")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#drawer h2")
    point = int(page.inner_text("#drawer h2").split()[-1])
    file = page.inner_text("#drawer ul a >> nth=0")
    expect(page.locator("#drawer a[href*='/nights/OSN-T090/2022-09-18/']")).to_be_visible()
    page.click("#drawer ul a >> nth=0")
    page.wait_for_selector("canvas")
    assert file in page.inner_text("h1")
    assert page.locator("main a[href*='/nights/']").count() >= 1
    assert page.locator("main a[href*='/explore/plot/']").count() >= 1
    page.go_back()
    page.wait_for_selector(READY, timeout=60_000)
    expect(page.locator("#drawer h2")).to_have_text(f"Result {point}")

    # Two keystrokes, and the reason between them.
    page.focus("#plot")
    page.keyboard.press("b")
    page.keyboard.type("satellite across the aperture")
    page.keyboard.press("Enter")
    page.wait_for_selector("#toasts .success")
    expect(page.locator("#drawer")).to_contain_text("BAD_PHOTOMETRY")

    # The link shows a colleague the same view.
    page.locator("#legend input").first.uncheck()
    page.uncheck("input[name=errors]")
    page.evaluate(
        f"""() => {{
          const time = {DOCUMENT}.get_model_by_name("time");
          const room = (time.end - time.start) / 8;
          time.setv({{ start: time.start + room, end: time.end - room }});
        }}"""
    )
    visitor.wait_for_link()
    expect(page).to_have_url(re.compile("hide=.*window=|window=.*hide="))
    mine = state_of(page)
    assert mine["chosen"] == [point]
    colleague = visit("viewer")
    colleague.go(page.url.removeprefix(visitor.url))
    colleague.page.wait_for_selector(READY, timeout=60_000)
    expect(colleague.page.locator("#drawer h2")).to_have_text(f"Result {point}")
    assert state_of(colleague.page) == mine
    expect(colleague.page.locator("#drawer")).to_contain_text("satellite across the aperture")
