"""The demonstration with ten seeds: is all that it measures within its errors?

Prints reduced chi-square and largest deviation of each seed::

    python tests/acceptance/demo_seeds.py [SEED ...]

Every seed runs in a process and a data directory of its own.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import warm

SEEDS = tuple(range(1, 11))


@dataclass(frozen=True)
class Seed:
    """What the demonstration of one seed found.

    `deviations` are in standard errors, by quantity: magnitudes, q and u of all sources, of
    which chi-square is made, and p and chi of the targets, as the table of the command shows
    them. (The errors of p and chi of unpolarized calibrators are intervals of 68 %, of which
    multiples mean nothing.)
    """

    seed: int
    chi2: float
    count: int
    failed: list
    deviations: dict[str, list[float]]

    @property
    def largest(self) -> dict[str, float]:
        return {key: float(np.max(np.abs(all_))) for key, all_ in self.deviations.items()}


def run_seed(seed: int) -> Seed:
    """Run the demonstration in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="polarnight-demo-") as place:
        done = warm.call("demo_seeds", "_one", [seed, place], Path(place), {})
        if done.status != 0:
            raise RuntimeError(f"seed {seed}:\n{done.stdout}\n{done.stderr}")
        return Seed(**json.loads((Path(place) / "found.json").read_text()))


def line(found: Seed) -> str:
    """Return what is printed of a seed."""
    largest = ", ".join(f"{key} {value:.2f}" for key, value in found.largest.items())
    return (
        f"seed {found.seed:3d}: {found.count} independent numbers, reduced chi-square "
        f"{found.chi2:.2f}; largest deviation in sigma: {largest}"
    )


def _one(seed: int, directory: str) -> None:
    import polarnight
    from polarnight.config import get_settings
    from polarnight.pipeline.demo.run import compare_with_truth, reduced_chi2, run_demo

    place = Path(directory)
    polarnight.Config(config_db=True, workers=1)
    report, truths = run_demo(get_settings(), place, seed, quiet=True)
    rows = compare_with_truth(truths)
    chi2, count = reduced_chi2(rows)
    deviations: dict[str, list[float]] = {}
    for row in (row for row in rows if row.independent or row.target):
        deviations.setdefault(row.quantity, []).append(float(row.deviation))
    found = {
        "seed": seed,
        "chi2": chi2,
        "count": count,
        "failed": report.failed,
        "deviations": deviations,
    }
    (place / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    for number in map(int, sys.argv[1:]) if sys.argv[1:] else SEEDS:
        print(line(run_seed(number)), flush=True)
