"""Grids as characters: ``+====+`` borders, ``|`` between cells, long cells on several lines."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

__all__ = ["clean", "table_lines", "wide"]

_NARROWEST = 6
_CONTROL = re.compile(
    # Controls of the screen; those that turn the direction of writing; halves of characters.
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def clean(text: str) -> str:
    """Return a text that can be shown: what would steer the screen is shown by its number."""
    plain = str(text).replace("\r\n", "\n").replace("\t", "    ")
    return _CONTROL.sub(_shown, plain)


def _shown(match: re.Match[str]) -> str:
    number = ord(match.group())
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


def wide(text: str) -> int:
    """Return how many columns of the screen a line of text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def _pieces(text: str, width: int) -> list[str]:
    """Break a cell into lines of at most `width` columns, at spaces where there are some."""
    lines: list[str] = []
    for line in clean(text).split("\n"):
        rest = line
        while wide(rest) > width:
            cut = 0
            while cut < len(rest) and wide(rest[: cut + 1]) <= width:
                cut += 1
            cut = max(cut, 1)
            space = rest.rfind(" ", 1, cut + 1)
            at = space if space > width // 2 else cut
            lines.append(rest[:at].rstrip())
            rest = rest[at:].lstrip() if space > width // 2 else rest[at:]
        lines.append(rest)
    return lines


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]], limit: int | None) -> list[int]:
    widths = [wide(clean(name)) for name in columns]
    for row in rows:
        for n, cell in enumerate(row[: len(widths)]):
            widths[n] = max([widths[n], *(wide(line) for line in clean(cell).split("\n"))])
    while limit and sum(widths) + 3 * len(widths) + 1 > limit and max(widths) > _NARROWEST:
        widest = widths.index(max(widths))
        over = sum(widths) + 3 * len(widths) + 1 - limit
        second = max([w for n, w in enumerate(widths) if n != widest], default=_NARROWEST)
        floor = max(_NARROWEST, min(second, widths[widest] - 1))
        widths[widest] = max(floor, widths[widest] - over)
    return widths


def table_lines(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None
) -> list[str]:
    """Return the lines of a table.

    Parameters
    ----------
    columns : sequence of str
    rows : sequence of sequences of str
    width : int, optional
        Of the screen; lines are as long as they need to be where not given.
    """
    widths = _widths(columns, rows, width)
    border = "".join(f"+{'=' * (w + 2)}" for w in widths) + "+"
    rule = "".join(f"|{'-' * (w + 2)}" for w in widths) + "|"
    lines = [border, *_row(columns, widths), border]
    for number, row in enumerate(rows):
        lines += [rule] if number else []
        lines += _row(row, widths)
    return [*lines, border] if rows else lines


def _row(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    columns = [_pieces(cell, w) for cell, w in zip(cells, widths, strict=False)]
    columns += [[""]] * (len(widths) - len(columns))
    height = max((len(column) for column in columns), default=1)
    lines = []
    for n in range(height):
        line = ""
        for column, w in zip(columns, widths, strict=True):
            text = column[n] if n < len(column) else ""
            line += f"| {text}{' ' * (w - wide(text))} "
        lines.append(f"{line}|")
    return lines
