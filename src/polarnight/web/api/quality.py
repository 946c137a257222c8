"""Figures of quality of nights and frames, and what is out of the ordinary."""

# No postponed annotations: ninja looks for their names where the decorators are.

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema
from ninja.pagination import paginate

from polarnight.db.models import FrameQuality
from polarnight.web.access.needs import api_access
from polarnight.web.access.roles import Action
from polarnight.web.api.answers import rows_with
from polarnight.web.api.paging import Paging
from polarnight.web.nights.quality import choose_quality, warnings_of

__all__ = ["router"]

router = Router()

_VIEW = api_access(Action.VIEW)
Text = Annotated[str, Query(max_length=60)]


class Wanted(Schema):
    """Which figures; empty values ask for all."""

    telescope: Text = ""
    instrument: Text = ""
    band: Text = ""
    first: date | None = Field(None, description="first night")
    last: date | None = Field(None, description="last night")

    def rows(self) -> Any:
        """Return figures of nights in order of time."""
        return choose_quality(self.telescope, self.instrument, self.band, self.first, self.last)


class NightFigures(Schema):
    """Figures of a night; those of the detector stand in the row without band."""

    epoch: str = Field(alias="epoch.epochname")
    instrument: str
    obsmode: str
    band: str
    n_frames: int
    n_solved: int
    seeing: float | None = Field(description="median, arcsec")
    seeing_best: float | None
    sky_mag: float | None = Field(description="mag per square arcsec")
    sky_rate: float | None = Field(description="ADU per second and pixel")
    zero_point: float | None = Field(description="of the best frame, at airmass 1")
    zero_point_err: float | None
    extinction: float | None = Field(description="of this night, mag per airmass")
    extinction_err: float | None
    extinction_n: int | None = Field(description="zero points that it was fitted to")
    extinction_taken: float | None = Field(description="mag per airmass, for zero points")
    transparency: float | None = Field(description="relative to the best frame")
    throughput: float | None = Field(description="relative to the usual")
    throughput_err: float | None
    bias_level: float | None = Field(description="ADU")
    read_noise: float | None = Field(description="electrons")
    dark_rate: float | None = Field(description="ADU per second")
    bad_fraction: float | None
    flat_rms: float | None
    flat_large_scale: float | None
    new_spots: int | None


class FrameFigures(Schema):
    """Figures of a reduced frame; the Julian date is UTC."""

    reduced: int = Field(alias="reducedfit_id")
    epoch: str = Field(alias="epoch.epochname")
    filename: str = Field(alias="reducedfit.filename")
    instrument: str
    obsmode: str
    band: str
    juliandate: float | None
    airmass: float | None
    seeing: float | None
    elongation: float | None
    n_detections: int | None
    solved: bool
    sky_rate: float | None
    sky_mag: float | None
    zero_point: float | None
    zero_point_err: float | None
    transparency: float | None
    throughput: float | None


@router.get("/nights", response=list[NightFigures], auth=_VIEW, summary="Figures of nights")
@paginate(Paging)
def night_figures(request: HttpRequest, wanted: Query[Wanted]) -> Any:
    """Return figures of nights in order of time."""
    return wanted.rows()


@router.get("/frames", response=list[FrameFigures], auth=_VIEW, summary="Figures of frames")
@paginate(Paging)
def frame_figures(request: HttpRequest, wanted: Query[Wanted]) -> Any:
    """Return figures of frames in order of time."""
    columns = {
        "epoch__telescope": wanted.telescope,
        "instrument": wanted.instrument,
        "band": wanted.band,
        "epoch__night__gte": wanted.first,
        "epoch__night__lte": wanted.last,
    }
    rows = rows_with(FrameQuality.objects.all(), columns).select_related("epoch", "reducedfit")
    return rows.defer("reducedfit__provenance", "reducedfit__astrometry_info").order_by(
        "juliandate", "pk"
    )


class WarnedOut(Schema):
    """Something that an engineer should look at."""

    night: date
    telescope: str
    what: str
    text: str


@router.get("/warnings", response=list[WarnedOut], auth=_VIEW, summary="Out of the ordinary")
@paginate(Paging)
def list_warnings(request: HttpRequest, wanted: Query[Wanted]) -> Any:
    """Return low throughputs and what masters warn of, the newest first."""
    return [asdict(one) for one in warnings_of(list(wanted.rows()))]
