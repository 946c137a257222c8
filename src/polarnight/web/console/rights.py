"""Which commands a user of the site may run."""

from __future__ import annotations

from typing import Any

from polarnight.errors import PolarnightError
from polarnight.ophidia.errors import UnknownOperator
from polarnight.ophidia.language.tolerant import read_command
from polarnight.ophidia.registry import get_operator
from polarnight.web.access.roles import Action, allowed

__all__ = ["STEERING", "is_workflow", "only_reads", "refusal_of"]

STEERING = frozenset({"oph_cancel", "oph_set", "oph_input"})
"""Operators that speak to a command of the same session while it runs."""


def is_workflow(text: str) -> bool:
    """Return whether a request is the JSON of a workflow."""
    return text.lstrip().startswith("{")


def only_reads(text: str) -> bool:
    """Return whether a command makes, changes and removes nothing; its faults do not count.

    Raises
    ------
    UnknownOperator
        Where there is no such operator.
    """
    if is_workflow(text):
        return False
    try:
        command = read_command(text)
    except UnknownOperator:
        raise
    except PolarnightError:
        return True  # whoever runs it is told what is wrong with it; nothing happens
    return get_operator(command.operator).only_reads(command.arguments)


def refusal_of(user: Any, text: str) -> str:
    """Return why a user may not run a command, ``""`` where that is no matter of rights."""
    if allowed(user, Action.CONSOLE):
        return ""
    try:
        if only_reads(text):
            return ""
    except UnknownOperator:
        return ""  # the answer says which one was meant
    what = "a workflow" if is_workflow(text) else read_command(text).operator
    return f"{what} changes something, which needs a user of the group operator, or a higher one"
