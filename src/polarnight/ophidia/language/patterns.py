"""Names with wildcards, as lists of Ophidia have them."""

from __future__ import annotations

from collections.abc import Iterable

from polarnight.frames.cards import wildcard

__all__ = ["matches_any"]

_ALL = {"", "all", "*", "%", "-"}


def matches_any(patterns: Iterable[str], name: str, *, part: bool = False) -> bool:
    """Whether a name matches one of the patterns, not minding case.

    Parameters
    ----------
    patterns : iterable of str
        ``%`` and ``*`` are any text, ``?`` any character; ``all`` is everything.
    name : str
    part : bool
        Whether a pattern may be a part of the name.
    """
    for pattern in patterns:
        if pattern.strip() in _ALL:
            return True
        shape = f"*{pattern.strip()}*" if part else pattern.strip()
        if wildcard(shape, many="*%").fullmatch(name) is not None:
            return True
    return False
