"""Values are checked before the first task runs."""

import pytest

from polarnight.ophidia.workflow.serving.requests import arguments_of
from polarnight.ophidia.workflow.text.document import InvalidWorkflow
from polarnight.ophidia.workflow.text.reading import parse_workflow


def reduce_by(*arguments, **more):
    task = {"name": "median", "operator": "oph_reduce2", "arguments": list(arguments), **more}
    return {"name": "w", "tasks": [{"name": "first", "operator": "oph_list"}, task]}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["dim=z"], "task 'median': oph_reduce2: argument 'operation' is missing; add operation="),
        (["operation=medain"], "operation=medain is not known (did you mean median?"),
        (["operation=median", "ncores=two"], "ncores=two is not a whole number"),
        (["operation=median", "max_iterations=-3"], "max_iterations=-3 is out of range"),
    ],
)
def test_wrong_values_are_told_before_the_start(arguments, told):
    with pytest.raises(InvalidWorkflow) as caught:
        parse_workflow(reduce_by(*arguments), (), arguments_of)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "more"),
    [
        (["operation=@which", "dim=z"], {"variables": ["which=median"]}),
        (["operation=median", "cube=[container=F;level=0]"], {}),
        (["dim=z"], {"dependencies": [{"task": "first", "argument": "operation"}]}),
    ],
)
def test_what_is_known_only_later_is_left_alone(arguments, more):
    assert len(parse_workflow(reduce_by(*arguments, **more), (), arguments_of).tasks) == 2


def test_a_position_without_value_is_one_fault_and_no_wrong_value():
    with pytest.raises(InvalidWorkflow) as caught:
        parse_workflow(reduce_by("operation=median", "ncores=$1"), (), arguments_of, complete=True)
    assert len(caught.value.faults) == 1
