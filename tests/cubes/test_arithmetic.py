"""Cubes combined: values, variances and bits are those of numpy, whatever shapes and blocks."""

import numpy as np
import pytest
from astropy import units
from hypothesis import given, settings
from hypothesis import strategies as st

from polarnight.cubes import Cube, Dimension, combine_many, combine_pair
from polarnight.cubes.recipes import rebuild
from polarnight.cubes.running.light import da
from polarnight.cubes.steps.elementwise import OF_ITSELF, PAIR_OPERATIONS
from polarnight.errors import CubeError

TYPES = ["u1", "i2", "u2", "i4", "u4", "i8", "f4", "f8", "?"]
SMALL = {"u1", "i2", "u2", "f4", "?"}


@st.composite
def cubes(draw, names):
    """A cube of some of the dimensions, with numpy's view of it."""
    sizes = {name: draw(st.sampled_from([1, 4])) if name == "z" else 4 for name in names}
    own = draw(st.permutations(names))[: draw(st.integers(1, len(names)))]
    shape = tuple(sizes[name] for name in own)
    kind = draw(st.sampled_from(TYPES))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = (rng.normal(size=shape) * 50).astype(kind) if kind != "?" else rng.random(shape) > 0.5
    if values.dtype.kind == "f":
        values[rng.random(shape) < 0.2] = np.nan
    variance = rng.random(shape).astype("f4") if draw(st.booleans()) else None
    bits = rng.integers(0, 600, shape).astype("u2") if draw(st.booleans()) else None
    chunks = tuple(draw(st.integers(1, 4)) for _ in shape)

    def lazy(array):
        return None if array is None else da.from_array(array, chunks=chunks)

    cube = Cube.from_array(lazy(values), own, lazy(variance), lazy(bits))
    return cube, values, variance, bits


def aligned(array, cube, dims):
    """Put an array in the order of dimensions, with axes of length 1 where it lacks one."""
    if array is None:
        return None
    order = [cube.names.index(d.name) for d in dims if d.name in cube.names]
    array = array.transpose(order)
    index = tuple(slice(None) if d.name in cube.names else None for d in dims)
    return array[index]


def reference(operation, a, b):
    plain = {"sum": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.true_divide,
             "max": np.maximum, "min": np.minimum, "abs": np.hypot}  # fmt: skip
    if operation in plain:
        return plain[operation](a, b)
    if operation == "arg":
        return np.arctan2(b, a)
    if operation == "mask":
        return np.where(b == 1, a, np.nan)
    missing = np.isnan(a) | np.isnan(b)
    return np.where(missing, np.nan, np.greater(b, a) if operation == "arg_max" else np.less(b, a))


def variance_of_itself(operation, a, va):
    """Return the variance of a cube combined with itself: there is one error, not two."""
    slopes = {"sum": 2.0 + 0 * a, "mul": 2 * a, "abs": np.sqrt(2) + 0 * a}
    return slopes.get(operation, 0 * a) ** 2 * va


def variance_of(operation, a, b, va, vb):
    if operation in ("sum", "sub"):
        return va + vb
    if operation == "mul":
        return b**2 * va + a**2 * vb
    if operation == "div":
        return va / b**2 + a**2 * vb / b**4
    if operation == "abs":
        return (a**2 * va + b**2 * vb) / (a**2 + b**2)
    if operation == "arg":
        return (b**2 * va + a**2 * vb) / (a**2 + b**2) ** 2
    if operation == "mask":
        return np.where(b == 1, va + 0 * a, np.nan)
    missing = np.isnan(a) | np.isnan(b)
    second = np.greater(b, a) if operation == "max" else np.less(b, a)
    return np.where(missing, np.nan, np.where(second, vb, va))


@settings(max_examples=60, deadline=None)
@given(
    one=cubes(["z", "NAXIS2", "NAXIS1"]),
    two=cubes(["z", "NAXIS2", "NAXIS1"]),
    operation=st.sampled_from(list(PAIR_OPERATIONS)),
)
@np.errstate(all="ignore")
def test_two_cubes(one, two, operation):
    (a, a_values, a_variance, a_bits), (b, b_values, b_variance, b_bits) = one, two
    made = combine_pair(a, b, operation)
    found = made.compute()
    small = {a_values.dtype.str.lstrip("<|="), b_values.dtype.str.lstrip("<|=")}
    kind = np.dtype("f4" if small <= SMALL | {"b1"} else "f8")
    left = aligned(a_values, a, made.dims).astype(kind)
    right = aligned(b_values, b, made.dims).astype(kind)
    wanted = np.asarray(reference(operation, left, right)).astype(kind)
    assert set(made.names) == set(a.names) | set(b.names)
    assert found.dtype == made.dtype == kind
    np.testing.assert_array_equal(found.numpy(), np.broadcast_to(wanted, made.shape))
    known = a_variance is not None and (b_variance is not None or operation == "mask")
    if not known or operation.startswith("arg_"):
        assert found.variance is None
    else:
        va = aligned(a_variance, a, made.dims).astype("f8")
        vb = 0.0 if b_variance is None else aligned(b_variance, b, made.dims).astype("f8")
        spread = variance_of(operation, left.astype("f8"), right.astype("f8"), va, vb)
        if a.key == b.key and operation in OF_ITSELF:
            spread = variance_of_itself(operation, left.astype("f8"), va)
        spread = np.broadcast_to(spread, made.shape)
        # Sums of a few products, each rounded in the type of the result.
        got = found.variance.compute()
        assert got.dtype == kind
        # A value that is not finite has no variance worth the name.
        use = np.isfinite(np.broadcast_to(wanted, made.shape)) & np.isfinite(spread)
        rtol = 2e-6 if kind == "f4" else 1e-12
        np.testing.assert_allclose(got[use], spread[use], rtol=rtol)
    if a_bits is None and b_bits is None:
        assert found.bits is None
    else:
        flags = np.zeros(made.shape, "u2")
        for cube, bits in ((a, a_bits), (b, b_bits)):
            if bits is not None:
                flags |= aligned(bits, cube, made.dims)
        np.testing.assert_array_equal(found.bits.compute(), flags)


@settings(max_examples=60, deadline=None)
@given(
    one=cubes(["NAXIS2", "NAXIS1"]),
    number=st.one_of(st.integers(-10, 10), st.floats(width=32), st.just(1e300)),
    operation=st.sampled_from(["+", "-", "*", "/", "r-", "r/"]),
)
@np.errstate(all="ignore")
def test_numbers(one, number, operation):
    a, values, variance, bits = one
    kind = a.dtype if a.dtype.kind == "f" else np.dtype("f4" if a.dtype.itemsize < 4 else "f8")
    left, right = values.astype(kind), np.array(number, "f8").astype(kind)
    found, wanted = {
        "+": lambda: (a + number, left + right),
        "-": lambda: (a - number, left - right),
        "*": lambda: (a * number, left * right),
        "/": lambda: (a / number, left / right),
        "r-": lambda: (number - a, right - left),
        "r/": lambda: (number / a, right / left),
    }[operation]()
    found = found.compute()
    assert found.dtype == kind
    np.testing.assert_array_equal(found.numpy(), wanted)
    assert (found.bits is None) == (bits is None)
    if variance is not None:
        by = {"+": 1, "-": 1, "r-": 1, "*": right**2, "/": 1 / right**2}
        slope = by.get(operation, right**2 / left.astype("f8") ** 4)
        spread = variance.astype("f8") * slope
        sane = np.isfinite(spread) & ((spread == 0) | (spread > 1e-30)) & (abs(spread) < 1e30)
        sane &= np.isfinite(wanted)
        got = found.variance.compute()[sane]
        np.testing.assert_allclose(got, spread[sane], rtol=2e-6)


@settings(max_examples=60, deadline=None)
@given(
    given_cubes=st.lists(cubes(["z", "NAXIS2", "NAXIS1"]), min_size=1, max_size=4),
    operation=st.sampled_from(["avg", "sum", "mul", "max", "min", "arg_max", "arg_min"]),
)
@np.errstate(all="ignore")
def test_many_cubes(given_cubes, operation):
    made = combine_many([one[0] for one in given_cubes], operation)
    found = made.compute()
    whole = np.stack([
        np.broadcast_to(aligned(values, cube, made.dims).astype("f8"), made.shape)
        for cube, values, _, _ in given_cubes
    ])  # fmt: skip
    missing = np.isnan(whole).any(axis=0)
    filled = np.where(missing, 0.0, whole)
    wanted = {
        "avg": lambda: filled.sum(axis=0) / len(whole),
        "sum": lambda: filled.sum(axis=0),
        "mul": lambda: filled.prod(axis=0),
        "max": lambda: filled.max(axis=0),
        "min": lambda: filled.min(axis=0),
        "arg_max": lambda: filled.argmax(axis=0).astype("f8"),
        "arg_min": lambda: filled.argmin(axis=0).astype("f8"),
    }[operation]()
    wanted = np.where(missing, np.nan, wanted).astype(made.dtype)
    np.testing.assert_array_equal(found.numpy(), wanted)
    variances = [one[2] for one in given_cubes]
    if any(v is None for v in variances):
        assert found.variance is None
    elif operation in ("avg", "sum"):
        keys = [one[0].key for one in given_cubes]
        total = sum(
            np.broadcast_to(aligned(v, one[0], made.dims).astype("f8"), made.shape)
            * keys.count(key)
            for key, v, one in zip(keys, variances, given_cubes, strict=True)
        )
        spread = total / len(whole) ** 2 if operation == "avg" else total
        if len(set(keys)) == len(keys):
            np.testing.assert_array_equal(found.variance.compute(), spread.astype(made.dtype))
        else:
            np.testing.assert_allclose(found.variance.compute(), spread, rtol=1e-6)


def test_variances_of_products_and_extremes_of_many():
    a = Cube.from_array([[2.0, 5.0]], variance=[[0.1, 0.2]])
    b = Cube.from_array([[3.0, 4.0]], variance=[[0.3, 0.4]])
    c = Cube.from_array([[10.0, 1.0]], variance=[[0.0, 0.0]])
    product = combine_many([a, b, c], "mul").compute()
    np.testing.assert_allclose(
        product.variance.compute(), [[100 * (9 * 0.1 + 4 * 0.3), 16 * 0.2 + 25 * 0.4]]
    )
    largest = combine_many([a, b, c], "max").compute()
    np.testing.assert_array_equal(largest.variance.compute(), [[0.0, 0.2]])
    smallest = combine_many([a, b, c], "min").compute()
    np.testing.assert_array_equal(smallest.variance.compute(), [[0.1, 0.0]])
    assert combine_many([a, b], "arg_max").compute().variance is None


def test_what_is_not_known_does_not_count_as_exact():
    measured = Cube.from_array([[2.0, 5.0]], variance=[[0.1, 0.2]])
    raw = Cube.from_array(np.array([[3, 4]], "u2"))
    for made in (raw - measured, measured / raw, combine_many([measured, raw], "avg")):
        assert made.variance is None
    masked = combine_pair(measured, raw / 3.0, "mask")
    np.testing.assert_array_equal(masked.variance.compute()[0, 0], 0.1)


def test_integers_never_divide_as_integers():
    a = Cube.from_array(np.array([[1, 7]], "i2"))
    assert (a / 2).numpy().tolist() == [[0.5, 3.5]]
    assert (a / a).dtype == np.float32
    assert (a.numpy().dtype, (a - 3).dtype) == (np.int16, np.float32)
    # Unsigned ones do not turn over either.
    b = Cube.from_array(np.array([[1, 7]], "u2"))
    assert (b - 5).numpy().tolist() == [[-4.0, 2.0]]
    assert (-b).numpy().tolist() == [[-1.0, -7.0]]


def test_correlation_of_rows():
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 5, 40))
    a[1, 3] = np.nan
    b[2, :] = 7.0
    bits = np.zeros((5, 40), "u2")
    bits[3, 4] = 1 << 8
    one = Cube.from_array(da.from_array(a, chunks=(2, 7)), bits=bits)
    found = combine_pair(one, Cube.from_array(b), "corr").compute()
    assert found.names == ("NAXIS2",)
    wanted = []
    for row in range(5):
        use = np.isfinite(a[row]) & (bits[row] == 0)
        with np.errstate(invalid="ignore"):
            wanted.append(np.corrcoef(a[row][use], b[row][use])[0, 1])
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-12)
    assert np.isnan(wanted[2])
    assert found.unit == "1"


def test_units():
    adu = Cube.from_array([[1.0, 2.0]], unit="adu")
    electron = Cube.from_array([[1.0, 2.0]], unit="electron")
    gain = Cube.from_array([[2.0, 2.0]], unit="electron/adu")
    unknown = Cube.from_array([[1.0, 2.0]])
    seconds, millis = (Cube.from_array([[1.0, 2.0]], unit=u) for u in ("s", "ms"))
    assert (adu - adu).unit == "adu"
    assert (adu / adu).unit == "1"
    assert units.Unit((adu * gain).unit) == units.electron
    assert (electron - adu * gain).unit == "electron"
    assert (adu - unknown).unit == (adu * unknown).unit == ""
    assert (adu * 2 + 1).unit == "adu"
    assert units.Unit((1 / seconds).unit) == 1 / units.s
    assert (seconds + millis).numpy().tolist() == [[1.001, 2.002]]
    assert (millis + seconds).numpy().tolist() == [[1001.0, 2002.0]]
    assert combine_many([seconds, millis], "sum").numpy().tolist() == [[1.001, 2.002]]
    assert combine_pair(adu, unknown, "mask").unit == "adu"
    assert combine_pair(adu, adu, "arg").unit == "rad"
    assert adu.with_unit("electron").unit == "electron"
    odd = Cube.from_array([[1.0, 2.0]], unit="counts per fortnight")
    assert (odd + odd).unit == "counts per fortnight"
    assert (odd * adu).unit == ""
    with pytest.raises(CubeError, match=r"adu.*electron.*with_unit"):
        adu + electron
    with pytest.raises(CubeError, match="with_unit"):
        combine_many([adu, electron], "avg")


def test_what_does_not_fit():
    a = Cube.from_array(np.zeros((2, 3)))
    with pytest.raises(CubeError, match="NAXIS1 has size 3 in one cube and 4"):
        a + Cube.from_array(np.zeros((2, 4)))
    with pytest.raises(CubeError, match="unknown operation 'pow'"):
        combine_pair(a, a, "pow")
    with pytest.raises(CubeError, match="unknown operation 'median'"):
        combine_many([a], "median")
    with pytest.raises(CubeError, match="no cubes"):
        combine_many([], "sum")
    with pytest.raises(TypeError):
        a + "1"
    with pytest.raises(TypeError):
        a + True
    with pytest.raises(AttributeError, match="immutable"):
        a.unit = "adu"


def test_an_image_against_a_stack_keeps_order_and_coordinates():
    times = Dimension("time", 3, "double", (0.5, 1.5, 4.0))
    stack = Cube.from_array(np.arange(24.0).reshape(3, 2, 4), [times, "NAXIS2", "NAXIS1"])
    image = Cube.from_array(np.ones((2, 4)))
    for made in (stack - image, image - stack):
        assert made.names == ("time", "NAXIS2", "NAXIS1")
        assert made.dim("time").values == (0.5, 1.5, 4.0)
    np.testing.assert_array_equal((image - stack).numpy(), 1 - np.arange(24.0).reshape(3, 2, 4))


def test_chains_are_one_task_for_each_block():
    import dask

    a = Cube.from_array(da.zeros((64, 64), chunks=(16, 64), dtype="u2"))
    made = ((a - 3) * 2 + a) / (a + 1) - 7
    graph = dask.optimize(made.data)[0].__dask_graph__()
    assert len(graph) <= 2 * 4


def test_chains_longer_than_calls_may_be_deep():
    made = Cube.from_array(np.zeros((2, 2), "f4"))
    for _ in range(400):
        made = made + 1
    assert (made.level, len(made.key)) == (400, 64)
    assert made.numpy().tolist() == [[400.0, 400.0], [400.0, 400.0]]


def test_combinations_are_made_again():
    a = Cube.from_array(np.arange(6.0).reshape(2, 3), unit="adu")
    b = Cube.from_array(np.ones((2, 3)), unit="adu")
    for made in (a - b, 3 / a, a * float("inf"), combine_many([a, b], "avg"),
                 combine_pair(a, b, "corr", measure="r")):  # fmt: skip
        again = rebuild(made.recipe, made.inputs)
        assert (again.key, again.unit, again.measure) == (made.key, made.unit, made.measure)
        np.testing.assert_array_equal(again.numpy(), made.numpy())
    with pytest.raises(CubeError, match="no longer those"):
        rebuild((a - b).recipe, (b, a))
