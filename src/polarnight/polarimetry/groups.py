"""Cycles of polarimetric frames, made in time."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["Cycle", "PolarimetryRecord", "make_groups", "pair_cameras"]

_SECONDS = 86400.0


@dataclass(frozen=True, slots=True)
class PolarimetryRecord:
    """What grouping needs to know of a frame.

    Attributes
    ----------
    key : hashable
        Whatever identifies the frame to the caller.
    ra, dec : float or None
        Position of the target (or centre of the solved field), degrees; None if unknown.
    name : str
        Name of the target, used only where the position is unknown.
    instrument, band : str
    exptime : float
        Seconds.
    angle : float
        Of polaroid or plate, degrees.
    jd : float
        Mid-exposure, days.
    beam : str
        ``"O"`` or ``"E"`` where the camera sees one of two beams, ``""`` where it sees all.
    """

    key: Hashable
    ra: float | None
    dec: float | None
    name: str
    instrument: str
    band: str
    exptime: float
    angle: float
    jd: float
    beam: str = ""


@dataclass(frozen=True, slots=True)
class Cycle:
    """Frames of one target taken one after the other at different angles.

    Attributes
    ----------
    records : tuple of PolarimetryRecord
        In order of time.
    complete : bool
        Whether every angle wanted is there, with both beams where two cameras see them.
    missing : tuple of float
        Angles wanted that are not.
    reason : str
        What ended the cycle: ``"angle repeats"``, ``"gap"`` or ``"end"``.
    unpaired : tuple of PolarimetryRecord
        Frames of one camera that have no partner from the other.
    """

    records: tuple[PolarimetryRecord, ...]
    complete: bool
    missing: tuple[float, ...]
    reason: str
    unpaired: tuple[PolarimetryRecord, ...] = ()


def _separation(first: PolarimetryRecord, second: PolarimetryRecord) -> float | None:
    """Angle on the sky in degrees, or None where a position is unknown."""
    if first.ra is None or first.dec is None or second.ra is None or second.dec is None:
        return None
    dec1, dec2 = math.radians(first.dec), math.radians(second.dec)
    half_dec = math.sin((dec2 - dec1) / 2.0)
    half_ra = math.sin(math.radians(second.ra - first.ra) / 2.0)
    chord = half_dec**2 + math.cos(dec1) * math.cos(dec2) * half_ra**2
    return math.degrees(2.0 * math.asin(math.sqrt(min(chord, 1.0))))


def _same_target(first: PolarimetryRecord, second: PolarimetryRecord, radius_deg: float) -> bool:
    if (first.instrument, first.band) != (second.instrument, second.band):
        return False
    if not math.isclose(first.exptime, second.exptime, rel_tol=1e-3, abs_tol=1e-3):
        return False
    separation = _separation(first, second)
    if separation is None:
        return " ".join(first.name.split()).upper() == " ".join(second.name.split()).upper()
    return separation <= radius_deg


def _angle_distance(first: float, second: float, period: float) -> float:
    return abs((first - second + period / 2.0) % period - period / 2.0)


def make_groups(
    records: Iterable[PolarimetryRecord],
    *,
    angles: Sequence[float],
    period: float = 180.0,
    max_gap: float = 600.0,
    radius_deg: float = 1.0 / 60.0,
    angle_tolerance: float = 1.0,
) -> list[Cycle]:
    """Put polarimetric frames into cycles.

    Frames of one instrument, band and exposure time belong to one target where their
    positions agree within `radius_deg` (names are compared only where a position is
    unknown). Along time a cycle ends where an angle comes back, or where the next exposure
    begins more than `max_gap` after the end of the last. An incomplete cycle stays
    incomplete: it is reported, and not filled with frames of another time.

    Several exposures in a row at one angle (0 0 22.5 22.5 45 45 ...) are of one cycle: they
    join it while angles are missing, and at its last angle while there are fewer of them than
    of an earlier one. A sequence that turns back (0 22.5 45 67.5 67.5 45 ...) is two cycles.

    The frames of two cameras that see one beam each count as one exposure (`pair_cameras`); one
    without a partner stays in its cycle and is reported.

    Parameters
    ----------
    records : iterable of PolarimetryRecord
        In any order.
    angles : sequence of float
        Angles of a complete cycle, degrees.
    period : float
        Angles equal modulo this are the same: 180 for polaroids, 360 for plates (whose
        positions a quarter turn apart are measured apart to average out their faults).
    max_gap : float
        Seconds.
    radius_deg : float
        Degrees on the sky.
    angle_tolerance : float
        Degrees.

    Returns
    -------
    list of Cycle
        In order of their first frame; equal for any order of the input.
    """
    targets: list[list[PolarimetryRecord]] = []
    for record in sorted(records, key=lambda r: (r.jd, r.angle, str(r.key))):
        for target in targets:
            if _same_target(target[0], record, radius_deg):
                target.append(record)
                break
        else:
            targets.append([record])
    cycles: list[Cycle] = []
    for target in targets:
        exposures = pair_cameras(target, period=period, angle_tolerance=angle_tolerance)
        partners = {exposure[0].key: exposure for exposure in exposures}
        current: list[PolarimetryRecord] = []
        for first, *_ in exposures:
            reason = _break_before(current, first, angles, period, max_gap, angle_tolerance)
            if reason:
                cycles.append(_close(current, partners, reason, angles, period, angle_tolerance))
                current = []
            current.append(first)
        cycles.append(_close(current, partners, "end", angles, period, angle_tolerance))
    return sorted(cycles, key=lambda c: (c.records[0].jd, str(c.records[0].key)))


def _break_before(
    current: list[PolarimetryRecord],
    record: PolarimetryRecord,
    angles: Sequence[float],
    period: float,
    max_gap: float,
    tolerance: float,
) -> str:
    """Why `record` starts a new cycle, or an empty string."""
    if not current:
        return ""
    last = current[-1]
    idle = (record.jd - last.jd) * _SECONDS - 0.5 * (record.exptime + last.exptime)
    if idle > max_gap:
        return "gap"
    same = [_angle_distance(r.angle, record.angle, period) <= tolerance for r in current]
    if not any(same):
        return ""
    if same[-1] and not _turns_back(current, angles, period, tolerance):
        return ""
    return "angle repeats"


def _turns_back(
    current: list[PolarimetryRecord], angles: Sequence[float], period: float, tolerance: float
) -> bool:
    """Whether one more exposure at the last angle begins another cycle rather than joins."""
    if _missing(current, angles, period, tolerance):
        return False
    counts = [1]
    for before, after in pairwise(current):
        if _angle_distance(before.angle, after.angle, period) <= tolerance:
            counts[-1] += 1
        else:
            counts.append(1)
    return counts[-1] >= max(counts[:-1], default=0)


def _close(
    current: list[PolarimetryRecord],
    partners: Mapping[Hashable, tuple[PolarimetryRecord, ...]],
    reason: str,
    angles: Sequence[float],
    period: float,
    tolerance: float,
) -> Cycle:
    missing = _missing(current, angles, period, tolerance)
    exposures = [partners[first.key] for first in current]
    unpaired = tuple(e[0] for e in exposures if len(e) == 1 and e[0].beam)
    records = tuple(record for exposure in exposures for record in exposure)
    return Cycle(records, not missing and not unpaired, missing, reason, unpaired)


def pair_cameras(
    records: Iterable[PolarimetryRecord],
    *,
    period: float = 360.0,
    angle_tolerance: float = 1.0,
) -> list[tuple[PolarimetryRecord, ...]]:
    """Put the frames of two cameras into exposures.

    A frame of the ordinary and one of the extraordinary beam are one exposure where their
    angles are the same and they overlap in time; of several, those that overlap longest.

    Parameters
    ----------
    records : iterable of PolarimetryRecord
        Of one target. Those with no `beam` are exposures by themselves.
    period, angle_tolerance : float
        Degrees, as in `make_groups`.

    Returns
    -------
    list of tuple of PolarimetryRecord
        In order of time, the ordinary beam first; of length one without a partner.
    """
    ordered = sorted(records, key=lambda r: (r.jd, r.angle, str(r.key)))
    pairs = sorted(_overlapping(ordered, period, angle_tolerance))
    partner: dict[int, int] = {}
    for _, n, m in pairs:
        if n not in partner and m not in partner:
            partner[n], partner[m] = m, n
    exposures: list[tuple[PolarimetryRecord, ...]] = []
    for n, record in enumerate(ordered):
        if n not in partner:
            exposures.append((record,))
        elif record.beam == "O":
            exposures.append((record, ordered[partner[n]]))
    return sorted(exposures, key=lambda e: (e[0].jd, e[0].angle, str(e[0].key)))


def _overlapping(
    ordered: Sequence[PolarimetryRecord], period: float, tolerance: float
) -> Iterator[tuple[float, int, int]]:
    """Frames of the two cameras at one angle that overlap: minus the seconds, and their places."""
    longest = max((record.exptime for record in ordered if record.beam), default=0.0) / _SECONDS
    for n, first in enumerate(ordered):
        for m in range(n + 1, len(ordered)) if first.beam else ():
            second = ordered[m]
            if second.jd - first.jd > longest:
                break
            overlap = _overlap(first, second)
            if (
                {first.beam, second.beam} == {"O", "E"}
                and overlap > 0
                and _angle_distance(first.angle, second.angle, period) <= tolerance
            ):
                yield -overlap, n, m


def _overlap(first: PolarimetryRecord, second: PolarimetryRecord) -> float:
    """Seconds that two exposures have in common, negative where there is a pause."""
    start = max(r.jd - 0.5 * r.exptime / _SECONDS for r in (first, second))
    end = min(r.jd + 0.5 * r.exptime / _SECONDS for r in (first, second))
    return (end - start) * _SECONDS


def _missing(
    current: list[PolarimetryRecord], angles: Sequence[float], period: float, tolerance: float
) -> tuple[float, ...]:
    return tuple(
        wanted
        for wanted in angles
        if all(_angle_distance(r.angle, wanted, period) > tolerance for r in current)
    )
