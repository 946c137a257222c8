"""Tiles hold the pixels of the file; higher levels their means."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from polarnight.web.viewer.opening import locate
from polarnight.web.viewer.planes import load
from polarnight.web.viewer.problems import NotFound
from polarnight.web.viewer.statistics import measure
from polarnight.web.viewer.tiles import TILE, Pyramid, etag


def join(pyramid, level):
    rows = []
    height, width = pyramid.level(level).shape
    for row in range(-(-height // TILE)):
        parts = []
        for column in range(-(-width // TILE)):
            tile = pyramid.tile(level, column, row)
            parts.append(np.frombuffer(tile.data, tile.dtype).reshape(tile.height, tile.width))
        rows.append(np.hstack(parts))
    return np.vstack(rows)


@pytest.mark.parametrize("plane", ["sci", "var", "bits"])
def test_level_0_is_the_file(night, plane):
    expected = fits.getdata(night.reduced.filepath, plane.upper())
    image = load(locate(night.reduced))
    joined = join(image.pyramid(plane), 0)
    assert joined.dtype.str == {"bits": "<u2"}.get(plane, "<f4")
    np.testing.assert_array_equal(joined, expected)


def test_raw_values_stay_16_bits(night):
    joined = join(load(locate(night.raw)).pyramid("sci"), 0)
    assert joined.dtype.str == "<u2"
    np.testing.assert_array_equal(joined, night.pixels)


@pytest.mark.parametrize(
    "dtype", [np.uint8, np.int8, np.int16, np.int32, np.uint32, np.float32, np.float64]
)
def test_every_type_is_sent_exactly(dtype):
    pixels = (np.arange(300 * 7).reshape(300, 7) % 120).astype(dtype)
    joined = join(Pyramid(pixels), 0)
    assert joined.dtype == dtype
    np.testing.assert_array_equal(joined, pixels)


def slow_mean(pixels):
    ny, nx = pixels.shape
    made = np.full((-(-ny // 2), -(-nx // 2)), np.nan)
    for y in range(made.shape[0]):
        for x in range(made.shape[1]):
            block = np.asarray(pixels[2 * y : 2 * y + 2, 2 * x : 2 * x + 2], float)
            block = block[np.isfinite(block)]
            made[y, x] = block.mean() if block.size else np.nan
    return made


@pytest.mark.parametrize("shape", [(512, 300), (513, 301), (1, 700), (300, 1)])
@pytest.mark.parametrize("holes", [False, True])
def test_levels_are_means_of_what_is_finite(shape, holes):
    pixels = np.random.default_rng(1).normal(5, 2, shape).astype(np.float32)
    if holes:
        pixels[:2, :2] = np.nan
        pixels[-1, -1] = np.inf
    pyramid = Pyramid(pixels)
    np.testing.assert_allclose(join(pyramid, 1), slow_mean(pixels), rtol=1e-6)


def test_bits_are_united():
    bits = np.zeros((400, 3), np.uint16)
    bits[399, 2], bits[398, 2], bits[0, 0] = 4, 1, 256
    made = join(Pyramid(bits, flags=True), 1)
    assert made.dtype == np.uint16
    assert made[199, 1] == 5
    assert made[0, 0] == 256
    assert made.astype(bool).sum() == 2


def test_levels_end_with_one_tile():
    assert Pyramid(np.zeros((2048, 2048), np.uint16)).n_levels == 4
    assert Pyramid(np.zeros((2049, 5), np.uint16)).n_levels == 5
    assert Pyramid(np.zeros((3, 5), np.uint16)).n_levels == 1


@pytest.mark.parametrize("place", [(9, 0, 0), (-1, 0, 0), (0, 3, 0), (0, 0, 3), (0, -1, 0)])
def test_tiles_outside_are_not_found(night, place):
    with pytest.raises(NotFound):
        load(locate(night.raw)).pyramid("sci").tile(*place)


def test_planes_that_are_not_there_are_not_found(night):
    with pytest.raises(NotFound, match="sci"):
        load(locate(night.raw)).pyramid("bits")


def test_tags_differ_with_file_and_parameters():
    tags = {etag("a"), etag("b"), etag("a", 0, 1), etag("a", 1, 0), etag("a", "0\n1")}
    assert len(tags) >= 4
    assert etag("a", 1) == etag("a", 1)
    assert etag("a").startswith('"')


def test_figures_are_numpys(night):
    plane = night.frame.data
    figures = measure(plane)
    finite = plane[np.isfinite(plane)]
    assert figures.n - figures.n_finite == 12
    assert figures.min == finite.min()
    assert figures.max == finite.max()
    assert figures.mean == pytest.approx(finite.mean(dtype=float), rel=1e-12)
    assert figures.std == pytest.approx(finite.std(dtype=float), rel=1e-9)
    assert figures.median == pytest.approx(np.median(finite.astype(float)), rel=1e-12)
    for name, value in figures.percentiles.items():
        expected = np.percentile(finite.astype(float), float(name))
        assert value == pytest.approx(expected, rel=1e-12)
    inside = (finite >= figures.histogram_min) & (finite <= figures.histogram_max)
    assert sum(figures.histogram) == inside.sum()
    from astropy.visualization import ZScaleInterval

    assert figures.zscale == pytest.approx(ZScaleInterval().get_limits(plane))


@pytest.mark.parametrize(
    "plane",
    [
        np.full((5, 5), 7, np.uint16),
        np.full((5, 5), np.nan, np.float32),
        np.array([[np.inf, 1.0], [-np.inf, 2.0]]),
        np.array([[1e308, -1e308], [1.0, np.nan]]),
        np.zeros((1, 1), np.float32),
    ],
)
def test_odd_planes_have_figures(plane):
    import json

    figures = measure(plane)
    json.dumps(figures.to_dict(), allow_nan=False)
    assert sum(figures.histogram) <= figures.n_finite
    if figures.n_finite:
        assert figures.histogram_min < figures.histogram_max
