"""A stack on disk: what is read is what astropy reads, whatever the file."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from polarnight.cubes import FrameStack, combine
from polarnight.errors import BadFrame
from polarnight.frames import Section

SHAPE = (37, 70)


def open_files():
    return set(Path("/proc/self/fd").iterdir())


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture(params=["kernel", "numpy"], autouse=True)
def path_of_reading(request, monkeypatch):
    if request.param == "numpy":
        monkeypatch.setenv("POLARNIGHT_NO_NATIVE", "1")


def write(path, data, **keys):
    hdu = fits.PrimaryHDU(data)
    hdu.header.update(keys)
    hdu.writeto(path)
    return path


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "u4", "i8", "f4", "f8"])
def test_every_type_is_read_exactly(tmp_path, rng, dtype):
    low, high = (0, 256) if dtype == "u1" else (0, 65536) if dtype == "u2" else (0, 32768)
    frames = rng.integers(low, high, (3, *SHAPE)).astype(dtype)
    paths = [write(tmp_path / f"{k}.fits", frame) for k, frame in enumerate(frames)]
    with FrameStack(paths) as stack:
        assert stack.shape == frames.shape
        assert stack.dtype == np.dtype(dtype)
        assert len(stack) == 3
        np.testing.assert_array_equal(stack.read(), frames)
        np.testing.assert_array_equal(stack.read(5, 8), frames[:, 5:8])
        np.testing.assert_array_equal(stack.frame(-1), frames[2])
        combined = combine(stack, "median")
    np.testing.assert_array_equal(
        combined.value, np.median(frames.astype(np.float32), axis=0).astype(np.float32)
    )


def test_scaled_and_blank_pixels(tmp_path):
    stored = np.array([[0, 1, 2], [-32768, 4, 5]], np.int16)
    path = tmp_path / "scaled.fits"
    with fits.open(write(tmp_path / "plain.fits", stored), do_not_scale_image_data=True) as hdus:
        hdus[0].header.update(BSCALE=0.5, BZERO=10.0, BLANK=-32768)
        hdus.writeto(path)
    with FrameStack([path, path]) as stack:
        assert stack.dtype == np.float32
        expected = np.array([[10, 10.5, 11], [np.nan, 12, 12.5]], np.float32)
        np.testing.assert_array_equal(stack.frame(0), expected)
        result = combine(stack, "mean")
    np.testing.assert_array_equal(result.value, expected)
    assert result.count.tolist() == [[2, 2, 2], [0, 2, 2]]


def test_frames_of_different_types_together(tmp_path, rng):
    frames = rng.integers(0, 200, (4, *SHAPE))
    types = ["u1", "u2", "f4", "i4"]
    paths = [write(tmp_path / f"{t}.fits", f.astype(t)) for t, f in zip(types, frames, strict=True)]
    with FrameStack(paths) as stack:
        np.testing.assert_array_equal(stack.read(), frames)
        np.testing.assert_array_equal(
            combine(stack, "clipped_mean").value,
            combine(frames.astype("f4"), "clipped_mean").value,
        )


@pytest.mark.parametrize("kind", ["gz", "rice", "gzip tiles", "mixed"])
def test_compressed_frames(tmp_path, rng, kind):
    frames = rng.integers(0, 65536, (3, *SHAPE)).astype(np.uint16)
    paths = []
    for k, frame in enumerate(frames):
        if kind == "gz" or (kind == "mixed" and k == 1):
            paths.append(write(tmp_path / f"{k}.fits.gz", frame))
        elif kind == "mixed":
            paths.append(write(tmp_path / f"{k}.fits", frame))
        else:
            paths.append(tmp_path / f"{k}.fits.fz")
            how = "RICE_1" if kind == "rice" else "GZIP_2"
            hdu = fits.CompImageHDU(frame, compression_type=how)
            fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(paths[-1])
    with FrameStack(paths) as stack:
        assert stack.dtype == np.uint16
        np.testing.assert_array_equal(stack.read(), frames)
        np.testing.assert_array_equal(combine(stack, "median").value, np.median(frames, axis=0))


def test_image_in_an_extension_by_default_number_or_name(tmp_path, rng):
    frames = rng.integers(0, 100, (2, *SHAPE)).astype(np.int16)
    path = tmp_path / "several.fits"
    table = fits.BinTableHDU.from_columns([fits.Column("a", "J", array=[1, 2, 3])])
    extensions = [fits.ImageHDU(f, name=n) for f, n in zip(frames, ("LEFT", "RIGHT"), strict=True)]
    fits.HDUList([fits.PrimaryHDU(), table, *extensions]).writeto(path)
    for hdu, expected in ((None, 0), (2, 0), (3, 1), ("right", 1)):
        with FrameStack([path], hdu=hdu) as stack:
            np.testing.assert_array_equal(stack.frame(0), frames[expected])
    with pytest.raises(BadFrame, match="'MIDDLE'"):
        FrameStack([path], hdu="MIDDLE")
    with pytest.raises(BadFrame, match="no two-dimensional image"):
        FrameStack([path], hdu=1)


def test_axes_of_length_one_are_nothing(tmp_path, rng):
    frame = rng.integers(0, 9, SHAPE).astype(np.int16)
    with FrameStack([write(tmp_path / "a.fits", frame[None])]) as stack:
        np.testing.assert_array_equal(stack.frame(0), frame)


def test_section(tmp_path, rng):
    frames = rng.integers(0, 65536, (3, *SHAPE)).astype(np.uint16)
    paths = [write(tmp_path / f"{k}.fits", frame) for k, frame in enumerate(frames)]
    section = Section(x0=3, x1=69, y0=4, y1=30)
    cut = frames[:, *section.slices]
    with FrameStack(paths, section=section) as stack:
        assert stack.shape == cut.shape
        np.testing.assert_array_equal(stack.read(2, 9), cut[:, 2:9])
        np.testing.assert_array_equal(combine(stack, "median").value, np.median(cut, axis=0))
    for outside in (Section(0, 71, 0, 5), Section(-1, 5, 0, 5), Section(5, 5, 0, 5)):
        with pytest.raises(ValueError, match="outside"):
            FrameStack(paths, section=outside)


def test_more_frames_than_may_be_open(tmp_path, rng, monkeypatch):
    frames = rng.integers(0, 65536, (60, *SHAPE)).astype(np.uint16)
    paths = [write(tmp_path / f"{k}.fits", frame) for k, frame in enumerate(frames)]
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    monkeypatch.setattr("polarnight.cubes.kernels.files._most_open", lambda: 20)
    with FrameStack(paths) as stack:
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(open_files()) + 40, limits[1]))
        try:
            result = combine(stack, "median")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    np.testing.assert_array_equal(result.value, np.median(frames, axis=0))


def test_files_are_closed(tmp_path, rng):
    before = open_files()
    frame = rng.integers(0, 9, SHAPE).astype(np.int16)
    paths = [write(tmp_path / "a.fits", frame), write(tmp_path / "b.fits.gz", frame)]
    with FrameStack(paths) as stack:
        stack.read()
        assert len(open_files()) > len(before)
    with pytest.raises(ValueError, match="closed"):
        stack.read()
    stack = FrameStack(paths)
    del stack
    with pytest.raises(BadFrame):
        FrameStack([*paths, tmp_path / "missing.fits"])
    assert open_files() == before


def corrupt(tmp_path, name, change):
    good = write(tmp_path / "good.fits", np.zeros(SHAPE, np.int16)).read_bytes()
    path = tmp_path / name
    path.write_bytes(change(good))
    return path


def card(keyword, value):
    def change(good):
        at = good.index(keyword)
        return good[:at] + keyword.ljust(8) + b"= " + value.rjust(20) + good[at + 30 :]

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda good: b"", "the file is empty"),
        (lambda good: b"hello world", "is no FITS file"),
        (lambda good: good[:1000], "cut short inside a header"),
        (lambda good: good[:4000], "cut short: 4000 bytes, its header promises 8060"),
        (card(b"BITPIX", b"17"), "BITPIX is 17"),
        (card(b"BITPIX", b"'a'"), "BITPIX is 'a'"),
        (card(b"NAXIS1", b"0"), "holds no two-dimensional image"),
        (lambda good: b"\x1f\x8b" + good, "cannot be decoded"),
    ],
)
def test_bad_files_are_named(tmp_path, change, words):
    path = corrupt(tmp_path, "bad.fits", change)
    with pytest.raises(BadFrame, match=words) as caught:
        FrameStack([tmp_path / "good.fits", path])
    assert caught.value.path == str(path)
    assert str(path) in str(caught.value)


def test_missing_file_and_other_shape_are_named(tmp_path):
    good = write(tmp_path / "good.fits", np.zeros(SHAPE, np.int16))
    with pytest.raises(BadFrame, match=r"absent\.fits: cannot be read"):
        FrameStack([good, tmp_path / "absent.fits"])
    other = write(tmp_path / "other.fits", np.zeros((3, 4), np.int16))
    with pytest.raises(BadFrame, match="has 3 rows and 4 columns"):
        FrameStack([good, other])
    with pytest.raises(ValueError, match="at least one"):
        FrameStack([])


def test_a_file_without_the_padding_at_its_end_is_whole(tmp_path, rng):
    frame = rng.integers(0, 9, SHAPE).astype(np.int16)
    path = write(tmp_path / "a.fits", frame)
    with path.open("r+b") as file:
        file.truncate(2880 + 2 * frame.size)
    with FrameStack([path]) as stack:
        np.testing.assert_array_equal(stack.frame(0), frame)


def test_a_file_that_shrinks_meanwhile_is_named(tmp_path):
    path = write(tmp_path / "a.fits", np.zeros(SHAPE, np.int16))
    with FrameStack([path]) as stack:
        with path.open("r+b") as file:
            file.truncate(4000)
        with pytest.raises(BadFrame, match=r"a\.fits: ended early"):
            combine(stack, "median")
