"""Cubes of random numbers that are the same wherever they are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.cubes.cube import Cube
from polarnight.cubes.dimensions import Dimension
from polarnight.cubes.recipes import Recipe, operation
from polarnight.cubes.views import Planes, row_chunks
from polarnight.ophidia.language.types import TYPES

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["block_count", "random_cube"]

_NAME = "random"
_VERSION = "1"


def random_cube(
    names: Sequence[str],
    sizes: Sequence[int],
    measure_type: str,
    *,
    seed: int,
    algorithm: str = "default",
    measure: str = "image",
) -> Cube:
    """Return a lazy cube of random numbers.

    Parameters
    ----------
    names, sizes : sequences
        Of the dimensions, slowest first.
    measure_type : str
        One of `polarnight.ophidia.language.types.TYPES`; bytes are kept below 128.
    seed : int
    algorithm : {'default', 'temperatures'}
        Even from 0 to 1000; or a random walk along the last dimension about 15 degrees.
    measure : str

    Notes
    -----
    Every block has a generator of its own, seeded by `seed` and the number of the block, and
    blocks depend on the shape alone: the numbers do not depend on where they are made.
    """
    from polarnight.cubes.running.light import da

    dtype = np.dtype(TYPES[measure_type])
    # Bands by a fixed size: those of the memory bound differ between machines.
    chunks = _bands(tuple(sizes))
    first = da.map_blocks(
        _block, chunks=chunks, dtype=dtype, meta=np.empty((0,) * len(sizes), dtype),
        seed=seed, algorithm=algorithm, kind=measure_type, counts=tuple(len(c) for c in chunks),
    )  # fmt: skip
    data = first.rechunk(row_chunks(tuple(sizes), dtype.itemsize))
    parameters = {
        "names": list(names), "sizes": list(sizes), "type": measure_type, "seed": seed,
        "algorithm": algorithm, "measure": measure,
    }  # fmt: skip
    return Cube(
        dims=tuple(Dimension(name, size) for name, size in zip(names, sizes, strict=True)),
        planes=Planes(data),
        measure=measure,
        recipe=Recipe(_NAME, _VERSION, parameters),
        axes=(None,) * len(sizes),
    )


@operation(_NAME, _VERSION)
def _again(parameters: Mapping[str, Any], inputs: Sequence[Cube]) -> Cube:
    return random_cube(
        parameters["names"],
        parameters["sizes"],
        parameters["type"],
        seed=parameters["seed"],
        algorithm=parameters["algorithm"],
        measure=parameters["measure"],
    )


def block_count(sizes: Sequence[int]) -> int:
    """Return of how many blocks a cube of random numbers is made."""
    return prod(-(-size // band) for size, band in zip(sizes, _shape(sizes), strict=True))


def _shape(sizes: Sequence[int], most: int = 1 << 20) -> list[int]:
    """Return the shape of blocks of about `most` numbers: whole along the last axes."""
    bands: list[int] = []
    left = most
    for size in reversed(sizes):
        bands.append(max(1, min(size, left)))
        left //= max(size, 1)
    return bands[::-1]


def _bands(sizes: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Return the chunks of all axes."""
    return tuple(
        (band,) * (size // band) + ((size % band,) if size % band else ())
        for size, band in zip(sizes, _shape(sizes), strict=True)
    )


def _block(
    *, seed: int, algorithm: str, kind: str, counts: tuple[int, ...], block_info: Any = None
) -> npt.NDArray[Any]:
    about = block_info[None]
    number = int(np.ravel_multi_index(about["chunk-location"], counts))
    rng = np.random.default_rng([seed, number])
    shape = about["chunk-shape"]
    if algorithm == "temperatures":
        steps = rng.normal(0.0, 0.3, shape)
        values = 15.0 + np.cumsum(steps, axis=-1) - 0.02 * np.cumsum(np.ones(shape), axis=-1)
        values = np.clip(values, -90.0, 60.0)
    else:
        values = rng.uniform(0.0, 127.0 if kind == "byte" else 1000.0, shape)
    made: npt.NDArray[Any] = values.astype(TYPES[kind])
    return made
