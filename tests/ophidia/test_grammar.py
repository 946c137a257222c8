"""The line of a command."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polarnight.ophidia.errors import BadValue, OphidiaError, UnknownArgument, UnknownOperator
from polarnight.ophidia.language.grammar import format_command, parse_command, split_list


def _error(call):
    """Return the error that a call ends with; anything but ours goes on."""
    try:
        call()
    except OphidiaError as error:
        return error
    return None


def test_a_command_is_an_operator_and_its_arguments():
    command = parse_command(
        "oph_createcontainer container=FITS2;dim=NAXIS2|NAXIS1;dim_type=int|int;"
    )
    assert command.operator == "oph_createcontainer"
    assert command.arguments == {
        "container": "FITS2",
        "dim": "NAXIS2|NAXIS1",
        "dim_type": "int|int",
    }


@pytest.mark.parametrize(
    "text",
    [
        "oph_list level=2;path=/a",
        "oph_list level=2;path=/a;",
        "  oph_list    level = 2 ; path= /a ;;  ",
        "OPH_LIST LEVEL=2;Path=/a;",
        "oph_list level=\"2\";path='/a';",
    ],
)
def test_spaces_the_last_semicolon_case_and_quotes_do_not_matter(text):
    assert parse_command(text).arguments == {"level": "2", "path": "/a"}
    assert parse_command(text).operator == "oph_list"


def test_brackets_and_quotes_protect_semicolons():
    command = parse_command(
        "oph_importfits src_path=[path=/data;file=*.fits];description='a; b';"
        "query=oph_reduce('a;b',measure);measure=m"
    )
    assert command.arguments == {
        "src_path": "[path=/data;file=*.fits]",
        "description": "a; b",
        "query": "oph_reduce('a;b',measure)",
        "measure": "m",
    }


def test_an_apostrophe_is_no_quote():
    command = parse_command("oph_x description=Barnard's star;other=it's;")
    assert command.arguments == {"description": "Barnard's star", "other": "it's"}


def test_values_hold_equals_signs():
    assert parse_command("oph_x condition=a=b;").arguments == {"condition": "a=b"}


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [
        ("", UnknownOperator, "no name of an operator"),
        ("=3;", UnknownOperator, "no name of an operator"),
        ("oph_x 3;", UnknownArgument, "'3' is no argument"),
        ("oph_x =3;", UnknownArgument, "is no argument"),
        ("oph_x a=1;a=2;", UnknownArgument, "given twice"),
        ("oph_x a=[b;", BadValue, "not closed"),
        ("oph_x a=b];", BadValue, "closes no bracket"),
        ("oph_x a=\x00;", BadValue, "control character"),
    ],
)
def test_what_is_no_command_is_refused(text, error, told):
    with pytest.raises(error, match=told):
        parse_command(text)


def test_the_same_argument_twice_with_one_value_is_no_contradiction():
    assert parse_command("oph_x a=1;a=1;").arguments == {"a": "1"}


def test_a_million_brackets_are_refused_not_recursed_into():
    with pytest.raises(BadValue, match="not closed"):
        parse_command("oph_x a=" + "[" * 1_000_000)


def test_lists():
    assert split_list("a| b |[c|d]|'e|f'") == ["a", "b", "[c|d]", "e|f"]


_NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True)
_VALUES = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp"), blacklist_characters="[]\"'\x85"),
    max_size=30,
)


@given(_NAMES, st.dictionaries(_NAMES, _VALUES, max_size=5))
def test_a_written_command_reads_back(name, arguments):
    command = parse_command(format_command(f"oph_{name}", arguments))
    assert command.operator == f"oph_{name}"
    assert command.arguments == arguments


@given(st.text(max_size=200))
def test_any_text_is_a_command_or_a_clear_error(text):
    error = _error(lambda: parse_command(text))
    assert error is None or (str(error) and error.code in (3, 6, 8))


@given(st.text(st.sampled_from("oph_list ab=;|[]'\"! :*"), max_size=60))
def test_lines_of_the_characters_of_commands_too(text):
    try:
        command = parse_command(f"oph_x {text}")
    except OphidiaError:
        return
    assert parse_command(command.text).arguments == command.arguments
