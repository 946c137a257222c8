"""Files are reached by primary key and only inside the data directory."""

from __future__ import annotations

import bz2
import gzip
import os

import numpy as np
import pytest
from astropy.io import fits

from polarnight.errors import BadFrame
from polarnight.web.viewer.opening import FrameFile, derived_directory, find, kind_of, locate
from polarnight.web.viewer.planes import CACHE, ImageCache, load
from polarnight.web.viewer.problems import FileMissing, NotFound, Refused, status_of


def file_of(path):
    state = path.stat()
    return FrameFile(path, state.st_size, state.st_mtime_ns)


def test_a_frame_is_found_by_kind_and_number(night):
    assert find("raw", night.raw.pk) == night.raw
    assert locate(find("reduced", night.reduced.pk)).path == night.reduced.filepath.resolve()
    assert kind_of(night.bias) == "bias"
    place = derived_directory(night.raw)
    assert place == night.data.rawfit_dir("OSN-T090", "2022-09-18", night.raw.filename)


@pytest.mark.parametrize(
    ("kind", "pk"), [("raw", 0), ("raw", -1), ("raw", 10**30), ("raw", 999), ("users", 1)]
)
def test_what_is_not_there_is_not_found(night, kind, pk):
    with pytest.raises(NotFound) as caught:
        find(kind, pk)
    assert status_of(caught.value) == 404


def test_a_missing_file_tells_no_path(night):
    night.raw.filepath.unlink()
    with pytest.raises(FileMissing) as caught:
        locate(night.raw)
    assert str(night.data.root) not in str(caught.value)


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "raw/../../x"])
def test_a_path_that_leaves_the_data_directory_is_refused(night, path, tmp_path):
    (tmp_path / "x").write_text("secret")
    type(night.reduced).objects.filter(pk=night.reduced.pk).update(path=path)
    with pytest.raises((Refused, FileMissing)) as caught:
        locate(find("reduced", night.reduced.pk))
    assert 400 <= status_of(caught.value) < 500


def test_a_link_out_is_refused(night, tmp_path):
    outside = tmp_path / "elsewhere.fits"
    outside.write_bytes(night.reduced.filepath.read_bytes())
    place = night.reduced.filepath
    place.unlink()
    place.symlink_to(outside)
    with pytest.raises(Refused, match="link"):
        locate(night.reduced)


def test_a_linked_raw_file_is_shown_only_as_it_was_ingested(night, tmp_path):
    outside = tmp_path / "elsewhere.fits"
    place = night.raw.filepath
    outside.write_bytes(place.read_bytes())
    place.unlink()
    place.symlink_to(outside)
    night.raw.mtime_ns = outside.stat().st_mtime_ns
    assert locate(night.raw).path == outside.resolve()
    place.unlink()
    place.symlink_to("/etc/passwd")
    with pytest.raises(Refused):
        locate(night.raw)
    night.raw.error = "no FITS"
    place.unlink()
    place.symlink_to(outside)
    with pytest.raises(Refused):
        locate(night.raw)


def test_a_linked_directory_is_refused(night, tmp_path):
    place = night.raw.filepath
    moved = tmp_path / "night"
    place.parent.rename(moved)
    place.parent.symlink_to(moved)
    with pytest.raises(Refused):
        locate(night.raw)


@pytest.mark.parametrize("name", ["raw", "calibration"])
def test_the_archive_may_lie_on_another_disk(night, tmp_path, name):
    room = night.data.root / name
    room.rename(tmp_path / name)
    room.symlink_to(tmp_path / name)
    assert locate(night.raw).path.is_file()
    assert locate(night.reduced).path.is_file()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_refused(night):
    place = night.raw.filepath
    place.unlink()
    os.mkfifo(place)
    with pytest.raises(Refused, match="regular"):
        locate(night.raw)


def test_pixels_are_the_files(night):
    raw = load(locate(night.raw))
    assert raw.planes["sci"].dtype == np.uint16
    np.testing.assert_array_equal(raw.planes["sci"], night.pixels)
    made = load(locate(night.reduced))
    assert set(made.planes) == {"sci", "var", "bits"}
    for plane, stored in (("sci", "data"), ("var", "variance"), ("bits", "bits")):
        np.testing.assert_array_equal(made.planes[plane], getattr(night.frame, stored))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_compressed_files_are_read(tmp_path, pack, night):
    path = tmp_path / "x.fits.gz"
    path.write_bytes(pack(night.raw.filepath.read_bytes()))
    np.testing.assert_array_equal(load(file_of(path)).planes["sci"], night.pixels)


def test_tiles_of_fpack_are_read(tmp_path, night):
    path = tmp_path / "x.fits.fz"
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(night.pixels)]).writeto(path)
    np.testing.assert_array_equal(load(file_of(path)).planes["sci"], night.pixels)


def test_blank_integers_are_no_numbers(tmp_path):
    path = tmp_path / "x.fits"
    hdu = fits.PrimaryHDU(np.arange(12, dtype=np.int16).reshape(3, 4))
    hdu.header["BLANK"] = 5
    hdu.writeto(path)
    plane = load(file_of(path)).planes["sci"]
    assert np.isnan(plane[1, 1])
    assert np.isfinite(plane).sum() == 11


def header_that_lies(**cards):
    header = fits.PrimaryHDU(np.zeros((4, 4), np.uint16)).header
    header.update(cards)
    return header.tostring().encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not fits at all" * 300,
        b"SIMPLE  =                    T" + b" " * 2850,
        header_that_lies(NAXIS1=10**6, NAXIS2=10**6),
        header_that_lies(NAXIS1=-4),
        header_that_lies(NAXIS1=0),
        header_that_lies(BITPIX=17),
        gzip.compress(b"SIMPLE"),
        b"\x1f\x8b" + b"\x00" * 40,
        b"BZh9" + b"\x00" * 40,
        gzip.compress(header_that_lies(NAXIS1=60000, NAXIS2=60000)),
    ],
)
def test_hostile_files_are_bad_frames(tmp_path, content):
    path = tmp_path / "hostile.fits"
    path.write_bytes(content)
    with pytest.raises(BadFrame) as caught:
        load(file_of(path))
    assert status_of(caught.value) == 422
    assert str(tmp_path) not in str(caught.value)


def test_a_bomb_is_refused_before_it_is_kept(tmp_path, monkeypatch):
    from polarnight.web.viewer import planes

    monkeypatch.setattr(planes, "_LARGEST_UNPACKED", 1 << 20)
    path = tmp_path / "bomb.fits.gz"
    path.write_bytes(gzip.compress(header_that_lies() + b"\x00" * (1 << 22)))
    with pytest.raises(BadFrame, match="expands"):
        load(file_of(path))


def test_memory_is_bounded_and_changes_are_seen(night, tmp_path):
    paths = []
    for number in range(4):
        path = tmp_path / f"{number}.fits"
        fits.PrimaryHDU(np.full((64, 64), number, np.float32)).writeto(path)
        paths.append(path)
    cache = ImageCache(3 * 64 * 64 * 4 * 4 // 3)
    images = [cache.get(file_of(path)) for path in paths]
    assert cache.nbytes <= cache.limit
    assert cache.get(file_of(paths[3])) is images[3]
    assert cache.get(file_of(paths[0])) is not images[0]
    fits.PrimaryHDU(np.full((64, 65), 9, np.float32)).writeto(paths[3], overwrite=True)
    assert cache.get(file_of(paths[3])).shape == (64, 65)
    assert CACHE.limit <= 1 << 30


def test_a_frame_larger_than_the_memory_is_shown_and_not_kept(tmp_path):
    path = tmp_path / "large.fits"
    fits.PrimaryHDU(np.zeros((64, 64), np.float32)).writeto(path)
    cache = ImageCache(100)
    assert cache.get(file_of(path)).shape == (64, 64)
    assert cache.nbytes == 0
