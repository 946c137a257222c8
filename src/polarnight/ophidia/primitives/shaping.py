"""The dimensions of what a query makes, and their coordinates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polarnight.cubes.dimensions import DIMENSION_TYPES, Dimension
from polarnight.ophidia.primitives.errors import QueryError
from polarnight.ophidia.primitives.evaluation import Block, work_out
from polarnight.ophidia.primitives.parser import parse
from polarnight.ophidia.primitives.values import Value, constant

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube

__all__ = ["new_dimensions", "with_coordinates"]


def new_dimensions(
    cube: Cube, implicit: tuple[str, ...], made: Value, by_row: bool
) -> dict[str, Dimension]:
    """Return the dimensions of the result, explicit ones first."""
    found = {name: cube.dim(name) for name in cube.names if name not in implicit}
    before = tuple(cube.dim(name).size for name in implicit)
    after = before if made.shape is None or not by_row else made.shape
    if after == before or len(after) == len(before):
        for name, size in zip(implicit, after, strict=True):
            dim = cube.dim(name)
            found[name] = dim if dim.size == size else Dimension(name, size, dim.type)
    elif len(after) == 1:
        found[implicit[-1]] = Dimension(implicit[-1], after[0], cube.dim(implicit[-1]).type)
    return found


def with_coordinates(
    dims: dict[str, Dimension],
    cube: Cube,
    implicit: tuple[str, ...],
    dim_query: str | None,
    on_reduce: str,
    query: str,
) -> dict[str, Dimension]:
    """Give the implicit dimension the coordinates that were asked for."""
    if on_reduce not in {"skip", "update"}:
        msg = f"on_reduce={on_reduce} is neither skip nor update"
        raise QueryError(msg)
    last = next((name for name in reversed(implicit) if name in dims), None)
    if last is None:
        return dims
    made = dict(dims)
    if on_reduce == "update":
        made[last] = Dimension(last, dims[last].size, dims[last].type)
    if dim_query and dim_query.lower() != "null":
        tree = parse(dim_query)
        names = {"dimension": constant(cube.dim(last).coordinates.astype(np.float64))}
        names["measure"] = names["dimension"]
        values = work_out(tree, Block(names, dim_query)).data
        if values.shape != (1, dims[last].size):
            msg = (
                f"dim_query gives {values.shape[1]} coordinates, dimension {last} has "
                f"{dims[last].size}; write it of dimension, as the query is of measure"
            )
            raise QueryError(msg)
        own = values[0].astype(DIMENSION_TYPES[dims[last].type])
        # The type stays, as long as it holds the coordinates.
        kind = dims[last].type if np.array_equal(own, values[0]) else "double"
        made[last] = Dimension(last, dims[last].size, kind, tuple(values[0].tolist()))
    return made
