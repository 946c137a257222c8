from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import stats

from polarnight.cubes.cube import Cube
from polarnight.frames import Bit
from polarnight.ophidia.primitives import apply_query, evaluate

from .common import cube_of, image, result

A = image((7, 12), dtype="f8", missing=0.2)
A[3] = np.nan
WHOLE = image((7, 12), dtype="f8", seed=9)


def quietly(function, *args, **more):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return function(*args, **more)


def nansum(values, axis):
    return np.where(np.isnan(values).all(axis), np.nan, np.nansum(values, axis))


def arg(function):
    def found(values, axis):
        lost = np.isnan(values).all(axis)
        filled = np.where(lost[..., None], 0, values)
        return np.where(lost, -1, function(filled, axis))

    return found


def centred(power, absolute):
    def moment(values, axis):
        offset = values - np.nanmean(values, axis, keepdims=True)
        return np.nanmean((np.abs(offset) if absolute else offset) ** power, axis)

    return moment


REFERENCES = {
    "max": np.nanmax,
    "min": np.nanmin,
    "avg": np.nanmean,
    "sum": nansum,
    "std": np.nanstd,
    "var": np.nanvar,
    "median": np.nanmedian,
    "quantile": np.nanmedian,
    "cmoment": centred(2.0, False),
    "acmoment": centred(2.0, True),
    "rmoment": lambda v, axis: np.nanmean(v**2.0, axis),
    "armoment": lambda v, axis: np.nanmean(np.abs(v) ** 2.0, axis),
    "arg_max": arg(np.nanargmax),
    "arg_min": arg(np.nanargmin),
    "mad": lambda v, axis: (
        1.4826 * np.nanmedian(np.abs(v - np.nanmedian(v, axis, keepdims=True)), axis)
    ),
}


@pytest.mark.parametrize("operation", REFERENCES)
def test_statistics_of_rows_and_groups_equal_numpy(operation):
    reference = REFERENCES[operation]
    found = result(f"oph_reduce(measure,'oph_{operation}')", A)
    np.testing.assert_array_equal(found, quietly(reference, A, -1))
    np.testing.assert_array_equal(result(f"oph_operator(measure,'OPH_{operation}')", A), found)
    groups = result(f"oph_reduce('oph_double','oph_double',measure,'oph_{operation}',4)", A)
    np.testing.assert_array_equal(groups, quietly(reference, A.reshape(7, 3, 4), -1))


def test_count_leaves_missing_values_out():
    np.testing.assert_array_equal(result("oph_reduce(measure,'count')", A), (~np.isnan(A)).sum(-1))
    np.testing.assert_array_equal(result("oph_count_array(measure)", A), [12] * 7)
    np.testing.assert_array_equal(result("oph_count_array(measure,0)", A), (~np.isnan(A)).sum(-1))


@pytest.mark.parametrize("level", [0, 0.05, 1 / 3, 0.5, 0.77, 1])
def test_quantiles_equal_numpy(level):
    expected = quietly(np.nanquantile, A, level, -1)
    found = result(f"oph_reduce(measure,'oph_quantile',0,{level!r})", A)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(
        result(f"oph_gsl_quantile(measure,0,{level!r},1)", A)[:, 1], expected
    )


def test_a_dimension_among_several():
    cube = cube_of(image((5, 4, 6), dtype="f8"))
    values = cube.numpy()
    both = {"implicit": ("NAXIS2", "NAXIS1")}
    inner = evaluate("oph_reduce2(measure,'oph_avg',0,1,6)", cube, **both)
    np.testing.assert_array_equal(inner.numpy()[..., 0], values.mean(-1))
    assert inner.names == cube.names
    outer = evaluate("oph_reduce2(measure,'oph_max',2,6,4)", cube, **both)
    np.testing.assert_array_equal(outer.numpy(), values.reshape(5, 2, 2, 6).max(2))
    np.testing.assert_array_equal(
        evaluate("oph_reduce(measure,'oph_sum')", cube, **both).numpy(),
        values.reshape(5, 24).sum(-1),
    )


def test_groups_of_different_sizes():
    found = result("oph_reduce3(measure,'oph_avg',oph_to_bin('','oph_long','5,1,6'))", WHOLE)
    expected = [WHOLE[:, a:b].mean(-1) for a, b in ((0, 5), (5, 6), (6, 12))]
    np.testing.assert_array_equal(found, np.stack(expected, 1))


def test_order_of_implicit_dimensions_is_that_of_the_row():
    cube = cube_of(np.arange(24.0).reshape(2, 3, 4), dims=["z", "NAXIS2", "NAXIS1"])
    made = evaluate("oph_reduce(measure,'oph_median',2)", cube, implicit=("NAXIS1", "z"))
    np.testing.assert_array_equal(made.numpy()[0], np.median(cube.numpy(), axis=0))
    assert made.names == ("z", "NAXIS2", "NAXIS1")
    assert made.shape == (1, 3, 4)


def test_gsl_stats_equal_scipy():
    found = result("oph_gsl_stats(measure)", WHOLE)
    sd = WHOLE.std(-1, ddof=1)
    z = (WHOLE - WHOLE.mean(-1, keepdims=True)) / sd[:, None]
    expected = [
        WHOLE.mean(-1), WHOLE.var(-1, ddof=1), sd,
        np.abs(WHOLE - WHOLE.mean(-1, keepdims=True)).mean(-1),
        (z**3).mean(-1), (z**4).mean(-1) - 3, None, WHOLE.max(-1), WHOLE.min(-1),
        *np.quantile(WHOLE, [0.05, 0.25, 0.5, 0.75, 0.95], axis=-1),
    ]  # fmt: skip
    for column, one in zip(found.T, expected, strict=True):
        if one is not None:
            np.testing.assert_allclose(column, one, rtol=1e-13)
    offset = WHOLE - WHOLE.mean(-1, keepdims=True)
    np.testing.assert_allclose(
        found[:, 6], (offset[:, 1:] * offset[:, :-1]).sum(-1) / (offset**2).sum(-1), rtol=1e-12
    )
    np.testing.assert_allclose(
        stats.skew(WHOLE, axis=-1) * (11 / 12) ** 1.5, found[:, 4], rtol=1e-12
    )
    np.testing.assert_array_equal(result("oph_gsl_stats(measure,'101')", WHOLE), found[:, [0, 2]])


def test_other_statistics():
    np.testing.assert_array_equal(result("oph_gsl_sd(measure)", WHOLE), WHOLE.std(-1, ddof=1))
    np.testing.assert_array_equal(
        result("oph_gsl_boxplot(measure)", A),
        quietly(np.nanquantile, A, [0, 0.25, 0.5, 0.75, 1], -1).T,
    )
    found = result("oph_gsl_correlation(measure,oph_reverse(measure))", WHOLE)
    expected = [np.corrcoef(row, row[::-1])[0, 1] for row in WHOLE]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_histogram_equals_numpy():
    counts = result("oph_gsl_histogram(measure,5,'freqs')", WHOLE)
    both = result("oph_gsl_histogram('oph_double','',measure,5)", WHOLE)
    cdf = result("oph_gsl_histogram(measure,5,'freqs','cdf')", WHOLE)
    for number, row in enumerate(WHOLE):
        expected, edges = np.histogram(row, 5)
        np.testing.assert_array_equal(counts[number], expected)
        np.testing.assert_allclose(both[number, ::2], edges)
        np.testing.assert_array_equal(both[number, 1::2], expected)
        np.testing.assert_allclose(cdf[number], np.cumsum(expected) / 12)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("max", lambda v: v / v.max(-1, keepdims=True)),
        ("avg", lambda v: v - v.mean(-1, keepdims=True)),
        ("avg_rel", lambda v: v / v.mean(-1, keepdims=True)),
        ("max_abs", lambda v: v / np.abs(v).max(-1, keepdims=True)),
        ("median", lambda v: v / np.median(v, -1, keepdims=True)),
    ],
)
def test_normalising(operation, expected):
    found = result(f"oph_normalize(measure,'oph_{operation}',4)", WHOLE)
    np.testing.assert_array_equal(found, expected(WHOLE.reshape(7, 3, 4)).reshape(7, 12))


def test_sigma_clipping_leaves_out_what_is_far():
    values = np.tile(np.array([10.0, 11, 9, 10, 12, 8, 10, 1000]), (2, 1))
    found = result("sigma_clip(measure,3)", values)
    np.testing.assert_array_equal(found, np.where(values == 1000, np.nan, values))
    np.testing.assert_array_equal(
        result("oph_reduce(measure,'clipped_mean')", values), [10.0, 10.0]
    )
    np.testing.assert_array_equal(
        result("oph_reduce(measure,'clipped_median',0,4)", values), [10.0, 10.0]
    )


def test_clipping_is_what_it_says():
    rng = np.random.default_rng(8)
    values = rng.standard_cauchy((40, 31))
    values[rng.random(values.shape) < 0.1] = np.nan
    values[5] = np.nan
    values[6, 1:] = np.nan
    found = result("sigma_clip(measure,2.5,4)", values)
    for row, kept in zip(values, found, strict=True):
        expected = row.copy()
        for _ in range(4):
            offset = np.abs(expected - quietly(np.nanmedian, expected))
            expected[offset > 2.5 * (1.4826 * quietly(np.nanmedian, offset))] = np.nan
        np.testing.assert_array_equal(kept, expected)


def test_unusable_pixels_take_no_part_and_rows_without_any_have_no_data():
    bits = np.zeros((2, 4), "u2")
    bits[0, 3] = int(Bit.COSMIC_RAY)
    bits[0, 0] = int(Bit.NEAR_EDGE)
    bits[1] = int(Bit.BAD_PIXEL)
    cube = cube_of(np.array([[1.0, 2, 3, 1000], [1, 2, 3, 4]]), bits=bits)
    made = evaluate("oph_reduce(measure,'avg')", cube)
    np.testing.assert_array_equal(made.numpy(), [2.0, np.nan])
    np.testing.assert_array_equal(made.bits.compute(), [Bit.NEAR_EDGE, Bit.NO_DATA])


@pytest.mark.parametrize(("operation", "expected"), [("sum", 10.0), ("avg", 10 / 16)])
def test_variances_of_sums_and_means(operation, expected):
    variance = np.array([[1.0, 2, 3, 4], [1, 2, 3, 4]])
    values = np.array([[1.0, 2, 3, 4], [1, np.nan, 3, 4]])
    made = apply_query(f"oph_reduce(measure * 2,'{operation}')", cube_of(values, variance=variance))
    second = 8.0 if operation == "sum" else 8 / 9
    np.testing.assert_allclose(made.cube.variance.compute(), [4 * expected, 4 * second])
    assert made.remarks == ()


def test_reducing_says_so_and_numbers_coordinates_anew():
    made = apply_query("oph_reduce(measure,'avg',4)", cube_of(WHOLE))
    assert made.reduces
    assert made.implicit == ("NAXIS1",)
    assert list(made.cube.dim("NAXIS1").coordinates) == [1, 2, 3]
    gone = apply_query("oph_reduce(measure,'avg')", cube_of(WHOLE))
    assert (gone.implicit, gone.cube.names) == ((), ("NAXIS2",))
    assert not apply_query("measure + 1", cube_of(WHOLE)).reduces


@pytest.mark.parametrize(
    ("operation", "own"),
    [("avg", "mean"), ("max", "max"), ("sum", "sum"), ("count", "count"), ("median", "median"),
     ("std", "std"), ("arg_max", "arg_max")],
)  # fmt: skip
def test_what_is_not_finite_is_left_out_as_the_engine_does(operation, own):
    cube = Cube.from_array(np.array([[1.0, 2.0, np.inf, 4.0], [np.inf, -np.inf, np.nan, np.inf]]))
    found = evaluate(f"oph_reduce(measure,'oph_{operation}')", cube).numpy()
    np.testing.assert_allclose(found.ravel(), cube.reduce(own, "NAXIS1").numpy(), rtol=1e-15)


def test_clipping_rows_of_whole_numbers_keeps_what_lies_one_step_off():
    values = np.full((2, 9), 100.0)
    values[:, 4] = 101.0
    values[:, 7] = 160.0
    values[1] += 0.25
    kept = result("sigma_clip(measure, 4)", values)
    # Half of the values are equal, their noise may be half a step; other numbers have no steps.
    assert np.isnan(kept).tolist() == [[n == 7 for n in range(9)], [n in {4, 7} for n in range(9)]]
