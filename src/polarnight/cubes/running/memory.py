"""How much memory the engine may use, and how large its blocks are therefore."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Final, TypeAlias

from polarnight.errors import ConfigError

__all__ = ["Bound", "block_rows", "bound_bytes", "in_flight", "limit", "total_memory"]

Bound: TypeAlias = "int | str | None"
"""Bytes, a text such as ``"400 MB"``, ``"2 GiB"`` or ``"25 %"`` (of the RAM), or nothing."""

DEFAULT: Final = "25 %"

VARIABLE: Final = "POLARNIGHT_CUBES__MEMORY_FRACTION"
"""Environment variable of the setting ``cubes.memory_fraction``."""

COPIES: Final = 4
"""Arrays as large as the largest block that a task may hold at once: what it reads, the same
in floating point, its result, and what waits to be written."""

# Larger blocks than this are no faster: they leave the cache, and fresh memory is slow.
_BEST_BLOCK: Final = 8 << 20
_LEAST: Final = 1 << 20
_UNITS: Final = {
    **{"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12},
    **{"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40},
}
_LIMIT: ContextVar[int | None] = ContextVar("polarnight_memory", default=None)


def total_memory() -> int:
    """Return the memory of this machine in bytes, or of the container it runs in."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            total = min(total, int(Path(name).read_text()))
    return total


def bound_bytes(bound: Bound = None) -> int:
    """Return the memory bound in bytes.

    What is given, else what `limit` set, else the fraction of the RAM in the environment
    variable ``POLARNIGHT_CUBES__MEMORY_FRACTION``, else 25 % of it.

    Parameters
    ----------
    bound : int or str, optional
        Bytes, ``"400 MB"``, ``"2 GiB"``, ``"25 %"``.

    Returns
    -------
    int
        Bytes.

    Raises
    ------
    ConfigError
        Where the text is none of these, or less than 1 MiB or more than all memory is asked.
    """
    if bound is not None:
        return _parse(bound, "memory")
    if (limited := _LIMIT.get()) is not None:
        return limited
    fraction = os.environ.get(VARIABLE)
    if not fraction:
        return _parse(DEFAULT, "memory")
    try:
        return _parse(f"{100 * float(fraction):.6f} %", VARIABLE)
    except ValueError:
        msg = f"{VARIABLE} = {fraction!r} is no fraction; give a number such as 0.25"
        raise ConfigError(msg) from None


@contextlib.contextmanager
def limit(bound: Bound) -> Iterator[int]:
    """Set the memory bound for what is done inside the block; None changes nothing.

    Yields
    ------
    int
        Bytes.
    """
    number = bound_bytes(bound)
    token = _LIMIT.set(number)
    try:
        yield number
    finally:
        _LIMIT.reset(token)


def _parse(bound: int | str, place: str) -> int:
    total = total_memory()
    text = str(bound).strip().lower()
    found = re.fullmatch(r"(\d+(?:\.\d*)?)\s*(%|[kmgt]?i?b|)", text)
    unit = found[2] if found else None
    if found is None or (unit != "%" and unit not in _UNITS):
        msg = f"{place} = {bound!r}: give bytes, '400 MB', '2 GiB' or '25 %' (of the RAM)"
        raise ConfigError(msg)
    number = int(float(found[1]) * (total / 100 if unit == "%" else _UNITS[found[2]]))
    if not _LEAST <= number <= total:
        msg = f"{place} = {bound!r} is {number} bytes; give between {_LEAST} and {total} (all)"
        raise ConfigError(msg)
    return number


def block_rows(
    n_frames: int,
    nx: int,
    itemsize: int,
    *,
    ny: int | None = None,
    memory: Bound = None,
    threads: int | None = None,
) -> int:
    """Return how many rows a block of a stack should have.

    A power of two, so that blocks of stacks of different depth nest; as many as keep the
    blocks of all threads, each with `COPIES` arrays, below the memory bound, and no more
    than are worth while.

    Parameters
    ----------
    n_frames : int
        Number of frames, all other axes than rows and columns multiplied.
    nx : int
        Pixels of a row.
    itemsize : int
        Bytes of a pixel, of the largest type that it will have.
    ny : int, optional
        Rows that there are; no more are returned than the next power of two.
    memory : int or str, optional
        The bound, see `bound_bytes`.
    threads : int, optional
        Blocks in work at once; as many as there are processors by default.

    Returns
    -------
    int
        At least 1, also where a single row is already too large.
    """
    row_bytes = max(1, n_frames * nx * itemsize)
    share = bound_bytes(memory) // (COPIES * (threads or os.cpu_count() or 1))
    rows = max(1, min(share, _BEST_BLOCK) // row_bytes)
    rows = 1 << (rows.bit_length() - 1)
    if ny is not None:
        rows = min(rows, 1 << max(ny - 1, 0).bit_length())
    return rows


def in_flight(block_bytes: int, workers: int, memory: Bound = None) -> int:
    """Return how many blocks may be in work at once.

    Parameters
    ----------
    block_bytes : int
        Of the largest block.
    workers : int
        Most that are wanted.
    memory : int or str, optional
        The bound, see `bound_bytes`.

    Returns
    -------
    int
        Between 1 and `workers`.
    """
    return max(1, min(workers, bound_bytes(memory) // max(1, COPIES * block_bytes)))
