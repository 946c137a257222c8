"""Lists of raw and reduced frames; masters are listed by `polarnight.web.api.masters`."""

# No postponed annotations: ninja looks for their names where the decorators are.

from datetime import date
from typing import Annotated, Any, Literal

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Field, Query, Router, Schema
from ninja.pagination import paginate

from polarnight.db.models.frames import RawFit, ReducedFit
from polarnight.web.access.needs import api_access
from polarnight.web.access.roles import Action
from polarnight.web.api.answers import rows_with
from polarnight.web.api.paging import Paging

__all__ = ["router"]

router = Router()

Text = Annotated[str, Query(max_length=100)]


class FrameRow(Schema):
    """A raw or reduced frame; times are Julian dates (UTC) of mid-exposure, angles degrees."""

    id: int
    epoch: str = Field(alias="epoch.epochname")
    filename: str
    instrument: str
    imgtype: str
    obsmode: str
    band: str
    rotangle: float | None
    exptime: float | None
    juliandate: float | None
    imgsize: str
    object_name: str
    flags: list[str] = Field(alias="flag_labels")
    error: str


class ReducedRow(FrameRow):
    """A reduced frame; seeing in arcsec, sky in ADU, centre in degrees (ICRS)."""

    rawfit: int = Field(alias="rawfit_id")
    solved: bool
    fwhm: float | None
    background_level: float | None
    center_ra: float | None
    center_dec: float | None
    astrometry_rms: float | None
    mag_zp: float | None


class Wanted(Schema):
    """What frames are asked for; empty values ask for all."""

    telescope: Text = ""
    night: date | None = Field(None, description="YYYY-MM-DD, the date at its start")
    instrument: Text = ""
    imgtype: Literal["", "BIAS", "DARK", "FLAT", "LIGHT"] = ""
    band: Text = ""
    object_name: Text = ""
    failed: bool | None = Field(None, description="true: only those with an error")


@router.get("/raw", response=list[FrameRow], auth=api_access(Action.VIEW), summary="Raw frames")
@paginate(Paging)
def list_raw(request: HttpRequest, wanted: Query[Wanted]) -> Any:
    """List raw frames, the newest first."""
    return _chosen(RawFit.objects.all(), wanted)


@router.get(
    "/reduced", response=list[ReducedRow], auth=api_access(Action.VIEW), summary="Reduced frames"
)
@paginate(Paging)
def list_reduced(request: HttpRequest, wanted: Query[Wanted]) -> Any:
    """List reduced frames, the newest first."""
    return _chosen(ReducedFit.objects.all(), wanted)


def _chosen(rows: QuerySet[Any, Any], wanted: Wanted) -> QuerySet[Any, Any]:
    columns = {
        "epoch__telescope": wanted.telescope,
        "epoch__night": wanted.night,
        "instrument": wanted.instrument,
        "imgtype": wanted.imgtype,
        "band": wanted.band,
        "object_name": wanted.object_name,
    }
    if wanted.failed is not None:
        rows = rows.exclude(error="") if wanted.failed else rows.filter(error="")
    chosen = rows_with(rows, columns).select_related("epoch")
    return chosen.order_by("-epoch__night", "-juliandate", "-pk")
