"""Typed arguments and the declarations of all operators."""

from __future__ import annotations

import pytest

from polarnight.ophidia.answers.manual import operator_page, synopsis
from polarnight.ophidia.context import Context
from polarnight.ophidia.errors import BadValue, UnknownArgument, UnknownOperator
from polarnight.ophidia.language.arguments import Argument, yes_no
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import get_operator, operator, operators


class Example(Operator):
    """An operator of these tests."""

    name = "oph_example"
    title = "Show what arguments are."
    arguments = (
        Argument("must", mandatory=True, help="Anything."),
        Argument("level", "int", 1, minimum=0, maximum=8, help="A level."),
        Argument("size", "int", "all", words=("all",), minimum=1),
        Argument("order", "float", 2.0, minimum=0),
        Argument("mode", "enum", "read", choices=("read", "insert"), multiple=False),
        Argument("many", multiple=True, default=("all",)),
        yes_no("force", False, "Do it."),
    )
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        return Answer()


def test_defaults_and_types():
    given, warnings = Example.typed({"must": "x", "level": " 3 ", "many": "a|b"})
    assert given["level"] == 3
    assert given["size"] == "all"
    assert given["order"] == 2.0
    assert given["many"] == ("a", "b")
    assert given["force"] == "no"
    assert given["exec_mode"] == "async"
    assert not warnings


def test_serial_operators_have_one_core_whatever_is_given():
    assert Example.typed({"must": "x", "ncores": "8"})[0]["ncores"] == 1


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("level", "x", "is not a whole number"),
        ("level", "2.5", "is not a whole number"),
        ("level", "9", "allowed: 0 to 8"),
        ("level", "9" * 5000, "is not a whole number"),
        ("size", "some", "or all"),
        ("order", "nan", "is not a number"),
        ("order", "-1", "allowed: at least 0"),
        ("mode", "raed", "did you mean read"),
        ("force", "maybe", "allowed: yes, no"),
    ],
)
def test_bad_values_name_operator_argument_and_remedy(key, value, told):
    with pytest.raises(BadValue, match="oph_example") as caught:
        Example.typed({"must": "x", key: value})
    assert key in str(caught.value)
    assert told in str(caught.value)


def test_what_is_missing_is_named():
    with pytest.raises(BadValue, match="oph_example: argument 'must' is missing"):
        Example.typed({})


def test_unknown_arguments_are_warned_about_or_refused():
    _, warnings = Example.typed({"must": "x", "levle": "2", "ndb": "1"})
    assert "did you mean level?" in warnings[0]
    assert "changes nothing" in warnings[1]
    with pytest.raises(UnknownArgument, match="did you mean level"):
        Example.typed({"must": "x", "levle": "2"}, strict=True)


def test_what_clients_add_to_every_command_is_no_mistake():
    assert Example.typed({"must": "x", "cube": "y", "nthreads": "2"}, strict=True)[1] == []


def test_two_operators_of_one_name_are_a_mistake():
    class Other(Example):
        name = "oph_list"

    with pytest.raises(ValueError, match="two operators are called 'oph_list'"):
        operator(Other)


def test_operators_are_found_with_or_without_prefix():
    assert get_operator("OPH_LIST") is get_operator("list")
    with pytest.raises(UnknownOperator, match="did you mean oph_list"):
        get_operator("oph_lst")
    with pytest.raises(UnknownOperator, match="oph_operators_list shows"):
        get_operator("zzzzzz")


@pytest.mark.parametrize("name", sorted(operators()))
def test_every_declaration_is_complete(name):
    cls = operators()[name]
    assert cls.title.endswith(".")
    names = [argument.name for argument in cls.arguments]
    assert len(set(names)) == len(names)
    assert all(argument.help for argument in cls.arguments), name
    assert cls.massive is None or cls.massive in names
    for argument in cls.declared().values():
        if argument.shown_default and not argument.multiple:
            # What the manual shows as the default can be typed.
            assert argument.parse(argument.shown_default, name) == argument.default
    page = operator_page(cls)
    assert all(argument in page for argument in names)
    assert synopsis(cls).startswith(name)


def test_the_manual_says_of_the_cube_what_is_true():
    from polarnight.ophidia.answers.manual import operator_grids, operator_page, synopsis
    from polarnight.ophidia.registry import get_operator

    cls = get_operator("oph_reduce2")
    rows = {row[0]: row for row in operator_grids(cls)[1].rows}
    assert rows["cube"][2:4] == ("no", "<last cube>")
    assert "the last cube of the session unless given" in rows["cube"][4]
    assert rows["operation"][2] == "yes"
    assert synopsis(cls).startswith("oph_reduce2 operation=<")
    assert "[cube=<last cube>;]" in synopsis(cls)
    page = operator_page(cls)
    assert "  cube: cube, default <last cube>\n" in page
    assert "cube: cube, mandatory" not in page
    # Nothing is filled in for a second cube.
    rows = {row[0]: row for row in operator_grids(get_operator("oph_intercube"))[1].rows}
    assert rows["cube2"][3] != "<last cube>"


def test_a_missing_cube_says_that_there_is_no_last_one():
    from polarnight.ophidia.registry import get_operator

    with pytest.raises(BadValue, match="this session has no last cube to take"):
        get_operator("oph_reduce2").typed({"operation": "max", "dim": "z"})
