"""The API of light curves."""

from __future__ import annotations

import pytest

BASE = "/api/v1/plots/light-curve"


@pytest.fixture
def ask(site, star):
    def call(path="", role="viewer", **query):
        return site.client(role).get(BASE + path, {"source": star.name, **query})

    return call


def test_points_and_document(ask):
    answer = ask(document=True, theme="dark").json()
    assert (answer["total"], answer["hidden"], answer["source"]) == (6, 0, "2200+420")
    assert answer["literature"] == {"mag": {"R": 13.4}, "p": 10.0, "chi": 20.0}
    assert set(answer["document"]) >= {"doc", "root_id"}
    assert "document" not in ask().json()


def test_window_by_date_and_mjd(ask):
    assert ask(start="59842", end="59843.5").json()["total"] == 2
    assert ask(start="2022-09-20", end="2022-09-21T12:00").json()["total"] == 2
    assert ask(band=["V"]).json()["total"] == 1
    assert ask(f="flags:has:BAD_PHOTOMETRY").json()["total"] == 1
    assert ask(start="59900").json()["window"] is None


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"source": "nobody"}, 400, "nobody"),
        ({"source": "a\x00"}, 400, "no name of a source"),
        ({"start": "soon"}, 400, "time: 'soon' is no date"),
        ({"start": "1e99"}, 400, "is no MJD"),
        ({"start": "2", "end": "1"}, 400, "is empty"),
        ({"band": "x" * 11}, 400, "bands"),
        ({"band": "\x00"}, 400, "bands"),
        ({"most": 1}, 422, "most"),
        ({"theme": "pink"}, 422, "theme"),
    ],
)
def test_what_is_refused(ask, query, status, words):
    answer = ask(**query)
    assert answer.status_code == status
    assert words in answer.json()["detail"]


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_picture(ask, kind):
    from polarnight.web.plots.picture import PICTURES

    answer = ask("/picture", kind=kind, start="59841", end="59850")
    assert answer["Content-Type"] == PICTURES[kind]
    assert answer["Content-Disposition"] == f'attachment; filename="2200+420.{kind}"'
    assert ask("/picture", kind="gif").status_code == 422


def test_others_are_in_the_picture_where_asked(ask, datadir):
    datadir.crosscheck.mkdir()
    (datadir.crosscheck / "theirs.csv").write_text("source,mjd,mag\n2200+420,59842.5,13.2\n")
    assert b"theirs" in ask("/picture", kind="svg", foreign=True).content
    assert b"theirs" not in ask("/picture", kind="svg").content


def test_rows_are_those_of_the_plot(ask):
    text = ask("/rows", start="59842", end="59843.5", columns="id,mjd").getvalue().decode()
    rows = [line.split(",") for line in text.splitlines() if not line.startswith("#")]
    assert rows[0] == ["id", "mjd"]
    assert [float(row[1]) for row in rows[1:]] == [59842.0, 59843.0]
    assert ask("/rows", columns="nothing").status_code == 400


def test_strangers(ask):
    for path in ("", "/picture", "/rows"):
        assert ask(path, role=None).status_code == 401
