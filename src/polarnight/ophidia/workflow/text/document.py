"""The text of a workflow: JSON in which comments are allowed."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from polarnight.ophidia.errors import OphidiaError

__all__ = ["InvalidWorkflow", "nearest", "read_json", "read_text"]

_LARGEST = 16 * 1024 * 1024
_DEEPEST = 60
# A string, or a comment of either kind; strings first, so that "http://" stays.
_PIECE = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/|/\*', re.DOTALL)


class InvalidWorkflow(OphidiaError):
    """A workflow cannot be run as it is written.

    Parameters
    ----------
    faults : sequence of str
        Everything that is wrong, each naming task and field.
    name : str, optional
        The workflow or its file.
    """

    code = 8

    def __init__(self, faults: Sequence[str], name: str = "") -> None:
        self.faults = tuple(faults)
        self.name = name
        head = f"the workflow{f' {name!r}' if name else ''} cannot be run: "
        lines = "; ".join(self.faults) if len(self.faults) < 2 else _listed(self.faults)
        super().__init__(head + lines)

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.faults, self.name))


def _listed(faults: Iterable[str]) -> str:
    return "".join(f"\n  - {fault}" for fault in faults)


def nearest(name: str, known: Iterable[str], *, lead: str = "did you mean") -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest known name, ``""`` where none is near."""
    lower = {one.lower(): one for one in known}
    close = difflib.get_close_matches(name.lower(), list(lower), n=1, cutoff=0.6)
    return f"; {lead} {lower[close[0]]!r}?" if close else ""


def read_text(path: str | Path) -> str:
    """Return the text of a workflow file.

    Raises
    ------
    InvalidWorkflow
        Where there is no such file, it cannot be read, is too large, or is no text.
    """
    try:
        # Not by its size: pipes and devices have none.
        with Path(path).expanduser().open("rb") as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise InvalidWorkflow([f"the file is larger than {_LARGEST} bytes"], str(path))
        return content.decode("utf-8")
    except (OSError, ValueError, RuntimeError) as error:
        told = getattr(error, "strerror", None) or str(error)
        raise InvalidWorkflow([f"the file cannot be read ({told})"], str(path)) from error


def read_json(text: str) -> dict[str, Any]:
    """Parse JSON with ``//`` and ``/* */`` comments.

    Parameters
    ----------
    text : str

    Returns
    -------
    dict

    Raises
    ------
    InvalidWorkflow
        Naming line and column of what is no JSON, a key that is given twice, or a text that
        is not one object.
    """

    def piece(match: re.Match[str]) -> str:
        found = match.group()
        if found.startswith('"'):
            return found
        if found == "/*":
            line = text.count("\n", 0, match.start()) + 1
            raise InvalidWorkflow([f"the comment that begins in line {line} has no end '*/'"])
        # Blanks, so that lines and columns of errors stay those of the file.
        return re.sub(r"[^\n]", " ", found)

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, value in pairs:
            if key in made:
                raise InvalidWorkflow([f"the key {key!r} is given twice in one object"])
            made[key] = value
        return made

    plain = _PIECE.sub(piece, text.removeprefix("\ufeff"))
    plain = _without_last_commas(plain)
    try:
        made = json.loads(plain, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        msg = f"line {error.lineno}, column {error.colno}: this is no JSON: {error.msg}"
        raise InvalidWorkflow([msg]) from error
    except (RecursionError, ValueError) as error:
        raise InvalidWorkflow([f"this is no JSON: {error}"]) from error
    if not isinstance(made, dict):
        raise InvalidWorkflow(['a workflow is one JSON object: {"name": ..., "tasks": [...]}'])
    if _depth(made) > _DEEPEST:
        raise InvalidWorkflow([f"objects are nested more than {_DEEPEST} deep"])
    return made


def _without_last_commas(text: str) -> str:
    """Blank commas before a closing bracket, which people leave behind when they cut lines."""

    def piece(match: re.Match[str]) -> str:
        found = match.group()
        return found if found.startswith('"') else " " + found[1:]

    return re.sub(r'"(?:\\.|[^"\\\n])*"|,(?=\s*[\]}])', piece, text)


def _depth(value: Any) -> int:
    deepest, left = 0, [(value, 1)]
    while left:
        one, depth = left.pop()
        deepest = max(deepest, depth)
        inner = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        left.extend((item, depth + 1) for item in inner)
    return deepest
