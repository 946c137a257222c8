"""What operators of control do to the run they are in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from polarnight.errors import PolarnightError
from polarnight.ophidia.errors import BadValue
from polarnight.ophidia.workflow.running.commands import handed_on
from polarnight.ophidia.workflow.running.control import (
    condition_of,
    input_of,
    turns_of,
    variables_of,
)
from polarnight.ophidia.workflow.running.job import Job
from polarnight.ophidia.workflow.running.plan import Instance, Turns, instance_id
from polarnight.ophidia.workflow.running.results import Outcome, outcome_of
from polarnight.ophidia.workflow.shape.model import Status
from polarnight.ophidia.workflow.text.expressions import BadExpression

if TYPE_CHECKING:
    from polarnight.ophidia.workflow.running.runner import Run
    from polarnight.ophidia.workflow.shape.model import Dependency

__all__ = ["Steering"]


class Steering:
    """Decides first, which is recorded, and applies then, so that a decision can be repeated.

    Parameters
    ----------
    run : Run
    """

    def __init__(self, run: Run) -> None:
        self.run = run

    def decide(
        self,
        instance: Instance,
        arguments: Mapping[str, str],
        parents: Sequence[tuple[Dependency, Sequence[Instance]]],
    ) -> tuple[Outcome, dict[str, Any]]:
        """Return what an operator of control hands on, and what it decides.

        Raises
        ------
        PolarnightError
            For arguments that cannot be used.
        """
        operator, name = instance.task.operator, instance.task.name
        look = self.run.look(instance)
        cubes = handed_on(instance, parents)
        control: dict[str, Any] = {}
        if operator == "oph_for":
            turns = turns_of(arguments, name, look)
            self.run.plan.check_room(instance, turns)
            control["turns"] = [turns.key, list(turns.values), list(turns.counters), turns.parallel]
        elif operator in {"oph_if", "oph_elseif"}:
            control["chosen"] = self._condition(instance, arguments)
        elif operator == "oph_else":
            control["chosen"] = True
        elif operator == "oph_set":
            self._elsewhere(arguments, control, variables_of(arguments, name, look), "wait", "")
        elif operator == "oph_input":
            action = arguments.get("action", "continue").strip().lower() or "continue"
            if action not in {"continue", "abort", "wait"}:
                msg = f"task {name!r}: action={action!r}; allowed are continue, abort, wait"
                raise BadValue(msg)
            task = arguments.get("taskname", "Task 0")
            self._elsewhere(arguments, control, input_of(arguments, name), action, task)
        elif operator == "oph_wait":
            control["set"] = input_of(arguments, name)
        elif operator == "oph_endif":
            cubes = self._chosen_or_forwarded(instance, cubes)
        return Outcome({"cube": cubes}), control

    def _condition(self, instance: Instance, arguments: Mapping[str, str]) -> bool:
        try:
            return condition_of(arguments, instance.task.name, self.run.look(instance))
        except BadExpression:
            if self.run.workflow.run:
                raise
            # In a dry run there are no values to decide by: the first branch stands for all.
            self.run.warnings.append(f"{instance.id}: the condition depends on results")
            return True

    def _elsewhere(
        self,
        arguments: Mapping[str, str],
        control: dict[str, Any],
        variables: dict[str, str],
        action: str,
        task: str,
    ) -> None:
        """Set variables here, or in another workflow of the session."""
        given = arguments.get("id", "current").strip()
        here = str(self.run.hooks.workflow_id)
        if given in {"", "-", "current", here}:
            control["set"] = variables
            if task:
                self.run.provide(task, action, variables)
        elif not given.isdigit():
            msg = f"id={given!r} is no number of a workflow"
            raise BadValue(msg)
        elif self.run.workflow.run:
            self.run.hooks.set_elsewhere(int(given), task, action, variables)

    def _chosen_or_forwarded(self, instance: Instance, cubes: list[str]) -> list[str]:
        name = self.run.plan.heads[instance.task.name]
        head = self.run.plan.instances[instance_id(name, instance.path)]
        if cubes or head.task.argument("forward") != "yes":
            return cubes
        return list(head.outcome.outputs.get("cube", ()))

    def apply(self, instance: Instance, status: str) -> str:
        """Do what an instance decided; return its status."""
        operator, control = instance.task.operator, instance.control
        if operator == "oph_for" and status != Status.UNSELECTED:
            key, values, counters, parallel = control.get("turns") or ["", [], [], False]
            turns = Turns(str(key), tuple(values), tuple(counters), bool(parallel))
            fresh = self.run.plan.expand(instance, turns)
            self.run.take(fresh)
        elif operator in {"oph_if", "oph_elseif", "oph_else"} and status != Status.UNSELECTED:
            self._select(instance, bool(control.get("chosen")))
        elif operator in {"oph_set", "oph_wait", "oph_input"}:
            self._set(instance, control.get("set", {}))
        return status

    def _set(self, instance: Instance, variables: Mapping[str, str]) -> None:
        place = self.run.plan.shared_path(instance)
        self.run.variables.setdefault(place, {}).update(variables)

    def _select(self, instance: Instance, chosen: bool) -> None:
        """Leave out the branches that were not chosen."""
        structure = self.run.plan.structure
        chain = next(c for c in structure.chains.values() if instance.task.name in c)
        place = chain.index(instance.task.name)
        left = self.run.plan.branch(instance.task.name, instance.path) if not chosen else []
        if chosen:
            for head in chain[place + 1 :]:
                turned = self.run.plan.instances[instance_id(head, instance.path)]
                left += [turned, *self.run.plan.branch(head, instance.path)]
        for one in left:
            if not one.ended:
                self.run.settle(one, Outcome(), {}, Status.UNSELECTED)

    def clean_up(self) -> list[str]:
        """Remove what tasks made that should not stay; return what could not be removed."""
        troubles = []
        for one in reversed(self.run.instances):
            kind = "container" if one.task.on_exit == "oph_deletecontainer" else "cube"
            if one.task.on_exit == "nop" or one.task.controls:
                continue
            for pid in one.outcome.outputs.get(kind, ()):
                if not self.run.hooks.exists(pid):
                    continue
                text = f"oph_delete cube={pid};"
                if kind == "container":
                    text = f"oph_deletecontainer container_pid={pid};container=-;force=yes;"
                job = Job(self.run.hooks.workflow_id, one, len(one.commands), self.run.killed)
                try:
                    error = outcome_of(self.run.submit(text, self.run.state, job)).error
                except PolarnightError as fault:
                    error = str(fault)
                if error:
                    troubles.append(f"on_exit of {one.id}: {error}")
        return troubles
