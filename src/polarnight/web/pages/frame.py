"""The page of a frame: the viewer, and beside it all that is known of the frame."""

from __future__ import annotations

import math
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.safestring import SafeString

from polarnight.db.models.frames import RawFit, ReducedFit
from polarnight.web.access.needs import needs
from polarnight.web.access.roles import Action
from polarnight.web.links import page_url
from polarnight.web.viewer.graph_svg import draw_graph
from polarnight.web.viewer.neighbours import neighbours
from polarnight.web.viewer.opening import FrameRow, find
from polarnight.web.viewer.problems import NotFound
from polarnight.web.viewer.provenance import Node, provenance_graph
from polarnight.web.viewer.solving import has_solving_picture

__all__ = ["frame"]

_TITLES = {
    "raw": "Raw frame",
    "reduced": "Reduced frame",
    "bias": "Master bias",
    "dark": "Master dark",
    "flat": "Master flat",
}


@needs(Action.VIEW)
def frame(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Show a frame.

    Raises
    ------
    Http404
        Where there is no such frame.
    """
    try:
        row = find(kind, pk)
    except NotFound as error:
        raise Http404(str(error)) from error
    context = {
        "row": row,
        "kind": kind,
        "title": _TITLES[kind],
        "night": _address("night", row.epoch.telescope, row.epoch.night),
        "facts": _facts(row),
        "warnings": getattr(row, "warnings", None) or [],
        "graph": _graph(row),
        "neighbours": neighbours(row),
        "source_address": _address("source", 0) or "",
        "aperture_address": _address("aperture", 0) or "",
        "plot_address": _address("plot") or "",
        "targets": _targets(row),
        "solving_picture": has_solving_picture(row),
    }
    return render(request, "polarnight/frame.html", context)


def _address(name: str, *args: Any) -> str | None:
    """Return the address of a page, None where the site has no such page."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return None


def _targets(row: FrameRow) -> list[dict[str, str]]:
    """Return the targets in the field, with their pages; none for masters."""
    frame = ReducedFit.objects.filter(rawfit=row).first() if isinstance(row, RawFit) else row
    if not isinstance(frame, ReducedFit):
        return []
    return [
        {
            "name": source.name,
            "page": reverse("source", args=[source.pk]),
            "plot": page_url("plot", srcname=source.name),
        }
        for source in frame.sources_in_field.filter(calibrates__isnull=True).order_by("name")[:4]
    ]


def _graph(row: FrameRow) -> SafeString:
    def address(node: Node) -> str | None:
        if node.kind == "result":
            return _address("result", node.pk)
        return None if node.kind == "more" else reverse("frame", args=(node.kind, node.pk))

    return draw_graph(provenance_graph(row), address)


def _facts(row: FrameRow) -> list[tuple[str, str]]:
    """Return titles and values of what the database knows, empty ones left out."""
    if isinstance(row, RawFit | ReducedFit):
        facts = _exposure(row)
    else:
        facts = [
            ("Instrument", row.instrument),
            ("Frames used", f"{row.n_used}, {len(row.rejected or [])} rejected"),
            ("Band", getattr(row, "band", "")),
            ("Angle", _number(getattr(row, "rotangle", None), 2, "°")),
            ("Exposure", _number(getattr(row, "exptime", None), 2, "s")),
            ("Mean time", _number(row.jd, 5, "JD")),
            ("Size", f"{row.imgsize}, binning {row.imgbinning}"),
            ("Read-out", row.readmode),
        ]
    if isinstance(row, ReducedFit):
        facts += _reduction(row)
    return [(title, value) for title, value in facts if value]


def _exposure(row: RawFit | ReducedFit) -> list[tuple[str, str]]:
    size = f"{row.imgsize}, binning {row.imgbinning}" if row.imgsize else ""
    mjd = None if row.juliandate is None else row.juliandate - 2400000.5
    return [
        ("Instrument", row.instrument),
        ("Object", row.object_name),
        ("Type", " ".join(filter(None, (row.imgtype, row.obsmode.replace("NONE", ""))))),
        ("Band", row.band),
        ("Angle", _number(row.rotangle, 2, "°")),
        ("Exposure", _number(row.exptime, 2, "s")),
        ("Mid-exposure", _clock(row.juliandate)),
        ("MJD", _number(mjd, 6)),
        ("Airmass", _number(row.airmass, 3)),
        ("Size", size),
        ("Read-out", row.readmode),
        ("Image of the pair", row.beam),
    ]


def _reduction(row: ReducedFit) -> list[tuple[str, str]]:
    facts = [
        ("Seeing (FWHM)", _number(row.fwhm, 2, "″")),
        ("Sky", _number(row.background_level, 1, "ADU")),
        ("Sky noise", _number(row.background_rms, 2, "ADU")),
        ("Detections", _number(row.n_detections, 0)),
        ("Cosmic rays", _number(row.n_cosmic_rays, 0)),
        ("Zero point", _number(row.mag_zp, 4, "mag")),
    ]
    if not row.solved:
        return [*facts, ("Plate solution", "none")]
    chance = row.astrometry_log10_chance
    told = [
        "" if row.astrometry_matched is None else f"{row.astrometry_matched} stars matched",
        "" if row.astrometry_rms is None else f"rms {_number(row.astrometry_rms, 3, '″')}",
        "" if chance is None else f"chance 1e{chance:.0f}",
    ]
    centre = f"{_number(row.center_ra, 5)} {_number(row.center_dec, 5)}".strip()
    return [
        *facts,
        ("Plate solution", ", ".join(filter(None, told)) or "found"),
        ("Centre", centre),
        ("Scale", _number(row.pixscale, 4, "″/px")),
    ]


def _number(value: float | None, digits: int, unit: str = "") -> str:
    if value is None or not math.isfinite(value):
        return ""
    return f"{value:.{digits}f}{'' if unit in ('', '°', '″', '″/px') else ' '}{unit}"


def _clock(jd: float | None) -> str:
    """Return a Julian date as date and time of day, to the second."""
    from astropy.time import Time

    if jd is None or not math.isfinite(jd):
        return ""
    return f"{Time(jd, format='jd', scale='utc').strftime('%Y-%m-%d %H:%M:%S')} UTC"
