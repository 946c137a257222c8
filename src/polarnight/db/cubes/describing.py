"""FITS files as cubes, by the engine's own reader, which stands beside this room."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from polarnight.db.cubes.description import CubeDescription, DimensionDescription

__all__ = ["describe_file"]

_OPHIDIA = {
    "int8": "byte",
    "int16": "short",
    "int32": "int",
    "int64": "long",
    "float32": "float",
    "float64": "double",
}


def describe_file(path: Path) -> CubeDescription:
    """Return what the catalogue keeps of the first image of a file; only headers are read.

    The last axis (NAXIS1) is implicit, the others explicit, as `oph_importfits` has them.

    Raises
    ------
    BadFrame
        Where the file is missing, damaged or holds no image.
    """
    # By name, for rooms of one floor do not import each other.
    engine: Any = importlib.import_module("polarnight.cubes")
    cube = engine.Cube.open_fits(path)
    last = len(cube.dims) - 1
    kind = cube.dtype.name
    return CubeDescription(
        measure=cube.measure,
        dtype=_OPHIDIA.get(kind, kind),
        dims=[
            DimensionDescription(dim.name, dim.size, dim.type, explicit=number < last)
            for number, dim in enumerate(cube.dims)
        ],
        key=cube.key,
        recipe=cube.recipe.to_dict(),
        unit=cube.unit,
        cards=tuple(cube.metadata),
    )
