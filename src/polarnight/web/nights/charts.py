"""Charts of quality against time, as SVG: a series for each camera and band."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

__all__ = ["FIGURES", "Chart", "Figure", "charts_of", "series_names"]

_W, _H = 640.0, 190.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 58.0, 10.0, 10.0, 24.0
_COLOURS: Final = 12
_PAUSE_DAYS: Final = 60


@dataclass(frozen=True)
class Figure:
    """A figure of quality.

    Attributes
    ----------
    name : str
        Column of NightQuality.
    title, unit : str
    span : float
        The least that a chart shows, so that noise does not look like news.
    factor : float
        From the column to the unit.
    down : bool
        Whether larger is below, as magnitudes are drawn.
    """

    name: str
    title: str
    unit: str
    span: float
    factor: float = 1.0
    down: bool = False


FIGURES: Final = (
    Figure("seeing", "Seeing, median", "arcsec", 0.5),
    Figure("zero_point", "Zero point of the best frame at airmass 1", "mag", 0.3),
    Figure("extinction", "Extinction", "mag per airmass", 0.1),
    Figure("throughput", "Throughput of the best frame", "% of usual", 10.0, 100.0),
    Figure("sky_mag", "Sky background", "mag arcsec⁻²", 0.5, down=True),
    Figure("bias_level", "Bias level", "ADU", 4.0),
    Figure("read_noise", "Read noise", "e⁻", 1.0),
    Figure("dark_rate", "Dark", "ADU s⁻¹", 1e-4),
    Figure("flat_rms", "Flat over the one before, scatter", "%", 0.1, 100.0),
)


@dataclass
class Chart:
    """A figure against time.

    Attributes
    ----------
    figure : Figure
    series : dict
        Points (night, value, telescope) by name of the series, in order of time.
    """

    figure: Figure
    series: dict[str, list[tuple[date, float, str]]] = field(default_factory=dict)
    colours: dict[str, int] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Number of points."""
        return sum(map(len, self.series.values()))

    def svg(self) -> SafeString:
        """Draw it; names of cameras are escaped."""
        days = [when.toordinal() for run in self.series.values() for when, _, _ in run]
        values = [value for run in self.series.values() for _, value, _ in run]
        x = _Axis(*_wide(min(days), max(days), 2.0), _LEFT, _W - _RIGHT)
        low, high = _wide(min(values), max(values), self.figure.span)
        ends = (_TOP, _H - _BOTTOM) if self.figure.down else (_H - _BOTTOM, _TOP)
        y = _Axis(low, high, *ends)
        groups = format_html_join(
            "", "{}", ((self._run(name, run, x, y),) for name, run in self.series.items())
        )
        label = f"{self.figure.title}, {self.n} points, {min(values):.4g} to {max(values):.4g}"
        return format_html(
            '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{} {}">{}{}{}</svg>',
            f"{_W:g}", f"{_H:g}", label, self.figure.unit, _levels(y), _dates(x), groups,
        )  # fmt: skip

    def _run(
        self, name: str, run: Sequence[tuple[date, float, str]], x: _Axis, y: _Axis
    ) -> SafeString:
        places = [(x(when.toordinal()), y(value)) for when, value, _ in run]
        dots = format_html_join(
            "",
            '<circle cx="{}" cy="{}" r="3"><title>{} {}: {} {}</title></circle>',
            (
                (f"{px:.1f}", f"{py:.1f}", when.isoformat(), name, f"{value:.4g}", self.figure.unit)
                for (px, py), (when, value, _) in zip(places, run, strict=True)
            ),
        )
        return format_html(
            '<g class="series s{}"><path class="run" d="{}"/>{}</g>',
            self.colours.get(name, 0), _path(run, places), dots,
        )  # fmt: skip


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (self.end - self.start) * (value - self.low) / (self.high - self.low)


def _wide(low: float, high: float, span: float) -> tuple[float, float]:
    """Return limits with a margin, no less than `span` apart."""
    width = max(high - low, span)
    middle = (low + high) / 2.0
    return middle - 0.56 * width, middle + 0.56 * width


def _path(run: Sequence[tuple[date, float, str]], places: Sequence[tuple[float, float]]) -> str:
    """Join points, but not over long pauses."""
    words, before = [], None
    for (when, _, _), (px, py) in zip(run, places, strict=True):
        joined = before is not None and (when - before).days <= _PAUSE_DAYS
        words.append(f"{'L' if joined else 'M'}{px:.1f} {py:.1f}")
        before = when
    return "".join(words)


def _levels(y: _Axis) -> SafeString:
    step = _nice((y.high - y.low) / 4.0)
    digits = max(0, -math.floor(math.log10(step)))
    first = math.ceil(y.low / step)
    ticks = [step * (first + n) for n in range(int((y.high - first * step) / step) + 1)]
    return format_html_join(
        "",
        '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>'
        '<text x="{}" y="{}" text-anchor="end">{}</text>',
        (
            (f"{_LEFT:g}", f"{_W - _RIGHT:g}", f"{y(tick):.1f}", f"{y(tick):.1f}",
             f"{_LEFT - 6:g}", f"{y(tick) + 4:.1f}", f"{tick:.{digits}f}")
            for tick in ticks
        ),
    )  # fmt: skip


def _dates(x: _Axis) -> SafeString:
    step = max(1, round((x.high - x.low) / 5.0))
    ticks = range(math.ceil(x.low), math.floor(x.high) + 1, step)
    return format_html_join(
        "",
        '<text{} x="{}" y="{}" text-anchor="middle">{}</text>',
        (
            # Small screens have room for every second one.
            (mark_safe(' class="second"') if number % 2 else "",
             f"{min(max(x(tick), _LEFT + 20), _W - 36):.1f}", f"{_H - 7:g}",
             date.fromordinal(tick).isoformat())
            for number, tick in enumerate(ticks)
        ),
    )  # fmt: skip


def _nice(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return next(n * power for n in (1.0, 2.0, 5.0, 10.0) if n * power >= value * 0.999)


def series_names(rows: Iterable[Any]) -> dict[str, int]:
    """Return the number of the colour of each series, cameras and bands in order."""
    names = sorted({_name(row) for row in rows})
    return {name: number % _COLOURS for number, name in enumerate(names)}


def _name(row: Any) -> str:
    mode = {"POLARIMETRY": "pol"}.get(row.obsmode, "")
    return " ".join(filter(None, (row.instrument, row.band, mode)))


def charts_of(rows: Sequence[Any]) -> list[Chart]:
    """Return a chart for each figure that is known.

    Parameters
    ----------
    rows : sequence of NightQuality
        In order of time.
    """
    colours = series_names(rows)
    found = []
    for figure in FIGURES:
        series: dict[str, list[tuple[date, float, str]]] = defaultdict(list)
        for row in rows:
            value = getattr(row, figure.name)
            if value is not None:
                point = (row.epoch.night, figure.factor * value, row.epoch.telescope)
                series[_name(row)].append(point)
        if series:
            found.append(Chart(figure, dict(series), colours))
    return found
