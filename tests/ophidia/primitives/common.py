from __future__ import annotations

import numpy as np

from polarnight.cubes.cube import Cube
from polarnight.ophidia.primitives import apply_query


def cube_of(array, **more):
    return Cube.from_array(np.asarray(array), **more)


def result(query, array, **more):
    """Return the numbers that a query makes of an array, the last dimension implicit."""
    options = {k: more.pop(k) for k in ("implicit", "dim_query", "on_reduce") if k in more}
    return apply_query(query, cube_of(array, **more), **options).cube.numpy()


def image(shape=(23, 31), seed=3, dtype="f4", missing=0.0):
    rng = np.random.default_rng(seed)
    values = rng.normal(1000, 30, shape)
    if missing:
        values[rng.random(shape) < missing] = np.nan
    return values.astype(dtype)
