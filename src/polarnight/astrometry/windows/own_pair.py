"""A window that shows the target's two images, and hardly anything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from polarnight.astrometry.detection.images import Images, images_of
from polarnight.astrometry.detection.pairs import PairLike
from polarnight.astrometry.windows.placement import (
    Placement,
    WideFrame,
    pair_as_seen,
    placements,
    wide_images,
)
from polarnight.astrometry.windows.tie import Tie, TieLimits, verify
from polarnight.errors import AlgorithmFailed

if TYPE_CHECKING:
    from polarnight.astrometry.detection.detections import Detections
    from polarnight.frames import FrameInfo

__all__ = ["Orientation", "OwnPair", "mean_orientation", "own_pair", "own_pair_on_wide"]

Floats = npt.NDArray[np.float64]

_NSIGMA = 3.0
_FLUX_RATIO = 2.0
_MARGIN_MAG = 0.75  # by which the target's pair must outshine any other
_NEARER = 0.25  # of the reach, by which a fainter pair may be nearer
_MIN_SNR = 10.0
_MAX_LOG10_CHANCE = -1.0
_MAX_SCATTER_DEG = 5.0


class Orientation(NamedTuple):
    """How the instrument stood on the sky in a solved frame.

    Attributes
    ----------
    rotation_deg : float
        Position angle of the y axis, north through east.
    mirrored : bool
    pixel_scale : float
        Arcsec per pixel, binned as the window.
    flipped : bool
        On which side of its pier the telescope was.
    """

    rotation_deg: float
    mirrored: bool
    pixel_scale: float
    flipped: bool


@dataclass(frozen=True)
class OwnPair:
    """The pair that is taken for the target's.

    Attributes
    ----------
    ordinary, extraordinary : int
        Detections.
    xy : tuple of float
        Pixel of the ordinary image.
    vector : tuple of float
        Extraordinary minus ordinary image, pixels.
    figures : dict
        JSON-able.
    """

    ordinary: int
    extraordinary: int
    xy: tuple[float, float]
    vector: tuple[float, float]
    figures: dict[str, Any]


@dataclass(frozen=True)
class _Expectation:
    """Where and how bright the target's pair should be."""

    place: Floats
    of_middle: bool  # of the pair, not of its ordinary image
    reach: Floats  # along x and y, pixels
    mag: float | None
    dimming: float
    min_snr: float


def mean_orientation(
    orientations: Sequence[Orientation], flipped: bool
) -> tuple[Orientation, float]:
    """Return the mean orientation on one side of the pier, and its scatter in degrees.

    Raises
    ------
    AlgorithmFailed
        Where there is none, or they disagree.
    """
    same = [o for o in orientations if o.flipped == flipped]
    if not same:
        msg = "no solved frame tells how the instrument stands on the sky"
        raise AlgorithmFailed(msg, flipped=flipped, frames=len(orientations))
    if len({o.mirrored for o in same}) > 1:
        msg = "solved frames disagree whether the image is mirrored"
        raise AlgorithmFailed(msg, frames=len(same))
    turns = np.exp(1j * np.radians([o.rotation_deg for o in same]))
    middle = complex(turns.mean())
    scatter = float(np.degrees(np.sqrt(np.mean(np.angle(turns / middle) ** 2))))
    if scatter > _MAX_SCATTER_DEG:
        msg = "solved frames disagree how the instrument stands on the sky"
        raise AlgorithmFailed(msg, frames=len(same), scatter_deg=round(scatter, 2))
    rotation = float(np.degrees(np.angle(middle)) % 360.0)
    scale = float(np.median([o.pixel_scale for o in same]))
    return Orientation(rotation, same[0].mirrored, scale, flipped), scatter


def own_pair(detections: Detections, info: FrameInfo, pair: PairLike) -> OwnPair:
    """Find the target's pair by itself: the brightest in the middle of the window.

    The pair's middle is expected in the central two thirds of the window.

    Parameters
    ----------
    detections : Detections
    info : FrameInfo
    pair : PairLike
        Known displacement of the two beams, pixels as binned; its sign along y is not trusted.

    Raises
    ------
    AlgorithmFailed
        Where there is no such pair, more than one may be meant, or the two images may be
        together by chance; with numbers.
    """
    size = np.array([info.width, info.height], dtype=float)
    expected = _Expectation((size - 1.0) / 2.0, True, size / 3.0, None, 0.0, _MIN_SNR)
    return _chosen(images_of(detections, info, None), info, pair, expected, either_sign=True)


def own_pair_on_wide(
    detections: Detections,
    info: FrameInfo,
    wide: WideFrame,
    target: tuple[float, float],
    pair: PairLike,
    limits: TieLimits,
) -> tuple[OwnPair, Tie]:
    """Find the target's pair near where a wide frame says, as bright as it was there.

    The stars that both frames must show are compared as for a tie; only the chance that a star
    of that brightness lies there by accident may be larger, because the window was made for the
    target.

    Raises
    ------
    AlgorithmFailed
        As `own_pair`; also where the wide frame contradicts.
    """
    at = wide.pixel_of(*target)
    if at is None:
        msg = "the wide frame does not show the target"
        raise AlgorithmFailed(msg, wide=wide.name)
    refused: list[AlgorithmFailed] = []
    for place in placements(info, wide):
        try:
            return _on_placement(detections, info, wide, at, place, pair, limits)
        except AlgorithmFailed as error:
            refused.append(error)
    raise refused[0]


def _on_placement(
    detections: Detections,
    info: FrameInfo,
    wide: WideFrame,
    at: tuple[float, float],
    place: Placement,
    pair: PairLike,
    limits: TieLimits,
) -> tuple[OwnPair, Tie]:
    others = wide_images(wide, pair)
    reach = np.full(2, limits.max_offset_arcsec / info.pixel_scale)
    mag, known_at = _target_on_wide(others, at)
    where = place.to_window(np.array(known_at))
    expected = _Expectation(where, False, reach, mag, limits.max_dimming_of_target, 0.0)
    seen = pair_as_seen(pair, others, place) or pair
    found = _chosen(images_of(detections, info, None), info, seen, expected)
    tie = verify(
        detections, info, wide, at=found.xy, wide_at=known_at, place=place, pair=pair, limits=limits
    )  # fmt: skip
    faults = [f for f in tie.faults if mag is not None or f != "no star agrees"]
    if mag is not None and tie.figures["log10_chance"] > limits.max_log10_chance_target:
        faults.append(f"log10_chance above {limits.max_log10_chance_target}")
    if faults:
        msg = "the wide frame contradicts that this is the target's pair"
        raise AlgorithmFailed(msg, wide=wide.name, faults=faults, **tie.figures)
    return found, tie


def _target_on_wide(
    wide: Images, at: tuple[float, float]
) -> tuple[float | None, tuple[float, float]]:
    """Return magnitude and pixel of the target on a wide frame; as computed if not detected."""
    first = np.flatnonzero(wide.first)
    if len(first) == 0:
        return None, at
    distance = np.hypot(*(wide.xy[first] - np.array(at)).T)
    k = int(np.argmin(distance))
    if distance[k] > max(3.0, 0.6 * float(np.nan_to_num(wide.fwhm))):
        return None, at
    x, y = (float(v) for v in wide.xy[first[k]])
    mag = None if wide.saturated[first[k]] else float(wide.mag[first[k]])
    return mag, (x, y)


def _chosen(
    images: Images,
    info: FrameInfo,
    pair: PairLike,
    expected: _Expectation,
    *,
    either_sign: bool = False,
) -> OwnPair:
    """Return the one pair that may be the target's."""
    i, j, area = _candidates(images, pair, either_sign, expected.min_snr)
    if len(i) == 0:
        msg = "no pair of images at the known displacement of the two beams"
        raise AlgorithmFailed(msg, sources=len(images), dx=pair.dx, dy=pair.dy)
    mag = -2.5 * np.log10(np.mean([10 ** (-0.4 * images.mag[i]), 10 ** (-0.4 * images.mag[j])], 0))
    ends = 0.5 * (images.xy[i] + images.xy[j]) if expected.of_middle else images.xy[i]
    away = ends - expected.place
    distance = np.hypot(*away.T)
    acceptable = (np.abs(away) <= expected.reach).all(axis=1)
    if expected.mag is not None:
        acceptable &= np.abs(mag - expected.mag) <= expected.dimming
    figures: dict[str, Any] = {"pairs": len(i), "acceptable": int(acceptable.sum())}
    if not acceptable.any():
        k = int(np.argmin(distance))
        figures |= {"nearest_px": round(float(distance[k]), 1)}
        if expected.mag is not None:
            figures["nearest_dimming_mag"] = round(float(mag[k] - expected.mag), 2)
        msg = "no pair is where, and as bright as, the target's should be"
        raise AlgorithmFailed(msg, **figures)
    some = np.flatnonzero(acceptable)
    some = some[np.lexsort((distance[some], mag[some]))]
    best = int(some[0])
    figures |= {"distance_px": round(float(distance[best]), 2)}
    if expected.mag is not None:
        figures["dimming_mag"] = round(float(mag[best] - expected.mag), 3)
    _refuse_rivals(some, mag, distance, float(np.min(expected.reach)), figures)
    figures["log10_chance"] = _chance(images, i[best], j[best], area, info)
    if figures["log10_chance"] > _MAX_LOG10_CHANCE:
        msg = "the two images may be together by chance"
        raise AlgorithmFailed(msg, **figures)
    a, b = images.xy[i[best]], images.xy[j[best]]
    return OwnPair(
        int(images.index[i[best]]),
        int(images.index[j[best]]),
        (float(a[0]), float(a[1])),
        (float(b[0] - a[0]), float(b[1] - a[1])),
        figures,
    )


def _candidates(
    images: Images, pair: PairLike, either_sign: bool, min_snr: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], float]:
    """Return pairs of images at the known displacement, and the area that it may lie in."""
    n = len(images)
    i, j = (k.ravel() for k in np.meshgrid(np.arange(n), np.arange(n), indexing="ij"))
    step = images.xy[j] - images.xy[i]
    half = np.array([_NSIGMA * pair.sx + 1.0, _NSIGMA * pair.sy + 1.0])
    signs = (1.0, -1.0) if either_sign else (1.0,)
    near = np.zeros(len(i), dtype=bool)
    for sign in signs:
        near |= (((step - [pair.dx, sign * pair.dy]) / half) ** 2).sum(axis=1) <= 1.0
    alike = np.abs(images.mag[j] - images.mag[i]) <= 2.5 * np.log10(_FLUX_RATIO)
    unknown = images.saturated[i] | images.saturated[j]
    ok = near & (alike | unknown) & (i != j)
    if min_snr > 0 and np.isfinite(images.sky):
        limit = images.limit(min_snr)
        ok &= (images.mag[i] <= limit) & (images.mag[j] <= limit)
    return i[ok], j[ok], float(np.pi * half[0] * half[1]) * len(signs)


def _refuse_rivals(
    some: npt.NDArray[np.int64],
    mag: Floats,
    distance: Floats,
    reach: float,
    figures: dict[str, Any],
) -> None:
    """Refuse where the brightest pair is not clearly the one that is meant."""
    best, others = some[0], some[1:]
    if len(others) == 0:
        return
    margin = float(mag[others].min() - mag[best])
    figures["margin_mag"] = round(margin, 2)
    if margin < _MARGIN_MAG:
        msg = "two pairs are nearly as bright, and either may be the target's"
        raise AlgorithmFailed(msg, **figures, needed_mag=_MARGIN_MAG)
    nearest = float(distance[others].min())
    if nearest < float(distance[best]) - _NEARER * reach:
        msg = "a fainter pair is nearer to the expected place than the brightest one"
        raise AlgorithmFailed(msg, **figures, nearer_px=round(nearest, 1))


def _chance(images: Images, i: int, j: int, area: float, info: FrameInfo) -> float:
    """Return the logarithm of how many pairs, as bright, chance would make in the window."""
    faintest = max(images.mag[i], images.mag[j])
    n = int(np.count_nonzero(images.mag <= faintest))
    expected = n * (n - 1) * area / float(info.width * info.height)
    return round(float(min(0.0, np.log10(max(expected, 1e-300)))), 2)
