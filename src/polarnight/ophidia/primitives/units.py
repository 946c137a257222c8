"""The unit of what a query makes: kept where that is sure, unknown where not."""

from __future__ import annotations

from typing import Final

from polarnight.ophidia.primitives.evaluation import CONSTANTS
from polarnight.ophidia.primitives.parser import Name, Node, Number, Text

__all__ = ["unit_of"]

_UNKNOWN: Final = ""
_NONE: Final = "1"

_KEEPS: Final = frozenset(
    {
        "reduce",
        "reduce2",
        "reduce3",
        "operator",
        "replace",
        "get_subarray",
        "get_subarray2",
        "get_subarray3",
        "extract",
        "shift",
        "rotate",
        "reverse",
        "sigma_clip",
        "gsl_sort",
        "gsl_quantile",
        "gsl_boxplot",
        "gsl_sd",
        "clip",
        "median_filter",
        "box_mean",
        "gaussian_filter",
        "background",
        "cast",
        "mask_array",
        "permute",
        "padding",
        "extend",
        "expand",
        "negative",
        "moving_avg",
        "accumulate",
        "deaccumulate",
        "sum_scalar",
        "mul_scalar",
        "affine",
        "filter",
        "gsl_fit_linear",
        "image_statistic",
        "image_median",
        "image_mean",
        "image_std",
        "image_mad",
        "abs",
        "round",
        "floor",
        "ceil",
    }
)
_SUMS: Final = frozenset({"add", "subtract", "sum_array", "sub_array", "max", "min", "max_array",
                          "min_array", "concat", "concat2", "append", "interlace"})  # fmt: skip
_RATIOS: Final = frozenset({"divide", "div_array"})
_PRODUCTS: Final = frozenset({"multiply", "mul_array"})
_STATISTICS_OF_OTHER_UNITS: Final = frozenset(
    {"var", "count", "arg_max", "arg_min", "cmoment", "acmoment", "rmoment", "armoment"}
)
_TESTS: Final = frozenset(
    {
        "less",
        "less_equal",
        "greater",
        "greater_equal",
        "equal",
        "not_equal",
        "and",
        "or",
        "not",
        "isnan",
        "isfinite",
        "cosmic_rays",
        "compare",
        "find",
        "count_array",
        "sign",
    }
)


def unit_of(node: Node, unit: str) -> str | None:
    """Return the unit of an expression.

    Parameters
    ----------
    node : Node
    unit : str
        Of the measure; ``""`` unknown.

    Returns
    -------
    str or None
        ``""`` where it is not known, None for plain numbers, which take any unit.
    """
    match node:
        case Number() | Text():
            return None
        case Name(value="measure"):
            return unit
        case Name(value=value):
            return None if value in CONSTANTS else _UNKNOWN
    name = node.name.removeprefix("oph_")
    words = {_word(one) for one in node.arguments if isinstance(one, Text | Name)}
    arrays = [one for one in node.arguments if not isinstance(one, Text)]
    units = [unit_of(one, unit) for one in arrays]
    if name in _TESTS:
        return _NONE
    if name in _KEEPS:
        if words & _STATISTICS_OF_OTHER_UNITS or not units:
            return _UNKNOWN
        return units[0]
    if name == "where":
        return _common(units[1:])
    if name in _SUMS:
        return _common(units)
    if name in _RATIOS and len(units) == 2:
        if units[1] is None:
            return units[0]
        return _NONE if units[0] == units[1] != _UNKNOWN else _UNKNOWN
    if name in _PRODUCTS and len(units) == 2 and None in units:
        return units[1] if units[0] is None else units[0]
    return _UNKNOWN


def _word(node: Text | Name) -> str:
    return node.value.strip().lower().removeprefix("oph_")


def _common(units: list[str | None]) -> str | None:
    """Return the one unit of several numbers, plain ones apart."""
    found = {one for one in units if one is not None}
    if not found:
        return None
    return found.pop() if len(found) == 1 else _UNKNOWN
