"""Statistics of stacks in memory: the kernels against numpy, in one process and one thread.

Processor seconds, the least of some rounds; what is asked for more than once is in the
cache. Numpy does what its own functions do, without NaN, masks, counts and variances,
which the kernels give in the same pass.

    python benchmarks/reduce.py [--frames 20 200] [--rows 512] [--rounds 3]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from polarnight.cubes.kernels.statistics import Operation, describe_frames


def clipped_mean(frames: Any) -> Any:
    kept = frames.astype(np.float32)
    for _ in range(5):
        centre = np.nanmedian(kept, axis=0)
        distance = np.abs(kept - centre)
        far = distance > 3 * 1.4826 * np.nanmedian(distance, axis=0)
        if not far.any():
            break
        kept[far] = np.nan
    return np.nanmean(kept, axis=0)


CASES: list[tuple[str, dict[str, Any], Callable[[Any], Any]]] = [
    ("median", {}, lambda f: np.median(f, axis=0)),
    ("mean", {}, lambda f: np.mean(f, axis=0)),
    ("std", {}, lambda f: np.std(f, axis=0)),
    ("mad", {}, lambda f: np.median(np.abs(f - np.median(f, axis=0)), axis=0)),
    ("quantile", {"level": 0.9}, lambda f: np.quantile(f, 0.9, axis=0)),
    ("clipped_mean", {}, clipped_mean),
]


def least(function: Callable[[], Any], rounds: int) -> float:
    found = []
    for _ in range(rounds):
        start = time.process_time()
        function()
        found.append(time.process_time() - start)
    return min(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, nargs="+", default=[20, 200])
    parser.add_argument("--rows", type=int, default=512, help="of 2048 pixels each")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print(f"{'frames':>6} {'operation':13} {'kernel s':>9} {'numpy s':>9} {'ratio':>7}")
    for n in given.frames:
        frames = np.random.default_rng(1).integers(900, 1100, (n, given.rows, 2048), np.uint16)
        for name, parameters, by_numpy in CASES:
            operation = Operation(name, parameters)
            own = least(partial(describe_frames, frames, operation, threads=1), given.rounds)
            other = least(partial(by_numpy, frames), 1 if name == "clipped_mean" else 2)
            print(f"{n:6} {name:13} {own:9.3f} {other:9.3f} {other / own:7.1f}", flush=True)


if __name__ == "__main__":
    main()
