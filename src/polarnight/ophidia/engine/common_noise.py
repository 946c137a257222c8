"""What a variance does not know, told by the command that made it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from polarnight.cubes.steps.lineage import dependence, noted, remarks, shared_noise

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube
    from polarnight.ophidia.engine.workbench import Workbench

__all__ = ["new_remarks", "with_shared_noise"]

# Of these, a result has the variance of one of the cubes, or none.
_OF_ONE = frozenset({"mask", "max", "min", "corr", "arg_max", "arg_min"})


def new_remarks(operator: str, made: Cube, *inputs: Cube) -> list[str]:
    """Return what the history of a cube says of its variance and that of its inputs does not.

    Parameters
    ----------
    operator : str
        For the message.
    made : Cube
    *inputs : Cube
    """
    before = {line for cube in inputs for line in remarks(cube.metadata)}
    return [f"{operator}: {line}" for line in remarks(made.metadata) if line not in before]


def with_shared_noise(
    made: Cube, cubes: Sequence[Cube], operation: str, workbench: Workbench
) -> Cube:
    """Return a combination of cubes that says in its history what they have in common.

    The engine knows what is lazy; what cubes of the store were made from is in the catalogue.

    Parameters
    ----------
    made : Cube
    cubes : sequence of Cube
        What it was made of.
    operation : str
    workbench : Workbench
    """
    if operation in _OF_ONE or not made.has_variance or len({cube.key for cube in cubes}) < 2:
        return made
    names = shared_noise([workbench.with_lineage(cube) for cube in cubes])
    if not names or any("in common" in line for line in _own(made, cubes)):
        return made
    return made.with_metadata(noted(made.metadata, dependence(operation, names)))


def _own(made: Cube, cubes: Sequence[Cube]) -> list[str]:
    before = {line for cube in cubes for line in remarks(cube.metadata)}
    return [line for line in remarks(made.metadata) if line not in before]
