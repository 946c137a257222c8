"""Coverage of magnitudes and Stokes parameters measured on simulated images.

Prints a table of every instrument and method, by polarization and by brightness::

    python tests/acceptance/coverage_images.py [--seed N] [workers [instrument ...]]

Nights of the scenario "grid" go through the pipeline: raw frames with bias structure, dark
current, flat fields, sky, seeing that changes, cosmic rays, bad pixels and noise; masters,
association, calibration, plate solution, apertures, Stokes parameters, zero points. Each
measured source is asked whether the truth lies within its errors. Every few sources have
calibrators of their own, so that sources of one frame do not share the error of one zero
point; the constants of the instrument are exact and the correction takes them so. Cycles of one
night show the same sources through the same masters; photons, seeing, pointing and cosmic rays
are their own.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from closed_loop import observe_from_garden, private_calibrators, reduce_night, without_errors
from coverage_flux import Tally, print_row

from polarnight.frames import ObsMode
from polarnight.pipeline.executor import Task, WorkPool
from polarnight.pipeline.groups.group import measure_group
from polarnight.pipeline.groups.outcome import GroupParameters

SEED = 101
POLARIZATIONS = ((0.0, 0.0), (0.0, 0.01), (0.01, 0.05), (0.05, 0.20))
CLASSES = ("bright", "medium", "faint", "faintest")
QUANTITIES = ("mag", "q", "u", "v", "p", "p interval", "chi")


@dataclass(frozen=True)
class Way:
    """A way to make Stokes parameters of a cycle."""

    mode: str
    method: str = "fit"
    beam: str = ""


FIT = Way("half-wave plate")
RATIOS = Way("half-wave plate, ratios", method="ratios")
ORDINARY = Way("ordinary beam alone", beam="O")
EXTRAORDINARY = Way("extraordinary beam alone", beam="E")


@dataclass(frozen=True)
class Camera:
    """What is observed with an instrument.

    Attributes
    ----------
    edges : tuple of float
        R magnitudes of four classes of brightness: S/N of one exposure about 800 to 8.
    ways : tuple of Way
        How each cycle is measured.
    options : dict
        Of the simulation: small frames, of many sources for their pixels.
    """

    edges: tuple[float, ...]
    ways: tuple[Way, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


BINNED = {"binning": 2, "size": 640}
CAMERAS = {
    "AndorT90": Camera((12.5, 14.25, 16.0, 17.75, 19.5), (Way("polaroids"),), {"size": 1024}),
    "RoperT90": Camera((12.5, 14.25, 16.0, 17.75, 19.5), (Way("polaroids"),), BINNED),
    "AndorT150": Camera((13.5, 15.25, 17.0, 18.75, 20.5), (Way("polaroids"),), BINNED),
    "CAFOS2.2": Camera((13.5, 15.25, 17.0, 18.75, 20.5), (FIT, RATIOS, ORDINARY, EXTRAORDINARY)),
    # The spacing of the sources follows the pair vector and the seeing, so that frames of few
    # pixels and good seeing hold many.
    "DIPOL": Camera(
        (11.0, 12.75, 14.5, 16.25, 18.0),
        (FIT,),
        {"binning": 4, "size": 1000, "window_size": (600, 900), "seeing": 1.2},
    ),
    "DOLORES": Camera((16.5, 18.0, 19.5, 21.0, 22.5), (), {"size": 1024, "n_cycles": 0}),
    "Camera": Camera((11.0, 12.5, 14.0, 15.5, 17.0), (), {"n_cycles": 0}),
    "ThreePolaroids": Camera((10.5, 12.0, 13.5, 15.0, 16.5), (Way("polaroids"),)),
    "TurnedPlate": Camera((10.5, 12.0, 13.5, 15.0, 16.5), (FIT,)),
    "Circular": Camera(
        (10.5, 12.0, 13.5, 15.0, 16.5), (Way("quarter-wave plate"),), {"v_range": (-0.1, 0.1)}
    ),
    "Cameras": Camera((10.5, 12.0, 13.5, 15.0, 16.5), (FIT,), {"rotator": (37.0,)}),
}
"""The last five are declared by a file alone."""


@dataclass(frozen=True)
class Night:
    """What is simulated of one night."""

    instrument: str
    seed: int
    p_range: tuple[float, float]
    n_photometry: int
    n_cycles: int
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """One result beside its truth."""

    mode: str
    p_range: tuple[float, float]
    brightness: str
    target: bool
    truth: dict[str, float]
    values: dict[str, float]
    flags: tuple[str, ...]


def nights(seed: int = SEED, only: Sequence[str] = ()) -> list[Night]:
    """Nights of the whole table, or of some instruments."""
    every = (0.0, 0.20)
    plan = [
        *(Night("AndorT90", seed + n, p, 2, 2) for n, p in enumerate(POLARIZATIONS)),
        *(Night("CAFOS2.2", seed + 10 + n, p, 2, 2) for n, p in enumerate(POLARIZATIONS)),
        Night("RoperT90", seed, every, 2, 2),
        Night("AndorT150", seed, every, 4, 6),
        *(Night("DIPOL", seed + n, p, 4, 3) for n, p in enumerate(POLARIZATIONS)),
        Night("DOLORES", seed, (0.0, 0.0), 3, 0),
        Night("Camera", seed, (0.0, 0.0), 6, 0),
        Night("ThreePolaroids", seed, every, 3, 3),
        Night("TurnedPlate", seed, every, 6, 6),
        Night("Circular", seed, every, 6, 6),
        Night("Cameras", seed, every, 3, 2),
    ]
    return [night for night in plan if not only or night.instrument in only]


def measure_night(night: Night) -> list[Measured]:
    """Simulate a night, carry it through the pipeline, and compare."""
    observe_from_garden()
    camera = CAMERAS[night.instrument]
    edges = camera.edges
    rng = np.random.default_rng([night.seed, 7])
    measured: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="polarnight-coverage-") as place:
        options = {
            "ip_scatter": 0.0,
            "mag_range": (edges[0], edges[-1]),
            "p_range": night.p_range,
            "n_photometry": night.n_photometry,
            "n_cycles": night.n_cycles,
            **camera.options,
            **night.options,
        }
        reduced = reduce_night(
            Path(place), night.instrument, night.seed, scenario="grid", **options
        )
        if reduced.failed:
            raise RuntimeError(f"frames without a plate solution: {reduced.failed}")
        sky = reduced.sky
        parameters = GroupParameters(instrumental=without_errors(night.instrument, "R"))
        for group in reduced.groups:
            sources = private_calibrators(reduced, rng, each=5, limit=edges[2], error=0.0003)
            calibrators = {source.id for source in sources if source.calibrates}
            polarimetry = group[0].info.obsmode is ObsMode.POLARIMETRY
            ways = camera.ways if polarimetry else (Way("photometry"),)
            for way in ways:
                asked = [
                    replace(s, only_pair={night.instrument: way.beam} if way.beam else {})
                    for s in sources
                ]
                found = measure_group(group, asked, replace(parameters, method=way.method))
                for row in found.results:
                    i = row.source
                    # Without polarization any angle is as true as another.
                    angle = sky.chi[i] if sky.p[i] > 0 else rng.uniform(0.0, 180.0)
                    mag = float(sky.mags["R"][i])
                    measured.append(
                        Measured(
                            mode=f"{night.instrument} {way.mode}",
                            p_range=night.p_range,
                            brightness=CLASSES[int(np.searchsorted(edges[1:-1], mag))],
                            target=i not in calibrators,
                            truth={
                                "mag": mag,
                                "q": float(sky.q[i]),
                                "u": float(sky.u[i]),
                                "v": float(sky.v[i]),
                                "p": float(sky.p[i]),
                                "chi": float(angle),
                            },
                            values=row.values,
                            flags=row.values["flags"],
                        )
                    )
    return measured


def measure_nights(plan: list[Night], workers: int = 2) -> list[Measured]:
    """Measure nights on a pool of processes, in their order."""
    tasks = [Task(n, measure_night, (night,)) for n, night in enumerate(plan)]
    found: dict[int, list[Measured]] = {}
    with WorkPool("local", workers) as pool:
        for outcome in pool.run(tasks):
            if outcome.error is not None:
                raise RuntimeError(f"{plan[outcome.key]}:\n{outcome.trace}")
            found[outcome.key] = outcome.result
    return [row for n in range(len(plan)) for row in found[n]]


def add(tally: Tally, row: Measured) -> None:
    """Count one result. Magnitudes of calibrators are left out: they are shared."""
    values, truth = row.values, row.truth
    if row.target and "mag" in values:
        tally.pull("mag", values["mag"], truth["mag"], values["mag_err"])
    if "q" not in values:
        return
    tally.pull("q", values["q"], truth["q"], values["q_err"])
    tally.pull("u", values["u"], truth["u"], values["u_err"])
    if values["v"] is not None:
        tally.pull("v", values["v"], truth["v"], values["v_err"])
    tally.hit("p", abs(values["p"] - truth["p"]) <= values["p_err"])
    tally.hit("p interval", values["p_low"] <= truth["p"] <= values["p_high"])
    off = (values["chi"] - truth["chi"] + 90.0) % 180.0 - 90.0
    tally.hit("chi", abs(off) <= values["chi_err"])


def tallies(rows: list[Measured]) -> dict[tuple[str, str], Tally]:
    """Tally by mode and by what is marginal: all, a range of p, a class of brightness."""
    found: dict[tuple[str, str], Tally] = {}
    for row in rows:
        if "BAD_PHOTOMETRY" in row.flags:
            continue
        low, high = (100.0 * p for p in row.p_range)
        names = ["all", row.brightness]
        if not row.mode.endswith("photometry"):
            names.append(f"p {low:g}-{high:g} %" if high else "p 0")
        for name in names:
            add(found.setdefault((row.mode, name), Tally.empty()), row)
    return found


def print_table(rows: list[Measured]) -> dict[tuple[str, str], Tally]:
    """Print coverage by mode, polarization and brightness; return the tallies."""
    found = tallies(rows)
    print("coverage at 1 sigma (2 sigma), bias in sigma")
    ranges = sorted({row.p_range for row in rows})
    order = ("p 0", *(f"p {100 * a:g}-{100 * b:g} %" for a, b in ranges if b), *CLASSES)
    modes = sorted(dict.fromkeys(row.mode for row in rows))
    for mode in modes:
        several = sum((mode, name) in found for name in order if name.startswith("p")) > 1
        for name in ("all", *order):
            if (mode, name) in found and (several or not name.startswith("p ")):
                tally = found[mode, name]
                count = len(tally.pulls.get("q", tally.pulls["mag"]))
                print_row(f"{mode:34s} {name:9s} n={count:5d}", tally, QUANTITIES)
        refused = [row for row in rows if row.mode == mode and "BAD_PHOTOMETRY" in row.flags]
        flags = Counter(flag for row in rows if row.mode == mode for flag in row.flags)
        largest = max(max(map(abs, pulls)) for pulls in found[mode, "all"].pulls.values())
        print(
            f"{mode:34s} left out as flagged: {len(refused)}; largest deviation "
            f"{largest:.1f} sigma; flags: {dict(flags)}"
        )
    total = Tally.empty()
    for mode in modes:
        total.add(found[mode, "all"])
    print_row(f"{'every mode together':34s} {'all':9s} n={len(total.pulls['mag']):5d}", total,
              QUANTITIES)  # fmt: skip
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("workers", type=int, nargs="?", default=2)
    parser.add_argument("instruments", nargs="*", help="all of them by default")
    parser.add_argument("--seed", type=int, default=SEED, help="that of the tests by default")
    asked = parser.parse_args()
    plan = nights(asked.seed, asked.instruments)
    print_table(measure_nights(plan, asked.workers))
