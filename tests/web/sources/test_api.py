"""Sources over the API."""

from __future__ import annotations

import pytest

from polarnight.db import AstroSource
from polarnight.web.models import ActionLog

API = "/api/v1/sources"
NEW = {"name": "Mrk 421", "ra_hms": "11:04:27.3", "dec_dms": "+38:12:32", "other_names": ["a"]}


def deeds():
    """Return what was done to sources; that somebody logged in is no part of it."""
    return ActionLog.objects.filter(kind="AstroSource")


def send(client, method, path, body=None):
    return getattr(client, method)(API + path, body, content_type="application/json")


def test_lists(site, bllac):
    client = site.client("viewer")
    answer = client.get(API).json()
    assert (answer["count"], answer["items"][0]["name"]) == (1, "2200+420")
    assert answer["items"][0]["other_names"] == ["BL Lac"]
    assert answer["items"][0]["literature"] == {"mag_R": 14.0, "p": 0.05, "p_err": 0.01}
    stars = client.get(f"{API}?kind=calibrators").json()["items"]
    assert stars[0]["calibrates"] == ["2200+420"]
    near = client.get(API, {"near": "330.68 +42.28", "radius": 2, "kind": "all"}).json()
    assert near["count"] == 2
    assert client.get(f"{API}?limit=1&offset=1&kind=all").json()["count"] == 2
    assert client.get(f"{API}?near=x").status_code == 400
    assert client.get(f"{API}?radius=nan").status_code == 422
    assert client.get(f"{API}/{bllac.pk}").json()["ra"] == pytest.approx(330.680375)


def test_adding_and_changing(site, bllac):
    client = site.client("observer")
    answer = send(client, "post", "", {"values": NEW, "why": "campaign"})
    assert answer.status_code == 201
    key = answer.json()["source"]["id"]
    answer = send(client, "patch", f"/{key}", {"values": {"mag_R": 13.0}})
    assert answer.json()["source"]["literature"] == {"mag_R": 13.0}
    assert answer.json()["source"]["other_names"] == ["a"]
    assert [entry.what for entry in deeds()] == ["source edited", "source added"]
    near = {
        **NEW,
        "name": "x",
        "other_names": ["bl lac"],
        "ra_hms": "22:02:43.3",
        "dec_dms": "42.2778",
    }
    warnings = send(client, "post", "", {"values": near}).json()["warnings"]
    assert len(warnings) == 2


@pytest.mark.parametrize(
    "values",
    [
        {"ra_hms": "x"}, {"p": 5}, {"name": ""}, {"name": "2200+420"}, {"id": 7}, {"pk": 7},
        {"ra": 1.0}, {"modified": "2020-01-01"}, {"mag_R": "Infinity"}, {"mag_R": [1]},
        {"name": "a\x00b"}, {"comment": "x" * 20_001}, {"comment": "\x00"}, {"calibrates": ["?"]},
        {"calibrators": ["2200+420"]}, {"metadata": "x"}, {"other_names": [{}]},
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused(site, bllac, values):
    answer = send(site.client("observer"), "post", "", {"values": {**NEW, **values}})
    assert answer.status_code == 422, answer.content
    assert AstroSource.objects.count() == 2
    assert not deeds().exists()


def test_deleting_needs_an_administrator_and_a_reason(site, bllac):
    star = AstroSource.objects.get(name="BLLac-C")
    assert site.client("operator").delete(f"{API}/{star.pk}?why=x").status_code == 403
    admin = site.client("admin")
    assert admin.delete(f"{API}/{star.pk}").status_code == 422
    assert admin.delete(f"{API}/{star.pk}?why=%20").status_code == 422
    assert admin.delete(f"{API}/{bllac.pk}?why=x").status_code == 400
    assert admin.delete(f"{API}/{star.pk}?why=wrong").status_code == 204
    assert AstroSource.objects.count() == 1


def test_comment(site, bllac):
    path = f"/{bllac.pk}/comment"
    assert send(site.client("viewer"), "put", path, {"comment": "x"}).status_code == 403
    answer = send(site.client("observer"), "put", path, {"comment": "*x*"})
    assert answer.json()["comment"] == "*x*"


def test_import(site, bllac):
    body = {"name": "a.csv", "text": "name,ra_hms,dec_dms\nnew,10:00:00,+10:00:00\n"}
    assert send(site.client("observer"), "post", "/import", body).status_code == 403
    client = site.client("operator")
    assert send(client, "post", "/import", body).json()["created"] == ["new"]
    assert AstroSource.objects.count() == 2
    assert send(client, "post", "/import", {**body, "commit": True}).json()["committed"] is True
    assert AstroSource.objects.count() == 3
    wrong = send(client, "post", "/import", {**body, "text": "name\nx\n"})
    assert wrong.status_code == 422
    assert "a.csv, row 1" in wrong.json()["detail"]


def test_check_while_writing(site, bllac):
    client = site.client("observer")
    answer = client.get(f"{API}/check", {"name": "BLLAC", "ra": "330.680375", "dec": "42.27775"})
    told = answer.json()
    assert (told["ra_hms"], told["dec_dms"]) == ("22:02:43.2900", "+42:16:39.900")
    assert len(told["warnings"]) == 2
    told = client.get(f"{API}/check", {"ra": "25:00:00", "dec": "x"}).json()
    assert set(told["errors"]) == {"ra_hms", "dec_dms"}
    own = {"name": "2200+420", "ra": "330.680375", "dec": "42.27775", "but": bllac.pk}
    assert client.get(f"{API}/check", own).json()["warnings"] == []
