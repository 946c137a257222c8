"""What happens in the thread of a task."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from polarnight.errors import PolarnightError
from polarnight.ophidia.state import State
from polarnight.ophidia.workflow.running.job import Job
from polarnight.ophidia.workflow.running.plan import Instance
from polarnight.ophidia.workflow.running.results import Outcome, outcome_of

if TYPE_CHECKING:
    from polarnight.ophidia.workflow.running.runner import Run

__all__ = ["Work", "attempts", "guarded"]

_LOG = logging.getLogger("polarnight.ophidia.workflow")

Work = Callable[[], "tuple[Outcome, dict[str, Any]]"]
"""Does a task; gives what came out and what it decided."""


def guarded(name: str, work: Work) -> tuple[Outcome, dict[str, Any]]:
    """Do the work of a task; whatever goes wrong becomes its error.

    Parameters
    ----------
    name : str
        Of the task, for the log.
    work : callable
    """
    try:
        return work()
    except PolarnightError as error:
        return Outcome(error=str(error), code=getattr(error, "code", 9)), {}
    except Exception as error:  # noqa: BLE001
        # A fault in one task must not leave the others waiting for ever.
        _LOG.warning("task %r of a workflow", name, exc_info=True)
        told = f"{type(error).__name__}: {error}; this is a fault of Polarnight"
        return Outcome(error=told, code=1), {}


def attempts(run: Run, instance: Instance, state: State) -> Outcome:
    """Submit the commands of a task, again as often as it may fail.

    Parameters
    ----------
    run : Run
    instance : Instance
    state : State
        Where each attempt starts from.
    """
    plan = instance.task.on_error
    while True:
        instance.attempts += 1
        outcome = _commands(run, instance, state)
        if not outcome.error or instance.attempts > plan.repeats:
            return outcome
        if run.stopped.wait(plan.pause(instance.attempts)):
            return outcome


def _commands(run: Run, instance: Instance, state: State) -> Outcome:
    whole = Outcome({"cube": [], "container": [], "file": []})
    objects: list[Any] = []
    for number, text in enumerate(instance.commands):
        job = Job(run.hooks.workflow_id, instance, number, run.killed)
        own = replace(state)
        response = run.submit(text, own, job)
        outcome = outcome_of(response)
        objects += outcome.response.get("response", [])
        whole.response = {**outcome.response, "response": objects}
        for kind, found in outcome.outputs.items():
            whole.outputs.setdefault(kind, []).extend(found)
        if outcome.error:
            whole.error, whole.code = outcome.error, outcome.code
            break
        instance.fraction = (number + 1) / len(instance.commands)
        run.follow(state, own)
    return whole
