"""Lines of a log of any length, from the end backwards."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

__all__ = ["LEVELS", "Line", "Lines", "read_after", "read_before"]

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

_BLOCK = 256 * 1024
_SCANNED = 16 * 1024 * 1024  # bytes that one request looks through
_LONGEST = 4000  # characters of a line that are shown
_LEVEL = re.compile(rb"\b(DEBUG|INFO|WARNING|ERROR|CRITICAL)\b")
_HEAD = 160  # bytes in which the level of a line stands


@dataclass(frozen=True, slots=True)
class Line:
    """A line: where it begins, its level (that of the line before, where it has none), its text."""

    at: int
    level: str
    text: str


@dataclass(frozen=True, slots=True)
class Lines:
    """Some lines, in their order.

    Attributes
    ----------
    lines : list of Line
    begin, end : int
        Bytes that were looked through: lines before `begin` and after `end` were not.
    size : int
        Of the file.
    """

    lines: list[Line]
    begin: int
    end: int
    size: int


def read_before(
    path: Path,
    before: int | None = None,
    *,
    most: int = 500,
    levels: Collection[str] = (),
    text: str = "",
) -> Lines:
    """Return the last lines that begin before a byte and fit.

    Parameters
    ----------
    path : Path
    before : int, optional
        Byte at which a line begins; the end of the file by default.
    most : int
        Lines at most.
    levels : collection of str
        Only these; all where empty. Lines without a level belong to the line before.
    text : str
        Only lines that hold it, in capitals or not.

    Returns
    -------
    Lines
        At most 16 MB are looked through; `begin` is where to go on.
    """
    found: list[Line] = []
    with _open(path) as handle:
        size = os.fstat(handle.fileno()).st_size
        end = size if before is None else max(0, min(before, size))
        begin, first_end = end, end
        while begin > 0 and len(found) < most and first_end - begin < _SCANNED:
            start, lines = _block(handle, begin)
            fitting = [line for line in lines if _fits(line, levels, text)]
            room = most - len(found)
            if len(fitting) > room:
                fitting = fitting[-room:]
                start = fitting[0].at
            found = fitting + found
            begin = start
    return Lines(found, begin, end, size)


def read_after(
    path: Path, after: int, *, most: int = 2000, levels: Collection[str] = (), text: str = ""
) -> Lines:
    """Return lines that were written after a byte: what is new of a log that grows."""
    with _open(path) as handle:
        size = os.fstat(handle.fileno()).st_size
        if not 0 <= after <= size:  # the log was begun anew
            after = 0
        handle.seek(after)
        content = handle.read(_BLOCK)
        last = content.rfind(b"\n") + 1
        if last == 0 and len(content) == _BLOCK:
            last = len(content)
        lines = _parse(content[:last], after)
        end = lines[most].at if len(lines) > most else after + last
    fitting = [line for line in lines[:most] if _fits(line, levels, text)]
    return Lines(fitting, after, end, size)


def _open(path: Path) -> BinaryIO:
    # A log may have become a link since it was listed.
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")


def _block(handle: BinaryIO, end: int) -> tuple[int, list[Line]]:
    """Return the whole records in the block that ends at a byte, and where they begin."""
    start = max(0, end - _BLOCK)
    handle.seek(start)
    content = handle.read(end - start)
    if start > 0:
        cut = _first_record(content)
        start, content = start + cut, content[cut:]
    return start, _parse(content, start)


def _first_record(content: bytes) -> int:
    """Return where the first line with a level begins; else the first line; else 0."""
    first = content.find(b"\n") + 1
    place = first
    while 0 < place < len(content):
        stop = content.find(b"\n", place)
        if _LEVEL.search(content, place, place + _HEAD if stop < 0 else min(stop, place + _HEAD)):
            return place
        if stop < 0:
            break
        place = stop + 1
    return first if 0 < first < len(content) else 0


def _parse(content: bytes, at: int) -> list[Line]:
    lines: list[Line] = []
    level = ""
    for raw in content.split(b"\n"):
        if raw or lines:
            match = _LEVEL.search(raw[:_HEAD])
            level = match[1].decode() if match else level
            lines.append(Line(at, level, _shown(raw)))
        at += len(raw) + 1
    if lines and not lines[-1].text:
        lines.pop()
    return lines


def _shown(raw: bytes) -> str:
    text = raw[: 4 * _LONGEST].decode("utf-8", "replace").rstrip("\r")
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _fits(line: Line, levels: Collection[str], text: str) -> bool:
    if levels and line.level not in levels:
        return False
    return not text or text.casefold() in line.text.casefold()
