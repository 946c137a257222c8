"""Results as files that are sent while they are read: CSV, ECSV, Parquet, VOTable; and PDF."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from polarnight import __version__
from polarnight.errors import ConfigError
from polarnight.web.tables.cells import harmless
from polarnight.web.tables.columns import CLOCKS, Column
from polarnight.web.tables.paging import Results, rows_of

__all__ = ["FORMATS", "export"]

CITATION = "If these data are used in a publication, please cite Polarnight and the observatories."
_CHUNK = 2000
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DTYPES = {"number": "float64", "integer": "int64"}
Rows = Iterator[tuple[Any, ...]]


def export(rows: Results, columns: Sequence[Column], kind: str, about: str = "") -> Iterator[bytes]:
    """Return the pieces of a file with results.

    Parameters
    ----------
    rows : QuerySet
    columns : sequence of Column
    kind : str
        One of `FORMATS`.
    about : str
        What was chosen, for the head of the file.

    Raises
    ------
    ConfigError
        For an unknown format.
    """
    if kind not in FORMATS:
        msg = f"no format {kind[:20]!r}; there are {', '.join(FORMATS)}"
        raise ConfigError(msg)
    return FORMATS[kind][1](rows_of(rows, columns, _CHUNK), tuple(columns), about)


def _head(about: str) -> list[str]:
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    told = [f"Polarnight {__version__}, written {now}", CITATION]
    return [*told, " ".join(about.split())] if about else told


def _chunks(rows: Rows) -> Iterator[list[tuple[Any, ...]]]:
    while chunk := list(islice(rows, _CHUNK)):
        yield chunk


def _lines(rows: Rows, clean: Callable[[Any], Any]) -> Iterator[bytes]:
    """Yield rows separated by commas; numbers with all their digits."""
    for chunk in _chunks(rows):
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerows(
            [clean(value) for value in row] for row in chunk
        )
        yield buffer.getvalue().encode()


def _csv(rows: Rows, columns: Sequence[Column], about: str) -> Iterator[bytes]:
    head = [
        *_head(about),
        "Texts that begin like a formula (= + - @) have ' before them.",
        *(
            f"{column.name}{f' [{column.unit}]' if column.unit else ''}: {column.description}"
            for column in columns
        ),
    ]
    names = ",".join(column.name for column in columns)
    yield ("".join(f"# {line}\n" for line in head) + names + "\n").encode()
    yield from _lines(rows, harmless)


def _ecsv(rows: Rows, columns: Sequence[Column], about: str) -> Iterator[bytes]:
    head = ["%ECSV 1.0", "---", "delimiter: ','", *_described(columns, about)]
    names = ",".join(column.name for column in columns)
    yield ("".join(f"# {line}\n" for line in head) + names + "\n").encode()
    yield from _lines(rows, _one_line)


def _described(columns: Sequence[Column], about: str) -> list[str]:
    """Return columns with units as lines of YAML, as astropy writes and reads them."""
    from astropy.table import Column as Empty
    from astropy.table import Table
    from astropy.table.meta import get_yaml_from_table

    table = Table(
        [
            Empty([], column.name, _DTYPES.get(column.kind, "str"), unit=column.unit or None,
                  description=column.description, meta={"ucd": column.ucd})
            for column in columns
        ],
        meta={"comments": _head(about)},
    )  # fmt: skip
    return list(get_yaml_from_table(table))


def _one_line(value: Any) -> Any:
    # ECSV is read line by line.
    return " ".join(value.split()) if isinstance(value, str) and "\n" in value else value


class _Pieces(io.RawIOBase):
    """A file that hands over what was written to it."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.at = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.at

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self.written += piece
        self.at += len(piece)
        return len(piece)

    def take(self) -> bytes:
        piece = bytes(self.written)
        self.written.clear()
        return piece


def _parquet(rows: Rows, columns: Sequence[Column], about: str) -> Iterator[bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"number": pa.float64(), "integer": pa.int64()}
    fields = [
        pa.field(
            column.name, kinds.get(column.kind, pa.string()),
            metadata={"unit": column.unit, "ucd": column.ucd, "description": column.description},
        )
        for column in columns
    ]  # fmt: skip
    # astropy looks for units in words of its own.
    words = {"comments": "\n".join(_head(about)),
             "table_meta_yaml": "\n".join(_described(columns, about))}  # fmt: skip
    schema = pa.schema(fields, metadata=words)
    file = _Pieces()
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for chunk in _chunks(rows):
            values = zip(*chunk, strict=True)
            arrays = [pa.array(one, field.type) for one, field in zip(values, fields, strict=True)]
            writer.write_table(pa.table(arrays, schema=schema))
            yield file.take()
    yield file.take()


def _votable(rows: Rows, columns: Sequence[Column], about: str) -> Iterator[bytes]:
    told = "".join(f'<INFO name="about" value={quoteattr(line)}/>\n' for line in _head(about))
    fields = "".join(map(_field, columns))
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">\n'
        f'<RESOURCE type="results">\n{told}{_clocks(columns)}'
        f'<TABLE name="results">\n{fields}<DATA><TABLEDATA>\n'
    ).encode()
    for chunk in _chunks(rows):
        yield "".join(map(_row, chunk)).encode()
    yield b"</TABLEDATA></DATA></TABLE></RESOURCE>\n</VOTABLE>\n"


def _clocks(columns: Sequence[Column]) -> str:
    """Return the time systems of the columns."""
    used = dict.fromkeys(column.clock for column in columns if column.clock)
    return "".join(
        f'<TIMESYS ID="time_{clock}" timeorigin="{origin}" timescale="{scale}" '
        f'refposition="{place}"/>\n'
        for clock in used
        for scale, place, origin in [CLOCKS[clock]]
    )


def _field(column: Column) -> str:
    kind = {"number": 'datatype="double"', "integer": 'datatype="long"'}.get(
        column.kind, 'datatype="unicodeChar" arraysize="*"'
    )
    unit = f" unit={quoteattr(column.unit)}" if column.unit else ""
    unit += f' ref="time_{column.clock}"' if column.clock else ""
    return (
        f"<FIELD name={quoteattr(column.name)} ID={quoteattr(column.name)} {kind}{unit} "
        f"ucd={quoteattr(column.ucd)}><DESCRIPTION>{escape(column.description)}</DESCRIPTION>"
        "</FIELD>\n"
    )


def _row(row: Iterable[Any]) -> str:
    return f"<TR>{''.join(f'<TD>{_cell(value)}</TD>' for value in row)}</TR>\n"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return escape(_NOT_XML.sub("", value))
    return repr(value)


def _pdf(rows: Rows, columns: Sequence[Column], about: str) -> Iterator[bytes]:
    from polarnight.web.tables.pdf import write_pdf

    yield write_pdf(rows, columns, _head(about))


FORMATS: dict[str, tuple[str, Callable[[Rows, Sequence[Column], str], Iterator[bytes]]]] = {
    "csv": ("text/csv; charset=utf-8", _csv),
    "ecsv": ("text/plain; charset=utf-8", _ecsv),
    "parquet": ("application/vnd.apache.parquet", _parquet),
    "votable": ("application/x-votable+xml", _votable),
    "pdf": ("application/pdf", _pdf),
}
"""Media type and writer by the name of the format."""
