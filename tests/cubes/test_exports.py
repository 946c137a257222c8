"""Cubes as objects of others: xarray, CCDData, pandas, notebooks, recipes as text."""

import json
import struct
import zlib

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData

from polarnight.cubes import Card, Cube, Dimension, Metadata, Recipe, merge, rebuild
from polarnight.cubes.pictures import thumbnail
from polarnight.cubes.recipes import plain, revived
from polarnight.errors import CubeError
from polarnight.frames import Bit


@pytest.fixture
def cube():
    values = np.arange(24.0, dtype="f4").reshape(2, 3, 4)
    values[0, 0, 0] = np.nan
    bits = np.zeros(values.shape, "u2")
    bits[1, 2, 3] = int(Bit.SATURATED)
    bits[1, 2, 2] = int(Bit.NEAR_EDGE)
    return Cube.from_array(
        values,
        [Dimension("time", 2, "double", (0.5, 2.5)), "NAXIS2", "NAXIS1"],
        variance=values * 0.1,
        bits=bits,
        unit="adu",
        metadata=[Card("OBJECT", "M51"), Card("HISTORY", "x"), Card("EMPTY")],
        measure="counts",
    )


def test_xarray(cube):
    data = cube.to_xarray()
    assert set(data) == {"counts", "variance", "bits"}
    assert data["counts"].dims == ("time", "NAXIS2", "NAXIS1")
    assert data["time"].values.tolist() == [0.5, 2.5]
    assert data["NAXIS1"].values.tolist() == [1, 2, 3, 4]
    assert (data.attrs["units"], data.attrs["OBJECT"]) == ("adu", "M51")
    assert data["counts"].chunks is not None
    np.testing.assert_array_equal(data["counts"].values, cube.numpy())
    alone = cube.reduce("count", "time").apply(np.abs, name="x", parameters={}, bits="drop")
    assert type(alone.to_xarray()).__name__ == "DataArray"
    with pytest.raises(CubeError, match="bits is that of a plane"):
        cube.with_measure("bits").to_xarray()


def test_ccddata(tmp_path, cube):
    image = cube.subset(time=1).drop_dim("time")
    found = image.to_ccddata()
    assert isinstance(found, CCDData)
    assert found.unit == "adu"
    np.testing.assert_array_equal(found.data, np.arange(12, 24, dtype="f4").reshape(3, 4))
    assert found.mask.sum() == 1
    assert found.mask[2, 3]
    np.testing.assert_array_equal(found.uncertainty.array, found.data * np.float32(0.1))
    assert found.header["OBJECT"] == "M51"
    assert cube.to_ccddata().mask[0, 0, 0]
    assert found.wcs is None


def test_ccddata_has_the_sky(tmp_path):
    header = fits.Header([("CTYPE1", "RA---TAN"), ("CTYPE2", "DEC--TAN"), ("CRPIX1", 3.0),
                          ("CRPIX2", 2.0), ("CRVAL1", 10.0), ("CRVAL2", 20.0),
                          ("CDELT1", -1e-3), ("CDELT2", 1e-3)])  # fmt: skip
    path = tmp_path / "a.fits"
    fits.PrimaryHDU(np.zeros((8, 9), "f4"), header).writeto(path)
    found = Cube.open_fits(path).subset(NAXIS1=slice(2, 9), NAXIS2=slice(1, 8)).to_ccddata()
    np.testing.assert_allclose(found.wcs.all_pix2world(0, 0, 0), (10.0, 20.0))


def test_data_frames(cube):
    table = cube.to_dataframe()
    assert list(table.columns) == ["counts", "variance", "bits"]
    assert table.index.names == ["time", "NAXIS2", "NAXIS1"]
    assert table.loc[(2.5, 3, 4), "counts"] == 23.0
    assert table.loc[(2.5, 3, 4), "bits"] == int(Bit.SATURATED)


def test_what_a_notebook_shows(tmp_path, cube):
    text = cube.with_measure("<b>&").with_metadata(cube.metadata)._repr_html_()
    assert "&lt;b&gt;&amp;" in text
    assert "in memory" not in text.split("pixels")[0]
    assert "data:image/png" in cube._repr_html_()
    path = tmp_path / "a.fits"
    fits.PrimaryHDU(np.zeros((8, 9), "f4")).writeto(path)
    view = merge([Cube.open_fits(path)] * 2)
    path.unlink()
    shown = view._repr_html_()  # reads nothing: there is nothing to read any more
    assert "not computed yet" in shown
    assert "<img" not in shown


@pytest.mark.parametrize("image", [
    np.arange(1200.0).reshape(30, 40), np.full((500, 400), 7), np.full((3, 3), np.nan),
    np.array([[True, False]]),
])  # fmt: skip
def test_thumbnails_are_pictures(image):
    png = thumbnail(image)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at, found = 8, {}
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        name, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0] == zlib.crc32(
            name + body
        )
        found[name] = body
        at += 12 + length
    width, height = struct.unpack(">II", found[b"IHDR"][:8])
    assert max(width, height) <= 160
    assert len(zlib.decompress(found[b"IDAT"])) == height * (width + 1)


def test_the_first_row_is_at_the_bottom():
    image = np.zeros((4, 4))
    image[0] = 1
    idat = thumbnail(image).split(b"IDAT")[1].split(b"IEND")[0]
    lines = zlib.decompressobj().decompress(idat)
    assert lines == b"\0\0\0\0\0" * 3 + b"\0\xff\xff\xff\xff"


def test_metadata():
    cards = Metadata(
        [
            Card("OBS-TYPE", "FLAT", "kind"),
            Card("HISTORY", "one"),
            Card("HISTORY", "two"),
            Card("NAXIS1", 5),
            Card("units", "s", variable="time"),
        ]
    )
    assert (cards["obs_type"], cards.get("none"), cards.get("none", 3)) == ("FLAT", None, 3)
    assert "OBS_TYPE" in cards
    assert "BITPIX" not in cards
    assert Card("NAXIS1", 5) in cards
    assert [c.value for c in cards.select("hist*")] == ["one", "two"]
    assert [c.value for c in cards.select("units", "time")] == ["s"]
    assert cards.select("units", "") == []
    assert cards.satisfies("OBS_TYPE=F*", "NAXIS1>4")
    assert not cards.satisfies("OBS_TYPE=BIAS")
    changed = (
        cards.with_card("obs_type", "BIAS").with_card("HISTORY", "three").with_card("NEW", 1, "n")
    )
    assert changed.select("OBS-TYPE") == [Card("OBS-TYPE", "BIAS", "kind")]
    assert [c.value for c in changed.select("HISTORY")] == ["one", "two", "three"]
    assert changed[-1] == Card("NEW", 1, "n")
    assert len(cards) == 5
    assert [c.key for c in cards.without("H*")] == ["OBS-TYPE", "NAXIS1", "units"]
    assert "NAXIS1" not in cards.derived()
    assert cards[1:3] == Metadata([Card("HISTORY", "one"), Card("HISTORY", "two")])
    assert hash(Metadata(cards)) == hash(cards)
    with pytest.raises(KeyError, match="WHAT"):
        cards["WHAT"]


def test_headers_of_astropy_and_back():
    header = fits.Header([("OBJECT", "M51", "name"), ("EXPTIME", 1.5), ("HISTORY", "x")])
    header["HIERARCH ESO DET ID"] = 5
    cards = Metadata.from_header(header)
    assert cards.to_header() == header
    assert Metadata(cards) == cards


def test_recipes_are_text():
    recipe = Recipe(
        "subset", "1", plain({"a": slice(1, None), "b": np.float32(0.5), "c": (1, 2)}), ("k",)
    )
    again = Recipe.from_dict(json.loads(recipe.to_json()))
    assert again == recipe
    assert again.key == recipe.key
    assert len(recipe.key) == 64
    assert revived(again.parameters) == {"a": slice(1, None, None), "b": 0.5, "c": [1, 2]}
    assert Recipe("subset", "2", recipe.parameters, ("k",)).key != recipe.key
    assert str(revived(plain(float("-inf")))) == "-inf"
    with pytest.raises(CubeError, match="cannot be written down"):
        plain({"a": object()})


def test_recipes_nobody_knows():
    with pytest.raises(CubeError, match="no operation 'dance'"):
        rebuild(Recipe("dance"))
    with pytest.raises(CubeError, match="version 0 of subset"):
        rebuild(Recipe("subset", "0"))


def test_views_are_made_again_while_the_file_is_the_same(tmp_path):
    from polarnight.errors import BadFrame

    path = tmp_path / "a.fits"
    fits.PrimaryHDU(np.zeros((8, 9), "f4")).writeto(path)
    view = Cube.open_fits(path, dims=("y", "x"), measure="m")
    again = rebuild(Recipe.from_dict(view.recipe.to_dict()))
    assert (again.key, again.names, again.measure) == (view.key, ("y", "x"), "m")
    fits.PrimaryHDU(np.zeros((8, 8), "f4")).writeto(path, overwrite=True)
    with pytest.raises(BadFrame, match="has changed"):
        rebuild(view.recipe)
