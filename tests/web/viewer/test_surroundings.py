"""Apertures, catalogue, provenance and comments beside a frame."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from polarnight.db import AstroSource, MasterFlat, RawFit
from polarnight.web.viewer.comments import render_comment
from polarnight.web.viewer.graph_svg import draw_graph
from polarnight.web.viewer.opening import locate
from polarnight.web.viewer.overlays import (
    apertures,
    bit_legend,
    catalogue_sources,
    results_of,
)
from polarnight.web.viewer.planes import load
from polarnight.web.viewer.provenance import provenance_graph, stale_reasons

from .conftest import make_info, make_wcs


def test_apertures_are_of_both_images_and_count_from_one(night):
    found = apertures(night.reduced)
    assert [(a["pair"], a["x"], a["y"]) for a in found] == [
        ("E", 320.0, 250.0),
        ("O", 300.0, 250.0),
    ]
    assert (found[0]["r"], found[0]["r_in"], found[0]["r_out"]) == (9.0, 20.0, 30.0)
    assert found[0]["bits"] == ["SATURATED"]
    assert apertures(night.raw) == []


def test_results_of_a_frame(night):
    assert [(r["source"], r["mag"]) for r in results_of(night.reduced)] == [("2200+420", 13.3)]
    assert results_of(night.raw) == []


def test_catalogue_sources_lie_where_astropy_puts_them(night):
    star = AstroSource.objects.create(name="star", ra_hms="22:02:45", dec_dms="+42:17:00")
    star.calibrates.add(night.source)
    AstroSource.objects.create(name="far", ra_hms="22:10:00", dec_dms="+42:17:00")
    image = load(locate(night.reduced))
    found = catalogue_sources(image)
    assert {(s["name"], s["key"]) for s in found} == {
        (name, key) for name in ("star", "2200+420") for key in "AB"
    }
    for entry in found:
        wcs = make_wcs(crpix=(320.2, 251.7)) if entry["key"] == "B" else make_wcs()
        expected = wcs.all_world2pix([[entry["ra"], entry["dec"]]], 1)[0]
        assert (entry["x"], entry["y"]) == pytest.approx(tuple(expected), abs=1e-3)
        assert entry["calibrator"] is (entry["name"] == "star")
    assert len(catalogue_sources(image, "A")) == 2
    assert catalogue_sources(load(locate(night.raw))) == []


def test_catalogue_sources_are_followed_to_the_night(night):
    """Proper motion moves a source to where it is measured."""
    import astropy.units as u
    from astropy.coordinates import SkyCoord
    from astropy.time import Time

    jd = Time("2024-07-01").jd
    star = AstroSource.objects.create(
        name="fast", ra_hms="22:02:45", dec_dms="+42:17:00", pm_ra=-800.0, pm_dec=500.0
    )
    found = catalogue_sources(load(locate(night.reduced)), "A", jd)
    place = next((s["ra"], s["dec"]) for s in found if s["name"] == "fast")
    then = SkyCoord(
        star.ra * u.deg, star.dec * u.deg, pm_ra_cosdec=-800 * u.mas / u.yr,
        pm_dec=500 * u.mas / u.yr, obstime=Time("J2000"), distance=100 * u.pc,
    ).apply_space_motion(Time(jd, format="jd"))  # fmt: skip
    away = SkyCoord(*place, unit="deg").separation(SkyCoord(then.ra, then.dec))
    assert away.arcsec < 0.01
    assert star.separation(*place) * 3600 > 20
    assert star.place_at(None) == (star.ra, star.dec)


def test_the_legend_has_every_bit_worst_first():
    assert [bit["value"] for bit in bit_legend()] == [1 << n for n in range(8, -1, -1)]


def test_the_graph_of_a_light_frame(night):
    graph = provenance_graph(night.raw)
    kinds = {node.kind for node in graph.nodes.values()}
    assert kinds == {"raw", "bias", "reduced", "result"}
    edge = next(edge for edge in graph.edges if edge.role == "bias")
    assert (edge.level, edge.note) == (1, "BIAS <b>near</b>: level 1")
    assert provenance_graph(night.reduced).nodes.keys() == graph.nodes.keys()
    assert graph.focus == f"raw-{night.raw.pk}"


def test_the_graph_of_a_master_has_its_frames_and_its_users(night):
    for number in range(15):
        info = make_info(filename=f"bias-{number:02d}.fit", imgtype="BIAS")
        raw = RawFit.from_info(night.epoch, info)
        raw.save()
        night.bias.rawfits.add(raw)
    night.bias.rejected = [["bias-00.fit", "level 5 sigma off"]]
    night.bias.save()
    flat = MasterFlat.objects.create(
        epoch=night.epoch, instrument="AndorT90", imgsize="601x520", imgbinning="1x1",
        band="R", masterbias=night.bias,
    )  # fmt: skip
    graph = provenance_graph(night.bias)
    assert f"flat-{flat.pk}" in graph.nodes
    assert f"reduced-{night.reduced.pk}" in graph.nodes
    assert sum(node.kind == "raw" for node in graph.nodes.values()) == 12
    assert any(node.title == "and 3 more" for node in graph.nodes.values())
    assert any(edge.note == "rejected: level 5 sigma off" for edge in graph.edges)
    of_raw = provenance_graph(RawFit.objects.get(filename="bias-00.fit"))
    assert f"bias-{night.bias.pk}" in of_raw.nodes
    assert any(edge.note.startswith("rejected") for edge in of_raw.edges)


def test_the_picture_of_the_graph_is_sound_and_escaped(night):
    night.reduced.error = '<script>"x"</script> & more'
    night.reduced.save()
    graph = provenance_graph(night.reduced)
    text = draw_graph(graph, lambda node: f"/{node.kind}/{node.pk}/?a=1&b=2")
    root = ElementTree.fromstring(text)
    links = [element.get("href") for element in root.iter("a")]
    assert len(links) == len(graph.nodes)
    assert not list(root.iter("script"))
    assert not list(root.iter("b"))
    assert "bias level 1" in [element.text for element in root.iter("text")]
    assert sum(element.get("aria-current") == "page" for element in root.iter("a")) == 1


def test_what_is_stale_is_told_with_the_reason(night):
    from polarnight.config import get_settings

    night.raw.filepath.unlink()
    found = stale_reasons(night.reduced, get_settings())
    assert ("frame", "its raw file is gone") in found
    assert stale_reasons(night.raw, get_settings()) == found


def test_comments_are_markdown():
    html = render_comment(
        "**bad** seeing, see [log](https://example.org/a)\n\n| a | b |\n|-|-|\n|1|2|"
    )
    assert "<strong>bad</strong>" in html
    assert 'href="https://example.org/a"' in html
    assert "noopener" in html
    assert "<td>2</td>" in html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "![x](http://evil.example/x.png)",
        "<img src=x onerror=alert(1)>",
        "<svg/onload=alert(1)>",
        "[x]: javascript:alert(1)\n[x]",
        "`<script>`",
    ],
)
def test_comments_do_no_harm(text):
    html = render_comment(text).lower()
    for bad in ("<script", "<img", "<svg", 'href="javascript', 'href="data', 'evil.example/x.png"'):
        assert bad not in html
