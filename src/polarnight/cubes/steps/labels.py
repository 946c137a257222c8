"""Cubes of arrays in memory; names, units and headers given or changed."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.cubes.dimensions import Dimension, as_dimensions
from polarnight.cubes.metadata import Card, Metadata
from polarnight.cubes.recipes import Recipe, operation
from polarnight.cubes.running.graphs import in_blocks
from polarnight.cubes.steps.lineage import without_pixels
from polarnight.cubes.views import Planes, row_chunks
from polarnight.errors import CubeError

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube
    from polarnight.cubes.running.runner import Runner

__all__ = ["computed", "from_array", "relabel", "with_metadata", "with_origin"]


def from_array(
    kind: type[Cube],
    array: Any,
    dims: Iterable[Dimension | str] | None = None,
    variance: Any = None,
    bits: Any = None,
    unit: str = "",
    metadata: Metadata | Iterable[Card] | Mapping[str, Any] = (),
    measure: str = "image",
    *,
    source: str = "",
    level: int = 0,
    recipe: Recipe | None = None,
    parents: tuple[str, ...] | None = None,
    axes: tuple[int | None, ...] | None = None,
    stored: str = "",
    in_memory: bool | None = None,
) -> Cube:
    """Return a cube of an array in memory, or of a dask array.

    Parameters
    ----------
    kind : type
        Of the cube.
    array : array_like or dask.array.Array
    dims : iterable of Dimension or str, optional
        Slowest axis first; ``NAXISn, ..., NAXIS1`` by default.
    variance : array_like, optional
        Of the same shape; floating.
    bits : array_like, optional
        Of the same shape; uint16.
    unit : str
        As astropy writes it; ``""`` unknown.
    metadata : Metadata, cards or mapping
    measure : str
    source, level, recipe, parents, axes, stored, in_memory
        As `Cube` has them, for cubes that were something before.

    Raises
    ------
    CubeError
        Where shapes or dimensions differ, or the array holds no numbers.
    """
    own = [_own(array, "the array"), _own(variance, "the variance"), _own(bits, "bits")]
    for name, one in (("the variance", own[1]), ("bits", own[2])):
        if one is not None and one.shape != own[0].shape:
            raise CubeError(f"{name} has shape {one.shape}, the array has {own[0].shape}")
    data = _lazy(own[0])
    planes = Planes(data, _lazy(own[1], data), _lazy(own[2], data))
    if planes.variance is not None and planes.variance.dtype not in (np.float32, np.float64):
        planes = planes._replace(variance=planes.variance.astype(np.float64))
    if planes.bits is not None and planes.bits.dtype != np.uint16:
        planes = planes._replace(bits=planes.bits.astype(np.uint16))
    made = as_dimensions(dims, data.shape)
    return kind(
        dims=made,
        planes=planes,
        measure=measure,
        unit=unit,
        metadata=metadata if isinstance(metadata, Metadata) else Metadata(metadata),
        source=source,
        level=level,
        recipe=recipe or functools.partial(_recipe, own, made, unit, measure),
        parents=parents,
        axes=axes,
        stored=stored,
        in_memory=not hasattr(array, "dask") if in_memory is None else in_memory,
    )


def _own(array: Any, name: str) -> Any:
    """Return a copy that nobody else can change; dask arrays as they are."""
    if array is None or hasattr(array, "dask"):
        return array
    plain = np.asarray(array)
    if plain.dtype.kind not in "biuf":
        raise CubeError(f"{name} is of type {plain.dtype}, a cube needs integers or floats")
    return np.array(plain, plain.dtype.newbyteorder("="), order="C", copy=True)


def _lazy(array: Any, like: Any = None) -> Any:
    if array is None or hasattr(array, "dask"):
        return array
    chunks = row_chunks(array.shape, array.dtype.itemsize) if like is None else like.chunks
    return in_blocks(array, chunks)


def _recipe(arrays: list[Any], dims: Sequence[Dimension], unit: str, measure: str) -> Recipe:
    digest = hashlib.sha256()
    for array in arrays:
        if array is None:
            digest.update(b"none")
        elif hasattr(array, "dask"):
            digest.update(str(array.name).encode())
        else:
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(array.reshape(-1).view(np.uint8).data)
    names = [[dim.name, dim.type, None if dim.values is None else list(dim.values)] for dim in dims]
    parameters = {"sha256": digest.hexdigest(), "dims": names, "unit": unit, "measure": measure}
    return Recipe("from_array", "1", parameters)


def computed(cube: Cube, runner: Runner | None = None) -> Cube:
    """Return the cube with its arrays in memory."""
    from polarnight.cubes.running.runner import compute

    planes = cube.planes
    wanted = [plane for plane in planes if plane is not None]
    results = iter(compute(wanted, runner))
    made = [None if plane is None else in_blocks(next(results), plane.chunks) for plane in planes]
    there = from_array(
        type(cube),
        made[0],
        cube.dims,
        made[1],
        made[2],
        cube.unit,
        cube.metadata,
        cube.measure,
        source=cube.source,
        level=cube.level,
        recipe=cube.recipe,
        parents=cube.parents,
        axes=cube.axes,
        in_memory=True,
    )
    return with_origin(there, cube)


def with_origin(made: Cube, cube: Cube) -> Cube:
    """Return a cube that was computed from another one, with all that it was made from.

    The origin is kept without pixels, so that no array stays in memory for it.
    """
    return type(cube)(
        dims=made.dims,
        planes=made._planes,
        view=made.view,
        measure=made.measure,
        unit=made.unit,
        metadata=made.metadata,
        source=made.source,
        level=made.level,
        recipe=made.recipe,
        inputs=without_pixels(cube).inputs,
        parents=made.parents,
        axes=made.axes,
        stored=made.stored,
        in_memory=made.in_memory,
    )


def relabel(cube: Cube, *, unit: str | None = None, measure: str | None = None) -> Cube:
    """Return a cube of the same values in another unit or under another name."""
    if (unit is None or unit == cube.unit) and (measure is None or measure == cube.measure):
        return cube
    return cube.derive(
        "relabel",
        {"unit": unit, "measure": measure},
        unit=unit,
        measure=measure,
        metadata=cube.metadata,
        axes=cube.axes,
        level=cube.level,
    )


@operation("relabel")
def _again(parameters: Mapping[str, Any], inputs: Sequence[Cube]) -> Cube:
    return relabel(inputs[0], unit=parameters["unit"], measure=parameters["measure"])


def with_metadata(cube: Cube, metadata: Metadata | Iterable[Card] | Mapping[str, Any]) -> Cube:
    """Return a cube with another header."""
    return type(cube)(
        dims=cube.dims,
        planes=cube._planes,
        view=cube.view,
        measure=cube.measure,
        unit=cube.unit,
        metadata=metadata if isinstance(metadata, Metadata) else Metadata(metadata),
        source=cube.source,
        level=cube.level,
        recipe=cube._recipe,
        operation=cube._operation,
        inputs=cube.inputs,
        parents=cube._parents,
        axes=cube.axes,
        stored=cube.stored,
        in_memory=cube.in_memory,
    )
