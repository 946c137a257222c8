"""From the JSON of a workflow to its tasks; everything that is wrong is told at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from polarnight.ophidia.workflow.shape.model import (
    CONTROL,
    CONTROL_ARGUMENTS,
    ON_EXIT,
    OnError,
    Task,
    Workflow,
)
from polarnight.ophidia.workflow.shape.size import MOST_TASKS, too_many
from polarnight.ophidia.workflow.shape.structure import Structure
from polarnight.ophidia.workflow.text.checking import wrong_values
from polarnight.ophidia.workflow.text.document import (
    InvalidWorkflow,
    nearest,
    read_json,
)
from polarnight.ophidia.workflow.text.fields import Faults, dependency_of, on_error_of
from polarnight.ophidia.workflow.text.placeholders import Missing, fill_positions
from polarnight.ophidia.workflow.text.variables import check_variables

__all__ = ["ArgumentsOf", "parse_workflow"]

ArgumentsOf = Callable[[str], "Mapping[str, Any] | Sequence[str] | None"]
"""Gives the names of the arguments of an operator; None where there is no such operator."""

_DEFAULTS = (
    "exec_mode", "ncores", "nthreads", "nhost", "cube", "cwd", "cdd", "sessionid",
    "host_partition", "project",
)  # fmt: skip
_SERVICE = (
    "save", "output_format", "callback_url", "command", "checkpoint", "direct_output",
    "host_nodes", "policy",
)  # fmt: skip
_GLOBAL = (
    "name", "author", "abstract", "url", *_DEFAULTS, *_SERVICE, "on_error", "on_exit", "run",
    "variables", "tasks",
)  # fmt: skip
_TASK = (
    "name", "operator", "type", "arguments", "dependencies", "variables", "on_error", "on_exit",
    "run", "save", "checkpoint",
)  # fmt: skip
_SYSTEM = frozenset({"exec_mode", "sessionid", "schedule", "objkey_filter", "save", "username"})
_MOST_TASKS = 20_000
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


def parse_workflow(
    text: str | Mapping[str, Any],
    arguments: Sequence[str] | None = (),
    arguments_of: ArgumentsOf | None = None,
    *,
    complete: bool = False,
    most: int = MOST_TASKS,
) -> Workflow:
    """Read a workflow and check everything that can be checked before it runs.

    Parameters
    ----------
    text : str or mapping
        JSON with comments, or what was parsed from it.
    arguments : sequence of str, optional
        For ``$1``, ``$2``, ...; None where they were filled in already, as in what is kept of a
        run: a ``$1`` that is left came out of an argument.
    arguments_of : callable, optional
        Gives the arguments of an operator, None for an unknown one; operators are not checked
        where not given.
    complete : bool
        Whether a ``$1`` that nobody gave, and that has no default, is a fault: it is for what is
        about to run, and a warning for what is only looked at.
    most : int
        How many tasks there may be, turns of loops included as far as they can be counted.

    Returns
    -------
    Workflow

    Raises
    ------
    InvalidWorkflow
        With every fault found.
    """
    document = read_json(text) if isinstance(text, str) else dict(text)
    filled: Any = document
    missing: list[Missing] = []
    if arguments is not None:
        filled, missing = fill_positions(document, [str(argument) for argument in arguments])
    faults = Faults()
    for one in missing:
        (faults.add if complete else faults.warn)(one.told)
    workflow = _Reader(filled, faults, arguments_of).workflow()
    if len(faults.found) == (len(missing) if complete else 0):
        faults.found += Structure.faults_of(workflow.tasks)
        faults.found += check_variables(workflow)
        if arguments_of is not None:
            faults.found += wrong_values(workflow, arguments_of)
    loops = any(task.operator == "oph_for" for task in workflow.tasks)
    if not faults.found and (loops or len(workflow.tasks) > most):
        faults.found += too_many(Structure(workflow.tasks), most)
    if faults.found:
        raise InvalidWorkflow(faults.found, workflow.name)
    return workflow


class _Reader:
    def __init__(
        self, document: Mapping[str, Any], faults: Faults, arguments_of: ArgumentsOf | None
    ) -> None:
        self.document = document
        self.faults = faults
        self.arguments_of = arguments_of

    def workflow(self) -> Workflow:
        document, faults = self.document, self.faults
        faults.unknown("the workflow", document, _GLOBAL)
        name = faults.text("the workflow", document, "name", mandatory=True)
        on_error = on_error_of("the workflow", document.get("on_error"), faults, OnError())
        on_exit = faults.choice("the workflow", document, "on_exit", ON_EXIT, "nop")
        run = faults.yes_no("the workflow", document, "run", True)
        defaults = {
            key: value
            for key in _DEFAULTS
            if (value := faults.text("the workflow", document, key)) != ""
        }
        for key in ("ncores", "nthreads", "nhost"):
            if key in defaults and not defaults[key].isdigit():
                faults.add(f"{key} is {defaults[key]!r}, not a number")
        faults.choice("the workflow", document, "exec_mode", ("sync", "async"), "sync")
        for key in ("author", "abstract", "url", *_SERVICE):
            faults.text("the workflow", document, key)
        shared = self.variables("the workflow", document)
        tasks = self.tasks(on_error, on_exit, shared)
        return Workflow(
            name=name,
            tasks=tasks,
            author=str(document.get("author", "")),
            abstract=str(document.get("abstract", "")),
            url=str(document.get("url", "")),
            defaults=defaults,
            run=run,
            source=dict(document),
            warnings=tuple(faults.warnings),
        )

    def tasks(
        self, on_error: OnError, on_exit: str, shared: tuple[tuple[str, str], ...]
    ) -> tuple[Task, ...]:
        listed = self.document.get("tasks")
        if not isinstance(listed, list) or not listed:
            self.faults.add('"tasks" must be a list with at least one task')
            return ()
        if len(listed) > _MOST_TASKS:
            self.faults.add(f"{len(listed)} tasks are more than {_MOST_TASKS}; use oph_for")
            return ()
        tasks = []
        for number, item in enumerate(listed, 1):
            if not isinstance(item, dict):
                self.faults.add(f"task {number} is no object with name and operator")
                continue
            tasks.append(self.task(number, item, on_error, on_exit, shared))
        return tuple(tasks)

    def task(
        self,
        number: int,
        item: dict[str, Any],
        on_error: OnError,
        on_exit: str,
        shared: tuple[tuple[str, str], ...],
    ) -> Task:
        faults = self.faults
        given = item.get("name")
        where = f"task {given!r}" if isinstance(given, str) and given else f"task {number}"
        faults.unknown(where, item, _TASK)
        name = faults.text(where, item, "name", mandatory=True)
        operator = faults.text(where, item, "operator", mandatory=True).strip().lower()
        kinds = ("ophidia", "control", "generic", "cdo")
        arguments = self.arguments(where, item, operator)
        return Task(
            name=name,
            operator=operator,
            type=faults.choice(where, item, "type", kinds, "ophidia"),
            arguments=arguments,
            dependencies=self.dependencies(where, item),
            variables=shared + self.variables(where, item),
            on_error=on_error_of(where, item.get("on_error"), faults, on_error),
            on_exit=faults.choice(where, item, "on_exit", ON_EXIT, on_exit),
            run=faults.yes_no(where, item, "run", True),
            save=faults.yes_no(where, item, "save", True),
            checkpoint=faults.text(where, item, "checkpoint"),
        )

    def arguments(
        self, where: str, item: dict[str, Any], operator: str
    ) -> tuple[tuple[str, str], ...]:
        listed = item.get("arguments", [])
        if isinstance(listed, dict):
            listed = [f"{key}={value}" for key, value in listed.items()]
        if not isinstance(listed, list):
            self.faults.add(f'{where}: "arguments" must be a list of "key=value"')
            return ()
        made: dict[str, str] = {}
        for text in listed:
            key, equals, value = text.partition("=") if isinstance(text, str) else ("", "", "")
            key = key.strip().lower()
            if not equals or not _KEY.fullmatch(key):
                self.faults.add(f'{where}, arguments: {text!r} is not of the form "key=value"')
            elif key in made:
                self.faults.add(f"{where}, arguments: {key!r} is given twice")
            else:
                made[key] = value.strip()
        self.known(where, operator, made)
        return tuple(made.items())

    def known(self, where: str, operator: str, given: Mapping[str, str]) -> None:
        """Check operator and arguments against what is declared."""
        if not operator:
            return
        if operator in CONTROL:
            names = set(CONTROL_ARGUMENTS[operator]) | _SYSTEM | set(_DEFAULTS)
        elif self.arguments_of is None:
            if not operator.startswith("oph_"):
                self.faults.add(f"{where}: the operator {operator!r} does not begin with 'oph_'")
            return
        else:
            declared = self.arguments_of(operator)
            if declared is None:
                near = nearest(operator, self.operators())
                self.faults.add(f"{where}: there is no operator {operator!r}{near}")
                return
            names = set(declared) | _SYSTEM | set(_DEFAULTS)
        for key in given:
            if key not in names:
                near = nearest(key, names)
                self.faults.warn(f"{where}: {operator} has no argument {key!r}, ignored{near}")

    def operators(self) -> list[str]:
        from polarnight.ophidia.registry import operator_names

        return [*operator_names(), *CONTROL]

    def dependencies(self, where: str, item: dict[str, Any]) -> tuple[Any, ...]:
        listed = item.get("dependencies", [])
        if not isinstance(listed, list):
            self.faults.add(f'{where}: "dependencies" must be a list')
            return ()
        made = [
            dependency_of(f"{where}, dependency {number}", one, self.faults)
            for number, one in enumerate(listed, 1)
        ]
        return tuple(one for one in made if one is not None)

    def variables(self, where: str, item: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
        listed = item.get("variables", [])
        if isinstance(listed, dict):
            listed = [f"{key}={value}" for key, value in listed.items()]
        if not isinstance(listed, list):
            self.faults.add(f'{where}: "variables" must be a list of "name=value"')
            return ()
        made = []
        for one in listed:
            if isinstance(one, dict) and {"name", "value"} >= set(one) >= {"name"}:
                one = f"{one['name']}={one.get('value', '1')}"
            key, equals, value = one.partition("=") if isinstance(one, str) else ("", "", "")
            if not equals or not _KEY.fullmatch(key.strip()):
                self.faults.add(f'{where}, variables: {one!r} is not of the form "name=value"')
            else:
                made.append((key.strip(), value))
        return tuple(made)
