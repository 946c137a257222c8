"""Sorting networks: the compare-exchanges that sort any n values.

A network does the same steps whatever the values, so it sorts many pixels at once. This
is the merge exchange of Batcher (Knuth, The Art of Computer Programming, 5.2.2,
algorithm M), of about n (log2 n)^2 / 4 exchanges, for any n.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["median_network", "quantile_network", "sorting_network"]

Pairs: TypeAlias = "npt.NDArray[np.uint16]"


@functools.lru_cache(maxsize=32)
def sorting_network(n: int) -> Pairs:
    """Return the exchanges that sort n values in ascending order.

    Parameters
    ----------
    n : int
        Number of values, below 65536.

    Returns
    -------
    ndarray of uint16, shape (exchanges, 2)
        Places (i, j), i < j, in order: afterwards the smaller value is at i.
    """
    pairs: list[npt.NDArray[np.intp]] = []
    if n > 1:
        top = 1 << (n - 1).bit_length() - 1
        p = top
        while p > 0:
            q, r, d = top, 0, p
            while True:
                i = np.arange(n - d)
                i = i[(i & p) == r]
                pairs.append(np.stack([i, i + d], axis=1))
                if q == p:
                    break
                d, q, r = q - p, q // 2, p
            p //= 2
    joined = np.concatenate(pairs) if pairs else np.empty((0, 2))
    return np.ascontiguousarray(joined, dtype=np.uint16)


def _prune(pairs: Pairs, places: Iterable[int]) -> Pairs:
    """Leave out exchanges that cannot change what ends at `places`."""
    needed = set(places)
    kept = []
    for i, j in reversed(pairs.tolist()):
        if i in needed or j in needed:
            needed.update((i, j))
            kept.append((i, j))
    return np.array(kept[::-1], dtype=np.uint16).reshape(-1, 2)


@functools.lru_cache(maxsize=32)
def median_network(n: int) -> Pairs:
    """Return the exchanges that bring the middle one or two of n values to the middle.

    Parameters
    ----------
    n : int

    Returns
    -------
    ndarray of uint16, shape (exchanges, 2)
        Afterwards places (n - 1) // 2 and n // 2 hold the values they would if sorted.
    """
    return _prune(sorting_network(n), {(n - 1) // 2, n // 2})


@functools.lru_cache(maxsize=32)
def quantile_network(n: int, level: float) -> Pairs:
    """Return the exchanges that bring the neighbours of a quantile to their places.

    Parameters
    ----------
    n : int
    level : float
        From 0 to 1.

    Returns
    -------
    ndarray of uint16, shape (exchanges, 2)
        Afterwards the places next to (n - 1) * level hold the values they would if sorted.
    """
    low = int((n - 1) * level)
    return _prune(sorting_network(n), {low, min(low + 1, n - 1)})
