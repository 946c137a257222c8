"""Which container a new cube goes into."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube
    from polarnight.db.models import CubeContainer, DataCube
    from polarnight.ophidia.context import Context
    from polarnight.ophidia.engine.workbench import Axes

__all__ = ["dimension_types", "place_for", "too_many_cores"]

_LARGE = 8 << 20  # bytes; where less is made, nobody waits for a core that is idle


def place_for(
    context: Context, name: str, cube: Cube, axes: Axes, inputs: Sequence[DataCube]
) -> tuple[CubeContainer, list[str]]:
    """Return the container of a new cube, with dimensions for it, and what to tell the user.

    ``-`` is the container of the first input. Cubes of the archive, which is only read, give
    theirs to a container of the same name in the current folder. A container that does not
    exist is made.

    Parameters
    ----------
    context : Context
    name : str
        Name or path of the container, or ``-``.
    cube : Cube
    axes : Axes
    inputs : sequence of DataCube

    Raises
    ------
    ConfigError
        Where the name is refused, or the container has such dimensions of another type.
    """
    containers = context.catalogue.containers
    dims = dimension_types(cube, axes)
    warnings: list[str] = []
    if name not in {"-", ""}:
        cwd, wanted = context.cwd, name
    elif not containers.is_mounted(inputs[0].container):
        return containers.add_dimensions(inputs[0].container, dims), warnings
    else:
        wanted = inputs[0].container.name
        cwd = "/" if context.cwd.startswith("/archive") else context.cwd
    found = containers.find(context.session, wanted, cwd)
    if found is not None:
        return containers.add_dimensions(found, dims), warnings
    made = containers.create(context.session, wanted, dims, cwd=cwd, exist_ok=True)
    warnings.append(f"{context.operator}: container {wanted} was made in {cwd}")
    return made, warnings


def dimension_types(cube: Cube, axes: Axes) -> list[tuple[str, str]]:
    """Return name and type of the dimensions of a cube, in Ophidia's order."""
    return [(dim.name, dim.type) for dim in map(cube.dim, axes.names)]


def too_many_cores(cube: Cube, given: dict[str, Any], scheduler: str) -> list[str]:
    """Return a warning where more cores are asked for than there are, or pieces of large work."""
    cores = int(given.get("ncores") or 1) * int(given.get("nthreads") or 1)
    there = os.cpu_count() or 1
    if cores > there and "://" not in scheduler:
        return [f"{cores} cores were asked for, this machine has {there}"]
    pieces = max(int(cube.data.npartitions), 1)
    if cores > pieces and cube.data.nbytes >= _LARGE:
        parts = f"{pieces} pieces" if pieces > 1 else "one piece"
        return [f"{cores} cores were asked for, the work is {parts}: the rest is idle"]
    return []
