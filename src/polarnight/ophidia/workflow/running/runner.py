"""Running a workflow: independent tasks at the same time, each when its parents have ended."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from polarnight.errors import PolarnightError
from polarnight.ophidia.errors import OperatorFailed
from polarnight.ophidia.state import State
from polarnight.ophidia.workflow.running.commands import (
    Filled,
    command_texts,
    filled_arguments,
    handed_on,
)
from polarnight.ophidia.workflow.running.job import Hooks, Submit
from polarnight.ophidia.workflow.running.plan import Instance, Plan
from polarnight.ophidia.workflow.running.queueing import Queue
from polarnight.ophidia.workflow.running.record import Record
from polarnight.ophidia.workflow.running.results import Outcome, look_up
from polarnight.ophidia.workflow.running.steering import Steering
from polarnight.ophidia.workflow.running.waiting import Waiter
from polarnight.ophidia.workflow.running.working import Work, attempts, guarded
from polarnight.ophidia.workflow.shape.model import Status, Workflow
from polarnight.ophidia.workflow.shape.size import MOST_TASKS

__all__ = ["Run"]


class Run:
    """One run of a workflow.

    Parameters
    ----------
    workflow : Workflow
    submit : callable
        Takes the text of a command, a `State` that it may change, and a `Job`; returns a
        response. Called from several threads.
    state : State, optional
        Where the client is.
    cores : int
        The cores that tasks of this run may use together.
    hooks : Hooks, optional
        Database, clock and screen of whoever runs it.
    record : Record, optional
        Of an earlier run: what is done there is not done again.
    most : int
        How many tasks there may be, turns of loops included.
    """

    def __init__(
        self,
        workflow: Workflow,
        submit: Submit,
        state: State | None = None,
        cores: int = 1,
        hooks: Hooks | None = None,
        record: Record | None = None,
        most: int = MOST_TASKS,
    ) -> None:
        self.workflow = workflow
        self.submit = submit
        self.state = replace(state) if state is not None else State()
        self._from_defaults()
        self.hooks = hooks or Hooks()
        self.record = record or Record()
        self.plan = Plan(workflow.tasks, most)
        self.steering = Steering(self)
        self.variables: dict[tuple[int, ...], dict[str, str]] = {}
        self.warnings: list[str] = list(workflow.warnings)
        self.status = Status.PENDING
        self.error = ""
        self.code = 0
        self.begin = self.end = 0.0
        self.stopped = threading.Event()  # no task begins any more
        self.killed = threading.Event()  # running tasks stop as soon as they can
        self._queue = Queue(cores, self.state.ncores)
        self._events: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._running: dict[str, Instance] = {}
        self._waiters: dict[str, Waiter] = {}
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def _from_defaults(self) -> None:
        given = self.workflow.defaults
        for key in ("cube", "cwd", "cdd", "host_partition", "project"):
            if key in given:
                setattr(self.state, key, given[key])
        for key in ("ncores", "nthreads"):
            if given.get(key, "0") != "0":
                setattr(self.state, key, int(given[key]))
        if "sessionid" in given:
            self.state.session = given["sessionid"]

    # --- from outside, also from other threads -------------------------------------------

    def cancel(self, kind: str = "kill") -> None:
        """Stop the run.

        Parameters
        ----------
        kind : {"kill", "abort", "stop"}
            ``kill`` also stops running tasks; with the others they finish.
        """
        if not self.error and not self.end:
            self.error, self.code = f"the workflow was cancelled ({kind})", 9
        self.stopped.set()
        self._events.put(("cancel", kind))
        if kind == "kill":
            self.killed.set()

    def provide(self, task: str, action: str, variables: Mapping[str, str]) -> None:
        """Answer a task that waits, or set variables; what ``oph_input`` does.

        Parameters
        ----------
        task : str
            Its name; ``""`` or ``"Task 0"`` for the only one that waits.
        action : {"continue", "abort", "wait"}
        variables : mapping

        Raises
        ------
        OperatorFailed
            Where no such task waits.
        """
        with self._lock:
            waiting = dict(self._waiters)
        names = {one: one.partition("[")[0] for one in waiting}
        chosen = [one for one, name in names.items() if task in {one, name}]
        if not chosen and task in {"", "-", "Task 0"} and len(waiting) == 1:
            chosen = list(waiting)
        if not chosen and action != "wait":
            shown = ", ".join(repr(one) for one in waiting) or "none"
            msg = f"no task {task!r} of this workflow waits for input (waiting: {shown})"
            raise OperatorFailed(msg)
        self._events.put(("set", dict(variables)))
        for one in chosen:
            waiting[one].answer(action, variables)

    @property
    def instances(self) -> list[Instance]:
        """All tasks, with the turns of loops that have begun."""
        return list(self.plan.instances.values())

    def progress(self) -> float:
        """Return the fraction of the tasks known so far that is done, 0 to 1."""
        ones = self.instances
        done = sum(1.0 if one.ended else one.fraction for one in ones)
        return done / len(ones) if ones else 1.0

    # --- the run ---------------------------------------------------------------------------

    def execute(self) -> Run:
        """Run all tasks; what goes wrong is in ``status``, ``error`` and the tasks.

        Returns
        -------
        Run
            Itself.
        """
        self.begin = time.time()
        self.status = Status.RUNNING
        self.take(self.instances)
        try:
            self._loop()
        except BaseException:
            self.cancel("kill")
            raise
        finally:
            for thread in self._threads:
                thread.join()
            self._finish()
        return self

    def _loop(self) -> None:
        while True:
            self._start_ready()
            if self._queue.has_ready and not self.stopped.is_set():
                continue  # what ended at once has freed others
            if not self._running:
                if self.stopped.is_set() or not self._queue:
                    break
                continue
            kind, content = self._events.get()
            if kind == "ended":
                instance, outcome, control = content
                self._running.pop(instance.id)
                with self._lock:
                    self._waiters.pop(instance.id, None)
                self._queue.release(instance)
                self.settle(instance, outcome, control)
            elif kind == "set":
                self.variables.setdefault((), {}).update(content)

    def take(self, fresh: Iterable[Instance]) -> None:
        """Begin with instances that a loop has made, as far as they wait for nothing."""
        self._queue.add(one for one in fresh if not one.waits)

    def _start_ready(self) -> None:
        """Begin what can begin; operators of control end at once and may free others."""
        for instance in self._queue.beginning(self.stopped):
            self._begin(instance)

    def _begin(self, instance: Instance) -> None:
        parents = self.plan.parents(instance)
        statuses = {one.status for _, ones in parents for one in ones}
        if statuses & {Status.ERROR, Status.ABORTED}:
            self.settle(instance, Outcome(), {}, Status.ABORTED)
            return
        recorded = self.record.done(instance.id)
        if recorded is not None:
            instance.restored = True
            instance.begin, instance.end = recorded.begin, recorded.end
            instance.commands = list(recorded.commands)
            self.settle(instance, recorded.outcome, recorded.control, recorded.status)
            return
        instance.begin = time.time()
        instance.status = Status.RUNNING
        try:
            values, counters = self.values_of(instance)
            filled = filled_arguments(instance, parents, values, counters)
            if instance.task.operator == "oph_wait" and self.workflow.run and instance.task.run:
                work = self._waiting(instance, filled)
            elif instance.task.controls:
                outcome, control = self.steering.decide(instance, filled.arguments, parents)
                self.settle(instance, outcome, control)
                return
            elif not self.workflow.run or not instance.task.run:
                self._pretend(instance, filled)
                return
            else:
                work = self._working(instance, filled)
        except PolarnightError as error:
            code = getattr(error, "code", 9)
            self.settle(instance, Outcome(error=str(error), code=code), {})
            return
        self._queue.occupy(instance)
        self._running[instance.id] = instance
        self.hooks.changed(self, instance)
        thread = threading.Thread(
            target=self._guarded, args=(instance, work), name=f"workflow {instance.id}", daemon=True
        )
        self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()

    def values_of(self, instance: Instance) -> tuple[dict[str, str], dict[str, str]]:
        """Return the variables that an instance sees, and the counters of its loops."""
        values = {
            **self.hooks.context,
            "OPH_SESSION_ID": self.state.session,
            "OPH_WORKFLOW_ID": str(self.hooks.workflow_id),
            "OPH_MARKER_ID": str(instance.number),
            "NCORES": str(self.state.ncores),
            "NTHREADS": str(self.state.nthreads),
            "CUBE": self.state.cube,
            "CWD": self.state.cwd,
            "CDD": self.state.cdd,
        }
        for depth in range(len(instance.path) + 1):
            values.update(self.variables.get(instance.path[:depth], {}))
        turned, counters = self.plan.loop_values(instance)
        return {**values, **turned}, counters

    def look(self, instance: Instance) -> Callable[[str], list[str] | None]:
        """Return what finds values in the responses of those before an instance."""
        before = [one.outcome.response for one in self.plan.ancestors(instance)]
        responses = [response for response in before if response]
        return lambda pointer: look_up(pointer, responses)

    def _pretend(self, instance: Instance, filled: Filled) -> None:
        instance.commands = command_texts(instance.task.operator, filled, ())
        outputs = [] if self.workflow.run else [f"<output of {instance.id}>"]
        self.settle(instance, Outcome({"cube": outputs}), {})

    def _waiting(self, instance: Instance, filled: Filled) -> Work:
        waiter = Waiter(filled.arguments, instance.task.name, self.hooks.find_file)
        instance.status = Status.WAITING
        with self._lock:
            self._waiters[instance.id] = waiter
        if waiter.message:
            self.warnings.append(f"{instance.id}: {waiter.message}")
        cubes = handed_on(instance, self.plan.parents(instance))
        return lambda: (Outcome({"cube": cubes}), {"set": waiter.wait(self.stopped)})

    def _working(self, instance: Instance, filled: Filled) -> Work:
        operator = instance.task.operator
        instance.commands = command_texts(operator, filled, self.hooks.one_by_one(operator))
        cube = "" if filled.starved else self.state.cube
        state = replace(self.state, cube=cube, exec_mode="sync")
        return lambda: (attempts(self, instance, state), {})

    def follow(self, before: State, after: State) -> None:
        """Keep the folders that a task moved to."""
        if after.cwd != before.cwd:
            self.state.cwd = after.cwd
        if after.cdd != before.cdd:
            self.state.cdd = after.cdd

    def _guarded(self, instance: Instance, work: Work) -> None:
        outcome, control = guarded(instance.id, work)
        self.hooks.leave_thread()
        self._events.put(("ended", (instance, outcome, control)))

    def settle(
        self,
        instance: Instance,
        outcome: Outcome,
        control: dict[str, Any],
        status: str = "",
    ) -> None:
        """Take the end of a task, and free those that waited for it."""
        task = instance.task
        instance.outcome, instance.control = outcome, control
        if not status:
            failed = bool(outcome.error)
            skipped = failed and task.on_error.action == "skip"
            status = Status.COMPLETED
            if failed:
                status = Status.SKIPPED if skipped else Status.ERROR
        if status in Status.DONE:
            status = self.steering.apply(instance, status)
        instance.status = status
        instance.fraction = 1.0
        if not instance.restored:
            instance.begin = instance.begin or time.time()
            instance.end = time.time()
        if status == Status.ERROR and task.on_error.action != "continue" and not self.error:
            self.error = f"task {instance.id!r} failed: {instance.outcome.error}"
            self.code = instance.outcome.code or 9
            self.stopped.set()
        for child in self.plan.children[instance.id]:
            waiting = self.plan.instances[child]
            waiting.waits.discard(instance.id)
            if not waiting.waits and waiting.status == Status.PENDING:
                self._queue.add([waiting])
        self.hooks.changed(self, instance)

    def _finish(self) -> None:
        self.stopped.set()
        for one in self.instances:
            if not one.ended:
                one.status = Status.ABORTED
        self.status = Status.ERROR if self.error else Status.COMPLETED
        if self.killed.is_set():
            self.status = Status.ABORTED
        self.end = time.time()
        made = [c for one in self.instances for c in one.outcome.outputs.get("cube", ())]
        ordinary = [one for one in self.instances if not one.task.controls and not one.restored]
        last = max(ordinary, key=lambda one: one.end, default=None)
        if self.status == Status.COMPLETED and self.workflow.run:
            self.warnings += self.steering.clean_up()
        if made and last is not None and last.outcome.outputs.get("cube") and self.workflow.run:
            self.state.cube = last.outcome.outputs["cube"][-1]
        self.hooks.ended(self)
