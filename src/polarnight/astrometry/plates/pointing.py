"""Where a frame may point: the readings of a header that may lie."""

from __future__ import annotations

from collections.abc import Callable

from polarnight.astrometry.geometry import precess_to_j2000, separation
from polarnight.frames import FrameInfo

__all__ = ["pointing_candidates"]

_SAME_ARCMIN = 1.0


def pointing_candidates(
    info: FrameInfo,
    resolve: Callable[[str], tuple[float, float] | None] | None = None,
) -> list[tuple[float, float, str]]:
    """List the places where a frame may point, the likeliest first.

    Parameters
    ----------
    info : FrameInfo
        Its `pointing_equinoxes` say how the header's coordinates may be meant.
    resolve : callable, optional
        Finds an object by name in a local catalogue: (ra, dec) in degrees, or None.

    Returns
    -------
    list of (ra, dec, label)
        ICRS degrees. Readings within an arcminute of an earlier one are left out. After the
        header as written and the resolved object come the header with a right ascension that is
        in hours, and one that was multiplied by 15 though it was in degrees. An instrument whose
        header is trusted less than the object has ``"object"`` first among its readings.
    """
    found: list[tuple[float, float, str]] = []

    def add(ra: float, dec: float, label: str) -> None:
        if not -90.0 <= dec <= 90.0:
            return
        ra %= 360.0
        if all(float(separation(ra, dec, a, d)) > _SAME_ARCMIN / 60.0 for a, d, _ in found):
            found.append((ra, dec, label))

    place = resolve(info.object_name) if resolve is not None and info.object_name else None

    def add_object() -> None:
        if place is not None:
            add(*place, f"object {info.object_name}")

    def readings(ra: float, dec: float, label: str) -> None:
        for equinox in info.pointing_equinoxes:
            if equinox == "object":
                add_object()
            elif equinox == "date":
                if -90.0 <= dec <= 90.0:
                    add(*precess_to_j2000(ra, dec, info.jd_mid), f"{label}, equinox of date")
            else:
                add(ra, dec, f"{label}, {equinox}")

    known = info.ra is not None and info.dec is not None
    # (0, 0) is what a header holds that was never filled in.
    if info.ra is not None and info.dec is not None and (info.ra, info.dec) != (0.0, 0.0):
        readings(info.ra, info.dec, "header")
    add_object()
    if known and info.ra is not None and info.dec is not None and info.ra != 0.0:
        if abs(info.ra) <= 24.0:
            readings(info.ra * 15.0, info.dec, "header, right ascension in hours")
        readings(info.ra / 15.0, info.dec, "header, right ascension times 15")
    return found
