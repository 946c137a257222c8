"""Nights on which something goes wrong, through the commands of the manual.

Prints for each night what was given, what was refused, how far what was given is from the truth
and the reason of what was not::

    python tests/acceptance/hard_nights.py [WORD ...]

Only nights whose name or instrument holds one of the words are made where some are given. Every
night runs in a process and a data directory of its own.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import warm

_ALONE = ("-q", "-o", "workers=1")
"""Options of the commands: no processes besides."""

GIVEN, REFUSED, EITHER = "given", "refused", "either"

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

    `because` is a regular expression that the reason of a refusal has to match.
    """

    name: str
    instrument: str
    options: dict[str, Any] = field(default_factory=dict)
    expect: str = EITHER
    because: str = ""
    seed: int = 5

    @property
    def label(self) -> str:
        return f"{self.name}, {self.instrument}"

    @property
    def all_options(self) -> dict[str, Any]:
        return {**_COMMON, **SMALL[self.instrument], **self.options}


@dataclass(frozen=True)
class Given:
    """A result beside its truth: deviations in standard errors.

    `sharp` are those of q and u in the errors of the cycle alone, without what is common to all
    cycles of the instrument.
    """

    source: str
    target: bool
    cycle: int | None
    deviations: dict[str, float]
    sharp: float
    values: dict[str, float]
    truth: dict[str, float]
    flags: tuple[str, ...]
    remarks: tuple[str, ...]
    method: str

    @property
    def warned(self) -> bool:
        """Whether the result says itself that it cannot be trusted."""
        doubts = {"BAD_PHOTOMETRY", "BAD_POLARIMETRY", "CROWDED", "SATURATED", "SKY_UNKNOWN"}
        return bool(doubts & {*self.flags})

    @property
    def largest(self) -> float:
        return max(map(abs, self.deviations.values()), default=0.0)


@dataclass(frozen=True)
class Told:
    """What became of a night.

    `refused` holds cycle (None where the frame belongs to none), source (``""`` for all of
    them) and reason; `unexplained` the cycle and source of what is neither given nor refused.
    """

    status: int
    summary: str
    given: list[Given]
    refused: list[tuple[int | None, str, str]]
    unexplained: list[tuple[int, str]]
    whys: dict[str, str]
    target: str
    cycles: int

    def of_target(self, cycle: int = 0) -> list[Given]:
        """Return the results of the target in a cycle."""
        return [one for one in self.given if one.target and one.cycle == cycle]

    def reasons(self, cycle: int = 0) -> list[str]:
        """Return why the target has no result in a cycle."""
        return [
            why for number, who, why in self.refused if number == cycle and who in ("", self.target)
        ]

    @property
    def trusted(self) -> list[Given]:
        return [one for one in self.given if not one.warned]


def carry(night: HardNight) -> Told:
    """Simulate a night and reduce it by the commands, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="polarnight-hard-") as place:
        garden = Path(place) / "garden.yaml"
        garden.write_text(GARDEN)
        wanted = {
            "instrument": night.instrument,
            "seed": night.seed,
            "options": night.all_options,
        }
        done = warm.call(
            "hard_nights",
            "_one",
            [wanted, place],
            Path(place),
            {"POLARNIGHT_INSTRUMENTS_PATH": str(garden), "COLUMNS": "2000"},
        )
        found = Path(place) / "told.json"
        if not found.exists():
            raise RuntimeError(f"{night.label}:\n{done.stdout}\n{done.stderr}")
        return _told(json.loads(found.read_text()), done.stdout)


def _told(found: dict[str, Any], summary: str) -> Told:
    given = [
        Given(**{**row, "flags": tuple(row["flags"]), "remarks": tuple(row["remarks"])})
        for row in found.pop("given")
    ]
    refused = [tuple(entry) for entry in found.pop("refused")]
    unexplained = [tuple(entry) for entry in found.pop("unexplained")]
    return Told(given=given, refused=refused, unexplained=unexplained, summary=summary, **found)


# -- in the process of the night ------------------------------------------------------------------


def _one(wanted: dict[str, Any], directory: str) -> None:
    from polarnight.cli.app import run_app
    from polarnight.pipeline.demo.simulated import simulate_to_directory

    place = Path(directory)
    name = wanted["instrument"]
    date = DATES.get(name, OTHERS)
    made = simulate_to_directory(name, date, wanted["seed"], place, **wanted["options"])
    for command in (
        ("stars", "import", made.stars, "--mag", "R=mag_R", "--err", "R=mag_R_err"),
        ("sources", "import", made.sources),
        ("ingest", made.directory),
    ):
        # A file that is no frame at all fails here, and says so again in the run.
        if run_app([*_ALONE, *map(str, command)]) > 1:
            raise SystemExit(f"{command} failed")
    status = run_app([*_ALONE, "run", "--all-local"])
    told = {"status": int(status), **_collect(json.loads(made.truth.read_text()))}
    (place / "told.json").write_text(json.dumps(told))


def _collect(truth: dict[str, Any]) -> dict[str, Any]:
    from polarnight.config import get_settings
    from polarnight.db import PhotoPolResult, RawFit, ReducedFit
    from polarnight.pipeline.explain import explain

    cycle_of = {f["filename"]: f["cycle"] for f in truth["frames"] if f.get("cycle") is not None}
    sky = {entry["name"]: entry for entry in truth["sky"]}
    target = next(entry["name"] for entry in truth["sky"] if entry["role"] == "target")
    catalogue = [e["name"] for e in truth["sky"] if e["role"] in ("target", "calibrator")]

    def cycle(files: Iterable[str]) -> int | None:
        found = [cycle_of.get(Path(name).name) for name in files]
        return max(set(found), key=found.count)  # that of most of the frames

    results = PhotoPolResult.objects.filter(reduction="relpol").select_related("astrosource")
    blends = _blends(truth)
    given = [_given(row, sky, cycle(row.files), target, blends) for row in results]
    refused: list[tuple[int | None, str, str]] = []
    for row in RawFit.objects.exclude(error=""):
        refused.append((cycle([row.filename]), "", row.error))
    for row in ReducedFit.objects.filter(obsmode="POLARIMETRY"):
        number = cycle([row.filename])
        if row.error:
            refused.append((number, "", row.error))
        state = (row.photometry_info or {}).get("relpol") or {}
        if state.get("error"):
            refused.append((number, "", state["error"]))
        refused += [(number, who, why) for who, why in state.get("refused", [])]
    refused = list(dict.fromkeys(refused))
    explained = {(one["cycle"], one["source"]) for one in given}
    explained |= {(number, who) for number, who, _ in refused}
    cycles = sorted(set(cycle_of.values()))
    unexplained = [
        (number, name)
        for number in cycles
        for name in (target, *_on_the_chip(truth, catalogue, number))
        if not {(number, name), (number, "")} & explained
    ]
    settings = get_settings()
    whys = {row.filename: explain(row.fileloc, settings) for row in RawFit.objects.all()
            if row.filename in cycle_of}  # fmt: skip
    return {
        "given": given,
        "refused": refused,
        "unexplained": sorted(set(unexplained)),
        "whys": whys,
        "target": target,
        "cycles": len(cycles),
    }


def _on_the_chip(truth: dict[str, Any], catalogue: list[str], cycle: int) -> list[str]:
    """Return the catalogue sources of which an image lies on every frame of a cycle."""
    frames = [f for f in truth["frames"] if f.get("cycle") == cycle and not f["missing"]]
    seen = [set(f["source"]) for f in frames]
    names = [entry["name"] for entry in truth["sky"]]
    return [names[i] for i in sorted(set.intersection(*seen)) if names[i] in catalogue]


_VALUES = [name + end for name in ("q", "u", "v", "p", "chi", "mag") for end in ("", "_err")]


def _blends(truth: dict[str, Any]) -> dict[str, float]:
    """Return the share of other stars in the light of each source, by the truth.

    The other image of a star may lie under an image of another, where nobody can tell the two
    from one: magnitudes that are wrong for it tell nothing of the night.
    """
    frame = next(f for f in truth["frames"] if f.get("cycle") is not None)
    ends = [end for end in ("", "_e") if "x" + end in frame]
    number, x, y, flux = (
        np.concatenate([np.array(frame[key + end], dtype=float) for end in ends])
        for key in ("source", "x", "y", "flux_adu")
    )
    found: dict[str, float] = {}
    for i in np.unique(number):
        own, others = number == i, number != i
        foreign = 0.0
        for xi, yi in zip(x[own], y[own], strict=True):
            near = np.hypot(x - xi, y - yi) < 2.0 * frame["fwhm_px"]
            foreign += float(flux[others & near].sum())
        found[truth["sky"][int(i)]["name"]] = foreign / float(flux[own].sum())
    return found


def _given(
    row: Any,
    sky: dict[str, Any],
    cycle: int | None,
    target: str,
    blends: dict[str, float],
) -> dict[str, Any]:
    entry = sky[row.astrosource.name]
    q, u = (entry.get("stokes") or {}).get(row.band, (entry["q"], entry["u"]))
    pol = row.evidence["polarimetry"]
    # What rests on the field being unpolarized is an error of this cycle too.
    field_err = (pol["transparency"] or {}).get("field_polarization") or 0.0
    deviations = {"q": (row.q - q) / row.q_err, "u": (row.u - u) / row.u_err}
    if row.v is not None:
        deviations["v"] = (row.v - entry["v"]) / row.v_err
    blended = 1.0857 * blends.get(row.astrosource.name, 0.0) > 0.3 * (row.mag_err or 1.0)
    if row.mag is not None and not blended:
        deviations["mag"] = (row.mag - entry["mags"][row.band]) / row.mag_err
    sharp = float(
        np.hypot(row.q - q, row.u - u)
        / np.sqrt(0.5 * (pol["q_err_random"] ** 2 + pol["u_err_random"] ** 2) + field_err**2)
    )
    return {
        "source": row.astrosource.name,
        "target": row.astrosource.name == target,
        "cycle": cycle,
        "deviations": {k: float(v) for k, v in deviations.items()},
        "sharp": sharp,
        "values": {name: getattr(row, name) for name in _VALUES},
        "truth": {
            **{key: entry[key] for key in ("p", "chi", "v")},
            "q": q,
            "u": u,
            "mag": entry["mags"][row.band],
        },
        "flags": row.flag_labels,
        "remarks": pol["remarks"],
        "method": row.pol_method,
    }


# -- the nights -----------------------------------------------------------------------------------

FOUR, EIGHT, SIXTEEN = "CAFOS2.2", "EightAngles", "DIPOL"
POLAROIDS, ONE = "AndorT90", "OneBeam"
ALL = (FOUR, EIGHT, SIXTEEN, POLAROIDS, ONE)

_FIRST = {SIXTEEN: 1}  # the wide frame goes before the cycle


# Where the target lies so that one of its two images misses the chip, or most of its aperture.
EDGE = {
    FOUR: (0.045, 0.5), EIGHT: (0.96, 0.5), SIXTEEN: (0.1, 0.5), POLAROIDS: (0.002, 0.5),
    ONE: (0.002, 0.5),
}  # fmt: skip


def _number(instrument: str, frame: int) -> int:
    return frame + _FIRST.get(instrument, 0)


def _spoilt(kind: str, instrument: str, frame: int = 1) -> dict[str, Any]:
    return {"disturbances": {kind: [_number(instrument, frame)]}}


MOON = {"moonlight": 8.0, "moon_gradient": 0.5, "moon_polarization": 0.5}
AGREE, NO_FRAME, EDGE_OF = "do not agree", "no frame at", "edge of the detector|beyond the edge"

# What is expected of the target in the cycle with the mishap, and the cause to be named. Of four
# angles none can be missed, and the one that is spoilt cannot be told; of more it is left out.
OF_FOUR = {
    "stuck plate": (EITHER, AGREE),
    "satellite": (REFUSED, AGREE),
    "saturated": (REFUSED, "saturated"),
    "trailed": (EITHER, f"{AGREE}|{NO_FRAME}"),
    "cloud": (GIVEN, ""),
    "thick cloud": (EITHER, NO_FRAME),
    "dome": (EITHER, NO_FRAME),
    "missing frame": (REFUSED, NO_FRAME),
    # What comes after the gap may be a cycle with the first frames of the next one.
    "gap of 3 hours": (EITHER, r"incomplete cycle of 2 frames \(gap\)"),
}
AT_THE_EDGE = {
    # The other image is on the chip, and serves alone.
    ("one beam off", FOUR): GIVEN,
    ("one beam off", EIGHT): GIVEN,
    ("one beam off", SIXTEEN): GIVEN,
    ("over the border", FOUR): GIVEN,
    ("over the border", SIXTEEN): GIVEN,
}


def nights() -> list[HardNight]:
    """Every night of the table."""
    found = []
    for name in ALL:
        half, n = len_of(name) // 2, len_of(name)
        made: dict[str, dict[str, Any]] = {
            kind.replace("_", " "): _spoilt(kind, name)
            for kind in ("stuck_plate", "satellite", "saturated", "trailed", "cloud",
                         "thick_cloud", "dome")
        }  # fmt: skip
        made |= {
            "missing frame": {"missing": [_number(name, 1)]},
            "gap of 3 hours": {"pauses": {_number(name, half): 3.0}},
        }
        for kind, options in made.items():
            expect, because = OF_FOUR[kind]
            found.append(HardNight(kind, name, options, GIVEN if n > 4 else expect, because))
        border = {"pointing_error": 0.0, "dither": 0.5}
        for kind, place in (("one beam off", EDGE[name]), ("over the border", (0.994, 0.5))):
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
                "stuck_plate": [_number(name, 2)],
                "satellite": [_number(name, n + 1 if n == 4 else 6)],
            },
            "clouds": 0.7, "moonlight": 6.0, "moon_gradient": 0.4, "drift": 100.0,
            "seeing_scatter": 0.1, "pointing_offset": (0.3, 0.3),
        }  # fmt: skip
        if n == 4:
            everything["n_cycles"] = 3
        else:
            everything["disturbances"]["saturated"] = [_number(name, n - 2)]
        found.append(HardNight("everything", name, everything, EITHER, AGREE))
    few = {"clouds": 1.0, "n_stars": 12, "n_calibrators": 2, "n_cycles": 6}
    unequal = {"target_at": EDGE[FOUR], "pointing_error": 0.0, "beam_gain": 0.08}
    found += [
        HardNight("unequal beams, one off", FOUR, unequal, GIVEN),
        HardNight("clouds, few stars", POLAROIDS, few, EITHER, "clouds"),
        HardNight("clouds, few stars", ONE, few, EITHER, "clouds"),
    ]
    return found


def len_of(instrument: str) -> int:
    """Return the number of angles of a cycle."""
    return {EIGHT: 8, SIXTEEN: 16}.get(instrument, 4)


def row_of(night: HardNight, told: Told) -> str:
    """Return the line of the table."""
    target = [one for one in told.given if one.target]
    trusted = told.trusted
    n = len({one.cycle for one in target})
    largest = max((one.largest for one in trusted), default=0.0)
    sharp = max((one.sharp for one in trusted), default=0.0)
    own = max((one.largest for one in target if not one.warned), default=0.0)
    reasons = [why for c in range(told.cycles) for why in told.reasons(c)]
    remarks = [text for one in target for text in one.remarks]
    text = "; ".join(dict.fromkeys(reasons)) or "; ".join(dict.fromkeys(remarks))
    flags = ",".join(sorted({flag for one in target for flag in one.flags}))
    silent = f" UNEXPLAINED {told.unexplained}" if told.unexplained else ""
    return (
        f"{night.name:22s} {night.instrument:14s} {told.status} {n}/{told.cycles} "
        f"{len(trusted):3d}/{len(told.given):3d} {own:5.1f} {largest:5.1f} {sharp:5.1f}  "
        f"{flags} | {text[:230]}{silent}"
    )


HEAD = (
    "night                  instrument     exit, target given in cycles, results trusted/given, "
    "largest deviation of the target and of all, in errors of the cycle alone, flags | reason"
)


def main(words: list[str]) -> None:
    chosen = [
        night
        for night in nights()
        if not words or any(word.lower() in night.label.lower() for word in words)
    ]
    print(HEAD)
    with ThreadPoolExecutor(2) as pool:
        for night, told in zip(chosen, pool.map(carry, chosen), strict=True):
            print(row_of(night, told), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
