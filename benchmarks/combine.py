"""Combining and calibrating frames: Polarnight against numpy, ccdproc and Siril, in one run.

Every tool runs as a whole process of its own, the tools in turn, several rounds, medians
shown; "inside" is without start-up and imports (of Siril: what it takes beyond a script
that does nothing); processor seconds are of all threads, and say most on a busy machine.
Siril clips about the mean by the standard deviation here: its clipping by MAD, which is
nearer to ours, takes minutes. Frames are made in a temporary folder and are in the cache
of the disk.

    python benchmarks/combine.py [--frames 20] [--size 2048] [--rounds 5] [--growth]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

Row = tuple[float, float, float, float]

PRELUDE = """
import sys, time, json
start = time.perf_counter()
paths = sys.argv[1:]
"""
POSTLUDE = """
print(json.dumps(time.perf_counter() - start))
"""

POLARNIGHT = """
from polarnight.cubes import FrameStack, combine
start = time.perf_counter()
with FrameStack(paths) as stack:
    combine(stack, {method!r})
"""

NUMPY = {
    "median": """
import numpy as np
from astropy.io import fits
start = time.perf_counter()
np.median(np.stack([fits.getdata(path) for path in paths]), axis=0)
""",
    "clipped_mean": """
import numpy as np
from astropy.io import fits
from astropy.stats import sigma_clip
start = time.perf_counter()
cube = np.stack([fits.getdata(path) for path in paths]).astype("f4")
sigma_clip(cube, sigma=3, maxiters=5, cenfunc="median", stdfunc="mad_std", axis=0,
           masked=False, copy=False)
np.nanmean(cube, axis=0)
""",
}

CCDPROC = """
import warnings; warnings.simplefilter("ignore")
import ccdproc, numpy as np
from astropy.stats import mad_std
start = time.perf_counter()
frames = [ccdproc.CCDData.read(path, unit="adu") for path in paths]
ccdproc.combine(frames, {arguments})
"""
CCDPROC_ARGUMENTS = {
    "median": "method='median'",
    "clipped_mean": "method='average', sigma_clip=True, sigma_clip_low_thresh=3, "
    "sigma_clip_high_thresh=3, sigma_clip_func=np.ma.median, sigma_clip_dev_func=mad_std",
}

OURS_CALIBRATE = """
import numpy as np
from polarnight.cubes import FrameStack, calibrate, combine
shape = FrameStack(paths[:1]).shape[1:]
masters = dict(bias=np.full(shape, 300, "f4"), bias_variance=np.full(shape, 1, "f4"),
    dark=np.full(shape, 0.1, "f4"), dark_variance=np.full(shape, 1e-3, "f4"),
    flat=np.full(shape, 0.9, "f4"), flat_variance=np.full(shape, 1e-5, "f4"),
    master_bits=np.zeros(shape, "u2"))
start = time.perf_counter()
out = np.empty(shape, "f4"), np.empty(shape, "f4"), np.empty(shape, "u2")
with FrameStack(paths) as stack:
    for k in range(len(stack)):
        calibrate(stack.frame(k), **masters, exptime=30, gain=2, read_noise=6,
                  saturation=60000, nonlinear=50000, low_flat=0.5, out=out)
"""
NUMPY_CALIBRATE = """
import numpy as np
from astropy.io import fits
shape = fits.getdata(paths[0]).shape
bias, bias_v = np.full(shape, 300, "f4"), np.full(shape, 1, "f4")
dark, dark_v = np.full(shape, 0.1, "f4"), np.full(shape, 1e-3, "f4")
flat, flat_v = np.full(shape, 0.9, "f4"), np.full(shape, 1e-5, "f4")
start = time.perf_counter()
for path in paths:
    raw = fits.getdata(path)
    signal = raw - bias
    variance = np.float32(9) + np.maximum(signal, 0) / np.float32(2) + bias_v
    data = (signal - dark * np.float32(30)) / flat
    variance = (variance + dark_v * np.float32(900)) / flat**2 + (data / flat) ** 2 * flat_v
    bits = np.where(raw >= 60000, 64, 0) | np.where(raw > 50000, 8, 0)
    bits = bits.astype("u2") | np.where(flat < 0.5, 4, 0).astype("u2")
"""


MAKE_FRAMES = """
import sys
import numpy as np
from astropy.io import fits
folder, number, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = np.random.default_rng(1)
for k in range(number):
    data = rng.normal(1000, 30, (size, size))
    data[rng.random(data.shape) < 1e-3] += 5000
    data = np.clip(data, 0, 65535).astype(np.uint16)
    fits.PrimaryHDU(data).writeto(f"{folder}/frame_{k + 1:05d}.fit")
"""


def make_frames(folder: Path, number: int, size: int) -> list[str]:
    """Write frames of noise with some cosmic rays.

    In a process of its own: peak memory of a child begins with that of its parent.
    """
    command = [sys.executable, "-c", MAKE_FRAMES, str(folder), str(number), str(size)]
    subprocess.run(command, check=True)
    return [str(path) for path in sorted(folder.glob("frame_*.fit"))]


def measure(command: list[str], folder: Path) -> tuple[float, float, float, str]:
    """Run a command; return seconds, processor seconds, peak MB and what it printed."""
    begin = time.perf_counter()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - begin
        out.seek(0)
        text = out.read().decode(errors="replace")
    if process.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{text}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, text


class Python:
    """A tool that is a piece of Python."""

    def __init__(self, name: str, code: str, paths: list[str], folder: Path) -> None:
        self.name = name
        self._command = [sys.executable, "-c", PRELUDE + code + POSTLUDE, *paths]
        self._folder = folder

    def run(self) -> Row:
        """Return seconds of the process, seconds inside, processor seconds and MB."""
        seconds, processor, memory, text = measure(self._command, self._folder)
        return seconds, float(json.loads(text.splitlines()[-1])), processor, memory


class Siril:
    """Siril with a script; inside is what it takes beyond an empty script."""

    def __init__(self, program: str, lines: str, folder: Path, clean: str) -> None:
        self.name = "Siril"
        self._folder, self._clean = folder, clean
        self._commands = []
        for name, text in (("work", lines), ("empty", "")):
            script = folder / f"{name}-{abs(hash(lines))}.ssf"
            script.write_text(f"requires 1.0.0\nsetext fit\n{text}\n")
            self._commands.append([program, "-d", str(folder), "-s", str(script)])

    def run(self) -> Row:
        """Return seconds of the process, seconds inside, processor seconds and MB."""
        for path in self._folder.glob(self._clean):
            path.unlink()
        seconds, processor, memory, _ = measure(self._commands[0], self._folder)
        empty = measure(self._commands[1], self._folder)[0]
        return seconds, max(seconds - empty, 0.0), processor, memory


def compare(title: str, tools: list[Python | Siril], rounds: int) -> None:
    """Run the tools in turn and print medians, ratios to the first and peak memory."""
    results: dict[str, list[Row]] = {tool.name: [] for tool in tools}
    for _ in range(rounds):
        for tool in tools:
            results[tool.name].append(tool.run())
    medians = {
        name: [statistics.median(column) for column in zip(*rows, strict=True)]
        for name, rows in results.items()
    }
    ours = medians[tools[0].name]
    print(f"\n{title}")
    print(f"{'':12s} process s  ratio   inside s  ratio      cpu s  ratio   peak MB")
    for name, (process, inside, processor, memory) in medians.items():
        print(
            f"{name:12s} {process:9.3f} {process / ours[0]:6.1f} {inside:10.3f} "
            f"{inside / ours[1]:6.1f} {processor:10.3f} {processor / ours[2]:6.1f} {memory:9.0f}"
        )


def grow(paths: list[str], rounds: int) -> None:
    """Print how time and memory grow with the number of frames (files used repeatedly)."""
    print("\nGrowth, Polarnight inside; N log2 N relative to 3 frames")
    print("frames  median s  ratio  clipped s  ratio  N log N   peak MB")
    first: list[float] = []
    for number in (3, 10, 20, 50, 100, 200, 500):
        chosen = [paths[k % len(paths)] for k in range(number)]
        times, memory = [], 0.0
        for method in ("median", "clipped_mean"):
            tool = Python(method, POLARNIGHT.format(method=method), chosen, Path.cwd())
            runs = [tool.run() for _ in range(rounds)]
            times.append(statistics.median(run[1] for run in runs))
            memory = max(memory, *(run[3] for run in runs))
        first = first or times
        rule = number * math.log2(number) / (3 * math.log2(3))
        print(
            f"{number:6d} {times[0]:9.3f} {times[0] / first[0]:6.1f} {times[1]:10.3f} "
            f"{times[1] / first[1]:6.1f} {rule:8.1f} {memory:9.0f}"
        )


def main() -> None:
    """Make frames, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--growth", action="store_true", help="up to 500 frames as well")
    options = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)
    siril = shutil.which("siril-cli")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = make_frames(folder, max(options.frames, 30), options.size)
        some = paths[: options.frames]
        (folder / "stack").mkdir()
        for path in some:
            (folder / "stack" / Path(path).name).symlink_to(path)
        print(
            f"{options.frames} frames of {options.size} x {options.size}, {os.cpu_count()} "
            f"processors, load {os.getloadavg()[0]:.1f}, medians of {options.rounds} rounds"
        )
        for method, lines in {
            "median": "stack frame med -nonorm",
            "clipped_mean": "stack frame rej s 3 3 -nonorm",
        }.items():
            tools: list[Python | Siril] = [
                Python("Polarnight", POLARNIGHT.format(method=method), some, folder),
                Python("numpy", NUMPY[method], some, folder),
                Python(
                    "ccdproc", CCDPROC.format(arguments=CCDPROC_ARGUMENTS[method]), some, folder
                ),
            ]
            if siril:
                tools.append(Siril(siril, lines, folder / "stack", "*stacked*"))
            compare(f"{method}, {options.frames} frames", tools, options.rounds)
        calibration: list[Python | Siril] = [
            Python("Polarnight", OURS_CALIBRATE, paths[:30], folder),
            Python("numpy", NUMPY_CALIBRATE, paths[:30], folder),
        ]
        compare("Read and calibrate with variance and bits, 30 frames", calibration, options.rounds)
        if not siril:
            print("\nSiril is not installed (siril-cli); left out")
        if options.growth:
            grow(paths, min(options.rounds, 3))


if __name__ == "__main__":
    main()
