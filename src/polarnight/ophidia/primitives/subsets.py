"""Subset strings of Ophidia: ``1:2:8,30:33,60,end``, counted from 1, ends included."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polarnight.ophidia.primitives.errors import QueryError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["places_of"]


def places_of(subset: str, size: int) -> npt.NDArray[np.intp]:
    """Return places, from 0, in the order of the subset string.

    Parameters
    ----------
    subset : str
        ``i``, ``start:stop`` or ``start:step:stop``, several with commas; ``end`` is the last.
    size : int
        Number of elements.

    Raises
    ------
    QueryError
        Where it is no subset of that many.
    """
    found = [_one(part, subset, size) for part in subset.split(",")]
    return np.concatenate(found)


def _one(part: str, subset: str, size: int) -> npt.NDArray[np.intp]:
    numbers = []
    for word in part.strip().lower().split(":"):
        word = word.strip()
        if word == "end":
            numbers.append(size)
        elif word.isdecimal() and len(word) < 18:
            numbers.append(int(word))
        else:
            numbers = []
            break
    if not 1 <= len(numbers) <= 3:
        msg = f"{part[:40]!r} of the subset {subset[:60]!r} is none of i, a:b, a:step:b"
        raise QueryError(msg)
    start, stop = numbers[0], numbers[-1]
    step = numbers[1] if len(numbers) == 3 else 1
    if not (1 <= start <= stop <= size and step >= 1):
        msg = f"{part[:40]!r} of the subset {subset[:60]!r} does not lie within 1 to {size}"
        raise QueryError(msg)
    return np.arange(start - 1, stop, step)
