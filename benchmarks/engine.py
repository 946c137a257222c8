"""The datacube engine against ccdproc and plain numpy with astropy, in one run.

The calibration of the datacube tutorial: 20 bias frames, 20 flats and 10 science frames in each
of three filters, 2048 x 2048 pixels of 16 bits; median bias, median flats minus bias divided by
their mean, median science minus bias over flat, three results written. The same by every tool,
as whole processes, in turn, several rounds, medians shown; the results are compared. Then a
stack of 200 frames under a memory bound of 400 MB, against reading its files and the kernel
alone. "Inside" is without start-up and imports (of processes: once they are there).

    python benchmarks/engine.py [--size 2048] [--rounds 3] [--stack 200] [--only engine]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from combine import Python, compare

# The sections of a calibration, by the names of their files.
CALIBRATION = """
import pathlib
folder, out = pathlib.Path(paths[0]), pathlib.Path(paths[1])
def files(kind):
    return sorted(str(path) for path in folder.glob(kind + "_*.fits"))
"""

ENGINE = (
    CALIBRATION
    + """
from polarnight.cubes import Cube, Runner, merge
import numpy as np
runner = Runner({scheduler!r}, workers={workers})
# What is imported when it is first needed, and processes where there are some.
(Cube.from_array(np.ones((4, 4), "f4")) - 1).reduce("median", "NAXIS1").compute(runner)
import astropy.io.fits
start = time.perf_counter()
def median(kind):
    return merge([Cube.open_fits(path) for path in files(kind)]).reduce("median", "z")
bias = median("bias").compute(runner)
for band in "BVR":
    flat = (median("flat" + band) - bias).compute(runner)
    flat = flat / float(np.mean(flat.numpy(), dtype="f8"))
    ((median("science" + band) - bias) / flat).to_fits(
        out / (band + ".fits"), overwrite=True, runner=runner)
inside = time.perf_counter() - start
runner.close()
start = time.perf_counter() - inside
"""
)

NUMPY = (
    CALIBRATION
    + """
import numpy as np
from astropy.io import fits
start = time.perf_counter()
def median(kind):
    return np.median(np.stack([fits.getdata(path) for path in files(kind)]), axis=0).astype("f4")
bias = median("bias")
for band in "BVR":
    flat = median("flat" + band) - bias
    flat /= np.mean(flat, dtype="f8")
    result = (median("science" + band) - bias) / flat
    fits.writeto(out / (band + ".fits"), result, overwrite=True)
"""
)

CCDPROC = (
    CALIBRATION
    + """
import warnings; warnings.simplefilter("ignore")
import logging; logging.disable()
import ccdproc
start = time.perf_counter()
def median(kind):
    frames = [ccdproc.CCDData.read(path, unit="adu") for path in files(kind)]
    return ccdproc.combine(frames, method="median", dtype="f4")
bias = median("bias")
for band in "BVR":
    flat = ccdproc.subtract_bias(median("flat" + band), bias)
    result = ccdproc.flat_correct(ccdproc.subtract_bias(median("science" + band), bias), flat)
    result.write(out / (band + ".fits"), overwrite=True)
"""
)

STACK = """
from polarnight.cubes import Cube, Runner, merge
import numpy as np
runner = Runner({scheduler!r}, workers={workers}, memory="400 MB")
# What is imported when it is first needed, and processes where there are some.
(Cube.from_array(np.ones((4, 4), "f4")) - 1).reduce("median", "NAXIS1").compute(runner)
import astropy.io.fits
start = time.perf_counter()
merge([Cube.open_fits(path) for path in paths]).reduce("median", "z").numpy(runner)
inside = time.perf_counter() - start
runner.close()
start = time.perf_counter() - inside
"""

READING = """
import os
start = time.perf_counter()
buffer = bytearray(1 << 20)
for path in paths:
    with open(path, "rb", buffering=0) as file:
        while file.readinto(buffer):
            pass
"""

KERNEL = """
import numpy as np
from polarnight.cubes import FrameStack, combine
with FrameStack(paths) as stack:
    values = [stack.frame(k) for k in range(len(stack))]
start = time.perf_counter()
combine(values, "median")
"""

DIRECT = """
from polarnight.cubes import FrameStack, combine
start = time.perf_counter()
with FrameStack(paths) as stack:
    combine(stack, "median")
"""

MAKE_NIGHT = """
import sys
import numpy as np
from astropy.io import fits
folder, size = sys.argv[1], int(sys.argv[2])
rng = np.random.default_rng(1)
y, x = np.mgrid[:size, :size] / size
shape = 1 - 0.3 * ((x - 0.5) ** 2 + (y - 0.5) ** 2) + 0.01 * rng.normal(size=(size, size))
def write(kind, number, level, flat):
    for k in range(number):
        light = level * flat
        data = 1000 + light + np.sqrt(light + 9) * rng.normal(size=(size, size)).astype("f4")
        data[rng.random(data.shape, dtype="f4") < 1e-4] += 5000
        fits.PrimaryHDU(np.clip(np.rint(data), 0, 65535).astype(np.uint16)).writeto(
            f"{folder}/{kind}_{k:03d}.fits")
write("bias", 20, 0.0, shape)
for band, level in zip("BVR", (20000.0, 25000.0, 30000.0)):
    write("flat" + band, 20, level, shape)
    write("science" + band, 10, level / 50, shape)
"""

MAKE_STACK = """
import sys
import numpy as np
from astropy.io import fits
folder, number, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = np.random.default_rng(2)
noise = rng.normal(1000, 30, (size + number, size))
for k in range(number):
    data = np.clip(np.rint(noise[k:k + size]), 0, 65535).astype(np.uint16)
    fits.PrimaryHDU(np.roll(data, 17 * k, axis=1)).writeto(f"{folder}/stack_{k:04d}.fits")
"""

DIFFERENCES = """
import sys, json
import numpy as np
from astropy.io import fits
first = sys.argv[1]
for other in sys.argv[2:]:
    largest = 0.0
    for band in "BVR":
        a, b = (fits.getdata(f"{place}/{band}.fits").astype("f8") for place in (first, other))
        largest = max(largest, float(np.nanmax(np.abs(a - b) / np.maximum(np.abs(a), 1.0))))
    print(f"{other.rpartition('/')[2]:24s} largest relative difference {largest:.1e}")
"""


def made(code: str, *arguments: str) -> str:
    """Run Python in a process of its own; peak memory of a child begins with its parent's."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


CALIBRATIONS = {
    "engine": ENGINE.format(scheduler="threads", workers=None),
    "engine, ncores=1": ENGINE.format(scheduler="threads", workers=1),
    "engine, local 1": ENGINE.format(scheduler="local", workers=1),
    "engine, local 2": ENGINE.format(scheduler="local", workers=2),
    "numpy": NUMPY,
    "ccdproc": CCDPROC,
}


def calibrate(folder: Path, size: int, rounds: int, codes: dict[str, str]) -> None:
    """Print the calibration of the tutorial by some tools, and how the results compare."""
    night = folder / "night"
    night.mkdir()
    made(MAKE_NIGHT, str(night), str(size))
    tools, places = [], []
    for name, code in codes.items():
        places.append(folder / name.replace(", ", "-").replace(" ", "-"))
        places[-1].mkdir()
        tools.append(Python(name, code, [str(night), str(places[-1])], folder))
    compare(f"Calibration of the tutorial, 110 frames of {size} x {size}", tools, rounds)
    print(made(DIFFERENCES, *map(str, places)), end="")


def stack(folder: Path, number: int, size: int, rounds: int) -> None:
    """Print the median of a large stack under a memory bound."""
    frames = folder / "stack"
    frames.mkdir()
    made(MAKE_STACK, str(frames), str(number), str(size))
    paths = [str(path) for path in sorted(frames.glob("*.fits"))]
    tools = [
        Python("engine, 400 MB", STACK.format(scheduler="threads", workers=None), paths, folder),
        Python("engine, ncores=1", STACK.format(scheduler="threads", workers=1), paths, folder),
        Python("engine, local 1", STACK.format(scheduler="local", workers=1), paths, folder),
        Python("engine, local 2", STACK.format(scheduler="local", workers=2), paths, folder),
        Python("reading alone", READING, paths, folder),
        Python("kernel alone", KERNEL, paths, folder),
        Python("combine()", DIRECT, paths, folder),
    ]
    megabytes = number * size * size * 2 / 1e6
    compare(f"Median of {number} frames of {size} x {size} ({megabytes:.0f} MB)", tools, rounds)
    print("(peak MB of local: of the coordinator alone)")


def main() -> None:
    """Make frames, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stack", type=int, default=200, help="frames of the stack, 0 for none")
    parser.add_argument("--only", default="", help="tools of the calibration that begin so")
    options = parser.parse_args()
    codes = {name: code for name, code in CALIBRATIONS.items() if name.startswith(options.only)}
    if not codes:
        known = ", ".join(map(repr, CALIBRATIONS))
        parser.error(f"--only {options.only!r}: no tool begins so; the tools are {known}")
    sys.stdout.reconfigure(line_buffering=True)
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, {options.rounds} rounds")
    with tempfile.TemporaryDirectory() as name:
        calibrate(Path(name), options.size, options.rounds, codes)
        if options.stack:
            stack(Path(name), options.stack, options.size, options.rounds)


if __name__ == "__main__":
    main()
