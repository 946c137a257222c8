"""Filters in brackets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polarnight.ophidia.errors import BadValue, OphidiaError
from polarnight.ophidia.selection.filters import Condition, parse_filter


def _error(call):
    """Return the error that a call ends with; anything but ours goes on."""
    try:
        call()
    except OphidiaError as error:
        return error
    return None


def test_all_keys_are_read():
    found = parse_filter(
        "[level=0|1;measure=image;parent_cube=http://x/1/2;container=FITS*;path=/a;recursive=yes;"
        "depth=2;metadata_key=FLT_ID|OBS-TYPE;metadata_value=B_JOHN_10|FLAT;run=no;convention=no]",
        "oph_x",
    )
    assert found.path == "/a"
    assert found.recursive
    assert found.depth == 2
    assert not found.run
    assert Condition("level", ("0", "1")) in found.conditions
    assert Condition("metadata_value", ("B_JOHN_10", "FLAT")) in found.conditions


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("[3]", [3], [2, 4]),
        ("[2:5]", [2, 5], [1, 6]),
        ("[1:2:9]", [1, 3, 9], [2, 11]),
        ("[2,4,7:8]", [2, 4, 7, 8], [3, 5, 9]),
        ("[5:end]", [5, 10**9], [4]),
        ("[*]", [1, 10**9], []),
        ("[all]", [1], []),
        ("[cube_filter=2:3]", [2, 3], [4]),
    ],
)
def test_numbers_of_cubes(text, inside, outside):
    ((ranges, negated),) = parse_filter(text, "oph_x").ranges
    assert not negated
    assert all(n in ranges for n in inside)
    assert not any(n in ranges for n in outside)


@pytest.mark.parametrize("text", ["[!3:5]", "[cube_filter!=3:5]", "[ ! 3:5 ]"])
def test_numbers_are_excluded(text):
    ((ranges, negated),) = parse_filter(text, "oph_x").ranges
    assert negated
    assert 4 in ranges


def test_any_condition_is_negated():
    found = parse_filter("[container!=FITS2;level!=0]", "oph_x")
    assert found.conditions == (
        Condition("container", ("FITS2",), True),
        Condition("level", ("0",), True),
    )


def test_files():
    found = parse_filter("[path=/data;file=*.fits]", "oph_importfits", files=True)
    assert found.files == ("*.fits",)
    assert parse_filter("[*.fits]", "oph_importfits", files=True).files == ("*.fits",)


@pytest.mark.parametrize(
    "key", ["container", "path", "level", "measure", "metadata_value", "metadata_key", "file"]
)
def test_a_key_without_a_value_does_not_mean_everything(key):
    error = _error(lambda: parse_filter(f"[level=0;metadata_key=A;{key}= ]", "oph_x"))
    assert f"[{key}=] in a filter says nothing" in str(error)


def test_lost_underscores_of_keys_are_found_again():
    found = parse_filter("[metadata key=FLT_ID;metadata value=OPEN]", "oph_x")
    assert [c.key for c in found.conditions] == ["metadata_key", "metadata_value"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[***:***]", "put the last numbers of PIDs in place of the stars"),
        ("[5:2]", "selects nothing"),
        ("[1:0:4]", "selects nothing"),
        ("[contaner=a]", "did you mean container"),
        ("[metadata_value=a]", "without metadata_key"),
        ("[metadata_key=a|b;metadata_value=c]", "as many values"),
        ("[recursive=perhaps]", "recursive=yes"),
        ("[depth=-1]", "depth=0"),
        ("[path!=/a]", "not negated"),
        ("[convention=cmip5]", "climate"),
        ("[x]", "no selection of cubes"),
        ("[" + "9" * 500 + "]", "no selection of cubes"),
    ],
)
def test_what_is_no_filter_says_what_to_type(text, told):
    with pytest.raises(BadValue, match="oph_delete") as caught:
        parse_filter(text, "oph_delete")
    assert told in str(caught.value)


@given(st.text(st.sampled_from("abcdefilmopstuv_y=!:;|,*[]0123456789 "), max_size=50))
def test_any_filter_is_read_or_refused_clearly(text):
    error = _error(lambda: parse_filter(f"[{text}]", "oph_x"))
    assert error is None or str(error)
