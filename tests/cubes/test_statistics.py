"""Statistics of stacks: kernels, numpy reference and numpy itself give the same bits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from astropy.stats import mad_std, sigma_clip
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from polarnight import _native
from polarnight.cubes import METHODS, combine
from polarnight.cubes.kernels.statistics import OPERATIONS, Operation, describe_frames
from polarnight.cubes.steps.whole import reduce_whole
from polarnight.errors import CubeError
from polarnight.frames.bits import Bit

from .statistics_by_numpy import (
    LONG,
    NARROW,
    WIDE,
    expected,
    expected_bits,
    usable_values,
)

VARIANTS = [
    *((name, {}) for name in ("median", "mean", "sum", "min", "max", "count")),
    *((name, {}) for name in ("arg_min", "arg_max")),
    *((name, {"ddof": ddof}) for name in ("var", "std") for ddof in (0.0, 1.0)),
    *(("mad", {"normalised": normalised}) for normalised in (True, False)),
    *(("quantile", {"level": level}) for level in (0.0, 0.1, 0.5, 0.9, 1.0)),
    *((name, {"order": 3}) for name in ("cmoment", "acmoment", "rmoment", "armoment")),
    ("cmoment", {"order": 2}),
    ("rmoment", {"order": 1}),
]


def by_both(frames, operation, **options):
    """Reduce with the kernels and with numpy; check that they agree to the bit."""
    assert _native.library() is not None, "the kernels are not built here"
    kernel = describe_frames(frames, operation, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POLARNIGHT_NO_NATIVE", "1")
        reference = describe_frames(frames, operation, **options)
    for plane in ("value", "variance", "count", "bits"):
        one, other = getattr(kernel, plane), getattr(reference, plane)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other, err_msg=f"{operation} {plane}")
    return kernel


def random_frames(rng, dtype, shape):
    frames = rng.normal(100, 9, shape)
    frames[rng.random(shape) < 0.05] += 25
    if np.dtype(dtype).kind == "f":
        # Eighths, of which float32 holds every sum exactly.
        frames = np.round(frames * 8) / 8
        frames[rng.random(shape) < 0.1] = np.nan
        frames[rng.random(shape) < 0.02] = np.inf
        frames[:, 1, 5] = np.nan
    return frames.astype(dtype)


@pytest.mark.parametrize("n", [1, 2, 3, 6, 9, 33])
@pytest.mark.parametrize("dtype", [*NARROW, *WIDE, *LONG])
def test_equal_to_numpy(n, dtype):
    rng = np.random.default_rng(n)
    # 70 columns: a whole tile of the kernels and a part of one.
    frames = random_frames(rng, dtype, (n, 3, 70))
    flags = np.where(rng.random(frames.shape) < 0.1, Bit.COSMIC_RAY, 0).astype(np.uint16)
    flags |= np.where(rng.random(frames.shape) < 0.2, Bit.LOW_FLAT, 0).astype(np.uint16)
    for bits in (None, flags):
        values = usable_values(frames, bits)
        for name, parameters in VARIANTS:
            made = by_both(frames, Operation(name, parameters), bits=bits)
            wanted = expected(values, name, **parameters).astype(np.float64)
            if name.startswith("arg"):
                wanted[wanted < 0] = np.nan
            if name == "count":
                wanted[wanted == 0] = np.nan
            assert made.value.dtype == (np.float32 if dtype in NARROW else np.float64)
            np.testing.assert_array_equal(
                made.value, wanted.astype(made.value.dtype), err_msg=f"{name} {parameters}"
            )
            np.testing.assert_array_equal(made.bits, expected_bits(frames, bits))
            np.testing.assert_array_equal(made.count, np.isfinite(values).sum(axis=0))


numbers = {
    "f4": st.floats(-1e6, 1e6, width=32),
    "f8": st.floats(-1e12, 1e12),
    "u2": st.integers(0, 65535),
    "i2": st.integers(-32768, 32767),
    "i8": st.integers(-(2**53), 2**53),
}
special = st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0])


@st.composite
def stacks(draw):
    dtype = draw(st.sampled_from(sorted(numbers)))
    elements = numbers[dtype] if dtype[0] != "f" else st.one_of(numbers[dtype], special)
    shape = draw(hnp.array_shapes(min_dims=3, max_dims=3, max_side=9))
    return draw(hnp.arrays(dtype, shape, elements=elements))


@given(frames=stacks(), variant=st.sampled_from(VARIANTS), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=300)
def test_any_numbers(frames, variant, seed):
    name, parameters = variant
    rng = np.random.default_rng(seed)
    bits = None
    if seed % 2:
        bits = np.where(rng.random(frames.shape) < 0.3, Bit.BAD_PIXEL, 0).astype(np.uint16)
    made = by_both(frames, Operation(name, parameters), bits=bits)
    if name in {"mean", "sum"} and frames.dtype == np.float32:
        return  # the order of additions matters, see test_means_of_floats
    values = usable_values(frames, bits)
    wanted = expected(values, name, **parameters).astype(np.float64)
    wanted[~np.isfinite(values).any(axis=0)] = np.nan
    np.testing.assert_array_equal(made.value, wanted.astype(made.value.dtype))


@given(
    frames=hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=3, max_dims=3, max_side=9),
        elements=st.floats(-1e6, 1e6, width=32),
    )
)
@settings(deadline=None, max_examples=100)
def test_means_of_floats(frames):
    """Float32 means are those of exact sums, but for what float64 rounds on the way."""
    mean = by_both(frames, Operation("mean")).value
    total = by_both(frames, Operation("sum")).value
    n = len(frames)
    for at in np.ndindex(frames.shape[1:]):
        column = [float(v) for v in frames[(slice(None), *at)]]
        exact = math.fsum(column)
        # Differences from the first value are at most 2e6; n of them are added.
        slack = 4 * n * 2.0**-53 * sum(abs(v - column[0]) for v in column) + 2.0**-53 * abs(exact)
        near = np.spacing(np.float32(max(abs(exact), np.finfo(np.float32).tiny))) / 2
        assert abs(float(total[at]) - exact) <= near + slack
        near = np.spacing(np.float32(max(abs(exact / n), np.finfo(np.float32).tiny))) / 2
        assert abs(float(mean[at]) - exact / n) <= near + slack


@pytest.mark.parametrize("dtype", ["u2", "f4", "i4", "f8"])
@pytest.mark.parametrize("n", [5, 20])
def test_clipping_is_that_of_astropy(dtype, n):
    rng = np.random.default_rng(7)
    frames = rng.normal(1000, 20, (n, 20, 30))
    frames[rng.random(frames.shape) < 0.08] += 900
    frames = frames.astype(dtype)
    clipped = sigma_clip(
        frames.astype(np.float64),
        sigma=3,
        maxiters=5,
        # By name, astropy takes back in what the last limits of all include again.
        cenfunc=np.nanmedian,
        stdfunc=lambda values, axis: mad_std(values, axis=axis, ignore_nan=True),
        axis=0,
    )
    made = by_both(frames, Operation("clipped_median"))
    np.testing.assert_array_equal(made.count, (~clipped.mask).sum(axis=0))
    median = np.ma.median(clipped, axis=0).filled(np.nan)
    np.testing.assert_array_equal(made.value, median.astype(made.value.dtype))
    mean = by_both(frames, Operation("clipped_mean")).value
    digits = 1e-7 if mean.dtype == np.float32 else 1e-14
    np.testing.assert_allclose(mean, clipped.mean(axis=0).filled(np.nan), rtol=digits)


@pytest.mark.parametrize("method", METHODS)
def test_the_engine_makes_the_masters_of_the_pipeline(method):
    rng = np.random.default_rng(3)
    frames = rng.integers(0, 65536, (9, 20, 70)).astype(">u2")
    options = {
        "bias": rng.normal(300, 2, (20, 70)).astype(np.float32),
        "dark": rng.normal(3, 1, (20, 70)).astype(np.float32),
        "dark_scale": rng.uniform(1, 9, 9),
        "scale": rng.uniform(0.5, 2, 9),
        "saturation": 60000.0,
    }
    clipping = {"nsigma": 2.5, "min_sigma": [3.0, *[4.0] * 8]} if "clip" in method else {}
    master = combine(frames, method, **options, **clipping)
    made = describe_frames(frames, Operation(method, clipping), **options)
    for plane in ("value", "variance", "count", "bits"):
        np.testing.assert_array_equal(getattr(made, plane), getattr(master, plane))


def test_calibration_in_float64_keeps_all_digits():
    rng = np.random.default_rng(4)
    frames = rng.normal(1e9, 1, (5, 3, 70))
    bias = rng.normal(1e9, 1, (3, 70))
    scale = rng.uniform(1, 2, 5)
    made = by_both(frames, Operation("median"), bias=bias, scale=scale, saturation=1e9 + 2)
    values = np.where(frames < 1e9 + 2, (frames - bias) * scale[:, None, None], np.nan)
    np.testing.assert_array_equal(made.value, np.nanmedian(values, axis=0))
    assert (made.count < 5).any()


def test_variances_follow_to_first_order():
    """Against derivatives taken numerically."""
    rng = np.random.default_rng(5)
    frames = rng.normal(10, 2, (6, 2, 3))
    frames[2, 1, 1] = np.nan
    variance = rng.uniform(0.5, 2, frames.shape)
    for name, parameters in [
        *((name, {"order": k}) for k in (1.0, 3.0) for name in ("rmoment", "armoment")),
        ("armoment", {"order": 2.5}),
        ("mean", {}),
        ("sum", {}),
    ]:
        operation = Operation(name, parameters)
        made = by_both(frames, operation, variance=variance)
        step = 1e-4
        wanted = np.zeros(frames.shape[1:])
        for i in range(len(frames)):
            up, down = frames.copy(), frames.copy()
            up[i] += step
            down[i] -= step
            slope = describe_frames(up, operation).value - describe_frames(down, operation).value
            wanted += np.where(np.isnan(frames[i]), 0, (slope / (2 * step)) ** 2 * variance[i])
        np.testing.assert_allclose(made.variance, wanted, rtol=1e-5, err_msg=str(operation))


def test_no_variance_is_told_where_none_is_known():
    frames = np.ones((4, 2, 3), np.float32)
    for name in OPERATIONS:
        made = describe_frames(frames, Operation(name))
        known = Operation(name).has_variance(False)
        assert np.isnan(made.variance).all() != known


@pytest.mark.parametrize("n", [4096, 4097])
def test_more_values_than_networks_sort(n):
    rng = np.random.default_rng(n)
    frames = rng.integers(0, 999, (n, 1, 3)).astype(np.uint16)
    for name, parameters in [("median", {}), ("quantile", {"level": 0.3}), ("std", {})]:
        made = describe_frames(frames, Operation(name, parameters))
        wanted = expected(frames.astype(np.float64), name, **parameters)
        np.testing.assert_array_equal(made.value, wanted.astype(np.float32))


def test_more_values_than_the_kernels_count():
    frames = np.random.default_rng(1).integers(0, 999, (65536, 1, 2)).astype(np.uint16)
    made = describe_frames(frames, Operation("mean"))
    np.testing.assert_array_equal(made.value, frames.mean(axis=0).astype(np.float32))
    assert (made.count == 65536).all()


@given(
    values=hnp.arrays(
        st.sampled_from([np.int64, np.uint64]),
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=6),
    ),
    seed=st.integers(0, 9),
)
@settings(deadline=None, max_examples=100)
def test_long_integers_lose_no_digit(values, seed):
    usable = np.random.default_rng(seed).random(values.shape) < 0.7
    for use in (None, usable):
        kept = [
            [(i, int(v)) for i, v in enumerate(column) if use is None or use[i, k]]
            for k, column in enumerate(values.T)
        ]
        results = {
            name: reduce_whole(values, use, name)
            for name in ("min", "max", "sum", "arg_min", "arg_max")
        }
        for k, column in enumerate(kept):
            if not column:
                continue
            numbers_kept = [v for _, v in column]
            if use is None:
                assert int(results["min"][k]) == min(numbers_kept)
                assert int(results["max"][k]) == max(numbers_kept)
            else:
                assert results["min"][k] == float(min(numbers_kept))
                assert results["max"][k] == float(max(numbers_kept))
            assert results["sum"][k] == float(sum(numbers_kept))
            first = {
                name: pick(column, key=lambda one: one[1])[0]
                for name, pick in (("arg_min", min), ("arg_max", max))
            }
            assert results["arg_min"][k] == first["arg_min"]
            assert results["arg_max"][k] == first["arg_max"]


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("mode", {}, "no operation 'mode'"),
        ("median", {"order": 2}, "no parameter 'order'; it has reject_low"),
        ("count", {"x": 2}, "it has none"),
        ("quantile", {"level": 1.5}, "level = 1.5"),
        ("quantile", {"level": "half"}, "is not a number"),
        ("quantile", {"level": float("nan")}, "is not a number"),
        ("rmoment", {"order": -1}, "must not be negative"),
        ("std", {"ddof": -1}, "must not be negative"),
        ("mad", {"normalised": 3}, "give true or false"),
        ("clipped_mean", {"nsigma": 0.5}, "nsigma must be at least 1"),
        ("clipped_mean", {"max_iterations": 1.5}, "whole number"),
        ("median", {"reject_low": -1}, "must not be negative"),
    ],
)
def test_wrong_parameters(name, parameters, message):
    with pytest.raises(CubeError, match=message):
        Operation(name, parameters)


def test_complex_pixels_are_refused():
    with pytest.raises(CubeError, match="complex128 cannot be reduced"):
        describe_frames(np.ones((2, 2, 2), complex), Operation("mean"))


@pytest.mark.parametrize("shift", [0.0, 100.0])
@pytest.mark.parametrize("spread", [0.0, 3.0, 10.0])
@pytest.mark.parametrize("n", [5, 30])
@pytest.mark.parametrize(
    ("name", "given"),
    [("var", {"ddof": 0.0}), ("var", {"ddof": 1.0}), ("std", {"ddof": 1.0}),
     ("cmoment", {"order": 2.0}), ("acmoment", {"order": 2.0}),
     ("rmoment", {"order": 2.0}), ("armoment", {"order": 2.0})],
)  # fmt: skip
def test_errors_of_spreads_are_their_scatter(name, given, n, spread, shift):
    """Of values whose errors are normal; where they are all there is, 0.9 to 1.6 times it."""
    rng = np.random.default_rng(11)
    truth = shift + spread * rng.normal(0, 1, (n, 1, 1))
    variance = np.broadcast_to(rng.uniform(0.5, 2, (n, 1, 1)), (n, 1, 8000))
    frames = truth + np.sqrt(variance) * rng.normal(size=variance.shape)
    made = describe_frames(frames, Operation(name, given), variance=variance)
    ratio = made.variance.mean() / made.value.var()
    pure = spread == 0 and not (shift and "r" in name and "moment" in name)
    assert (0.9 if pure else 0.94) < ratio < (1.6 if pure else 1.06)


def test_the_error_of_a_central_moment_of_higher_order_is_not_known():
    frames = np.random.default_rng(2).normal(10, 1, (6, 2, 3))
    made = by_both(frames, Operation("cmoment", {"order": 3.0}), variance=np.ones(frames.shape))
    assert np.isnan(made.variance).all()
    assert np.isfinite(made.value).all()
