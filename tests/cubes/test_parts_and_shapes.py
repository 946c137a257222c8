"""Parts, order and names of dimensions: the values are those of numpy, the sky stays in place."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st

from polarnight.cubes import Cube, Dimension, concat, merge
from polarnight.cubes.fits.writing import cube_header
from polarnight.cubes.recipes import rebuild
from polarnight.cubes.running.light import da
from polarnight.errors import CubeError


def again(cube):
    """Make a cube again from its recipe and those of all it comes from."""
    if not cube.inputs:
        return cube
    return rebuild(cube.recipe, [again(one) for one in cube.inputs])


def index(draw, size):
    """A slice, a list or a number, as `subset` takes it and as numpy does."""
    kind = draw(st.sampled_from(["slice", "list", "int", "negative"]))
    if kind == "slice":
        first = draw(st.integers(0, size - 1))
        return slice(first, draw(st.integers(first + 1, size + 3)), draw(st.integers(1, 3)))
    if kind == "negative":
        return slice(-draw(st.integers(1, size)), None)
    if kind == "int":
        return draw(st.integers(-size, size - 1))
    return draw(st.lists(st.integers(-size, size - 1), min_size=1, max_size=6))


@settings(max_examples=80, deadline=None)
@given(shape=st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple), draw=st.data())
def test_any_part(shape, draw):
    values = np.arange(np.prod(shape), dtype="i4").reshape(shape)
    chunks = tuple(draw.draw(st.integers(1, 4)) for _ in shape)
    bits = da.from_array(values.astype("u2"), chunks=chunks)
    coordinates = tuple(x * 10.0 for x in range(shape[0]))
    dims = [Dimension("a", shape[0], "double", coordinates), "b", "c"][: len(shape)]
    cube = Cube.from_array(da.from_array(values, chunks=chunks), dims, bits=bits)
    chosen = {name: index(draw.draw, size) for name, size in zip(cube.names, shape, strict=True)}
    part = cube.subset(**chosen)
    wanted, places = values, {}
    for axis, (name, one) in enumerate(chosen.items()):
        picked = [one] if isinstance(one, int) else one
        wanted = wanted[(slice(None),) * axis + (picked,)]
        places[name] = np.arange(shape[axis])[picked]
    np.testing.assert_array_equal(part.numpy(), wanted)
    np.testing.assert_array_equal(part.bits.compute(), wanted.astype("u2"))
    assert part.shape == wanted.shape
    np.testing.assert_array_equal(part.dim("a").coordinates, places["a"] * 10.0)
    if len(shape) > 1:
        np.testing.assert_array_equal(part.dim("b").coordinates, places["b"] + 1)
    remade = again(part)
    assert remade.key == part.key
    np.testing.assert_array_equal(remade.numpy(), wanted)


@pytest.mark.parametrize(
    ("chosen", "reason"),
    [({"x": 1}, "there is no dimension 'x'; there are NAXIS2, NAXIS1"),
     ({"NAXIS1": 4}, "there is no element 4"), ({"NAXIS1": [0, -5]}, "no element -5"),
     ({"NAXIS1": slice(3, 3)}, "nothing of its 4"), ({"NAXIS1": slice(None, None, -1)}, "step -1"),
     ({"NAXIS1": []}, "no position"), ({"NAXIS1": 1.5}, "1.5 is no position"),
     ({"NAXIS1": "all"}, "'all' is no position"),
     ({"NAXIS1": [True, False, True, True]}, "is no position")],
)  # fmt: skip
def test_parts_that_are_not_there(chosen, reason):
    with pytest.raises(CubeError, match=reason):
        Cube.from_array(np.zeros((3, 4))).subset(**chosen)


def test_names_are_found_whatever_their_case():
    cube = Cube.from_array(np.zeros((3, 4)))
    assert cube.subset(naxis1=slice(0, 2)).shape == (3, 2)
    two = Cube.from_array(np.zeros((3, 4)), ["x", "X"])
    assert two.subset(x=0).shape == (1, 4)


def header_with_sky(ndim=2):
    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CRPIX1"], header["CRPIX2"] = 20.5, 10.0
    header["CRVAL1"], header["CRVAL2"] = 209.05, 5.01
    header["CD1_1"], header["CD1_2"], header["CD2_1"], header["CD2_2"] = -7e-5, 1e-5, 1.2e-5, 7e-5
    if ndim == 3:
        header["CTYPE3"], header["CRPIX3"], header["CRVAL3"], header["CD3_3"] = (
            "WAVE",
            1,
            4e-7,
            1e-9,
        )
    return header


def sky(cube):
    return WCS(cube_header(cube), naxis=2)


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "sky.fits"
    fits.PrimaryHDU(np.arange(1200.0).reshape(30, 40), header_with_sky()).writeto(path)
    return Cube.open_fits(path)


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        (slice(4, 20), slice(7, 33)),
        (slice(4, 20, 3), slice(1, None, 2)),
        (slice(None), slice(9, 10)),
    ],
)
def test_the_sky_of_a_part(image, rows, columns):
    part = image.subset(NAXIS2=rows, NAXIS1=columns)
    y, x = np.arange(30)[rows], np.arange(40)[columns]
    whole = sky(image).all_pix2world(x[-1], y[-1], 0)
    np.testing.assert_allclose(
        sky(part).all_pix2world(len(x) - 1, len(y) - 1, 0), whole, rtol=1e-13
    )


def test_picked_positions_have_no_linear_sky(image):
    part = image.subset(NAXIS1=[1, 2, 5])
    assert part.wcs is None
    assert image.wcs is not None


def test_the_sky_of_a_transposed_image(image):
    turned = image.transpose("NAXIS1", "NAXIS2")
    np.testing.assert_array_equal(turned.numpy(), np.arange(1200.0).reshape(30, 40).T)
    header = cube_header(turned)
    assert (header["CTYPE1"], header["CTYPE2"]) == ("DEC--TAN", "RA---TAN")
    ra, dec = sky(image).all_pix2world(12.0, 3.0, 0)
    np.testing.assert_allclose(
        WCS(header, naxis=2).all_pix2world(3.0, 12.0, 0), (dec, ra), rtol=1e-13
    )


def test_the_sky_of_stacks(image):
    stack = merge([image, image], "t")
    assert stack.axes == (None, 2, 1)
    assert cube_header(stack)["CTYPE1"] == "RA---TAN"
    # One of the two axes of the sky is gone: there is none any more.
    assert "CTYPE1" not in cube_header(stack.reduce("median", "NAXIS2"))
    np.testing.assert_allclose(
        sky(stack.reduce("median", "t")).all_pix2world(1, 2, 0), sky(image).all_pix2world(1, 2, 0)
    )


def test_other_axes_may_go(tmp_path):
    path = tmp_path / "cube.fits"
    fits.PrimaryHDU(np.zeros((5, 30, 40), "f4"), header_with_sky(3)).writeto(path)
    cube = Cube.open_fits(path)
    flat = cube_header(cube.reduce("sum", "NAXIS3"))
    assert "CTYPE3" not in flat
    assert flat["CTYPE2"] == "DEC--TAN"
    moved = cube_header(cube.transpose("NAXIS2", "NAXIS1", "NAXIS3"))
    assert [moved[f"CTYPE{k}"] for k in (1, 2, 3)] == ["WAVE", "RA---TAN", "DEC--TAN"]
    assert (moved["CD1_1"], moved["CD2_3"], moved["CD3_2"]) == (1e-9, 1e-5, 1.2e-5)


def test_distorted_coordinates_do_not_move(tmp_path):
    header = header_with_sky()
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN-SIP", "DEC--TAN-SIP"
    header["A_ORDER"], header["B_ORDER"], header["A_2_0"] = 2, 2, 1e-6
    path = tmp_path / "sip.fits"
    fits.PrimaryHDU(np.zeros((30, 40)), header).writeto(path)
    cube = Cube.open_fits(path)
    assert cube.subset(NAXIS1=slice(3, 30)).metadata["A_2_0"] == 1e-6
    assert cube.subset(NAXIS1=slice(3, 30, 2)).wcs is None
    assert "A_ORDER" not in cube_header(cube.transpose())
    assert "CRPIX1" not in cube_header(cube.transpose())


def test_order_names_and_number_of_dimensions():
    values = np.arange(24).reshape(2, 3, 4)
    cube = Cube.from_array(values, ["z", "y", "x"], variance=values * 0.5, bits=values)
    turned = cube.transpose("x", "z", "y")
    np.testing.assert_array_equal(turned.numpy(), values.transpose(2, 0, 1))
    np.testing.assert_array_equal(turned.compute().bits.compute(), values.transpose(2, 0, 1))
    np.testing.assert_array_equal(cube.transpose().numpy(), values.T)
    renamed = cube.rename_dims({"z": "time"}, x="column")
    assert renamed.names == ("time", "y", "column")
    assert renamed.level == cube.level
    wider = cube.expand_dim("band", 1)
    assert (wider.names, wider.shape) == (("z", "band", "y", "x"), (2, 1, 3, 4))
    np.testing.assert_array_equal(wider.drop_dim("band").numpy(), values)
    assert cube.expand_dim("band", -1).names[-1] == "band"
    for made in (turned, renamed, wider, wider.drop_dim("band"), cube.with_unit("adu")):
        remade = again(made)
        assert (remade.key, remade.dims, remade.unit) == (made.key, made.dims, made.unit)
        np.testing.assert_array_equal(remade.numpy(), made.numpy())


@pytest.mark.parametrize(
    ("change", "reason"),
    [(lambda c: c.transpose("z", "y"), "give each of z, y, x once"),
     (lambda c: c.transpose("z", "y", "y"), "give each of"),
     (lambda c: c.rename_dims(z="y"), "two dimensions would have one name"),
     (lambda c: c.rename_dims(q="y"), "no dimension 'q'"),
     (lambda c: c.expand_dim("z"), "is there already"),
     (lambda c: c.expand_dim("w", 5), "no position 5"),
     (lambda c: c.drop_dim("z"), "has size 2"),
     (lambda c: merge([c], "z"), "is there already"),
     (lambda c: merge([]), "no cubes"),
     (lambda c: merge([c, c.subset(x=slice(0, 2))], "n"), "cube 2 .* is not like the first"),
     (lambda c: concat([c, c.subset(x=slice(0, 2))], "y"), "is not like the first"),
     (lambda c: concat([c], "w"), "no dimension 'w'"),
     (lambda c: merge([c.with_unit("adu"), c.with_unit("s")], "n"), "different units"),
     (lambda c: merge([c, c], "n", values=[1]), "given 1 values"),
     (lambda c: merge([c, c], "n", type="text"), "type 'text'")],
)  # fmt: skip
def test_shapes_that_are_impossible(change, reason):
    cube = Cube.from_array(np.zeros((2, 3, 4)), ["z", "y", "x"])
    with pytest.raises(CubeError, match=reason):
        change(cube)


@settings(max_examples=30, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(["u1", "i2", "u2", "i4", "f4", "f8"]), min_size=1, max_size=5),
    packed=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_stacks_of_files_are_stacks_of_arrays(tmp_path_factory, kinds, packed, seed):
    rng = np.random.default_rng(seed)
    folder = tmp_path_factory.mktemp("f")
    arrays, views = [], []
    for k, kind in enumerate(kinds):
        arrays.append(rng.integers(0, 250, (11, 6)).astype(kind))
        path = folder / (f"{k}.fits.gz" if packed and k % 2 else f"{k}.fits")
        fits.PrimaryHDU(arrays[-1]).writeto(path)
        views.append(Cube.open_fits(path))
    stack = merge(views)
    wanted = np.stack(arrays)
    assert stack.dtype == wanted.dtype
    np.testing.assert_array_equal(stack.numpy(), wanted)
    np.testing.assert_array_equal(stack.subset(z=slice(-2, None)).numpy(), wanted[-2:])
    part = merge([view.subset(NAXIS2=slice(2, 9), NAXIS1=slice(1, 5)) for view in views])
    np.testing.assert_array_equal(part.numpy(), wanted[:, 2:9, 1:5])
    # Parts from different places of their files.
    shifted = merge([view.subset(NAXIS2=slice(k, k + 4)) for k, view in enumerate(views)])
    np.testing.assert_array_equal(
        shifted.numpy(), np.stack([one[k : k + 4] for k, one in enumerate(arrays)])
    )
    long = concat(views, "NAXIS2")
    np.testing.assert_array_equal(long.numpy(), np.concatenate(arrays))
    assert again(long).key == long.key
    np.testing.assert_array_equal(again(stack).numpy(), wanted)


def test_blank_pixels_in_a_stack(tmp_path):
    paths = []
    for k in range(3):
        unit = fits.PrimaryHDU(np.arange(12, dtype="i2").reshape(3, 4) + k)
        unit.header["BLANK"] = 5
        paths.append(tmp_path / f"{k}.fits")
        unit.writeto(paths[-1])
    fits.PrimaryHDU(np.full((3, 4), 5, "i2")).writeto(tmp_path / "plain.fits")
    stack = merge([Cube.open_fits(p) for p in [*paths, tmp_path / "plain.fits"]]).compute()
    values, bits = stack.numpy(), stack.bits.compute()
    raw = np.stack([np.arange(12).reshape(3, 4) + k for k in range(3)])
    np.testing.assert_array_equal(np.isnan(values[:3]), raw == 5)
    np.testing.assert_array_equal(bits[:3] == 256, raw == 5)
    assert (values[3] == 5).all()
    assert (bits[3] == 0).all()


def test_a_stack_is_one_task_for_a_band(tmp_path):
    path = tmp_path / "a.fits"
    fits.PrimaryHDU(np.zeros((64, 8), "u2")).writeto(path)
    stack = merge([Cube.open_fits(path)] * 200)
    blocks = int(np.prod([len(sizes) for sizes in stack.chunks]))
    assert len(stack.chunks[0]) == 1
    assert len(dict(stack.data.__dask_graph__())) == blocks


def test_merging_mixed_planes():
    a = Cube.from_array(np.ones((2, 2), "f4"), variance=np.ones((2, 2), "f4"), unit="adu")
    b = Cube.from_array(np.ones((2, 2), "i4"), bits=np.full((2, 2), 4))
    both = merge([a, b], values=[1.5, 2.5], type="double")
    assert (both.dtype, both.has_variance, both.has_bits, both.unit) == (
        np.float64,
        False,
        True,
        "",
    )
    assert both.bits.compute().tolist() == [[[0, 0], [0, 0]], [[4, 4], [4, 4]]]
    assert both.dim("z").values == (1.5, 2.5)
    joined = concat([both, both.subset(z=0)], "z")
    assert joined.dim("z").values == (1.5, 2.5, 1.5)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(("", 3), "needs a name"), (("x", -1), "negative"), (("x", 3, "text"), "type 'text'"),
     (("x", 3, "int", (1, 2)), "size 3 was given 2")],
)  # fmt: skip
def test_impossible_dimensions(arguments, reason):
    with pytest.raises(CubeError, match=reason):
        Dimension(*arguments)


def test_dimensions_of_arrays():
    values = np.zeros((2, 3))
    with pytest.raises(CubeError, match="occurs twice"):
        Cube.from_array(values, ["x", "x"])
    with pytest.raises(CubeError, match="has size 4, its axis has 3"):
        Cube.from_array(values, ["y", Dimension("x", 4)])
    with pytest.raises(CubeError, match="needs integers or floats"):
        Cube.from_array(np.array([["a"]]))
    with pytest.raises(CubeError, match="the variance has shape"):
        Cube.from_array(values, variance=np.zeros((3, 2)))
    assert Dimension("x", 3, "short").coordinates.dtype == np.int16
    assert Dimension("x", 2, "double", [0.5, 1]) == Dimension("x", 2, "double", (0.5, 1.0))


def test_a_cube_does_not_change_with_the_array_it_was_made_of():
    values = np.zeros((2, 3))
    cube = Cube.from_array(values)
    key = cube.key
    values[:] = 7
    assert cube.numpy().sum() == 0
    assert Cube.from_array(np.zeros((2, 3))).key == key
    assert Cube.from_array(np.zeros((3, 2))).key != key
    assert Cube.from_array(np.zeros((2, 3)), unit="adu").key != key


TURN = np.deg2rad(30.0)
SCALES = {
    "CD": {"CD1_1": -8e-5, "CD1_2": 5e-5, "CD2_1": 5e-5, "CD2_2": 8e-5},
    "PC and CDELT": {
        "CDELT1": -1e-4, "CDELT2": 2e-4, "PC1_1": np.cos(TURN), "PC1_2": -np.sin(TURN),
        "PC2_1": np.sin(TURN), "PC2_2": np.cos(TURN),
    },
    "PC alone": {"PC1_1": -8e-5, "PC1_2": 5e-5, "PC2_1": 5e-5, "PC2_2": 8e-5},
    "PC in part": {"CDELT1": -1e-4, "CDELT2": 2e-4, "PC1_2": 0.3},
    "old PC": {
        "CDELT1": -1e-4, "CDELT2": 2e-4, "PC001001": 0.9, "PC001002": -0.4,
        "PC002001": 0.4, "PC002002": 0.9,
    },
    "CROTA": {"CDELT1": -1e-4, "CDELT2": 2e-4, "CROTA2": 30.0},
    "CDELT": {"CDELT1": -1e-4, "CDELT2": 2e-4},
    "nothing": {},
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:PC00:astropy.wcs.FITSFixedWarning")
@pytest.mark.parametrize("form", SCALES)
def test_larger_pixels_lie_where_they_did_however_the_scale_is_said(form):
    cards = {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 150.0, "CRVAL2": 30.0,
        "CRPIX1": 20.0, "CRPIX2": 15.0, **SCALES[form],
    }  # fmt: skip
    cube = Cube.from_array(np.zeros((30, 40), np.float32), metadata=cards)
    before = WCS(fits.Header(cards), naxis=2)
    sparse = cube.subset(NAXIS1=slice(5, 40, 3), NAXIS2=slice(3, 30, 2))
    after = WCS(cube_header(sparse), naxis=2)
    x, y = np.array([0.0, 4.0, 9.0]), np.array([0.0, 5.0, 7.0])
    np.testing.assert_allclose(
        after.all_pix2world(x, y, 0), before.all_pix2world(5 + 3 * x, 3 + 2 * y, 0), rtol=1e-10
    )
    one = WCS(cube_header(cube.block_reduce("mean", "NAXIS1", 4)), naxis=2)
    np.testing.assert_allclose(
        one.all_pix2world(x, y, 0), before.all_pix2world(1.5 + 4 * x, y, 0), rtol=1e-10
    )
    # Of an axis without coordinates nothing is said.
    deep = Cube.from_array(np.zeros((4, 30, 40), np.float32), metadata=cards)
    assert not any("3" in key for key in cube_header(deep.subset(NAXIS3=slice(0, 4, 2))))


def test_pixels_of_the_detector_follow_and_sections_of_the_old_image_go():
    cards = {"LTV1": -10.0, "LTV2": 4.0, "LTM2_2": 0.5, "TRIMSEC": "[3:8,1:6]", "EXPTIME": 1.0}
    cube = Cube.from_array(np.arange(48.0).reshape(6, 8), metadata=cards)
    # Detector pixel 13 is pixel 3, and the first of the part.
    part = cube.subset(NAXIS1=slice(2, 8)).metadata
    assert (part["LTV1"], part["LTV2"], part["LTM2_2"]) == (-12.0, 4.0, 0.5)
    assert "TRIMSEC" not in part
    assert "LTM1_1" not in part
    binned = cube.block_reduce("mean", "NAXIS1", 2).block_reduce("mean", "NAXIS2", 3).metadata
    # Detector pixels 11 and 12 are the first; their middle is 11.5.
    assert binned["LTM1_1"] * 11.5 + binned["LTV1"] == 1.0
    # Image row 2, the middle of the first three, is detector row -4.
    np.testing.assert_allclose(binned["LTM2_2"] * -4.0 + binned["LTV2"], 1.0)
    assert "TRIMSEC" not in binned
    picked = cube.subset(NAXIS1=[0, 1, 5]).metadata
    assert [card.key for card in picked] == ["EXPTIME"]
    assert "TRIMSEC" in (cube * 2).metadata
