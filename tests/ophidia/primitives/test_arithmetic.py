from __future__ import annotations

import numpy as np
import pytest

from polarnight.frames import Bit
from polarnight.ophidia.primitives import apply_query, evaluate

from .common import cube_of, image, result

A = image()
NAN = image(missing=0.2)
X = A.astype("f4")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("measure", A),
        ("measure * 2.5 + 3", A * np.float32(2.5) + np.float32(3)),
        ("oph_affine('oph_float','oph_float',measure,2.5,3)", A * np.float32(2.5) + 3),
        ("oph_sum_scalar(measure,-1000)", A - 1000),
        ("oph_mul_scalar(measure,0.5)", A * 0.5),
        ("oph_sum_array('oph_float|oph_float','oph_float',measure,measure)", A + A),
        ("oph_sub_array(measure,oph_reverse(measure))", A - A[:, ::-1]),
        ("oph_mul_array(measure,measure)", A * A),
        ("oph_div_array(oph_reverse(measure),measure)", A[:, ::-1] / A),
        ("oph_max_array(measure,oph_reverse(measure))", np.maximum(A, A[:, ::-1])),
        ("oph_min_array(measure,oph_reverse(measure))", np.minimum(A, A[:, ::-1])),
        ("oph_abs_array(measure,oph_reverse(measure))", np.hypot(A, A[:, ::-1])),
        ("oph_arg_array(measure,oph_reverse(measure))", np.arctan2(A[:, ::-1], A)),
        ("oph_arg_max_array(measure,oph_reverse(measure))", (A[:, ::-1] > A).astype("f4")),
        ("oph_mask_array(measure,measure > 1000)", np.where(A > 1000, A, np.nan)),
        ("oph_operator_array(measure,oph_reverse(measure),'oph_avg')", (A + A[:, ::-1]) * 0.5),
        ("oph_operation_array(measure,measure,measure,'oph_sum')", A + A + A),
        ("oph_operation_array(measure,oph_reverse(measure),'oph_arg_min',NULL)",
         (A[:, ::-1] < A).astype("f4")),
        ("oph_math('oph_float','oph_float',measure,'OPH_MATH_LOG10')", np.log10(A)),
        ("sqrt(measure) + ln(measure) + log2(measure)", np.sqrt(A) + np.log(A) + np.log2(A)),
        ("abs(measure - 1000)", np.abs(A - 1000)),
        ("-measure", -A),
        ("measure % 7", np.mod(A, np.float32(7))),
        ("measure ^ 2", np.power(A, np.float32(2))),
        ("2 ^ 3", np.full(A.shape, 8.0)),
        ("min(measure, 1000)", np.minimum(A, np.float32(1000))),
        ("clip(measure, 990, 1010)", np.clip(A, 990, 1010)),
        ("measure > 1000", (A > 1000).astype("u1")),
        ("measure >= 990 and measure < 1010", ((A >= 990) & (A < 1010)).astype("u1")),
        ("measure < 990 or not measure <= 1010", ((A < 990) | (A > 1010)).astype("u1")),
        ("where(measure > 1000, nan, measure)", np.where(A > 1000, np.float32(np.nan), A)),
        ("round(measure / 7 - 143)", None),
        ("pi", np.full(A.shape, np.pi)),
    ],
)  # fmt: skip
def test_pixel_by_pixel_equals_numpy(query, expected):
    found = result(query, A)
    if expected is None:
        x = A / np.float32(7) - np.float32(143)
        expected = np.sign(x) * np.floor(np.abs(x) + np.float32(0.5))
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.asarray(expected).dtype


def test_rounding_is_away_from_zero():
    np.testing.assert_array_equal(
        result("round(measure)", np.array([[-1.5, -0.5, 0.5, 2.5, 0.49999999999999994]])),
        [[-2, -1, 1, 3, 0]],
    )


@pytest.mark.parametrize(("dtype", "made"), [("u2", "f4"), ("i2", "f4"), ("i4", "f8"),
                                             ("i8", "f8"), ("f8", "f8")])  # fmt: skip
def test_integers_never_divide_as_integers(dtype, made):
    values = np.array([[1, 2, 5], [7, 9, 11]], dtype)
    found = result("measure / 2", values)
    assert found.dtype == made
    np.testing.assert_array_equal(found, [[0.5, 1, 2.5], [3.5, 4.5, 5.5]])


def test_missing_numbers_stay_missing():
    np.testing.assert_array_equal(result("0 - measure", NAN), -NAN)
    np.testing.assert_array_equal(result("measure > 0", NAN), ~np.isnan(NAN))
    np.testing.assert_array_equal(result("isnan(measure)", NAN), np.isnan(NAN))
    np.testing.assert_array_equal(
        result("where(isnan(measure), 0, measure)", NAN), np.nan_to_num(NAN)
    )


def test_the_missing_value_of_a_query():
    values = np.array([[-999.0, 1, 2]])
    np.testing.assert_array_equal(result("oph_affine(measure,2,1,-999)", values), [[-999.0, 3, 5]])
    np.testing.assert_array_equal(result("oph_replace(measure,-999,nan)", values), [[np.nan, 1, 2]])
    np.testing.assert_array_equal(result("oph_reduce(measure,'avg',0,NULL,-999)", values), [1.5])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("oph_predicate(measure,'x-2','>0','x*10','NAN')", [np.nan, np.nan, 30, 40, np.nan]),
        ("oph_predicate(measure,'x-2','OPH_NOT_POSITIVE','1','0')", [1, 1, 0, 0, 0]),
        ("oph_predicate(measure,'x','ISNAN','-1','x^2')", [1, 4, 9, 16, -1]),
        ("oph_predicate(measure,'x-2','==0','1','0')", [0, 1, 0, 0, 0]),
        ("oph_predicate(measure,'x-2','!=0','1','0')", [1, 0, 1, 1, 0]),
        ("oph_predicate(measure,'INDEX-3','<0','INDEX','0')", [1, 2, 0, 0, 0]),
        ("oph_predicate2(measure,'x-1','>0','1','0','first')", [0, 1, 0, 0, 0]),
        ("oph_predicate2(measure,'x-1','>0','1','0','last')", [0, 0, 0, 1, 0]),
        ("oph_predicate2(measure,'x-1','>0','1','0','2')", [0, 0, 1, 0, 0]),
        ("oph_predicate2(measure,'x-1','>0','1','0')", [0, 1, 1, 1, 0]),
    ],
)
def test_predicates(query, expected):
    row = np.array([[1, 2, 3, 4, np.nan]])
    np.testing.assert_array_equal(result(query, row), [expected])


@pytest.mark.parametrize(
    ("query", "dtype", "expected"),
    [
        ("oph_cast('oph_double','oph_short',measure)", "i2", [-2, 2, 32767, 0]),
        ("oph_cast('oph_double','oph_long',measure,NULL,-1)", "i8", [-2, 2, 100000, -1]),
        ("oph_cast('oph_double','oph_byte',measure,nan,nan)", "i1", [-2, 2, 127, 0]),
        ("oph_cast('oph_double','oph_byte',measure > 0)", "i1", [0, 1, 1, 0]),
        ("oph_cast('oph_double','oph_float',measure)", "f4", [-2.9, 2.9, 1e5, np.nan]),
        ("oph_sum_scalar('oph_double','oph_int',measure,0.2)", "i4", [-2, 3, 100000, 0]),
    ],
)
def test_types_that_are_asked_for(query, dtype, expected):
    row = np.array([[-2.9, 2.9, 1e5, np.nan]])
    found = result(query, row)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, np.array([expected], dtype))


@pytest.mark.parametrize("bits", [None, np.zeros((1, 3), "u2")])
def test_a_missing_number_that_an_integer_cannot_tell_is_in_the_bits(bits):
    cube = cube_of([[1.5, np.nan, 3.0]], bits=bits)
    made = evaluate("oph_cast('oph_double','oph_int',measure)", cube).compute()
    np.testing.assert_array_equal(made.numpy(), [[1, 0, 3]])
    np.testing.assert_array_equal(made.bits.compute(), [[0, Bit.NO_DATA, 0]])


def test_types_that_contradict_each_other():
    query = "oph_sum_scalar('oph_int','oph_int',oph_cast('oph_float','oph_float',measure),1)"
    from polarnight.ophidia.primitives import QueryError

    with pytest.raises(QueryError, match="written for oph_int, but oph_cast inside it gives"):
        apply_query(query, cube_of(A))
    assert apply_query(query, cube_of(A), check_type=False).cube.dtype == np.int32


NOISY = {"variance": np.full(A.shape, 4.0, "f4")}


@pytest.mark.parametrize(
    ("query", "factor"),
    [
        ("measure", 1.0),
        ("measure * 3 - 7", 9.0),
        ("measure + measure", 4.0),
        ("measure - measure", 0.0),
        ("measure * measure", (2 * A) ** 2),
        ("1 / measure", 1 / A**4),
        ("ln(measure)", 1 / A**2),
        ("sqrt(measure)", 0.25 / A),
        ("where(measure > 1000, measure * 2, measure)", np.where(A > 1000, 4.0, 1.0)),
        ("oph_predicate(measure,'x-1000','>0','x*2','x')", np.where(A > 1000, 4.0, 1.0)),
        ("measure * (measure > 1000)", (A > 1000) * 1.0),
        ("oph_reverse(measure) * 2", 4.0),
        ("oph_operation_array(measure,measure,measure,'avg')", 1.0),
        ("measure / image_median(measure)", 1 / np.median(A) ** 2),
    ],
)
def test_variances_of_one_measure_are_exact_to_first_order(query, factor):
    made = apply_query(query, cube_of(A, **NOISY))
    assert made.remarks == ()
    np.testing.assert_allclose(
        made.cube.variance.compute(), np.broadcast_to(4.0 * np.asarray(factor), A.shape), rtol=2e-6
    )


@pytest.mark.parametrize("query", ["measure - oph_reverse(measure)", "floor(measure)",
                                   "measure - median_filter(measure,3)",
                                   "oph_reduce(measure,'median')"])  # fmt: skip
def test_variances_that_are_not_known_are_dropped_and_said_so(query):
    made = apply_query(query, cube_of(A, **NOISY))
    assert made.cube.variance is None
    assert any("variance is dropped" in remark for remark in made.remarks)
    assert apply_query(query, cube_of(A)).remarks == ()


def test_bits_stay_with_their_pixels():
    bits = np.zeros(A.shape, "u2")
    bits[2, 3] = int(Bit.SATURATED)
    cube = cube_of(A, bits=bits)
    np.testing.assert_array_equal(evaluate("measure * 2", cube).bits.compute(), bits)
    np.testing.assert_array_equal(
        evaluate("measure + oph_reverse(measure)", cube).bits.compute(), bits | bits[:, ::-1]
    )


@pytest.mark.parametrize(
    ("query", "unit"),
    [
        ("measure * 2 + 3", "adu"),
        ("measure / image_median(measure)", "1"),
        ("measure * measure", ""),
        ("measure > 3", "1"),
        ("where(measure > 3, nan, measure)", "adu"),
        ("oph_reduce(measure,'oph_var')", ""),
        ("oph_reduce(measure,'oph_avg')", "adu"),
        ("measure - background(measure,8)", "adu"),
        ("log10(measure)", ""),
    ],
)
def test_units(query, unit):
    assert evaluate(query, cube_of(A, unit="adu")).unit == unit
