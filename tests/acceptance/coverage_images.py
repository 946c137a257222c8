"""Coverage of magnitudes and Stokes parameters measured on simulated images.

Prints a table of every mode, by polarization and by brightness::

    python tests/acceptance/coverage_images.py [workers]

Nights of the scenario "grid" go through the pipeline: raw frames with bias structure, dark
current, flat fields, sky, seeing that changes, cosmic rays, bad pixels and noise; masters,
association, calibration, plate solution, apertures, Stokes parameters, zero points. Each
measured source is asked whether the truth lies within its errors. Every few sources have
calibrators of their own, so that sources of one frame do not share the error of one zero
point; the constants of the instrument are exact and the correction takes them so.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from closed_loop import private_calibrators, reduce_night, without_errors
from coverage_flux import Tally, print_row

from polarnight.pipeline.executor import Task, WorkPool
from polarnight.pipeline.group import measure_group
from polarnight.pipeline.outcome import GroupParameters

MODES = {
    ("AndorT90", "relphot"): "photometry",
    ("CAFOS2.2", "relphot"): "photometry",
    ("AndorT90", "relpol"): "polaroids",
    ("CAFOS2.2", "relpol"): "half-wave plate",
}
POLARIZATIONS = ((0.0, 0.0), (0.0, 0.01), (0.01, 0.05), (0.05, 0.20))
# R magnitudes of four classes of brightness: S/N of one exposure about 800 to 8.
BRIGHTNESS = {
    "AndorT90": (12.5, 14.25, 16.0, 17.75, 19.5),
    "CAFOS2.2": (13.5, 15.25, 17.0, 18.75, 20.5),
}
CLASSES = ("bright", "medium", "faint", "faintest")
QUANTITIES = ("mag", "q", "u", "p", "p interval", "chi")


@dataclass(frozen=True)
class Night:
    """What is simulated of one night."""

    instrument: str
    seed: int
    p_range: tuple[float, float]
    n_photometry: int
    n_cycles: int
    size: int | None = None


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


def nights(seed: int = 101) -> list[Night]:
    """Nights of the whole table."""
    return [
        Night(instrument, seed + 10 * turn + n, p_range, n_photometry=2, n_cycles=2, size=size)
        for instrument, turns, size in (("AndorT90", 2, 1024), ("CAFOS2.2", 3, None))
        for turn in range(turns)
        for n, p_range in enumerate(POLARIZATIONS)
    ]


def measure_night(night: Night) -> list[Measured]:
    """Simulate a night, carry it through the pipeline, and compare."""
    edges = BRIGHTNESS[night.instrument]
    rng = np.random.default_rng([night.seed, 7])
    measured: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="polarnight-coverage-") as place:
        reduced = reduce_night(
            Path(place),
            night.instrument,
            night.seed,
            scenario="grid",
            size=night.size,
            ip_scatter=0.0,
            mag_range=(edges[0], edges[-1]),
            p_range=night.p_range,
            n_photometry=night.n_photometry,
            n_cycles=night.n_cycles,
        )
        if reduced.failed:
            raise RuntimeError(f"frames without a plate solution: {reduced.failed}")
        sky = reduced.sky
        parameters = GroupParameters(instrumental=without_errors(night.instrument, "R"))
        for group in reduced.groups:
            sources = private_calibrators(reduced, rng, each=5, limit=edges[2], error=0.0003)
            calibrators = {source.id for source in sources if source.calibrates}
            reduction = "relphot" if len(group) == 1 else "relpol"
            for row in measure_group(group, sources, parameters).results:
                i = row.source
                # Without polarization any angle is as true as another.
                angle = sky.chi[i] if sky.p[i] > 0 else rng.uniform(0.0, 180.0)
                measured.append(
                    Measured(
                        mode=MODES[night.instrument, reduction],
                        p_range=night.p_range,
                        brightness=CLASSES[int(np.searchsorted(edges[1:-1], sky.mags["R"][i]))],
                        target=i not in calibrators,
                        truth={
                            "mag": float(sky.mags["R"][i]),
                            "q": float(sky.q[i]),
                            "u": float(sky.u[i]),
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
        if row.mode != "photometry":
            names.append(f"p {low:g}-{high:g} %" if high else "p 0")
        for name in names:
            add(found.setdefault((row.mode, name), Tally.empty()), row)
    return found


def print_table(rows: list[Measured]) -> dict[tuple[str, str], Tally]:
    """Print coverage by mode, polarization and brightness; return the tallies."""
    found = tallies(rows)
    print("coverage at 1 sigma (2 sigma), bias in sigma")
    order = ("all", "p 0", *(f"p {100 * a:g}-{100 * b:g} %" for a, b in POLARIZATIONS[1:]))
    for mode in dict.fromkeys(MODES.values()):
        for name in (*order, *CLASSES):
            if (mode, name) in found:
                tally = found[mode, name]
                count = len(tally.pulls.get("q", tally.pulls["mag"]))
                print_row(f"{mode:15s} {name:9s} n={count:5d}", tally, QUANTITIES)
        refused = [row for row in rows if row.mode == mode and "BAD_PHOTOMETRY" in row.flags]
        flags = Counter(flag for row in rows if row.mode == mode for flag in row.flags)
        print(f"{mode:15s} left out as flagged: {len(refused)}; flags: {dict(flags)}")
    return found


if __name__ == "__main__":
    print_table(measure_nights(nights(), int(sys.argv[1]) if len(sys.argv) > 1 else 2))
