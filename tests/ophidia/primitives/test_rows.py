from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from polarnight.cubes import Dimension
from polarnight.frames import Bit
from polarnight.ophidia.primitives import QueryError, evaluate
from polarnight.ophidia.primitives.subsets import places_of
from polarnight.ophidia.primitives.wavelets import _scaling, transform

from .common import cube_of, image, result

A = image((5, 12), dtype="f8")
NAN = image((5, 12), dtype="f8", missing=0.3)


def shifted(values, offset, fill):
    moved = np.full(values.shape, fill)
    if offset >= 0:
        moved[:, offset:] = values[:, : values.shape[1] - offset]
    else:
        moved[:, :offset] = values[:, -offset:]
    return moved


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("oph_get_subarray(measure,3,4)", A[:, 2:6]),
        ("oph_get_subarray(measure,3)", A[:, 2:]),
        ("oph_get_subarray2(measure,'1:2:8,10:11,end')", A[:, [0, 2, 4, 6, 9, 10, 11]]),
        ("oph_get_subarray3(measure,'2:3',1,4)", A.reshape(5, 3, 4)[:, :, 1:3].reshape(5, 6)),
        ("oph_get_subarray3(measure,'1,3',4,3)", A.reshape(5, 3, 4)[:, [0, 2]].reshape(5, 8)),
        ("oph_extract(measure,oph_to_bin('','oph_long','12,1,5'))", A[:, [11, 0, 4]]),
        ("oph_extract(measure,'3,3')", A[:, [2, 2]]),
        ("oph_shift('oph_double','oph_double',measure,2,-1)", shifted(A, 2, -1.0)),
        ("oph_shift(measure,-3)", shifted(A, -3, np.nan)),
        ("oph_shift(measure,-3,0)", shifted(A, -3, 0.0)),
        ("oph_rotate(measure,2)", np.roll(A, 2, axis=1)),
        ("oph_rotate(measure,-15)", np.roll(A, -15, axis=1)),
        ("oph_reverse(measure)", A[:, ::-1]),
        ("oph_padding(measure,14,7)", np.pad(A, ((0, 0), (0, 2)), constant_values=7)),
        ("oph_padding(measure,3,7)", A),
        ("oph_extend(measure,3)", np.tile(A, 3)),
        ("oph_extend(measure,2,'i')", np.repeat(A, 2, axis=1)),
        ("oph_concat('oph_double|oph_double','oph_double',measure,measure * 2)",
         np.hstack([A, A * 2])),
        ("oph_append(oph_get_subarray(measure,1,2),measure)", np.hstack([A[:, :2], A])),
        ("oph_interlace(measure,measure * 2)",
         np.stack([A, A * 2], axis=-1).reshape(5, 24)),
        ("oph_interlace2('2,1',measure,oph_get_subarray(measure,1,6))",
         np.concatenate([A.reshape(5, 6, 2), A[:, :6, None]], axis=2).reshape(5, 18)),
        ("oph_interlace2(NULL,measure,measure)", np.repeat(A, 2, axis=1)),
        ("oph_uncompress('','',measure)", A),
        ("oph_size_array(measure)", np.full(5, 96)),
        ("oph_convert_l(measure)", A.astype("i8")),
        ("oph_permute(measure,'2,1',4,3)",
         A.reshape(5, 3, 4).transpose(0, 2, 1).reshape(5, 12)),
        ("oph_expand(measure,NULL,1,1,14)",
         np.pad(A, ((0, 0), (0, 2)), constant_values=np.nan)),
        ("oph_accumulate(measure)", np.cumsum(A, axis=1)),
        ("oph_deaccumulate(measure)", np.diff(A, axis=1, prepend=0)),
        ("oph_accumulate(oph_deaccumulate(measure))", None),
        ("oph_gsl_sort(measure)", np.sort(A, axis=1)),
        ("oph_quantize(measure,'990,1010','0,0.5,1')",
         np.select([A <= 990, A <= 1010], [0, 0.5], 1.0)),
        ("oph_find('oph_double','',measure,1000,20)", (np.abs(A - 1000) <= 20).sum(1)),
        ("oph_get_index_array('','oph_long',1,12) * 2", np.tile(np.arange(2.0, 25, 2), (5, 1))),
    ],
)  # fmt: skip
def test_rows_equal_numpy(query, expected):
    found = result(query, A)
    if expected is None:
        np.testing.assert_allclose(found, A)
    else:
        np.testing.assert_array_equal(found, expected)


def test_interpolating_while_expanding():
    row = np.array([[1.0, 3, 5]])
    np.testing.assert_array_equal(
        result("oph_expand(measure,NULL,1,0.5,3,'interp')", row), [[1, 2, 3, 4, 5]]
    )


def test_moving_means():
    found = result("oph_moving_avg(measure,3)", NAN)
    expected = np.full(NAN.shape, np.nan)
    for end in range(2, 12):
        part = NAN[:, end - 2 : end + 1]
        there = (~np.isnan(part)).sum(1)
        expected[:, end] = np.where(there, np.nansum(part, 1) / np.maximum(there, 1), np.nan)
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    weighted = result("oph_moving_avg(measure,0.25,'oph_ewma')", A)
    mean = A[:, 0]
    for place in range(12):
        mean = A[:, 0] if place == 0 else 0.75 * mean + 0.25 * A[:, place]
        np.testing.assert_array_equal(weighted[:, place], mean)


def test_straight_lines_equal_polyfit():
    x = np.arange(1.0, 13)
    coefficients = result("oph_gsl_fit_linear_coeff(measure,NULL,'111111')", NAN)
    values = result("oph_gsl_fit_linear(measure,dimension,dimension)", NAN)
    for number, row in enumerate(NAN):
        used = ~np.isnan(row)
        (slope, intercept), cov = np.polyfit(x[used], row[used], 1, cov=True)
        left = ((row - intercept - slope * x)[used] ** 2).sum()
        np.testing.assert_allclose(
            coefficients[number],
            [intercept, slope, cov[1, 1], cov[0, 1], cov[0, 0], left],
            rtol=1e-8,
        )
        np.testing.assert_allclose(values[number], intercept + slope * x, rtol=1e-12)
    np.testing.assert_allclose(result("oph_gsl_fit_linear_coeff(measure)", NAN), coefficients[:, 1])


def test_splines_equal_scipy_and_use_the_coordinates():
    x = tuple(np.linspace(0, 11, 12) ** 1.5)
    cube = cube_of(A, dims=[Dimension("y", 5), Dimension("x", 12, "double", x)])
    made = evaluate("oph_gsl_spline(measure,dimension,'0,1.5,20')", cube, dim_query="'0,1.5,20'"
                    if False else "oph_to_bin('0,1.5,20')")  # fmt: skip
    expected = CubicSpline(x, A, axis=1, bc_type="natural")([0, 1.5, 20])
    np.testing.assert_allclose(made.numpy(), expected)
    assert list(made.dim("x").coordinates) == [0, 1.5, 20]
    outside = evaluate("oph_gsl_spline(measure,dimension,'-1,99')", cube).numpy()
    assert np.isnan(outside).all()


def test_frequencies():
    x = np.arange(64)
    slow, fast = np.cos(2 * np.pi * x / 32), np.cos(2 * np.pi * x / 4)
    row = (slow + fast)[None]
    np.testing.assert_allclose(result("oph_filter(measure,'lpf',0.1)", row)[0], slow, atol=1e-12)
    np.testing.assert_allclose(result("oph_filter(measure,'hpf',0.1)", row)[0], fast, atol=1e-12)
    for kind, passed in (("bpf", fast), ("bsf", slow)):
        found = result(f"oph_filter(measure,'{kind}',0.2,0.3)", row)
        np.testing.assert_allclose(found[0], passed, atol=1e-12)


@pytest.mark.parametrize(("info", "expected"), [("length", [2, 1, 3]), ("first", [2, 5, 8]),
                                                ("last", [3, 5, 10])])  # fmt: skip
def test_runs(info, expected):
    row = np.array([[0.0, 1, 2, 0, 5, 0, np.nan, 1, 1, 1], [0.0] * 10])
    found = result(f"oph_sequence(measure,'{info}')", row)
    np.testing.assert_array_equal(found, [expected + [0] * 7, [0] * 10])


@pytest.mark.parametrize("family", ["haar", "haar_c", "daubechies", "daubechies_c"])
@pytest.mark.parametrize("width", [2, 8, 64])
def test_wavelets_lose_nothing(family, width):
    rows = np.random.default_rng(1).normal(size=(3, width))
    for member in (2,) if "haar" in family else (4, 6, 12, 20):
        there = transform(rows, family, member)
        np.testing.assert_allclose((there**2).sum(1), (rows**2).sum(1), rtol=1e-7)
        np.testing.assert_allclose(transform(there, family, member, back=True), rows, atol=1e-7)


def test_wavelets_are_those_of_the_textbook():
    row = np.array([[4.0, 2, 5, 5]])
    found = result("oph_gsl_dwt('oph_double','oph_double',measure,'HAAR',2)", row)
    half = np.sqrt(0.5)
    np.testing.assert_allclose(found, [[8, -2, 2 * half, 0]], atol=1e-14)
    np.testing.assert_allclose(result("oph_gsl_idwt(oph_gsl_dwt(measure))", A[:, :8]), A[:, :8])
    root = np.sqrt(3.0)
    four = np.array([1 + root, 3 + root, 3 - root, 1 - root]) / (4 * np.sqrt(2))
    np.testing.assert_allclose(_scaling(4), four, rtol=1e-14)
    # A parabola has no details of Daubechies' six, but where it meets its other end.
    details = transform((np.arange(64.0) ** 2)[None], "daubechies", 6)[0, 32:]
    np.testing.assert_allclose(details[:29], 0, atol=1e-9)
    for query, said in (
        ("oph_gsl_dwt(measure)", "no power of two"),
        ("oph_gsl_dwt(oph_get_subarray(measure,1,8),'haar',4)", "has the members 2"),
        ("oph_gsl_dwt(measure,'bspline')", "there are daubechies"),
    ):
        with pytest.raises(QueryError, match=said):
            result(query, A)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("oph_gsl_fft(measure)", "cubes hold real numbers"),
        ("oph_aggregate_operator(measure,'oph_max')", "oph_aggregate"),
        ("oph_dump(measure)", "oph_explorecube"),
    ],
)
def test_primitives_that_are_not_there_say_what_is(query, said):
    with pytest.raises(QueryError, match=said):
        result(query, A)


def test_bits_and_variances_move_with_the_pixels():
    bits = np.zeros(A.shape, "u2")
    bits[1, 4] = int(Bit.SATURATED)
    cube = cube_of(A, bits=bits, variance=A / 100)
    made = evaluate("oph_shift(measure,2,nan)", cube)
    assert made.bits.compute()[1, 6] == Bit.SATURATED
    assert (made.bits.compute()[:, :2] == Bit.NO_DATA).all()
    np.testing.assert_array_equal(made.variance.compute()[:, 2:], A[:, :10] / 100)
    ordered = evaluate("oph_gsl_sort(measure)", cube)
    assert ordered.variance is None  # that of the smallest of many is another one


def test_coordinates_of_what_was_cut():
    cube = cube_of(A)
    made = evaluate("oph_get_subarray(measure,3,4)", cube,
                    dim_query="oph_get_subarray(dimension,3,4)")  # fmt: skip
    assert list(made.dim("NAXIS1").coordinates) == [3, 4, 5, 6]
    with pytest.raises(QueryError, match="dim_query gives 12 coordinates"):
        evaluate("oph_get_subarray(measure,3,4)", cube, dim_query="dimension * 2")


@pytest.mark.parametrize("subset", ["0", "3:2", "1:9", "a", "", "1:0:3", "1:2:3:4", "-1", "1.5"])
def test_subsets_that_are_none(subset):
    with pytest.raises(QueryError, match="of the subset"):
        places_of(subset, 8)


def test_subsets():
    assert list(places_of("1,3:5,end", 8)) == [0, 2, 3, 4, 7]
    assert list(places_of("2:3:end", 8)) == [1, 4, 7]


@pytest.mark.parametrize(
    ("query", "said"),
    [("oph_extend(measure,99999999)", "too long"),
     ("oph_extend(measure,999999999999)", "too long"),
     ("oph_padding(measure,99999999)", "too long"),
     ("oph_expand(measure,'1,2,3',1,1,1e12)", "too long"),
     ("oph_expand(measure,'1,2,3',1,1e-12,3)", "too long"),
     ("oph_gsl_histogram('','',measure,999999999,'freqs')", "too long"),
     ("oph_rotate(measure,-99999999999999999999999)", "at most"),
     ("oph_extend(measure,99999999999999999999999)", "at most")],
)  # fmt: skip
def test_rows_that_no_memory_holds(query, said):
    with pytest.raises(QueryError, match=said):
        evaluate(query, cube_of(np.zeros((2, 3), np.int16)))
