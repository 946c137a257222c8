"""Positions in lists as Ophidia writes them: ``3``, ``2:5``, ``1:2:9``, ``1,4``, ``end``."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["counter_length", "counter_values", "positions_of", "subset_text"]

_MOST = 1_000_000


def positions_of(text: str, length: int) -> list[int] | None:
    """Return indices from 0 into a list of `length`; what lies beyond is left out.

    Parameters
    ----------
    text : str
        ``all`` or positions from 1, joined by commas.
    length : int

    Returns
    -------
    list of int or None
        None where the text cannot be read.
    """
    if text.strip().lower() == "all":
        return list(range(length))
    made: list[int] = []
    for part in text.replace("_", ",").split(","):
        ends = [_end(word, length) for word in part.split(":")]
        if None in ends or len(ends) > 3 or part.strip() == "":
            return None
        numbers = [end for end in ends if end is not None]
        start, stop = numbers[0], numbers[-1]
        step = numbers[1] if len(numbers) == 3 else 1
        if start < 1 or step < 1:
            return None
        made.extend(range(start - 1, min(stop, length), step))
    return [position for position in made if position < length]


def _end(word: str, length: int) -> int | None:
    word = word.strip().lower()
    if word == "end":
        return length
    return int(word) if word.isascii() and word.isdigit() and len(word) < 10 else None


def counter_values(text: str) -> list[int] | None:
    """Return the numbers of a loop's counter such as ``1:10``, ``0:2:8`` or ``1,5``.

    Returns
    -------
    list of int or None
        None where the text cannot be read, or names more than a million numbers.
    """
    ranges = _ranges(text)
    if ranges is None or sum(map(len, ranges)) > _MOST:
        return None
    return [number for one in ranges for number in one]


def counter_length(text: str) -> int | None:
    """Return how many numbers a loop's counter names, None where it cannot be read."""
    ranges = _ranges(text)
    return None if ranges is None else sum(map(len, ranges))


def _ranges(text: str) -> list[range] | None:
    made: list[range] = []
    for part in text.split(","):
        words = [word.strip() for word in part.split(":")]
        signless = [word.removeprefix("-") for word in words]
        fine = all(word.isascii() and word.isdigit() and len(word) < 10 for word in signless)
        if not fine or len(words) > 3:
            return None
        numbers = [int(word) for word in words]
        step = numbers[1] if len(numbers) == 3 else 1
        if step < 1:
            return None
        made.append(range(numbers[0], numbers[-1] + 1, step))
    return made


def subset_text(numbers: Sequence[float], step: float = 1.0) -> str:
    """Return runs of numbers `step` apart as a subset string: ``1:3,7``.

    Parameters
    ----------
    numbers : sequence of float
    step : float
        Difference of neighbours that belong to one run.
    """
    runs: list[list[float]] = []
    for number in numbers:
        if runs and abs(number - runs[-1][-1] - step) <= 1e-9 * max(1.0, abs(step), abs(number)):
            runs[-1].append(number)
        else:
            runs.append([number])
    between = ":" if step == 1 else f":{_short(step)}:"
    ends = [(_short(run[0]), _short(run[-1])) for run in runs]
    return ",".join(first if first == last else f"{first}{between}{last}" for first, last in ends)


def _short(number: float) -> str:
    return str(int(number)) if number == int(number) else repr(float(number))
