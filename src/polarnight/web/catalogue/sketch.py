"""A small light curve as SVG, drawn here: a look, not a measurement."""

from __future__ import annotations

import numpy as np
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from polarnight.db.models import AstroSource, PhotoPolResult
from polarnight.web.plots.query import Selection, fetch

__all__ = ["sketch"]

_WIDTH, _HEIGHT, _EDGE = 640, 150, 8
_LEFT, _FOOT = 44, 18
_MOST = 400
_LEAST_DEPTH = 0.1  # mag
_BAD = PhotoPolResult.Flags.BAD_PHOTOMETRY | PhotoPolResult.Flags.SATURATED


def sketch(source: AstroSource) -> SafeString | None:
    """Return the magnitudes of a source against time in its commonest band; None without any."""
    curve = fetch(Selection(source))
    points = curve.points
    good = np.isfinite(points["mag"]) & (points["flags"] & _BAD == 0)
    if not good.any():
        return None
    bands = np.array([band for _, band in curve.series])[curve.code]
    names, counts = np.unique(bands[good], return_counts=True)
    band = str(names[np.argmax(counts)])
    chosen = points[good & (bands == band)]
    pairs = list(zip(chosen["mjd"].tolist(), chosen["mag"].tolist(), strict=True))
    step = -(-len(pairs) // _MOST)
    return _draw(source, band, pairs, pairs[::step])


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

    def place(mjd: float, mag: float) -> tuple[str, str]:
        x = _LEFT + _EDGE + wide * ((mjd - first) / days if last > first else 0.5)
        y = _EDGE + tall * ((mag - low) / depth)
        return f"{x:.1f}", f"{y:.1f}"

    dots = format_html_join("", '<circle cx="{}" cy="{}" r="2.6"/>', (place(*p) for p in points))
    ticks = format_html(
        '<text x="{}" y="{}">{}</text><text x="{}" y="{}">{}</text>'
        '<text x="{}" y="{}">MJD {}</text><text x="{}" y="{}" text-anchor="end">{}</text>',
        2, _EDGE + 8, f"{low:.2f}", 2, _EDGE + tall, f"{high:.2f}",
        _LEFT, _HEIGHT - 4, f"{first:.{digits}f}",
        _WIDTH - _EDGE, _HEIGHT - 4, f"{last:.{digits}f}",
    )  # fmt: skip
    return format_html(
        '<svg class="sketch" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<rect x="{}" y="1" width="{}" height="{}" rx="3"/>{}{}</svg>',
        _WIDTH, _HEIGHT, f"{band} magnitudes of {source.name}, {len(everything)} points",
        _LEFT, _WIDTH - _LEFT - 1, _HEIGHT - _FOOT - 1, dots, ticks,
    )  # fmt: skip
