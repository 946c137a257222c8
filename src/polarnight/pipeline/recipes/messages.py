"""What a worker and the process beside it, which runs stages of other packages, tell each other."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polarnight.instruments.observatories import Snapshot
    from polarnight.pipeline.recipes.stage import Product, Stage

__all__ = ["Answer", "Call", "Hello", "receive", "send"]

_LENGTH = struct.Struct("!Q")


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message: where packages are found. Its answer is an empty one."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A stage that shall run, on what, and what it may take."""

    stage: Stage
    product: Product
    declared: Snapshot
    seconds: float
    memory_fraction: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What a stage returned: what it replaced of a product, or why there is nothing.

    Attributes
    ----------
    kept, values : tuple of str, dict
        Names of the values that are as they were, and the others.
    notes : dict
    other : object
        What was returned that is no product.
    error : Exception or None
        To be raised again.
    failure : str
    """

    kept: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, Any] | None = None
    other: Any = None
    error: Exception | None = None
    failure: str = ""

    def made(self, product: Product) -> Any:
        """Return what the stage returned for a product."""
        if self.notes is None:
            return self.other
        values = {**{name: product.values[name] for name in self.kept}, **self.values}
        return replace(product, values=values, notes=self.notes)


def send(pipe: IO[bytes], pickled: bytes) -> None:
    """Write a message."""
    pipe.write(_LENGTH.pack(len(pickled)))
    pipe.write(pickled)
    pipe.flush()


def receive(pipe: IO[bytes]) -> Any:
    """Read the next message.

    Raises
    ------
    EOFError
        Where the other end is gone.
    """
    (length,) = _LENGTH.unpack(_exactly(pipe, _LENGTH.size))
    # The other end is a process that this one has started, or that has started this one.
    return pickle.loads(_exactly(pipe, length))  # noqa: S301


def _exactly(pipe: IO[bytes], length: int) -> bytes:
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return data
