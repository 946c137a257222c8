"""What statistics of a pixel's values mean, written in numpy: definition, test, fallback.

Of the values v that are in use, n of them, everything in float64 and rounded once to the
type of the values at the end; sums are added one after the other in the order given, as
numpy does along the slower axes of an array. With m the mean, ``sum(v) / n``:

========== =========================================================================
count      n
arg_min    place of the first smallest value, counted from 0 along the whole axis
arg_max    place of the first largest value
var        ``sum((v - m)^2) / (n - ddof)``; not a number unless n > ddof
std        square root of var
mad        `scale` times the median of ``|v - median|``
quantile   linear interpolation at place ``(n - 1) * level`` of the sorted values
cmoment    ``sum((v - m)^order) / n``
acmoment   ``sum(|v - m|^order) / n``
rmoment    ``sum(v^order) / n``
armoment   ``sum(|v|^order) / n``
========== =========================================================================

These are `numpy.nanvar`, `numpy.nanstd`, `numpy.nanquantile` and `astropy.stats.mad_std`
to the last bit. Variances of the values are propagated through var, std and moments of order 2,
for normal errors, and to first order through the other raw moments, which is right where the values
are larger than their errors. Of other central moments the variance is not known: the errors of the
values enter them with powers that no first order tells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["NORMAL_MAD", "PROPAGATED", "STATISTICS", "describe_values", "kernel_order"]

Doubles: TypeAlias = "npt.NDArray[np.float64]"
Bools: TypeAlias = "npt.NDArray[np.bool_]"

STATISTICS: Final = {
    **{"count": "", "arg_min": "", "arg_max": ""},
    **{"var": "ddof", "std": "ddof", "mad": "scale", "quantile": "level"},
    **dict.fromkeys(("cmoment", "acmoment", "rmoment", "armoment"), "order"),
}
"""Statistics, and what their parameter is."""

PROPAGATED: Final = frozenset({"var", "std", "cmoment", "acmoment", "rmoment", "armoment"})
"""Statistics whose variance follows from those of the values."""

NORMAL_MAD: Final = 1.482602218505602
"""Standard deviation over median absolute deviation of normal noise: 1 / ndtri(3/4)."""

_HIGHEST_ORDER = 64


def kernel_order(order: float) -> bool:
    """Return whether powers of this order are made by multiplication, as the kernels do."""
    return order == int(order) and 1 <= order <= _HIGHEST_ORDER


def describe_values(
    values: npt.NDArray[np.floating[Any]],
    usable: Bools,
    statistic: str,
    parameter: float,
    variances: list[Doubles] | None = None,
) -> tuple[Doubles, Doubles]:
    """Describe values along the first axis.

    Parameters
    ----------
    values : ndarray of float32 or float64, shape (n, ny, nx)
    usable : ndarray of bool, shape (n, ny, nx)
        What may be used; such values are finite.
    statistic : str
        One of `STATISTICS`.
    parameter : float
        Of the statistic.
    variances : list of ndarray of float64, shape (ny, nx), optional
        Of the values.

    Returns
    -------
    value, variance : ndarray of float64, shape (ny, nx)
        Anything where nothing could be used; variance not a number where it is not known.
    """
    number = usable.sum(axis=0)
    unknown = np.full(number.shape, np.nan)
    if statistic == "count":
        return number.astype(np.float64), unknown
    if statistic in {"arg_min", "arg_max"}:
        least = statistic == "arg_min"
        filled = np.where(usable, values, values.dtype.type(np.inf if least else -np.inf))
        place = filled.argmin(axis=0) if least else filled.argmax(axis=0)
        return place.astype(np.float64), unknown
    if statistic in {"mad", "quantile"}:
        column = np.sort(np.where(usable, values, values.dtype.type(np.inf)), axis=0)
        if statistic == "quantile":
            return _quantile(column, number, parameter), unknown
        centre = _middle(column, number)
        far = np.abs(column.astype(np.float64) - centre)
        distance = np.sort(np.where(np.isfinite(column), far, np.inf), axis=0)
        return _middle(distance, number) * parameter, unknown
    return _moment(values, usable, number, statistic, parameter, variances)


def _pick(column: npt.NDArray[np.floating[Any]], place: npt.NDArray[np.intp]) -> Doubles:
    """Return ``column[place[y, x], y, x]`` as doubles."""
    picked: Doubles = np.take_along_axis(column, place[None], axis=0)[0].astype(np.float64)
    return picked


def _middle(column: npt.NDArray[np.floating[Any]], number: npt.NDArray[np.intp]) -> Doubles:
    """Return the median of the first `number` of sorted values."""
    low, high = np.maximum(number - 1, 0) // 2, np.minimum(number // 2, len(column) - 1)
    a, b = _pick(column, low), _pick(column, high)
    return 0.5 * (a + b)


def _quantile(
    column: npt.NDArray[np.floating[Any]], number: npt.NDArray[np.intp], level: float
) -> Doubles:
    """Return a quantile of the first `number` of sorted values."""
    top = np.maximum(number - 1, 0)
    place = top * level
    low = place.astype(np.intp)
    high = np.minimum(low + 1, top)
    a, b = _pick(column, low), _pick(column, high)
    part = place - low
    return np.where(part >= 0.5, b - (b - a) * (1.0 - part), a + (b - a) * part)


def _moment(
    values: npt.NDArray[np.floating[Any]],
    usable: Bools,
    number: npt.NDArray[np.intp],
    statistic: str,
    parameter: float,
    variances: list[Doubles] | None,
) -> tuple[Doubles, Doubles]:
    """Return var, std or a moment, and the variance that follows from `variances`."""
    spread = statistic in {"var", "std"}
    order = 2.0 if spread else parameter
    centre = np.zeros(number.shape)
    if spread or statistic in {"cmoment", "acmoment"}:
        for one, use in zip(values, usable, strict=True):
            centre += np.where(use, one.astype(np.float64), 0.0)
        centre /= number
    absolute = statistic in {"acmoment", "armoment"}
    total = np.zeros(number.shape)
    for one, use in zip(values, usable, strict=True):
        d = np.where(use, one.astype(np.float64) - centre, 0.0)
        total += _power(np.abs(d) if absolute else d, order, use)
    freedom = number - parameter if spread else number.astype(np.float64)
    value = np.where(freedom > 0, total / freedom, np.nan)
    found, noise = np.full(number.shape, np.nan), np.zeros(number.shape)
    central = spread or statistic in {"cmoment", "acmoment"}
    if variances is not None and order == 2.0:
        found, squares = _of_squares(values, usable, variances, centre, central)
        found = np.where(freedom > 0, found / freedom**2, np.nan)
        noise = np.where(freedom > 0, squares / freedom, np.nan)
    elif variances is not None and not central:
        found = np.zeros(number.shape)
        for one, use, variance in zip(values, usable, variances, strict=True):
            d = np.where(use, one.astype(np.float64), 0.0)
            gradient = _slope(d, order, absolute, use) / freedom
            found += np.where(use, gradient * gradient * variance, 0.0)
        found = np.where(freedom > 0, found, np.nan)
    if statistic == "std":
        # Where chance brought the values close together, the root is as steep as noise lets it be.
        return np.sqrt(value), found / (4.0 * np.maximum(value, noise))
    return value, found


def _of_squares(
    values: npt.NDArray[np.floating[Any]],
    usable: Bools,
    variances: list[Doubles],
    centre: Doubles,
    central: bool,
) -> tuple[Doubles, Doubles]:
    """Return the variance of the sum of squares, about the mean where `central`, and its noise.

    The noise is what the errors alone add to the sum on average, ``tr(AV)``.

    Of independent normal errors with the variances V about the true values t it is
    ``2 tr(AVAV) + 4 t'AVAt``, where A takes off the mean or is 1 (variance of a quadratic form,
    Searle 1971, Linear Models, section 2.5). The second term is found from the values by
    ``x'AVAx``, whose expectation is larger by ``tr(AVAV)``; it is no less than 0.
    """
    number = usable.sum(axis=0)
    squares, first, signal = (np.zeros(number.shape) for _ in range(3))
    for one, use, variance in zip(values, usable, variances, strict=True):
        v = np.where(use, variance, 0.0)
        d = np.where(use, one.astype(np.float64) - centre, 0.0)
        squares += v * v
        first += v
        signal += d * d * v
    trace, noise = squares, first
    if central:
        with np.errstate(divide="ignore", invalid="ignore"):
            trace = squares * (1.0 - 2.0 / number) + (first / number) ** 2
            noise = first * (1.0 - 1.0 / number)
    return 2.0 * trace + 4.0 * np.maximum(signal - trace, 0.0), noise


def _power(d: Doubles, order: float, use: Bools) -> Doubles:
    """Return a power: of whole orders by multiplication, one factor after the other."""
    if not kernel_order(order):
        return np.where(use, np.power(d, order), 0.0)
    power = d.copy()
    for _ in range(int(order) - 1):
        power *= d
    return power


def _slope(d: Doubles, order: float, absolute: bool, use: Bools) -> Doubles:
    """Return the derivative of the power."""
    if order == 0.0:
        return np.zeros(d.shape)
    size = np.abs(d) if absolute else d
    lower = np.ones(d.shape) if order == 1.0 else _power(size, order - 1.0, use)
    slope = order * (lower * np.sign(d) if absolute else lower)
    return np.where(use, slope, 0.0)
