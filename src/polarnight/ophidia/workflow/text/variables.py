"""Variables of a workflow while it runs: ``@key``, ``@{key}``, ``&key``, ``@key_size``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from polarnight.ophidia.errors import OphidiaError
from polarnight.ophidia.workflow.shape.model import Task, Workflow
from polarnight.ophidia.workflow.text.document import nearest

__all__ = ["CONTEXT", "TooLong", "UnknownVariable", "check_variables", "names_in", "substitute"]

CONTEXT = (
    "OPH_SESSION_ID", "OPH_SESSION_CODE", "OPH_WORKFLOW_ID", "OPH_MARKER_ID", "OPH_USER",
    "OPH_OS_USER", "OPH_SERVER_HOST", "OPH_SERVER_PORT", "OPH_PASSWD", "NCORES", "NHOST",
    "NTHREADS", "CUBE", "CWD", "CDD",
)  # fmt: skip
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_USE = re.compile(
    rf"(?P<mark>[@&])\{{\s*(?P<inner>[^{{}}]*?)\s*\}}|(?P<sign>[@&])(?P<bare>{_NAME})"
)


_LONGEST = 4_000_000  # characters: no longer command is read


class TooLong(OphidiaError):
    """Variables make a text of many of themselves."""

    code = 8


class UnknownVariable(OphidiaError):
    """A variable is used that nothing has set."""

    code = 8


def names_in(text: str) -> Iterator[tuple[str, str, bool]]:
    """Give sign, name, and whether it must be a variable, of everything that may be one."""
    for match in _USE.finditer(text):
        inner = match.group("inner")
        if inner is not None:
            yield match.group("mark"), inner, True
        else:
            yield match.group("sign"), match.group("bare"), _must_be_known(match)


def _must_be_known(match: re.Match[str]) -> bool:
    """Return whether there is a fault where no variable has that name.

    An @ behind a letter may be one of an address of mail, and an & one of a link.
    """
    if match.group("inner") is not None:
        return True
    before = match.string[max(0, match.start() - 1) : match.start()]
    return match.group("sign") == "@" and not (before.isalnum() or before in {"_", "."})


def substitute(
    text: str, values: Mapping[str, str], counters: Mapping[str, str] | None = None
) -> str:
    """Return a text with variables replaced.

    What is put in is not looked through again: values may come from headers of files.

    Parameters
    ----------
    text : str
    values : mapping
        For ``@key``.
    counters : mapping, optional
        For ``&key``, the counters of loops.

    Raises
    ------
    UnknownVariable
        For ``@{key}`` that nobody set. A bare ``@key`` that is like no variable stays as it is.
    TooLong
        Where more than four million characters come out: variables that are set to several of
        others grow without end.
    """
    counted = counters or {}
    length = len(text)

    def one(match: re.Match[str]) -> str:
        nonlocal length
        value = value_of(match)
        length += len(value)
        if length > _LONGEST:
            msg = (
                f"with {match.group()[:60]!r} put in, the text has more than {_LONGEST} characters"
            )
            raise TooLong(msg, "set variables to less")
        return value

    def value_of(match: re.Match[str]) -> str:
        braces = match.group("inner")
        name = braces if braces is not None else match.group("bare")
        sign = match.group("mark") or match.group("sign")
        known = values if sign == "@" else counted
        if name in known:
            return known[name]
        if name.endswith("_size") and name.removesuffix("_size") in known:
            return str(len(known[name.removesuffix("_size")].split("|")))
        if not _must_be_known(match):
            return match.group()
        msg = f"the variable {match.group()!r} has not been set{nearest(name, known)}"
        raise UnknownVariable(msg)

    return _USE.sub(one, text)


def check_variables(workflow: Workflow) -> list[str]:
    """Return faults for variables that no task ever sets.

    Nothing is said where a task sets a variable whose name is only known when it runs, or waits
    for input from outside.
    """
    known, counted, open_ended = set(CONTEXT), set[str](), False
    for task in workflow.tasks:
        known.update(name for name, _ in task.variables)
        if task.operator in {"oph_for", "oph_set", "oph_wait", "oph_input"}:
            keys = _keys(task)
            open_ended |= any("@" in key or "&" in key for key in keys)
            open_ended |= task.operator == "oph_wait" and task.argument("type") == "input"
            known.update(keys)
            if task.operator == "oph_for":
                counted.update(keys)
    if open_ended:
        return []
    faults = []
    for task in workflow.tasks:
        for key, value in (*task.arguments, *task.variables):
            for sign, name, needed in names_in(value):
                there = known if sign == "@" else counted
                if not needed or name in there or name.removesuffix("_size") in there:
                    continue
                shown = f"{sign}{name}"
                near = nearest(name, sorted(there))
                faults.append(f"task {task.name!r}, {key}: no task sets {shown}{near}")
    return faults


def _keys(task: Task) -> list[str]:
    given = f"{task.argument('key')}|{task.argument('keys')}"
    names = [key.strip().strip("{}").strip() for key in given.split("|")]
    return [name for name in names if name and name != "-"]
