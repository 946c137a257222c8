"""Files that were made to harm: sizes without end, cards nobody can parse, no real files."""

import bz2
import gzip
import os
import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits

from polarnight.cubes import FrameStack
from polarnight.errors import BadFrame
from polarnight.frames import Frame, atomic_write, read_frame, read_header, read_raw, write_frame


@pytest.fixture
def plain(tmp_path):
    path = tmp_path / "a.fits"
    fits.PrimaryHDU(np.arange(60, dtype="int16").reshape(6, 10)).writeto(path)
    return path


def with_cards(path, *cards):
    """Put raw cards before END, whatever they hold."""
    content = path.read_bytes()
    end = content.index(b"END".ljust(80))
    lines = b"".join(card.encode("latin-1").ljust(80)[:80] for card in (*cards, "END"))
    path.write_bytes((content[:end] + lines).ljust(2880) + content[2880:])
    return path


def with_value(path, key, value):
    content = path.read_bytes()
    at = content.index(key.ljust(8).encode() + b"=")
    path.write_bytes(content[:at] + f"{key:<8}= {value}".ljust(80).encode() + content[at + 80 :])
    return path


@pytest.mark.parametrize("card", ["PCOUNT  = -9000", "GCOUNT  = -3", "GCOUNT  = 'many'"])
@pytest.mark.parametrize("read", [read_raw, lambda path: FrameStack([path], hdu=3)])
def test_sizes_below_nothing_are_refused_and_never_loop(plain, card, read):
    with pytest.raises((BadFrame, ValueError), match=r"PCOUNT|GCOUNT|many"):
        read(with_cards(plain, card))


def test_gzip_that_expands_without_end_takes_little_memory(tmp_path):
    path = tmp_path / "bomb.fits.gz"
    head = fits.PrimaryHDU(np.zeros((2, 2), "int16")).header.tostring().encode()
    piece = gzip.compress(bytes(1 << 26))
    path.write_bytes(gzip.compress(head) + piece * 64)  # 4 GiB in 4 MB
    code = (
        "import resource, sys\n"
        "from polarnight.frames import read_header\n"
        "resource.setrlimit(resource.RLIMIT_AS, (5 << 29, 5 << 29))\n"
        "try:\n"
        "    read_header(sys.argv[1])\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert done.stdout.startswith("BadFrame"), done.stderr
    assert "expands to more than" in done.stdout


def test_pixels_that_fill_no_memory_are_refused_although_the_file_is_long(plain):
    with_value(with_value(plain, "NAXIS1", 100_000), "NAXIS2", 10_000)
    os.truncate(plain, 2880 + 2 * 1_000_000_000)  # a hole, not bytes
    with pytest.raises(BadFrame, match="promises 100000 x 10000 pixels"):
        read_raw(plain)


@pytest.mark.parametrize(
    ("key", "value"), [("ZNAXIS1", 2_000_000_000), ("ZNAXIS", 10**12), ("ZBITPIX", "'x'")]
)
def test_tiles_of_absurd_size(tmp_path, key, value):
    path = tmp_path / "a.fits.fz"
    unit = fits.CompImageHDU(np.zeros((50, 50), "int16"), compression_type="RICE_1")
    fits.HDUList([fits.PrimaryHDU(), unit]).writeto(path)
    with pytest.raises(BadFrame, match=f"{key}|promises"):
        read_raw(with_value(path, key, value))


@pytest.mark.parametrize(("key", "value"), [("ZTILE1", 0), ("ZTILE1", -1), ("ZNAXIS1", 100_000)])
def test_tiles_that_cannot_be_decoded(tmp_path, key, value):
    path = tmp_path / "a.fits.fz"
    unit = fits.CompImageHDU(np.arange(2500, dtype="i2").reshape(50, 50), compression_type="RICE_1")
    fits.HDUList([fits.PrimaryHDU(), unit]).writeto(path)
    broken = with_value(path, key, value)
    if key == "ZNAXIS1":
        broken = with_value(broken, "ZTILE1", value)
    with pytest.raises(BadFrame, match=r"tiles cannot be read"):
        read_raw(broken)


def test_pipes_and_devices_are_no_frames(tmp_path):
    os.mkfifo(tmp_path / "pipe.fits")
    for path in (tmp_path / "pipe.fits", "/dev/zero"):
        with pytest.raises(BadFrame, match="no regular file"):
            read_header(path)
    with pytest.raises(BadFrame, match="cannot be read: Is a directory"):
        read_header(tmp_path)


def test_a_card_nobody_can_parse_is_named(plain):
    with pytest.raises(BadFrame, match=r"a\.fits: header: Unparsable card \(PCOUNT\)"):
        read_header(with_cards(plain, "PCOUNT  = 1 2 ("))


def test_odd_keywords_do_not_reach_products(plain, tmp_path):
    header = read_raw(with_cards(plain, "\xff\xfe\x00\x01", "FOO     = 3")).header
    write_frame(tmp_path / "b.fits", Frame(np.zeros((4, 4), "float32"), None, None, header=header))
    assert read_frame(tmp_path / "b.fits").header["FOO"] == 3


def test_scaling_out_of_range_is_infinite_without_a_word(plain):
    data = read_raw(with_cards(plain, "BSCALE  = 1e308", "BZERO   = 1.")).data
    assert np.isinf(data[1:]).all()


def test_long_names_can_be_written(tmp_path):
    path = tmp_path / ("é" * 120)
    with atomic_write(path) as temporary:
        temporary.write_text("done")
    assert path.read_text() == "done"


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_more_than_the_headers_promise_is_not_unpacked(tmp_path, pack):
    path = tmp_path / "lies.fits.gz"
    plain = fits.PrimaryHDU(np.zeros((20, 20), "int16")).header.tostring().encode().ljust(5760)
    path.write_bytes(pack(plain + bytes(30 << 20)))
    with pytest.raises(BadFrame, match=r"expands to more than the 5 KiB .*correct NAXISn"):
        read_raw(path)


def test_a_header_that_never_ends_is_not_unpacked_without_end(tmp_path):
    path = tmp_path / "endless.fits.gz"
    cards = fits.PrimaryHDU().header.tostring()[:160].encode()
    path.write_bytes(gzip.compress(cards + b" " * (60 << 20)))
    with pytest.raises(BadFrame, match="expands to more than"):
        read_raw(path)


def test_several_images_filled_up_blocks_and_long_headers_are_unpacked(tmp_path):
    path = tmp_path / "many.fits"
    units = [fits.PrimaryHDU(np.ones((900, 900), "float32"))]
    units += [fits.ImageHDU(np.full((800, 700), n, "float64")) for n in range(4)]
    for n in range(3000):
        units[3].header[f"HIERARCH card {n}"] = n
    fits.HDUList(units).writeto(path)
    packed = tmp_path / "many.fits.gz"
    packed.write_bytes(gzip.compress(path.read_bytes() + bytes(10 * 2880)))
    assert read_raw(packed).data.shape == (900, 900)
    assert read_header(packed)["NAXIS1"] == 900
