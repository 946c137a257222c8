"""Statistics along the last axis of arrays, missing values left out."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from polarnight.cubes.steps.grain import INTEGER_SIGMA

if TYPE_CHECKING:
    import numpy.typing as npt

    Doubles = npt.NDArray[np.float64]

__all__ = ["OPERATIONS", "mad", "quantiles", "sigma_clipped", "statistic"]

OPERATIONS: Final = (
    "count",
    "max",
    "min",
    "avg",
    "sum",
    "std",
    "var",
    "cmoment",
    "acmoment",
    "rmoment",
    "armoment",
    "quantile",
    "arg_max",
    "arg_min",
    "median",
    "mad",
    "clipped_mean",
    "clipped_median",
)
"""Those of Ophidia, then our own; the order of clipped statistics is their number of sigmas."""

_TURNS: Final = 5
_MAD_TO_SIGMA: Final = 1.4826


def _mean(values: Doubles) -> Doubles:
    return np.asarray(np.nanmean(values, axis=-1))


def _moment(values: Doubles, order: float, *, central: bool, absolute: bool) -> Doubles:
    if central:
        values = values - _mean(values)[..., None]
    return _mean((np.abs(values) if absolute else values) ** order)


def _sum(values: Doubles) -> Doubles:
    total = np.nansum(values, axis=-1)
    return np.where(np.isnan(values).all(axis=-1), np.nan, total)


def _place(values: Doubles, fill: float, best: Callable[..., Any]) -> Doubles:
    lost = np.isnan(values)
    found = best(np.where(lost, fill, values), axis=-1).astype(np.float64)
    # Where all that is there is as far out as the filling, the first that is there.
    first = (~lost).argmax(axis=-1).astype(np.float64)
    chosen = np.take_along_axis(lost, found[..., None].astype(np.intp), axis=-1)[..., 0]
    return np.where(lost.all(axis=-1), np.nan, np.where(chosen, first, found))


def quantiles(values: Doubles, orders: list[float]) -> Doubles:
    """Return quantiles, shape (number, ...): linear interpolation at (n - 1) q."""
    return np.asarray(np.nanquantile(values, orders, axis=-1))


def mad(values: Doubles) -> Doubles:
    """Return 1.4826 times the median of the distances from the median."""
    centre = np.nanmedian(values, axis=-1, keepdims=True)
    return _MAD_TO_SIGMA * np.asarray(np.nanmedian(np.abs(values - centre), axis=-1))


def sigma_clipped(values: Doubles, nsigma: float, turns: int = _TURNS) -> Doubles:
    """Return the values with NaN for what lies far from the median of what is kept.

    Far is more than `nsigma` times 1.4826 MAD, over and over, at most `turns` times: the rule
    of `polarnight.cubes.kernels.reference`, in float64. Where all values of a row are whole
    numbers, 1.4826 MAD is taken as half a step at least, as the reductions of integers do.
    """
    kept = values.reshape(-1, values.shape[-1]).copy()
    with np.errstate(invalid="ignore"):
        whole = ((kept == np.rint(kept)) | np.isnan(kept)).all(axis=1, keepdims=True)
    least = np.where(whole, INTEGER_SIGMA, 0.0)
    active = np.arange(len(kept))
    for _ in range(turns):
        rows = kept[active]
        distance = np.abs(rows - _median_of_rows(rows))
        with np.errstate(invalid="ignore"):
            sigma = np.maximum(_MAD_TO_SIGMA * _median_of_rows(distance), least[active])
            far = distance > nsigma * sigma
        rows[far] = np.nan
        kept[active] = rows
        # A row from which nothing was taken stays as it is.
        active = active[far.any(axis=1)]
        if not active.size:
            break
    return kept.reshape(values.shape)


def _median_of_rows(rows: Doubles) -> Doubles:
    """Return medians, shape (rows, 1); NaN is left out, and what rows of nothing else give."""
    ordered = np.sort(rows, axis=1)
    number = (~np.isnan(rows)).sum(axis=1, keepdims=True)
    low = np.take_along_axis(ordered, np.maximum(number - 1, 0) // 2, axis=1)
    high = np.take_along_axis(ordered, np.minimum(number // 2, rows.shape[1] - 1), axis=1)
    return np.asarray(0.5 * (low + high))


_SIMPLE: Final[dict[str, Callable[[Any], Any]]] = {
    "count": lambda values: (~np.isnan(values)).sum(axis=-1).astype(np.float64),
    "max": lambda values: np.nanmax(values, axis=-1),
    "min": lambda values: np.nanmin(values, axis=-1),
    "avg": _mean,
    "sum": _sum,
    "std": lambda values: np.nanstd(values, axis=-1),
    "var": lambda values: np.nanvar(values, axis=-1),
    "sample_std": lambda values: np.nanstd(values, axis=-1, ddof=1),
    "sample_var": lambda values: np.nanvar(values, axis=-1, ddof=1),
    "median": lambda values: np.nanmedian(values, axis=-1),
    "mad": mad,
    "arg_max": lambda values: _place(values, -np.inf, np.argmax),
    "arg_min": lambda values: _place(values, np.inf, np.argmin),
}


def statistic(operation: str, values: Doubles, order: float = 2.0) -> Doubles:
    """Return a statistic along the last axis.

    Parameters
    ----------
    operation : str
        One of `OPERATIONS`.
    values : ndarray of float64
        NaN where there is no value.
    order : float
        Of moments; of the quantile, from 0 to 1; number of sigmas of clipped statistics.

    Returns
    -------
    ndarray of float64
        NaN where there was no value (0 for the count). Places (``arg_``) count from 0, as in
        the engine; ``std`` and ``var`` divide by n, ``sample_std`` and ``sample_var``, which
        are those of GSL, by n - 1.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        if operation in _SIMPLE:
            return np.asarray(_SIMPLE[operation](values))
        if operation == "quantile":
            return np.asarray(quantiles(values, [order])[0])
        if operation.startswith("clipped_"):
            kept = sigma_clipped(values, order)
            return _mean(kept) if operation == "clipped_mean" else statistic("median", kept)
        return _moment(
            values, order, central="c" in operation[:2], absolute=operation.startswith("a")
        )
