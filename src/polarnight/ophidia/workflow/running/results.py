"""What came out of a task: status, cubes, containers, and values inside its response."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from polarnight.ophidia.workflow.text.positions import positions_of

__all__ = ["Outcome", "look_up", "outcome_of"]

_TITLES = {"output cube": "cube", "output container": "container", "output file": "file"}
_CELL = re.compile(r"^(?P<head>.+?)\((?P<row>[^(),]*)(?:,(?P<column>[^()]*))?\)$")


@dataclass(slots=True)
class Outcome:
    """What a task left behind.

    Attributes
    ----------
    outputs : dict
        ``cube``, ``container``, ``file``: lists in the order of the response.
    response : dict
        The JSON of the response.
    error : str
        Empty where all went well.
    code : int
    """

    outputs: dict[str, list[str]] = field(default_factory=dict)
    response: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    code: int = 0

    def output(self, kind: str) -> list[str]:
        """Return what the task made of a kind; of another name, the values of that object."""
        if kind in self.outputs:
            return self.outputs[kind]
        found = look_up(kind, [self.response]) if self.response else None
        return found or []


def outcome_of(response: Any) -> Outcome:
    """Return what a response says.

    Parameters
    ----------
    response : Response, dict or str
        An object with ``as_dict()``, its dict, or its JSON.
    """
    if isinstance(response, str):
        told = json.loads(response)
    elif isinstance(response, Mapping):
        told = dict(response)
    else:
        told = response.as_dict()
    outcome = Outcome({"cube": [], "container": [], "file": []}, told)
    for kind, found in _made(told):
        if found not in outcome.outputs[kind]:
            outcome.outputs[kind].append(found)
    for _, _, content in _contents(told):
        if str(content.get("title", "")).upper() == "ERROR":
            outcome.error = str(content.get("message", "")) or "the operator failed"
            outcome.code = int(getattr(response, "code", 0) or 9)
    return outcome


def _contents(told: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for item in told.get("response", ()):
        for content in item.get("objcontent", ()):
            yield str(item.get("objkey", "")), str(content.get("title", "")), content


def _made(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for _, title, content in _contents(told):
        kind = _TITLES.get(title.lower())
        if kind and content.get("message"):
            for one in str(content["message"]).split("|"):
                yield kind, one.strip()
        elif title == "Massive Operation Task List":
            columns = [str(key).upper() for key in content.get("rowkeys", ())]
            if "OUTPUT" in columns:
                place = columns.index("OUTPUT")
                for row in content.get("rowvalues", ()):
                    for one in str(row[place]).split("|"):
                        if one.strip() and one.strip() != "-":
                            yield _kind_of(one), one.strip()


def _kind_of(text: str) -> str:
    """Return what an output is by its form: a PID ends with two numbers, a container's with one."""
    words = text.strip().rstrip("/").split("/")
    if len(words) > 2 and words[-1].isdigit():
        return "cube" if words[-2].isdigit() else "container"
    return "file"


def look_up(pointer: str, responses: Iterable[Mapping[str, Any]]) -> list[str] | None:
    """Return the values a text such as ``objkey.Title.COLUMN`` or ``Title(1,2)`` points to.

    Parameters
    ----------
    pointer : str
        Key of an object, title and column, joined by points, or the title alone; rows and
        columns in parentheses count from 1 (``*`` stands for all), and a column may be given by
        its name. A title of a text points to its message.
    responses : iterable of dict
        Of the parents, the nearest first.

    Returns
    -------
    list of str or None
        None where it points to nothing: then it is no pointer.
    """
    cell = _CELL.match(pointer.strip())
    head = (cell.group("head") if cell else pointer).strip().strip(".")
    for response in responses:
        for key, title, content in _contents(response):
            column = _rest(head, key, title)
            if column is None or title in {"SUCCESS", "ERROR"}:
                continue
            if "rowvalues" not in content:
                if column == "" and not cell and "message" in content:
                    return [str(content["message"])]
                continue
            row, number = (cell.group("row"), cell.group("column")) if cell else ("*", None)
            found = _cells(content, column or number or "1", row.strip() or "*")
            if found is not None and (cell or column or key.lower() == head.lower()):
                return found
    return None


def _rest(head: str, key: str, title: str) -> str | None:
    """Return what follows the name of an object in a pointer, None where it is another one."""
    lowered = head.lower()
    for name in (f"{key}.{title}", title, key):
        start = name.lower()
        if start and lowered == start:
            return ""
        if start and lowered.startswith(f"{start}."):
            return head[len(start) + 1 :].strip()
    return None


def _cells(content: Mapping[str, Any], column: str, row: str) -> list[str] | None:
    names = [str(name).lower() for name in content.get("rowkeys", ())]
    rows = list(content.get("rowvalues", ()))
    if column.strip().lower() in names:
        place = names.index(column.strip().lower())
    elif column.strip().isdigit() and 1 <= int(column) <= len(names):
        place = int(column) - 1
    else:
        return None
    chosen = positions_of("all" if row == "*" else row, len(rows))
    if chosen is None:
        return None
    return [str(rows[position][place]) for position in chosen]
