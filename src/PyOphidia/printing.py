"""Answers as tables of characters."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["made_cubes", "response_text", "table_text"]

_WIDTH = 120
_NARROWEST = 4


def response_text(response: Mapping[str, Any], seconds: float | None = None) -> str:
    """Return all objects of an answer as text.

    Parameters
    ----------
    response : mapping
        The JSON of the answer.
    seconds : float, optional
        How long it took.
    """
    parts = []
    for item in response["response"]:
        for content in item["objcontent"]:
            parts.append(_item_text(item["objclass"], content))
    if seconds is not None:
        parts.append(f"Execution time: {seconds:.2f} seconds")
    return "\n\n".join(part for part in parts if part)


def made_cubes(response: Mapping[str, Any]) -> list[str]:
    """Return the PIDs of the cubes that a command made, in order.

    Parameters
    ----------
    response : mapping
        The JSON of the answer.
    """
    items = response["response"]
    texts = [item["objcontent"][0] for item in items if item["objclass"] == "text"]
    one = [text["message"] for text in texts if text["title"] == "Output Cube"]
    if one:
        return one
    for item in items:
        content = item["objcontent"][0]
        if item["objclass"] == "grid" and "OUTPUT" in content["rowkeys"]:
            column = content["rowkeys"].index("OUTPUT")
            return [row[column] for row in content["rowvalues"] if row[column]]
    return []


def table_text(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None
) -> str:
    """Return a table with borders; cells that are too wide go on in the next line.

    Parameters
    ----------
    columns : sequence of str
    rows : sequence of sequences of str
    width : int, optional
        Of the whole table; that of the terminal, or 120.
    """
    limit = width or shutil.get_terminal_size((_WIDTH, 100)).columns
    cells = [[_lines(cell) for cell in row] for row in rows]
    widths = [
        max([len(name), *(len(line) for row in cells for line in row[n])])
        for n, name in enumerate(columns)
    ]
    while sum(widths) + 3 * len(widths) + 1 > limit and max(widths) > _NARROWEST:
        widths[widths.index(max(widths))] -= 1
    border = "".join(f"+{'=' * (w + 2)}" for w in widths) + "+"
    rule = "".join(f"|{'-' * (w + 2)}" for w in widths) + "|"
    lines = [border, *_row([[name] for name in columns], widths), border]
    for number, row in enumerate(cells):
        lines += [rule] if number else []
        lines += _row(row, widths)
    return "\n".join([*lines, border] if rows else lines)


def _item_text(kind: str, content: Mapping[str, Any]) -> str:
    title = str(content.get("title", ""))
    if kind == "text":
        if title == "SUCCESS":
            return ""
        return f"{title}\n{'-' * len(title)}\n{content['message']}".rstrip()
    if kind == "digraph":
        return f"{title}\n{'-' * len(title)}\n{_dot(content)}"
    if "rowkeys" not in content:
        return ""
    table = table_text(content["rowkeys"], content["rowvalues"])
    return f"{title}\n{'-' * len(title)}\n{table}"


def _dot(content: Mapping[str, Any]) -> str:
    """Return a directed graph in the language of Graphviz."""
    lines = ["digraph DG {", "\tnode [shape=box]"]
    for number, values in enumerate(content["nodevalues"]):
        pairs = zip(content["nodekeys"], values, strict=True)
        label = "\\n".join(f"{key}: {value}" for key, value in pairs).replace('"', "'")
        lines.append(f'\t{number} [label="{label}"]')
    for number, links in enumerate(content["nodelinks"]):
        lines += [f'\t{number} -> {k["node"]} [label="{k["description"]}"]' for k in links]
    return "\n".join([*lines, "}"])


def _lines(cell: str) -> list[str]:
    return str(cell).replace("\t", "    ").split("\n")


def _row(cells: Sequence[Sequence[str]], widths: Sequence[int]) -> list[str]:
    """Return the lines of one row."""
    cut = [
        [line[i : i + w] for line in cell for i in range(0, max(len(line), 1), w)]
        for cell, w in zip(cells, widths, strict=True)
    ]
    height = max((len(column) for column in cut), default=0)
    return [
        "".join(
            f"| {column[n] if n < len(column) else '':<{w}} "
            for column, w in zip(cut, widths, strict=True)
        )
        + "|"
        for n in range(height)
    ]
