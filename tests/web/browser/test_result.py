"""From a point of the plot to its result, its aperture, and back with a judgement."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

expect = pytest.importorskip("playwright.sync_api").expect

SOURCE = quote("2200+420", safe="")


def see(image):
    """Scroll to a picture and wait until it is there."""
    image.scroll_into_view_if_needed()
    image.evaluate("one => one.decode()")
    assert image.evaluate("one => one.naturalWidth") > 0


def test_from_a_point_to_its_aperture_and_a_judgement(visit):
    visitor = visit("observer")
    page = visitor.page
    visitor.go(f"/explore/plot/?srcname={SOURCE}")
    page.wait_for_selector("#plot[data-ready]")
    page.focus("#plot")
    page.keyboard.press("ArrowRight")
    page.click("#drawer a:has-text('Diagnostics and all values')")
    page.wait_for_url(re.compile(r"/results/\d+/"))
    result = page.url
    pictures = page.locator("figure.chart img")
    assert pictures.count() > 0
    for number in range(pictures.count()):
        see(pictures.nth(number))

    thumbnail = page.locator(".thumbnails a").first
    see(thumbnail.locator("img"))
    thumbnail.click()
    page.wait_for_url(re.compile(r"/apertures/\d+/"))
    see(page.locator("figure.chart img"))
    page.click(f"a[href='{result.removeprefix(visitor.url)}']")
    page.wait_for_url(result)

    row = page.locator("[data-part=flags] tr", has=page.locator("button", has_text="Set")).first
    name = row.locator("code").inner_text()
    row = page.locator("[data-part=flags] tr", has=page.locator(f"code:text-is('{name}')"))
    before = page.locator("[data-part=history] li").count()
    row.locator("button", has_text="Set").click()
    page.keyboard.type("a satellite near the star")
    page.keyboard.press("Enter")
    expect(row).to_contain_text("a person")
    expect(page.locator("[data-part=history]")).to_contain_text("a satellite near the star")
    page.click("[data-part=undo]")
    expect(page.locator("[data-part=history] li")).to_have_count(before + 2)
    expect(row).not_to_contain_text("a person")
