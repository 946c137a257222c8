"""Fragments: how many slices a cube is said to have.

The engine cuts cubes as memory asks. Fragments are kept and shown as Ophidia has them, and the
number is made to fit instead of refused.
"""

from __future__ import annotations

import math

__all__ = ["divisors", "fit_fragments", "fragments_text"]


def divisors(number: int) -> list[int]:
    """Return all divisors of a number, ascending."""
    small = [n for n in range(1, math.isqrt(number) + 1) if number % n == 0]
    return small + [number // n for n in reversed(small) if n * n != number]


def fit_fragments(operator: str, nhost: int, nfrag: int, rows: int) -> tuple[int, list[str]]:
    """Return how many fragments there will be, and what to tell the user.

    Parameters
    ----------
    operator : str
    nhost, nfrag : int
        As asked for; 0 is automatic.
    rows : int
        Explicit rows.
    """
    warnings = []
    if nhost > 1:
        warnings.append(f"{operator}: nhost={nhost}: there is one host")
    if nfrag == 0 or rows == 0:
        return 1, warnings
    fitting = max(n for n in divisors(rows) if n <= nfrag)
    if fitting != nfrag:
        warnings.append(
            f"{operator}: nfrag={nfrag} does not divide {rows} rows; {fitting} fragments are made"
        )
    return fitting, warnings


def fragments_text(rows: int, nfrag: int) -> str:
    """Return what ``run=no`` shows."""
    allowed = ", ".join(map(str, divisors(rows))) if rows else "1"
    each = rows // nfrag if nfrag else rows
    return f"{nfrag} fragments of {each} rows would be made; possible numbers: {allowed}"
