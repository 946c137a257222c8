"""A small light curve as SVG, drawn here: a look, not a measurement."""

from __future__ import annotations

from django.db.models import Count
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from polarnight.db.models import AstroSource, PhotoPolResult
from polarnight.web.tables.filters import flagged

__all__ = ["sketch"]

_WIDTH, _HEIGHT, _EDGE = 640, 150, 8
_LEFT, _FOOT = 44, 18
_MOST = 400
_LEAST_DEPTH = 0.1  # mag
_BAD = PhotoPolResult.Flags.BAD_PHOTOMETRY | PhotoPolResult.Flags.SATURATED
_JD_OF_MJD = 2400000.5


def sketch(source: AstroSource) -> SafeString | None:
    """Return the magnitudes of a source against time in its commonest band; None without any."""
    # By the columns that one index holds, in which the flags in force are not.
    rows = PhotoPolResult.objects.filter(
        ~flagged(_BAD), astrosource=source, mag__isnull=False, juliandate__isnull=False
    ).order_by()
    bands = rows.values_list("band").annotate(n=Count("pk")).order_by("-n", "band")
    first = bands.first()
    if first is None:
        return None
    band = first[0]
    points = list(rows.filter(band=band).order_by("juliandate").values_list("juliandate", "mag"))
    step = -(-len(points) // _MOST)
    return _draw(source, band, points, points[::step])


def _draw(
    source: AstroSource,
    band: str,
    everything: list[tuple[float, float]],
    points: list[tuple[float, float]],
) -> SafeString:
    first, last = everything[0][0], everything[-1][0]
    mags = [mag for _, mag in everything]
    # At least a tenth of a magnitude: noise is not blown up to a variation.
    spare = max(0.0, _LEAST_DEPTH - (max(mags) - min(mags))) / 2.0
    low, high = min(mags) - spare, max(mags) + spare
    days, depth = (last - first) or 1.0, high - low
    digits = 1 if last - first > 1.0 else 4
    wide, tall = _WIDTH - _LEFT - 2 * _EDGE, _HEIGHT - _FOOT - 2 * _EDGE

    def place(jd: float, mag: float) -> tuple[str, str]:
        x = _LEFT + _EDGE + wide * ((jd - first) / days if last > first else 0.5)
        y = _EDGE + tall * ((mag - low) / depth)
        return f"{x:.1f}", f"{y:.1f}"

    dots = format_html_join("", '<circle cx="{}" cy="{}" r="2.6"/>', (place(*p) for p in points))
    ticks = format_html(
        '<text x="{}" y="{}">{}</text><text x="{}" y="{}">{}</text>'
        '<text x="{}" y="{}">MJD {}</text><text x="{}" y="{}" text-anchor="end">{}</text>',
        2, _EDGE + 8, f"{low:.2f}", 2, _EDGE + tall, f"{high:.2f}",
        _LEFT, _HEIGHT - 4, f"{first - _JD_OF_MJD:.{digits}f}",
        _WIDTH - _EDGE, _HEIGHT - 4, f"{last - _JD_OF_MJD:.{digits}f}",
    )  # fmt: skip
    return format_html(
        '<svg class="sketch" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<rect x="{}" y="1" width="{}" height="{}" rx="3"/>{}{}</svg>',
        _WIDTH, _HEIGHT, f"{band} magnitudes of {source.name}, {len(everything)} points",
        _LEFT, _WIDTH - _LEFT - 1, _HEIGHT - _FOOT - 1, dots, ticks,
    )  # fmt: skip
