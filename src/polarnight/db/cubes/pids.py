"""Names of cubes: ``<base>/<container>/<cube>``; only the numbers count when one is read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from polarnight.errors import ConfigError

__all__ = ["PidParts", "cube_number", "format_pid", "parse_pid", "parse_subset", "subset_numbers"]

_BASE = r"[a-z][a-z0-9+.\-]*://[^\s|;=\[\]?#]*?"
_CUBE = re.compile(rf"(?:{_BASE})?/?(\d{{1,18}})/(\d{{1,18}})/?", re.IGNORECASE | re.ASCII)
_CONTAINER = re.compile(rf"{_BASE}/(\d{{1,18}})/?", re.IGNORECASE | re.ASCII)
_RANGE = re.compile(r"(\d{1,18}|\*|end)(?::(\d{1,18}|end))?(?::(\d{1,18}|end))?", re.ASCII)


class PidParts(NamedTuple):
    """Numbers of a PID; `cube` is None where it names a container."""

    container: int
    cube: int | None


def parse_pid(text: str) -> PidParts:
    """Return the numbers of a PID, whatever its base.

    Raises
    ------
    ConfigError
        Where the text is no PID.
    """
    text = str(text).strip()
    if match := _CUBE.fullmatch(text):
        return PidParts(int(match[1]), int(match[2]))
    if match := _CONTAINER.fullmatch(text):
        return PidParts(int(match[1]), None)
    msg = f"{str(text)[:80]!r} is no PID; use BASE/CONTAINER/CUBE, such as http://localhost/polarnight/3/17"
    raise ConfigError(msg)


def cube_number(pid: str | int) -> int:
    """Return the number of a cube from its PID, or from the number itself.

    Raises
    ------
    ConfigError
        Where it is neither, or the PID of a container.
    """
    if isinstance(pid, int):
        return pid
    if re.fullmatch(r"\d{1,18}", pid.strip(), re.ASCII):
        return int(pid)
    number = parse_pid(pid).cube
    if number is None:
        msg = f"{pid!r} is the PID of a container; name a cube: {pid.rstrip('/')}/NUMBER"
        raise ConfigError(msg)
    return number


def format_pid(base: str, container: int, cube: int | None = None) -> str:
    """Return the PID of a container or of a cube."""
    pid = f"{base.rstrip('/')}/{container}"
    return pid if cube is None else f"{pid}/{cube}"


def parse_subset(text: str) -> list[tuple[int, int | None, int]]:
    """Read ``a``, ``a:b``, ``a:step:b`` and lists of them with commas.

    Returns
    -------
    list of (first, last, step)
        Both ends included; `last` is None for ``end`` and ``*``.

    Raises
    ------
    ConfigError
        Where the text is none of these, or a range runs backwards.
    """
    ranges: list[tuple[int, int | None, int]] = []
    for part in str(text).split(","):
        piece = part.strip().lower()
        if piece in {"*", "all"}:
            ranges.append((0, None, 1))
            continue
        match = _RANGE.fullmatch(piece)
        if match is None or match[1] in {"*", "end"} or (match[3] and match[2] == "end"):
            msg = f"{part.strip()!r} is no number or range; use a, a:b, a:step:b or a list a,b,c"
            raise ConfigError(msg)
        first = int(match[1])
        stop = match[3] or match[2] or match[1]
        step = int(match[2]) if match[3] else 1
        last = None if stop == "end" else int(stop)
        if step < 1 or (last is not None and last < first):
            msg = f"{part.strip()!r} is an empty range; the first number comes first, steps from 1"
            raise ConfigError(msg)
        ranges.append((first, last, step))
    return ranges


def subset_numbers(ranges: Iterable[tuple[int, int | None, int]], known: Iterable[int]) -> set[int]:
    """Return the `known` numbers that lie in the ranges of `parse_subset`."""
    wanted = list(ranges)
    return {
        number
        for number in known
        for first, last, step in wanted
        if number >= first and (last is None or number <= last) and (number - first) % step == 0
    }
