"""What comes back from a command, and its JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Graph", "Grid", "Item", "Response", "Text", "items_of", "response_of", "storable"]


def storable(text: str) -> str:
    r"""Return a text as files and databases take it.

    Names of files may hold bytes that are no characters; they are written as ``\udcff``, which
    JSON reads back as it was.
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


@dataclass(slots=True)
class Text:
    """A title with a message.

    Attributes
    ----------
    key : str
        The object key, such as ``reduce2``.
    title, message : str
    """

    key: str
    title: str
    message: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the object of the response."""
        content = {"title": self.title, "message": self.message}
        return {"objclass": "text", "objkey": self.key, "objcontent": [content]}


@dataclass(slots=True)
class Grid:
    """A table.

    Attributes
    ----------
    key, title : str
    columns : sequence of str
    rows : sequence of sequences
        Cells; written as text.
    types : sequence of str, optional
        Of the columns: ``string``, ``int``, ``double``...; ``string`` unless given.
    """

    key: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]] = ()
    types: Sequence[str] = ()

    def content(self) -> dict[str, Any]:
        """Return the table without its key."""
        return {
            "title": self.title,
            "rowkeys": list(self.columns),
            "rowfieldtypes": list(self.types) or ["string"] * len(self.columns),
            "rowvalues": [[_cell(cell) for cell in row] for row in self.rows],
        }

    def as_json(self) -> dict[str, Any]:
        """Return the object of the response."""
        return {"objclass": "grid", "objkey": self.key, "objcontent": [self.content()]}


@dataclass(slots=True)
class Graph:
    """A directed graph.

    Attributes
    ----------
    key, title : str
    columns : sequence of str
        Names of the values of a node, such as ``PID`` and ``SOURCE``.
    nodes : sequence of sequences
    links : sequence of (int, int, str)
        From node, to node (numbers from 0) and a description.
    """

    key: str
    title: str
    columns: Sequence[str]
    nodes: Sequence[Sequence[Any]] = ()
    links: Sequence[tuple[int, int, str]] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the object of the response; links are lists by their first node."""
        links: list[list[dict[str, str]]] = [[] for _ in self.nodes]
        for start, end, text in self.links:
            links[start].append({"node": str(end), "description": text})
        content = {
            "title": self.title,
            "nodekeys": list(self.columns),
            "nodevalues": [[_cell(cell) for cell in node] for node in self.nodes],
            "nodelinks": links,
        }
        return {"objclass": "digraph", "objkey": self.key, "objcontent": [content]}


Item = Text | Grid | Graph


@dataclass
class Response:
    """The answer to a command or a workflow.

    Attributes
    ----------
    objects : list
        Without the status.
    error : str
        What went wrong, ``""`` where nothing did.
    code : int
        Exit code of the terminal; 0 where nothing went wrong.
    jobid : str
        ``<session>?<workflow>#<marker>``.
    warnings : list of str
    extra : dict of str
        ``execution_time``, ``cube``, ``cwd``, ``cdd``...
    source : dict of str
        Session code, workflow, marker.
    request : str
        The command with everything that the client filled in.
    """

    objects: list[Item] = field(default_factory=list)
    error: str = ""
    code: int = 0
    jobid: str = ""
    warnings: list[str] = field(default_factory=list)
    extra: dict[str, str] = field(default_factory=dict)
    source: dict[str, str] = field(default_factory=dict)
    user: str = ""
    request: str = ""

    @property
    def ok(self) -> bool:
        """Whether all went well."""
        return not self.error

    @property
    def status(self) -> str:
        """``SUCCESS`` or ``ERROR``."""
        return "SUCCESS" if self.ok else "ERROR"

    def get(self, key: str) -> Item | None:
        """Return the object of a key, None where there is none."""
        return next((item for item in self.objects if item.key == key), None)

    def select(self, keys: Iterable[str]) -> None:
        """Keep the objects that ``objkey_filter`` asks for."""
        wanted = set(keys)
        if "all" not in wanted:
            self.objects = [item for item in self.objects if item.key in wanted]

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON of the response as a dict; the status is the last object.

        Tables of one key, such as the values of several dimensions, are contents of one object.
        """
        items: list[dict[str, Any]] = []
        for item in self.objects:
            made = item.as_json()
            if items and all(items[-1][name] == made[name] for name in ("objclass", "objkey")):
                items[-1]["objcontent"] += made["objcontent"]
            else:
                items.append(made)
        if self.warnings:
            items.append(Text("warnings", "Warning", "\n".join(self.warnings)).as_json())
        items.append(Text("status", self.status, self.error).as_json())
        return {
            "response": items,
            "responseKeyset": [item["objkey"] for item in items],
            "source": {
                "srckey": "oph",
                "srcname": "Polarnight",
                "description": "Polarnight in the words of Ophidia",
                "producer": self.user,
                "keys": list(self.source),
                "values": list(self.source.values()),
            },
            "consumers": [self.user],
            "extra": {"keys": list(self.extra), "values": list(self.extra.values())},
        }

    def to_json(self) -> str:
        """Return the JSON text that clients keep as ``last_response``."""
        return storable(json.dumps(self.as_dict(), ensure_ascii=False))


def items_of(kept: Mapping[str, Any]) -> list[Item]:
    """Return the objects of a response that was kept as JSON, without its status."""
    found: list[Item] = []
    for item in kept.get("response", []):
        key = str(item.get("objkey", ""))
        for content in item.get("objcontent", []):
            title = str(content.get("title", ""))
            if item.get("objclass") == "text" and key != "status":
                found.append(Text(key, title, str(content.get("message", ""))))
            elif item.get("objclass") == "grid":
                rows, types = content.get("rowvalues", []), content.get("rowfieldtypes", [])
                found.append(Grid(key, title, content.get("rowkeys", []), rows, types))
            elif item.get("objclass") == "digraph":
                links = [
                    (start, int(link["node"]), str(link.get("description", "")))
                    for start, ends in enumerate(content.get("nodelinks", []))
                    for link in ends
                ]
                nodes = content.get("nodevalues", [])
                found.append(Graph(key, title, content.get("nodekeys", []), nodes, links))
    return found


def response_of(kept: Mapping[str, Any], jobid: str = "", code: int | None = None) -> Response:
    """Return the response that `Response.as_dict` described.

    Parameters
    ----------
    kept : mapping
    jobid : str
    code : int, optional
        Exit code of the terminal; 9 unless given where the status says that something failed.
    """
    objects = items_of(kept)
    warned = [item.message for item in objects if item.key == "warnings" and isinstance(item, Text)]
    error = ""
    for item in kept.get("response", []):
        content = item["objcontent"][0]
        if item.get("objkey") == "status" and content.get("title") != "SUCCESS":
            error = str(content.get("message", "")) or "the command failed"
    extra, source = kept.get("extra") or {}, kept.get("source") or {}
    return Response(
        [item for item in objects if item.key != "warnings"],
        error=error,
        code=(9 if code is None else code) if error else 0,
        jobid=jobid,
        warnings=[line for text in warned for line in text.split("\n")],
        extra=_pairs(extra),
        source=_pairs(source),
        user=str(source.get("producer", "")),
    )


def _pairs(described: Mapping[str, Any]) -> dict[str, str]:
    keys, values = described.get("keys") or [], described.get("values") or []
    return {str(key): _cell(value) for key, value in zip(keys, values, strict=False)}


def _cell(value: Any) -> str:
    """Return a cell as text; nothing is the empty text."""
    if value is None:
        return ""
    return value if isinstance(value, str) else str(value)
