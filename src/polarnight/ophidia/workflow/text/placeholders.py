"""What a workflow leaves open: ``$1``, ``${2}``, ``${3:-what stands where nothing is given}``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Missing", "fill_positions"]

_POSITION = re.compile(r"\$(?:\{(\d{1,3})(?::-([^{}]*))?\}|(\d{1,3}))")
_PROSE = frozenset({"author", "abstract", "url"})  # may speak of $5 without meaning a place


@dataclass(frozen=True, slots=True)
class Missing:
    """A position that the workflow names and nobody gave.

    Attributes
    ----------
    position : int
        1 for ``$1``.
    where : str
        The task and the field.
    text : str
        What is written there.
    """

    position: int
    where: str
    text: str

    @property
    def told(self) -> str:
        """What is missing where, and what to do about it."""
        name = f"${self.position}"
        return (
            f"{self.where}: {name} in {self.text[:80]!r} was not given; give {self.position} "
            f"argument{'s' if self.position > 1 else ''} behind the workflow, or write "
            f"${{{self.position}:-...}} with what stands there otherwise"
        )


def fill_positions(document: Any, arguments: Sequence[str]) -> tuple[Any, list[Missing]]:
    """Replace ``$1``, ``${2}``, ... in every string of a parsed document.

    Done after parsing, so that quotes and backslashes in an argument cannot change what the
    JSON says. Author, abstract and address are prose: what is missing there stays as written.

    Parameters
    ----------
    document : object
        As `read_json` gives it.
    arguments : sequence of str
        ``$1`` is the first.

    Returns
    -------
    filled : object
    missing : list of Missing
        Positions that nobody gave and that have no default, once for each place; they became
        empty.
    """
    missing: dict[tuple[int, str], Missing] = {}

    def text(value: str, where: str, prose: bool) -> str:
        def one(match: re.Match[str]) -> str:
            position = int(match.group(1) or match.group(3))
            if 1 <= position <= len(arguments):
                return str(arguments[position - 1])
            if match.group(2) is not None:
                return match.group(2)
            if prose:
                return match.group()
            missing.setdefault((position, where), Missing(position, where, value))
            return ""

        return _POSITION.sub(one, value)

    def walk(value: Any, where: str, prose: bool = False) -> Any:
        if isinstance(value, str):
            return text(value, where, prose)
        if isinstance(value, list):
            return [walk(item, where, prose) for item in value]
        if isinstance(value, dict):
            return {key: walk(item, f"{where}, {key}", prose) for key, item in value.items()}
        return value

    if not isinstance(document, dict):
        filled = walk(document, "the workflow")
        return filled, list(missing.values())
    filled = {}
    for key, value in document.items():
        if key == "tasks" and isinstance(value, list):
            filled[key] = [walk(task, _name(task, n)) for n, task in enumerate(value, 1)]
        else:
            filled[key] = walk(value, f"the workflow, {key}", key in _PROSE)
    return filled, list(missing.values())


def _name(task: Any, number: int) -> str:
    name = task.get("name") if isinstance(task, dict) else None
    return f"task {name!r}" if isinstance(name, str) and name else f"task {number}"
