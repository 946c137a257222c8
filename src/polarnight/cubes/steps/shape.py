"""Order, names and number of dimensions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from polarnight.cubes.dimensions import Dimension
from polarnight.cubes.recipes import operation
from polarnight.cubes.views import Planes
from polarnight.errors import CubeError

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube

__all__ = ["drop_dim", "expand_dim", "rename_dims", "transpose"]


def transpose(cube: Cube, names: Sequence[str]) -> Cube:
    """Return the cube with its axes in another order.

    Parameters
    ----------
    cube : Cube
    names : sequence of str
        All dimensions, slowest first.

    Raises
    ------
    CubeError
        Where a dimension is missing, unknown or named twice.
    """
    order = [cube.axis(name) for name in names]
    if sorted(order) != list(range(cube.ndim)):
        raise CubeError(
            f"transpose: give each of {', '.join(cube.names)} once, not {', '.join(names)}"
        )
    return cube.derive(
        "transpose",
        {"names": [cube.names[k] for k in order]},
        dims=tuple(cube.dims[k] for k in order),
        planes=_each(cube, lambda array: array.transpose(order)),
        metadata=cube.metadata.derived(),
        axes=tuple(cube.axes[k] for k in order),
    )


def rename_dims(cube: Cube, names: Mapping[str, str]) -> Cube:
    """Return the cube with other names for some dimensions.

    Parameters
    ----------
    cube : Cube
    names : mapping of str to str
        New names by old ones.

    Raises
    ------
    CubeError
        Where there is no dimension of that name, or two would have one.
    """
    new = list(cube.dims)
    for old, name in names.items():
        new[cube.axis(old)] = cube.dim(old).renamed(name)
    listed = [dim.name for dim in new]
    if len(set(listed)) < len(listed):
        raise CubeError(f"rename: two dimensions would have one name in {', '.join(listed)}")
    return cube.derive(
        "rename_dims",
        {cube.dim(old).name: name for old, name in names.items()},
        dims=tuple(new),
        metadata=cube.metadata,
        axes=cube.axes,
        level=cube.level,
    )


def expand_dim(cube: Cube, name: str, position: int = 0, *, type: str = "int") -> Cube:  # noqa: A002
    """Return the cube with one more dimension, of size 1.

    Parameters
    ----------
    cube : Cube
    name : str
    position : int
        Where: 0 makes it the slowest, -1 the fastest.
    type : str
        Of its coordinates.

    Raises
    ------
    CubeError
        Where the name is taken or there is no such position.
    """
    if name in cube.names:
        raise CubeError(f"dimension {name} is there already")
    at = position + cube.ndim + 1 if position < 0 else position
    if not 0 <= at <= cube.ndim:
        raise CubeError(f"there is no position {position} for a new dimension of {cube.ndim}")
    index = (slice(None),) * at + (None,)
    return cube.derive(
        "expand_dim",
        {"name": name, "position": at, "type": type},
        dims=(*cube.dims[:at], Dimension(name, 1, type), *cube.dims[at:]),
        planes=_each(cube, lambda array: array[index]),
        axes=(*cube.axes[:at], None, *cube.axes[at:]),
    )


def drop_dim(cube: Cube, name: str) -> Cube:
    """Return the cube without a dimension of size 1.

    Raises
    ------
    CubeError
        Where there is none of that name, or it has another size.
    """
    at = cube.axis(name)
    if cube.shape[at] != 1:
        raise CubeError(
            f"dimension {name} has size {cube.shape[at]}; take a subset or reduce it first"
        )
    return cube.derive(
        "drop_dim",
        {"name": cube.names[at]},
        dims=cube.dims[:at] + cube.dims[at + 1 :],
        planes=_each(cube, lambda array: array[(slice(None),) * at + (0,)]),
        axes=cube.axes[:at] + cube.axes[at + 1 :],
    )


def _each(cube: Cube, change: Callable[[Any], Any]) -> Planes:
    return Planes(*(None if plane is None else change(plane) for plane in cube.planes))


@operation("transpose")
def _transpose_again(parameters: Mapping[str, Any], inputs: Sequence[Cube]) -> Cube:
    return transpose(inputs[0], parameters["names"])


@operation("rename_dims")
def _rename_again(parameters: Mapping[str, Any], inputs: Sequence[Cube]) -> Cube:
    return rename_dims(inputs[0], parameters)


@operation("expand_dim")
def _expand_again(parameters: Mapping[str, Any], inputs: Sequence[Cube]) -> Cube:
    return expand_dim(
        inputs[0], parameters["name"], parameters["position"], type=parameters["type"]
    )


@operation("drop_dim")
def _drop_again(parameters: Mapping[str, Any], inputs: Sequence[Cube]) -> Cube:
    return drop_dim(inputs[0], parameters["name"])
