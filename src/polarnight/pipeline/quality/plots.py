"""Pictures of quality against time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from polarnight.errors import NoWork
from polarnight.frames.atomic import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from polarnight.db import FrameQuality, NightQuality

__all__ = ["plot_quality"]

_COLOURS = {
    "U": "#6a3d9a", "B": "#1f78b4", "V": "#33a02c", "R": "#d62728", "I": "#8c3b1a",
    "g": "#2ca089", "r": "#e3541e", "i": "#a0522d", "z": "#5c4033", "": "#555555",
}  # fmt: skip
_MARKS = {"PHOTOMETRY": "o", "POLARIMETRY": "D", "": "s"}
_JD_UNIX = 2440587.5
_ONE_NIGHT_HOURS = 20.0
_PAUSE_DAYS = 60.0


class _Panel(NamedTuple):
    """What one panel shows; no less than `span` of it, so that noise does not look like news."""

    label: str
    unit: str
    name: str
    span: float
    factor: float = 1.0
    inverted: bool = False


_FRAME_PANELS = (
    _Panel("seeing", "arcsec", "seeing", 0.5),
    _Panel("sky", "mag arcsec$^{-2}$", "sky_mag", 0.5, inverted=True),
    _Panel("zero point", "mag", "zero_point", 0.3),
    _Panel("transparency", "% of best", "transparency", 10.0, 100.0),
)
_NIGHT_PANELS = (
    _Panel("extinction", "mag airmass$^{-1}$", "extinction", 0.1),
    _Panel("throughput", "% of usual", "throughput", 10.0, 100.0),
    _Panel("bias level", "ADU", "bias_level", 4.0),
    _Panel("read noise", "e$^-$", "read_noise", 1.0),
    _Panel("dark", "ADU s$^{-1}$", "dark_rate", 1e-4),
    _Panel("flat ratio", "rms, %", "flat_rms", 0.1, 100.0),
)


def plot_quality(
    frames: Sequence[FrameQuality], nights: Sequence[NightQuality], path: Path, *, dpi: int = 100
) -> int:
    """Draw the figures of frames and of detectors against time.

    Parameters
    ----------
    frames : sequence of FrameQuality
        Small points; the median of each night is a large one where there are several nights.
    nights : sequence of NightQuality
    path : Path
        The picture.
    dpi : int

    Returns
    -------
    int
        Number of panels.

    Raises
    ------
    NoWork
        Where there is nothing to draw.
    """
    from matplotlib.figure import Figure

    panels = [p for p in _FRAME_PANELS if any(getattr(row, p.name) is not None for row in frames)]
    several = len({row.epoch_id for row in nights}) > 1
    below = [
        p
        for p in _NIGHT_PANELS
        if several and sum(getattr(row, p.name) is not None for row in nights) > 1
    ]
    if not panels and not below:
        msg = "there are no figures of quality to draw"
        raise NoWork(msg)
    number = len(panels) + len(below)
    figure = Figure(figsize=(10.0, 0.9 + 1.6 * number), layout="constrained")
    axes: list[Axes] = list(figure.subplots(number, 1, sharex=True, squeeze=False)[:, 0])
    for ax, panel in zip(axes, panels, strict=False):
        _draw_frames(ax, frames, nights if several else (), panel)
        _dress(ax, panel)
    for ax, panel in zip(axes[len(panels) :], below, strict=True):
        _draw_nights(ax, nights, panel)
        _dress(ax, panel)
    figure.align_ylabels(axes)
    _time_axis(axes[-1], frames, several)
    _legend(figure, frames, nights)
    figure.suptitle(_title(frames, nights), fontsize=12)
    with atomic_write(path.resolve()) as part:
        figure.savefig(part, dpi=dpi, format=path.suffix.lstrip(".") or "png")
    return number


def _draw_frames(
    ax: Axes, frames: Sequence[FrameQuality], nights: Sequence[NightQuality], panel: _Panel
) -> None:
    for band, mode in _kinds(frames):
        own = [row for row in frames if (row.band, row.obsmode) == (band, mode)]
        points = [
            (_time(row), panel.factor * getattr(row, panel.name))
            for row in own
            if getattr(row, panel.name) is not None
        ]
        colour, mark = _COLOURS.get(band, "#555555"), _MARKS.get(mode, "o")
        size, alpha = (3.0, 0.35) if nights else (4.5, 0.9)
        if points:
            ax.plot(*zip(*points, strict=True), mark, color=colour, ms=size, alpha=alpha, mew=0)
        for instrument in sorted({row.instrument for row in own}) if nights else ():
            medians = _medians([row for row in own if row.instrument == instrument], panel)
            _draw_run(ax, medians, mark, 6.0, _style(band, mode))


def _draw_run(
    ax: Axes, points: list[tuple[datetime, float]], mark: str, size: float, style: dict[str, Any]
) -> None:
    """Draw points joined by a line, broken where nothing was observed for long."""
    joined: list[tuple[datetime, float]] = []
    for point in sorted(points):
        if joined and point[0] - joined[-1][0] > timedelta(days=_PAUSE_DAYS):
            joined.append((joined[-1][0], math.nan))
        joined.append(point)
    if joined:
        ax.plot(*zip(*joined, strict=True), mark, ls="-", lw=0.8, ms=size, **style)


def _medians(rows: Sequence[FrameQuality], panel: _Panel) -> list[tuple[datetime, float]]:
    """Return the median of each night, at the middle of its frames."""
    from statistics import mean, median

    by_night: dict[int, list[FrameQuality]] = {}
    for row in rows:
        if getattr(row, panel.name) is not None and row.juliandate is not None:
            by_night.setdefault(row.epoch_id, []).append(row)
    found = [
        (
            _date(mean(float(row.juliandate or 0.0) for row in night)),
            panel.factor * float(median(getattr(row, panel.name) for row in night)),
        )
        for night in by_night.values()
    ]
    return sorted(found)


def _draw_nights(ax: Axes, nights: Sequence[NightQuality], panel: _Panel) -> None:
    name, factor = panel.name, panel.factor
    for instrument, band, mode in dict.fromkeys(
        (row.instrument, row.band, row.obsmode) for row in nights
    ):
        points = [
            (_midnight(row), factor * getattr(row, name))
            for row in nights
            if (row.instrument, row.band, row.obsmode) == (instrument, band, mode)
            and getattr(row, name) is not None
        ]
        _draw_run(ax, points, _MARKS.get(mode, "s"), 5.5, _style(band, mode))


def _kinds(frames: Sequence[FrameQuality]) -> list[tuple[str, str]]:
    order = "UBVRIgriz"
    kinds = {(row.band, row.obsmode) for row in frames}
    return sorted(kinds, key=lambda kind: (order.find(kind[0]), kind))


def _time(row: FrameQuality) -> datetime:
    return _date(float(row.juliandate or 0.0))


def _date(jd: float) -> datetime:
    return datetime.fromtimestamp((jd - _JD_UNIX) * 86400.0, UTC)


def _midnight(row: NightQuality) -> datetime:
    night = row.epoch.night
    return datetime(night.year, night.month, night.day, tzinfo=UTC) + timedelta(days=1)


def _style(band: str, mode: str) -> dict[str, Any]:
    """Return colours: that of the band, and hollow in polarimetry."""
    colour = _COLOURS.get(band, "#555555")
    hollow = mode == "POLARIMETRY"
    return {"color": colour, "mfc": "white" if hollow else colour, "mec": colour, "mew": 1.2}


def _dress(ax: Axes, panel: _Panel) -> None:
    ax.set_ylabel(f"{panel.label}\n{panel.unit}", fontsize=9)
    ax.tick_params(labelsize=8, direction="in", top=True, right=True)
    ax.grid(visible=True, color="#dddddd", lw=0.5)
    ax.set_axisbelow(True)
    ax.margins(y=0.15)
    ax.ticklabel_format(axis="y", useOffset=False)
    low, high = ax.get_ylim()
    lowest = float(ax.dataLim.y0)
    if high - low < panel.span:
        middle = (low + high) / 2.0
        ax.set_ylim(middle - panel.span / 2.0, middle + panel.span / 2.0)
    if lowest >= 0.0 > ax.get_ylim()[0]:  # what cannot be negative is not drawn below zero
        ax.set_ylim(0.0, max(high, panel.span))
    if panel.inverted:
        ax.invert_yaxis()


def _time_axis(ax: Axes, frames: Sequence[FrameQuality], several: bool) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, DateFormatter

    locator = AutoDateLocator(minticks=4, maxticks=9)
    ax.xaxis.set_major_locator(locator)
    times = sorted(_time(row) for row in frames if row.juliandate is not None)
    short = times and times[-1] - times[0] < timedelta(hours=_ONE_NIGHT_HOURS)
    if short and not several:
        ax.xaxis.set_major_formatter(DateFormatter("%H:%M"))
        ax.set_xlabel("UTC", fontsize=9)
    else:
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def _legend(figure: Any, frames: Sequence[FrameQuality], nights: Sequence[NightQuality]) -> None:
    from matplotlib.lines import Line2D

    modes = {"PHOTOMETRY": "photometry", "POLARIMETRY": "polarimetry", "": ""}
    handles = [
        Line2D([], [], ls="", marker=_MARKS.get(mode, "o"), ms=5, **_style(band, mode),
               label=f"{band} {modes.get(mode, mode.lower())}".strip())
        for band, mode in _kinds(frames)
    ]  # fmt: skip
    if len({row.epoch_id for row in nights}) > 1:
        handles.append(
            Line2D([], [], ls="", marker="s", color=_COLOURS[""], label="detector", ms=5)
        )
    figure.legend(
        handles=handles, loc="outside lower center", ncols=min(len(handles), 6), fontsize=8,
        frameon=False,
    )  # fmt: skip


def _title(frames: Sequence[FrameQuality], nights: Sequence[NightQuality]) -> str:
    rows: list[Any] = [*frames, *nights]
    instruments = ", ".join(sorted({row.instrument for row in rows}))
    dates = sorted({row.epoch.night for row in rows})
    if len(dates) == 1:
        return f"{instruments}, night of {dates[0]:%Y-%m-%d}"
    return f"{instruments}, {dates[0]:%Y-%m-%d} to {dates[-1]:%Y-%m-%d}"
