"""Fields of the JSON of a workflow: their types, and what is said where they are wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from polarnight.ophidia.workflow.shape.model import Dependency, OnError
from polarnight.ophidia.workflow.text.document import nearest
from polarnight.ophidia.workflow.text.positions import positions_of

__all__ = ["Faults", "dependency_of", "on_error_of"]

_DEPENDENCY = ("task", "type", "argument", "order", "filter", "output_argument", "output_order")
_TYPES = ("embedded", "single", "all")
_ACTIONS = ("skip", "continue", "break", "abort", "repeat")
_GROWTH = ("fixed", "linear", "exponential")
_MOST_REPEATS = 1000


class Faults:
    """Collects what is wrong, and reads fields that may be."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.warnings: list[str] = []

    def add(self, fault: str) -> None:
        """Keep a fault."""
        self.found.append(fault)

    def warn(self, warning: str) -> None:
        """Keep what is accepted, but may not be meant."""
        self.warnings.append(warning)

    def unknown(self, where: str, given: Mapping[str, Any], known: Sequence[str]) -> None:
        """Name fields that do not exist; a field that is misspelt would be missed silently."""
        for key in given:
            if key not in known:
                near = nearest(str(key), known)
                self.add(f"{where}: there is no field {key!r}{near or '; leave it out'}")

    def text(
        self, where: str, given: Mapping[str, Any], key: str, *, mandatory: bool = False
    ) -> str:
        """Return a field as text; numbers are taken as they are written."""
        value = given.get(key, "")
        if isinstance(value, bool):
            value = "yes" if value else "no"
        if isinstance(value, int | float):
            value = str(value)
        if value is None:
            value = ""
        if not isinstance(value, str):
            self.add(f'{where}: "{key}" must be a text, not {value!r}')
            return ""
        if "\x00" in value:
            self.add(f'{where}: "{key}" holds a NUL character')
            return ""
        if mandatory and not value.strip():
            self.add(f'{where}: "{key}" is missing')
        return value

    def choice(
        self, where: str, given: Mapping[str, Any], key: str, known: Sequence[str], default: str
    ) -> str:
        """Return a field that must be one of a few words."""
        value = self.text(where, given, key).strip().lower() or default
        if value not in known:
            near = nearest(value, known)
            self.add(f'{where}: "{key}" is {value!r}; allowed are {", ".join(known)}{near}')
            return default
        return value

    def yes_no(self, where: str, given: Mapping[str, Any], key: str, default: bool) -> bool:
        """Return a field that is yes or no."""
        standard = "yes" if default else "no"
        return self.choice(where, given, key, ("yes", "no"), standard) == "yes"

    def count(self, where: str, given: Mapping[str, Any], key: str) -> int:
        """Return a field that is a whole number from 0."""
        value = self.text(where, given, key).strip() or "0"
        if not value.isascii() or not value.isdigit() or len(value) > 9:
            self.add(f'{where}: "{key}" is {value!r}, not a whole number')
            return 0
        return int(value)


def dependency_of(where: str, given: Any, faults: Faults) -> Dependency | None:
    """Return a dependency, or None where the fault leaves nothing to read.

    Without a type it is ``embedded``; with an argument, ``all``.
    """
    if isinstance(given, str) and given:
        return Dependency(given)
    if not isinstance(given, dict):
        faults.add(f'{where}: {given!r} is no object such as {{"task": "name of the parent"}}')
        return None
    faults.unknown(where, given, _DEPENDENCY)
    argument = faults.text(where, given, "argument").strip().lower()
    kind = faults.choice(where, given, "type", _TYPES, "all" if argument else "embedded")
    chosen = faults.text(where, given, "filter").strip() or "all"
    if chosen.lower() != "all" and positions_of(chosen, 1) is None:
        faults.add(
            f'{where}: "filter" is {chosen!r}; give "all" or positions such as 1, 2:4 or 1,3'
        )
    return Dependency(
        task=faults.text(where, given, "task", mandatory=True),
        type=kind,
        argument=(argument or "cube") if kind != "embedded" else "",
        order=faults.count(where, given, "order"),
        filter=chosen,
        output_argument=faults.text(where, given, "output_argument").strip() or "cube",
        output_order=faults.count(where, given, "output_order"),
    )


def on_error_of(where: str, given: Any, faults: Faults, default: OnError) -> OnError:
    """Return what to do on errors: ``skip``, ``continue``, ``break``, ``abort``, ``repeat N ...``.

    ``repeat N`` may be followed by the seconds before each further attempt, and by how they grow
    (``fixed``, ``linear``, ``exponential``).
    """
    if given is None or given == "":
        return default
    words = given.split() if isinstance(given, str) else []
    action = words[0].lower() if words else ""
    if action not in _ACTIONS:
        near = nearest(action, _ACTIONS) if action else ""
        known = "skip, continue, break, abort, repeat N"
        faults.add(f'{where}: "on_error" is {given!r}; allowed are {known}{near}')
        return default
    if action != "repeat":
        if len(words) > 1:
            faults.add(f'{where}: "on_error" is {given!r}; nothing may follow {action!r}')
        return OnError("break" if action == "abort" else action)
    try:
        repeats = int(words[1])
        backoff = float(words[2]) if len(words) > 2 else 0.0
        growth = words[3].lower() if len(words) > 3 else "fixed"
        fine = 0 <= repeats <= _MOST_REPEATS and 0 <= backoff <= 86400 and growth in _GROWTH
    except (IndexError, ValueError):
        fine = False
    if not fine or len(words) > 4:
        faults.add(
            f'{where}: "on_error" is {given!r}; write "repeat N", "repeat N seconds" or '
            f'"repeat N seconds {"|".join(_GROWTH)}" with N up to {_MOST_REPEATS}'
        )
        return default
    return OnError("break", repeats, backoff, growth)
