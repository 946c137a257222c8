"""The plot as a picture for print: PNG, SVG or PDF, of the same points as on the screen."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from polarnight.errors import ConfigError
from polarnight.web.plots.colours import colour_of
from polarnight.web.plots.decimate import decimate
from polarnight.web.plots.foreign import Foreign
from polarnight.web.plots.payload import BAD
from polarnight.web.plots.query import Curve, Points
from polarnight.web.plots.references import References

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PICTURES", "Kind", "picture"]

Kind = Literal["png", "svg", "pdf"]
"""Formats of pictures for print."""

PICTURES = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}
"""Media types by the name of the format."""

_MOST = 20000
_LABELS = {"mag": "mag", "p": "p (%)", "chi": "χ (°)"}
_BARS = {"mag": ("mag_err", "mag_err"), "p": ("p_low", "p_high"), "chi": ("chi_err", "chi_err")}
_HOLLOW = "Dsv^<>ph"
_LIMITS = {"mag": "mag_limit", "p": "p_limit"}


def picture(
    curve: Curve,
    kind: str,
    *,
    title: str = "",
    references: References | None = None,
    window: tuple[float, float] | None = None,
    errors: bool = True,
    foreign: Foreign | None = None,
) -> bytes:
    """Return a file with magnitude, p and chi against time.

    Parameters
    ----------
    curve : Curve
    kind : str
        One of `PICTURES`.
    title : str
    references : References, optional
        Drawn dashed.
    window : (float, float), optional
        MJD at the left and right.
    errors : bool
        Draw error bars.
    foreign : Foreign, optional
        Light curves of others, drawn hollow; the axes hold them, too.

    Raises
    ------
    ConfigError
        For an unknown format.
    """
    if kind not in PICTURES:
        msg = f"no picture {kind[:20]!r}; there are {', '.join(PICTURES)}"
        raise ConfigError(msg)
    from matplotlib.figure import Figure

    kept = decimate(curve, _MOST, BAD).kept
    points, code = curve.points[kept], curve.code[kept]
    page = Figure(figsize=(8.0, 8.0), layout="constrained")
    axes = dict(zip(_LABELS, page.subplots(3, 1, sharex=True), strict=True))
    for name, panel in axes.items():
        for number, pair in enumerate(curve.series):
            _draw(panel, name, points[code == number], number, " ".join(pair), errors)
        if foreign is not None:
            _draw_foreign(panel, name, foreign, errors)
        panel.set_ylabel(_LABELS[name])
        panel.grid(alpha=0.3, lw=0.5)
    axes["mag"].invert_yaxis()
    axes["chi"].set_xlabel("MJD (UTC)")
    if window is not None:
        axes["chi"].set_xlim(*window)
    _dashed(axes, curve, references or References())
    if axes["mag"].get_legend_handles_labels()[1]:
        page.legend(loc="outside upper center", ncols=4, fontsize=8, frameon=False)
    if title:
        # A dollar would start mathematics.
        axes["mag"].set_title(title.replace("$", r"\$"), fontsize=11)
    buffer = io.BytesIO()
    page.savefig(buffer, format=kind, dpi=150)
    return buffer.getvalue()


def _draw(panel: Axes, name: str, points: Points, number: int, label: str, errors: bool) -> None:
    scale = 100.0 if name == "p" else 1.0
    bad = points["flags"] & BAD[0 if name == "mag" else 1] != 0
    colour = colour_of(number, "light")
    for chosen, mark in ((~bad, "o"), (bad, "x")):
        own = points[chosen & np.isfinite(points[name])]
        bars = _bars(name, own, scale) if errors else None
        panel.errorbar(
            own["mjd"], own[name] * scale, bars, fmt=mark, ms=3, lw=0.7, color=colour,
            label=label if mark == "o" and name == "mag" else None,
        )  # fmt: skip
    if name in _LIMITS:
        limit = points[_LIMITS[name]] * scale
        known = np.isfinite(limit)
        # Fainter, or less: both point down.
        panel.plot(points["mjd"][known], limit[known], ls="none", marker="$↓$", color=colour)


def _draw_foreign(panel: Axes, name: str, foreign: Foreign, errors: bool) -> None:
    values, bars = foreign.values[name], foreign.values[f"{name}_err"]
    for number, author in enumerate(sorted(set(foreign.name))):
        own = np.array([one == author for one in foreign.name]) & np.isfinite(values)
        panel.errorbar(
            foreign.mjd[own], values[own], np.nan_to_num(bars[own]) if errors else None,
            fmt=_HOLLOW[number % len(_HOLLOW)], ms=5, lw=0.7, color="0.4", mfc="none",
            label=author.replace("$", r"\$") if name == "mag" else None,
        )  # fmt: skip


def _bars(name: str, own: Points, scale: float) -> Any:
    low, high = _BARS[name]
    if name != "p":
        return np.nan_to_num(own[low])
    # Errors, and never negative ones: an interval may begin above a value that is set to 0.
    return np.nan_to_num(
        np.clip(np.array([own["p"] - own[low], own[high] - own["p"]]), 0, None) * scale
    )


def _dashed(axes: dict[str, Axes], curve: Curve, references: References) -> None:
    bands = [band for _, band in curve.series]
    for band, mag in references.magnitudes.items():
        if band in bands:
            colour = colour_of(bands.index(band), "light")
            axes["mag"].axhline(mag, ls="--", lw=0.9, color=colour)
    for name, value in (("p", references.p), ("chi", references.chi)):
        if value is not None:
            axes[name].axhline(value, ls="--", lw=0.9, color="0.3")
