"""A small curve of numbers against nights, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

__all__ = ["sparkline"]

_WIDTH, _HEIGHT, _MARGIN = 220.0, 36.0, 4.0


def sparkline(points: Sequence[tuple[date, float | None]], unit: str = "″") -> SafeString:
    """Draw numbers against nights; empty where there are fewer than three.

    Parameters
    ----------
    points : sequence of (date, float or None)
    unit : str
        For the texts that appear under the pointer.
    """
    known = [(when, value) for when, value in points if value is not None]
    if len(known) < 3:
        return SafeString("")
    days = [when.toordinal() for when, _ in known]
    values = [value for _, value in known]
    first, days_span = min(days), max(1, max(days) - min(days))
    low, span = min(values), max(max(values) - min(values), 0.3)
    places = [
        (
            _MARGIN + (_WIDTH - 2 * _MARGIN) * (day - first) / days_span,
            _HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * (value - low) / span,
        )
        for day, value in zip(days, values, strict=True)
    ]
    dots = format_html_join(
        "",
        '<circle cx="{}" cy="{}" r="2"><title>{} {}{}</title></circle>',
        (
            (f"{x:.1f}", f"{y:.1f}", when.isoformat(), f"{value:.2f}", unit)
            for (x, y), (when, value) in zip(places, known, strict=True)
        ),
    )
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return format_html(
        '<svg class="sparkline" viewBox="0 0 {} {}" width="{}" height="{}" role="img" '
        'aria-label="seeing of {} nights, {} to {}{}"><polyline points="{}"/>{}</svg>',
        f"{_WIDTH:g}", f"{_HEIGHT:g}", f"{_WIDTH:g}", f"{_HEIGHT:g}",
        len(known), f"{min(values):.2f}", f"{max(values):.2f}", unit, line, dots,
    )  # fmt: skip
