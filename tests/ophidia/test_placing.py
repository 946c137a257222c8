"""What is told of cores that have nothing to do."""

import os

import dask.array as da
import pytest

from polarnight.cubes import Cube
from polarnight.ophidia.engine.placing import too_many_cores

LARGE, SMALL = (2048, 2048), (300, 300)


def cube(shape, rows):
    return Cube.from_array(da.zeros(shape, chunks=(rows, shape[1]), dtype="f4"))


@pytest.mark.parametrize(
    ("made", "cores", "told"),
    [
        (cube(LARGE, 2048), 2, ["2 cores were asked for, the work is one piece: the rest is idle"]),
        (cube(LARGE, 1024), 3, ["3 cores were asked for, the work is 2 pieces: the rest is idle"]),
        (cube(LARGE, 1024), 2, []),
        (cube(SMALL, 300), 2, []),
        (cube(SMALL, 300), 65, ["65 cores were asked for, this machine has 64"]),
    ],
)
def test_idle_cores(monkeypatch, made, cores, told):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert too_many_cores(made, {"ncores": cores, "nthreads": 1}, "threads") == told
