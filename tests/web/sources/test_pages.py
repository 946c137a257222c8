"""The pages of the catalogue: table, source, form, comment, deletion."""

from __future__ import annotations

import re

import pytest

from polarnight.db import AstroSource, Epoch, PhotoPolResult
from polarnight.web.models import ActionLog

NEW = {"name": "Mrk 421", "ra_hms": "11:04:27.3", "dec_dms": "+38:12:32", "mag_R": "13.2"}


def deeds():
    """Return what was done to sources; that somebody logged in is no part of it."""
    return ActionLog.objects.filter(kind="AstroSource")


def result(source, n=0, **more):
    return PhotoPolResult.objects.create(
        identity=f"{source.pk}|{n}", epoch=Epoch.create("OSN-T090/2022-09-18"), astrosource=source,
        reduction="relpol", instrument="AndorT90", obsmode="POLARIMETRY", band="R",
        juliandate=2459841.46 + n, mag=13.4, mag_err=0.02, p=0.05, p_err=0.004, chi=12.0,
        chi_err=2.0, **more,
    )  # fmt: skip


def text(answer):
    return answer.content.decode()


def error_at(answer, field):
    """Return what the form says at a field."""
    part = text(answer).partition(f'name="{field}"')[2].partition('<div class="field')[0]
    found = re.search(r'<ul class="errorlist"[^>]*>(.*?)</ul>', part, re.DOTALL)
    return re.sub(r"<[^>]+>", "", found[1] or "") if found else ""


def test_the_table(site, bllac):
    result(bllac)
    page = text(site.client("viewer").get("/sources/"))
    assert "2200+420" in page
    assert "BLLac-C" not in page
    assert '<time datetime="2022-09-18' in page
    assert "13.400" in page
    assert "20 × 8" in page  # DIPOL, R = 13.4
    assert "/explore/plot/?srcname=2200%2B420" in page
    assert "Add source" not in page
    assert "BLLac-C" in text(site.client("viewer").get("/sources/?kind=all"))
    assert "Add source" in text(site.client("observer").get("/sources/"))


@pytest.mark.parametrize(
    "query",
    ["sort=;drop", "kind=x", "near=nowhere", "near=1%201&radius=x", "near=1%201&radius=-3"],
)
def test_nonsense_is_told(site, bllac, query):
    answer = site.client("viewer").get(f"/sources/?{query}")
    assert answer.status_code == 422
    assert 'role="alert"' in text(answer)


@pytest.mark.parametrize("page", ["0", "-1", "99999999999999999999", "x", "²", "2"])
def test_pages_that_are_not_there_show_the_nearest(site, bllac, page):
    assert "2200+420" in text(site.client("viewer").get("/sources/", {"page": page}))


def test_paging_and_queries_do_not_grow(site, bllac):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = site.client("viewer")

    def queries():
        with CaptureQueriesContext(connection) as captured:
            client.get("/sources/")
        return len(captured)

    result(bllac, 99)
    queries()
    few = queries()
    for i in range(70):
        one = AstroSource.objects.create(name=f"s{i:02d}", ra_hms="1:0:0", dec_dms="+01:00:00")
        result(one, i)
    assert queries() <= few
    page = text(client.get("/sources/"))
    assert "1–50 of 71" in page
    second = text(client.get("/sources/?page=2"))
    assert "51–71 of 71" in second
    assert "s69" in second
    assert "s69" not in page


def test_a_source(site, bllac):
    for n in range(12):
        result(bllac, n)
    AstroSource.objects.filter(pk=bllac.pk).update(comment="**bright** <b>x</b>")
    page = text(site.client("viewer").get(f"/sources/{bllac.pk}/"))
    assert "22:02:43.2900 +42:16:39.900" in page
    assert "330.680375 +42.277750" in page
    assert "5.0\u00a0±\u00a01.0 %" in page  # p of the literature
    assert "<strong>bright</strong> &lt;b&gt;x&lt;/b&gt;" in page
    assert "BLLac-C" in page
    assert f"/api/v1/sources/{bllac.pk}/chart.png" in page
    assert page.count("POLARIMETRY") == 0
    assert page.count("<circle") == 12 + 1  # points, and the switch of the theme
    assert "all 12" in page
    star = AstroSource.objects.get(name="BLLac-C")
    assert f'<a href="/sources/{bllac.pk}/">2200+420</a>' in text(
        site.client("viewer").get(f"/sources/{star.pk}/")
    )


def test_the_chart(site, bllac):
    answer = site.client("viewer").get(f"/api/v1/sources/{bllac.pk}/chart.png")
    assert answer["Content-Type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG")
    again = site.client("viewer").get(
        f"/api/v1/sources/{bllac.pk}/chart.png", HTTP_IF_NONE_MATCH=answer["ETag"]
    )
    assert again.status_code == 304


def test_adding(site):
    client = site.client("observer")
    answer = client.post("/sources/add/", {**NEW, "why": "campaign", "other_names": "a; b"})
    row = AstroSource.objects.get()
    assert answer["Location"] == f"/sources/{row.pk}/"
    assert (row.name, row.other_names, row.mag_R) == ("Mrk 421", "a; b", 13.2)
    assert row.ra == pytest.approx(166.11375)
    entry = deeds().get()
    assert (entry.who, entry.what, entry.key, entry.why) == (
        "observer", "source added", "Mrk 421", "campaign",
    )  # fmt: skip
    assert entry.after["ra_hms"] == "11:04:27.3"
    assert "comment" not in entry.after


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("ra_hms", "25:00:00", "out of range"),
        ("ra_hms", "", "required"),
        ("dec_dms", "+38:72:00", "minutes and seconds end at 60"),
        ("dec_dms", "north", "is not a declination"),
        ("mag_R", "bright", "valid number"),
        ("mag_R", "1e9", "less than or equal"),
        ("p", "5", "must be a fraction"),
        ("name", "x" * 101, "at most 100"),
        ("calibrates", "nobody", "no source is called"),
        ("metadata", "[1]", "no JSON object"),
        ("metadata", "[" * 9000, "no JSON object"),
        ("name", "2200+420", "already"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(site, bllac, field, value, told):
    answer = site.client("observer").post("/sources/add/", {**NEW, field: value})
    assert answer.status_code == 422
    assert told in error_at(answer, field)
    assert not AstroSource.objects.filter(name="Mrk 421").exists()
    assert not deeds().exists()


def test_a_neighbour_is_saved_only_after_a_second_look(site, bllac):
    client = site.client("observer")
    near = {**NEW, "ra_hms": "22:02:43.3", "dec_dms": "+42:16:41"}
    first = client.post("/sources/add/", near)
    assert first.status_code == 409
    assert "is it the same source?" in text(first)
    assert AstroSource.objects.count() == 2
    seen = re.findall(r'name="seen" value="([^"]+)"', text(first))
    other = client.post("/sources/add/", {**near, "other_names": "BL Lac", "seen": seen})
    assert other.status_code == 409  # another warning, not seen yet
    assert client.post("/sources/add/", {**near, "seen": seen}).status_code == 302


def form_of(client, source):
    page = text(client.get(f"/sources/{source.pk}/edit/"))
    values = dict(re.findall(r'<input [^>]*?name="(\w+)"[^>]*?value="([^"]*)"', page))
    values.pop("csrfmiddlewaretoken", None)
    areas = re.findall(r'<textarea name="(\w+)"[^>]*>\s*(.*?)</textarea>', page, re.DOTALL)
    return {**values, **dict(areas)}


def test_editing_changes_what_was_changed(site, bllac):
    client = site.client("observer")
    values = form_of(client, bllac)
    assert client.post(f"/sources/{bllac.pk}/edit/", values).status_code == 302
    assert not deeds().exists()
    values = form_of(client, bllac)
    answer = client.post(f"/sources/{bllac.pk}/edit/", {**values, "mag_R": "14.1", "p": ""})
    assert answer.status_code == 302
    entry = deeds().get()
    assert (entry.before, entry.after) == ({"p": 0.05, "mag_R": 14.0}, {"p": None, "mag_R": 14.1})
    bllac.refresh_from_db()
    assert (bllac.mag_R, bllac.p, bllac.p_err, bllac.srctype) == (14.1, None, 0.01, "blazar")
    page = text(client.get(f"/sources/{bllac.pk}/"))
    assert "source edited" in page


def test_a_change_of_somebody_else_is_not_overwritten_unseen(site, bllac):
    client = site.client("observer")
    values = form_of(client, bllac)
    AstroSource.objects.get(pk=bllac.pk).save()
    answer = client.post(f"/sources/{bllac.pk}/edit/", {**values, "mag_R": "15"})
    assert answer.status_code == 409
    assert "somebody changed this source" in text(answer)


def test_a_name_with_results_stays(site, bllac):
    client = site.client("observer")
    values = form_of(client, bllac)
    result(bllac)
    answer = client.post(f"/sources/{bllac.pk}/edit/", {**values, "name": "BL Lacertae"})
    assert answer.status_code == 422
    assert "1 results" in error_at(answer, "name")
    bllac.refresh_from_db()
    assert bllac.name == "2200+420"


def test_the_history_follows_a_new_name(site, bllac):
    client = site.client("observer")
    client.post(f"/sources/{bllac.pk}/comment/", {"comment": "first"})
    client.post(f"/sources/{bllac.pk}/edit/", {**form_of(client, bllac), "name": "BL"})
    page = text(client.get(f"/sources/{bllac.pk}/"))
    assert "source commented" in page
    assert "source edited" in page


def test_a_comment(site, bllac):
    client = site.client("observer")
    client.post(f"/sources/{bllac.pk}/comment/", {"comment": " *good* "})
    bllac.refresh_from_db()
    assert bllac.comment == "*good*"
    entry = deeds().get()
    assert (entry.what, entry.before, entry.after) == (
        "source commented", {"comment": ""}, {"comment": "*good*"},
    )  # fmt: skip
    answer = client.post(f"/sources/{bllac.pk}/comment/", {"comment": "x" * 20_001})
    assert answer.status_code == 422
    assert "20000 characters" in text(answer)


def test_deleting(site, bllac):
    star = AstroSource.objects.get(name="BLLac-C")
    for role in ("observer", "operator"):
        answer = site.client(role).post(f"/sources/{star.pk}/delete/", {"why": "x"})
        assert answer.status_code == 403
    admin = site.client("admin")
    page = text(admin.post(f"/sources/{star.pk}/delete/", {"why": " "}, follow=True))
    assert "with a reason" in page
    result(star)
    result(star, 1)
    page = text(admin.post(f"/sources/{star.pk}/delete/", {"why": "x"}, follow=True))
    assert "2 results hang on it" in page
    page = text(admin.post(f"/sources/{bllac.pk}/delete/", {"why": "x"}, follow=True))
    assert "1 calibrators hang on it" in page
    PhotoPolResult.objects.all().delete()
    admin.post(f"/sources/{star.pk}/delete/", {"why": "wrong star"})
    assert not AstroSource.objects.filter(pk=star.pk).exists()
    entry = deeds().get()
    assert (entry.what, entry.why, entry.before["mag_R"]) == ("source deleted", "wrong star", 13.8)
