"""Peak memory of whole processes that work on stacks larger than their bound."""

import json
import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits

N, NY, NX = 48, 1024, 1024
BOUND = 48e6

CODE = """
import json, resource, sys
import numpy as np
from polarnight.cubes import Cube, merge
from polarnight.cubes.running.memory import limit
from polarnight.cubes.running.runner import Runner
from polarnight.cubes.store.store import CubeStore

what, store, *paths = sys.argv[1:]
small = Cube.from_array(np.ones((4, 4, 4), "u2"))
runner = Runner(workers=2, memory={bound})
(small - 1.0).reduce("median", "NAXIS3").numpy(runner)

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

start = peak()
with limit({bound}):
    stack = merge([Cube.open_fits(path) for path in paths])
    if what == "median":
        found = stack.reduce("median", "z").numpy(runner)
    elif what == "calibrated":
        found = ((stack - Cube.open_fits(paths[0])) / 2.0).reduce("mean", "z").numpy(runner)
    elif what == "sideways":
        found = (stack * 2.0).reduce("sum", "NAXIS1").numpy(runner)
    else:
        kept = (stack * 2.0).persist(CubeStore(store), runner)
        found = kept.subset(z=slice(0, 1)).numpy(runner)
print(json.dumps([start, peak(), float(found.sum(dtype="f8"))]))
"""


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    folder = tmp_path_factory.mktemp("night")
    values = np.random.default_rng(1).integers(0, 60000, (NY + N, NX), np.uint16)
    paths = []
    for k in range(N):
        paths.append(str(folder / f"{k:03d}.fits"))
        fits.PrimaryHDU(values[k : k + NY]).writeto(paths[-1])
    return values, paths


@pytest.mark.parametrize(
    "what",
    [
        "median",
        *(pytest.param(w, marks=pytest.mark.slow) for w in ("calibrated", "sideways", "kept")),
    ],
)
def test_memory_stays_below_the_bound(tmp_path, night, what):
    values, paths = night
    assert N * NY * NX * 2 > 2 * BOUND
    command = [sys.executable, "-c", CODE.format(bound=int(BOUND)), what, str(tmp_path), *paths]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    start, peak, total = json.loads(done.stdout)
    assert peak - start < BOUND
    stack = np.stack([values[k : k + NY] for k in range(N)])
    expected = {
        "median": lambda: np.median(stack, axis=0).astype("f4"),
        "calibrated": lambda: ((stack.astype("f8") - stack[0]) / 2).mean(axis=0).astype("f4"),
        "sideways": lambda: (stack.sum(axis=2) * 2).astype("f4"),
        "kept": lambda: stack[0] * 2.0,
    }[what]()
    assert total == pytest.approx(float(expected.sum(dtype="f8")), rel=1e-6)
