"""Import of files and of field stars: a look first, then exactly that."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from polarnight.config import load_settings, use_settings
from polarnight.db import AstroSource
from polarnight.errors import ExternalService
from polarnight.web.models import ActionLog

CSV = """name,ra_hms,dec_dms,mag_R,calibrates
2200+420,22:02:43.29,+42:16:39.9,14.5,
BLLac-B,22:02:42.0,+42:15:00,12.8,2200+420
"""
YAML = """- name: 3C 66A
  ra_hms: 02:22:39.6
  dec_dms: +43:02:08
  comment: "text, with\\na line"
"""


def deeds():
    """Return what was done to sources; that somebody logged in is no part of it."""
    return ActionLog.objects.filter(kind="AstroSource")


def text(answer):
    return answer.content.decode()


def send(client, content, name="new.csv"):
    file = SimpleUploadedFile(name, content.encode() if isinstance(content, str) else content)
    return client.post("/sources/import/", {"file": file})


def hidden(page):
    values = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    body = re.search(r'<textarea name="text" hidden>\n(.*?)</textarea>', page, re.DOTALL)
    import html

    if body:
        # As browsers do.
        values["text"] = html.unescape(body[1]).replace("\n", "\r\n")
    return values


def test_a_look_changes_nothing_and_the_import_does_just_that(site, bllac):
    client = site.client("operator")
    look = send(client, CSV)
    assert look.status_code == 200
    assert "1 sources added, 1 changed, 0 unchanged" in text(look)
    assert AstroSource.objects.count() == 2
    assert not deeds().exists()
    done = client.post("/sources/import/", hidden(text(look)))
    assert done["Location"] == "/sources/"
    bllac.refresh_from_db()
    assert bllac.mag_R == 14.5
    assert bllac.srctype == "blazar"  # of which the file says nothing
    assert AstroSource.objects.get(name="BLLac-B").calibrates.get() == bllac
    log = {entry.key: entry for entry in deeds()}
    assert (log["2200+420"].what, log["2200+420"].before, log["2200+420"].after) == (
        "source edited", {"mag_R": 14.0}, {"mag_R": 14.5},
    )  # fmt: skip
    assert log["BLLac-B"].after["calibrates"] == ["2200+420"]
    assert log["BLLac-B"].why == "imported from new.csv"


def test_yaml_survives_the_form(site):
    client = site.client("operator")
    look = send(client, YAML, "new.yaml")
    client.post("/sources/import/", hidden(text(look)))
    assert AstroSource.objects.get().comment == "text, with\na line"


def test_the_same_twice_changes_nothing(site, bllac):
    client = site.client("operator")
    client.post("/sources/import/", hidden(text(send(client, CSV))))
    again = text(send(client, CSV))
    assert "says all of this already" in again
    assert 'name="digest"' not in again


def test_a_catalogue_that_changed_is_looked_at_again(site, bllac):
    client = site.client("operator")
    look = hidden(text(send(client, CSV)))
    AstroSource.objects.filter(pk=bllac.pk).update(mag_R=9.0)
    answer = client.post("/sources/import/", look)
    assert answer.status_code == 422
    assert "changed since the preview" in text(answer)
    assert not AstroSource.objects.filter(name="BLLac-B").exists()
    assert not deeds().exists()


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        ("name,ra_hms\nx,1", "a.csv", "key &#x27;dec_dms&#x27; is missing"),
        ("name,ra_hms,dec_dms\nx,99:00:00,+1\n", "a.csv", "a.csv, row 1 (x)"),
        (b"\xff\xfe\x00", "a.csv", "is no text in UTF-8"),
        ("- [", "a.yaml", "not valid YAML"),
        ("a: &a [*a]", "a.yaml", "nested too deeply"),
        ("[" * 50_000, "a.yaml", "nested too deeply"),
        ("!!python/object/apply:os.system ['true']", "a.yaml", "not valid YAML"),
        ("x", "../../etc/passwd", "are imported from .csv"),
        ("x", "a.exe", "are imported from .csv"),
        ("x" * 1_000_001, "a.csv", "larger than 1000 kB"),
        ("name,ra_hms,dec_dms,calibrates\nx,1:0:0,+1,nobody\n", "a.csv", "which is no source"),
        ("", "a.csv", ""),
    ],
)
def test_files_that_are_wrong(site, content, name, told):
    answer = send(site.client("operator"), content, name)
    assert answer.status_code == 422
    assert told in text(answer)
    assert "polarnight-import-" not in text(answer)  # nor where the file lay
    assert not AstroSource.objects.exists()


def test_only_operators_import(site):
    assert send(site.client("observer"), CSV).status_code == 403


def test_field_stars_become_calibrators(site, bllac, stars):
    client = site.client("operator")
    url = f"/sources/{bllac.pk}/field-stars/"
    form = {"radius": "12", "bright": "12.1", "faint": "16", "largest_error": "0.05", "count": "5"}
    look = client.post(url, form)
    assert look.status_code == 200, text(look)
    assert "5 sources added" in text(look)
    assert AstroSource.objects.count() == 2
    done = client.post(url, hidden(text(look)))
    assert done["Location"] == f"/sources/{bllac.pk}/"
    mags = sorted(bllac.calibrators.exclude(name="BLLac-C").values_list("mag_R", flat=True))
    assert mags == [12.2, 12.4, 12.6, 12.8, 13.0]
    star = bllac.calibrators.get(mag_R=12.2)
    assert (star.mag_V, star.mag_V_err, star.srctype) == (12.6, 0.01, "star")
    assert star.ra == pytest.approx(330.680375 + 1 / 180, abs=1e-6)
    assert deeds().filter(what="source added").count() == 5
    # The next five, for these are known now; the faint, the bad and BLLac-C are left out.
    look = client.post(url, {**form, "count": "30"})
    assert "4 sources added" in text(look)


def test_field_stars_keep_motion_and_say_how_they_were_made(bllac):
    """Places are those of J2000: without its motion a star would not be found where it is."""
    from astropy.table import Table

    from polarnight.astrometry import import_stars
    from polarnight.config import get_settings
    from polarnight.photometry import to_johnson
    from polarnight.web.catalogue.field_stars import FieldQuery, find_field_stars

    mags = {"G": 13.0, "BP": 13.4, "RP": 12.4}
    star = {"ra": [330.70], "dec": [42.30], "pmra": [100.0], "pmdec": [-50.0]}
    errors = {f"e_{band}": [0.003] for band in mags}
    table = Table({**star, **{band: [mag] for band, mag in mags.items()}, **errors})
    import_stars(
        table, get_settings().data.stars, mags={band: band for band in mags},
        errors={band: f"e_{band}" for band in mags}, pmra="pmra", pmdec="pmdec", epoch=2016.0,
        name="gaia",
    )  # fmt: skip
    (entry,) = find_field_stars(bllac, FieldQuery())
    assert (entry.pm_ra, entry.pm_dec) == (100.0, -50.0)
    assert float(entry.name.split()[2]) == pytest.approx(42.30 + 16 * 0.050 / 3600, abs=1e-5)
    made, error, relation = to_johnson("R", mags, dict.fromkeys(mags, 0.003))
    assert (entry.mag_R, entry.mag_R_err) == pytest.approx((float(made), float(error)), abs=1e-4)
    assert entry.metadata["mag_R"] == f"made of {relation}"
    assert "gaia (" in relation


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"radius": "0"}, "radius is between"),
        ({"radius": "nan"}, "Enter a number"),
        ({"bright": "17", "faint": "16"}, "no star is fainter"),
        ({"count": "1000"}, "1 to 100 stars"),
        ({"largest_error": "-1"}, "makes no sense"),
        ({"faint": "11.99"}, "none has an R magnitude"),
    ],
)
def test_field_stars_that_make_no_sense(site, bllac, stars, change, told):
    form = {"radius": "12", "bright": "11", "faint": "16", "largest_error": "0.05", "count": "5"}
    answer = site.client("operator").post(f"/sources/{bllac.pk}/field-stars/", {**form, **change})
    assert answer.status_code == 422
    assert told in text(answer)


FORM = {"radius": "7", "bright": "11", "faint": "16", "largest_error": "0.05", "count": "5"}


def test_the_network_is_used_only_where_the_settings_say_so(site, bllac, stars, monkeypatch):
    asked = []

    def fetch(catalogue, *where, **more):
        asked.append(catalogue)
        msg = "Gaia DR3 (VizieR I/355/gaiadr3) does not answer (timeout)"
        raise ExternalService(msg)

    monkeypatch.setattr("polarnight.astrometry.fetch_stars", fetch)
    url = f"/sources/{bllac.pk}/field-stars/"
    client = site.client("operator")
    assert client.post(url, {**FORM, "online": "on"}).status_code == 200
    assert asked == []
    use_settings(load_settings(overrides={"datadir": site.root, "astrometry.online": True}))
    answer = client.post(url, {**FORM, "online": "on"})
    assert asked == ["gaia"]
    assert answer.status_code == 422
    assert "does not answer (timeout)" in text(answer)


def test_no_stars_on_disk(site, bllac):
    answer = site.client("operator").post(f"/sources/{bllac.pk}/field-stars/", FORM)
    assert answer.status_code == 422
    assert "polarnight stars import" in text(answer)
