"""Frames: pixels, header, overlays, provenance, flags; raw, reduced, and masters alike."""

# No postponed annotations: ninja looks for their names where the decorators are.

from typing import Annotated, Any, Literal

from django.http import FileResponse, HttpRequest, HttpResponse
from ninja import Field, Path, Query, Router, Schema

from polarnight.config import get_settings
from polarnight.web.access.needs import api_access
from polarnight.web.access.roles import Action
from polarnight.web.api import frame_lists, frame_pictures
from polarnight.web.api.answers import frame_errors, tagged, unchanged
from polarnight.web.api.frame_pictures import Kind, Number
from polarnight.web.viewer import judging, overlays, sky
from polarnight.web.viewer.alignment import align
from polarnight.web.viewer.headers import headers as read_headers
from polarnight.web.viewer.headers import told_cards
from polarnight.web.viewer.neighbours import neighbours
from polarnight.web.viewer.opening import FrameRow, find, locate
from polarnight.web.viewer.planes import Image, load
from polarnight.web.viewer.problems import NotFound
from polarnight.web.viewer.provenance import provenance_graph, stale_reasons
from polarnight.web.viewer.statistics import measure
from polarnight.web.viewer.tiles import TILE, etag

__all__ = ["Comment", "Judged", "router"]

router = Router()
router.add_router("", frame_lists.router)
router.add_router("", frame_pictures.router)

_VIEW = api_access(Action.VIEW)

Plane = Annotated[Literal["sci", "var", "bits"], Path(description="values, variance or bits")]
Place = Annotated[int, Path(ge=0, le=1 << 20)]
Pixel = Annotated[float, Query(ge=-1e6, le=1e6, description="FITS pixel, the first is 1")]
Solution = Annotated[Literal["", "A", "B"], Query(description="plate solution")]


class Judged(Schema):
    """A decision about a flag."""

    flag: str = Field(max_length=40, description="name of the flag")
    value: bool | None = Field(description="true sets, false clears, null leaves it to machines")
    why: str = Field("", max_length=1000, description="the reason; needed to set or clear")


class Comment(Schema):
    """What somebody wrote about a frame, in Markdown."""

    text: str = Field(max_length=20_000)


def _image(kind: str, pk: int) -> tuple[FrameRow, Image]:
    row = find(kind, pk)
    return row, load(locate(row))


@router.get("/{kind}/{pk}/image", auth=_VIEW, summary="Size, planes, figures, plate solutions")
@frame_errors
def image(request: HttpRequest, kind: Kind, pk: Number) -> dict[str, Any]:
    """Say what is needed to show a frame; see the operation of tiles."""
    row, found = _image(kind, pk)
    pyramids = {name: found.pyramid(name) for name in found.planes}
    units = [card.text.strip() for card in found.cards if card.key == "BUNIT"]
    return {
        "kind": kind,
        "pk": pk,
        "title": str(row),
        "version": found.version,
        "width": found.shape[1],
        "height": found.shape[0],
        "tile": TILE,
        "unit": (units or ["counts"])[0],
        "planes": [
            {"name": name, "dtype": pyramid.dtype(0), "levels": pyramid.n_levels}
            for name, pyramid in pyramids.items()
        ],
        "statistics": measure(found.planes["sci"]).to_dict(),
        "solutions": sky.solutions(found.header),
        "bits": overlays.bit_legend(),
        "neighbours": neighbours(row),
    }


@router.get(
    "/{kind}/{pk}/tiles/{plane}/{level}/{column}/{row}",
    auth=_VIEW,
    response={200: bytes},
    summary="Pixels of a tile",
)
@frame_errors
def tile(
    request: HttpRequest,
    kind: Kind,
    pk: Number,
    plane: Plane,
    level: Annotated[int, Path(ge=0, le=30)],
    column: Place,
    row: Place,
) -> HttpResponse:
    """Return values of 256 x 256 pixels, little-endian, rows from the bottom of the frame.

    Level 0 holds them as stored; each next level has means of 2 x 2. ``X-Tile-Type``,
    ``X-Tile-Width`` and ``X-Tile-Height`` say what the bytes are.
    """
    file = locate(find(kind, pk))
    tag = etag(file.version, kind, pk, plane, level, column, row)
    known = unchanged(request, tag)
    if known is not None:
        return known
    cut = load(file).pyramid(plane).tile(level, column, row)
    response = tagged(cut.data, "application/octet-stream", tag, seconds=3600)
    response["X-Tile-Type"] = cut.dtype
    response["X-Tile-Width"] = str(cut.width)
    response["X-Tile-Height"] = str(cut.height)
    return response


@router.get("/{kind}/{pk}/statistics", auth=_VIEW, summary="Figures of a plane")
@frame_errors
def statistics(
    request: HttpRequest,
    kind: Kind,
    pk: Number,
    plane: Annotated[Literal["sci", "var", "bits"], Query()] = "sci",
) -> dict[str, Any]:
    """Return mean, median, percentiles, zscale limits and a histogram of all finite pixels."""
    _, found = _image(kind, pk)
    if plane not in found.planes:
        msg = f"the frame has no plane {plane!r}; it has {', '.join(found.planes)}"
        raise NotFound(msg)
    return measure(found.planes[plane]).to_dict()


@router.get("/{kind}/{pk}/header", auth=_VIEW, summary="All cards of the header")
@frame_errors
def header(request: HttpRequest, kind: Kind, pk: Number) -> list[dict[str, str]]:
    """Return key, value, comment and type of every card, in order; all are plain text."""
    _, found = _image(kind, pk)
    return told_cards(found.cards)


@router.get("/{kind}/{pk}/headers", auth=_VIEW, summary="The headers of all extensions")
@frame_errors
def headers(request: HttpRequest, kind: Kind, pk: Number) -> list[dict[str, Any]]:
    """Return index, name and cards, as they are written, of every unit of the file."""
    file = locate(find(kind, pk))
    load(file)  # which refuses what unpacks without end
    return read_headers(file)


@router.get("/{kind}/{pk}/overlays", auth=_VIEW, summary="Apertures, sources and results")
@frame_errors
def overlay(request: HttpRequest, kind: Kind, pk: Number) -> dict[str, Any]:
    """Return measured apertures, catalogue sources in the field and results; FITS pixels."""
    row, found = _image(kind, pk)
    return {
        "apertures": overlays.apertures(row),
        "sources": overlays.catalogue_sources(found, jd=getattr(row, "juliandate", None)),
        "results": overlays.results_of(row),
    }


@router.get("/{kind}/{pk}/sky", auth=_VIEW, summary="Sky coordinates of a pixel")
@frame_errors
def pixel_sky(
    request: HttpRequest, kind: Kind, pk: Number, x: Pixel, y: Pixel, key: Solution = ""
) -> dict[str, float | None]:
    """Return right ascension and declination in degrees, null beyond the sky."""
    _, found = _image(kind, pk)
    wcs = sky.read_wcs(found.header, key)
    if wcs is None:
        msg = f"the frame has no plate solution {key!r}"
        raise NotFound(msg)
    place = sky.pixel_to_sky(wcs, x, y)
    return {"ra": place and place[0], "dec": place and place[1]}


@router.get("/{kind}/{pk}/onto/{base_kind}/{base}", auth=_VIEW, summary="How it lies on another")
@frame_errors
def alignment(
    request: HttpRequest, kind: Kind, pk: Number, base_kind: Kind, base: Number
) -> dict[str, Any]:
    """Return the affine matrix to the FITS pixels of another frame, or why there is none."""
    return align(find(kind, pk), find(base_kind, base)).to_dict()


@router.get("/{kind}/{pk}/provenance", auth=_VIEW, summary="What it was made of, and what of it")
@frame_errors
def provenance(request: HttpRequest, kind: Kind, pk: Number) -> dict[str, Any]:
    """Return nodes and edges; edges of masters have their level and reason."""
    return provenance_graph(find(kind, pk)).to_dict()


@router.get("/{kind}/{pk}/stale", auth=_VIEW, summary="What the next run would make again")
@frame_errors
def stale(request: HttpRequest, kind: Kind, pk: Number) -> list[dict[str, str]]:
    """Plan the night as the next run would, and return what is stale and why."""
    reasons = stale_reasons(find(kind, pk), get_settings())
    return [{"product": product, "why": why} for product, why in reasons]


@router.get("/{kind}/{pk}/file", auth=_VIEW, response={200: bytes}, summary="The FITS file")
@frame_errors
def download(request: HttpRequest, kind: Kind, pk: Number) -> FileResponse | HttpResponse:
    """Return the file as it is on the disk."""
    row = find(kind, pk)
    file = locate(row)
    tag = etag(file.version, kind, pk, "file")
    known = unchanged(request, tag)
    if known is not None:
        return known
    packed = file.path.suffix.lower() in {".gz", ".bz2"}
    response = FileResponse(
        file.path.open("rb"),
        as_attachment=True,
        filename=row.filename,
        content_type="application/octet-stream" if packed else "application/fits",
    )
    response["ETag"] = tag
    response["Cache-Control"] = "private, no-cache"
    return response


@router.get("/{kind}/{pk}/judgement", auth=_VIEW, summary="Flags, comment and their history")
@frame_errors
def judged(request: HttpRequest, kind: Kind, pk: Number) -> dict[str, Any]:
    """Return every flag with what machines and people say, the comment, and who changed what."""
    return judging.judgement(find(kind, pk))


@router.post("/{kind}/{pk}/flags", auth=api_access(Action.FLAG), summary="Decide about a flag")
@frame_errors
def flag(request: HttpRequest, kind: Kind, pk: Number, decision: Judged) -> dict[str, Any]:
    """Set, clear or leave to machines a flag, with a reason; reruns keep the decision."""
    row = find(kind, pk)
    judging.no_controls(decision.why)
    judging.judge(row, decision.flag, decision.value, decision.why, _who(request))
    return judging.judgement(row)


@router.post("/{kind}/{pk}/undo", auth=api_access(Action.FLAG), summary="Undo the last decision")
@frame_errors
def undo(request: HttpRequest, kind: Kind, pk: Number) -> dict[str, Any]:
    """Bring back the decision before the last one; both stay in the history."""
    row = find(kind, pk)
    judging.undo(row, _who(request))
    return judging.judgement(row)


@router.post("/{kind}/{pk}/comment", auth=api_access(Action.COMMENT), summary="Write a comment")
@frame_errors
def comment(request: HttpRequest, kind: Kind, pk: Number, words: Comment) -> dict[str, Any]:
    """Replace the comment of a frame; Markdown, HTML is shown as text."""
    row = find(kind, pk)
    judging.no_controls(words.text)
    judging.comment(row, words.text, _who(request))
    return judging.judgement(row)


def _who(request: HttpRequest) -> str:
    return str(request.user.get_username())
