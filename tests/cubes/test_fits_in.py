"""Views of FITS images: what is read is what was written, to the bit, and only when asked for."""

import bz2
import gzip
import os
import pickle
import sys
import warnings

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from polarnight.cubes import Cube, list_hdus, merge
from polarnight.cubes.running.memory import limit
from polarnight.errors import BadFrame, CubeError
from polarnight.frames import Bit, Frame, write_frame

TYPES = ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]


def filled(rng, shape, dtype):
    """Random numbers over the whole range of a type, with its limits and NaN."""
    kind = np.dtype(dtype)
    if kind.kind == "f":
        values = (rng.normal(size=shape) * 1e3).astype(kind)
        values.flat[::7] = np.nan
        return values
    limits = np.iinfo(kind)
    values = rng.integers(limits.min, limits.max, shape, dtype=kind, endpoint=True)
    values.flat[0], values.flat[-1] = limits.min, limits.max
    return values


def stored(path, values, *, hdu=fits.PrimaryHDU, **cards):
    """Write stored integers with BSCALE, BZERO and BLANK as they are."""
    unit = hdu(values)
    unit.writeto(path, overwrite=True)
    with fits.open(path, do_not_scale_image_data=True) as hdus:
        hdus[0].header.update(cards)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            hdus.writeto(path, overwrite=True, output_verify="ignore")
    return path


@settings(max_examples=40, deadline=None)
@given(
    dtype=st.sampled_from(TYPES),
    shape=st.lists(st.integers(1, 7), min_size=1, max_size=4).map(tuple),
    seed=st.integers(0, 2**32),
    part=st.data(),
)
def test_any_part_of_any_image(tmp_path_factory, dtype, shape, seed, part):
    values = filled(np.random.default_rng(seed), shape, dtype)
    path = tmp_path_factory.mktemp("f") / "a.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(values, name="X")]).writeto(path)
    cube = Cube.open_fits(path)
    assert cube.shape == shape
    assert cube.dtype == np.dtype(dtype)
    assert cube.names == tuple(f"NAXIS{n}" for n in range(len(shape), 0, -1))
    np.testing.assert_array_equal(cube.numpy(), values)
    cuts = {}
    for name, size in zip(cube.names, shape, strict=True):
        first = part.draw(st.integers(0, size - 1))
        cuts[name] = slice(
            first, part.draw(st.integers(first + 1, size)), part.draw(st.integers(1, 3))
        )
    np.testing.assert_array_equal(cube.subset(**cuts).numpy(), values[tuple(cuts.values())])
    # Blocks of few rows are the same pixels.
    with limit("1 MiB"):
        small = Cube.open_fits(path, subset=cuts).data.rechunk(2)
    np.testing.assert_array_equal(small.compute(scheduler="sync"), values[tuple(cuts.values())])


@settings(max_examples=40, deadline=None)
@given(
    dtype=st.sampled_from(["u1", "i2", "i4", "i8"]),
    scale=st.sampled_from([1.0, 0.1, -2.0, 1e-3]),
    zero=st.sampled_from([0.0, 32768.0, 2.0**31, 2.0**63, -128.0, 10.5, -1e6]),
    blank=st.sampled_from([None, 0, 7, -32768, 40000, 3.5]),
    seed=st.integers(0, 2**32),
)
def test_scaled_and_blank_pixels(tmp_path_factory, dtype, scale, zero, blank, seed):
    rng = np.random.default_rng(seed)
    raw = filled(rng, (5, 6), dtype)
    raw.flat[3:6] = 7
    cards = {"BSCALE": scale, "BZERO": int(zero) if zero == int(zero) else zero}
    if blank is not None:
        cards["BLANK"] = blank
    path = stored(tmp_path_factory.mktemp("f") / "a.fits", raw, **cards)
    cube = Cube.open_fits(path).compute()
    data = cube.data.compute()
    limits = np.iinfo(raw.dtype)
    blanked = isinstance(blank, int) and limits.min <= blank <= limits.max
    where = raw == blank if blanked else np.zeros(raw.shape, bool)
    whole = {
        ("u1", -128.0): "i1",
        ("i2", 32768.0): "u2",
        ("i4", 2.0**31): "u4",
        ("i8", 2.0**63): "u8",
    }
    integer = dtype if zero == 0 else whole.get((dtype, zero))
    if scale == 1.0 and integer:
        # Python's integers are the reference: they have no limits.
        wanted = np.array([int(v) + int(zero) for v in raw.flat], object).reshape(raw.shape)
        kind = np.dtype(integer)
        if blanked:
            kind = np.dtype("f4" if raw.itemsize <= 2 else "f8")
        wanted = wanted.astype(kind)
    else:
        kind = np.dtype("f4" if raw.itemsize <= 2 else "f8")
        wanted = (raw.astype("f8") * scale + zero).astype(kind)
    if blanked:
        wanted[where] = np.nan
        bits = cube.bits.compute()
        np.testing.assert_array_equal(bits, np.where(where, int(Bit.NO_DATA), 0))
        assert bits.dtype == np.uint16
    else:
        assert cube.bits is None
    assert data.dtype == kind
    np.testing.assert_array_equal(data, wanted)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_scaled_floats_are_rounded_once(tmp_path, rng, dtype):
    raw = filled(rng, (4, 5), dtype)
    path = stored(tmp_path / "a.fits", raw, BSCALE=0.1, BZERO=3.7)
    wanted = (raw.astype("f8") * 0.1 + 3.7).astype(dtype)
    found = Cube.open_fits(path)
    assert found.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(found.numpy(), wanted)


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.mark.parametrize("packer", [gzip, bz2])
@pytest.mark.parametrize("dtype", ["u2", "f4"])
def test_compressed_files(tmp_path, rng, packer, dtype):
    values = filled(rng, (2, 9, 8), dtype)
    plain = tmp_path / "a.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(values, name="X")]).writeto(plain)
    packed = tmp_path / f"a.fits.{packer.__name__}"
    packed.write_bytes(packer.compress(plain.read_bytes()))
    cube = Cube.open_fits(packed, "x")
    np.testing.assert_array_equal(cube.numpy(), values)
    np.testing.assert_array_equal(cube.subset(NAXIS2=slice(2, 5)).numpy(), values[:, 2:5])
    assert list_hdus(packed) == [(1, "X", (2, 9, 8), np.dtype(dtype).name)]


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "f4"])
def test_compressed_tiles(tmp_path, rng, dtype):
    values = rng.integers(0, 200, (40, 30)).astype(dtype)
    path = tmp_path / "a.fits.fz"
    unit = fits.CompImageHDU(values, name="T", compression_type="GZIP_2", quantize_level=0)
    unit.header["OBJECT"] = "M51"
    primary = fits.PrimaryHDU()
    primary.header["TELESCOP"] = "TNG"
    fits.HDUList([primary, unit]).writeto(path)
    cube = Cube.open_fits(path)
    assert cube.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(cube.numpy(), values)
    assert (cube.metadata["object"], cube.metadata["telescop"]) == ("M51", "TNG")
    # The header is that of the image, not of the table of its tiles.
    assert (cube.metadata["NAXIS1"], cube.metadata["BITPIX"]) == (30, unit.header["BITPIX"])
    assert not {"ZIMAGE", "ZNAXIS1", "TFORM1", "TFIELDS"} & {card.key for card in cube.metadata}
    stack = merge([cube, cube]).subset(NAXIS2=slice(3, 9), NAXIS1=slice(1, 4))
    np.testing.assert_array_equal(stack.numpy(), np.stack([values, values])[:, 3:9, 1:4])


def test_blank_pixels_of_tiles(tmp_path):
    values = np.arange(30, dtype="i2").reshape(5, 6)
    unit = fits.CompImageHDU(values, compression_type="RICE_1")
    unit.header["BLANK"] = 7
    path = tmp_path / "a.fits"
    fits.HDUList([fits.PrimaryHDU(), unit]).writeto(path)
    cube = Cube.open_fits(path).compute()
    wanted = values.astype("f4")
    wanted[values == 7] = np.nan
    np.testing.assert_array_equal(cube.data.compute(), wanted)
    np.testing.assert_array_equal(cube.bits.compute() == int(Bit.NO_DATA), values == 7)


def test_products_have_variance_and_bits(tmp_path, rng):
    frame = Frame(
        rng.normal(size=(12, 9)).astype("f4"),
        rng.random((12, 9)).astype("f4"),
        rng.integers(0, 512, (12, 9)).astype("u2"),
    )
    path = tmp_path / "a.fits"
    write_frame(path, frame)
    cube = Cube.open_fits(path)
    assert (cube.has_variance, cube.has_bits, cube.unit) == (True, True, "adu")
    part = cube.subset(NAXIS2=slice(3, 7), NAXIS1=slice(2, 9)).compute()
    np.testing.assert_array_equal(part.data.compute(), frame.data[3:7, 2:])
    np.testing.assert_array_equal(part.variance.compute(), frame.variance[3:7, 2:])
    np.testing.assert_array_equal(part.bits.compute(), frame.bits[3:7, 2:])
    # Another unit asked for by name is that unit alone.
    alone = Cube.open_fits(path, "VAR")
    assert (alone.has_variance, alone.has_bits) == (False, False)
    both = merge([cube, cube]).compute()
    np.testing.assert_array_equal(both.bits.compute(), np.stack([frame.bits] * 2))


def test_which_image(tmp_path, rng):
    one, two = filled(rng, (3, 4), "i2"), filled(rng, (2, 3, 4), "f4")
    table = fits.BinTableHDU.from_columns([fits.Column("A", "J", array=[1, 2])], name="TAB")
    images = [fits.ImageHDU(one, name="ONE"), fits.ImageHDU(two, name="TWO")]
    path = tmp_path / "a.fits"
    fits.HDUList([fits.PrimaryHDU(), table, *images]).writeto(path)
    assert list_hdus(path) == [(2, "ONE", (3, 4), "int16"), (3, "TWO", (2, 3, 4), "float32")]
    np.testing.assert_array_equal(Cube.open_fits(path).numpy(), one)
    np.testing.assert_array_equal(Cube.open_fits(path, 3).numpy(), two)
    np.testing.assert_array_equal(Cube.open_fits(path, "two").numpy(), two)
    for wrong in (0, 1, 9, "none"):
        with pytest.raises(BadFrame, match="holds no image HDU"):
            Cube.open_fits(path, wrong)


def test_names_of_the_axes(tmp_path, rng):
    path = tmp_path / "a.fits"
    fits.PrimaryHDU(filled(rng, (2, 3, 4), "f4")).writeto(path)
    cube = Cube.open_fits(path, dims=("wave", "y", "x"), measure="flux")
    assert cube.names == ("wave", "y", "x")
    assert repr(cube) == "<Cube flux: wave 2 x y 3 x x 4, float32, level 0>"
    assert cube.axes == (3, 2, 1)
    with pytest.raises(CubeError, match="2 dimensions"):
        Cube.open_fits(path, dims=("y", "x"))


def test_the_header(tmp_path):
    path = tmp_path / "a.fits"
    unit = fits.PrimaryHDU(np.zeros((2, 2), "f4"))
    unit.header["FLT_ID"] = ("B_JOHN_10", "filter")
    unit.header["BUNIT"] = "adu"
    unit.header["HISTORY"] = "one"
    unit.header["HISTORY"] = "two"
    unit.writeto(path)
    cube = Cube.open_fits(path)
    assert cube.unit == "adu"
    assert cube.metadata["flt-id"] == "B_JOHN_10"
    assert [card.value for card in cube.metadata.select("HISTORY")] == ["one", "two"]
    assert cube.metadata["NAXIS1"] == 2
    assert cube.source == str(path)


def test_nothing_is_read_before_it_is_asked_for(tmp_path):
    path = tmp_path / "a.fits"
    fits.PrimaryHDU(np.zeros((50, 60), "f4")).writeto(path)
    cube = merge([Cube.open_fits(path)] * 3).subset(NAXIS1=slice(0, 9)).rename_dims(z="t")
    path.unlink()
    assert cube.shape == (3, 50, 9)
    assert cube.dtype == np.float32
    with pytest.raises(BadFrame, match="No such file"):
        cube.numpy()


def test_a_file_that_changed_is_an_error(tmp_path):
    path = tmp_path / "a.fits"
    fits.PrimaryHDU(np.zeros((5, 6), "f4")).writeto(path)
    single = Cube.open_fits(path)
    stack = merge([single, single])
    old = single.key
    fits.PrimaryHDU(np.ones((5, 6, 2), "f4")).writeto(path, overwrite=True)
    for cube in (single, stack):
        with pytest.raises(BadFrame, match="has changed"):
            cube.numpy()
    assert Cube.open_fits(path).key != old


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty"), (b"not a fits file at all", "no FITS"),
     (b"SIMPLE  =" + b" " * 100, "cut short"), (b"\x1f\x8bnothing", "is damaged"),
     (b"\xfd7zXZ\x00abc", "not read")],
)  # fmt: skip
def test_files_that_are_none(tmp_path, content, reason):
    path = tmp_path / "a.fits"
    path.write_bytes(content)
    with pytest.raises(BadFrame, match=reason) as caught:
        Cube.open_fits(path)
    assert str(path) in str(caught.value)


def test_files_that_are_not_there(tmp_path):
    for path in (tmp_path / "none.fits", tmp_path):
        with pytest.raises(BadFrame, match="cannot be read"):
            Cube.open_fits(path)


@pytest.mark.parametrize("name", ["a.fits", "a.fits.gz"])
def test_files_cut_short(tmp_path, rng, name):
    path = tmp_path / "a.fits"
    fits.PrimaryHDU(filled(rng, (50, 60), "f4")).writeto(path)
    content = path.read_bytes()[:-5000]
    if name.endswith("gz"):
        (tmp_path / name).write_bytes(gzip.compress(content))
        cube = Cube.open_fits(tmp_path / name)
        with pytest.raises(BadFrame, match="is cut short: 9400 bytes of pixels"):
            cube.numpy()
    else:
        path.write_bytes(content)
        with pytest.raises(BadFrame, match="is cut short"):
            Cube.open_fits(path)


@pytest.mark.parametrize("value", ["1000000000000", "-5", "'many'"])
def test_absurd_sizes(tmp_path, value):
    path = tmp_path / "a.fits"
    fits.PrimaryHDU(np.zeros((5, 6), "f4")).writeto(path)
    content = path.read_bytes()
    at = content.index(b"NAXIS2")
    path.write_bytes(content[:at] + f"NAXIS2  = {value}".ljust(80).encode() + content[at + 80 :])
    with pytest.raises(BadFrame):
        Cube.open_fits(path)


def test_what_is_no_file(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, "/dev/zero"):
        with pytest.raises(BadFrame, match="no regular file"):
            Cube.open_fits(path)


def test_compressed_images_of_absurd_size(tmp_path):
    path = tmp_path / "a.fits"
    unit = fits.CompImageHDU(np.zeros((50, 60), "i2"), compression_type="RICE_1")
    fits.HDUList([fits.PrimaryHDU(), unit]).writeto(path)
    content = path.read_bytes()
    at = content.index(b"ZNAXIS2")
    path.write_bytes(content[:at] + b"ZNAXIS2 = 900000000".ljust(80) + content[at + 80 :])
    with pytest.raises(BadFrame, match="in compressed form"):
        Cube.open_fits(path)


@pytest.mark.parametrize("card", ["ZTILE1  = 0", "ZTILE1  = -1", "ZTILE1  = 500000"])
def test_tiles_that_cannot_be_decoded(tmp_path, card):
    path = tmp_path / "a.fits"
    unit = fits.CompImageHDU(np.zeros((50, 60), "i2"), compression_type="RICE_1")
    fits.HDUList([fits.PrimaryHDU(), unit]).writeto(path)
    content = path.read_bytes()
    at = content.index(b"ZTILE1")
    content = content[:at] + card.encode().ljust(80) + content[at + 80 :]
    if card.endswith("500000"):
        at = content.index(b"ZNAXIS1")
        content = content[:at] + b"ZNAXIS1 = 500000".ljust(80) + content[at + 80 :]
    path.write_bytes(content)
    with pytest.raises(BadFrame, match="cannot be decoded"):
        Cube.open_fits(path).numpy()


def test_too_many_axes(tmp_path):
    header = [
        "SIMPLE  = T",
        "BITPIX  = 8",
        "NAXIS   = 90",
        *(f"NAXIS{k:<3d}= 1" for k in range(1, 91)),
    ]
    path = tmp_path / "a.fits"
    text = "".join(card.ljust(80) for card in (*header, "END"))
    path.write_bytes(text.encode().ljust(4 * 2880) + bytes(2880))
    with pytest.raises(BadFrame, match="90 axes"):
        Cube.open_fits(path)


def test_a_view_travels(tmp_path, rng):
    path = tmp_path / "a.fits"
    values = filled(rng, (5, 6), "u2")
    fits.PrimaryHDU(values).writeto(path)
    cube = pickle.loads(pickle.dumps(merge([Cube.open_fits(path)] * 2) / 2))
    np.testing.assert_array_equal(cube.numpy(), np.stack([values] * 2).astype("f4") / 2)


def test_opening_loads_neither_dask_nor_astropy(tmp_path):
    import subprocess

    path = tmp_path / "a.fits"
    fits.PrimaryHDU(np.zeros((5, 6), "f4")).writeto(path)
    code = (
        "import sys\nfrom polarnight.cubes import Cube, merge\n"
        f"cube = merge([Cube.open_fits({str(path)!r})] * 3)\n"
        "repr(cube), cube.key, len(cube.metadata), cube.subset(z=[0])\n"
        "print(sorted({'dask', 'astropy', 'xarray', 'zarr', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
