"""What the literature says: the truth with the errors it quotes, in files to import."""

from dataclasses import replace

import numpy as np
import pytest
import yaml
from astropy.coordinates import SkyCoord
from astropy.table import Table

from polarnight.simulation import (
    NightSimulator,
    Sky,
    field_catalogue,
    make_options,
    sources,
    write_catalogues,
)


@pytest.fixture(scope="module")
def sky():
    options = make_options("AndorT90", "demo", {})
    return NightSimulator("AndorT90", "2022-09-18", 1, options).sky


def test_literature_deviates_by_its_errors(sky):
    pulls = np.concatenate(
        [(sky.catalogue_mags[b] - sky.mags[b]) / sky.catalogue_errors[b] for b in sky.mags]
    )
    n = len(pulls)
    assert n > 2000
    assert abs(pulls.mean()) < 4 / np.sqrt(n)
    assert abs(pulls.std() - 1.0) < 4 / np.sqrt(2 * n)


def test_exact_literature_on_request():
    options = make_options("AndorT90", "demo", {"size": 256, "catalogue_scatter": False})
    sky = NightSimulator("AndorT90", "2022-09-18", 1, options).sky
    np.testing.assert_array_equal(sky.catalogue_mags["R"], sky.mags["R"])
    assert (sky.catalogue_errors["R"] > 0).all()


def test_field_catalogue_columns(sky):
    table = field_catalogue(sky)
    assert {"name", "ra", "dec", "mag_R", "mag_R_err"} <= set(table.colnames)
    assert len(table) == len(sky)
    varying = sky.replace(amplitude=np.where(sky.role == "target", 0.1, 0.0))
    assert len(field_catalogue(varying)) == len(sky) - 1


def test_sources_know_their_calibrators_but_not_the_answer(sky):
    records = sources(sky)
    targets = [r for r in records if "calibrates" not in r]
    calibrators = [r for r in records if "calibrates" in r]
    assert [t["name"] for t in targets] == ["2200+420"]
    assert "BLLac" in targets[0]["other_names"]
    assert not {"mag_R", "p", "chi"} & set(targets[0])
    assert len(calibrators) == 8
    assert all(c["calibrates"] == ["2200+420"] and c["mag_R_err"] == 0.005 for c in calibrators)
    where = SkyCoord(records[3]["ra_hms"], records[3]["dec_dms"], unit=("hourangle", "deg"))
    i = list(sky.name).index(records[3]["name"])
    assert where.separation(SkyCoord(sky.ra[i], sky.dec[i], unit="deg")).arcsec < 0.005


def test_files_read_back(sky, tmp_path):
    stars, records = write_catalogues(sky, tmp_path / "new", "bllac")
    assert yaml.safe_load(records.read_text()) == sources(sky)
    table = Table.read(stars, format="ascii.csv")
    np.testing.assert_allclose(table["ra"], sky.ra, atol=1e-7)


def test_variation_is_sinusoidal(sky):
    varying = sky.replace(
        amplitude=np.full(len(sky), 0.3), period=np.full(len(sky), 2.0), epoch=100.0
    )
    np.testing.assert_allclose(varying.mag("R", 100.5) - sky.mags["R"], 0.3)
    np.testing.assert_allclose(varying.mag("R", 101.0) - sky.mags["R"], 0.0, atol=1e-12)
    np.testing.assert_allclose(sky.mag("R", 100.5), sky.mags["R"])


def test_unequal_columns_are_refused(sky):
    with pytest.raises(ValueError, match="column q has 1 rows, ra has 2"):
        Sky.from_columns(
            name=np.array(["a", "b"]), ra=np.zeros(2), dec=np.zeros(2),
            mags={"R": np.zeros(2)}, q=np.zeros(1),
        )  # fmt: skip


def test_calibrators_stand_alone(sky):
    for i in np.flatnonzero(sky.role != "star"):
        d = np.hypot((sky.ra - sky.ra[i]) * np.cos(np.deg2rad(sky.dec[i])), sky.dec - sky.dec[i])
        d[i] = np.inf
        assert d.min() * 3600 > 24.0


def test_sources_have_the_bands_that_there_are_columns_of(sky):
    other = replace(
        sky,
        mags={**sky.mags, "g_sdss": sky.mags["V"]},
        catalogue_mags={**sky.catalogue_mags, "g_sdss": sky.catalogue_mags["V"]},
        catalogue_errors={**sky.catalogue_errors, "g_sdss": sky.catalogue_errors["V"]},
    )
    assert "mag_g_sdss" in field_catalogue(other).colnames
    assert sources(other) == sources(sky)
