"""What was read or computed, kept in the memory of this process while it is true."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

__all__ = ["Memory"]

Value = TypeVar("Value")


@dataclass(slots=True)
class _Entry(Generic[Value]):
    version: Hashable
    value: Value
    size: int


@dataclass(slots=True)
class _Gate:
    """Lets one thread work, while others with the same question wait for its answer."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    users: int = 0


class Memory(Generic[Value]):
    """Answers by question, each with the version of the data that it was made of.

    Parameters
    ----------
    room : int
        Bytes; those that were not asked for longest go first.
    """

    def __init__(self, room: int) -> None:
        self.room = room
        self._entries: OrderedDict[Hashable, _Entry[Value]] = OrderedDict()
        self._gates: dict[Hashable, _Gate] = {}
        self._filled = 0
        self._lock = threading.Lock()

    def get(
        self,
        question: Hashable,
        version: Hashable | None,
        make: Callable[[], Value],
        size: Callable[[Value], int],
    ) -> Value:
        """Return the answer to a question, made anew unless there is one of this version.

        Parameters
        ----------
        question : hashable
        version : hashable or None
            Read before the data; with None nothing is kept.
        make, size : callable
            Make the answer, and tell its bytes.
        """
        if version is None:
            return make()
        with self._lock:
            gate = self._gates.setdefault(question, _Gate())
            gate.users += 1
        try:
            with gate.lock:
                found = self._find(question, version)
                if found is None:
                    value = make()
                    self._keep(question, found := _Entry(version, value, size(value)))
                return found.value
        finally:
            with self._lock:
                gate.users -= 1
                if not gate.users:
                    self._gates.pop(question, None)

    def _find(self, question: Hashable, version: Hashable) -> _Entry[Value] | None:
        with self._lock:
            found = self._entries.get(question)
            if found is None or found.version != version:
                return None
            self._entries.move_to_end(question)
            return found

    def _keep(self, question: Hashable, entry: _Entry[Value]) -> None:
        with self._lock:
            self._drop(question)
            if entry.size > self.room:
                return
            self._entries[question] = entry
            self._filled += entry.size
            while self._filled > self.room:
                self._drop(next(iter(self._entries)))

    def _drop(self, question: Hashable) -> None:
        old = self._entries.pop(question, None)
        if old is not None:
            self._filled -= old.size
