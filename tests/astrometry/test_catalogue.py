"""Local catalogues: what goes in comes out, whatever the shape of the sky."""

import numpy as np
import pytest
from astropy.table import Table

from polarnight.astrometry import LocalCatalogue, MemoryCatalogue, Stars, import_stars
from polarnight.astrometry.geometry import separation
from polarnight.astrometry.stars.catalogue import ranking_magnitude
from polarnight.errors import ConfigError


@pytest.fixture(scope="module")
def all_sky():
    rng = np.random.default_rng(4)
    n = 20000
    dec = np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    dec[:50] = rng.uniform(88, 90, 50)
    return Table(
        {
            "ra": rng.uniform(0, 360, n),
            "dec": dec,
            "g": rng.uniform(8, 20, n),
            "ge": np.full(n, 0.1),
        }
    )


@pytest.fixture(scope="module")
def directory(all_sky, tmp_path_factory):
    path = tmp_path_factory.mktemp("stars")
    near = all_sky[separation(all_sky["ra"], all_sky["dec"], 10.0, 30.0) < 8.0]
    cap = all_sky[np.abs(all_sky["dec"]) > 85.0]
    seam = all_sky[separation(all_sky["ra"], all_sky["dec"], 0.0, 0.0) < 8.0]
    table = Table(np.concatenate([near.as_array(), cap.as_array(), seam.as_array()]))
    import_stars(table, path, mags={"g": "g"}, errors={"g": "ge"}, name="all")
    return path


@pytest.mark.parametrize(
    ("ra", "dec", "radius"),
    [
        (10, 30, 1.5),
        (10, 30, 0.3),
        (0.1, 0.2, 2.0),
        (359.9, -0.5, 1.0),
        (200, 89.5, 3.0),
        (5, -89, 2),
    ],
)
def test_cone_equals_brute_force(all_sky, directory, ra, dec, radius):
    stars = LocalCatalogue(directory).cone(ra, dec, radius)
    inside = separation(all_sky["ra"], all_sky["dec"], ra, dec) <= radius
    assert inside.sum() > 0
    assert len(stars) == inside.sum()
    np.testing.assert_array_equal(np.sort(stars.ra), np.sort(all_sky["ra"][inside]))
    np.testing.assert_array_equal(np.sort(stars.mags["g"]), np.sort(all_sky["g"][inside]))
    assert set(stars.mag_errs) == {"g"}


def test_empty_or_absent_directory_gives_no_stars(tmp_path):
    assert len(LocalCatalogue(tmp_path / "nowhere").cone(1, 2, 3)) == 0


def test_impossible_values_become_nan(tmp_path):
    table = Table(
        {"r": [1.0, 1.1, 1.2], "d": [2.0] * 3, "V": [12.0, 99.999, -99.0], "e": [0.1, 9.999, -1.0]}
    )
    assert import_stars(table, tmp_path, ra="r", dec="d", mags={"V": "V"}, errors={"V": "e"}) == 3
    stars = LocalCatalogue(tmp_path).cone(1.1, 2, 1)
    order = np.argsort(stars.ra)
    np.testing.assert_array_equal(stars.mags["V"][order], [12.0, np.nan, np.nan])
    np.testing.assert_array_equal(stars.mag_errs["V"][order], [0.1, np.nan, np.nan])


def test_import_of_the_same_name_replaces(tmp_path):
    one = Table({"ra": [1.0, 50.0], "dec": [2.0, 2.0], "V": [12.0, 13.0]})
    import_stars(one, tmp_path, mags={"V": "V"}, name="x")
    import_stars(one[:1], tmp_path, mags={"V": "V"}, name="x")
    catalogue = LocalCatalogue(tmp_path)
    assert len(catalogue.cone(1, 2, 1)) == 1
    assert len(catalogue.cone(50, 2, 1)) == 0
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_files_of_one_name_do_not_replace_each_other(tmp_path):
    stars = tmp_path / "stars"
    fields = []
    for ra in (10.0, 200.0):
        field = tmp_path / f"at{ra:.0f}" / "2024-04-08.stars.csv"
        field.parent.mkdir()
        Table({"ra": [ra], "dec": [20.0], "V": [12.0]}).write(field)
        fields.append(field)
    first, second = fields
    import_stars(first, stars, mags={"V": "V"})
    with pytest.raises(ConfigError, match="give this one another name") as error:
        import_stars(second, stars, mags={"V": "V"})
    assert str(first) in str(error.value)
    assert len(LocalCatalogue(stars).cone(10.0, 20.0, 1.0)) == 1
    import_stars(second, stars, mags={"V": "V"}, name="second field")
    assert len(LocalCatalogue(stars).cone(10.0, 20.0, 1.0)) == 1
    assert len(LocalCatalogue(stars).cone(200.0, 20.0, 1.0)) == 1
    assert import_stars(first, stars, mags={"V": "V"}) == 1  # the same file again


def test_failed_import_keeps_the_old_one(tmp_path, monkeypatch):
    import pyarrow.parquet as pq

    one = Table({"ra": [1.0], "dec": [2.0], "V": [12.0]})
    import_stars(one, tmp_path, mags={"V": "V"}, name="x")

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(OSError, match="No space"):
        import_stars(one, tmp_path, mags={"V": "V"}, name="x")
    assert len(LocalCatalogue(tmp_path).cone(1, 2, 1)) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_several_catalogues_are_one(tmp_path):
    one = Table({"ra": [10.0, 10.1], "dec": [2.0, 2.0], "V": [12.0, 13.0]})
    two = Table({"ra": [10.1 + 0.2 / 3600, 10.2], "dec": [2.0, 2.0], "R": [12.5, 14.0]})
    import_stars(one, tmp_path, mags={"V": "V"}, name="a")
    import_stars(two, tmp_path, mags={"R": "R"}, name="b")
    stars = LocalCatalogue(tmp_path).cone(10.1, 2.0, 1.0)
    order = np.argsort(stars.ra)
    np.testing.assert_array_equal(stars.ra[order], [10.0, 10.1, 10.2])
    np.testing.assert_array_equal(stars.mags["V"][order], [12.0, 13.0, np.nan])
    np.testing.assert_array_equal(stars.mags["R"][order], [np.nan, 12.5, 14.0])
    assert np.isfinite(stars.mag).all()


def test_proper_motion(tmp_path):
    table = Table({"ra": [10.0], "dec": [60.0], "V": [9.5], "pr": [-1000.0], "pd": [10000.0]})
    import_stars(table, tmp_path, mags={"V": "V"}, pmra="pr", pmdec="pd", epoch=2016.0)
    stars = LocalCatalogue(tmp_path).cone(10.0, 60.0, 0.2, jyear=2026.0)
    assert stars.dec[0] == pytest.approx(60.0 + 100.0 / 3600, abs=1e-9)
    assert stars.ra[0] == pytest.approx(10.0 - 10.0 / 3600 / np.cos(np.radians(60)), abs=1e-9)
    assert stars.epoch == 2026.0


@pytest.mark.parametrize("suffix", [".csv", ".ecsv", ".fits", ".parquet"])
def test_formats(tmp_path, suffix):
    path = tmp_path / f"table{suffix}"
    table = Table({"ra": [1.5, 1.6], "dec": [-2.0, -2.1], "V": [12.0, 13.5]})
    if suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table({c: np.asarray(table[c]) for c in table.colnames}), path)
    else:
        table.write(path)
    assert import_stars(path, tmp_path / "s", mags={"V": "V"}) == 2
    assert LocalCatalogue(tmp_path / "s").cone(1.5, -2.0, 0.5).mags["V"].max() == 13.5


def test_sexagesimal_positions(tmp_path):
    table = Table({"ra": ["07:38:24.0"], "dec": ["+21:34:27"], "V": [10.0]})
    import_stars(table, tmp_path, mags={"V": "V"})
    stars = LocalCatalogue(tmp_path).cone(114.6, 21.57, 0.1)
    assert (stars.ra[0], stars.dec[0]) == (pytest.approx(114.6), pytest.approx(21.574167))


def test_errors_name_what_is_wrong(tmp_path):
    table = Table({"RA": [1.0], "dec": [2.0], "V": ["bright"]})
    with pytest.raises(ConfigError, match=r"no column 'ra'.*RA, dec, V"):
        import_stars(table, tmp_path, mags={"V": "V"})
    with pytest.raises(ConfigError, match="'V' is not numeric"):
        import_stars(table, tmp_path, ra="RA", mags={"V": "V"})
    with pytest.raises(ConfigError, match="cannot be read"):
        import_stars(tmp_path / "absent.csv", tmp_path, mags={})
    with pytest.raises(ConfigError, match="beyond 90"):
        import_stars(Table({"ra": [1.0], "dec": [200.0]}), tmp_path, mags={})
    assert list(tmp_path.iterdir()) == []


def test_damaged_zone_is_named(tmp_path):
    import_stars(
        Table({"ra": [1.0], "dec": [2.0], "V": [3.0]}), tmp_path, mags={"V": "V"}, name="x"
    )
    (zone,) = (tmp_path / "x").glob("*.parquet")
    zone.write_bytes(b"not parquet")
    with pytest.raises(ConfigError, match="zone_092_000"):
        LocalCatalogue(tmp_path).cone(1.0, 2.0, 0.1)


def test_ranking_magnitude_bridges_bands():
    v = np.array([10.0, 11.0, 12.0, np.nan, np.nan])
    r = np.array([9.5, 10.5, np.nan, 12.5, np.nan])
    rank = ranking_magnitude({"V": v, "R": r}, 5)
    np.testing.assert_allclose(rank, [9.5, 10.5, 11.5, 12.5, np.nan])


def test_stars_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="same length"):
        Stars(np.zeros(2), np.zeros(2), np.zeros(3))


def test_memory_catalogue_selects():
    stars = Stars(np.array([1.0, 2.0]), np.zeros(2), np.array([5.0, 6.0]))
    assert MemoryCatalogue(stars).cone(1.0, 0.0, 0.5).mag.tolist() == [5.0]


def test_a_directory_that_is_no_catalogue_is_never_replaced(tmp_path):
    mine = tmp_path / "Documents"
    mine.mkdir()
    (mine / "thesis.tex").write_text("mine")
    (tmp_path / "link").symlink_to(mine)
    rows = Table({"ra": [1.0], "dec": [2.0], "R": [10.0]})
    for name in ("Documents", "link"):
        with pytest.raises(ConfigError, match="no star catalogue of ours"):
            import_stars(rows, tmp_path, mags={"R": "R"}, name=name)
    assert (mine / "thesis.tex").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Documents", "link"]


@pytest.mark.parametrize("text", ["{", "[]", '{"columns": 5}', '{"columns": ["ra", "dec"]}', "7"])
def test_a_manifest_that_is_none(tmp_path, text):
    rows = Table({"ra": [1.0], "dec": [2.0], "R": [10.0]})
    import_stars(rows, tmp_path, mags={"R": "R"}, name="a")
    (tmp_path / "a" / "catalogue.json").write_text(text)
    with pytest.raises(ConfigError, match=r"a/catalogue\.json: the star .* import it again"):
        LocalCatalogue(tmp_path).cone(1.0, 2.0, 0.1)


@pytest.mark.parametrize("ra", [1e300, -1e9, 361.0])
def test_right_ascensions_that_cannot_be(tmp_path, ra):
    rows = Table({"ra": [ra, np.inf], "dec": [2.0, 3.0], "R": [10.0, 11.0]})
    with pytest.raises(ConfigError, match="beyond 360 deg"):
        import_stars(rows, tmp_path, mags={"R": "R"}, name="a")


@pytest.mark.parametrize("suffix", [".fits", ".csv", ".parquet", ".xyz", ".vot"])
def test_a_table_that_is_none_is_one_line(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(bytes(range(256)) * 20)
    with pytest.raises(ConfigError, match=f"a{suffix}: the table cannot be read") as caught:
        import_stars(path, tmp_path / "stars", mags={"R": "R"})
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "stars").exists()
