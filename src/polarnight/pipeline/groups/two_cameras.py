"""Photometry by two cameras behind a beam splitter, each of which sees one polarized beam.

One beam alone holds ``(1 -+ m)/2`` of the light, m the polarization along the axis of the splitter:
a source polarized by 15 % would be wrong by as much. Only the sum of both beams is the light of the
source, the cameras' counts on one scale.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from polarnight.errors import AlgorithmFailed
from polarnight.pipeline.groups.cycle_sky import bright_stars
from polarnight.pipeline.groups.measure import LoadedFrame, measure_frame, sources_in_frame, usable
from polarnight.pipeline.groups.records import ApertureRow
from polarnight.polarimetry import InstrumentalPolarization, PolarimetryRecord, pair_cameras

__all__ = [
    "EQUAL_CAMERAS",
    "ONE_BEAM_ONLY",
    "CameraGain",
    "camera_gain",
    "on_scale_of_first",
    "simultaneous",
    "with_error_of_gain",
]

ONE_BEAM_ONLY = (
    "the other camera has no frame at the same time, and the light of one beam alone depends on "
    "the polarization of the source"
)

_MIN_SNR = 30.0
_ODD = 4.0  # robust sigmas from the median
_FEWEST_STARS = 3


@dataclass(frozen=True, slots=True)
class CameraGain:
    """Counts of the second camera over those of the first for unpolarized light.

    Attributes
    ----------
    value : float
    error : float
        Relative: from the scatter of the stars, which is their polarization for the most part.
    """

    value: float = 1.0
    error: float = 0.0


EQUAL_CAMERAS = CameraGain()
"""What is assumed where there is one camera, or nothing tells."""


def simultaneous(records: Iterable[PolarimetryRecord]) -> list[tuple[PolarimetryRecord, ...]]:
    """Put frames of photometry into exposures: one frame, or those of two cameras.

    Parameters
    ----------
    records : iterable of PolarimetryRecord
        With ``beam`` where a camera sees one of two beams. Angles do not matter.

    Returns
    -------
    list of tuple of PolarimetryRecord
        In order of time, the ordinary beam first. One of a single record with a ``beam`` lacks
        its partner.
    """
    alike: dict[tuple[str, str, float], list[PolarimetryRecord]] = defaultdict(list)
    for record in records:
        key = record.instrument, record.band, round(record.exptime, 3)
        alike[key].append(replace(record, angle=0.0))
    exposures = [exposure for members in alike.values() for exposure in pair_cameras(members)]
    return sorted(exposures, key=lambda exposure: (exposure[0].jd, str(exposure[0].key)))


def camera_gain(
    frames: Sequence[LoadedFrame],
    fwhm: float,
    radii_sigma: tuple[float, float, float],
    zero: InstrumentalPolarization,
) -> CameraGain:
    """Return counts of the extraordinary over those of the ordinary beam for unpolarized light.

    The mean over the stars of both frames, less odd ones, which as a whole are taken to be
    unpolarized; what optics ahead of the splitter polarize is no gain and is taken out.

    Parameters
    ----------
    frames : sequence of LoadedFrame
        The ordinary beam first.
    fwhm : float
        Seeing, pixels.
    radii_sigma : tuple of float
        Aperture and ring of sky, sigmas of the seeing.
    zero : InstrumentalPolarization
        Of the instrument, its plate at the angle of the frames (0 without any).

    Raises
    ------
    AlgorithmFailed
        Where fewer than three bright stars are on both frames.
    """
    ordinary, extraordinary = frames
    stars = bright_stars(ordinary)
    for loaded in frames:
        stars = sources_in_frame(loaded, stars)
    flux: dict[str, dict[int, float]] = {}
    for beam, loaded in (("O", ordinary), ("E", extraordinary)):
        rows = measure_frame(loaded, stars, fwhm, radii_sigma=radii_sigma, with_widths=False)
        flux[beam] = {
            row.source: row.flux_counts
            for row in rows
            if usable(row) and not row.crowded and row.flux_counts > _MIN_SNR * row.flux_counts_err
        }
    both = flux["O"].keys() & flux["E"].keys()
    if len(both) < _FEWEST_STARS:
        msg = "too few bright stars on the frames of both cameras to tell the ratio of their gains"
        raise AlgorithmFailed(msg, stars=len(both), needed=_FEWEST_STARS)
    logs = np.log([flux["E"][star] / flux["O"][star] for star in sorted(both)])
    off = np.abs(logs - np.median(logs))
    logs = logs[off <= _ODD * 1.4826 * np.median(off)]
    ratio = float(np.exp(logs.mean()))
    error = float(np.std(logs, ddof=1) / np.sqrt(len(logs))) if len(logs) > 1 else 0.0
    turn = np.radians(4.0 * float(ordinary.ref.info.rotangle or 0.0))
    part = zero.q0 * np.cos(turn) + zero.u0 * np.sin(turn)
    return CameraGain(ratio * float((1.0 - part) / (1.0 + part)), error)


def on_scale_of_first(
    rows: Sequence[ApertureRow], frames: Sequence[LoadedFrame], gain: CameraGain
) -> list[ApertureRow]:
    """Return apertures, those of further frames divided by the gain of their camera."""
    first = frames[0].ref.id
    return [
        row
        if row.frame == first
        else replace(
            row,
            flux_counts=row.flux_counts / gain.value,
            flux_counts_err=row.flux_counts_err / gain.value,
        )
        for row in rows
    ]


def with_error_of_gain(error: float, rows: Sequence[ApertureRow], gain: CameraGain) -> float:
    """Return the error of a flux that two cameras gave, with that of the ratio of their gains.

    A wrong ratio changes the light of all sources alike, which the zero point takes up, but for
    half the difference of their beams.

    Parameters
    ----------
    error : float
        Of the sum.
    rows : sequence of ApertureRow
        Of the source, on one scale.
    gain : CameraGain
    """
    if not gain.error or len(rows) != 2:
        return error
    difference = abs(rows[0].flux_counts - rows[1].flux_counts)
    return float(np.hypot(error, 0.5 * difference * gain.error))
