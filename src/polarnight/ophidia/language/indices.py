"""Selections along dimensions: ``3``, ``1:10``, ``1:2:10``, ``5:end``, several with commas."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from polarnight.ophidia.errors import BadValue, nearest

if TYPE_CHECKING:
    import numpy.typing as npt

    from polarnight.cubes.dimensions import Dimension

__all__ = [
    "Selection",
    "check_pairs",
    "finite",
    "no_dimension",
    "select_coordinates",
    "select_indices",
]

Selection = slice | list[int]

_MOST = 1 << 24
_LONGEST_NUMBER = 60
_INDEX = re.compile(r"(\d{1,12}|end)(?::(\d{1,12}|end))?(?::(\d{1,12}|end))?", re.ASCII)


def finite(text: str) -> float | None:
    """Return the number that a text is, None where it is none, infinite or NaN."""
    try:
        number = float(text) if len(text) < _LONGEST_NUMBER else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def no_dimension(operator: str, name: str, known: Sequence[str]) -> BadValue:
    """Return the error for a dimension that a cube does not have."""
    like = nearest(name, known)
    has = f"the cube has {', '.join(known)}"
    msg = f"{operator}: there is no dimension {name!r}"
    return BadValue(msg, f"did you mean {like}? {has}" if like else has)


def check_pairs(
    operator: str, dims: Sequence[str], filters: Sequence[str], known: Sequence[str]
) -> list[tuple[str, str]]:
    """Return names of dimensions with their filters.

    Parameters
    ----------
    operator : str
    dims, filters : sequence of str
        ``subset_dims`` and ``subset_filter``; one filter serves for all dimensions.
    known : sequence of str
        Names of the dimensions that there are.

    Raises
    ------
    BadValue
        For a dimension that there is not, one named twice, or another number of filters.
    """
    names = [name for name in dims if name not in {"none", "-", ""}]
    if not names:
        if [f for f in filters if f not in {"all", ""}]:
            msg = f"{operator}: subset_filter is given without subset_dims"
            raise BadValue(msg, f"add subset_dims={known[0] if known else '...'}")
        return []
    for name in names:
        if name not in known:
            raise no_dimension(operator, name, known)
        if names.count(name) > 1:
            msg = f"{operator}: dimension {name!r} is selected twice"
            raise BadValue(msg, "join selections by commas: 1:3,7")
    texts = list(filters) * len(names) if len(filters) == 1 else list(filters)
    if len(texts) != len(names):
        msg = f"{operator}: {len(texts)} filters for {len(names)} dimensions"
        raise BadValue(msg, "give one for each, joined by '|'")
    return [(n, t) for n, t in zip(names, texts, strict=True) if t.strip() not in {"all", ""}]


def select_indices(operator: str, name: str, text: str, size: int, *, first: int = 1) -> Selection:
    """Return which elements of a dimension a text of numbers selects.

    Parameters
    ----------
    operator, name : str
        For messages.
    text : str
        Numbers and ranges with both ends included, joined by commas.
    size : int
        Of the dimension.
    first : int
        Number of the first element: 1, or 0 at import.

    Raises
    ------
    BadValue
        For a text that is none, or elements that there are not.
    """
    last = size - 1 + first
    parts: list[range] = []
    for entry in text.split(","):
        match = _INDEX.fullmatch(entry.strip().lower())
        if match is None:
            msg = f"{operator}: {text[:60]!r} selects nothing of {name}"
            raise BadValue(msg, f"use {first}, {first}:10, {first}:2:10, 5:end or several with ','")
        numbers = [last if n == "end" else int(n) for n in match.groups() if n is not None]
        start, stop = numbers[0], numbers[-1]
        step = numbers[1] if len(numbers) == 3 else 1
        if step < 1 or stop < start or start < first or stop > last:
            msg = f"{operator}: {entry.strip()} does not lie within {name}"
            raise BadValue(msg, f"use numbers from {first} to {last}, the smaller first")
        parts.append(range(start - first, stop - first + 1, step))
    if len(parts) == 1:
        one = parts[0]
        return slice(one.start, one.stop, one.step)
    if (count := sum(map(len, parts))) > _MOST:
        msg = f"{operator}: {count} elements of {name} are selected one by one, at most {_MOST}"
        raise BadValue(msg, "name each once, or use a single range")
    return [number for part in parts for number in part]


def select_coordinates(operator: str, dim: Dimension, text: str, offset: float = 0.0) -> Selection:
    """Return which elements of a dimension have the coordinates that a text gives.

    Parameters
    ----------
    operator : str
    dim : Dimension
    text : str
        Values (the nearest element, which is not farther than elements lie apart) and ranges
        ``from:to`` with both ends, joined by commas.
    offset : float
        By which ranges are widened at both ends.

    Raises
    ------
    BadValue
        For a text that is none, values beyond the ends, or ranges that hold no element.
    """
    values = np.asarray(dim.coordinates, dtype=np.float64)
    found: list[int] = []
    for entry in text.split(","):
        numbers = [_number(operator, dim.name, part) for part in entry.split(":")]
        if len(numbers) > 2:
            msg = f"{operator}: {entry[:60]!r} selects nothing of {dim.name}"
            raise BadValue(msg, "coordinates are selected by value or from:to")
        if len(numbers) == 1:
            if not len(values):
                msg = f"{operator}: {dim.name} is empty"
                raise BadValue(msg)
            away = np.abs(values - numbers[0])
            # What is beyond the ends has a nearest element too, but is not meant.
            if len(values) > 1 and away.min() > np.abs(np.diff(values)).max():
                raise _outside(operator, f"no element of {dim.name} is near", entry, values)
            found.append(int(np.argmin(away)))
            continue
        low, high = min(numbers) - offset, max(numbers) + offset
        inside = np.flatnonzero((values >= low) & (values <= high))
        if not len(inside):
            raise _outside(operator, f"no element of {dim.name} lies within", entry, values)
        found += [int(number) for number in inside]
        if len(found) > _MOST:
            msg = f"{operator}: more than {_MOST} elements of {dim.name} are selected one by one"
            raise BadValue(msg, "name each once, or use a single range")
    ordered = sorted(set(found))
    if ordered == list(range(ordered[0], ordered[-1] + 1)):
        return slice(ordered[0], ordered[-1] + 1)
    return ordered


def _outside(operator: str, what: str, entry: str, values: npt.NDArray[np.float64]) -> BadValue:
    limits = f"its coordinates go from {values.min():g} to {values.max():g}"
    return BadValue(f"{operator}: {what} {entry.strip()}", limits)


def _number(operator: str, name: str, text: str) -> float:
    number = finite(text)
    if number is None:
        msg = f"{operator}: {text.strip()[:40]!r} is no coordinate of {name}"
        raise BadValue(msg, "give numbers")
    return number
