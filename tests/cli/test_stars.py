"""Commands for star catalogues: list, remove, fetch with and without a service."""

from types import SimpleNamespace

import pytest

from polarnight.astrometry import Fetched
from polarnight.astrometry.stars import online
from polarnight.errors import ExternalService


@pytest.fixture
def table(tmp_path):
    """A small table of stars with g, r, i."""
    path = tmp_path / "field.csv"
    path.write_text("ra,dec,g,r,i\n10.0,20.0,15.0,14.5,14.3\n10.1,20.0,16.0,15.2,15.0\n")
    return path


BANDS = [word for band in "gri" for word in ("--mag", f"{band}={band}")]


def test_catalogues_are_listed_and_removed(archive, table):
    assert archive.run("stars", "list") == 0
    assert "no star catalogue" in archive.out
    assert archive.run("stars", "import", table, "--system", "ps1", *BANDS) == 0
    assert archive.run("stars", "list") == 0
    line = archive.out.splitlines()[1]
    assert line.split()[:6] == ["field", "2", "g_ps1", "r_ps1", "i_ps1", "ps1"]
    assert archive.run("stars", "remove", "fields") == 2
    assert "there are: field" in archive.err
    assert archive.run("stars", "remove", "field") == 0
    assert "field: 2 stars removed" in archive.out
    assert not (archive.root / "stars" / "field").exists()
    assert archive.run("stars", "remove", "field") == 2


def test_a_band_that_no_instrument_has_is_noted(archive, table):
    told = "no instrument is declared to have a band"
    for bands, unused in (
        (("R=r", "G=g"), ""),
        (("X=r",), "X"),
        (("r=r", "i_ps1=i", "V=g", "Z=g"), "r, Z"),
    ):
        columns = [word for pair in bands for word in ("--mag", pair)]
        assert archive.run("stars", "import", table, *columns) == 0
        assert (f"{told} {unused}:" in archive.err) if unused else (told not in archive.err)
    assert archive.run("stars", "import", table, "--system", "ps1", *BANDS) == 0
    assert told not in archive.err
    (archive.root / "instruments").mkdir()
    (archive.root / "instruments" / "own.yaml").write_text(
        "telescope: {name: Own, longitude: 1, latitude: 40, TELESCOP: [Own]}\n"
        "name: OwnCam\npixel_scale: 1.0\nsize: [400, 400]\ngain: 1.0\nread_noise: 5.0\n"
        "filters: {Lum: X}\n"
    )
    assert archive.run("stars", "import", table, "--mag", "X=r") == 0
    assert told not in archive.err


def test_a_system_that_has_no_such_band_is_refused(archive, table):
    assert archive.run("stars", "import", table, "--system", "gaia", *BANDS) == 2
    assert "--system gaia" in archive.err
    assert archive.run("stars", "import", table, "--system", "sloan", *BANDS) == 2
    assert "systems are johnson" in archive.err


@pytest.fixture
def service(monkeypatch):
    """Answer for the network: an error, or what was asked."""
    asked = []

    def fetch(catalogue, ra, dec, radius, directory, *, timeout, again=False):
        asked.append((catalogue, round(ra, 2), round(dec, 2), radius))
        if catalogue == "ps1":
            msg = "Pan-STARRS1 does not answer"
            raise ExternalService(msg)
        return Fetched(f"{catalogue}_field", 42, new=not again)

    monkeypatch.setattr("polarnight.pipeline.star_fields.fetch_stars", fetch)
    return asked


def test_fields_are_fetched_by_place_source_and_night(reduced, service):
    assert reduced.run("stars", "fetch", "--ra", "10", "--dec", "-5", "--catalogue", "sdss") == 0
    assert "sdss_field: 42 stars, fetched" in reduced.out
    assert reduced.run("stars", "fetch", "--source", "BL Lac", "--radius", "0.1") == 0
    assert reduced.run("stars", "fetch", "--night", "T090/220918") == 0
    assert service[0] == ("sdss", 10.0, -5.0, 0.3)
    assert service[1] == ("gaia", 330.68, 42.28, 0.1)
    # One field for all frames of the night: half the diagonal and a margin.
    assert len(service) == 3
    assert service[2][1:3] == pytest.approx((330.68, 42.28), abs=0.02)
    assert 0.12 < service[2][3] < 0.2


def test_a_silent_service_is_one_line(archive, service):
    assert archive.run("stars", "fetch", "--ra", "1", "--dec", "1", "--catalogue", "ps1") == 2
    assert archive.err.strip().splitlines() == ["polarnight: Pan-STARRS1 does not answer"]


@pytest.mark.parametrize(
    "words",
    [(), ("--ra", "1"), ("--ra", "1", "--dec", "1", "--source", "x"), ("--night", "T090/990101")],
)
def test_fetch_says_what_it_needs(archive, words):
    assert archive.run("stars", "fetch", *words) == 2
    assert archive.err


def test_runs_ask_no_network_unless_told_to(reduced, service):
    assert reduced.run("run", "--all-local", "--force", "--only", "reduce") == 0
    assert service == []
    online = ("-o", "astrometry.online=true")
    assert reduced.run(*online, "run", "--all-local", "--force", "--only", "reduce") == 0
    assert [entry[0] for entry in service] == ["gaia"]
    ps1 = (*online, "-o", "astrometry.online_catalogue=ps1")
    assert reduced.run(*ps1, "run", "--all-local", "--force", "--only", "reduce") == 0
    assert "Pan-STARRS1 does not answer" in reduced.out


def test_what_covers_a_field_is_not_fetched_by_a_run(monkeypatch):
    from polarnight.pipeline import star_fields

    field = star_fields.Field(10.0, 20.0, 0.2)
    monkeypatch.setattr(star_fields, "_fields", lambda epochs, radius: [field])
    monkeypatch.setattr(star_fields, "covering", lambda *where: "gaia_10")
    monkeypatch.setattr(star_fields, "fetch_stars", lambda *a, **k: pytest.fail("asked"))
    settings = SimpleNamespace(online=True, online_catalogue="gaia", online_timeout=1.0)
    context = SimpleNamespace(
        settings=SimpleNamespace(astrometry=settings, data=SimpleNamespace(stars="x")),
        options=SimpleNamespace(dry_run=False),
    )
    star_fields.fetch_missing(context, [])
    assert set(online.ONLINE) == {"gaia", "apass", "ps1", "sdss"}


def test_a_field_without_stars_keeps_nobody_from_the_next(monkeypatch):
    from polarnight.astrometry import Fetched, NoStars
    from polarnight.pipeline import star_fields

    fields = [star_fields.Field(10.0, dec, 0.2) for dec in (-80.0, 20.0)]
    asked = []

    def fetch(catalogue, ra, dec, *rest, **options):
        asked.append(dec)
        if dec < -30.0:
            raise NoStars("Pan-STARRS1 has no star there")
        return Fetched("ps1_field", 7, new=True)

    monkeypatch.setattr(star_fields, "_fields", lambda epochs, radius: fields)
    monkeypatch.setattr(star_fields, "covering", lambda *where: None)
    monkeypatch.setattr(star_fields, "fetch_stars", fetch)
    told = []
    settings = SimpleNamespace(online=True, online_catalogue="ps1", online_timeout=1.0)
    context = SimpleNamespace(
        settings=SimpleNamespace(astrometry=settings, data=SimpleNamespace(stars="x")),
        options=SimpleNamespace(dry_run=False),
        warn=lambda *words: told.append(words[-1]),
    )
    star_fields.fetch_missing(context, [])
    assert asked == [-80.0, 20.0]
    assert told == ["Pan-STARRS1 has no star there"]
    found = star_fields.fetch_fields(fields, "ps1", "x", 1.0)
    assert next(found).stars == 7
    with pytest.raises(NoStars, match="no star there"):
        next(found)
