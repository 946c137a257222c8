"""Which tasks of a run begin next: those that wait for nothing, as far as there are cores."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from threading import Event

from polarnight.ophidia.workflow.running.plan import Instance

__all__ = ["Queue"]


class Queue:
    """Tasks that wait for nothing any more, in order, and the cores they may use together.

    Parameters
    ----------
    cores : int
        For all tasks together.
    own : int
        Of a task that does not say how many it uses.
    """

    def __init__(self, cores: int, own: int) -> None:
        self.cores = max(cores, own)
        self.own = own
        self._used = 0
        self._ready: deque[Instance] = deque()  # wait for nothing any more
        self._queued: deque[Instance] = deque()  # wait for cores alone

    def __len__(self) -> int:
        return len(self._ready) + len(self._queued)

    @property
    def has_ready(self) -> bool:
        """Whether there are tasks that were not looked at yet."""
        return bool(self._ready)

    def add(self, ones: Iterable[Instance]) -> None:
        """Take tasks that wait for nothing any more."""
        self._ready.extend(ones)

    def weight(self, instance: Instance) -> int:
        """Return how many cores a task uses: none where it steers the workflow."""
        if instance.task.controls:
            return 0
        given = instance.task.argument("ncores")
        own = int(given) if given.isdigit() else self.own
        return min(max(own, 1), self.cores)

    def occupy(self, instance: Instance) -> None:
        """Take the cores of a task that runs now."""
        self._used += self.weight(instance)

    def release(self, instance: Instance) -> None:
        """Give back the cores of a task that has ended."""
        self._used -= self.weight(instance)

    def beginning(self, stopped: Event) -> Iterator[Instance]:
        """Yield the tasks that begin, until no task may begin any more.

        Operators of control use no cores, and come before all others; what they free at once
        is among what is yielded.
        """
        while self._ready and not stopped.is_set():
            instance = self._ready.popleft()
            if instance.ended:
                continue
            if self.weight(instance):
                self._queued.append(instance)
            else:
                yield instance
        at = 0
        while at < len(self._queued) and self._used < self.cores and not stopped.is_set():
            instance = self._queued[at]
            if self._used and self._used + self.weight(instance) > self.cores:
                at += 1  # a smaller one behind it may fit
                continue
            del self._queued[at]
            if not instance.ended:
                yield instance
