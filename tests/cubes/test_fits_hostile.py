"""Files that lie about what they hold: refused in a line, in little time and memory."""

import gzip
import resource
import time

import numpy as np
import pytest
from astropy.io import fits

from polarnight.cubes import Cube, list_hdus
from polarnight.errors import BadFrame

PIXELS = bytes(96).ljust(2880, b"\0")
PRIMARY = {"SIMPLE": "T", "BITPIX": 16, "NAXIS": 2, "NAXIS1": 8, "NAXIS2": 6}
EXTENSION = {"XTENSION": "'IMAGE   '", **{k: v for k, v in PRIMARY.items() if k != "SIMPLE"}}


def header(**cards):
    text = "".join(f"{key:<8}= {value:>20}".ljust(80)[:80] for key, value in cards.items())
    content = f"{text}END".encode()
    return content + b" " * (-len(content) % 2880)


def image(**cards):
    return header(**{**PRIMARY, **cards}) + PIXELS


def extension(**cards):
    counts = {"PCOUNT": 0, "GCOUNT": 1}
    empty = header(SIMPLE="T", BITPIX=8, NAXIS=0)
    return empty + header(**{**EXTENSION, **counts, **cards}) + PIXELS


def tiles(tmp_path, **cards):
    """Return a file of compressed tiles whose header says something else."""
    path = tmp_path / "tiles.fits"
    unit = fits.CompImageHDU(np.zeros((64, 64), np.int16), compression_type="RICE_1")
    fits.HDUList([fits.PrimaryHDU(), unit]).writeto(path)
    content = path.read_bytes()
    for key, value in cards.items():
        at = content.index(f"{key:<8}=".encode())
        card = f"{key:<8}= {value:>20}".ljust(80).encode()
        content = content[:at] + card + content[at + 80 :]
    return content


def everything(path):
    Cube.open_fits(path).numpy()
    list_hdus(path)


def refused(path, content, match):
    """Open and list a file; both are refused, or what reads its pixels is."""
    path.write_bytes(content)
    began = time.process_time()
    with pytest.raises(BadFrame, match=match):
        everything(path)
    assert time.process_time() - began < 30  # nothing of that size was made


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("content", "match"),
    [
        (image(PCOUNT="1E999"), "PCOUNT is not finite"),
        (image(GCOUNT="-1E999"), "GCOUNT is not finite"),
        (image(BSCALE="1E999"), "BSCALE is not finite"),
        (image(BZERO="'many'"), "BZERO is 'many', a number"),
        (image(PCOUNT=10**30), "promises"),
        (image(NAXIS1=10**30), "promises"),
        (image(NAXIS1=2**63), "promises"),
        (image(NAXIS1=-8), "negative"),
        (image(NAXIS1=-8, NAXIS2=-6), "holds no image"),
        (image(PCOUNT=-(10**6)), "negative"),
        (image(NAXIS=999), "NAXIS3 is None"),
        (extension(PCOUNT="1E999"), "PCOUNT is not finite"),
        (extension(NAXIS2="'a'"), "NAXIS2 is 'a', an integer"),
    ],
)  # fmt: skip
def test_sizes_that_make_no_sense(tmp_path, content, match, packed):
    name = "lies.fits.gz" if packed else "lies.fits"
    refused(tmp_path / name, gzip.compress(content) if packed else content, match)


@pytest.mark.parametrize(
    ("cards", "match"),
    [
        ({"TFIELDS": 10**9}, "TFIELDS is 1000000000"),
        ({"TFIELDS": -1}, "TFIELDS is -1"),
        ({"ZNAXIS1": 10**9, "ZNAXIS2": 10**9}, "promises"),
        ({"ZNAXIS1": 30000}, "cannot be decoded"),
        ({"ZTILE1": 0}, "cannot be decoded"),
        ({"ZTILE1": -5}, "cannot be decoded"),
        ({"PCOUNT": 10**12}, "is cut short"),
        ({"NAXIS2": 10**9}, "is cut short"),
    ],
)
def test_tiles_that_make_no_sense(tmp_path, cards, match):
    refused(tmp_path / "lies.fits", tiles(tmp_path, **cards), match)


def test_a_header_of_a_million_cards(tmp_path):
    card = b"COMMENT ".ljust(80)
    content = image().split(b"END ")[0] + card * 1_000_000 + b"END".ljust(80)
    refused(tmp_path / "long.fits", content, "header without END")


def test_no_more_is_unpacked_than_the_headers_promise(tmp_path):
    """The file says that it has 96 bytes of pixels, and unpacks to 200 MB."""
    path = tmp_path / "bomb.fits.gz"
    path.write_bytes(gzip.compress(image()) + gzip.compress(bytes(200 << 20)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadFrame, match="unpacks to more than the 5760 bytes that its headers"):
        Cube.open_fits(path).numpy()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_what_lies_behind_a_huge_unit_is_not_unpacked(tmp_path):
    path = tmp_path / "bomb.fits.gz"
    path.write_bytes(gzip.compress(image(PCOUNT=10**12)) + gzip.compress(bytes(50 << 20)))
    with pytest.raises(BadFrame, match=r"promise .* in compressed form"):
        list_hdus(path)
    with pytest.raises(BadFrame, match="unpack the file"):
        Cube.open_fits(path).numpy()


def test_damage_behind_the_pixels_of_a_packed_file_is_noticed(tmp_path):
    """The checksum of the whole comes last."""
    path = tmp_path / "a.fits.gz"
    content = bytearray(gzip.compress(image()))
    content[-8] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadFrame, match="cannot be decoded: CRC"):
        Cube.open_fits(path).numpy()


@pytest.mark.parametrize("index", [0, 1])
def test_packed_files_of_several_images_and_tiles(tmp_path, index):
    values = np.arange(48, dtype=np.int16).reshape(6, 8)
    path = tmp_path / "a.fits"
    units = [fits.PrimaryHDU(values), fits.ImageHDU(values + 1), fits.CompImageHDU(values + 2)]
    fits.HDUList(units).writeto(path)
    packed = tmp_path / "a.fits.gz"
    packed.write_bytes(gzip.compress(path.read_bytes() + bytes(2880 * 9)))  # as on tapes
    np.testing.assert_array_equal(Cube.open_fits(packed, index).numpy(), values + index)
    np.testing.assert_array_equal(Cube.open_fits(packed, 2).numpy(), values + 2)
