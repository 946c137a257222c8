"""The Bokeh document of a light curve, without points and without scripts.

The page fills the columns (see `polarnight.web.plots.payload`) and does all that reacts, for
a content security policy without ``eval`` forbids the scripts that Bokeh could carry. One set
of columns holds all series, so that the document is small and the same for every source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from bokeh.embed import json_item
from bokeh.layouts import column, gridplot
from bokeh.models import (
    BooleanFilter,
    CDSView,
    ColumnDataSource,
    DatetimeAxis,
    HoverTool,
    Range1d,
    RangeTool,
    Span,
)
from bokeh.plotting import figure

from polarnight.web.plots.colours import THEMES, Theme, ThemeName

__all__ = ["COLUMNS", "FOREIGN", "document"]

_TOOLS = "pan,wheel_zoom,box_zoom,box_select,lasso_select,tap,reset,save"
_HEIGHTS = {"mag": 240, "p": 190, "chi": 190, "overview": 90, "qu": 380}

COLUMNS = (
    *("pk", "flags", "mjd", "ms", "series", "colour", "mark_phot", "mark_pol", "flag_names"),
    *("mag", "mag_err", "mag_y", "mag_low", "mag_high", "mag_arrow"),
    *("p", "p_y", "p_low", "p_high", "p_arrow", "chi", "chi_err", "chi_low", "chi_high"),
    *("mag_told", "p_told", "chi_told", "q_told", "u_told"),
    *("q", "q_err", "q_low", "q_high", "u", "u_err", "u_low", "u_high"),
)
"""Columns of the points; the page makes those that follow from others."""

FOREIGN = (
    *("name", "mjd", "ms", "mag", "mag_low", "mag_high", "p", "p_low", "p_high"),
    *("chi", "chi_low", "chi_high"),
)
"""Columns of the points of others; they cannot be chosen, for they are not ours to judge."""


@dataclass(frozen=True, slots=True)
class _Panel:
    name: str
    label: str
    y: str
    mark: str
    arrow: str = ""


_PANELS = (
    _Panel("mag", "mag", "mag_y", "mark_phot", "mag_arrow"),
    _Panel("p", "p (%)", "p_y", "mark_pol", "p_arrow"),
    _Panel("chi", "χ (°)", "chi", "mark_pol"),
)


@dataclass(frozen=True, slots=True)
class _Points:
    data: ColumnDataSource
    view: CDSView
    foreign: ColumnDataSource


@cache
def document(theme: ThemeName = "light") -> dict[str, Any]:
    """Return the plot as ``Bokeh.embed.embed_item`` takes it.

    Panels of magnitude (downwards), p and chi share their time; the plane of q and u shares
    their points, so that selections are linked. What the page needs has a name: the sources
    ``points``, ``foreign``, ``overview``, ``literature:<panel>`` and ``room:<panel>``, the filter
    ``shown`` of points, the ranges ``time``, ``date`` and ``whole``, figures ``panel:<name>``,
    renderers ``bars:<n>``.

    Parameters
    ----------
    theme : ``"light"`` or ``"dark"``
    """
    look = THEMES[theme]
    points = _Points(
        ColumnDataSource({name: [] for name in COLUMNS}, name="points"),
        CDSView(filter=BooleanFilter(booleans=None, name="shown")),
        ColumnDataSource({name: [] for name in FOREIGN}, name="foreign"),
    )
    time = Range1d(0, 1, name="time")
    panels = [_time_panel(panel, points, time, look) for panel in _PANELS]
    _date_axis(panels[0], look)
    panels[0].y_range.flipped = True
    panels[-1].xaxis[0].axis_label = "MJD (UTC)"
    for panel in panels[:-1]:
        panel.below[0].major_label_text_font_size = "0pt"
    grid = gridplot(
        [[panel] for panel in panels], toolbar_location="above", sizing_mode="stretch_width"
    )
    root = column([grid, _overview(time, look), _plane(points, look)], sizing_mode="stretch_width")
    return dict(json_item(root))


def _figure(look: Theme, height: int, **options: Any) -> Any:
    """Return an empty figure in the colours of the theme."""
    made = figure(
        height=height, sizing_mode="stretch_width", background_fill_color=look.background,
        border_fill_color=look.background, outline_line_color=look.grid, **options,
    )  # fmt: skip
    for axis in made.axis:
        _paint(axis, look)
    made.grid.grid_line_color = look.grid
    made.toolbar.logo = None
    return made


def _paint(axis: Any, look: Theme) -> None:
    axis.axis_label_text_color = axis.major_label_text_color = look.text
    axis.axis_line_color = axis.major_tick_line_color = look.text
    axis.minor_tick_line_color = None


def _scatter(made: Any, points: _Points, look: Theme, x: str, y: str, mark: str) -> Any:
    dots = made.scatter(
        x, y, marker=mark, size=6, color="colour", fill_alpha=0.55, source=points.data,
        view=points.view, nonselection_fill_alpha=0.0, nonselection_line_alpha=1.0,
        selection_fill_alpha=1.0, selection_line_color=look.text, selection_line_width=2.0,
    )  # fmt: skip
    # Where some are chosen the others are hollow, not faint: each must still be read.
    dots.selection_glyph.size = 10
    return dots


def _bars(made: Any, points: _Points, number: int, *ends: str) -> Any:
    return made.segment(
        *ends, color="colour", alpha=0.85, source=points.data, view=points.view,
        name=f"bars:{number}", nonselection_alpha=0.45,
    )  # fmt: skip


def _follow(extent: Any, *drawn: Any) -> None:
    """Let an axis reach over points and, while they are shown, their errors."""
    extent.renderers = list(drawn)
    extent.only_visible = True


def _time_panel(panel: _Panel, points: _Points, time: Range1d, look: Theme) -> Any:
    made = _figure(
        look, _HEIGHTS[panel.name], x_range=time, y_axis_label=panel.label, tools=_TOOLS,
        active_drag="box_zoom", name=f"panel:{panel.name}", min_border_left=80,
    )  # fmt: skip
    number = _PANELS.index(panel)
    ends = ("mjd", f"{panel.name}_low", "mjd", f"{panel.name}_high")
    bars = _bars(made, points, number, *ends)
    dots = _scatter(made, points, look, "mjd", panel.y, panel.mark)
    if panel.arrow:
        made.text(
            "mjd", panel.arrow, text={"value": "↓"}, text_color="colour", source=points.data,
            view=points.view, text_align="center", text_baseline="top", text_font_size="13px",
        )  # fmt: skip
    lines = ColumnDataSource({"value": [], "colour": []}, name=f"literature:{panel.name}")
    made.hspan(y="value", line_color="colour", line_dash="dashed", line_alpha=0.8, source=lines)
    theirs = _foreign(made, panel.name, points.foreign, look)
    _react(made, [dots])
    _follow(made.y_range, dots, bars, theirs, _room(made, panel.name))
    return made


def _room(made: Any, name: str) -> Any:
    """Let the page widen a panel: for arrows, and where no point has a value.

    A panel without any value would have no axis, and the lowest none for time.
    """
    data = ColumnDataSource({"x": [], "y": []}, name=f"room:{name}")
    return made.scatter("x", "y", alpha=0.0, source=data)


def _foreign(made: Any, name: str, data: ColumnDataSource, look: Theme) -> Any:
    """Draw the points of others, hollow."""
    made.segment(
        "mjd", f"{name}_low", "mjd", f"{name}_high", color=look.text, alpha=0.5, source=data
    )
    dots = made.scatter(
        "mjd", name, marker="diamond", size=8, line_color=look.text, fill_color=None, source=data
    )
    said = [("", "@name"), ("UTC", "@ms{%F %H:%M:%S}"), (name, f"@{name}{{0.000}}")]
    made.add_tools(HoverTool(renderers=[dots], tooltips=said, formatters={"@ms": "datetime"}))
    return dots


def _react(made: Any, scatters: Sequence[Any]) -> None:
    """Let points alone be hovered over and chosen."""
    made.add_tools(
        HoverTool(
            renderers=list(scatters),
            tooltips=[
                ("", "@series, id @pk{0}"),
                ("UTC", "@ms{%F %H:%M:%S}"),
                ("MJD", "@mjd{0.00000}"),
                *(("mag", "@mag_told"), ("p", "@p_told"), ("χ", "@chi_told")),
                ("q, u", "@q_told, @u_told"),
                ("flags", "@flag_names"),
            ],
            formatters={"@ms": "datetime"},
        )
    )
    for tool in made.tools:
        if type(tool).__name__ in ("BoxSelectTool", "LassoSelectTool", "TapTool"):
            tool.renderers = list(scatters)


def _date_axis(made: Any, look: Theme) -> None:
    made.extra_x_ranges = {"date": Range1d(0, 1, name="date")}
    axis = DatetimeAxis(x_range_name="date")
    _paint(axis, look)
    made.add_layout(axis, "above")


def _overview(time: Range1d, look: Theme) -> Any:
    """Return the small picture of all time, with the window that the panels show."""
    made = _figure(
        look, _HEIGHTS["overview"], x_range=Range1d(0, 1, name="whole"), tools="",
        toolbar_location=None, min_border_left=80, name="panel:overview",
    )  # fmt: skip
    made.yaxis.visible = False
    made.y_range.flipped = True
    data = ColumnDataSource({"mjd": [], "y": [], "colour": []}, name="overview")
    made.scatter("mjd", "y", size=2, color="colour", source=data)
    tool = RangeTool(x_range=time)
    tool.overlay.fill_color = look.text
    tool.overlay.fill_alpha = 0.12
    made.add_tools(tool)
    return made


def _plane(points: _Points, look: Theme) -> Any:
    made = _figure(
        look, _HEIGHTS["qu"], tools=_TOOLS, toolbar_location="above", active_drag="box_zoom",
        x_axis_label="q (%)", y_axis_label="u (%)", match_aspect=True, name="panel:qu",
        min_border_left=80,
    )  # fmt: skip
    across = _bars(made, points, 3, "q_low", "u", "q_high", "u")
    upwards = _bars(made, points, 4, "q", "u_low", "q", "u_high")
    dots = _scatter(made, points, look, "q", "u", "mark_pol")
    for dimension in ("width", "height"):
        made.add_layout(Span(location=0, dimension=dimension, line_color=look.grid))
    _react(made, [dots])
    _follow(made.x_range, dots, across)
    _follow(made.y_range, dots, upwards)
    return made
