"""The API of results, flags and saved views."""

from __future__ import annotations

import csv
import io

import pytest

BASE = "/api/v1"


@pytest.fixture
def ask(site, results):
    def call(path, role="viewer", **query):
        return site.client(role).get(BASE + path, query)

    return call


@pytest.fixture
def tell(site, results):
    def call(path, body, role="observer"):
        return site.client(role).post(BASE + path, body, content_type="application/json")

    return call


def test_page(ask):
    answer = ask("/results", columns="id,mag,source", sort="-mag", limit=2).json()
    assert answer["columns"] == ["id", "mag", "source"]
    assert (answer["count"], answer["offset"], len(answer["rows"])) == (5, 0, 2)
    assert answer["rows"][0][1] == pytest.approx(13.38 + 2 / 3)
    assert ask("/results", source="2200+420", f=["band:eq:V", "p:gt:0.1"]).json()["count"] == 1


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"f": "nothing:eq:1"}, 400, "there is no column 'nothing'"),
        ({"f": "mag:lt:1;DROP"}, 400, "is no number"),
        ({"f": ["mag:lt:1"] * 21}, 422, "20"),
        ({"sort": "nothing"}, 400, "no column"),
        ({"columns": "nothing"}, 400, "no column"),
        ({"limit": 0}, 422, "limit"),
        ({"limit": 100000}, 422, "limit"),
        ({"source": "nobody"}, 400, "nobody"),
        ({"source": "a\x00"}, 400, "no name of a source"),
    ],
)
def test_what_is_refused(ask, query, status, words):
    answer = ask("/results", **query)
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert words in answer.json()["detail"]


def test_columns(ask):
    columns = {one["name"]: one for one in ask("/results/columns").json()}
    assert columns["mag"]["operators"][:3] == ["eq", "ne", "lt"]
    assert columns["files"]["operators"] == []


@pytest.mark.parametrize("kind", ["csv", "ecsv", "parquet", "votable"])
def test_export(ask, kind):
    from polarnight.web.tables.export import FORMATS

    answer = ask("/results/export", kind=kind, columns="id,mag", f="mag:notnull:", sort="mag")
    assert answer.status_code == 200
    assert answer["Content-Type"] == FORMATS[kind][0]
    assert answer["Content-Disposition"].startswith('attachment; filename="results.')
    data = answer.getvalue()
    if kind == "csv":
        lines = [line for line in data.decode().splitlines() if not line.startswith("#")]
        rows = list(csv.DictReader(io.StringIO("\n".join(lines))))
        assert [float(row["mag"]) for row in rows] == sorted(float(row["mag"]) for row in rows)
        assert len(rows) == 4
    assert ask("/results/export", kind="xls").status_code == 422


def test_one(ask):
    from polarnight.db import PhotoPolResult

    row = PhotoPolResult.objects.get(mag=-0.25)
    row.flag("SATURATED", why="a star on it", who="ana")
    answer = ask(f"/results/{row.pk}").json()
    assert answer["values"]["jd_mid"] == row.juliandate
    assert answer["flags"] == ["BAD_PHOTOMETRY", "SATURATED", "FORCED"]
    assert [(one["who"], one["what"], one["why"]) for one in answer["history"]] == [
        ("ana", "SATURATED set", "a star on it")
    ]
    assert ask(f"/results/{row.pk}/why").json() == {"frames": {}}
    assert ask("/results/999999").status_code == 404
    assert ask(f"/results/{2**64}").status_code == 422


def test_flag_and_undo(ask, tell):
    from polarnight.db import FlagChange, PhotoPolResult

    ids = list(PhotoPolResult.objects.order_by("id").values_list("pk", flat=True))[:3]
    flag = PhotoPolResult.Flags.BAD_PHOTOMETRY
    PhotoPolResult.objects.get(pk=ids[0]).flag(flag, who="ana", why="earlier")
    answer = tell("/flags", {"ids": ids, "flag": "BAD_PHOTOMETRY", "value": True, "why": "cloud"})
    assert answer.status_code == 200
    done = answer.json()
    assert all(value & flag for value in done["flags"].values())
    assert set(done["flags"]) == set(map(str, ids))
    assert len(done["changes"]) == 2  # one was flagged already
    assert {change.why for change in FlagChange.objects.filter(who="observer")} == {"cloud"}
    back = tell("/flags/undo", {"changes": done["changes"]})
    assert back.status_code == 200
    flags = dict(PhotoPolResult.objects.values_list("pk", "flags"))
    assert [bool(flags[pk] & flag) for pk in ids] == [True, False, False]
    again = tell("/flags/undo", {"changes": back.json()["changes"]})  # redo
    assert again.status_code == 200
    assert all(value & flag for value in again.json()["flags"].values())


def test_undo_of_what_was_overtaken(tell):
    from polarnight.db import PhotoPolResult

    row = PhotoPolResult.objects.order_by("id").first()
    body = {"ids": [row.pk], "flag": "BAD_PHOTOMETRY", "value": True, "why": "cloud"}
    changes = tell("/flags", body).json()["changes"]
    row.undecide("BAD_PHOTOMETRY", who="ana", why="no cloud")
    answer = tell("/flags/undo", {"changes": changes})
    assert answer.status_code == 409
    assert "judged anew" in answer.json()["detail"]
    assert tell("/flags/undo", {"changes": changes}, role="operator").status_code == 409


@pytest.mark.parametrize(
    ("change", "status"),
    [({"why": "  "}, 422), ({"flag": "UGLY"}, 400), ({"ids": []}, 422), ({"ids": [0]}, 422),
     ({"ids": list(range(1, 2002))}, 422), ({"why": "a\x00"}, 422)],
)  # fmt: skip
def test_flags_refused(tell, change, status):
    body = {"ids": [999999], "flag": "BAD_PHOTOMETRY", "value": True, "why": "x"}
    answer = tell("/flags", body | change)
    assert answer.status_code == status, answer.content


def test_viewers_do_not_flag(tell):
    body = {"ids": [1], "flag": "BAD_PHOTOMETRY", "value": True, "why": "x"}
    assert tell("/flags", body, role="viewer").status_code == 403
    assert tell("/flags/undo", {"changes": [1]}, role="viewer").status_code == 403
    assert tell("/flags", body, role=None).status_code == 401


def test_views(site, results):
    def keep(role, **changes):
        body = {"page": "data", "name": "bright", "query": "?f=mag:lt:14", "shared": False}
        client = site.client(role)
        return client.post(f"{BASE}/views", body | changes, content_type="application/json")

    def names(role):
        answer = site.client(role).get(f"{BASE}/views?page=data").json()
        return [one["name"] for one in answer["items"]]

    made = keep("viewer")
    assert made.status_code == 201
    assert made.json()["query"] == "f=mag:lt:14"
    assert names("viewer") == ["bright"]
    assert names("observer") == []
    changed = keep("viewer", shared=True, query="f=mag:lt:15").json()
    assert changed["id"] == made.json()["id"]
    seen = site.client("observer").get(f"{BASE}/views").json()["items"]
    assert [(one["query"], one["mine"]) for one in seen] == [("f=mag:lt:15", False)]
    assert site.client("observer").delete(f"{BASE}/views/{changed['id']}").status_code == 404
    assert site.client("viewer").delete(f"{BASE}/views/{changed['id']}").status_code == 204
    assert names("viewer") == []
    assert keep("viewer", page="nowhere").status_code == 422
    assert keep("viewer", name=" ").status_code == 422
