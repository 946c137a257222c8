from __future__ import annotations

import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polarnight.ophidia.primitives import QueryError, parse
from polarnight.ophidia.primitives.parser import Call, Name, Number, Text

from .common import cube_of, image, result


def written(node):
    if isinstance(node, Call):
        return f"{node.name}({','.join(written(one) for one in node.arguments)})"
    return f"{node.value:g}" if isinstance(node, Number) else node.value


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("measure", "measure"),
        ("a + b * c", "add(a,multiply(b,c))"),
        ("a - b - c", "subtract(subtract(a,b),c)"),
        ("a ^ b ** c", "power(a,power(b,c))"),
        ("-a ^ 2", "negative(power(a,2))"),
        ("2 ^ -1", "power(2,-1)"),
        ("a < b and not c = d or e", "or(and(less(a,b),not(equal(c,d))),e)"),
        ("(a + b) * c % 3", "remainder(multiply(add(a,b),c),3)"),
        ("a <> b", "not_equal(a,b)"),
        ("WHERE( Measure>6e4 , NaN ,measure)", "where(greater(measure,60000),nan,measure)"),
        ("oph_math('oph_int','OPH_FLOAT',measure,'x')", "oph_math(oph_int,OPH_FLOAT,measure,x)"),
        ("f()", "f()"),
        (".5e1", "5"),
    ],
)
def test_what_binds_tighter(query, tree):
    assert written(parse(query)) == tree


def test_places_are_kept():
    tree = parse("  oph_x( 'a', measure)")
    assert isinstance(tree, Call)
    assert (tree.at, tree.arguments[0], tree.arguments[1]) == (2, Text("a", 9), Name("measure", 14))


@pytest.mark.parametrize(
    ("query", "place", "said"),
    [
        ("measure + * 2", 11, "'*' came where"),
        ("measure +", 10, "the query ends here"),
        ("(measure + 2", 13, "before the bracket of character 1 was closed"),
        ("measure measure", 9, "an operator or the end was expected before 'measure'"),
        ("oph_math(measure,'oph_math_sin", 18, "a text that begins here is not closed"),
        ("measure ~ 2", 9, "'~' means nothing"),
        ("oph_sum_scaler(measure,2)", 1, "did you mean oph_sum_scalar?"),
        ("xyzzy_quux(measure)", 1, "oph_primitives_list shows all"),
        ("measrue * 2", 1, "did you mean measure?"),
        ("measure * 'two'", 11, "stands where numbers are expected"),
        ("oph_sum_scalar('oph_flaot','oph_float',measure,2)", 16, "did you mean oph_float?"),
        ("oph_sum_scalar('oph_complex_int',measure)", 16, "complex types are not there"),
        ("oph_sum_scalar(measure,1,2,3)", 28, "takes no more arguments"),
        ("oph_sum_array(measure)", 1, "'measure b' is missing"),
        ("oph_sum_scalar(measure,measure)", 24, "must be one number"),
        ("oph_shift(measure,1.5)", 19, "must be a whole number, not 1.5"),
        ("oph_reduce(measure,'oph_maxx')", 20, "did you mean max?"),
        ("oph_reduce(measure,'max',7)", 1, "31 elements are not made of groups of 7"),
        ("oph_reduce(measure,'quantile',0,50)", 1, "the order of a quantile is from 0 to 1"),
        ("1 + oph_get_subarray(measure,30,5)", 5, "not all there; the rows have 31"),
        ("median_filter(measure,4)", 1, "odd, from 1"),
        ("median_filter()", 1, "what to filter is missing"),
        ("measure + oph_get_subarray(measure,1,2)", 9, "rows of different lengths"),
        ("oph_predicate(measure,'x-','>0','1','0')", 3, "the query ends here"),
        ("oph_predicate(measure,'x','>>','1','0')", 1, "the comparison '>>' is not known"),
        ("oph_gsl_stats(measure,'102')", 1, "digits 0 and 1"),
        ("convolve(measure,'1,2|3')", 1, "is no kernel"),
        ("median_filter(oph_reduce(measure,'avg'),3)", 1, "needs images"),
    ],
)
def test_errors_say_where_and_what(query, place, said):
    with pytest.raises(QueryError) as caught:
        result(query, image())
    assert said in str(caught.value)
    assert caught.value.place == place
    assert caught.value.code == 8


@pytest.mark.parametrize("query", ["", "   ", "(" * 500 + "measure" + ")" * 500,
                                   "+".join(["measure"] * 4000), "-" * 3000 + "1",
                                   "m" * 70000])  # fmt: skip
def test_impossible_queries_are_refused_not_crashed_on(query):
    with pytest.raises(QueryError):
        result(query, image((2, 3)))


WORDS = ["measure", "oph_reduce(", "oph_sum_scalar(", "where(", ")", ",", "'oph_avg'", "2", "-",
         "*", "'1:3'", "nan", "median_filter(", "(", ">", "and", "'", "oph_predicate(", "'x'",
         "dimension", "^", "null", "oph_get_subarray3(", "0"]  # fmt: skip


@settings(max_examples=250, deadline=None)
@given(
    st.one_of(
        st.lists(st.sampled_from(WORDS), max_size=12).map("".join),
        st.text(string.printable, max_size=40),
    )
)
def test_whatever_is_typed_gives_numbers_or_a_clear_error(query):
    cube = cube_of(image((2, 6)))
    from polarnight.ophidia.primitives import evaluate

    try:
        made = evaluate(query, cube)
    except QueryError:
        return
    assert made.numpy().dtype.kind in "iuf"


EMPTY = "oph_reduce(measure,'avg')|oph_gsl_stats(measure)|sigma_clip(measure)"


@pytest.mark.parametrize("query", [*EMPTY.split("|"), "oph_concat(measure,measure)"])
def test_rows_without_elements(query):
    with pytest.raises(QueryError, match="are empty"):
        result(query, np.ones((4, 0)))
    assert result(query, np.ones((0, 4))).shape[0] == 0
    assert result("measure + 1", np.ones((4, 0))).shape == (4, 0)
