"""Answers that are files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Literal, TypeVar

from django.http import HttpResponse, StreamingHttpResponse

from polarnight.web.tables.columns import Column
from polarnight.web.tables.export import FORMATS, export
from polarnight.web.tables.paging import Results

__all__ = ["TableFormat", "attached", "send_table"]

TableFormat = Literal["csv", "ecsv", "parquet", "votable", "pdf"]
Answer = TypeVar("Answer", HttpResponse, StreamingHttpResponse)
_ENDINGS = {"votable": "xml"}


def attached(response: Answer, name: str, ending: str) -> Answer:
    """Let a browser keep an answer as a file called after `name`."""
    plain = re.sub(r"[^A-Za-z0-9+.-]+", "_", name).strip("_.")[:80] or "results"
    response["Content-Disposition"] = f'attachment; filename="{plain}.{ending}"'
    return response


def send_table(
    rows: Results, columns: Sequence[Column], kind: str, *, name: str, about: str = ""
) -> StreamingHttpResponse:
    """Send results as a file while they are read."""
    pieces = export(rows, columns, kind, about)
    # What is wrong with the query shows at the first piece, while an error can still be told.
    whole: Iterator[bytes] = chain([next(pieces, b"")], pieces)
    response = StreamingHttpResponse(whole, content_type=FORMATS[kind][0])
    return attached(response, name, _ENDINGS.get(kind, kind))
