"""What the commands print on: tables whose numbers are never cut, however narrow the screen."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, Group
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Column, Table

__all__ = ["Screen", "console", "table_of"]

_WIDE = 220
_ENDLESS = 10_000
_GAP = 2
_WORD = 24  # longer words, such as paths, may be broken


class Screen(Console):
    """A console that prints a table wider than itself in full.

    A number that is cut is worse than a line that the terminal breaks. Where the screen is too
    narrow, first the text of the columns that may is wrapped, then the columns move together,
    then the lines are as long as they need to be. Nothing but spaces is left off at their ends.
    """

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as `rich.console.Console.print` does."""
        own = self.width
        wanted = [own]
        for table in _tables(objects):
            if self._width_of(table) > own:
                table.padding = (0, _GAP - 1, 0, 0)
            if self._width_of(table) > own:
                wanted.append(self._width_of(table, wrap=False))
        self.width = max(wanted)
        try:
            with self.capture() as printed:
                super().print(*objects, **options)
        finally:
            self.width = own
        # Spaces to the right of a wide table would be broken into empty lines.
        self.file.write("".join(f"{line.rstrip(' ')}\n" for line in printed.get().splitlines()))
        self.file.flush()

    def _width_of(self, table: Table, *, wrap: bool = True) -> int:
        gap = table.padding[1] + table.padding[3]
        widths = (self._column_width(column, wrap) for column in table.columns)
        return sum(widths) + gap * len(table.columns)

    def _column_width(self, column: Column, wrap: bool) -> int:
        endless = self.options.update(max_width=_ENDLESS)
        cells = [Measurement.get(self, endless, c) for c in (column.header, *column.cells)]
        if column.no_wrap or not wrap:
            return max(cell.maximum for cell in cells)
        return max(column.min_width or 0, min(max(cell.minimum for cell in cells), _WORD))


def _tables(objects: Iterable[Any]) -> Iterable[Table]:
    for one in objects:
        if isinstance(one, Table):
            yield one
        elif isinstance(one, Group):
            yield from _tables(one.renderables)
        elif isinstance(one, Padding):
            yield from _tables([one.renderable])


def console() -> Screen:
    """Return the console for results (standard output).

    In a file or pipe there is no screen to fit: lines are as long as they need to be.
    """
    wide = None if sys.stdout.isatty() else _WIDE
    # Markup is for our own words: names from headers and files may hold brackets.
    return Screen(highlight=False, markup=False, emoji=False, width=wide)


def table_of(
    *columns: str,
    numbers: Iterable[str] = (),
    wrapped: Iterable[str] = (),
) -> Table:
    """Return an empty table without lines.

    Parameters
    ----------
    *columns : str
        Headings.
    numbers : iterable of str
        Columns that stand to the right.
    wrapped : iterable of str
        Columns of words that may take several lines.
    """
    right, words = set(numbers), set(wrapped)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(
            column,
            justify="right" if column in right else "left",
            no_wrap=column not in words,
            min_width=len(column) or None,
            overflow="fold",
        )
    return table
