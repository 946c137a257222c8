"""Star catalogues over the network: answers as VizieR gives them, and services that fail."""

import io
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table

from polarnight.astrometry import ONLINE, LocalCatalogue, covering, fetch_stars
from polarnight.errors import ConfigError, ExternalService

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from astroquery.vizier import VizierClass

RA, DEC, RADIUS = 330.68, 42.278, 0.2


def votable(table, name):
    """Return a table as VizieR sends it."""
    from astropy.io.votable import from_table

    tree = from_table(table)
    tree.resources[0].tables[0].name = name
    buffer = io.BytesIO()
    tree.to_xml(buffer)
    return buffer.getvalue()


@pytest.fixture
def vizier(monkeypatch):
    """Answer requests to VizieR with a table; keep what was asked."""
    asked = []

    def answer(table, name="x"):
        def request(self, *args, **kwargs):
            asked.append({**kwargs, "timeout": self.TIMEOUT})
            return SimpleNamespace(content=votable(table, name), status_code=200)

        monkeypatch.setattr(VizierClass, "_request", request)
        return asked

    return answer


def gaia_table():
    """Five stars: good, moving, blended, saturated, without BP and RP."""
    n = 5
    table = Table(
        {
            "RA_ICRS": RA + np.linspace(-0.1, 0.1, n),
            "DE_ICRS": np.full(n, DEC),
            "pmRA": MaskedColumn([1.0, 1000.0, 2.0, 3.0, 0.0], mask=[0, 0, 0, 0, 1]),
            "pmDE": MaskedColumn([1.0, -500.0, 2.0, 3.0, 0.0], mask=[0, 0, 0, 0, 1]),
            "Gmag": [14.0, 15.0, 16.0, 3.5, 20.5],
            "e_Gmag": np.full(n, 0.003),
            "BPmag": MaskedColumn([14.4, 15.5, 16.4, 3.8, 0.0], mask=[0, 0, 0, 0, 1]),
            "e_BPmag": np.full(n, 0.005),
            "RPmag": MaskedColumn([13.4, 14.4, 15.4, 3.1, 0.0], mask=[0, 0, 0, 0, 1]),
            "e_RPmag": np.full(n, 0.005),
            "E(BP/RP)": [1.22, 1.23, 2.0, 1.2, 1.5],
        }
    )
    return table


def test_gaia_comes_with_motions_limits_and_without_blends(tmp_path, vizier):
    asked = vizier(gaia_table(), "I/355/gaiadr3")
    found = fetch_stars("gaia", RA, DEC, RADIUS, tmp_path, timeout=7.0)
    assert (found.stars, found.new) == (5, True)
    assert asked[0]["timeout"] == 7.0
    sent = str(asked[0])
    assert "I/355/gaiadr3" in sent
    assert "E(BP/RP)" in sent
    stars = LocalCatalogue(tmp_path).cone(RA, DEC, 0.5, 2016.0)
    order = np.argsort(stars.ra)
    colour = (stars.mags["BP"] - stars.mags["RP"])[order]
    assert colour[:2] == pytest.approx([1.0, 1.1])
    assert np.isnan(colour[2:]).all()  # blended, saturated, not measured
    assert np.isnan(stars.mags["G"][order][[2, 3]]).all()
    # Bright stars still lead the list of the plate solver.
    assert np.argmin(stars.mag[order]) == 3
    assert np.isfinite(stars.mag).all()
    moved = LocalCatalogue(tmp_path).cone(RA, DEC, 0.5, 2026.0)
    step = (moved.dec - stars.dec)[order] * 3600
    assert step[1] == pytest.approx(-5.0, abs=1e-6)
    assert step[4] == pytest.approx(0.0, abs=1e-9)


def test_what_is_on_disk_is_not_asked_for_again(tmp_path, vizier):
    asked = vizier(gaia_table())
    fetch_stars("gaia", RA, DEC, RADIUS, tmp_path)
    again = fetch_stars("gaia", RA + 0.02, DEC, 0.1, tmp_path)
    assert not again.new
    assert len(asked) == 1
    assert covering(tmp_path, "gaia", RA, DEC, 0.3) is None  # larger than what is there
    assert covering(tmp_path, "ps1", RA, DEC, 0.1) is None
    fetch_stars("gaia", RA, DEC, RADIUS, tmp_path, again=True)
    assert len(asked) == 2
    assert len(LocalCatalogue(tmp_path).manifests) == 1


def test_pan_starrs_without_galaxies_and_saturated_stars(tmp_path, vizier):
    table = Table({"RAJ2000": RA + np.arange(4) * 0.01, "DEJ2000": np.full(4, DEC)})
    for band in "grizy":
        table[f"{band}mag"] = [16.0, 17.0, 13.0, 18.0]
        table[f"e_{band}mag"] = np.full(4, 0.01)
    table["iKmag"] = [16.02, 16.5, 13.0, np.nan]
    vizier(table)
    assert fetch_stars("ps1", RA, DEC, RADIUS, tmp_path).stars == 3
    stars = LocalCatalogue(tmp_path).cone(RA, DEC, 0.5)
    assert set(stars.mags) == {*(f"{b}_ps1" for b in "grizy"), "rough"}
    assert np.sort(stars.mags["r_ps1"]).tolist()[:2] == [16.0, 18.0]  # NaN comes last
    assert np.isnan(stars.mags["r_ps1"]).sum() == 1
    assert sorted(stars.mags["rough"]) == [13.0, 16.0, 18.0]


@pytest.mark.parametrize("spelling", ["g'mag", "g_mag"])
def test_apass_has_johnson_and_sloan_bands(tmp_path, vizier, spelling):
    prime = spelling[1]
    table = Table({"RAJ2000": [RA, RA + 0.01], "DEJ2000": [DEC, DEC]})
    for column in ("Bmag", "Vmag", f"g{prime}mag", f"r{prime}mag", f"i{prime}mag"):
        table[column] = [14.0, 9.0]
        table[f"e_{column}"] = [0.02, 0.02]
    vizier(table)
    fetch_stars("apass", RA, DEC, RADIUS, tmp_path)
    stars = LocalCatalogue(tmp_path).cone(RA, DEC, 0.5)
    assert set(stars.mags) == {"B", "V", "g_apass", "r_apass", "i_apass", "rough"}
    assert np.isfinite(stars.mags["V"]).tolist() == [True, False]


def test_sdss_keeps_primary_stars(tmp_path, vizier):
    table = Table({"RA_ICRS": RA + np.arange(3) * 0.01, "DE_ICRS": np.full(3, DEC)})
    for band in "ugriz":
        table[f"{band}pmag"] = [17.0, 17.0, 17.0]
        table[f"e_{band}pmag"] = [0.02] * 3
    table["class"], table["mode"] = [6, 3, 6], [1, 1, 2]
    vizier(table)
    assert fetch_stars("sdss", RA, DEC, RADIUS, tmp_path).stars == 1


@pytest.mark.parametrize(
    "fault", [OSError("Name or service not known"), TimeoutError("read timed out"), ValueError()]
)
def test_a_service_that_fails_is_told_in_one_line(tmp_path, monkeypatch, fault):
    def request(self, *args, **kwargs):
        raise fault

    monkeypatch.setattr(VizierClass, "_request", request)
    with pytest.raises(ExternalService) as told:
        fetch_stars("gaia", RA, DEC, RADIUS, tmp_path)
    text = str(told.value)
    assert "\n" not in text
    assert text.startswith("Gaia DR3 (VizieR I/355/gaiadr3) does not answer")
    assert "stars import" in text
    assert not any(tmp_path.iterdir())


def test_nonsense_and_emptiness_are_no_catalogue(tmp_path, vizier):
    vizier(gaia_table()[["RA_ICRS", "DE_ICRS", "Gmag"]])
    with pytest.raises(ExternalService, match="no column"):
        fetch_stars("gaia", RA, DEC, RADIUS, tmp_path)
    vizier(gaia_table()[:0])
    with pytest.raises(ExternalService, match="no star within"):
        fetch_stars("gaia", RA, DEC, RADIUS, tmp_path)
    assert LocalCatalogue(tmp_path).manifests == {}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("usno", RA, DEC, 0.1), "no online catalogue"),
        (("gaia", -1.0, DEC, 0.1), "no field of the sky"),
        (("gaia", RA, 91.0, 0.1), "no field of the sky"),
        (("gaia", RA, DEC, 30.0), "no field of the sky"),
        (("gaia", RA, float("nan"), 0.1), "no field of the sky"),
    ],
)
def test_wrong_use(tmp_path, arguments, told):
    with pytest.raises(ConfigError, match=told):
        fetch_stars(*arguments, tmp_path)


def test_every_catalogue_names_bands_of_its_system():
    for catalogue in ONLINE.values():
        assert set(catalogue.limits) <= set(catalogue.bands)
        assert catalogue.ranking in catalogue.bands
        assert len(catalogue.columns) == len(set(catalogue.columns))


def test_stars_of_another_field_do_not_pass_for_this_one(tmp_path, vizier):
    table = gaia_table()
    table["RA_ICRS"], table["DE_ICRS"] = 10.0, -80.0
    vizier(table)
    with pytest.raises(ExternalService, match=r"of which 5 lie outside the 0\.2 deg"):
        fetch_stars("gaia", RA, DEC, RADIUS, tmp_path)
    assert covering(tmp_path, "gaia", RA, DEC, RADIUS) is None


@pytest.mark.parametrize("place", [np.nan, np.inf, 1e9])
def test_stars_that_are_nowhere(tmp_path, vizier, place):
    table = gaia_table()
    table["DE_ICRS"] = place
    vizier(table)
    with pytest.raises(ExternalService, match="or nowhere; nothing was kept"):
        fetch_stars("gaia", RA, DEC, RADIUS, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_columns_of_words_are_no_magnitudes(tmp_path, vizier):
    table = gaia_table()
    table["Gmag"] = ["bright"] * 5
    vizier(table)
    with pytest.raises(ExternalService, match="'Gmag' that holds no numbers"):
        fetch_stars("gaia", RA, DEC, RADIUS, tmp_path)


@pytest.mark.parametrize("motion", [1e30, np.inf, -np.inf, np.nan, -1e5])
def test_motions_that_cannot_be_count_as_none(tmp_path, vizier, motion):
    table = gaia_table()
    table["pmRA"], table["pmDE"] = motion, motion
    vizier(table)
    fetch_stars("gaia", RA, DEC, RADIUS, tmp_path)
    stars = LocalCatalogue(tmp_path).cone(RA, DEC, 0.5, 2050.0)
    assert len(stars.ra) == 5
    assert stars.dec == pytest.approx(DEC, abs=1e-9)
