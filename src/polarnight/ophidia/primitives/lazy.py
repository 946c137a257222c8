"""Queries on cubes: checked at once, worked out block by block when somebody asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polarnight.cubes.recipes import operation
from polarnight.cubes.views import Planes
from polarnight.ophidia.primitives.checking import check
from polarnight.ophidia.primitives.graph import QueryGraph
from polarnight.ophidia.primitives.parser import parse
from polarnight.ophidia.primitives.shaping import new_dimensions, with_coordinates
from polarnight.ophidia.primitives.units import unit_of

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube

__all__ = ["Applied", "apply_query", "evaluate"]

_NAME = "ophidia.apply"


@dataclass(frozen=True)
class Applied:
    """A cube that a query made, and what was noticed.

    Attributes
    ----------
    cube : Cube
    implicit : tuple of str
        Names of its implicit dimensions.
    remarks : tuple of str
    reduces : bool
        Whether rows became shorter: results are small then.
    """

    cube: Cube
    implicit: tuple[str, ...]
    remarks: tuple[str, ...]
    reduces: bool


def evaluate(
    query: str,
    cube: Cube,
    *,
    implicit: Sequence[str] | None = None,
    dim_query: str | None = None,
    measure: str | None = None,
    measure_type: str = "manual",
    check_type: bool = True,
    on_reduce: str = "skip",
) -> Cube:
    """Return the cube that a query of oph_apply makes; see `apply_query`."""
    return apply_query(
        query,
        cube,
        implicit=implicit,
        dim_query=dim_query,
        measure=measure,
        measure_type=measure_type,
        check_type=check_type,
        on_reduce=on_reduce,
    ).cube


def apply_query(
    query: str,
    cube: Cube,
    *,
    implicit: Sequence[str] | None = None,
    dim_query: str | None = None,
    measure: str | None = None,
    measure_type: str = "manual",
    check_type: bool = True,
    on_reduce: str = "skip",
) -> Applied:
    """Apply a query to every row of a cube, lazily.

    Parameters
    ----------
    query : str
        Primitives of Ophidia or operators and friendly names; see
        `polarnight.ophidia.primitives.parser`.
    cube : Cube
    implicit : sequence of str, optional
        Names of the implicit dimensions in their order: together they are the array of a
        row. By default the last dimension.
    dim_query : str, optional
        Expression of ``dimension`` that gives the new coordinates of the implicit dimension
        (of several, of the last); ``null`` and None for none.
    measure : str, optional
        Name of the new measure.
    measure_type : {'manual', 'auto'}
        Types of primitives may be written or left out in both; kept for old commands.
    check_type : bool
        Whether nested primitives must agree about the types that they are written with.
    on_reduce : {'skip', 'update'}
        update numbers the coordinates of the implicit dimension anew, whatever its size.

    Returns
    -------
    Applied

    Raises
    ------
    QueryError
        Where the query cannot be understood or does not fit the cube.
    """
    tree = parse(query)
    check(tree, query, check_type=check_type)
    names = _implicit_names(cube, implicit)
    task = QueryGraph(query, cube, names)
    planes, made, reduced = task.run(tree)
    shaped = new_dimensions(cube, names, made, task.by_row)
    shaped = with_coordinates(shaped, cube, names, dim_query, on_reduce, query)
    order = [name for name in cube.names if name in shaped]
    dims = tuple(shaped[name] for name in order)
    axes = [list(shaped).index(name) for name in order]
    if axes != sorted(axes):
        planes = planes.each(lambda plane: plane.transpose(axes))
    parameters = {
        "query": query,
        "implicit": list(names),
        "dim_query": dim_query,
        "measure": measure,
        "check_type": check_type,
        "on_reduce": on_reduce,
    }
    result = cube.derive(
        _NAME,
        parameters,
        dims=dims,
        planes=Planes(planes.data, planes.variance, planes.bits),
        measure=measure,
        unit=unit_of(tree, cube.unit) or "",
    )
    left = tuple(name for name in names if name in shaped)
    remarks = tuple(sorted(made.remarks | task.remarks))
    return Applied(result, left, remarks, reduced)


@operation(_NAME)
def _again(parameters: Mapping[str, Any], inputs: Sequence[Cube]) -> Cube:
    given = dict(parameters)
    return evaluate(given.pop("query"), inputs[0], **given)


def _implicit_names(cube: Cube, implicit: Sequence[str] | None) -> tuple[str, ...]:
    if implicit is None:
        return cube.names[-1:]
    return tuple(cube.dim(name).name for name in implicit)
