"""Filters of our templates: ``{% load polarnight %}``."""

from __future__ import annotations

import math
import re

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

__all__ = ["codes", "percent", "pm"]

register = template.Library()
_MOST_DECIMALS = 4
_CODE = re.compile(r"`([^`]+)`")


@register.filter
def pm(value: float | None, error: float | None) -> str:
    """Write a number with its error, to the digits that the error allows: ``14.372 ± 0.012``.

    No more than four decimals: what follows is below any error that is not formal.
    """
    if value is None or not math.isfinite(value):
        return "–"
    if error is None or not math.isfinite(error) or error <= 0:
        return f"{value:.3f}"
    digits = min(_MOST_DECIMALS, max(0, 1 - math.floor(math.log10(error))))
    return f"{value:.{digits}f}\u00a0±\u00a0{error:.{digits}f}"


@register.filter
def percent(value: float | None, digits: int = 0) -> str:
    """Write a fraction in percent."""
    return "–" if value is None else f"{100.0 * value:.{digits}f}\u00a0%"


@register.filter
def codes(text: str) -> SafeString:
    """Set what stands between backticks as code; everything is escaped first."""
    return mark_safe(_CODE.sub(r"<code>\1</code>", escape(text)))  # noqa: S308
