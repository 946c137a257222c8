"""Nights on which something goes wrong, through the commands of the manual.

Prints for each night what was given, what was refused, how far what was given is from the truth
and the reason of what was not::

    python tests/acceptance/hard_nights.py [--others] [--seed N] [WORD ...]

Only nights whose name or instrument holds one of the words are made where some are given; a night
of the further polarimeters is made where a word names it, or ``--others`` asks for all of them.
Every night runs in a process and a data directory of its own.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import warm
from night_plans import DATES, GARDEN, OTHERS, HardNight, nights, other_nights

_AGAIN = "== all the files are there"
_ALONE = ("-q", "-o", "workers=1")
"""Options of the commands: no processes besides."""


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
    def checked(self) -> bool:
        """Whether there are more angles than unknowns: a spoilt one shows only then."""
        return "UNCHECKED" not in self.flags

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
            "late": night.late,
            "afterwards": night.afterwards,
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
        return _told(json.loads(found.read_text()), done.stdout.split(_AGAIN)[-1])


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
    truth = json.loads(made.truth.read_text())
    made.truth.unlink()  # whoever reduces the night cannot look
    if wanted["late"]:
        _set_clock(truth, made.directory, wanted["late"])
    after = place / "afterwards"
    after.mkdir()
    for path in made.directory.iterdir():
        if wanted["afterwards"] and re.search(wanted["afterwards"], path.name):
            path.rename(after / path.name)
    _run_all(
        ("stars", "import", made.stars, "--mag", "R=mag_R", "--err", "R=mag_R_err"),
        ("sources", "import", made.sources),
        ("ingest", made.directory),
    )
    if wanted["afterwards"]:
        _run_all(("run", "--all-local"))
        for path in after.iterdir():
            path.rename(made.directory / path.name)
        _run_all(("ingest", made.directory))
        print(_AGAIN, flush=True)
    status = run_app([*_ALONE, "run", "--all-local"])
    told = {"status": int(status), **_collect(truth)}
    (place / "told.json").write_text(json.dumps(told))


def _run_all(*commands: tuple[Any, ...]) -> None:
    from polarnight.cli.app import run_app

    for command in commands:
        # A file that is no frame at all fails here, and says so again in the run.
        if run_app([*_ALONE, *map(str, command)]) > 1:
            raise SystemExit(f"{command} failed")


def _set_clock(truth: dict[str, Any], directory: Path, seconds: float) -> None:
    """Make the clock of the second camera wrong in the first cycle."""
    from astropy.io import fits
    from astropy.time import Time, TimeDelta

    for frame in truth["frames"]:
        if frame["cycle"] == 0 and frame["beam"] == "E":
            with fits.open(directory / frame["filename"], mode="update") as hdus:
                begun = Time(hdus[0].header["DATE-OBS"], scale="utc")
                later = begun + TimeDelta(seconds, format="sec")
                hdus[0].header["DATE-OBS"] = later.isot


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


def chosen(words: list[str], *, others: bool, seed: int | None) -> list[HardNight]:
    """Return the nights that are asked for."""
    found = [
        night
        for night in nights() + (other_nights() if words or others else [])
        if not words or any(word.lower() in night.label.lower() for word in words)
    ]
    return [replace(night, seed=night.seed if seed is None else seed) for night in found]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs="*", metavar="WORD")
    parser.add_argument("--others", action="store_true", help="the further polarimeters too")
    parser.add_argument("--seed", type=int, help="that of the tests by default")
    asked = parser.parse_args()
    wanted = chosen(asked.words, others=asked.others, seed=asked.seed)
    print(HEAD)
    with ThreadPoolExecutor(2) as pool:
        for night, told in zip(wanted, pool.map(carry, wanted), strict=True):
            print(row_of(night, told), flush=True)


if __name__ == "__main__":
    main()
