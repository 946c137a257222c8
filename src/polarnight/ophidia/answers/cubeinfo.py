"""Tables about a cube: what it is, its dimensions and their values."""

from __future__ import annotations

import base64 as base64_text
import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.errors import PolarnightError
from polarnight.ophidia.answers.response import Grid
from polarnight.ophidia.errors import OperatorFailed
from polarnight.ophidia.language.types import TYPES

if TYPE_CHECKING:
    from polarnight.db.models import DataCube
    from polarnight.ophidia.context import Context

__all__ = [
    "UNITS",
    "coordinates",
    "cube_bytes",
    "dimension_grid",
    "in_unit",
    "info_grid",
    "more_info_grid",
    "values_grid",
]

UNITS = {"KB": 1024, "MB": 1024**2, "GB": 1024**3, "TB": 1024**4, "PB": 1024**5}
"""Bytes of the units of sizes."""

_MOST_VALUES = 1_000_000

_INFO = (
    *("PID", "CREATION DATE", "MEASURE", "MEASURE TYPE", "LEVEL", "NUMBER OF FRAGMENTS"),
    "SOURCE FILE",
)
_MORE = (
    *("DESCRIPTION", "HOST x CUBE", "FRAGMENTS x DATABASE", "ROWS x FRAGMENT"),
    *("ELEMENTS x ROW", "COMPRESSED", "CUBE SIZE", "UNIT", "NUMBER OF ELEMENTS"),
)
_DIMS = (
    *("NAME", "TYPE", "SIZE", "HIERARCHY", "CONCEPT LEVEL", "ARRAY", "LEVEL"),
    "LATTICE NAME",
)


def info_grid(row: DataCube, context: Context) -> Grid:
    """Return the table "Datacube Information"."""
    cells = (
        context.catalogue.pid(row),
        f"{row.created:%Y-%m-%d %H:%M:%S}",
        row.measure,
        row.dtype,
        row.level,
        row.nfrag * row.nhost,
        row.source,
    )
    return Grid("cubeschema_cubeinfo", "Datacube Information", _INFO, [cells])


def more_info_grid(row: DataCube, size: int) -> Grid:
    """Return the table "Datacube Additional Information"."""
    rows = elements = 1
    for dim in row.dims:
        if dim["explicit"]:
            rows *= dim["size"]
        else:
            elements *= dim["size"]
    unit = best_unit(size)
    cells = (
        row.description,
        row.nhost,
        row.nfrag,
        max(1, rows // (row.nfrag * row.nhost)) if rows else 0,
        elements,
        "yes" if row.compressed else "no",
        in_unit(size, unit),
        unit,
        row.n_elements,
    )
    return Grid("cubeschema_morecubeinfo", "Datacube Additional Information", _MORE, [cells])


def dimension_grid(row: DataCube) -> Grid:
    """Return the table "Dimension Information", explicit dimensions first."""
    rows = []
    levels = {True: 0, False: 0}
    for dim in row.dims:
        explicit = bool(dim["explicit"])
        levels[explicit] += 1
        rows.append(
            (
                dim["name"],
                dim["type"],
                dim["size"],
                dim.get("hierarchy", "oph_base"),
                dim.get("concept_level", "c"),
                "no" if explicit else "yes",
                levels[explicit],
                "",
            )
        )
    return Grid("cubeschema_diminfo", "Dimension Information", _DIMS, rows)


def coordinates(dim: dict[str, Any]) -> np.ndarray[Any, Any]:
    """Return the coordinates of a dimension as the catalogue keeps it."""
    kind = TYPES[dim["type"]]
    if dim.get("values") is None:
        return np.arange(1, dim["size"] + 1).astype(kind)
    return np.asarray(dim["values"]).astype(kind)


def values_grid(row: DataCube, name: str, *, index: bool = False, base64: bool = False) -> Grid:
    """Return the table of the values of a dimension.

    Raises
    ------
    OperatorFailed
        Where they are too many to be shown.
    """
    dim = next(dim for dim in row.dims if dim["name"] == name)
    if dim["size"] > _MOST_VALUES:
        msg = f"the {dim['size']} values of {name} are too many to be shown"
        raise OperatorFailed(msg, f"at most {_MOST_VALUES}; oph_subset takes a part of the cube")
    values = coordinates(dim)
    if base64:
        text = base64_text.b64encode(np.ascontiguousarray(values).tobytes()).decode()
        return Grid("cubeschema_dimvalues", name, ("VALUE",), [(text,)], (dim["type"],))
    if index:
        rows = [(n, value.item()) for n, value in enumerate(values, 1)]
        columns, types = ("INDEX", "VALUE"), ("long", dim["type"])
        return Grid("cubeschema_dimvalues", name, columns, rows, types)
    return Grid(
        "cubeschema_dimvalues", name, ("VALUE",), [(v.item(),) for v in values], (dim["type"],)
    )


def cube_bytes(row: DataCube, context: Context) -> int:
    """Return what a cube takes: in the store, as a file, or what its numbers would take."""
    server = context.server
    if row.recipe is not None and server.workbench.is_stored(row):
        return int(server.store.size(row.recipe.key))
    if server.workbench.is_view(row):
        with contextlib.suppress(PolarnightError, OSError):  # gone: what its numbers would take
            return server.workbench.file_of(row).stat().st_size
    itemsize = np.dtype(TYPES.get(row.dtype, row.dtype)).itemsize
    return int(row.n_elements * itemsize)


def best_unit(size: int) -> str:
    """Return the unit in which a size reads best."""
    found = "KB"
    for name, factor in UNITS.items():
        if size >= factor:
            found = name
    return found


def in_unit(size: int, unit: str) -> str:
    """Return a size in a unit, as text."""
    return f"{size / UNITS[unit]:.6f}"
