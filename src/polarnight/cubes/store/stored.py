"""What of a cube is written beside its arrays in a store, and the cube made from it again."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from polarnight.cubes.cube import Cube
from polarnight.cubes.dimensions import Dimension
from polarnight.cubes.metadata import Card, Metadata
from polarnight.cubes.recipes import Recipe, plain, revived
from polarnight.cubes.running.memory import block_rows
from polarnight.cubes.store.zarrays import ZarrArray
from polarnight.cubes.views import Planes
from polarnight.errors import CubeError

__all__ = ["cube_of", "description"]

_FORMAT: Final = 1


def description(cube: Cube) -> dict[str, Any]:
    """Return all of a cube but its arrays, as JSON can hold it."""
    return {
        "format": _FORMAT,
        "key": cube.key,
        "measure": cube.measure,
        "unit": cube.unit,
        "source": cube.source,
        "level": cube.level,
        "axes": list(cube.axes),
        "dims": [
            {"name": dim.name, "size": dim.size, "type": dim.type, "values": plain(dim.values)}
            for dim in cube.dims
        ],
        "cards": [
            [card.key, _written(card.value), card.comment, card.variable] for card in cube.metadata
        ],
        "recipe": cube.recipe.to_dict(),
        "parents": list(cube.parents),
    }


def cube_of(directory: Path, described: Mapping[str, Any]) -> Cube:
    """Return the cube of a store.

    Parameters
    ----------
    directory : Path
    described : mapping
        What `description` said, and ``planes``: metadata of the arrays.

    Raises
    ------
    CubeError
        Where it cannot be understood, or was written by a newer version.
    """
    if described.get("format") != _FORMAT:
        raise CubeError(
            f"{directory}: is of format {described.get('format')}, this version knows {_FORMAT}; "
            "delete it and make it again"
        )
    try:
        arrays = {
            name: _lazy(ZarrArray.from_metadata(directory / name, metadata), described["key"], name)
            for name, metadata in described["planes"].items()
        }
        return Cube(
            dims=tuple(
                Dimension(dim["name"], dim["size"], dim["type"], revived(dim["values"]))
                for dim in described["dims"]
            ),
            planes=Planes(arrays["data"], arrays.get("variance"), arrays.get("bits")),
            measure=described["measure"],
            unit=described["unit"],
            metadata=Metadata(
                Card(key, _read(value), comment, variable)
                for key, value, comment, variable in described["cards"]
            ),
            source=described["source"],
            level=described["level"],
            recipe=Recipe.from_dict(described["recipe"]),
            parents=tuple(described["parents"]),
            axes=tuple(described["axes"]),
            stored=str(directory),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CubeError(f"{directory}: cannot be understood: {error!r}") from error


def _written(value: Any) -> Any:
    return {"complex": [value.real, value.imag]} if isinstance(value, complex) else plain(value)


def _read(value: Any) -> Any:
    if isinstance(value, dict) and "complex" in value:
        return complex(*value["complex"])
    return revived(value)


def _lazy(array: ZarrArray, key: str, plane: str) -> Any:
    """Return a dask array whose blocks are one chunk, or several where these are small."""
    from dask.highlevelgraph import HighLevelGraph

    from polarnight.cubes.running.light import da

    together = _together(array)
    chunks = tuple(
        tuple(min(step, size - first) for first in range(0, size, step)) or (0,)
        for size, step in zip(array.shape, together, strict=True)
    )
    name = f"stored-{plane}-{key}-{'-'.join(map(str, together))}"
    layer: dict[Any, Any] = {}
    for number in itertools.product(*(range(len(sizes)) for sizes in chunks)):
        starts = tuple(k * step for k, step in zip(number, together, strict=True))
        layer[(name, *number)] = (_load, array, starts, together)
    graph = HighLevelGraph.from_collections(name, layer)
    return da.Array(graph, name, chunks, dtype=array.dtype)


def _load(array: ZarrArray, starts: tuple[int, ...], size: tuple[int, ...]) -> Any:
    stops = (min(a + n, end) for a, n, end in zip(starts, size, array.shape, strict=True))
    return array.box(starts, tuple(stops))


def _together(array: ZarrArray) -> tuple[int, ...]:
    """Return the shape of blocks to read: chunks, joined along the rows where they are small."""
    if len(array.shape) < 2 or 0 in array.shape:
        return array.chunk
    rows = array.chunk[-2]
    depth = math.prod(array.chunk[:-2])
    best = block_rows(depth, array.chunk[-1], array.itemsize, ny=array.shape[-2])
    joined = max(1, best // rows) * rows
    return (*array.chunk[:-2], min(joined, -(-array.shape[-2] // rows) * rows), array.chunk[-1])
