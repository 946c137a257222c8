"""Operators of control, which steer workflows: loops, branches, variables, waiting."""

from __future__ import annotations

from typing import ClassVar

from polarnight.ophidia.answers.response import Text
from polarnight.ophidia.context import Context
from polarnight.ophidia.errors import BadValue, OperatorFailed
from polarnight.ophidia.language.arguments import Argument, yes_no
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

__all__ = ["Else", "ElseIf", "EndFor", "EndIf", "For", "If", "Input", "Set", "Wait"]

_KEY = Argument("key", default="-", help="Name of the variable, used as @key or @{key}.")
_VALUE = Argument(
    "value",
    default="-",
    help="Value, a list a|b, EVAL(formula), or objkey.Title.COLUMN; 1 if none.",
)
_ID = Argument(
    "id", default="current", help="Number of the workflow; the one it is in unless given."
)


class _Control(Operator):
    """An operator that means something in a workflow only."""

    kind = "U"
    serial = True
    text: ClassVar[str] = "A step of workflows (JSON files); it cannot be typed as a command."

    def run(self, given: Given, context: Context) -> Answer:
        """Say where the operator belongs."""
        msg = f"{self.name} is a step of workflows and cannot be typed alone"
        raise OperatorFailed(msg, "put it into a JSON file and type the path of the file")


@operator
class For(_Control):
    """The begin of a loop."""

    name = "oph_for"
    title = "Begin a loop: what depends on it, up to its oph_endfor, runs for every value."
    arguments = (
        Argument("key", mandatory=True, help="Name of the variable, used as @key; &key counts."),
        Argument("values", default="-", help="a|b|c, or objkey.Title.COLUMN of a parent's answer."),
        Argument("counter", default="-", help="Numbers for &key: 1:10, 1:2:9, 1,4."),
        yes_no("parallel", False, "Whether all turns run at the same time."),
    )


@operator
class EndFor(_Control):
    """The end of a loop."""

    name = "oph_endfor"
    title = "End a loop; it hands on the outputs of all turns in order."


@operator
class If(_Control):
    """The begin of a choice."""

    name = "oph_if"
    title = "Begin a choice: what depends on it runs where the condition is not 0."
    arguments = (
        Argument("condition", default="1", help="A formula such as @n > 3 and @n < 10."),
        yes_no("forward", False, "Hand the input on where no branch is chosen."),
    )


@operator
class ElseIf(_Control):
    """A further branch of a choice."""

    name = "oph_elseif"
    title = "Begin a branch that is looked at where those before it were not chosen."
    arguments = (Argument("condition", default="1", help="A formula such as @n > 3."),)


@operator
class Else(_Control):
    """The last branch of a choice."""

    name = "oph_else"
    title = "Begin the branch that runs where no other was chosen."


@operator
class EndIf(_Control):
    """The end of a choice."""

    name = "oph_endif"
    title = "End a choice; it hands on the outputs of the branch that ran."


@operator
class Wait(_Control):
    """Waiting for a time, an answer or a file."""

    name = "oph_wait"
    title = "Wait for a time, for oph_input, or for a file."
    arguments = (
        Argument("type", "enum", "clock", choices=("clock", "input", "file"), help="For what."),
        Argument("timeout", default="-1", help="Seconds, or a date (UTC); negative: no end."),
        Argument(
            "timeout_type", "enum", "duration", choices=("duration", "deadline"),
            help="What timeout means.",
        ),
        _KEY,
        _VALUE,
        Argument("filename", "path", default="-", help="File of the data repository."),
        Argument("fileref", "path", default="-", help="The file must be newer than this one."),
        Argument("measure", default="-", help="Kept for old workflows."),
        Argument("message", default="-", help="What is told while it waits."),
        yes_no("run", True, "Whether to wait at all."),
    )  # fmt: skip


@operator
class Set(_Control):
    """Variables of a workflow."""

    name = "oph_set"
    title = "Set variables of a workflow."
    arguments = (
        Argument("key", default="-", help="Name of the variable, or names joined by '|'."),
        Argument("keys", default="-", help="The same."),
        _VALUE,
        Argument(
            "subset_filter", "enum", "no", choices=("yes", "no", "real"),
            help="Write a list of numbers as a subset such as 1:4,7.",
        ),
        Argument("offset", "float", 1.0, minimum=0, help="Distance of neighbours in a subset."),
        _ID,
    )  # fmt: skip


@operator
class Input(Operator):
    """Answers to workflows that wait."""

    name = "oph_input"
    title = "Answer a task of a running workflow that waits, and set variables there."
    kind = "U"
    serial = True
    arguments = (
        _ID,
        Argument("taskname", default="Task 0", help="The task; the only one that waits if none."),
        Argument(
            "action", "enum", "continue", choices=("continue", "abort", "wait"),
            help="Whether it goes on, fails, or still waits.",
        ),
        _KEY,
        _VALUE,
    )  # fmt: skip

    def run(self, given: Given, context: Context) -> Answer:
        """Send the answer to the workflow."""
        from polarnight.ophidia.workflow.running.control import input_of
        from polarnight.ophidia.workflow.serving.live import send

        if not str(given["id"]).isdigit():
            msg = f"{self.name}: id={given['id']} is no number of a workflow"
            raise BadValue(msg, "oph_resume lists the workflows of the session")
        arguments = {"key": given["key"], "value": given["value"]}
        content = {
            "task": given["taskname"],
            "action": given["action"],
            "variables": input_of(arguments, given["taskname"]),
        }
        send(context.session, int(given["id"]), "input", content)
        return Answer([Text("input", "Workflow", f"workflow {given['id']} has the answer")])
