"""The pages and the API of cubes: who sees which, pictures, search, hostile texts."""

from __future__ import annotations

import csv
import io
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest

API = "/api/v1/cubes"


def run(user, text, place=None):
    """Run a command as a user of the site and return the PID of the last cube."""
    from polarnight.web.console.running import begin

    answer = begin(user, text, place or {"session": ""}, wait=60)
    status = answer["response"]["response"][-1]["objcontent"][0]
    assert status["title"] == "SUCCESS", status
    extra = answer["response"]["extra"]
    return dict(zip(extra["keys"], extra["values"], strict=True))["cube"]


def number(pid):
    return int(pid.rpartition("/")[2])


@pytest.fixture
def shelf(door):
    """Two cubes of the operator: one imported, and its maximum along x."""
    first = run("operator", "oph_importfits src_path=/fits-raw/LRS.001.fits;container=A;"
                "measure=image;imp_dim=NAXIS1;exp_dim=NAXIS2;")  # fmt: skip
    second = run("operator", "oph_reduce2 operation=max;dim=NAXIS1;")
    door.first, door.second = number(first), number(second)
    return door


def page(site, role, path, status=200):
    answer = site.client(role).get(path)
    assert answer.status_code == status, answer.content[:500]
    return answer.content.decode()


def test_the_shelf_is_that_of_its_owner(shelf):
    mine = page(shelf, "operator", "/cubes/")
    assert f'href="/cubes/{shelf.first}/"' in mine
    assert "oph_importfits" in mine
    assert "oph_reduce2" in mine
    for role in ("viewer", "observer", "admin"):
        assert f"/cubes/{shelf.first}/" not in page(shelf, role, "/cubes/")
        page(shelf, role, f"/cubes/{shelf.first}/", 404)
        for part in ("", "/cards", "/slice", "/figures", "/csv", "/stale", "/provenance"):
            page(shelf, role, f"{API}/{shelf.first}{part}", 404)
        assert shelf.client(role).get(API).json()["count"] == 0
        found = shelf.client(role).get(f"{API}/search", {"q": "OBJECT=NGC*"}).json()
        assert found["count"] == 0


def test_containers_and_folders_of_others_are_not_there(shelf):
    from polarnight.db.models import CubeContainer

    container = CubeContainer.objects.get(name="A")
    inside = page(shelf, "operator", f"/cubes/?container={container.pk}")
    assert "Container A" in inside
    page(shelf, "operator", f"/cubes/?folder={container.folder_id}")
    for text in (f"container={container.pk}", f"folder={container.folder_id}"):
        page(shelf, "viewer", f"/cubes/?{text}", 404)
    for text in ("container=x", "folder=-1", "container=" + "9" * 30, "folder=1%00"):
        page(shelf, "operator", f"/cubes/?{text}", 404)


def test_the_page_of_a_cube(shelf):
    text = page(shelf, "operator", f"/cubes/{shelf.second}/")
    assert "oph_reduce2 operation=max" in text
    assert "<svg" in text
    assert f'href="/cubes/{shelf.first}/"' in text
    assert "NGC5364" in text
    page(shelf, "operator", "/cubes/987654321/", 404)
    page(shelf, "operator", f"/cubes/{2**70}/", 404)


def test_numbers_of_a_slice_are_those_of_the_pixels(shelf):
    from astropy.io import fits

    data = fits.getdata(shelf.root / "raw" / "fits-raw" / "LRS.001.fits").astype(float)
    told = shelf.client("operator").get(f"{API}/{shelf.first}/figures").json()
    assert float(told["minimum"]) == data.min()
    assert float(told["maximum"]) == data.max()
    assert float(told["mean"]) == pytest.approx(data.mean(), rel=1e-5)
    answer = shelf.client("operator").get(f"{API}/{shelf.first}/slice")
    assert answer["Content-Type"] == "image/png"
    from matplotlib.image import imread

    image = imread(io.BytesIO(answer.content), format="png")
    assert image.shape[:2] == data.shape
    grey = image[::-1, :, 0]  # the first row of FITS is at the bottom
    assert np.corrcoef(grey.ravel(), data.ravel())[0, 1] > 0.98
    again = shelf.client("operator").get(
        f"{API}/{shelf.first}/slice", headers={"If-None-Match": answer["ETag"]}
    )
    assert again.status_code == 304


def test_the_table_of_a_small_cube(shelf):
    from astropy.io import fits

    answer = shelf.client("operator").get(f"{API}/{shelf.first}/csv")
    assert "attachment" in answer["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(answer.content.decode())))
    assert rows[0][-1] == "image"
    data = fits.getdata(shelf.root / "raw" / "fits-raw" / "LRS.001.fits")
    found = np.array([float(row[-1]) for row in rows[1:]]).reshape(data.shape)
    np.testing.assert_array_equal(found, data)


def test_no_cell_of_the_table_is_a_formula(monkeypatch):
    from polarnight.web.cubes import looking

    dims = [
        SimpleNamespace(name="=name", coordinates=np.array(["=1+1", "@x", "-a", "M 31"])),
        SimpleNamespace(name="x", coordinates=np.array([-1.5])),
    ]
    cube = SimpleNamespace(dims=dims, measure="+image", data=None)
    server = SimpleNamespace(workbench=SimpleNamespace(cube=lambda row: cube))
    runner = SimpleNamespace(arrays=lambda cubes: [np.full((4, 1), -2)])
    monkeypatch.setattr(looking, "_server", lambda: server)
    monkeypatch.setattr(looking, "_runner", lambda: nullcontext(runner))
    assert looking.csv_of(SimpleNamespace(n_elements=4)).splitlines() == [
        "'=name,x,'+image", "'=1+1,-1.5,-2", "'@x,-1.5,-2", "'-a,-1.5,-2", "M 31,-1.5,-2",
    ]  # fmt: skip


def test_a_large_cube_is_no_table(shelf, monkeypatch):
    from polarnight.web.cubes import looking

    monkeypatch.setattr(looking, "MOST_VALUES", 10)
    answer = shelf.client("operator").get(f"{API}/{shelf.first}/csv")
    assert answer.status_code == 400
    assert "oph_exportfits" in answer.json()["detail"]


@pytest.mark.parametrize(
    "query",
    ["up=NAXIS1&right=NAXIS1", "up=x&right=y", "at=q:1", "at=NAXIS1", "at=:1", "at=NAXIS1:-1"],
)
def test_slices_that_there_are_not(shelf, query):
    for what in ("slice", "figures"):
        answer = shelf.client("operator").get(f"{API}/{shelf.first}/{what}?{query}")
        assert answer.status_code == 400, query
        assert answer.json()["detail"]


def test_what_takes_too_long_is_left(shelf, monkeypatch):
    from polarnight.cubes.running.runner import Runner
    from polarnight.errors import Cancelled

    def late(self, arrays):
        raise Cancelled("stopped")

    monkeypatch.setattr(Runner, "arrays", late)
    answer = shelf.client("operator").get(f"{API}/{shelf.first}/figures")
    assert answer.status_code == 503
    assert "console" in answer.json()["detail"]


def test_why_a_cube_is_stale(shelf):
    client = shelf.client("operator")
    assert client.get(f"{API}/{shelf.second}/stale").json() == {"reasons": []}
    (shelf.root / "raw" / "fits-raw" / "LRS.001.fits").unlink()
    reasons = client.get(f"{API}/{shelf.second}/stale").json()["reasons"]
    assert len(reasons) == 1
    assert "LRS.001.fits" in reasons[0]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("OBJECT=NGC*", 1),
        ("EXPTIME>=10 OBJECT=NGC5364", 1),
        ("EXPTIME>10", 0),
        ("object", 1),
        ("OBJECT!=other", 1),
        ("OBJECT='NGC5364' measure=image container=A", 1),
        ("level=1", 1),
        ("level=1 OBJECT=NGC5364", 1),
        ("measure=none", 0),
    ],
)
def test_search(shelf, text, count):
    answer = shelf.client("operator").get(f"{API}/search", {"q": text})
    assert answer.status_code == 200
    assert answer.json()["count"] == count
    told = page(shelf, "operator", f"/cubes/search/?q={text.replace(' ', '+').replace('=', '%3D')}")
    assert f"{count} cube" in told


@pytest.mark.parametrize(
    "text",
    ["OBJECT='x", "= 3", ">5", "OBJECT >= 3", "level=two", "a " * 30, "x" * 2000, "EXPTIME>"],
)
def test_searches_that_cannot_be_read(shelf, text):
    answer = shelf.client("operator").get("/cubes/search/", {"q": text})
    assert answer.status_code == 200
    assert b'class="note error"' in answer.content
    assert shelf.client("operator").get(f"{API}/search", {"q": text}).status_code in (400, 422)


@pytest.mark.parametrize("text", ["'; DROP TABLE x; --'", "a=b' OR '1'='1'", "%", "\x00", "*=*"])
def test_hostile_searches_find_nothing_bad(shelf, text):
    answer = shelf.client("operator").get(f"{API}/search", {"q": text})
    assert answer.status_code in (200, 400)
    assert page(shelf, "operator", "/cubes/")


def test_scripts_in_cards_stay_text(door):
    from astropy.io import fits

    evil = "<script>alert(1)</script>"
    fits.writeto(
        door.root / "raw" / "fits-raw" / "evil.fits",
        np.zeros((2, 3)),
        fits.Header({"OBJECT": evil}),
    )
    pid = run("operator", "oph_importfits src_path=/fits-raw/evil.fits;container=E;measure=image;"
              "description=<img src=x onerror=alert(2)>;")  # fmt: skip
    text = page(door, "operator", f"/cubes/{number(pid)}/")
    assert evil not in text
    assert "&lt;script&gt;" in text
    assert "<img src=x" not in text


def test_strangers_are_sent_to_the_log_in(shelf):
    for path in ("/cubes/", "/cubes/search/", f"/cubes/{shelf.first}/", "/cubes/console/"):
        assert shelf.client().get(path).status_code == 302
    assert shelf.client("viewer").get("/cubes/workflows/").status_code == 403


def test_a_site_open_to_all_shows_the_archive_alone(shelf, monkeypatch):
    from polarnight.config import get_settings

    monkeypatch.setattr(type(get_settings().web), "anonymous", "viewer", raising=False)
    web = get_settings().web
    monkeypatch.setitem(web.__dict__, "anonymous", "viewer")
    assert f"/cubes/{shelf.first}/" not in page(shelf, None, "/cubes/")
    page(shelf, None, f"/cubes/{shelf.first}/", 404)
    assert shelf.client().get("/cubes/console/").status_code == 302


def test_no_place_of_the_server_is_shown(shelf):
    for path in ("/cubes/", f"/cubes/{shelf.second}/", "/cubes/search/?q=OBJECT", API,
                 f"{API}/{shelf.first}"):  # fmt: skip
        text = page(shelf, "operator", path)
        assert str(shelf.root) not in text, path
        assert "fits-raw/LRS.001.fits" in text
    assert "sessionid=" not in page(shelf, "operator", f"/cubes/{shelf.second}/")
