"""Finding charts of sources: north up, east left, six arcminutes around."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from polarnight.db.models.frames import ReducedFit
from polarnight.db.models.sources import AstroSource
from polarnight.errors import BadFrame
from polarnight.web.viewer.kept import TAG, keep, kept
from polarnight.web.viewer.opening import locate
from polarnight.web.viewer.planes import load
from polarnight.web.viewer.problems import ViewerError
from polarnight.web.viewer.sky import read_wcs
from polarnight.web.viewer.tiles import etag

if TYPE_CHECKING:
    from astropy.wcs import WCS

__all__ = ["RADIUS", "finding_chart", "newest_frame"]

RADIUS: Final = 6.0
"""Of the field, arcmin."""

_PIXELS: Final = 560
_TRIED: Final = 10
_NEAR_POLE: Final = 5.0  # degrees of right ascension across, at most
_MOST_TICKS: Final = 5
_VERSION: Final = 4


def newest_frame(source: AstroSource) -> ReducedFit | None:
    """Return the newest solved frame of a source whose file can be read; photometry first."""
    frames = ReducedFit.objects.filter(sources_in_field=source, solved=True).select_related("epoch")
    ordered = list(frames.order_by("-juliandate")[: 5 * _TRIED])
    # A polarimeter shows every star twice, or a narrow window.
    ordered.sort(key=lambda frame: frame.obsmode != "PHOTOMETRY")
    for frame in ordered[:_TRIED]:
        try:
            image = load(locate(frame))
        except (ViewerError, BadFrame):
            continue
        if read_wcs(image.header, "") is not None:
            return frame
    return None


def finding_chart(source: AstroSource) -> tuple[bytes, str]:
    """Return the finding chart of a source as PNG, and its ETag.

    It is kept as ``astrosource/<name>/finding_chart.png`` and drawn again when there is a
    newer frame or the source or its calibrators changed. Without a frame the field is empty.
    """
    frame = newest_frame(source)
    marked = list(source.calibrators.order_by("name"))
    version = locate(frame).version if frame is not None else "none"
    places = [(one.name, one.ra, one.dec, one.pm_ra, one.pm_dec) for one in (source, *marked)]
    tag = etag(version, "chart", _VERSION, frame.pk if frame else 0, places)
    path = Path(source.astrosourcedir) / "finding_chart.png"
    known = kept(path, tag)
    if known is not None:
        return known, tag
    content = _draw(source, marked, frame, tag)
    keep(path, content)
    return content, tag


def _draw(
    source: AstroSource, marked: list[AstroSource], frame: ReducedFit | None, tag: str
) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 6.6), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_aspect("equal")
    # East is left: right ascension grows to the left of a chart.
    axes.set(xlim=(RADIUS, -RADIUS), ylim=(-RADIUS, RADIUS))
    axes.set_xlabel("east of the source / arcmin")
    axes.set_ylabel("north / arcmin")
    _sexagesimal(axes, source)
    title = source.name
    if frame is not None:
        _show(axes, source, frame)
        title += f"\n{frame.epoch.epochname}  {frame.instrument} {frame.band}"
    else:
        axes.text(0.0, -0.8 * RADIUS, "no solved frame yet", ha="center", color="grey")
    axes.set_title(
        f"{title}\n{source.ra_hms}  {source.dec_dms} (ICRS)", fontsize=10, parse_math=False
    )
    # Where they were when the frame was taken; the middle is the place of J2000.
    when = None if frame is None else frame.juliandate
    for one in marked:
        place = _offset(source, *one.place_at(when))
        if place is not None and max(map(abs, place)) < RADIUS:
            axes.plot(*place, marker="s", mfc="none", mec="tab:blue", ms=13, mew=1.3)
            # Calibrators are mostly called after their source.
            name = one.name.removeprefix(source.name).strip() or one.name
            axes.annotate(
                name, place, xytext=(9, 7), textcoords="offset points", fontsize=9,
                color="tab:blue", annotation_clip=True, path_effects=_halo(), parse_math=False,
            )  # fmt: skip
    axes.plot(
        *(_offset(source, *source.place_at(when)) or (0.0, 0.0)),
        marker="o",
        mfc="none",
        mec="tab:red",
        ms=17,
        mew=1.6,
    )
    _compass(axes)
    target = io.BytesIO()
    figure.savefig(target, format="png", metadata={TAG: tag})
    return target.getvalue()


def _show(axes: Any, source: AstroSource, frame: ReducedFit) -> None:
    image = load(locate(frame))
    wcs = read_wcs(image.header, "")
    if wcs is None:
        return
    seen = _resample(image.planes["sci"], wcs, source)
    finite = seen[np.isfinite(seen)]
    if not finite.size:
        return
    low, high = (float(value) for value in np.percentile(finite, [40.0, 99.7]))
    shares = np.clip((seen - low) / (high - low if high > low else 1.0), 0.0, 1.0)
    extent = (RADIUS, -RADIUS, -RADIUS, RADIUS)
    axes.imshow(
        np.log1p(80.0 * shares), cmap="gray_r", origin="lower", extent=extent,
        interpolation="nearest",
    )  # fmt: skip


def _resample(plane: npt.NDArray[Any], wcs: WCS, source: AstroSource) -> npt.NDArray[np.float64]:
    """Return the field with north up and east left, NaN beyond the frame."""
    from astropy.wcs import WCS
    from scipy.ndimage import map_coordinates

    chart = WCS(naxis=2)
    chart.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    chart.wcs.crval = [source.ra, source.dec]
    chart.wcs.crpix = [(_PIXELS + 1) / 2, (_PIXELS + 1) / 2]
    step = 2 * RADIUS / 60.0 / _PIXELS
    chart.wcs.cdelt = [-step, step]
    x, y = np.meshgrid(np.arange(_PIXELS), np.arange(_PIXELS))
    sky = chart.pixel_to_world_values(x, y)
    pixels = wcs.all_world2pix(*sky, 0, quiet=True)
    values = np.asarray(plane, np.float64)
    return np.asarray(
        map_coordinates(values, [pixels[1], pixels[0]], order=1, cval=np.nan), np.float64
    )


def _offset(source: AstroSource, ra: float, dec: float) -> tuple[float, float] | None:
    """Return the gnomonic offsets east and north of the source, arcmin; None behind the sky."""
    d0, d1 = math.radians(source.dec), math.radians(dec)
    away = math.radians(ra - source.ra)
    depth = math.sin(d0) * math.sin(d1) + math.cos(d0) * math.cos(d1) * math.cos(away)
    if depth <= 0.0:
        return None
    east = math.cos(d1) * math.sin(away) / depth
    north = (math.cos(d0) * math.sin(d1) - math.sin(d0) * math.cos(d1) * math.cos(away)) / depth
    return 60.0 * math.degrees(east), 60.0 * math.degrees(north)


def _sexagesimal(axes: Any, source: AstroSource) -> None:
    """Put right ascension above and declination at the right of a chart, as hms and dms.

    They hold along the lines through the source: the field is so small that elsewhere they are
    off by less than a letter, but near a pole, where only the declination is told.
    """
    cosine = math.cos(math.radians(source.dec))
    if _NEAR_POLE * cosine > RADIUS / 60.0:
        along = axes.secondary_xaxis(
            "top", functions=(lambda east: source.ra + east / 60.0 / cosine,
                              lambda ra: (ra - source.ra) * 60.0 * cosine),
        )  # fmt: skip
        step = _nice_step(2 * RADIUS / 60.0 / cosine / 15.0) * 15.0
        half = RADIUS / 60.0 / cosine
        _ticks(along.xaxis, source.ra - half, source.ra + half, step, _hms)
    across = axes.secondary_yaxis(
        "right", functions=(lambda north: source.dec + north / 60.0,
                            lambda dec: (dec - source.dec) * 60.0),
    )  # fmt: skip
    half = RADIUS / 60.0
    _ticks(across.yaxis, source.dec - half, source.dec + half, _nice_step(2 * half), _dms)


def _nice_step(span: float) -> float:
    """Return a step of whole seconds or minutes, of which some four fit in a span of degrees."""
    steps = [n / 3600.0 for n in (1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 300, 600, 1200, 1800)]
    return next((step for step in steps if span / step <= _MOST_TICKS), steps[-1])


def _ticks(axis: Any, low: float, high: float, step: float, words: Callable[[float], str]) -> None:
    places = step * np.arange(math.ceil(low / step), math.floor(high / step) + 1)
    axis.set_ticks(places, [words(float(place)) for place in places], fontsize=8)


def _hms(ra: float) -> str:
    seconds = round(ra % 360.0 * 240.0) % 86400
    return f"{seconds // 3600:02d}h{seconds // 60 % 60:02d}m{seconds % 60:02d}s"


def _dms(dec: float) -> str:
    seconds = round(abs(dec) * 3600.0)
    sign = "−" if dec < 0 else "+"
    return f"{sign}{seconds // 3600:02d}°{seconds // 60 % 60:02d}′{seconds % 60:02d}″"


def _halo() -> list[Any]:
    """Return a white rim for letters that stand on stars."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=2.5, foreground="white")]


def _compass(axes: Any) -> None:
    x, y, length = -0.72 * RADIUS, -0.88 * RADIUS, 0.16 * RADIUS
    style = {"arrowstyle": "-|>", "color": "tab:green"}
    for name, dx, dy in (("N", 0.0, length), ("E", length, 0.0)):
        axes.annotate("", (x + dx, y + dy), (x, y), arrowprops=style)
        axes.text(
            x + 1.35 * dx,
            y + 1.35 * dy,
            name,
            color="tab:green",
            ha="center",
            va="center",
            path_effects=_halo(),
        )
    axes.plot([0.9 * RADIUS, 0.9 * RADIUS - 2.0], [y, y], color="tab:green", lw=2)
    axes.text(
        0.9 * RADIUS - 1.0,
        y + 0.12,
        "2 arcmin",
        color="tab:green",
        ha="center",
        path_effects=_halo(),
    )
