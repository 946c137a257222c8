"""oph_reduce and oph_reduce2: statistics along dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.ophidia.context import Context
from polarnight.ophidia.engine.common_noise import new_remarks
from polarnight.ophidia.engine.missing import missing_value, without_missing
from polarnight.ophidia.engine.workbench import Axes
from polarnight.ophidia.errors import BadValue
from polarnight.ophidia.language.arguments import Argument, cube
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["OPERATIONS", "Reduce", "Reduce2", "parameters_of"]

OPERATIONS = {
    "count": "count",
    "max": "max",
    "min": "min",
    "avg": "mean",
    "sum": "sum",
    "std": "std",
    "var": "var",
    "cmoment": "cmoment",
    "acmoment": "acmoment",
    "rmoment": "rmoment",
    "armoment": "armoment",
    "quantile": "quantile",
    "arg_max": "arg_max",
    "arg_min": "arg_min",
    "median": "median",
    "mad": "mad",
    "clipped_mean": "clipped_mean",
    "clipped_median": "clipped_median",
}
"""Operations of Ophidia, and of ours from ``median`` on, with their names in the engine."""

_MASTERS = ("bias", "dark")
_MOMENTS = {"cmoment", "acmoment", "rmoment", "armoment"}
_CLIPPED = {"clipped_mean", "clipped_median"}
_REJECTING = {"median", "avg", "sum", *_CLIPPED}
_CENTRED = {*_REJECTING, "quantile"}

_TEXT = (
    "Values that are no number and pixels marked bad are left out, also of quantiles; where "
    "nothing is left the result is no number. The result is floating, median of integers too. "
    "A median is operation=median, or operation=quantile;order=0.5. std and var divide by the "
    "number of values less ddof; arg_max and arg_min are places counted from 0, -1 where there "
    "is no value. The result is computed at once and kept."
)
_COMMON = (
    Argument("operation", "enum", mandatory=True, choices=tuple(OPERATIONS), help="What is taken."),
    Argument("order", "float", 2.0, minimum=0,
             help="Order of moments; of a quantile its level from 0 to 1."),
    Argument("missingvalue", default="-", help="A number that stands for no value."),
    Argument("nsigma", "float", 3.0, minimum=1, extension=True,
             help="Limit of clipped_mean and clipped_median, in robust sigmas."),
    Argument("max_iterations", "int", 5, minimum=0, maximum=1000, extension=True,
             help="Rounds of clipping at most."),
    Argument("min_sigma", "float", "auto", minimum=0, words=("auto",), extension=True,
             help="Least sigma for clipping, such as the noise of the camera; auto is 0.74 for "
                  "integers and differences of them, which half of them being equal cannot tell "
                  "from 0, else 0."),
    Argument("reject_low", "int", 0, minimum=0, extension=True,
             help="Lowest values left out before (median, avg, sum, clipped ones)."),
    Argument("reject_high", "int", 0, minimum=0, extension=True,
             help="Highest values left out before."),
    Argument("ddof", "float", 0.0, minimum=0, extension=True,
             help="Taken from the number of values of std and var; 1 for a sample."),
)  # fmt: skip
_PLACE = (
    Argument("grid", default="-", help="Kept for old commands."),
    Argument("check_grid", "enum", "no", choices=("yes", "no"), help="Kept for old commands."),
    Argument("container", default="-", help="Where the cube goes; - is that of the input."),
    Argument("description", default="-", help="Text of the cube."),
)


def parameters_of(
    operator_name: str, given: Given, pixels: npt.DTypeLike
) -> tuple[str, dict[str, Any]]:
    """Return the operation of the engine and its parameters for pixels of a type.

    Raises
    ------
    BadValue
        For a quantile whose order is no level.
    """
    name = given["operation"]
    parameters: dict[str, Any] = {}
    if name == "quantile":
        if given["order"] > 1:
            msg = f"{operator_name}: order={given['order']:g} is no level of a quantile"
            raise BadValue(msg, "add order=0.5 for the median; levels go from 0 to 1")
        parameters["level"] = given["order"]
    if name in _MOMENTS:
        parameters["order"] = given["order"]
    if name in {"std", "var"}:
        parameters["ddof"] = given["ddof"]
    if name in _CLIPPED:
        for key in ("nsigma", "max_iterations", "min_sigma"):
            parameters[key] = given[key]
        if given["min_sigma"] == "auto":
            del parameters["min_sigma"]
    if name in _CENTRED and np.dtype(pixels).kind in "iu":
        # Also where missing values made them floating.
        parameters["step"] = 1.0
    for key in ("reject_low", "reject_high"):
        if name in _REJECTING:
            parameters[key] = given[key]
        elif given[key]:
            msg = f"{operator_name}: {key} is not for {name}"
            raise BadValue(msg, f"it is for {', '.join(sorted(_REJECTING))}")
    return OPERATIONS[name], parameters


@operator
class Reduce2(Operator):
    """A statistic along a named dimension."""

    name = "oph_reduce2"
    title = "Reduce a dimension to one value: median, mean, clipped mean, quantile and others."
    text = (
        f"The result lacks the dimension. {_TEXT} bias, dark, scale and saturation, which Ophidia "
        "does not have, calibrate what enters: (raw - bias - dark * dark_scale) * scale."
    )
    arguments = (
        cube(),
        *_COMMON,
        Argument("dim", default="-",
                 help="The dimension, implicit or explicit; - is the last implicit one."),
        Argument("concept_level", default="A", help="A: the whole dimension."),
        Argument("midnight", "enum", "24", choices=("24", "00"), help="Kept for old commands."),
        Argument("bias", "cube", default="", extension=True,
                 help="PID of an image subtracted from all first; its error is counted once."),
        Argument("dark", "cube", default="", extension=True,
                 help="PID of an image subtracted after it, dark_scale times."),
        Argument("dark_scale", default="-", extension=True,
                 help="A number, or one for each element joined by |, such as exposure times."),
        Argument("scale", default="-", extension=True,
                 help="What elements are multiplied by then; one number, or one for each."),
        Argument("saturation", "float", "none", words=("none",), extension=True,
                 help="Raw values of this and more are left out."),
        *_PLACE,
    )  # fmt: skip
    objects = ("reduce2",)
    threads = True
    massive = "cube"

    def run(self, given: Given, context: Context) -> Answer:
        """Reduce it."""
        row = context.row(given["cube"])
        axes = Axes.of(row)
        name = given["dim"]
        if name in {"-", ""}:
            name = _last(self.name, axes)
        if given["concept_level"] != "A":
            msg = f"{self.name}: concept_level={given['concept_level'][:20]} is for climate"
            raise BadValue(msg, "leave it out; oph_reduce group_size=<n> reduces groups")
        whole = context.cube(row, with_cards=True)
        operation, parameters = parameters_of(self.name, given, whole.dtype)
        lazy = without_missing(whole, missing_value(self.name, given))
        rows = [row]
        for master in _MASTERS:
            if given[master]:
                rows.append(context.row(given[master]))
                parameters[master] = context.cube(rows[-1])
        parameters |= _scales(self.name, given)
        made = lazy.reduce(operation, name, **parameters)
        left = axes.without(lazy.dim(name).name)
        answer = context.make(made, left, given, rows, persist=True)
        answer.warnings += new_remarks(self.name, made, lazy)
        return answer


@operator
class Reduce(Operator):
    """A statistic along the last implicit dimension, as a whole or in groups."""

    name = "oph_reduce"
    title = "Reduce the last implicit dimension, as a whole or in groups of neighbours."
    text = f"The last group has what remains. {_TEXT}"
    arguments = (
        cube(),
        *_COMMON,
        Argument("group_size", "int", "all", words=("all",), minimum=1,
                 help="Elements of a group; all reduces to one value."),
        *_PLACE,
    )  # fmt: skip
    objects = ("reduce",)
    threads = True
    massive = "cube"

    def run(self, given: Given, context: Context) -> Answer:
        """Reduce it."""
        row = context.row(given["cube"])
        axes = Axes.of(row)
        name = _last(self.name, axes)
        whole = context.cube(row, with_cards=True)
        operation, parameters = parameters_of(self.name, given, whole.dtype)
        lazy = without_missing(whole, missing_value(self.name, given))
        size = given["group_size"]
        if size == "all":
            made, axes = lazy.reduce(operation, name, **parameters), axes.without(name)
        else:
            made = lazy.block_reduce(operation, name, size, **parameters)
        answer = context.make(made, axes, given, [row], persist=True)
        answer.warnings += new_remarks(self.name, made, lazy)
        return answer


def _scales(operator_name: str, given: Given) -> dict[str, Any]:
    """Return numbers that elements are multiplied by, as the engine takes them."""
    found: dict[str, Any] = {}
    for name in ("dark_scale", "scale"):
        text = given[name]
        if text in {"-", ""}:
            continue
        try:
            numbers = [float(part) for part in text.split("|")]
        except ValueError:
            msg = f"{operator_name}: {name}={text[:60]} is no number"
            raise BadValue(msg, "give one, or one for each element joined by |") from None
        found[name] = numbers[0] if len(numbers) == 1 else numbers
    if given["saturation"] != "none":
        found["saturation"] = given["saturation"]
    if "dark_scale" in found and not given["dark"]:
        msg = f"{operator_name}: dark_scale is given, but no dark"
        raise BadValue(msg, "add dark=<PID>")
    return found


def _last(operator_name: str, axes: Axes) -> str:
    if not axes.implicit:
        msg = f"{operator_name}: the cube has no implicit dimension"
        raise BadValue(msg, f"oph_reduce2 dim=<name> reduces {' or '.join(axes.explicit) or 'one'}")
    return axes.implicit[-1]
