"""Which nights go wrong, and what is expected of them; `hard_nights` carries them out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

GIVEN, REFUSED, EITHER = "given", "refused", "either"
UNTOLD = "given, and flagged as what nothing in its cycle checks"

GARDEN = """
telescope: {name: Garden, longitude: 255.0, latitude: 40.0, height: 1500, TELESCOP: [Garden]}
instruments:
-
  name: EightAngles
  recognise: {INSTRUME: [EightAngles]}
  size: [400, 360]
  pixel_scale: 0.9
  gain: 1.2
  read_noise: 6.0
  filters: {R: R}
  polarimeter: half-wave plate
  angles: [0, 22.5, 45, 67.5, 90, 112.5, 135, 157.5]
  pair: {dx: 30, dy: 2, sx: 1, sy: 1}
  keywords: {angle: HWPANG}
  simulation: {diameter: 0.9}
- name: OneBeam
  recognise: {INSTRUME: [OneBeam]}
  size: [400, 360]
  pixel_scale: 0.9
  gain: 1.2
  read_noise: 6.0
  filters: {R: R}
  polarimeter: half-wave plate
  keywords: {angle: HWPANG}
  simulation: {diameter: 0.9}
- name: ThreePolaroids
  recognise: {INSTRUME: [ThreePolaroids]}
  size: [400, 360]
  pixel_scale: 0.9
  gain: 1.2
  read_noise: 6.0
  filters: {R: R, P0: R, P60: R, P120: R}
  polarimeter: polaroids
  polaroids: {P0: 0, P60: 60, P120: 120}
  simulation: {diameter: 0.9}
- name: Circular
  recognise: {INSTRUME: [Circular]}
  size: [400, 360]
  pixel_scale: 0.9
  gain: 1.2
  read_noise: 6.0
  filters: {R: R}
  polarimeter: quarter-wave plate
  retardance: 92
  pair: {dx: 3, dy: 30, sx: 1, sy: 1}
  keywords: {angle: QWPANG}
  simulation: {diameter: 0.9}
- name: Cameras
  recognise: {INSTRUME: [Cameras]}
  size: [400, 360]
  pixel_scale: 0.9
  gain: 1.2
  read_noise: 6.0
  filters: {R: R}
  polarimeter: half-wave plate
  beams: cameras
  camera_beams: {filename: "_cam([12])\\\\.fits$", values: {1: O, 2: E}}
  keywords: {angle: HWP, instrument_angle: ROTPA}
  simulation: {diameter: 0.9}
"""
"""Polarimeters that a file declares, each of another kind."""

DATES = {
    "AndorT90": "2022-09-18",
    "AndorT150": "2023-09-18",
    "CAFOS2.2": "2025-09-13",
    "DIPOL": "2025-10-18",
    "RoperT90": "2020-09-18",
}
OTHERS = "2026-09-18"

_COMMON = {"photometry": (), "n_photometry": 0, "n_bias": 3, "n_flats": 3, "ip_scatter": 0.0}
_DECLARED = {"exptime_polarimetry": 20.0, "n_stars": 130, "n_cycles": 2, "gap": 10.0}
SMALL = {
    "AndorT90": {"size": 400, "n_stars": 170, "n_cycles": 2},
    "AndorT150": {"size": 400, "n_stars": 150, "n_cycles": 2},
    "RoperT90": {"size": 400, "n_stars": 170, "n_cycles": 2},
    "CAFOS2.2": {"size": 400, "n_cycles": 2},
    "DIPOL": {
        "size": 1000, "window_size": (500, 560), "photometry": ("R",), "n_photometry": 1,
        "n_cycles": 1, "n_darks": 3, "n_stars": 80, "n_calibrators": 4, "pointing_error": 3.0,
    },
    "EightAngles": _DECLARED,
    "OneBeam": _DECLARED,
    "ThreePolaroids": _DECLARED,
    "Circular": _DECLARED,
    "Cameras": _DECLARED,
}  # fmt: skip
"""Options that make short nights of small frames."""


@dataclass(frozen=True)
class HardNight:
    """A night, and what is expected of the target in its first cycle, which is disturbed.

    `because` is a regular expression that the reason of a refusal has to match. By `late` seconds
    the second camera's clock is ahead in that cycle; files whose names hold `afterwards` come only
    after the night was reduced without them, and it is reduced again.
    """

    name: str
    instrument: str
    options: dict[str, Any] = field(default_factory=dict)
    expect: str = EITHER
    because: str = ""
    seed: int = 5
    late: float = 0.0
    afterwards: str = ""

    @property
    def label(self) -> str:
        return f"{self.name}, {self.instrument}"

    @property
    def all_options(self) -> dict[str, Any]:
        return {**_COMMON, **SMALL[self.instrument], **self.options}


FOUR, EIGHT, SIXTEEN = "CAFOS2.2", "EightAngles", "DIPOL"
POLAROIDS, ONE = "AndorT90", "OneBeam"
ALL = (FOUR, EIGHT, SIXTEEN, POLAROIDS, ONE)
THREE, QUARTER, CAMERAS = "ThreePolaroids", "Circular", "Cameras"
OTHER = ("RoperT90", "AndorT150", THREE, QUARTER, CAMERAS)

_ANGLES = {EIGHT: 8, SIXTEEN: 16, QUARTER: 8, THREE: 3}
_FIRST = {SIXTEEN: 1}  # the wide frame goes before the cycle

# Where the target lies so that one of its two images misses the chip, or most of its aperture.
EDGE = {FOUR: (0.045, 0.5), EIGHT: (0.96, 0.5), SIXTEEN: (0.1, 0.5), QUARTER: (0.5, 0.96)}
EDGE_OF_ONE_IMAGE = (0.002, 0.5)

MOON = {"moonlight": 8.0, "moon_gradient": 0.5, "moon_polarization": 0.5}
AGREE, NO_FRAME, EDGE_OF = "do not agree", "no frame at", "edge of the detector|beyond the edge"

# What is expected of the target in the cycle with the mishap, and the cause to be named. Of four
# angles none can be missed, and the one that is spoilt cannot be told; of more it is left out.
OF_FOUR = {
    "stuck plate": (EITHER, AGREE),
    "satellite": (REFUSED, AGREE),
    "saturated": (REFUSED, "saturated"),
    "trailed": (EITHER, f"{AGREE}|{NO_FRAME}|stars are trailed"),
    "cloud": (GIVEN, ""),
    "thick cloud": (EITHER, NO_FRAME),
    "dome": (EITHER, NO_FRAME),
    "missing frame": (REFUSED, NO_FRAME),
    # What comes after the gap may be a cycle with the first frames of the next one.
    "gap of 3 hours": (EITHER, r"incomplete cycle of \d frames? \(gap\)"),
}
AT_THE_EDGE = {
    # The other image is on the chip, and serves alone.
    ("one beam off", FOUR): GIVEN,
    ("one beam off", EIGHT): GIVEN,
    ("one beam off", SIXTEEN): GIVEN,
    ("over the border", FOUR): GIVEN,
    ("over the border", SIXTEEN): GIVEN,
    ("one beam off", CAMERAS): GIVEN,
}
# Three fluxes are three unknowns: foreign light, or a wrong angle, is a polarization.
OF_THREE = ("stuck plate", "satellite", "everything")


def len_of(instrument: str) -> int:
    """Return the number of angles of a cycle."""
    return _ANGLES.get(instrument, 4)


def frames_of(instrument: str, *exposures: int) -> list[int]:
    """Return the numbers of the science frames of some exposures of polarimetry."""
    if instrument == CAMERAS:
        return [number for n in exposures for number in (2 * n, 2 * n + 1)]
    return [n + _FIRST.get(instrument, 0) for n in exposures]


def nights() -> list[HardNight]:
    """Every night of the table."""
    found = [night for name in ALL for night in nights_of(name)]
    few = {"clouds": 1.0, "n_stars": 12, "n_calibrators": 2, "n_cycles": 6}
    unequal = {"target_at": EDGE[FOUR], "pointing_error": 0.0, "beam_gain": 0.08}
    found += [
        HardNight("unequal beams, one off", FOUR, unequal, GIVEN),
        HardNight("clouds, few stars", POLAROIDS, few, EITHER, "clouds"),
        HardNight("clouds, few stars", ONE, few, EITHER, "clouds"),
    ]
    return found


def other_nights() -> list[HardNight]:
    """The same mishaps through further polarimeters, and what befalls two cameras only."""
    found = [night for name in OTHER for night in nights_of(name)]
    lost = "is on no frame at"
    found += [
        HardNight("a camera loses a frame", CAMERAS, {"missing": [3]}, REFUSED, lost),
        HardNight("a camera loses a cycle", CAMERAS, {"missing": [1, 3, 5, 7]}, GIVEN),
        HardNight("half an exposure late", CAMERAS, {}, GIVEN, late=10.0),
        # One camera serves alone where none of its frames has a partner.
        HardNight("an exposure late", CAMERAS, {}, GIVEN, late=30.0),
        HardNight("files of a camera later", CAMERAS, {}, GIVEN, afterwards="_cam2"),
        HardNight("one file later", CAMERAS, {}, GIVEN, afterwards="_R_22.5-0001_cam2"),
        HardNight("one file later", QUARTER, {}, GIVEN, afterwards="_R_22.5-0001"),
    ]
    return found


TELLING = (
    "stuck plate, ThreePolaroids",
    "satellite, Circular",
    "one beam off, Circular",
    "satellite, Cameras",
    "a camera loses a frame, Cameras",
    "an exposure late, Cameras",
    "one file later, Cameras",
    "stuck plate, AndorT150",
)
"""Those of the other nights that the tests carry out."""


def nights_of(name: str) -> list[HardNight]:
    """Return the nights of one instrument."""
    found = []
    n = len_of(name)
    made: dict[str, dict[str, Any]] = {
        kind.replace("_", " "): {"disturbances": {kind: frames_of(name, 1)}}
        for kind in ("stuck_plate", "satellite", "saturated", "trailed", "cloud",
                     "thick_cloud", "dome")
    }  # fmt: skip
    made |= {
        "missing frame": {"missing": frames_of(name, 1)},
        "gap of 3 hours": {"pauses": {n // 2 + _FIRST.get(name, 0): 3.0}},
    }
    for kind, options in made.items():
        expect, because = OF_FOUR[kind]
        if (kind, name) == ("gap of 3 hours", QUARTER):  # which half of its angles leaves
            expect, because = REFUSED, "do not determine"
        elif n > 4:
            expect = GIVEN
        found.append(HardNight(kind, name, options, expect, because))
    border = {"pointing_error": 0.0, "dither": 0.5}
    off = EDGE.get(name, EDGE_OF_ONE_IMAGE)
    for kind, place in (("one beam off", off), ("over the border", (0.994, 0.5))):
        expect = AT_THE_EDGE.get((kind, name), REFUSED)
        options = border | {"target_at": place}
        found.append(HardNight(kind, name, options, expect, EDGE_OF))
    for kind, options in {
        "clean": {},
        "clouds of 1 mag": {"clouds": 1.0},
        "moonlight": MOON,
        "drift": {"drift": 300.0},
        "pointing 0.5 deg": {"pointing_offset": (0.35, -0.35)},
    }.items():
        found.append(HardNight(kind, name, options, GIVEN))
    everything: dict[str, Any] = {
        "disturbances": {
            "stuck_plate": frames_of(name, 2),
            "satellite": frames_of(name, n + 1 if n <= 4 else 6),
        },
        "clouds": 0.7, "moonlight": 6.0, "moon_gradient": 0.4, "drift": 100.0,
        "seeing_scatter": 0.1, "pointing_offset": (0.3, 0.3),
    }  # fmt: skip
    if n <= 4:
        everything["n_cycles"] = 3
    else:
        everything["disturbances"]["saturated"] = frames_of(name, n - 2)
    found.append(HardNight("everything", name, everything, EITHER, AGREE))
    return [
        replace(night, expect=UNTOLD) if name == THREE and night.name in OF_THREE else night
        for night in found
    ]
