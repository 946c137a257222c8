"""Sources of the catalogue: listed, searched, added, changed, imported; finding charts."""

# No postponed annotations: ninja looks for their names where the decorators are.

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Field, Query, Router, Schema, Status
from ninja.errors import HttpError, ValidationError
from ninja.pagination import paginate
from pydantic import ValidationError as WrongEntry

from polarnight.db.catalogue_file import SourceEntry
from polarnight.db.coordinates import format_dec, format_ra, parse_dec, parse_ra
from polarnight.db.models import AstroSource
from polarnight.errors import ConfigError
from polarnight.web.access.clients import client_ip
from polarnight.web.access.needs import api_access
from polarnight.web.access.roles import Action
from polarnight.web.api.answers import frame_errors, tagged, unchanged
from polarnight.web.api.paging import Paging
from polarnight.web.api.values import Key
from polarnight.web.catalogue import changing, importing
from polarnight.web.catalogue.checking import collisions, neighbours, warnings_of
from polarnight.web.catalogue.searching import search_sources
from polarnight.web.viewer.comments import LONGEST
from polarnight.web.viewer.finding import finding_chart

__all__ = ["router"]

router = Router()

Short = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]
_VIEW = api_access(Action.VIEW)
_EDIT = api_access(Action.EDIT_SOURCE)
_MOST_NAMES = 30


class SourceOut(Schema):
    """A source; positions ICRS, p a fraction, chi degrees."""

    id: int
    name: str
    other_names: list[str]
    ra_hms: str
    dec_dms: str
    ra: float = Field(description="degrees")
    dec: float = Field(description="degrees")
    pm_ra: float | None = Field(description="mas/yr, with cos(dec)")
    pm_dec: float | None
    srctype: str
    comment: str = Field(description="Markdown")
    metadata: dict[str, Any]
    redshift: float | None
    calibrates: list[str]
    literature: dict[str, float | None]
    modified: datetime


def _out(row: AstroSource) -> dict[str, Any]:
    values = changing.describe(row)
    literature = {name: values.pop(name) for name in AstroSource.LITERATURE}
    known = {name: value for name, value in literature.items() if value is not None}
    return {
        **values,
        "id": row.pk,
        "ra": row.ra,
        "dec": row.dec,
        "literature": known,
        "modified": row.modified,
    }


class _Rows:
    """Sources that are turned into answers when a page of them is cut out."""

    def __init__(self, rows: Any) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows) if isinstance(self.rows, list) else int(self.rows.count())

    def __getitem__(self, part: slice) -> list[dict[str, Any]]:
        rows = self.rows[part]
        if not isinstance(rows, list):
            rows = rows.prefetch_related("calibrates")
        return [_out(row) for row in rows]


@router.get("", response=list[SourceOut], auth=_VIEW, summary="Sources")
@paginate(Paging)
def list_sources(
    request: HttpRequest,
    q: Short = "",
    near: Annotated[str, Query(max_length=200, description="a position")] = "",
    radius: Annotated[float, Query(gt=0, le=10_800, description="arcmin")] = 5.0,
    kind: Literal["targets", "calibrators", "all"] = "targets",
    sort: Annotated[str, Query(max_length=20)] = "name",
) -> Any:
    """Return sources by name or place; calibrators are left out unless asked for."""
    return _Rows(search_sources(q, near=near, radius=radius, kind=kind, sort=sort))


class Checked(Schema):
    """What a source that is being written down would mean."""

    ra: float | None
    dec: float | None
    ra_hms: str
    dec_dms: str
    errors: dict[str, str]
    warnings: list[str]


@router.get("/check", response=Checked, auth=_EDIT, summary="Coordinates and names, checked")
def check_source(
    request: HttpRequest,
    name: Annotated[str, Query(max_length=100)] = "",
    other_names: Annotated[str, Query(max_length=2000)] = "",
    ra: Annotated[str, Query(max_length=100)] = "",
    dec: Annotated[str, Query(max_length=100)] = "",
    but: Annotated[int | None, Query(ge=1, lt=1 << 63, description="source that is edited")] = None,
) -> dict[str, Any]:
    """Return both forms of a position, what stands there, and names that others have."""
    errors: dict[str, str] = {}
    place: dict[str, float] = {}
    for key, text, parse in (("ra_hms", ra, parse_ra), ("dec_dms", dec, parse_dec)):
        if text:
            try:
                place[key] = parse(text)
            except ValueError as error:
                errors[key] = str(error)
    names = [one.strip() for one in (name, *other_names.split(";")) if one.strip()][:_MOST_NAMES]
    warnings = [f"{n!r} is a name of {other.name} too" for n, other in collisions(names, but)]
    full = len(place) == 2
    if full:
        near = neighbours(place["ra_hms"], place["dec_dms"], but)
        warnings += [f"{other.name} is {distance:.1f}″ away" for other, distance in near]
    return {
        "ra": place["ra_hms"] if full else None,
        "dec": place["dec_dms"] if full else None,
        "ra_hms": format_ra(place["ra_hms"]) if full else "",
        "dec_dms": format_dec(place["dec_dms"]) if full else "",
        "errors": errors,
        "warnings": warnings,
    }


@router.get("/{int:pk}", response=SourceOut, auth=_VIEW, summary="A source")
def get_source(request: HttpRequest, pk: Key) -> dict[str, Any]:
    """Return one source."""
    return _out(get_object_or_404(AstroSource, pk=pk))


@router.get("/{int:pk}/chart.png", response={200: bytes}, auth=_VIEW, summary="Finding chart")
@frame_errors
def finding_chart_of(request: HttpRequest, pk: Key) -> HttpResponse:
    """Return the finding chart, drawn from the newest solved frame."""
    content, tag = finding_chart(get_object_or_404(AstroSource, pk=pk))
    return unchanged(request, tag) or tagged(content, "image/png", tag)


class Saved(Schema):
    """A source that was saved, and what to look at."""

    source: SourceOut
    warnings: list[str]


class NewSource(Schema):
    """Values of a source, as in catalogue files."""

    values: dict[str, Any] = Field(description="keys of catalogue files: name, ra_hms, dec_dms …")
    why: str = Field("", max_length=1000, pattern=r"^[^\x00]*$")


@router.post("", response={201: Saved}, auth=_EDIT, summary="Add a source")
def add_source(request: HttpRequest, body: NewSource) -> Any:
    """Add a source."""
    return Status(201, _save(request, body, None))


@router.patch("/{int:pk}", response=Saved, auth=_EDIT, summary="Change a source")
def change_source(request: HttpRequest, pk: Key, body: NewSource) -> dict[str, Any]:
    """Change values of a source; those that are not given stay."""
    return _save(request, body, get_object_or_404(AstroSource, pk=pk))


def _save(request: HttpRequest, body: NewSource, source: AstroSource | None) -> dict[str, Any]:
    values = body.values
    if source is not None:
        must = {name: getattr(source, name) for name in ("name", "ra_hms", "dec_dms")}
        values = {**must, **values}
    try:
        entry = SourceEntry.model_validate(values)
    except WrongEntry as error:
        told = [
            {"loc": ("body", "values", *problem["loc"]), "msg": problem["msg"]}
            for problem in error.errors(include_url=False, include_context=False)
        ]
        raise ValidationError(told) from error
    if len(entry.comment) > LONGEST or "\x00" in entry.comment:
        raise HttpError(422, f"a comment is text of {LONGEST} characters at most")
    warnings = warnings_of(entry, source)
    try:
        row = changing.save(
            entry, source, who=request.user, why=body.why.strip(), ip=client_ip(request)
        )
    except changing.FieldError as error:
        told = [{"loc": ("body", "values", error.field), "msg": str(error)}]
        raise ValidationError(told) from error
    return {"source": _out(row), "warnings": warnings}


class Reason(Schema):
    """Why something is done."""

    why: str = Field(min_length=1, max_length=1000, pattern=r"^[^\x00]*\S[^\x00]*$")


@router.delete(
    "/{int:pk}", response={204: None}, auth=api_access(Action.ADMIN), summary="Delete a source"
)
def delete_source(request: HttpRequest, pk: Key, why: Annotated[Reason, Query()]) -> Any:
    """Delete a source on which nothing hangs."""
    row = get_object_or_404(AstroSource, pk=pk)
    changing.delete(row, who=request.user, why=why.why, ip=client_ip(request))
    return Status(204, None)


class SourceComment(Schema):
    """A comment in Markdown."""

    comment: str = Field(max_length=LONGEST, pattern=r"^[^\x00]*$")


@router.put(
    "/{int:pk}/comment",
    response=SourceOut,
    auth=api_access(Action.COMMENT),
    summary="Comment a source",
)
def comment_source(request: HttpRequest, pk: Key, body: SourceComment) -> dict[str, Any]:
    """Replace the comment of a source."""
    row = get_object_or_404(AstroSource, pk=pk)
    changing.write_comment(row, body.comment, who=request.user, ip=client_ip(request))
    row.refresh_from_db()
    return _out(row)


class ImportIn(Schema):
    """The text of a catalogue file."""

    name: str = Field(max_length=100, description="of the file; its ending tells the format")
    text: str = Field(max_length=importing.LARGEST)
    commit: bool = Field(default=False, description="false: only tell what would change")
    why: str = Field("", max_length=1000, pattern=r"^[^\x00]*$")


class ImportOut(Schema):
    """What an import did, or would do."""

    committed: bool
    created: list[str]
    changed: list[str]
    unchanged: list[str]
    moved: dict[str, float] = Field(description="arcsec")


@router.post("/import", response=ImportOut, auth=api_access(Action.IMPORT), summary="Import a file")
def import_text(request: HttpRequest, body: ImportIn) -> dict[str, Any]:
    """Import sources as `polarnight sources import` does, or tell what would change."""
    try:
        entries = importing.read_entries(body.name, body.text)
        if body.commit:
            done = importing.import_in_earnest(
                entries, body.name, digest=None, who=request.user, ip=client_ip(request),
                why=body.why.strip(),
            )  # fmt: skip
        else:
            done = importing.preview(entries, body.name)
    except ConfigError as error:
        raise HttpError(422, str(error)) from error
    report = done.report
    return {
        "committed": body.commit,
        "created": report.created,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "moved": dict(report.moved),
    }
