"""Curves of growth of the frames: how much of a star's light each aperture holds.

Magnitudes relative to calibrators in the same frame need none of it, for a star and its
calibrators lose alike. The instrumental magnitudes of frames of different seeing do, and so do
zero points that are to tell of the sky and not of the seeing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from polarnight.errors import AlgorithmFailed
from polarnight.photometry import (
    FWHM_PER_SIGMA,
    ApertureCorrection,
    Apertures,
    aperture_correction,
    aperture_differences,
    aperture_photometry,
)
from polarnight.pipeline.groups.measure import (
    SKY_CLIP,
    LoadedFrame,
    aperture_radii,
    group_fwhm,
    load_frame,
    measure_frame,
    other_sources,
)
from polarnight.pipeline.groups.records import ApertureRow, FrameRef, SourceRecord

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from polarnight.config import Settings

__all__ = [
    "GROWTH_STEPS",
    "FrameGrowth",
    "GrowthStars",
    "frame_growth",
    "growth_of_file",
    "growth_rows",
    "plot_growth",
    "save_growth",
    "with_corrections",
]

FloatArray = npt.NDArray[np.float64]

GROWTH_STEPS = (1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0)
"""Radii of a curve of growth, in sigmas of the seeing."""

_MIN_SNR = 50.0
_MAX_STARS = 100
_NEIGHBOUR = 0.01  # of a star's flux; fainter ones disturb all frames of a group alike
# In sigmas of the seeing: a circle that holds all but a few 1e-4 of a star, and the gap to the
# ring of sky about it and the width of that. The ring of the measurement lies within the circle,
# and the light of the star in it changes with the seeing too.
_LARGE, _GAP, _RING = 7.5, 1.5, 4.0
_LARGER = 1.5  # times the aperture, at least


@dataclass(frozen=True, eq=False)
class GrowthStars:
    """The correction of one radius that each star of a frame gives.

    Attributes
    ----------
    xy : ndarray, shape (n, 2)
        Pixels, counted from zero.
    value, err : ndarray, shape (n,)
        Magnitudes, as in `ApertureCorrection`; not numbers where a star gives none.
    """

    xy: FloatArray = field(default_factory=lambda: np.zeros((0, 2)))
    value: FloatArray = field(default_factory=lambda: np.zeros(0))
    err: FloatArray = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True)
class FrameGrowth:
    """Curve of growth of one frame.

    Attributes
    ----------
    radii : tuple of float
        Pixels; the first is that of the results.
    total : float
        Radius of the circle taken to hold all the light, pixels.
    corrections : tuple of ApertureCorrection
        From each radius to `total`, magnitudes (negative: there is more light out there).
    stars : GrowthStars
        What each star says of the first radius.
    """

    radii: tuple[float, ...]
    total: float
    corrections: tuple[ApertureCorrection, ...]
    stars: GrowthStars = field(default_factory=lambda: GrowthStars(), compare=False)

    def at(self, radius: float) -> ApertureCorrection:
        """Return the correction of one of the radii."""
        return self.corrections[int(np.argmin(np.abs(np.array(self.radii) - radius)))]

    def figures(self) -> dict[str, Any]:
        """Return the curve as plain values, JSON-able."""
        own = self.corrections[0]
        return {
            "aperture_correction": own.value,
            "aperture_correction_err": own.err,
            "stars": own.n,
            "radii_px": list(self.radii),
            "total_px": self.total,
            "corrections": [asdict(correction) for correction in self.corrections],
        }


def frame_growth(
    loaded: LoadedFrame, fwhm: float, aperture: tuple[float, float, float], steps: Sequence[float]
) -> FrameGrowth:
    """Measure the curve of growth on the bright isolated stars of a frame.

    Parameters
    ----------
    loaded : LoadedFrame
    fwhm : float
        Seeing, pixels.
    aperture : tuple of float
        Aperture of the results, and inner and outer radius of its sky, pixels. What of a star
        lies in the sky is taken away with it, and belongs to the correction.
    steps : sequence of float
        Further radii, in sigmas of the seeing.

    Raises
    ------
    AlgorithmFailed
        Where the frame has no star for it.
    """
    sigma = fwhm / FWHM_PER_SIGMA
    radii = [aperture[0], *(step * sigma for step in steps)]
    total = max(_LARGE * sigma, _LARGER * max(radii))
    ring = (total + _GAP * sigma, total + (_GAP + _RING) * sigma)
    stars = _stars(loaded, ring[0])
    if not len(stars):
        message = "no bright isolated star for a curve of growth"
        raise AlgorithmFailed(message, detections=len(loaded.detections["x"]))
    mask = other_sources(loaded, aperture[0])
    small, large = (
        aperture_photometry(
            loaded.frame.data,
            loaded.frame.variance,
            loaded.frame.bits,
            stars,
            np.asarray(circles, dtype=float),
            sky,
            exclude=mask,
            clip=SKY_CLIP,
        )
        for circles, sky in ((radii, aperture[1:]), ([total], ring))
    )
    pairs = [_together(small, n, large) for n in range(len(radii))]
    corrections = tuple(aperture_correction(pair, 0, 1) for pair in pairs)
    each = GrowthStars(stars, *aperture_differences(pairs[0], 0, 1))
    return FrameGrowth(tuple(map(float, radii)), total, corrections, each)


def _together(small: Apertures, number: int, large: Apertures) -> Apertures:
    """Return one of the small apertures and the large one as a table; bad pixels: no number."""
    one = np.s_[:, [number]]
    # The noise of the difference is taken as the difference of the squared errors, which holds
    # for a sky in common. The skies differ here: that of the small one adds to it.
    sky = (small.area[one] * small.sky_err[:, None]) ** 2
    return replace(
        large,
        radii=np.concatenate([small.radii[[number]], large.radii]),
        flux=np.hstack([small.flux[one], np.where(large.bits == 0, large.flux, np.nan)]),
        flux_err=np.hstack([small.flux_err[one], np.sqrt(large.flux_err**2 + 2.0 * sky)]),
        area=np.hstack([small.area[one], large.area]),
        bits=np.hstack([small.bits[one], large.bits]),
    )


def _stars(loaded: LoadedFrame, room: float) -> FloatArray:
    """Return the places of bright clean detections, nothing bright within `room` pixels."""
    table = loaded.detections
    xy = np.column_stack([table["x"], table["y"]]).astype(float)
    flux = np.asarray(table["flux"], dtype=float)
    chosen = np.flatnonzero((table["flags"] == 0) & (flux > _MIN_SNR * table["flux_err"]))
    distance = np.hypot(*(xy[chosen, None, :] - xy[None, :, :]).transpose(2, 0, 1))
    disturbing = (distance < room) & (flux[None, :] > _NEIGHBOUR * flux[chosen, None])
    disturbing[np.arange(len(chosen)), chosen] = False
    # Detections come brightest first.
    places: FloatArray = xy[chosen[~disturbing.any(axis=1)][:_MAX_STARS]]
    return places


def with_corrections(
    rows: Sequence[ApertureRow], growth: Mapping[int, FrameGrowth]
) -> list[ApertureRow]:
    """Return apertures with the correction of their frame and radius, where there is one."""
    done = []
    for row in rows:
        curve = growth.get(row.frame)
        if curve is not None:
            correction = curve.at(row.aperpix)
            row = replace(
                row, aperture_correction=correction.value, aperture_correction_err=correction.err
            )
        done.append(row)
    return done


def growth_rows(
    loaded: LoadedFrame,
    sources: Sequence[SourceRecord],
    fwhm: float,
    annulus_sigma: tuple[float, float],
) -> list[ApertureRow]:
    """Measure sources in all radii of a curve of growth, besides the aperture of the results.

    Parameters
    ----------
    loaded : LoadedFrame
    sources : sequence of SourceRecord
    fwhm : float
        Seeing of the group, pixels.
    annulus_sigma : tuple of float
        Of the sky, in sigmas of the seeing.
    """
    rows = []
    for index, step in enumerate(GROWTH_STEPS, start=1):
        radii = (step, *annulus_sigma)
        for row in measure_frame(loaded, sources, fwhm, radii_sigma=radii, with_widths=False):
            rows.append(replace(row, aperindex=index, is_default=False))
    return rows


def plot_growth(growth: FrameGrowth, *, pixel_scale: float, title: str = "") -> Figure:
    """Return a picture of a curve of growth: the share of the light against the radius.

    Parameters
    ----------
    growth : FrameGrowth
    pixel_scale : float
        Arcsec per pixel.
    title : str
    """
    from matplotlib.figure import Figure

    radii = np.array([*growth.radii, growth.total]) * pixel_scale
    share = np.array([10.0 ** (0.4 * c.value) for c in growth.corrections] + [1.0])
    error = np.array([c.err for c in growth.corrections] + [0.0])
    order = np.argsort(radii)
    figure = Figure(figsize=(6.0, 4.2), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    above.plot(radii[order], share[order], "o-", ms=4, lw=1)
    above.axhline(1.0, color="0.6", lw=0.8)
    above.axvline(radii[0], color="0.4", lw=0.8, ls="--", label="aperture of the results")
    above.legend(loc="lower right", fontsize=8)
    above.set(ylabel="share of the light", ylim=(0.0, 1.08))
    below.plot(radii[order][:-1], 1e3 * error[order][:-1], "s-", ms=4, lw=1, color="C1")
    below.axvline(radii[0], color="0.4", lw=0.8, ls="--")
    below.set(xlabel="radius (arcsec)", ylabel="error (mmag)", xlim=(0.0, None))
    below.set_ylim(bottom=0.0)
    stars = max(c.n for c in growth.corrections)
    figure.suptitle(f"{title}  ({stars} stars)".strip(), fontsize=10)
    return figure


def save_growth(growth: FrameGrowth, path: Path, *, pixel_scale: float, title: str = "") -> None:
    """Write the picture of a curve of growth (PNG, PDF or SVG by the ending)."""
    plot_growth(growth, pixel_scale=pixel_scale, title=title).savefig(path, dpi=150)


def growth_of_file(name: str, settings: Settings) -> tuple[FrameGrowth, float]:
    """Return the curve of growth of a reduced frame and its pixel scale (arcsec).

    Parameters
    ----------
    name : str
        Raw file, as ``TELESCOPE/night/FILE``.
    settings : Settings

    Raises
    ------
    ConfigError
        Where the frame is not registered or not reduced.
    BadFrame, AlgorithmFailed
        Where it has no plate solution, seeing or star.
    """
    from polarnight.db import RawFit
    from polarnight.errors import ConfigError
    from polarnight.frames import FrameInfo

    try:
        raw = RawFit.by_fileloc(name)
    except RawFit.DoesNotExist as error:
        msg = f"{name} is not registered; `polarnight status` lists the nights"
        raise ConfigError(msg) from error
    reduced = getattr(raw, "reduced", None)
    if reduced is None or not reduced.filepath.is_file():
        msg = f"{name} is not reduced; `polarnight why {name}` tells the reason"
        raise ConfigError(msg)
    ref = FrameRef(reduced.pk, str(reduced.filepath), FrameInfo.from_dict(raw.info))
    loaded = load_frame(ref)
    fwhm = group_fwhm([loaded])
    photometry = settings.photometry
    radii = aperture_radii(fwhm, (photometry.aperture_sigma, *photometry.annulus_sigma))
    return frame_growth(loaded, fwhm, radii, GROWTH_STEPS), ref.info.pixel_scale
