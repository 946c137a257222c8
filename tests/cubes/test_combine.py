"""Combining: the kernel equals the reference to the bit, and both are right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from polarnight import _native
from polarnight.cubes import METHODS, combine
from polarnight.frames.bits import UNUSABLE, Bit

PLANES = ("value", "variance", "count", "bits")


@pytest.fixture
def rng():
    return np.random.default_rng(20240408)


def bits_of(array):
    """Return an array whose equality is that of bits; all NaN are one."""
    if array.dtype != np.float32:
        return array
    return np.where(np.isnan(array), np.uint32(0x7FC00000), array.view(np.uint32))


def by_both(*args, **kwargs):
    """Combine with the kernel and with numpy; check that they agree to the bit."""
    assert _native.library() is not None, "the kernels are not built here"
    kernel = combine(*args, **kwargs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POLARNIGHT_NO_NATIVE", "1")
        assert _native.library() is None
        reference = combine(*args, **kwargs)
    for plane in PLANES:
        np.testing.assert_array_equal(
            bits_of(getattr(kernel, plane)), bits_of(getattr(reference, plane)), err_msg=plane
        )
    return kernel


def clip_by_hand(values, nsigma, max_iterations, min_sigma):
    """Clip one pixel, in plain float64 Python: the sentence of the documentation."""
    kept = np.sort(np.asarray(values, float))
    for _ in range(max_iterations):
        centre = np.median(kept)
        sigma = max(1.4826 * np.median(np.abs(kept - centre)), min_sigma)
        inside = kept[np.abs(kept - centre) <= nsigma * sigma]
        if inside.size == kept.size:
            break
        kept = inside
    return kept


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8, 20, 21, 33, 100])
@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2", ">i2", "i4", ">i4", "i8", ">f4", "f4", "f8"])
def test_kernel_equals_reference_for_all_types(rng, n, dtype):
    # 70 columns: a whole tile of the kernel and a part of one.
    frames = rng.normal(100, 5, (n, 3, 70))
    frames[rng.random(frames.shape) < 0.03] += 90
    frames = frames.astype(dtype)
    for method in METHODS:
        by_both(frames, method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [1, 2, 5, 6, 20])
def test_kernel_equals_reference_with_everything_at_once(rng, n, method):
    shape = (n, 4, 131)
    frames = rng.normal(500, 20, shape).astype(np.float32)
    frames[rng.random(shape) < 0.02] = np.nan
    frames[rng.random(shape) < 0.01] = np.inf
    frames[:, 1, 5] = np.nan
    flags = np.where(rng.random(shape) < 0.05, Bit.COSMIC_RAY, 0).astype(np.uint16)
    flags |= np.where(rng.random(shape) < 0.2, Bit.LOW_FLAT, 0).astype(np.uint16)
    by_both(
        frames,
        method,
        bits=flags,
        variance=rng.uniform(1, 2, shape).astype(np.float32),
        bias=rng.normal(10, 1, shape[1:]).astype(np.float32),
        dark=rng.normal(1, 1, shape[1:]).astype(np.float32),
        dark_scale=rng.uniform(0, 9, n),
        scale=rng.uniform(0.5, 2, n),
        saturation=560.0,
        min_sigma=3.0,
        nsigma=2.5,
    )


@pytest.mark.parametrize("method", ["median", "mean", "sum", "clipped_mean", "clipped_median"])
@pytest.mark.parametrize(("low", "high"), [(1, 0), (0, 2), (1, 2), (30, 30)])
def test_kernel_equals_reference_with_rejection(rng, method, low, high):
    frames = rng.integers(0, 9, (9, 5, 65)).astype(np.uint16)
    result = by_both(frames, method, reject_low=low, reject_high=high)
    if method == "mean":
        ordered = np.sort(frames.astype(float), axis=0)
        kept = ordered[low : 9 - high] if low + high < 9 else ordered
        np.testing.assert_allclose(result.value, kept.mean(axis=0), rtol=1e-6)
        assert (result.count == len(kept)).all()


shapes = hnp.array_shapes(min_dims=3, max_dims=3, max_side=7)
finite = st.floats(-1e6, 1e6, width=32)
anything = st.one_of(finite, st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0]))


@given(
    frames=hnp.arrays(
        np.float32, hnp.array_shapes(min_dims=3, max_dims=3, max_side=7), elements=anything
    ),
    method=st.sampled_from(METHODS),
    nsigma=st.sampled_from([1.0, 1.5, 3.0]),
    max_iterations=st.integers(0, 4),
    min_sigma=st.sampled_from([0.0, 2.5]),
)
@settings(deadline=None, max_examples=150)
def test_kernel_equals_reference_for_any_floats(frames, method, nsigma, max_iterations, min_sigma):
    by_both(frames, method, nsigma=nsigma, max_iterations=max_iterations, min_sigma=min_sigma)


@given(
    frames=hnp.arrays(np.uint16, st.tuples(st.integers(1, 12), st.just(1), st.integers(1, 9))),
    method=st.sampled_from(METHODS),
    saturation=st.sampled_from([None, 0.0, 40000.5, 65535.0, 1e9]),
    levels=st.sampled_from([1, 2, 5, 65535]),
)
@settings(deadline=None, max_examples=150)
def test_kernel_equals_reference_for_any_integers(frames, method, saturation, levels):
    by_both(frames // levels, method, saturation=saturation)  # few levels: many ties


@pytest.mark.parametrize("n", [1, 2, 3, 10, 11])
def test_simple_methods_are_those_of_numpy(rng, n):
    frames = rng.integers(0, 65536, (n, 6, 80)).astype(np.uint16)
    wide = frames.astype(np.float64)
    for method, expected in {
        "median": np.median(wide, axis=0),
        "mean": wide.mean(axis=0),
        "sum": wide.sum(axis=0),
        "min": wide.min(axis=0),
        "max": wide.max(axis=0),
    }.items():
        result = by_both(frames, method)
        np.testing.assert_array_equal(result.value, expected.astype(np.float32))
        assert (result.count == n).all()
        assert not result.bits.any()


@pytest.mark.parametrize("n", [3, 4, 9, 20])
@pytest.mark.parametrize("min_sigma", [0.0, 4.0])
def test_clipping_is_what_the_documentation_says(rng, n, min_sigma):
    # Multiples of 1/4 and no limit on a value: nothing hangs on the rounding of float32.
    frames = np.round(rng.normal(0, 20, (n, 8, 70))) / 4
    frames[rng.random(frames.shape) < 0.1] += 250.25
    mean = by_both(frames.astype(np.float32), "clipped_mean", min_sigma=min_sigma)
    median = by_both(frames.astype(np.float32), "clipped_median", min_sigma=min_sigma)
    some_clipped = 0
    for y, x in np.ndindex(8, 70):
        kept = clip_by_hand(frames[:, y, x], 3.0, 5, min_sigma)
        assert mean.count[y, x] == median.count[y, x] == kept.size
        assert mean.value[y, x] == np.float32(kept.mean())
        assert median.value[y, x] == np.float32(np.median(kept))
        some_clipped += kept.size < n
    assert some_clipped > 10


def test_clipping_goes_on_until_nothing_changes():
    # After 1000 is gone the distances shrink and 9.5 is out as well.
    column = np.array([0, 1, 2, 3, 4, 5, 6, 9.5, 1000], np.float32).reshape(-1, 1, 1)
    assert combine(column, "clipped_mean", nsigma=2.0, max_iterations=0).count == 9
    assert combine(column, "clipped_mean", nsigma=2.0, max_iterations=1).count == 8
    assert combine(column, "clipped_mean", nsigma=2.0, max_iterations=9).count == 7


def test_counts_that_agree_by_rounding_need_a_least_sigma():
    column = np.array([300] * 7 + [301] * 2, np.uint16).reshape(-1, 1, 1)
    assert combine(column, "clipped_mean").count == 7
    kept = combine(column, "clipped_mean", min_sigma=2.0)
    assert kept.count == 9
    assert kept.value == np.float32(300 + 2 / 9)


def test_least_sigma_by_frame_is_the_root_mean_square(rng):
    frames = np.round(rng.normal(0, 3, (6, 3, 40))).astype(np.float32)
    floors = [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]
    by_frame = combine(frames, "clipped_mean", min_sigma=floors)
    same = combine(frames, "clipped_mean", min_sigma=float(np.sqrt(28 / 6)))
    np.testing.assert_array_equal(by_frame.value, same.value)


def test_unusable_pixels_do_not_enter(rng):
    frames = rng.integers(100, 200, (5, 2, 70)).astype(np.uint16)
    spoilt = frames.copy()
    spoilt[2] = 60000
    flags = np.zeros(frames.shape, np.uint16)
    flags[2] = Bit.COSMIC_RAY
    expected = combine(np.delete(frames, 2, axis=0), "median").value
    marked = by_both(spoilt, "median", bits=flags)
    np.testing.assert_array_equal(marked.value, expected)
    assert (marked.count == 4).all()
    saturated = by_both(spoilt, "median", saturation=60000.0)
    np.testing.assert_array_equal(saturated.value, expected)
    assert not saturated.bits.any()


def test_bits_are_those_of_the_least_bad_input():
    frames = np.array([10.0, 20.0, 30.0], np.float32)[:, None, None] * np.ones((1, 1, 4), "f4")
    flags = np.zeros((3, 1, 4), np.uint16)
    flags[:, 0, 0] = [Bit.LOW_FLAT, Bit.NONLINEAR, Bit.COSMIC_RAY]
    flags[:, 0, 1] = [0, Bit.NONLINEAR, Bit.SATURATED]
    flags[:, 0, 2] = [Bit.SATURATED, Bit.COSMIC_RAY | Bit.NEAR_EDGE, Bit.BAD_PIXEL]
    frames[0, 0, 3] = np.nan
    result = by_both(frames, "mean", bits=flags)
    assert result.bits[0].tolist() == [
        Bit.LOW_FLAT,
        0,
        Bit.COSMIC_RAY | Bit.NEAR_EDGE | Bit.NO_DATA,
        0,
    ]
    assert result.count[0].tolist() == [2, 2, 0, 2]
    np.testing.assert_array_equal(result.value[0], np.array([15, 15, np.nan, 25], "f4"))
    assert np.isnan(result.variance[0, 2])
    assert UNUSABLE & Bit.NO_DATA


def test_all_frames_without_data():
    result = by_both(np.full((4, 2, 66), np.nan, np.float32), "clipped_median")
    assert np.isnan(result.value).all()
    assert np.isnan(result.variance).all()
    assert not result.count.any()
    assert (result.bits == Bit.NO_DATA).all()


def test_negative_zero_is_zero():
    column = np.array([-0.0, 0.0, -0.0], np.float32).reshape(-1, 1, 1)
    for method in METHODS:
        assert bits_of(by_both(column, method).value) == 0


def test_calibration_inside_the_combination(rng):
    frames = rng.integers(1000, 1100, (3, 2, 65)).astype(np.uint16)
    bias = rng.normal(300, 2, (2, 65)).astype(np.float32)
    dark = rng.normal(5, 1, (2, 65)).astype(np.float32)
    seconds, scale = [1.0, 2.0, 4.0], [1.0, 0.5, 0.25]
    result = by_both(frames, "mean", bias=bias, dark=dark, dark_scale=seconds, scale=scale)
    expected = np.mean(
        [(f - bias - dark * t) * s for f, t, s in zip(frames, seconds, scale, strict=True)], axis=0
    )
    np.testing.assert_allclose(result.value, expected, rtol=3e-7)


def test_given_variance_is_propagated(rng):
    frames = rng.normal(0, 1, (4, 2, 65)).astype(np.float32)
    planes = [np.full((2, 65), v, np.float32) for v in (1, 2, 3, 6)]
    mean = by_both(frames, "mean", variance=planes)
    np.testing.assert_allclose(mean.variance, 12 / 16, rtol=1e-6)
    np.testing.assert_allclose(by_both(frames, "sum", variance=planes).variance, 12, rtol=1e-6)
    scaled = by_both(frames, "mean", variance=planes, scale=2.0)
    np.testing.assert_allclose(scaled.variance, 4 * 12 / 16, rtol=1e-6)
    median = by_both(frames, "median", variance=planes)
    np.testing.assert_allclose(median.variance, 1.1928 * 12 / 16, rtol=1e-5)


def test_order_of_frames_and_number_of_threads_change_nothing(rng):
    frames = rng.normal(1000, 3, (12, 40, 300)).astype(np.float32)
    one = combine(frames, "clipped_mean", threads=1)
    two = combine(frames[rng.permutation(12)], "clipped_mean", threads=2)
    for plane in PLANES:
        np.testing.assert_array_equal(bits_of(getattr(one, plane)), bits_of(getattr(two, plane)))


def test_views_and_sequences_are_taken_as_they_are(rng):
    frames = rng.integers(0, 1000, (5, 40, 60)).astype(np.int32)
    expected = np.median(frames[:, ::2, ::-3], axis=0)
    np.testing.assert_array_equal(combine(frames[:, ::2, ::-3], "median").value, expected)
    mixed = [f.astype(t) for f, t in zip(frames, ("i4", "u2", "f4", "u4", "f8"), strict=True)]
    np.testing.assert_array_equal(by_both(mixed, "median").value, np.median(frames, axis=0))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"method": "average"}, "unknown method 'average'"),
        ({"method": "clipped_mean", "nsigma": 0.9}, "nsigma"),
        ({"method": "median", "bias": np.zeros((3, 3), "f4")}, "bias has shape"),
        ({"method": "median", "scale": [1.0]}, "scale must be"),
        ({"method": "median", "scale": np.nan}, "scale must be"),
        ({"method": "median", "bits": np.zeros((1, 4, 5), "u2")}, "bits has 1 planes"),
        ({"method": "median", "variance": [None, np.ones((4, 5), "f4")]}, "every frame"),
        ({"method": "max", "reject_high": 1}, "rejected"),
        ({"method": "clipped_mean", "min_sigma": -1.0}, "min_sigma"),
    ],
)
def test_arguments_that_do_not_fit(arguments, words):
    with pytest.raises(ValueError, match=words):
        combine(np.zeros((2, 4, 5), "f4"), **arguments)


def test_frames_of_different_shape():
    with pytest.raises(ValueError, match="frame 1 has shape"):
        combine([np.zeros((2, 3)), np.zeros((3, 2))], "mean")
    with pytest.raises(ValueError, match="no frame"):
        combine([], "mean")
