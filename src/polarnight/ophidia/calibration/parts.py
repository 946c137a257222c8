"""What the operators of calibration share: arguments, and files of theirs as cubes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from polarnight.ophidia.calibration.calibrating import KINDS
from polarnight.ophidia.context import Context
from polarnight.ophidia.engine.axes import Axes
from polarnight.ophidia.language.arguments import Argument, cubes
from polarnight.ophidia.operator import Answer, Given

if TYPE_CHECKING:
    from polarnight.db.models import DataCube

__all__ = ["CANDIDATES", "MASTERS", "PLACE", "show_product"]

MASTERS = tuple(
    Argument(name, "text", "auto",
             help=f"PID of the master {name}, none, or auto: as the pipeline chooses it.")
    for name in KINDS
)  # fmt: skip
CANDIDATES = cubes(
    "masters",
    mandatory=False,
    default="",
    help="Masters to choose from; those that the pipeline made unless given.",
)
PLACE = (
    Argument("container", default="-", help="Where cubes go; - is like that of the input."),
    Argument("description", default="-", help="Text of the cubes."),
)


def show_product(
    path: Path, given: Given, inputs: list[DataCube], context: Context, description: str
) -> Answer:
    """Take a product file into the catalogue."""
    from polarnight.cubes.cube import Cube

    made = Cube.open_fits(path)
    axes = Axes(made.names[:-1], made.names[-1:])
    text = description if given["description"] == "-" else given["description"]
    level = max((row.level for row in inputs), default=0) + 1
    more: dict[str, Any] = {"level": level, "nfrag": 1, "source": str(path)}
    return context.make(made, axes, {**given, "description": text}, inputs, **more)
