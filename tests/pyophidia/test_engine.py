"""Cubes of PyOphidia on the engine itself: frames in, arrays and files out."""

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits

from PyOphidia import cube
from PyOphidia.calls import OphidiaWarning

Cube = cube.Cube
SHAPE = (6, 10)


@pytest.fixture
def frames(fresh_database):
    """Four frames of 10 columns and 6 rows in the repository, their pixels, and a client."""
    place = fresh_database.datadir / "raw" / "night"
    place.mkdir(parents=True)
    pixels = np.random.default_rng(3).integers(900, 1100, (4, *SHAPE)).astype(np.uint16)
    for number, one in enumerate(pixels):
        header = fits.Header({"EXPTIME": 10.0 * number, "FLT_ID": "OPEN", "BUNIT": "adu"})
        fits.writeto(place / f"f{number}.fits", one, header)
    Cube.setclient("anna", "", "", "")
    yield pixels
    Cube.client = None


def imported(**more):
    return Cube.importfits(
        src_path="[path=/night;file=*.fits]", measure="counts", exp_dim="NAXIS1",
        imp_dim="NAXIS2", container="night", **more,
    )  # fmt: skip


@pytest.fixture
def made(frames):
    with pytest.warns(OphidiaWarning, match="container night was made"):
        return imported()


def test_a_massive_import_gives_a_cube_for_each_file(frames, made):
    assert len(made) == 4
    for one, pixels in zip(made, frames, strict=True):
        assert one.to_cube().names == ("NAXIS2", "NAXIS1")
        np.testing.assert_array_equal(one.to_cube().numpy(), pixels)
    assert Cube.client.base_src_path.endswith("/raw")


def test_obsolete_arguments_are_warned_of(frames):
    with pytest.warns(OphidiaWarning) as caught:
        imported(ndbms=1, ndb=1)
    told = [str(warning.message) for warning in caught]
    assert any("no argument 'ndbms' any more" in text for text in told)
    assert all(text.count("ndbms") <= 1 for text in told)


def test_info_tells_the_truth(made, capsys):
    one = made[0]
    one.info()
    assert "Datacube Information" in capsys.readouterr().out
    assert (one.measure, one.level, one.nelements) == ("counts", "0", "60")
    assert [d["name"] for d in one.dim_info] == ["NAXIS1", "NAXIS2"]
    assert [d["size"] for d in one.dim_info] == ["10", "6"]
    assert [d["array"] for d in one.dim_info] == ["no", "yes"]
    rows = int(one.rowsxfrag) * int(one.fragxdb) * int(one.hostxcube)
    assert (rows, int(one.elementsxrow)) == (10, 6)
    assert one.source_file.endswith("f0.fits")


def test_statistics_and_arithmetic(frames, made):
    stack = Cube.mergecubes2(cubes=made, dim="z")
    middle = stack.reduce2(dim="z", operation="quantile", order=0.5)
    expected = np.median(frames.astype(float), axis=0).astype(np.float32)
    np.testing.assert_array_equal(middle.to_cube().numpy(), expected)
    less = made[1].intercube(cube2=middle, operation="sub")
    np.testing.assert_array_equal(less.to_cube().numpy(), frames[1] - expected)
    # And the other way to name two cubes.
    both = Cube(pid=made[1].pid).intercube(cubes=[made[1], middle.pid], operation="sub")
    np.testing.assert_array_equal(both.to_cube().numpy(), less.to_cube().numpy())


def test_arrays_of_one_and_of_two_implicit_axes(frames, made):
    one = made[2].export_array()
    assert [d["name"] for d in one["dimension"]] == ["NAXIS1", "NAXIS2"]
    np.testing.assert_array_equal(one["dimension"][0]["values"], np.arange(1, 11))
    assert one["measure"][0]["name"] == "counts"
    # A row for each explicit coordinate: NAXIS1 counts them.
    np.testing.assert_array_equal(one["measure"][0]["values"], frames[2].T)
    stack = Cube.mergecubes2(cubes=made, dim="z")
    two = stack.export_array(subset_dims="NAXIS1|z", subset_filter="2:4,9|1:2:4")
    assert [d["values"].tolist() for d in two["dimension"]] == [
        [2, 3, 4, 9], [1, 2, 3, 4, 5, 6], [1, 3],
    ]  # fmt: skip
    cut = frames[[0, 2]][:, :, [1, 2, 3, 8]]
    np.testing.assert_array_equal(two["measure"][0]["values"], cut.transpose(2, 1, 0))


@pytest.mark.parametrize(
    ("dims", "filters", "words"),
    [
        ("NAXIS1", "1:2|3", "give one each"),
        ("NAXIS1", "a:b", "none of a, a:b, a:step:b"),
        ("NAXIS1", "1:-1:5", "none of a, a:b, a:step:b"),
        ("NAXIS3", "1", "NAXIS3"),
        ("NAXIS1", "77", "NAXIS1"),
    ],
)
def test_parts_that_are_not_there(made, dims, filters, words):
    with pytest.raises(RuntimeError, match=words):
        made[0].export_array(subset_dims=dims, subset_filter=filters)


def test_other_packages(frames, made):
    data = made[3].to_dataset()
    assert next(iter(data.data_vars)) == "counts"
    np.testing.assert_array_equal(data["counts"].transpose("NAXIS2", "NAXIS1"), frames[3])
    table = made[3].to_dataframe()
    assert len(table) == 60
    assert table["counts"].sum() == frames[3].sum()
    ccd = made[3].to_ccddata()
    assert ccd.unit == u.adu
    assert ccd.header["EXPTIME"] == 30.0
    np.testing.assert_array_equal(ccd.data, frames[3])


def test_files_out_and_an_existing_one_only_with_force(frames, made, fresh_database):
    told = made[0].exportfits(output_path="/out", output_name="first")
    assert told["response"][-1]["objcontent"][0]["title"] == "SUCCESS"
    path = fresh_database.datadir / "raw" / "out" / "first.fits"
    with fits.open(path) as hdus:
        np.testing.assert_array_equal(hdus[0].data, frames[0])
        assert hdus[0].header["FLT_ID"] == "OPEN"
    before = path.read_bytes()
    with pytest.raises(RuntimeError, match="force"):
        made[1].exportfits(output_path="/out", output_name="first")
    assert path.read_bytes() == before
    made[1].exportfits(output_path="/out", output_name="first", force="yes")
    np.testing.assert_array_equal(fits.getdata(path), frames[1])


def test_errors_name_what_is_wrong(made):
    with pytest.raises(RuntimeError, match="oph_reduce2: operation=nothing is not known"):
        made[0].reduce2(operation="nothing")
    with pytest.raises(RuntimeError, match="q"):
        made[0].reduce2(operation="max", dim="q")
    gone = made[0]
    gone.delete()
    for method in (gone.info, gone.to_cube, gone.to_dataset, gone.export_array):
        with pytest.raises(RuntimeError, match="1"):
            method()
    assert str(gone) == repr(gone)


def test_the_session_is_taken_up_again(made, capsys):
    last = Cube.mergecubes2(cubes=made, dim="z")
    capsys.readouterr()
    before = Cube.client.session
    Cube.setclient("anna", "", "", "")
    assert Cube.client.session == before
    assert f"The last produced cube is {last.pid}" in capsys.readouterr().out
    Cube.setclient("berta", "", "", "")
    assert Cube.client.session != before
    assert Cube.client.cube == ""
    with pytest.raises(RuntimeError):
        Cube(pid=last.pid).info(display=False)


def test_what_only_the_climate_needs_is_one_line(made):
    for method in (Cube.importnc, Cube.explorenc, Cube.b2drop, made[0].exportnc2):
        with pytest.raises(RuntimeError) as told:
            method(src_path="/x.nc") if method is not made[0].exportnc2 else method()
        assert "\n" not in str(told.value)
        assert str(told.value).startswith("oph_")
