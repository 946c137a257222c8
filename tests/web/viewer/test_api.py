"""The operations and the page of frames: right bytes to those who may, problems to others."""

from __future__ import annotations

import json

import numpy as np
import pytest
from astropy.io import fits

from polarnight.db import MasterBias
from polarnight.web.viewer.tiles import TILE

READS = (
    "image", "tiles/sci/0/0/0", "statistics", "header", "overlays", "provenance", "stale", "file",
    "preview.png", "judgement", "onto/raw/1", "headers",
)  # fmt: skip
KINDS = ("raw", "reduced")


def get(site, night, operation, kind="reduced", role="viewer", **more):
    row = getattr(night, kind)
    return site.client(role).get(f"/api/v1/frames/{kind}/{row.pk}/{operation}", **more)


def post(site, night, operation, body, role="observer"):
    url = f"/api/v1/frames/reduced/{night.reduced.pk}/{operation}"
    return site.client(role).post(url, json.dumps(body), content_type="application/json")


@pytest.mark.parametrize("operation", READS)
@pytest.mark.parametrize("kind", KINDS)
def test_viewers_read_and_strangers_do_not(site, night, operation, kind):
    answer = get(site, night, operation, kind)
    assert answer.status_code == 200
    assert "private" in answer["Cache-Control"]
    answer.close()
    refused = get(site, night, operation, kind, role=None)
    assert refused.status_code == 401
    assert refused["Content-Type"] == "application/problem+json"


def test_tiles_hold_the_pixels(site, night):
    meta = get(site, night, "image", "raw").json()
    assert (meta["width"], meta["height"], meta["tile"]) == (601, 520, TILE)
    assert meta["planes"] == [{"name": "sci", "dtype": "<u2", "levels": 3}]
    answer = get(site, night, "tiles/sci/0/2/1", "raw")
    shape = (int(answer["X-Tile-Height"]), int(answer["X-Tile-Width"]))
    tile = np.frombuffer(answer.content, answer["X-Tile-Type"]).reshape(shape)
    np.testing.assert_array_equal(tile, night.pixels[256:512, 512:])


def test_tags_are_strong_and_answered(site, night):
    answer = get(site, night, "tiles/bits/0/0/0")
    tag = answer["ETag"]
    assert not tag.startswith("W/")
    again = get(site, night, "tiles/bits/0/0/0", headers={"if-none-match": tag})
    assert again.status_code == 304
    assert again["ETag"] == tag
    assert get(site, night, "tiles/bits/0/0/1", headers={"if-none-match": tag}).status_code == 200
    # Another content of the file is another tag.
    data = np.zeros((520, 601), np.uint16)
    fits.PrimaryHDU(data).writeto(night.reduced.filepath, overwrite=True)
    assert get(site, night, "tiles/sci/0/0/0")["ETag"] != tag


@pytest.mark.parametrize(
    ("operation", "status"),
    [
        ("tiles/sci/9/0/0", 404),
        ("tiles/sci/0/50/0", 404),
        ("tiles/sci/0/-1/0", 422),
        ("tiles/sci/0/0/99999999999999999999999", 422),
        ("tiles/etc/0/0/0", 422),
        ("tiles/sci/0/0/..%2F..%2Fetc%2Fpasswd", 404),
        ("sky?x=nan&y=1", 422),
        ("sky?x=1&y=1&key=Q", 422),
        ("preview.png?stretch=..%2F..", 400),
        ("preview.png?low=nan", 400),
        ("preview.png?side=100000", 422),
    ],
)
def test_odd_requests_are_refused(site, night, operation, status):
    answer = get(site, night, operation)
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status


@pytest.mark.parametrize(
    "place", ["raw/0", "raw/999999", "raw/-1", "raw/..%2f..", "users/1", f"raw/{10**30}"]
)
def test_forged_numbers_find_nothing(site, night, place):
    answer = site.client("admin").get(f"/api/v1/frames/{place}/image")
    assert answer.status_code in (404, 422)


def test_damaged_files_are_problems_that_name_no_path(site, night):
    night.reduced.filepath.write_bytes(b"SIMPLE  = rubbish" * 400)
    for operation in (
        "image",
        "header",
        "headers",
        "tiles/sci/0/0/0",
        "preview.png",
        "statistics",
        "overlays",
    ):
        answer = get(site, night, operation)
        assert answer.status_code == 422, operation
        assert str(night.data.root) not in answer.content.decode()


def test_links_out_are_refused(site, night, tmp_path):
    outside = tmp_path / "secret"
    outside.write_text("secret")
    night.reduced.filepath.unlink()
    night.reduced.filepath.symlink_to(outside)
    for operation in ("file", "image", "preview.png"):
        answer = get(site, night, operation)
        assert answer.status_code == 403
        assert b"secret" not in answer.content


def test_the_sky_is_astropys(site, night):
    found = get(site, night, "sky?x=17.5&y=400.25&key=B").json()
    expected = night.frame.wcs_pair.all_pix2world([[17.5, 400.25]], 1)[0]
    assert (found["ra"], found["dec"]) == pytest.approx(tuple(expected), abs=1e-9)
    assert get(site, night, "sky?x=1&y=1", "raw").status_code == 404


def test_a_frame_lies_on_itself(site, night):
    same = get(site, night, f"onto/reduced/{night.reduced.pk}").json()
    assert same["by_sky"] is True
    assert same["matrix"] == pytest.approx([1, 0, 0, 1, 0, 0], abs=1e-3)
    raw = get(site, night, f"onto/raw/{night.raw.pk}").json()
    assert (raw["by_sky"], raw["why"]) == (False, "not both have a plate solution")
    assert get(site, night, "onto/reduced/999").status_code == 404


def test_the_header_is_given_as_it_is(site, night):
    cards = get(site, night, "header", "raw").json()
    card = next(card for card in cards if card["key"] == "OBJECT")
    assert card["value"] == "<img src=x onerror=alert(1)>"


def test_the_headers_of_all_extensions_are_given(site, night):
    units = get(site, night, "headers").json()
    with fits.open(night.reduced.filepath) as hdus:
        assert [unit["name"] for unit in units] == [hdu.name for hdu in hdus]
        for unit, hdu in zip(units, hdus, strict=True):
            keys = {card["key"] for card in unit["cards"]}
            assert set(hdu.header) - {"", "COMMENT", "HISTORY"} <= keys
    assert [unit["index"] for unit in units] == list(range(len(units)))


def test_the_picture_of_the_solving_is_shown_where_it_is_kept(site, night, tmp_path):
    page = f"/frames/reduced/{night.reduced.pk}/"
    assert get(site, night, "astrometry.png").status_code == 404
    assert b"astrometry.png" not in site.client("viewer").get(page).content
    place = night.reduced.filepath.with_name("astrometry_summary.png")
    place.write_bytes(b"a picture")
    answer = get(site, night, "astrometry.png")
    assert (answer.content, answer["Content-Type"]) == (b"a picture", "image/png")
    assert b"astrometry.png" in site.client("viewer").get(page).content
    assert get(site, night, "astrometry.png", role=None).status_code == 401
    assert get(site, night, "astrometry.png", kind="raw").status_code == 404
    place.rename(tmp_path / "elsewhere.png")
    place.symlink_to(tmp_path / "elsewhere.png")
    assert get(site, night, "astrometry.png").status_code == 404


def test_the_file_is_streamed_with_a_safe_name(site, night):
    night.raw.filepath.rename(night.raw.filepath.with_name('a"b\n;é.fit'))
    night.raw.filename = 'a"b\n;é.fit'
    night.raw.save()
    answer = get(site, night, "file", "raw")
    assert answer.streaming
    assert "\n" not in answer["Content-Disposition"]
    assert answer["Content-Disposition"].startswith("attachment")
    assert b"".join(answer.streaming_content) == night.raw.filepath.read_bytes()


def test_observers_flag_with_a_reason_and_undo(site, night):
    judged = {"flag": "IGNORE", "value": True, "why": "clouds"}
    assert post(site, night, "flags", judged, role="viewer").status_code == 403
    assert post(site, night, "flags", {**judged, "why": " "}).status_code == 400
    assert post(site, night, "flags", {**judged, "flag": "NOSUCH"}).status_code == 400
    answer = post(site, night, "flags", judged)
    assert answer.status_code == 200
    night.reduced.refresh_from_db()
    assert night.reduced.has_flag(night.reduced.FLAGS.IGNORE)
    entry = answer.json()["history"][0]
    assert (entry["who"], entry["what"], entry["why"]) == ("observer", "IGNORE set", "clouds")
    undone = post(site, night, "undo", {}).json()
    night.reduced.refresh_from_db()
    assert not night.reduced.has_flag(night.reduced.FLAGS.IGNORE)
    assert night.reduced.human_set == night.reduced.human_clear == 0
    assert [entry["what"] for entry in undone["history"]] == [
        "IGNORE left to machines",
        "IGNORE set",
    ]


def test_undo_brings_back_the_decision_before(site, night):
    for value in (False, True):
        post(site, night, "flags", {"flag": "IGNORE", "value": value, "why": "x"})
    post(site, night, "undo", {})
    night.reduced.refresh_from_db()
    assert night.reduced.human_clear & night.reduced.FLAGS.IGNORE
    assert not night.reduced.human_set
    post(site, night, "comment", {"text": "x"})
    assert post(site, night, "undo", {}).status_code == 400


def test_comments_are_kept_and_sanitised(site, night):
    text = "**thin** clouds <script>alert(1)</script>"
    assert post(site, night, "comment", {"text": text}, role="viewer").status_code == 403
    answer = post(site, night, "comment", {"text": text}).json()
    assert answer["comment"] == text
    assert "<strong>thin</strong>" in answer["comment_html"]
    assert "<script" not in answer["comment_html"]
    assert post(site, night, "comment", {"text": "a\x00b"}).status_code == 400
    assert post(site, night, "comment", {"text": "x" * 20_001}).status_code == 422


def test_changes_need_the_token_of_the_page(site, night):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(site.user("observer"), backend="django.contrib.auth.backends.ModelBackend")
    url = f"/api/v1/frames/reduced/{night.reduced.pk}/comment"
    answer = client.post(url, '{"text": "x"}', content_type="application/json")
    assert answer.status_code == 403


@pytest.mark.parametrize("kind", ["raw", "reduced", "bias"])
def test_the_page_escapes_what_headers_say(site, night, kind):
    row = getattr(night, kind)
    type(row).objects.filter(pk=row.pk).update(error="<script>alert(2)</script>")
    if kind != "bias":
        type(row).objects.filter(pk=row.pk).update(object_name="<script>alert(1)</script>")
    answer = site.client("viewer").get(f"/frames/{kind}/{row.pk}/")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(2)" in page
    assert "None" not in page
    assert "data-may-flag" not in page
    assert (
        "data-may-flag" in site.client("observer").get(f"/frames/{kind}/{row.pk}/").content.decode()
    )


def test_pages_of_no_frame_are_not_found(site, night):
    for place in ("raw/999", "users/1", "raw/99999999999999999999999999"):
        assert site.client("viewer").get(f"/frames/{place}/").status_code == 404
    assert site.client().get(f"/frames/raw/{night.raw.pk}/").status_code == 302


def test_masters_are_listed_by_night(site, night):
    MasterBias.objects.create(
        epoch=night.epoch, instrument="Other", imgsize="4x4", imgbinning="1x1", jd=2459841.0
    )
    client = site.client("viewer")
    found = client.get("/api/v1/masters/bias").json()
    assert found["count"] == 2
    one = client.get("/api/v1/masters/bias?instrument=AndorT90&night=2022-09-18").json()["items"]
    assert [(row["id"], row["kind"], row["epoch"]) for row in one] == [
        (night.bias.pk, "BIAS", "OSN-T090/2022-09-18")
    ]
    assert client.get("/api/v1/masters/bias?night=tomorrow").status_code == 422
    assert client.get("/api/v1/masters/cubes").status_code == 422
    assert client.get("/api/v1/masters/flat?limit=5").json()["count"] == 0


def test_frames_are_listed_and_chosen(site, night):
    client = site.client("viewer")
    raw = client.get("/api/v1/frames/raw?night=2022-09-18&telescope=OSN-T090&band=R").json()
    assert [(row["id"], row["epoch"]) for row in raw["items"]] == [
        (night.raw.pk, "OSN-T090/2022-09-18")
    ]
    reduced = client.get("/api/v1/frames/reduced?failed=false&imgtype=LIGHT").json()
    assert [(row["id"], row["rawfit"], row["solved"]) for row in reduced["items"]] == [
        (night.reduced.pk, night.raw.pk, True)
    ]
    for nothing in ("band=B", "failed=true", "telescope=%00", "object_name=x' OR '1'='1"):
        assert client.get(f"/api/v1/frames/raw?{nothing}").json()["count"] == 0
    for wrong in ("night=x", "imgtype=CUBE", "limit=0", "band=" + 200 * "x"):
        assert client.get(f"/api/v1/frames/raw?{wrong}").status_code == 422
    assert site.client().get("/api/v1/frames/raw").status_code == 401
