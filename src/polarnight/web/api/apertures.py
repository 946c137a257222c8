"""Apertures: fluxes of sources in frames, each with the picture that tells of it."""

# No postponed annotations: ninja looks for their names where the decorators are.

from datetime import datetime
from typing import Annotated, Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from ninja import Field, Query, Router, Schema
from ninja.pagination import paginate

from polarnight.db.models import AperPhotResult
from polarnight.frames import describe_bits
from polarnight.web.access.needs import api_access
from polarnight.web.access.roles import Action
from polarnight.web.api.answers import frame_errors, rows_with, shown_if_there, tagged, unchanged
from polarnight.web.api.paging import Paging
from polarnight.web.api.values import Key
from polarnight.web.plots.picture import PICTURES, Kind
from polarnight.web.results.pictures import (
    aperture_picture,
    aperture_tag,
    thumbnail,
)

__all__ = ["router"]

router = Router()

_VIEW = api_access(Action.VIEW)
Number = Annotated[int | None, Query(ge=1, lt=1 << 63)]


class Aperture(Schema):
    """An aperture; fluxes in ADU of the exposure, radii and places in pixels (the first is 0)."""

    id: int
    source: str = Field(alias="astrosource.name")
    source_id: int = Field(alias="astrosource_id")
    frame: int = Field(alias="reducedfit_id")
    fileloc: str = Field(alias="reducedfit.fileloc")
    pairs: str
    aperindex: int
    is_default: bool
    aperpix: float | None
    r_in: float | None
    r_out: float | None
    flux_counts: float | None
    flux_counts_err: float | None
    bkg_flux_counts: float | None
    bkg_flux_counts_err: float | None
    x_px: float | None
    y_px: float | None
    fwhm: float | None
    fwhm_source: float | None
    flags: list[str] = Field(alias="flag_labels")
    bits: list[str] = Field(description="of pixels in the aperture, in words")
    modified: datetime

    @staticmethod
    def resolve_bits(row: Any) -> list[str]:
        """Tell the bits by their names."""
        return describe_bits(row.bits)


def _rows() -> Any:
    return AperPhotResult.objects.select_related("astrosource", "reducedfit__epoch")


@router.get("", response=list[Aperture], auth=_VIEW, summary="Apertures")
@paginate(Paging)
def list_apertures(
    request: HttpRequest,
    result: Number = None,
    frame: Number = None,
    source: Number = None,
    default: bool = True,
) -> QuerySet[AperPhotResult]:
    """Return apertures of a result, a reduced frame, a source, or all; by their numbers.

    With ``default=false`` those of curves of growth, too.
    """
    wanted = {"photopolresults": result, "reducedfit": frame, "astrosource": source}
    rows: QuerySet[AperPhotResult] = rows_with(_rows(), wanted)
    return (rows.filter(is_default=True) if default else rows).order_by("-pk")


def _aperture(pk: int) -> AperPhotResult:
    row: AperPhotResult | None = _rows().filter(pk=pk).first()
    if row is None:
        msg = f"there is no aperture {pk}; a later run may have replaced it"
        raise Http404(msg)
    return row


@router.get("/{pk}", response=Aperture, auth=_VIEW, summary="One aperture")
def get_aperture(request: HttpRequest, pk: Key) -> AperPhotResult:
    """Return an aperture."""
    return _aperture(pk)


@router.get("/{pk}/picture", auth=_VIEW, response={200: bytes}, summary="Its diagnostic")
@frame_errors
@shown_if_there
def get_aperture_picture(
    request: HttpRequest, pk: Key, kind: Annotated[Kind, Query()] = "png"
) -> HttpResponse:
    """Return cut-out, radial profile, curve of growth and histogram of the sky, two by two."""
    row = _aperture(pk)
    tag = aperture_tag(row, kind)
    return unchanged(request, tag) or tagged(aperture_picture(row, kind), PICTURES[kind], tag)


@router.get("/{pk}/thumbnail.png", auth=_VIEW, response={200: bytes}, summary="Its cut-out, small")
@frame_errors
@shown_if_there
def get_thumbnail(request: HttpRequest, pk: Key) -> HttpResponse:
    """Return the cut-out of the frame with the circles of the aperture, for lists."""
    row = _aperture(pk)
    tag = aperture_tag(row, "thumbnail")
    return unchanged(request, tag) or tagged(thumbnail(row), PICTURES["png"], tag)
