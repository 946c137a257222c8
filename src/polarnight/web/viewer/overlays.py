"""What is drawn over a frame: measured apertures and sources of the catalogue.

All places are FITS pixels: the centre of the first pixel is (1, 1).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from polarnight.db.models.frames import ReducedFit
from polarnight.db.models.results import AperPhotResult, PhotoPolResult
from polarnight.db.models.sources import AstroSource
from polarnight.frames import describe_bits
from polarnight.web.viewer.sky import pixel_to_sky, read_wcs, sky_to_pixel

if TYPE_CHECKING:
    from astropy.wcs import WCS

    from polarnight.web.viewer.opening import FrameRow
    from polarnight.web.viewer.planes import Image

__all__ = ["MOST_SOURCES", "apertures", "bit_legend", "catalogue_sources", "results_of"]

MOST_SOURCES: Final = 1000
"""Sources of the catalogue that are drawn at most, nearest to the centre first."""


def bit_legend() -> list[dict[str, Any]]:
    """Return name, value and texts of every bit, worst first."""
    from polarnight.frames import BIT_DEFINITIONS

    return [
        {"name": bit.name, "value": bit.value, "short": bit.short, "long": bit.long}
        for bit in reversed(BIT_DEFINITIONS)
    ]


def apertures(row: FrameRow) -> list[dict[str, Any]]:
    """Return the apertures that were measured in a frame, those of growth curves left out.

    Returns
    -------
    list of dict
        ``id``, ``source``, ``source_id``, ``pair`` (O or E), ``x``, ``y``, radii ``r``,
        ``r_in`` and ``r_out`` in pixels, ``flux`` and ``flux_err`` in ADU, ``flags``, ``bits``.
        Those without a place are left out.
    """
    if not isinstance(row, ReducedFit):
        return []
    found = AperPhotResult.objects.filter(
        reducedfit=row, is_default=True, x_px__isnull=False, y_px__isnull=False
    ).select_related("astrosource")
    return [
        {
            "id": entry.pk,
            "source": entry.astrosource.name,
            "source_id": entry.astrosource_id,
            "pair": entry.pairs,
            "x": _one_based(entry.x_px),
            "y": _one_based(entry.y_px),
            "r": entry.aperpix,
            "r_in": entry.r_in,
            "r_out": entry.r_out,
            "flux": entry.flux_counts,
            "flux_err": entry.flux_counts_err,
            "flags": entry.flag_labels,
            "bits": describe_bits(entry.bits),
        }
        for entry in found.order_by("astrosource__name", "pairs")
    ]


def results_of(row: FrameRow, most: int = 500) -> list[dict[str, Any]]:
    """Return the results that a reduced frame went into; q, u and p are fractions."""
    if not isinstance(row, ReducedFit):
        return []
    found = PhotoPolResult.objects.filter(reducedfits=row).select_related("astrosource")
    columns = ("mag", "mag_err", "p", "p_err", "chi", "chi_err", "band", "reduction", "error")
    return [
        {
            "id": result.pk,
            "source": result.astrosource.name,
            "source_id": result.astrosource_id,
            "juliandate": result.juliandate,
            "flags": result.flag_labels,
            **{column: getattr(result, column) for column in columns},
        }
        for result in found.order_by("astrosource__name", "reduction")[:most]
    ]


def catalogue_sources(
    image: Image, key: str | None = None, jd: float | None = None
) -> list[dict[str, Any]]:
    """Return the sources of the catalogue that lie in a frame.

    Parameters
    ----------
    image : Image
    key : str, optional
        Plate solution, ``""``, ``"A"`` or ``"B"``; of all images of a pair where not given.
    jd : float, optional
        Julian date to which proper motions are followed.

    Returns
    -------
    list of dict
        ``id``, ``name``, ``type``, ``calibrator``, ``ra``, ``dec``, ``x``, ``y``, ``key``;
        empty where there is no plate solution.
    """
    ny, nx = image.shape
    found = []
    for name in ("A", "B") if key is None else (key,):
        wcs = read_wcs(image.header, name)
        if wcs is None and key is None and name == "A":
            wcs, name = read_wcs(image.header, ""), ""
        if wcs is not None:
            found += _inside(wcs, name, (nx, ny), jd)
    return found


def _inside(wcs: WCS, key: str, size: tuple[int, int], jd: float | None) -> list[dict[str, Any]]:
    nx, ny = size
    centre = pixel_to_sky(wcs, (nx + 1) / 2, (ny + 1) / 2)
    if centre is None:
        return []
    corners = [pixel_to_sky(wcs, x, y) for x in (0.5, nx + 0.5) for y in (0.5, ny + 0.5)]
    reach = max((_apart(centre, corner) for corner in corners if corner), default=0.0)
    if not 0.0 < reach < 90.0:
        return []
    calibrators = set(
        AstroSource.calibrates.through.objects.values_list("from_astrosource_id", flat=True)
    )
    found = []
    for source in AstroSource.objects.in_cone(*centre, reach * 1.02)[:MOST_SOURCES]:
        ra, dec = source.place_at(jd)
        place = sky_to_pixel(wcs, ra, dec)
        if place and 0.5 <= place[0] <= nx + 0.5 and 0.5 <= place[1] <= ny + 0.5:
            found.append(
                {
                    "id": source.pk,
                    "name": source.name,
                    "type": source.srctype,
                    "calibrator": source.pk in calibrators,
                    "ra": ra,
                    "dec": dec,
                    "x": place[0],
                    "y": place[1],
                    "key": key,
                }
            )
    return found


def _one_based(value: float | None) -> float | None:
    # Columns of the database count from 0, as arrays do.
    return None if value is None else value + 1.0


def _apart(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the distance of two positions in degrees (haversine formula)."""
    a, b = math.radians(one[1]), math.radians(other[1])
    half = math.radians(one[0] - other[0]) / 2
    h = math.sin((a - b) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(half) ** 2
    return math.degrees(2 * math.asin(min(1.0, math.sqrt(h))))
