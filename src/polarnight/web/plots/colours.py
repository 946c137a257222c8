"""Colours of series and of the page, after Okabe and Ito, darker or lighter by theme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["THEMES", "Theme", "ThemeName", "colour_of", "contrast"]

ThemeName = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of a plot.

    Attributes
    ----------
    background, text, grid : str
    series : tuple of str
        The colour-blind tell the first eight apart; each is at least 3:1 against the ground.
    """

    background: str
    text: str
    grid: str
    series: tuple[str, ...]


THEMES: dict[ThemeName, Theme] = {
    "light": Theme(
        "#ffffff", "#22262b", "#d9dde2",
        ("#0072b2", "#c85200", "#007f5f", "#a8478a", "#1f1f1f", "#8a6d00", "#5b3fb5", "#2f8fc4",
         "#b0123f", "#567d00"),
    ),
    "dark": Theme(
        "#14181d", "#e4e8ed", "#343b44",
        ("#56b4e9", "#ff9248", "#2fcf9f", "#e88fc4", "#f0f0f0", "#f0e442", "#b7a4ff", "#4a90d0",
         "#ff8fa3", "#a9cf54"),
    ),
}  # fmt: skip


def colour_of(number: int, theme: ThemeName) -> str:
    """Return the colour of a series by its number; they begin anew after the last."""
    series = THEMES[theme].series
    return series[number % len(series)]


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours ``#rrggbb``, 1 to 21 (WCAG 2.2)."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
