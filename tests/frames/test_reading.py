"""Reading raw FITS of every kind, and saying what is wrong with a damaged one."""

import bz2
import gzip

import numpy as np
import pytest
from astropy.io import fits

from polarnight.errors import BadFrame
from polarnight.frames import list_images, read_header, read_raw

RNG = np.random.default_rng(20240408)


def pixels(dtype):
    if np.dtype(dtype).kind == "f":
        return RNG.normal(1000, 5, (17, 23)).astype(dtype)
    limits = np.iinfo(dtype)
    data = RNG.integers(limits.min, limits.max, (17, 23), dtype=dtype, endpoint=True)
    data.flat[:2] = limits.min, limits.max
    return data


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_every_pixel_type_is_exact(tmp_path, dtype):
    data = pixels(dtype)
    path = tmp_path / "a.fits"
    fits.PrimaryHDU(data).writeto(path)
    raw = read_raw(path)
    assert raw.data.dtype == np.dtype(dtype)
    assert raw.data.dtype.isnative
    assert raw.data.flags.writeable
    np.testing.assert_array_equal(raw.data, data)
    assert raw.blank is None


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress)])
def test_compressed_files(tmp_path, suffix, pack):
    data = pixels("u2")
    plain = tmp_path / "a.fits"
    fits.PrimaryHDU(data).writeto(plain)
    packed = tmp_path / f"a.fits{suffix}"
    packed.write_bytes(pack(plain.read_bytes()))
    np.testing.assert_array_equal(read_raw(packed).data, data)
    packed.write_bytes(packed.read_bytes()[:200])
    with pytest.raises(BadFrame, match="compressed file is damaged"):
        read_raw(packed)


@pytest.mark.parametrize("kind", ["RICE_1", "GZIP_1", "HCOMPRESS_1"])
def test_tile_compressed_unsigned_is_exact(tmp_path, kind):
    data = RNG.integers(0, 65536, (64, 64), dtype="u2")
    header = fits.Header({"OBJECT": "BL Lac", "TELESCOP": "T90-OSN"})
    path = tmp_path / "a.fits.fz"
    fits.CompImageHDU(data, header, compression_type=kind).writeto(path)
    raw = read_raw(path)
    assert raw.data.dtype == np.uint16
    np.testing.assert_array_equal(raw.data, data)
    assert raw.hdu == 1
    assert raw.header["OBJECT"] == read_header(path)["OBJECT"] == "BL Lac"
    assert raw.header["NAXIS1"] == 64


def test_several_units(tmp_path):
    first, second = pixels("u2"), pixels("f4")
    path = tmp_path / "a.fits"
    primary = fits.PrimaryHDU(header=fits.Header({"TELESCOP": "T90-OSN", "EXPTIME": 1.0}))
    units = [
        fits.ImageHDU(first, fits.Header({"EXPTIME": 30.0}), name="CHIP1"),
        fits.ImageHDU(second, name="CHIP2"),
        fits.ImageHDU(np.zeros((2, 3, 4), "f4"), name="CUBE"),
    ]
    fits.HDUList([primary, *units]).writeto(path)
    raw = read_raw(path)
    np.testing.assert_array_equal(raw.data, first)
    assert raw.header["TELESCOP"] == "T90-OSN"  # only the primary header has it
    assert raw.header["EXPTIME"] == 30.0  # the image's own value wins
    np.testing.assert_array_equal(read_raw(path, "chip2").data, second)
    np.testing.assert_array_equal(read_raw(path, 2).data, second)
    assert list_images(path) == [(1, "CHIP1", (17, 23)), (2, "CHIP2", (17, 23))]
    with pytest.raises(BadFrame, match="no two-dimensional image"):
        read_raw(path, "CUBE")
    with pytest.raises(BadFrame, match="holds no unit 'CHIP9'"):
        read_raw(path, "CHIP9")


def test_scaled_integers_and_blank(tmp_path):
    stored = np.array([[0, 1, 2], [-32768, 100, 32767]], dtype="i2")
    path = tmp_path / "a.fits"
    write_cards(path, stored, BSCALE=0.5, BZERO=10.0, BLANK=-32768)
    raw = read_raw(path)
    assert raw.data.dtype == np.float32
    expected = np.array([[10.0, 10.5, 11.0], [np.nan, 60.0, 16393.5]], "f4")
    np.testing.assert_array_equal(raw.data, expected)
    assert raw.blank is None


def test_blank_of_unsigned_integers(tmp_path):
    stored = np.array([[-32768, 0], [5, 32767]], dtype="i2")
    path = tmp_path / "a.fits"
    write_cards(path, stored, BZERO=32768, BLANK=-32768)
    raw = read_raw(path)
    np.testing.assert_array_equal(raw.data, [[0, 32768], [32773, 65535]])
    assert raw.blank == 0


def test_blank_outside_the_stored_type_means_none(tmp_path):
    path = tmp_path / "a.fits"
    write_cards(path, np.array([[0, 1]], dtype="i2"), BZERO=32768, BLANK=32768)
    assert read_raw(path).blank is None


def write_cards(path, stored, **cards):
    """Write stored values as they are, with cards astropy would interpret."""
    header = fits.Header({"SIMPLE": True, "BITPIX": 16, "NAXIS": 2})
    header["NAXIS1"], header["NAXIS2"] = stored.shape[::-1]
    header.update(cards)
    content = header.tostring().encode() + stored.astype(">i2").tobytes()
    path.write_bytes(content.ljust(-(-len(content) // 2880) * 2880, b"\0"))


def test_empty_file(tmp_path):
    path = tmp_path / "a.fits"
    path.touch()
    with pytest.raises(BadFrame, match="the file is empty"):
        read_raw(path)


def test_missing_file(tmp_path):
    with pytest.raises(BadFrame, match="cannot be read: No such file"):
        read_raw(tmp_path / "a.fits")


def test_other_file(tmp_path):
    path = tmp_path / "a.fits"
    path.write_text("<html>404 not found</html>")
    with pytest.raises(BadFrame, match="not a FITS file"):
        read_raw(path)


@pytest.mark.parametrize("compressed", [False, True])
def test_truncated_pixels(tmp_path, compressed):
    path = tmp_path / "a.fits"
    data = RNG.integers(0, 65536, (100, 100), dtype="u2")
    hdu = fits.CompImageHDU(data) if compressed else fits.PrimaryHDU(data)
    hdu.writeto(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - 9000])
    with pytest.raises(BadFrame, match=r"truncated: \d+ of \d+ bytes") as caught:
        read_raw(path)
    assert str(path) in str(caught.value)
    with pytest.raises(BadFrame, match="truncated"):
        read_header(path)


def test_truncated_header(tmp_path):
    path = tmp_path / "a.fits"
    fits.PrimaryHDU(pixels("u2")).writeto(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(BadFrame, match="header of unit 0 ends after 1000 bytes"):
        read_header(path)


def edit_header(path, old, new):
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new.ljust(len(old)), 1))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"BITPIX  =                   16", b"BITPIX  =                   12", "BITPIX = 12 is"),
        (b"NAXIS1  =                   23", b"NAXIS1  =                   -3", "NAXIS1 = -3"),
        (b"NAXIS   =                    2", b"NAXIS   = 'two'", "NAXIS = 'two'"),
        (b"NAXIS   =                    2", b"NAXISX  =                    2", "NAXIS = None"),
        (b"BZERO   =                32768", b"BZERO   = 'high'", "BZERO = 'high' is not"),
    ],
)
def test_contradictory_header(tmp_path, old, new, message):
    path = tmp_path / "a.fits"
    fits.PrimaryHDU(pixels("u2")).writeto(path)
    edit_header(path, old, new)
    with pytest.raises(BadFrame, match=message):
        read_raw(path)


def test_bytes_that_no_header_may_hold(tmp_path):
    path = tmp_path / "a.fits"
    header = fits.Header({"OBSERVER": "Munoz", "OBJECT": "BL Lac"})
    fits.PrimaryHDU(pixels("u2"), header).writeto(path)
    edit_header(path, b"Munoz", b"Mu\xf1oz")
    header = read_raw(path).header
    assert header["OBSERVER"] == "Mu?oz"
    assert header["OBJECT"] == "BL Lac"
