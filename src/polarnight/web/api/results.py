"""Results: the table, files of it, and one of them with all that is behind it."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import Http404, HttpRequest, StreamingHttpResponse
from ninja import Query, Router, Schema
from pydantic import Field

from polarnight.db.audit import comment_of, history
from polarnight.db.models import PhotoPolResult
from polarnight.db.sources import get_source
from polarnight.errors import ConfigError
from polarnight.web.access.needs import api_access
from polarnight.web.access.roles import Action
from polarnight.web.api import diagnostics
from polarnight.web.api.sending import TableFormat, send_table
from polarnight.web.api.values import Key
from polarnight.web.links import page_url
from polarnight.web.results.showing import frames_of
from polarnight.web.tables.columns import COLUMNS, Column, choose
from polarnight.web.tables.describing import described_columns
from polarnight.web.tables.filters import apply_filters, parse_filters
from polarnight.web.tables.paging import MAX_LIMIT, Results, page_of, parse_sort, rows_of

__all__ = ["router"]

router = Router()
router.add_router("", diagnostics.router)

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Offset = Annotated[int, Query(ge=0, le=10_000_000)]


class Chosen(Schema):
    """Which results, in which order, with which columns."""

    source: str = Field("", max_length=100, description="a name of the catalogue; all without")
    f: list[str] = Field(
        [], max_length=20, description="filters column:operator:value; fractions also as 5%"
    )
    sort: str = Field("", max_length=200, description="columns; - before one for falling order")
    columns: str = Field("", max_length=2000, description="names, separated by commas")

    def rows(self) -> Results:
        """Return the results without order."""
        rows: Results = PhotoPolResult.objects.all()
        if self.source:
            if any(ord(sign) < 32 for sign in self.source):
                msg = f"{self.source!r} is no name of a source"
                raise ConfigError(msg)
            rows = rows.filter(astrosource=get_source(self.source))
        return apply_filters(rows, parse_filters(self.f))

    def chosen(self) -> tuple[Column, ...]:
        """Return the columns."""
        return tuple(choose(self.columns.split(",") if self.columns else None))


class Table(Schema):
    """A page of results; the values of a row are in the order of `columns`."""

    columns: list[str]
    ids: list[int]
    rows: list[list[Any]]
    count: int
    offset: int


class ColumnOut(Schema):
    """What a column is."""

    name: str
    title: str
    kind: str
    unit: str
    ucd: str
    description: str
    visible: bool
    sortable: bool
    shown_unit: str = Field(description="of the pages; files and the API have `unit`")
    scale: float = Field(description="by what pages multiply the value")
    digits: int | None = Field(description="after the point on pages; null for four in all")
    operators: list[str]


@router.get("", response=Table, auth=api_access(Action.VIEW), summary="A page of results")
def list_results(
    request: HttpRequest,
    asked: Annotated[Chosen, Query()],
    limit: Limit = 50,
    offset: Offset = 0,
) -> Table:
    """Return results, sorted and filtered by the database."""
    page = page_of(asked.rows(), asked.chosen(), sort=asked.sort, offset=offset, limit=limit)
    return Table(
        columns=[column.name for column in page.columns], ids=list(page.ids),
        rows=[list(row) for row in page.rows], count=page.count, offset=page.offset,
    )  # fmt: skip


@router.get(
    "/columns", response=list[ColumnOut], auth=api_access(Action.VIEW), summary="What columns mean"
)
def list_columns(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the columns of results, and the operators that their filters know."""
    return described_columns()


@router.get("/export", auth=api_access(Action.VIEW), summary="Results as a file")
def export_results(
    request: HttpRequest, asked: Annotated[Chosen, Query()], kind: TableFormat = "csv"
) -> StreamingHttpResponse:
    """Return all results chosen, as CSV, ECSV, Parquet, VOTable or PDF (to print)."""
    rows = asked.rows().order_by(*parse_sort(asked.sort))
    told = [asked.source and f"source {asked.source}", *asked.f]
    return send_table(
        rows, asked.chosen(), kind, name=asked.source or "results",
        about=f"Results: {', '.join(filter(None, told)) or 'all'}",
    )  # fmt: skip


class MasterOut(Schema):
    """A master of a frame; the level tells how far it was fetched, the reason why this one."""

    kind: str
    id: int | None
    title: str
    level: int | None
    reason: str


class FrameOut(Schema):
    """A frame behind a result."""

    id: int
    fileloc: str
    raw: int
    masters: list[MasterOut]


class ChangeOut(Schema):
    """What somebody changed."""

    when: str
    who: str
    what: str
    why: str


class ResultOut(Schema):
    """A result with what is behind it."""

    id: int
    source: str
    epoch: str
    telescope: str
    night: str
    values: dict[str, Any]
    flags: list[str]
    comment: str
    frames: list[FrameOut]
    apertures: list[int]
    page: str
    history: list[ChangeOut]
    evidence: Any
    warnings: Any


@router.get("/{pk}", response=ResultOut, auth=api_access(Action.VIEW), summary="One result")
def get_result(request: HttpRequest, pk: Key) -> dict[str, Any]:
    """Return a result: all columns, frames, flags with their history, evidence."""
    row = _result(pk)
    values = next(rows_of(PhotoPolResult.objects.filter(pk=pk), COLUMNS))
    return {
        "id": row.pk,
        "source": row.astrosource.name,
        "epoch": row.epoch.epochname,
        "telescope": row.epoch.telescope,
        "night": row.epoch.night.isoformat(),
        "values": {column.name: value for column, value in zip(COLUMNS, values, strict=True)},
        "flags": row.flag_labels,
        "comment": comment_of(row),
        "frames": [
            {"id": one["row"].pk, "fileloc": one["row"].fileloc, "raw": one["raw"],
             "masters": one["masters"]}
            for one in frames_of(row)
        ],
        "apertures": list(row.aperphotresults.order_by("pk").values_list("pk", flat=True)),
        "page": page_url("result", row.pk),
        "history": [
            {"when": change.when.isoformat(), "who": change.who, "what": change.what,
             "why": change.why}
            for change in history(row)
        ],
        "evidence": row.evidence,
        "warnings": row.warnings,
    }  # fmt: skip


class Why(Schema):
    """Why a result is what it is, by its frames."""

    frames: dict[str, str]


@router.get("/{pk}/why", response=Why, auth=api_access(Action.VIEW), summary="Why it is so")
def why_result(request: HttpRequest, pk: Key) -> dict[str, Any]:
    """Return, for each frame, its masters and decisions in plain lines."""
    from polarnight.config import get_settings
    from polarnight.pipeline.explain import explain

    row = _result(pk)
    told = {}
    for frame in row.reducedfits.select_related("epoch"):
        try:
            told[frame.fileloc] = explain(frame.fileloc, get_settings())
        except ConfigError as error:
            told[frame.fileloc] = str(error)
    return {"frames": told}


def _result(pk: int) -> PhotoPolResult:
    row = PhotoPolResult.objects.select_related("epoch", "astrosource").filter(pk=pk).first()
    if row is None:
        msg = f"there is no result {pk}; a later run may have replaced it"
        raise Http404(msg)
    return row
