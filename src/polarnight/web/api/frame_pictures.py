"""Pictures of frames: of their pixels, and of how they were solved."""

# No postponed annotations: ninja looks for their names where the decorators are.

from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Path, Query, Router

from polarnight.web.access.needs import api_access
from polarnight.web.access.roles import Action
from polarnight.web.api.answers import frame_errors, tagged, unchanged
from polarnight.web.viewer.opening import find
from polarnight.web.viewer.preview import Look, preview
from polarnight.web.viewer.solving import solving_picture
from polarnight.web.viewer.tiles import etag

__all__ = ["Kind", "Number", "router"]

router = Router()

_VIEW = api_access(Action.VIEW)

Kind = Annotated[
    Literal["raw", "reduced", "bias", "dark", "flat"], Path(description="kind of the frame")
]
Number = Annotated[int, Path(ge=1, le=(1 << 63) - 1, description="number of the frame")]


@router.get("/{kind}/{pk}/preview.png", auth=_VIEW, response={200: bytes}, summary="A picture")
@frame_errors
def picture(
    request: HttpRequest,
    kind: Kind,
    pk: Number,
    stretch: Annotated[str, Query(max_length=20)] = "linear",
    colours: Annotated[str, Query(max_length=20)] = "grey",
    low: Annotated[float | None, Query()] = None,
    high: Annotated[float | None, Query()] = None,
    side: Annotated[int, Query(ge=32, le=2048)] = 512,
) -> HttpResponse:
    """Return a PNG; black and white are the limits of zscale where not given."""
    row = find(kind, pk)
    content, tag = preview(row, Look(stretch, colours, low, high, side))
    return unchanged(request, tag) or tagged(content, "image/png", tag)


@router.get(
    "/{kind}/{pk}/astrometry.png", auth=_VIEW, response={200: bytes}, summary="How it was solved"
)
@frame_errors
def astrometry(request: HttpRequest, kind: Kind, pk: Number) -> HttpResponse:
    """Return the picture of the plate solving, where the settings had it kept."""
    file = solving_picture(find(kind, pk))
    tag = etag(file.version, kind, pk, "astrometry")
    return unchanged(request, tag) or tagged(file.path.read_bytes(), "image/png", tag)
