"""Nights: their numbers, their frames, what is stale in them and why."""

# No postponed annotations: ninja looks for their names where the decorators are.

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Field, Path, Query, Router, Schema
from ninja.pagination import paginate

from polarnight.config import get_settings
from polarnight.web.access.needs import api_access
from polarnight.web.access.roles import Action
from polarnight.web.api.paging import Paging
from polarnight.web.nights.frames import Asked, choose_frames, frame_rows
from polarnight.web.nights.last import night_of
from polarnight.web.nights.listing import choose_nights, find_night, jobs_of, night_rows
from polarnight.web.nights.timings import frame_times, timings_of

__all__ = ["router"]

router = Router()

_VIEW = api_access(Action.VIEW)

Telescope = Annotated[str, Path(max_length=60, description="such as OSN-T090")]
NightDate = Annotated[str, Path(max_length=12, description="YYYY-MM-DD, the date at its start")]
Text = Annotated[str, Query(max_length=100)]


class NightRowOut(Schema):
    """A night in the list."""

    epoch: str
    telescope: str
    night: date
    counts: dict[str, int] = Field(
        description="raw, bias, dark, flat, light, reduced, solved, results, failed"
    )
    seeing: float | None = Field(description="median, arcsec")
    flags: list[str]
    job: int | None = Field(description="that waits or runs for it")


class _Rows(Paging):
    """Pages of nights; only those of the page are counted."""

    def paginate_queryset(
        self, queryset: Any, pagination: Any, request: HttpRequest, **params: Any
    ) -> dict[str, Any]:
        page = super().paginate_queryset(queryset, pagination, request, **params)
        return {**page, "items": [row.to_dict() for row in night_rows(list(page["items"]))]}


class _Frames(Paging):
    """Pages of frames; only what became of those of the page is looked for."""

    def paginate_queryset(
        self, queryset: Any, pagination: Any, request: HttpRequest, **params: Any
    ) -> dict[str, Any]:
        page = super().paginate_queryset(queryset, pagination, request, **params)
        return {**page, "items": frame_rows(page["items"])}


@router.get("", response=list[NightRowOut], auth=_VIEW, summary="Nights, the newest first")
@paginate(_Rows)
def list_nights(
    request: HttpRequest,
    telescope: Annotated[str, Query(max_length=60, pattern=r"^[^\x00]*$")] = "",
    first: date | None = None,
    last: date | None = None,
    state: Literal["", "failed", "good", "raw", "results"] = "",
) -> Any:
    """Return nights with counts of frames, solutions, results and failures."""
    return choose_nights(telescope, first, last, state)


@router.get("/{telescope}/{night}", auth=_VIEW, summary="A night")
def get_night(request: HttpRequest, telescope: Telescope, night: NightDate) -> dict[str, Any]:
    """Return what failed and what to do about it, conditions, newest results, last run."""
    epoch = find_night(telescope, night)
    told = night_of(epoch)
    report = epoch.report or {}
    (row,) = night_rows([epoch])
    return {
        **row.to_dict(),
        "failures": [
            {"part": f.part, "what": f.text, "remedy": f.remedy, "files": f.files}
            for f in told.failures
        ],
        "conditions": [asdict(entry) for entry in told.conditions],
        "results": [asdict(entry) for entry in told.results],
        "seconds": report.get("seconds"),
        "modified": epoch.modified,
    }


class FrameOut(Schema):
    """A raw frame and what became of it; Julian dates are UTC, angles degrees."""

    id: int
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
    airmass: float | None
    flags: list[str]
    error: str
    remedy: str
    reduced: dict[str, Any] | None = Field(description="the reduced frame; seeing in arcsec")
    masters: list[dict[str, Any]] = Field(
        description="used ones with level and reason; of calibration frames, where they went"
    )


@router.get(
    "/{telescope}/{night}/frames", response=list[FrameOut], auth=_VIEW, summary="Its frames"
)
@paginate(_Frames)
def list_frames(
    request: HttpRequest,
    telescope: Telescope,
    night: NightDate,
    imgtype: Literal["", "BIAS", "DARK", "FLAT", "LIGHT"] = "",
    band: Text = "",
    instrument: Text = "",
    state: Literal["", "failed", "warned", "solved", "unsolved", "ignored", "risky"] = "",
    text: Text = "",
    sort: Annotated[str, Query(pattern=r"^-?(name|time|object|seeing|exposure)$")] = "name",
) -> Any:
    """Return every raw frame, what it became, with which masters and why, and what failed."""
    asked = Asked(imgtype, band, instrument, state, text, sort)
    return choose_frames(find_night(telescope, night), asked)


class Stale(Schema):
    """A product that the next run would make again."""

    product: str = Field(description="master, frame, photometry or polarimetry")
    what: str
    why: str
    files: int = Field(description="of a group")


@router.get("/{telescope}/{night}/stale", response=list[Stale], auth=_VIEW, summary="What is stale")
def list_stale(request: HttpRequest, telescope: Telescope, night: NightDate) -> Any:
    """Plan the night as the next run would; return what is stale and why. Takes a moment."""
    from polarnight.pipeline.pending import pending_of

    epoch = find_night(telescope, night)
    pending = pending_of(epoch, get_settings())
    prefix = f"{epoch.epochname}/"
    found = [("master", key, why, 1) for key, why in pending.masters.items()]
    found += [("frame", place, why, 1) for place, why in pending.frames.items()]
    found += [(part, files[0], why, len(files)) for files, part, why in pending.results if files]
    return [
        {"product": product, "what": what.removeprefix(prefix), "why": why, "files": number}
        for product, what, why, number in found
    ]


class StageTimeOut(Schema):
    """A stage, when it last had something to do."""

    stage: str
    seconds: float = Field(description="of work, of all processes together")
    pieces: int = Field(description="frames, masters or groups")
    slowest: list[tuple[str, float]] = Field(description="names and seconds")
    when: datetime = Field(description="end of that run")


class Timings(Schema):
    """How long a night took."""

    seconds: float | None = Field(description="that the last run took, by the clock")
    stages: list[StageTimeOut]
    frames: dict[str, dict[str, float]] = Field(description="seconds by file name and stage")


@router.get(
    "/{telescope}/{night}/timings", response=Timings, auth=_VIEW, summary="How long it took"
)
def get_timings(request: HttpRequest, telescope: Telescope, night: NightDate) -> dict[str, Any]:
    """Return the seconds of each stage, and of each reduced frame."""
    epoch = find_night(telescope, night)
    return {
        "seconds": (epoch.report or {}).get("seconds"),
        "stages": [asdict(row) for row in timings_of(epoch)],
        "frames": frame_times(epoch),
    }


@router.get("/{telescope}/{night}/job", auth=_VIEW, summary="The job that works on it")
def night_job(request: HttpRequest, telescope: Telescope, night: NightDate) -> dict[str, Any]:
    """Return the number of the job that waits or runs for a night, null where none does."""
    epoch = find_night(telescope, night)
    job = jobs_of([epoch.epochname]).get(epoch.epochname)
    return {"job": job and job.pk}
