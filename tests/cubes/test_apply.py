"""Functions applied to cubes: by element, along dimensions, with neighbours."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import median_filter, uniform_filter

from polarnight.cubes import Cube, Dimension
from polarnight.cubes.recipes import operation, rebuild
from polarnight.cubes.running.light import da
from polarnight.errors import CubeError

NAMED = {"name": "test_apply", "parameters": {"power": 2}}


def square(values):
    return values.astype("f8") ** 2


def square_variance(values, variance):
    return 4 * values.astype("f8") ** 2 * variance


@operation("test_apply")
def _again(parameters, inputs):
    return inputs[0].apply(
        square, name="test_apply", parameters=parameters, variance=square_variance
    )


def make(shape, chunks, seed=0, **planes):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=shape).astype("f4")
    lazy = {name: da.from_array(plane, chunks=chunks) for name, plane in planes.items()}
    names = ["z", "NAXIS2", "NAXIS1"][-len(shape) :]
    return values, Cube.from_array(da.from_array(values, chunks=chunks), names, **lazy)


def test_by_element():
    bits = np.arange(24, dtype="u2").reshape(4, 6)
    variance = np.full((4, 6), 0.5)
    values, cube = make((4, 6), (2, 5), bits=bits, variance=variance)
    made = cube.apply(square, **NAMED, variance=square_variance, unit="adu2", dtype="f8")
    found = made.compute()
    np.testing.assert_array_equal(found.numpy(), values.astype("f8") ** 2)
    np.testing.assert_array_equal(found.variance.compute(), 2 * values.astype("f8") ** 2)
    np.testing.assert_array_equal(found.bits.compute(), bits)
    assert (made.unit, made.level, made.dtype) == ("adu2", 1, np.float64)
    assert cube.apply(square, **NAMED).dtype == np.float32
    assert cube.apply(square, **NAMED).variance is None
    assert cube.apply(square, **NAMED, bits="drop").bits is None
    again = rebuild(made.recipe, made.inputs)
    assert again.key == made.key


@settings(max_examples=25, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 6)] * 3),
    chunk=st.integers(1, 4),
    along=st.permutations(["z", "NAXIS2", "NAXIS1"]).flatmap(
        lambda names: st.integers(1, 3).map(lambda n: names[:n])
    ),
)
def test_along_dimensions(shape, chunk, along):
    bits = np.random.default_rng(1).integers(0, 512, shape).astype("u2")
    values, cube = make(shape, chunk, bits=bits)
    axes = tuple(cube.axis(name) for name in along)
    ordered = cube.apply(partial(np.flip, axis=tuple(range(-len(along), 0))), **NAMED, along=along)
    assert ordered.names == cube.names
    np.testing.assert_array_equal(ordered.numpy(), np.flip(values, axes))
    np.testing.assert_array_equal(ordered.compute().bits.compute(), bits)
    largest = partial(np.max, axis=tuple(range(-len(along), 0)))
    largest = cube.apply(largest, **NAMED, along=along, output=[], bits="any").compute()
    np.testing.assert_array_equal(largest.numpy(), values.max(axes))
    np.testing.assert_array_equal(largest.bits.compute(), np.bitwise_or.reduce(bits, axes))
    assert largest.names == tuple(name for name in cube.names if name not in along)


def test_sizes_that_change():
    values, cube = make((3, 4, 5), 2, bits=np.zeros((3, 4, 5), "u2"))
    spectrum = Dimension("frequency", 3)

    def transformed(block):
        return np.abs(np.fft.rfft(block, axis=-1))

    made = cube.apply(transformed, **NAMED, along=["NAXIS1"], output=[spectrum], bits="any")
    assert made.names == ("z", "NAXIS2", "frequency")
    np.testing.assert_allclose(made.numpy(), np.abs(np.fft.rfft(values)), rtol=1e-6)
    assert made.bits.compute().shape == (3, 4, 3)
    with pytest.raises(CubeError, match="bits cannot be kept"):
        cube.apply(transformed, **NAMED, along=["NAXIS1"], output=[spectrum])


@pytest.mark.parametrize("chunk", [1, 3, 4, 20])
@pytest.mark.parametrize("size", [3, 5])
def test_filters_do_not_see_blocks(chunk, size):
    values, cube = make((2, 17, 13), chunk)
    depth = {"NAXIS2": size // 2, "NAXIS1": size // 2}
    found = cube.apply(partial(median_filter, size=(1, size, size)), **NAMED, depth=depth)
    np.testing.assert_array_equal(found.numpy(), median_filter(values, size=(1, size, size)))


def test_bits_of_neighbours():
    bits = np.zeros((1, 9, 9), "u2")
    bits[0, 4, 5] = 4
    _, cube = make((1, 9, 9), 2, bits=bits)
    smooth = partial(uniform_filter, size=(1, 3, 3))
    found = cube.apply(smooth, **NAMED, depth={"NAXIS2": 1, "NAXIS1": 1}, bits="any").compute()
    wanted = np.zeros((1, 9, 9), "u2")
    wanted[0, 3:6, 4:7] = 4
    np.testing.assert_array_equal(found.bits.compute(), wanted)


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"along": ["q"]}, "no dimension 'q'"), ({"depth": {"q": 1}}, "no dimension 'q'"),
     ({"along": ["z", "z"]}, "named twice"), ({"bits": "lose"}, "use keep, any or drop"),
     ({"along": ["z"], "depth": {"NAXIS1": 1}}, "whole dimensions or with neighbours")],
)  # fmt: skip
def test_what_is_refused(options, reason):
    _, cube = make((2, 3, 4), 2)
    with pytest.raises(CubeError, match=reason):
        cube.apply(square, **NAMED, **options)


def test_functions_that_return_something_else():
    _, cube = make((2, 3, 4), 2)
    with pytest.raises(CubeError, match="name the dimensions it works along"):
        cube.apply(np.ravel, **NAMED).numpy()
    with pytest.raises(CubeError, match="is needed"):
        cube.apply(np.ravel, **NAMED, along=["z"]).numpy()
    with pytest.raises(CubeError, match="cannot be written down"):
        cube.apply(square, name="x", parameters={"a": object()})
