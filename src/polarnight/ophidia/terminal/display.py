"""What the terminal prints."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from typing import Any, TextIO

from polarnight.ophidia.answers.response import Response
from polarnight.ophidia.answers.tables import clean, table_lines, wide

__all__ = ["Display", "Unread", "fitted", "object_lines", "paint", "short_request"]

_CODES = {
    "black": "30", "red": "31", "green": "32", "yellow": "33", "blue": "34", "purple": "35",
    "cyan": "36", "white": "37", "bold": "1", "faint": "2",
}  # fmt: skip
_UNDER = "\u00af"
_FILLED = re.compile(
    r"(?<=[ ;])(?:sessionid|exec_mode|ncores|nthreads|cwd|cdd|host_partition|project)=[^;]*;"
)


class Unread(BrokenPipeError):
    """Who read our output (head, less) has seen enough."""


def paint(text: str, colour: str, on: bool = True) -> str:
    """Return a text in a colour, or as it is."""
    code = _CODES.get(colour)
    return f"\x1b[{code}m{text}\x1b[0m" if on and code and text else text


def _title(title: str) -> list[str]:
    shown = clean(title)
    return [shown, _UNDER * wide(shown)] if shown else []


def object_lines(kind: str, content: Mapping[str, Any], width: int | None = None) -> list[str]:
    """Return an object of a response as lines.

    Parameters
    ----------
    kind : str
        ``objclass`` of the JSON.
    content : mapping
        One entry of ``objcontent``.
    width : int, optional
        Of the screen.
    """
    lines = _title(str(content.get("title", "")))
    if kind == "text":
        return [*lines, *clean(str(content.get("message", ""))).split("\n")]
    if kind in {"digraph", "graph"}:
        return lines + _graph(content)
    if "rowkeys" in content:
        return lines + table_lines(content["rowkeys"], content.get("rowvalues", []), width)
    return [*lines, json.dumps(content, ensure_ascii=False)]


# Columns of lists of tasks that say the same in every row, and are long.
_LEFT_OUT = (
    "SESSION CODE", "OPH JOB ID", "PARENT MARKER ID", "WORKFLOW ID", "BEGIN TIME", "END TIME",
)  # fmt: skip


def fitted(content: Mapping[str, Any], width: int | None) -> Mapping[str, Any]:
    """Return a grid as it is shown: a list of tasks without columns that there is no room for.

    Commands are without what the client has filled in, and of several cubes in one cell each is
    on a line of its own.

    Parameters
    ----------
    content : mapping
        A grid.
    width : int, optional
        Of the screen.
    """
    names = list(content.get("rowkeys", ()))
    if told := {n: _SHORTER[name] for n, name in enumerate(names) if name in _SHORTER}:
        rows = [
            [told.get(n, str)(cell) for n, cell in enumerate(row)] for row in content["rowvalues"]
        ]
        content = {**content, "rowvalues": rows}
    if width is None or not str(content.get("title", "")).endswith("Task List"):
        return content
    kept = list(names)
    for name in _LEFT_OUT:
        rows = [[row[names.index(one)] for one in kept] for row in content["rowvalues"]]
        if wide(table_lines(kept, rows)[0]) <= width:
            break
        kept = [one for one in kept if one != name]
    rows = [[row[names.index(one)] for one in kept] for row in content["rowvalues"]]
    return {**content, "rowkeys": kept, "rowvalues": rows}


def short_request(request: str) -> str:
    """Return a command without what the client has filled in."""
    return _FILLED.sub("", request).strip()


def _one_below_another(values: str) -> str:
    """Return a list of PIDs or files with a line for each; an import has hundreds."""
    return values.replace("|", "|\n")


_SHORTER = {
    "COMMAND": short_request, "INPUT": _one_below_another, "OUTPUT": _one_below_another,
}  # fmt: skip


def _graph(content: Mapping[str, Any]) -> list[str]:
    """Return a directed graph as one line for every node and link."""
    keys, nodes = content.get("nodekeys", []), content.get("nodevalues", [])
    lines = []
    for number, node in enumerate(nodes):
        told = ", ".join(
            f"{key} {clean(value)}" for key, value in zip(keys, node, strict=False) if value
        )
        lines.append(f"[{number}] {told}")
        links = content.get("nodelinks", [])
        for link in links[number] if number < len(links) else ():
            lines.append(f"    -> [{link['node']}] {clean(link.get('description', ''))}".rstrip())
    return lines


class Display:
    """Prints responses.

    Parameters
    ----------
    out, err : file, optional
        Standard output and error.
    """

    def __init__(self, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self.out = out or sys.stdout
        self.err = err or sys.stderr

    @property
    def in_colour(self) -> bool:
        """Whether colours are wanted: on a screen, unless ``NO_COLOR`` is set."""
        return self.out.isatty() and not os.environ.get("NO_COLOR")

    @property
    def width(self) -> int | None:
        """Columns of the screen; none in files and pipes, where nothing is cut."""
        return shutil.get_terminal_size((120, 40)).columns if self.out.isatty() else None

    def line(self, text: str = "", colour: str = "") -> None:
        """Print a line of text of our own.

        Raises
        ------
        Unread
            Where nobody reads it any more.
        """
        try:
            self.out.write(paint(text, colour, self.in_colour) + "\n")
            self.out.flush()
        except BrokenPipeError as closed:
            raise Unread(*closed.args) from None

    def plain(self, text: str) -> None:
        """Print a text of others; what would steer the screen is shown by its number."""
        self.line(clean(text))

    def error(self, text: str, code: int) -> None:
        """Print an error, ending in ``[CODE n]``."""
        shown = f"{clean(text)} [CODE {code}]"
        on = self.err.isatty() and not os.environ.get("NO_COLOR")
        self.err.write(paint(shown, "red", on) + "\n")
        self.err.flush()

    def warning(self, text: str) -> None:
        """Print what was accepted, but may not be meant."""
        on = self.err.isatty() and not os.environ.get("NO_COLOR")
        self.err.write(paint(f"warning: {clean(text)}", "yellow", on) + "\n")
        self.err.flush()

    def response(self, response: Response, viewer: str, colour: str) -> None:
        """Print a response as ``OPH_TERM_VIEWER`` says; errors are left to `error`."""
        if viewer == "dump":
            self.line(json.dumps(response.as_dict(), ensure_ascii=False, indent=4))
            return
        coloured = colour if viewer in {"coloured", "extended_coloured"} else ""
        if response.request:
            self.line("[Request]:", "bold")
            full = viewer.startswith("extended")
            request = response.request if full else short_request(response.request)
            self.block(clean(request).split("\n"), coloured)
        if response.jobid:
            self.line("[JobID]:", "bold")
            self.block([response.jobid], coloured)
        self.line("[Response]:", "bold")
        if viewer.startswith("extended"):
            self.block(self._source(response), coloured)
        self.objects(response.as_dict(), coloured, extended=viewer.startswith("extended"))
        if seconds := response.extra.get("execution_time"):
            self.line(f"Execution time: {seconds} seconds")

    def block(self, lines: list[str], colour: str = "") -> None:
        """Print lines and an empty one."""
        for line in lines:
            self.line(line, colour)
        self.line()

    def objects(self, told: Mapping[str, Any], colour: str = "", extended: bool = False) -> None:
        """Print the objects of a response, without status and warnings."""
        for item in told.get("response", ()):
            if item["objkey"] in {"status", "warnings"}:
                continue
            for content in item["objcontent"]:
                shown = content if extended else fitted(content, self.width)
                lines = object_lines(item["objclass"], shown, self.width)
                if extended:
                    lines.insert(0, f"({item['objclass']}, {item['objkey']})")
                self.block(lines, colour)

    @staticmethod
    def _source(response: Response) -> list[str]:
        told = response.as_dict()
        source = told["source"]
        pairs = zip(source["keys"], source["values"], strict=True)
        return [
            f"Source: {source['srcname']} ({source['description']})",
            f"Producer: {source['producer']}",
            f"Consumers: {', '.join(told['consumers'])}",
            *(f"{key}: {value}" for key, value in pairs),
            f"Objects: {', '.join(told['responseKeyset'])}",
        ]
