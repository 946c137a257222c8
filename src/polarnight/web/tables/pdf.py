"""Results as a PDF to print: as many columns beside each other as a page holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from polarnight.errors import ConfigError
from polarnight.web.tables.columns import Column
from polarnight.web.tables.paper import LETTERS, LINES, plain_letters, write_pages
from polarnight.web.tables.showing import heading, shown

__all__ = ["MOST_ROWS", "write_pdf"]

MOST_ROWS = 10_000
"""Rows that are printed at most; more of them nobody reads on paper."""

_WIDEST = 32  # letters of a cell
_GAP = "  "


def write_pdf(
    rows: Iterable[Sequence[Any]], columns: Sequence[Column], head: Sequence[str]
) -> bytes:
    """Return a PDF with a table.

    Parameters
    ----------
    rows : iterable of sequence
        Values in the order of `columns`.
    columns : sequence of Column
    head : sequence of str
        What stands on the first page, and what the columns mean at the end of it all.

    Raises
    ------
    ConfigError
        For more than `MOST_ROWS`.
    """
    cells = [
        [_cut(shown(column, value)) for column, value in zip(columns, row, strict=True)]
        for row in islice(rows, MOST_ROWS + 1)
    ]
    if len(cells) > MOST_ROWS:
        msg = f"a PDF holds {MOST_ROWS} rows; choose fewer by filters, or take another format"
        raise ConfigError(msg)
    return write_pages(_pages(cells, columns, head), "Results of Polarnight")


def _cut(text: str) -> str:
    plain = plain_letters(" ".join(text.split()))
    return plain if len(plain) <= _WIDEST else plain[: _WIDEST - 1] + "…"


def _pages(
    cells: list[list[str]], columns: Sequence[Column], head: Sequence[str]
) -> Iterator[list[str]]:
    names = [_cut(heading(column)) for column in columns]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    told = [line[:LETTERS] for line in head] + [""]
    meaning = [_meaning(name, one) for name, one in zip(names, columns, strict=True)]
    body: list[str] = []
    for block in _blocks(widths):
        title = _line(names, block, widths, columns)
        rows = [_line(row, block, widths, columns) for row in cells] or ["no rows"]
        while rows:
            if not body:
                body = [*told]
                told = []
            room = LINES - len(body) - 2
            yield [*body, title, "-" * len(title), *rows[:room]]
            rows, body = rows[room:], []
    for first in range(0, len(meaning), LINES):
        yield meaning[first : first + LINES]


def _meaning(name: str, column: Column) -> str:
    # Here they are in percent.
    return f"{name}: {column.description.removesuffix(', fraction')}"[:LETTERS]


def _blocks(widths: Sequence[int]) -> Iterator[list[int]]:
    """Yield the columns that stand beside each other."""
    block: list[int] = []
    used = 0
    for number, width in enumerate(widths):
        if block and used + width > LETTERS:
            yield block
            block, used = [], 0
        block.append(number)
        used += width + len(_GAP)
    yield block


def _line(
    texts: Sequence[str], block: Sequence[int], widths: Sequence[int], columns: Sequence[Column]
) -> str:
    return _GAP.join(
        texts[n].rjust(widths[n]) if columns[n].kind in ("number", "integer")
        else texts[n].ljust(widths[n])
        for n in block
    ).rstrip()  # fmt: skip
