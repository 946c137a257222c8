"""Hypotheses how a window lies on a wide frame, and what speaks for and against each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from polarnight.astrometry.detection.images import images_of
from polarnight.astrometry.detection.pairs import PairLike
from polarnight.astrometry.plates.evidence import match_nearest
from polarnight.astrometry.windows.placement import Placement, WideFrame, pair_as_seen, wide_images

if TYPE_CHECKING:
    from polarnight.astrometry.detection.detections import Detections
    from polarnight.frames import FrameInfo

__all__ = ["Scene", "Tie", "TieLimits"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_BRIGHTEST = 25  # images of the window that make hypotheses
_DEEPEST = 150  # stars of the wide frame that do
_SHORTEST = 20.0  # pixels between two stars that tell how the window is turned
_LEVER = 50.0
_SNR_SEEN = 20.0
_STARS_THAT_SPARE = 3
_SAME_MAG = 0.5  # within which the stars of a tie are as much dimmed as each other
_LEAST_DIMMING = 0.3  # what brightness cannot tell
_MOST_HYPOTHESES = 400


@dataclass(frozen=True, slots=True)
class TieLimits:
    """What a tie must meet.

    Attributes
    ----------
    max_offset_arcsec : float
        How far the telescope may have moved between the frames.
    max_turn_deg : float
        How far the instrument may have turned on the sky.
    max_log10_chance : float
        Decimal logarithm of the number of ties as good and as near to the expected place that
        chance makes.
    max_log10_chance_target : float
        The same for one star that is taken for the target, for which the window was made.
    rival_log10 : float
        By how much, in the same unit, the best tie must beat any other.
    max_missing : float
        Largest fraction of the stars that either frame must show and does not.
    max_rms_px : float
        Residuals of the matched images.
    max_dimming : float
        Magnitudes by which all stars may be fainter or brighter.
    max_dimming_of_target : float
        The same where one star is taken for the target.
    """

    max_offset_arcsec: float = 120.0
    max_turn_deg: float = 2.0
    max_log10_chance: float = -3.0
    max_log10_chance_target: float = -2.0
    rival_log10: float = 1.0
    max_missing: float = 0.3
    max_rms_px: float = 1.5
    max_dimming: float = 1.5
    max_dimming_of_target: float = 1.0


@dataclass(frozen=True, eq=False)
class Tie:
    """How a window lies on a wide frame: ``window = centre + turn (base - centre) + shift``.

    Attributes
    ----------
    place : Placement
        Where the window was expected.
    turn_deg : float
        By which the stars have turned (x towards y).
    shift : ndarray of float, shape (2,)
        By which they have moved from where they were expected, pixels.
    i, j : ndarray of int
        Matched images of the window and of the wide frame.
    figures : dict
        JSON-able: what speaks for the tie.
    faults : tuple of str
        What speaks against it.
    """

    place: Placement
    turn_deg: float
    shift: Floats
    i: Ints
    j: Ints
    figures: dict[str, Any]
    faults: tuple[str, ...]

    def to_wide(self, xy: Floats) -> Floats:
        """Return pixels of the wide frame (ordinary beam) of pixels of the window."""
        centre = self.place.centre
        return self.place.to_wide((xy - self.shift - centre) @ _turn(-self.turn_deg).T + centre)


class Scene:
    """A window and a wide frame under one placement, ready for hypotheses."""

    def __init__(
        self,
        detections: Detections,
        info: FrameInfo,
        frame: WideFrame,
        pair: PairLike | None,
        place: Placement,
        limits: TieLimits,
    ) -> None:
        wide = wide_images(frame, pair)
        self.vector = place.vector(wide.vector)
        window = images_of(detections, info, pair_as_seen(pair, wide, place))
        self.window, self.wide, self.place, self.limits = window, wide, place, limits
        self.info, self.wide_info = info, frame.info
        wide_info = frame.info
        self.anchor = place.to_window(wide.anchor)
        self.offset = wide.beam[:, None] * self.vector
        self.radius = float(max(3.0, 0.6 * np.nan_to_num(window.fwhm)))
        self.reach = limits.max_offset_arcsec / info.pixel_scale
        self.area = float(wide_info.width * wide_info.height)
        faint = window.mag[:, None] - wide.mag[None, :]
        unknown = window.saturated[:, None] | wide.saturated[None, :]
        other_beam = window.paired[:, None] & wide.paired & (window.beam[:, None] != wide.beam)
        self.alike = ((np.abs(faint) <= limits.max_dimming) | unknown) & ~other_beam

    # -- hypotheses --------------------------------------------------------------------

    def hypotheses(self) -> Iterator[tuple[float, Floats]]:
        """Yield (turn, shift): from two stars each, then from one with nothing turned."""
        a, unit_a, image_a = self.window.anchors(self.vector, _BRIGHTEST)
        stars = np.flatnonzero(self.wide.first)
        near = self._near(stars)
        b, unit_b = self.anchor[near], self.wide.unit[near]
        if len(a) == 0 or len(b) == 0:
            return
        fits = self.alike[np.ix_(image_a, near)]
        yield from self._of_two(a, unit_a, b, unit_b, fits)
        i, j = np.nonzero(fits)
        shift = a[i] - b[j]
        length = np.hypot(*shift.T)
        for k in np.argsort(length, kind="stable"):
            if length[k] > self.reach:
                break
            yield 0.0, shift[k]

    def _near(self, stars: Ints) -> Ints:
        """Return the brightest stars of the wide frame that the window may show."""
        size = np.array([self.info.width, self.info.height])
        at = self.anchor[stars]
        inside = ((at > -self.reach) & (at < size + self.reach)).all(axis=1)
        return stars[inside][:_DEEPEST]

    def _of_two(
        self, a: Floats, unit_a: Ints, b: Floats, unit_b: Ints, fits: npt.NDArray[np.bool_]
    ) -> Iterator[tuple[float, Floats]]:
        i1, i2 = (k.ravel() for k in np.meshgrid(*(2 * [np.arange(len(a))]), indexing="ij"))
        keep = (i1 < i2) & (unit_a[i1] != unit_a[i2])
        i1, i2 = i1[keep], i2[keep]
        j1, j2 = (k.ravel() for k in np.meshgrid(*(2 * [np.arange(len(b))]), indexing="ij"))
        keep = unit_b[j1] != unit_b[j2]
        j1, j2 = j1[keep], j2[keep]
        za, zb = _complex(a[i2] - a[i1]), _complex(b[j2] - b[j1])
        if len(za) == 0 or len(zb) == 0:
            return
        order = np.argsort(np.abs(zb), kind="stable")
        j1, j2, zb = j1[order], j2[order], zb[order]
        lengths = np.abs(zb)
        largest = np.radians(self.limits.max_turn_deg)
        found: list[tuple[float, float, Floats]] = []
        for k in range(len(za)):
            size = abs(za[k])
            if size < _SHORTEST:
                continue
            lo, hi = np.searchsorted(lengths, [size - self.radius, size + self.radius])
            some = np.arange(lo, hi)
            angle = np.angle(za[k] / zb[some])
            some, angle = some[np.abs(angle) <= largest], angle[np.abs(angle) <= largest]
            good = fits[i1[k], j1[some]] & fits[i2[k], j2[some]]
            for m, turn in zip(some[good], angle[good], strict=True):
                turn_deg = float(np.degrees(turn))
                middle = 0.5 * (b[j1[m]] + b[j2[m]]) - self.place.centre
                shift = 0.5 * (a[i1[k]] + a[i2[k]]) - self.place.centre - _turn(turn_deg) @ middle
                distance = float(np.hypot(*shift))
                if distance <= self.reach:
                    found.append((distance, turn_deg, shift))
        found.sort(key=lambda entry: (entry[0], entry[1]))
        for _, turn_deg, shift in found[:_MOST_HYPOTHESES]:
            yield turn_deg, shift

    # -- judgement ---------------------------------------------------------------------

    def places(self, turn_deg: float, shift: Floats) -> Floats:
        """Return where every image of the wide frame lies in the window."""
        centre = self.place.centre
        return (self.anchor - centre) @ _turn(turn_deg).T + centre + shift + self.offset

    def matched(self, turn_deg: float, shift: Floats) -> tuple[Ints, Ints]:
        """Return images of window and wide frame that agree in place and brightness."""
        i, j = match_nearest(self.window.xy, self.places(turn_deg, shift), self.radius)
        keep = self.alike[i, j]
        i, j = i[keep], j[keep]
        if len(i) == 0:
            return i, j
        faint = self.window.mag[i] - self.wide.mag[j]
        unknown = self.window.saturated[i] | self.wide.saturated[j]
        middle = np.median(faint[~unknown]) if (~unknown).any() else 0.0
        keep = unknown | (np.abs(faint - middle) <= _SAME_MAG)
        return i[keep], j[keep]

    def refined(self, turn_deg: float, shift: Floats) -> tuple[float, Floats, Ints, Ints]:
        """Draw a hypothesis together on all that it matches."""
        i, j = self.matched(turn_deg, shift)
        for _ in range(4):
            if len(i) == 0:
                break
            turn_deg, shift = self._fit(i, j)
            fresh = self.matched(turn_deg, shift)
            if np.array_equal(fresh[0], i) and np.array_equal(fresh[1], j):
                break
            i, j = fresh
        return turn_deg, shift, i, j

    def _fit(self, i: Ints, j: Ints) -> tuple[float, Floats]:
        """Fit shift and turn; only the shift where one star, or hardly more, was matched."""
        goal = self.window.xy[i] - self.offset[j]
        start = self.anchor[j]
        c0, c1 = start.mean(axis=0), goal.mean(axis=0)
        turn = 0.0
        if len(np.unique(self.wide.unit[j])) > 1 and np.hypot(*np.ptp(start, axis=0)) > _LEVER:
            turn = float(np.angle(np.sum(np.conj(_complex(start - c0)) * _complex(goal - c1))))
            largest = np.radians(self.limits.max_turn_deg)
            turn = float(np.clip(turn, -largest, largest))
        turn_deg = float(np.degrees(turn))
        centre = self.place.centre
        return turn_deg, c1 - centre - _turn(turn_deg) @ (c0 - centre)

    def judge(self, turn_deg: float, shift: Floats) -> Tie:
        """Refine a hypothesis and weigh it."""
        turn_deg, shift, i, j = self.refined(turn_deg, shift)
        limits, window, wide = self.limits, self.window, self.wide
        places = self.places(turn_deg, shift)
        residual = np.hypot(*(window.xy[i] - places[j]).T)
        rms = float(np.sqrt(np.mean(residual**2))) if len(i) else float("inf")
        known = ~(window.saturated[i] | wide.saturated[j])
        dimming = float(np.median((window.mag[i] - wide.mag[j])[known])) if known.any() else 0.0
        seen, expected = self._expected_in_window(places, dimming, j)
        told, given, eligible = self._expected_in_wide(turn_deg, shift, dimming, i)
        n_stars = len(np.unique(wide.unit[j]))
        distance = float(np.hypot(*shift))
        figures = {
            "n_matched": len(i),
            "stars_matched": n_stars,
            "stars_in_window": eligible,
            "images_expected": expected,
            "images_missing": expected - seen,
            "images_unknown": given - told,
            "rms_px": round(rms, 4) if np.isfinite(rms) else None,
            "offset_px": [round(float(v), 2) for v in shift],
            "turn_deg": round(turn_deg, 4),
            "dimming_mag": round(dimming, 3),
            "log10_chance": round(
                self._chance(n_stars, max(eligible, n_stars), distance, dimming, j), 2
            ),
        }
        faults = []
        if n_stars == 0:
            faults.append("no star agrees")
        if n_stars == 1:
            faults += self._faults_of_one(len(i), expected - seen, given - told)
        if rms > limits.max_rms_px:
            faults.append(f"residuals above {limits.max_rms_px} px")
        # Two stars that overlap in one frame and not in the other are one image less.
        spared = 1 if n_stars >= _STARS_THAT_SPARE else 0
        if expected - seen > max(spared, limits.max_missing * expected):
            faults.append(f"{expected - seen} of {expected} images of the wide frame are missing")
        if given - told > max(spared, limits.max_missing * given):
            faults.append(f"{given - told} of {given} images are not on the wide frame")
        return Tie(self.place, turn_deg, shift, i, j, figures, tuple(faults))

    def _faults_of_one(self, n: int, missing: int, unknown: int) -> list[str]:
        """Return what speaks against a tie of one star, of which more is asked."""
        faults = []
        if n < 2 and np.any(self.vector):
            faults.append("one image of one star")
        if missing or unknown:
            faults.append(f"one star, but {missing} images are missing and {unknown} unknown")
        return faults

    def _expected_in_window(self, places: Floats, dimming: float, j: Ints) -> tuple[int, int]:
        """Return how many images the window shows, of those that it should show."""
        window, wide = self.window, self.wide
        margin = max(6.0, 1.5 * float(np.nan_to_num(window.fwhm)))
        size = np.array([self.info.width, self.info.height])
        inside = ((places > margin) & (places < size - 1.0 - margin)).all(axis=1)
        bright = wide.mag + dimming < window.limit(_SNR_SEEN)
        due = np.flatnonzero(inside & bright)
        return int(np.isin(due, j).sum()), len(due)

    def _expected_in_wide(
        self, turn_deg: float, shift: Floats, dimming: float, i: Ints
    ) -> tuple[int, int, int]:
        """Return how many images the wide frame shows, of those that it should, and the stars."""
        window = self.window
        at = Tie(self.place, turn_deg, shift, i, i, {}, ()).to_wide(window.xy)
        margin = max(6.0, 1.5 * float(np.nan_to_num(self.wide.fwhm)))
        size = np.array([self.wide_info.width, self.wide_info.height])
        inside = ((at > margin) & (at < size - 1.0 - margin)).all(axis=1)
        bright = window.mag - dimming < self.wide.limit(_SNR_SEEN)
        due = np.flatnonzero(inside & bright)
        return int(np.isin(due, i).sum()), len(due), len(np.unique(window.unit[due]))

    def _chance(self, k: int, n: int, distance: float, dimming: float, j: Ints) -> float:
        """Return the logarithm of how many ties as good and as near chance would make.

        A tie of one star is made wherever a star of the wide frame that is as much like it in
        brightness lies as near to the expected place. The second one must then lie on an arc, as
        long as the turn is free; any further one on a spot of the size of the matching radius.
        """
        if k == 0:
            return 0.0
        firsts = np.flatnonzero(self.wide.first)
        tops = np.flatnonzero(self.window.first)
        fainter = self.window.mag[tops][:, None] - self.wide.mag[firsts]
        unknown = self.window.saturated[tops][:, None] | self.wide.saturated[firsts]
        as_like = (np.abs(fainter) <= max(abs(dimming) + _SAME_MAG / 2, _LEAST_DIMMING)) | unknown
        near = np.pi * max(distance, 2.0 * self.radius) ** 2 / self.area
        expected = np.log10(max(float(as_like.sum()), 1.0) * near)
        alike = (np.abs(fainter - dimming) <= _SAME_MAG) | unknown
        if k == 1:
            return float(min(0.0, expected))
        spot = np.pi * self.radius**2 / self.area
        places = self.anchor[j]
        lever = float(np.hypot(*np.ptp(places, axis=0)))
        arc = 4.0 * self.radius * np.radians(self.limits.max_turn_deg) * lever / self.area
        per_star = float(alike.sum(axis=1).mean())
        second = np.log10(max(per_star, 0.1) * max(arc, spot))
        more = (k - 2) * np.log10(max(per_star, 0.1) * spot)
        choices = np.log10(float(_binomial(n - 1, k - 1)))
        return float(min(0.0, expected + second + more + choices))


def _turn(degrees: float) -> Floats:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s], [s, c]])


def _complex(xy: Floats) -> npt.NDArray[np.complex128]:
    return np.asarray(xy[..., 0] + 1j * xy[..., 1], dtype=np.complex128)


def _binomial(n: int, k: int) -> int:
    from math import comb

    return max(1, comb(n, k))
