"""Reducing cubes: the same as numpy whatever axis, chunks and place of work."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from polarnight.cubes import Cube, Dimension, FrameStack, combine, merge, rebuild
from polarnight.cubes.kernels.statistics import OPERATIONS
from polarnight.cubes.recipes import Recipe
from polarnight.cubes.running.runner import Runner
from polarnight.errors import BadFrame, CubeError
from polarnight.frames.bits import Bit

from .statistics_by_numpy import LONG, NARROW, WIDE, expected, expected_bits, usable_values

VARIANTS = [
    *((name, {}) for name in ("median", "mean", "sum", "min", "max", "count")),
    *((name, {}) for name in ("arg_min", "arg_max")),
    ("var", {"ddof": 0.0}),
    ("std", {"ddof": 1.0}),
    ("mad", {"normalised": True}),
    ("quantile", {"level": 0.9}),
    ("cmoment", {"order": 3}),
    ("armoment", {"order": 2}),
]


@pytest.fixture
def night(tmp_path):
    """Paths of frames of 16-bit integers as cameras write them."""
    rng = np.random.default_rng(20240408)
    paths = []
    for k in range(7):
        path = tmp_path / f"{k}.fits"
        pixels = rng.integers(0, 65536, (150, 130)).astype(np.uint16)
        header = fits.Header({"EXPTIME": 2.0, "BUNIT": "adu", "CRPIX1": 65.0, "CDELT1": 0.5})
        fits.writeto(path, pixels, header)
        paths.append(path)
    return paths


def stack_of(paths):
    return merge([Cube.open_fits(path) for path in paths], "z")


def planes_of(cube):
    made = cube.compute()
    return [None if plane is None else plane.compute() for plane in made.planes]


@st.composite
def cubes(draw):
    dtype = draw(st.sampled_from([*NARROW, *WIDE, *LONG]))
    shape = tuple(draw(st.lists(st.integers(1, 6), min_size=1, max_size=4)))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    values = np.round(rng.normal(60, 20, shape) * 8) / 8
    kind = np.dtype(dtype).kind
    if kind != "f":
        values = values.clip(0, 120)
    else:
        values[rng.random(shape) < 0.2] = np.nan
        values[rng.random(shape) < 0.05] = -np.inf
    bits = None
    if draw(st.booleans()):
        bits = np.where(rng.random(shape) < 0.3, Bit.TRAIL, 0).astype(np.uint16)
        bits |= np.where(rng.random(shape) < 0.3, Bit.NEAR_EDGE, 0).astype(np.uint16)
    chunks = tuple(draw(st.integers(1, n)) for n in shape)
    return values.astype(dtype), bits, chunks, draw(st.integers(0, len(shape) - 1))


def lazy(array, bits, chunks):
    import dask.array as da

    native = array.astype(array.dtype.newbyteorder("="))
    return Cube.from_array(
        da.from_array(native, chunks=chunks),
        bits=None if bits is None else da.from_array(bits, chunks=chunks),
    )


@given(
    given=cubes(),
    variant=st.sampled_from(VARIANTS),
    scheduler=st.sampled_from(["threads", "sync"]),
    size=st.integers(0, 4),
)
@settings(deadline=None, max_examples=150)
def test_any_cube(given, variant, scheduler, size):
    array, bits, chunks, axis = given
    name, parameters = variant
    cube = lazy(array, bits, chunks)
    dim = cube.names[axis]
    if size:
        made = cube.block_reduce(name, dim, size, **parameters)
    else:
        made = cube.reduce(name, dim, **parameters)
    moved = np.moveaxis(array, axis, 0)
    flags = None if bits is None else np.moveaxis(bits, axis, 0)
    step = size or len(moved)
    values, wanted_bits = [], []
    for first in range(0, len(moved), step):
        group = slice(first, first + step)
        some = None if flags is None else flags[group]
        values.append(expected(usable_values(moved[group], some), name, **parameters))
        wanted_bits.append(expected_bits(moved[group], some))
    place = (lambda found: np.moveaxis(np.stack(found), 0, axis)) if size else (lambda f: f[0])
    with Runner(scheduler) as runner:
        planes = (made.data, made.variance, made.bits)
        data, variance, found_bits = (None if p is None else runner.arrays([p])[0] for p in planes)
    assert data.shape == made.shape
    assert data.dtype == made.dtype
    np.testing.assert_array_equal(data, place(values).astype(data.dtype))
    np.testing.assert_array_equal(found_bits, place(wanted_bits))
    assert (variance is None) == (name not in {"median", "mean", "sum"})


def test_a_stack_of_files_is_reduced_as_the_pipeline_does(night):
    stack = stack_of(night)
    for name in ("median", "clipped_mean", "clipped_median", "mean", "min", "max", "sum"):
        clips = {"min_sigma": 0.0} if "clipped" in name else {}
        with FrameStack(night) as frames:
            master = combine(frames, name, **clips)
        # Of integers, a reduction knows what rounding adds; the kernels see the scatter alone.
        value, variance, bits = planes_of(stack.reduce(name, "z", step=0.0, **clips))
        np.testing.assert_array_equal(value, master.value)
        np.testing.assert_array_equal(bits, master.bits)
        if variance is None:
            assert name in {"min", "max"}
        else:
            np.testing.assert_array_equal(variance, master.variance)


def test_the_median_by_its_other_name_is_the_master(night):
    one = planes_of(stack_of(night).reduce("median", "z"))
    other = planes_of(stack_of(night).reduce("quantile", "z", level=0.5))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_calibration_in_the_same_pass_makes_the_master_of_the_pipeline(night):
    rng = np.random.default_rng(1)
    bias, dark = rng.normal(300, 2, (2, 150, 130)).astype(np.float32)
    options = {
        "dark_scale": rng.uniform(1, 9, 7).tolist(),
        "scale": rng.uniform(0.5, 2, 7).tolist(),
        "saturation": 60000.0,
        "nsigma": 2.0,
        "min_sigma": [5.0] * 7,
    }
    with FrameStack(night) as frames:
        master = combine(frames, "clipped_median", bias=bias, dark=dark, **options)
    flags = np.zeros(bias.shape, np.uint16)
    flags[3, 4] = Bit.NEAR_EDGE
    as_cube = Cube.from_array(bias, bits=flags, unit="adu")
    made = stack_of(night).reduce("clipped_median", "z", bias=as_cube, dark=dark, **options)
    value, variance, bits = planes_of(made)
    np.testing.assert_array_equal(value, master.value)
    np.testing.assert_array_equal(variance, master.variance)
    np.testing.assert_array_equal(bits, master.bits | flags)
    # The same through blocks in memory, and made again from what was written down.
    copy = Cube.from_array(stack_of(night).numpy(), ["z", "NAXIS2", "NAXIS1"], unit="adu")
    slow = copy.reduce("clipped_median", "z", bias=as_cube, dark=dark, **options)
    np.testing.assert_array_equal(slow.numpy(), master.value)
    again = rebuild(Recipe.from_dict(made.recipe.to_dict()), made.inputs)
    assert again.key == made.key
    np.testing.assert_array_equal(again.numpy(), master.value)


def test_recipes_tell_reductions_apart(night):
    stack = stack_of(night)
    made = [
        stack.reduce("median", "z"),
        stack.reduce("mean", "z"),
        stack.reduce("std", "z"),
        stack.reduce("std", "z", ddof=1),
        stack.reduce("std", "NAXIS1"),
        stack.reduce("std", "z", scale=2.0),
        stack.block_reduce("std", "z", 2),
        stack.block_reduce("std", "z", 3),
    ]
    assert len({cube.key for cube in made}) == len(made)
    assert stack.reduce("std", "z", ddof=0).key == stack.reduce("std", "z").key
    for cube in made:
        again = rebuild(Recipe.from_dict(cube.recipe.to_dict()), cube.inputs)
        assert again.key == cube.key
        np.testing.assert_array_equal(again.numpy(), cube.numpy())
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(cube)).numpy(), cube.numpy())


def test_one_task_for_a_band(night):
    made = stack_of(night).reduce("median", "z")
    bands = made.data.numblocks[0]
    assert bands > 1
    # One that reads and reduces, and one for each plane of the result.
    assert len(dict(made.data.__dask_graph__())) == 2 * bands


def test_units_dimensions_and_header_follow(night):
    stack = stack_of(night)
    assert stack.unit == "adu"
    units = {name: stack.reduce(name, "z").unit for name in OPERATIONS}
    assert units["median"] == units["std"] == units["mad"] == "adu"
    assert units["var"] == units["cmoment"] == "adu2"
    assert units["count"] == units["arg_min"] == units["arg_max"] == "1"
    assert stack.reduce("rmoment", "z", order=3).unit == "adu3"
    reduced = stack.reduce("median", "NAXIS2")
    assert reduced.names == ("z", "NAXIS1")
    assert reduced.metadata["NCOMBINE"] == 150
    assert reduced.metadata["EXPTIME"] == 2.0
    assert reduced.level == stack.level + 1
    assert stack.reduce("median", "z").reduce("max", "naxis1").reduce("sum", "NAXIS2").shape == ()


def test_groups_have_the_coordinates_of_their_middle(night):
    binned = stack_of(night).block_reduce("sum", "NAXIS1", 4)
    assert binned.shape == (7, 150, 33)
    # The middle of old pixel 65 is a quarter into new pixel 17, which holds 65 to 68.
    assert binned.metadata["CRPIX1"] == 16.625
    assert binned.metadata["CDELT1"] == 2.0
    times = Dimension("t", 5, "int", (10, 20, 30, 40, 55))
    grouped = Cube.from_array(np.arange(5.0), [times]).block_reduce("mean", "t", 2)
    np.testing.assert_array_equal(grouped.numpy(), [0.5, 2.5, 4.0])
    assert grouped.dims[0].values == (15.0, 35.0, 55.0)
    assert grouped.dims[0].type == "double"
    plain = Cube.from_array(np.arange(5.0), ["t"]).block_reduce("mean", "t", 2)
    assert plain.dims[0].values is None


def test_scales_of_groups_are_those_of_their_elements(night):
    scale = np.linspace(1, 2, 7)
    stack = stack_of(night)
    made = stack.block_reduce("mean", "z", 3, scale=scale.tolist()).numpy()
    values = stack.numpy()
    for k, group in enumerate((slice(0, 3), slice(3, 6), slice(6, 7))):
        wanted = combine(values[group], "mean", scale=scale[group]).value
        np.testing.assert_array_equal(made[k], wanted)
    rows = stack.block_reduce("mean", "NAXIS2", 40, scale=np.linspace(1, 2, 150).tolist())
    wanted = combine(values[:, 120:].swapaxes(0, 1), "mean", scale=np.linspace(1, 2, 150)[120:])
    np.testing.assert_array_equal(rows.numpy()[:, 3], wanted.value)


def test_masters_of_groups_serve_every_group(night):
    bias = np.random.default_rng(1).normal(300, 2, (150, 130)).astype(np.float32)
    flagged = Cube.from_array(bias, bits=np.full(bias.shape, 1, np.uint16), unit="adu")
    stack = stack_of(night)
    made = stack.block_reduce("median", "z", 3, bias=flagged)
    wanted = combine(stack.numpy()[3:6], "median", bias=bias).value
    np.testing.assert_array_equal(made.numpy()[1], wanted)
    assert (planes_of(made)[2] == 1).all()
    row = np.ones((7, 130), np.float32)
    columns = stack.block_reduce("median", "NAXIS2", 100, bias=row).numpy()
    wanted = combine(stack.numpy()[:, :100].swapaxes(0, 1), "median", bias=row).value
    np.testing.assert_array_equal(columns[:, 0], wanted)


def test_parts_of_files_and_blanks(tmp_path, night):
    part = stack_of(night).subset(NAXIS1=slice(20, 100), NAXIS2=slice(10, 140), z=slice(1, 6))
    assert part.view is not None
    np.testing.assert_array_equal(
        part.reduce("median", "z").numpy(),
        np.median(np.stack([fits.getdata(p) for p in night[1:6]])[:, 10:140, 20:100], axis=0),
    )
    # Parts that lie at different places of their files.
    cubes = [Cube.open_fits(p).subset(NAXIS2=slice(k, k + 100)) for k, p in enumerate(night)]
    shifted = merge(cubes, "z")
    wanted = np.stack([fits.getdata(p)[k : k + 100] for k, p in enumerate(night)])
    np.testing.assert_array_equal(shifted.reduce("median", "z").numpy(), np.median(wanted, axis=0))
    blanked = []
    for k in range(3):
        hdu = fits.PrimaryHDU(np.arange(12, dtype=np.int16).reshape(3, 4) + k)
        hdu.header["BLANK"] = 5
        hdu.writeto(tmp_path / f"blank{k}.fits")
        blanked.append(tmp_path / f"blank{k}.fits")
    value, _, bits = planes_of(stack_of(blanked).reduce("max", "z"))
    wanted = np.arange(12.0).reshape(3, 4) + 2
    wanted[0, 3] = 4  # 3, 4 and a blank
    np.testing.assert_array_equal(value, wanted)
    assert not bits.any()
    lone = planes_of(stack_of(blanked[:1]).reduce("max", "z"))
    assert np.isnan(lone[0][1, 1])
    assert lone[2][1, 1] == Bit.NO_DATA


@pytest.mark.parametrize("dtype", ["i4", "f8", "f4", "u1"])
def test_stacks_of_files_of_other_types(tmp_path, dtype):
    rng = np.random.default_rng(2)
    planes = (rng.normal(0, 1, (4, 20, 30)) * (3e8 if dtype == "i4" else 50)).astype(dtype)
    paths = []
    for k, plane in enumerate(planes):
        fits.writeto(tmp_path / f"{k}.fits", plane)
        paths.append(tmp_path / f"{k}.fits")
    stack = stack_of(paths)
    made = stack.reduce("median", "z").numpy()
    wanted = np.median(planes.astype(np.float64), axis=0)
    np.testing.assert_array_equal(made, wanted.astype(made.dtype))
    std = stack.reduce("std", "NAXIS1").numpy()
    doubles = np.moveaxis(planes.astype(np.float64), 2, 0)
    np.testing.assert_array_equal(std, expected(doubles, "std", ddof=0).astype(std.dtype))


def test_long_integers_keep_their_digits():
    big = np.array([[2**62 + 1, 2**62 + 2], [2**62 + 3, -(2**62) - 1]])
    cube = Cube.from_array(big, ["z", "x"])
    assert cube.reduce("max", "z").numpy().tolist() == [2**62 + 3, 2**62 + 2]
    assert cube.reduce("arg_max", "z").numpy().tolist() == [1, 0]
    assert cube.reduce("sum", "z").numpy().tolist() == [float(2**63 + 4), 1.0]
    flagged = Cube.from_array(big, ["z", "x"], bits=np.array([[0, 128], [0, 128]], np.uint16))
    made = flagged.reduce("max", "z").numpy()
    assert made.dtype == np.float64
    assert made[0] == float(2**62 + 3)
    assert np.isnan(made[1])
    assert flagged.reduce("arg_max", "z").numpy().tolist() == [1, -1]


def test_variances_of_values_are_used():
    rng = np.random.default_rng(3)
    for dtype in (np.float32, np.float64):
        values = rng.normal(10, 1, (5, 4, 3)).astype(dtype)
        variance = rng.uniform(1, 2, values.shape).astype(dtype)
        cube = Cube.from_array(values, variance=variance)
        mean = planes_of(cube.reduce("mean", "NAXIS3"))[1]
        np.testing.assert_allclose(mean, variance.sum(axis=0, dtype=float) / 25, rtol=1e-6)
        assert mean.dtype == dtype
        assert planes_of(cube.reduce("std", "NAXIS3"))[1] is not None
        assert planes_of(cube.reduce("mad", "NAXIS3"))[1] is None


def test_a_file_that_changed_is_told(night):
    made = stack_of(night).reduce("median", "z")
    with fits.open(night[3], mode="update") as hdus:
        hdus[0].header["HISTORY"] = "edited " * 600
    with pytest.raises(BadFrame, match=r"3\.fits: has changed since the cube was made"):
        made.numpy()
    night[3].unlink()
    with pytest.raises(BadFrame, match=r"3\.fits: cannot be read"):
        made.numpy()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: c.reduce("mode", "z"), "no operation 'mode'"),
        (lambda c: c.reduce("median", "w"), "no dimension 'w'; there are z, NAXIS2, NAXIS1"),
        (lambda c: c.block_reduce("median", "z", 0), "size = 0; give a whole number"),
        (lambda c: c.block_reduce("median", "z", 1.5), "size = 1.5"),
        (lambda c: c.reduce("median", "z", scale=[1, 2]), "one finite number, or 7 of them"),
        (lambda c: c.reduce("median", "z", scale="x"), "scale = 'x' is not a number"),
        (lambda c: c.reduce("median", "z", saturation=[1] * 7), "saturation must be one"),
        (lambda c: c.reduce("median", "z", dark_scale=2), "dark_scale is given, but no dark"),
        (lambda c: c.reduce("median", "z", bias=np.ones(3)), r"bias has shape \(3,\)"),
        (lambda c: c.reduce("median", "z", bias=c), "must have the dimensions NAXIS2 150"),
        (
            lambda c: c.reduce("mean", "z", bias=Cube.from_array(np.ones((150, 130)), unit="s")),
            "do not go together",
        ),
    ],
)
def test_wrong_calls(night, call, message):
    with pytest.raises(CubeError, match=message):
        call(stack_of(night))


def test_a_cube_of_nothing_is_refused():
    with pytest.raises(CubeError, match="holds nothing to reduce"):
        Cube.from_array(np.ones((0, 3))).reduce("mean", "NAXIS1")


@pytest.mark.cluster
def test_processes_give_the_same_bits(night):
    stack = stack_of(night)
    with Runner("local", workers=2) as runner:
        for name, dim in (("clipped_median", "z"), ("std", "NAXIS1"), ("mad", "NAXIS2")):
            for made in (stack.reduce(name, dim, scale=1.5), stack.block_reduce(name, dim, 4)):
                np.testing.assert_array_equal(made.numpy(runner), made.numpy())
