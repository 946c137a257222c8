"""Discrete wavelet transforms of rows, as the GNU Scientific Library orders them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import comb
from typing import TYPE_CHECKING, Final

import numpy as np

from polarnight.ophidia.primitives.declaration import array, choice, integer, primitive
from polarnight.ophidia.primitives.errors import QueryError
from polarnight.ophidia.primitives.values import Value

if TYPE_CHECKING:
    import numpy.typing as npt

    Doubles = npt.NDArray[np.float64]

__all__ = ["transform"]

_FAMILIES: Final = ("daubechies", "daubechies_c", "haar", "haar_c")
_PARAMETERS: Final = (
    array(),
    choice("wavelet family", _FAMILIES, "daubechies", help="_c: centred."),
    integer("wavelet member", None, help="Length: 2 of haar; 4, 6, ... 20 of daubechies."),
)
_LONGEST: Final = 20


@cache
def _scaling(length: int) -> tuple[float, ...]:
    """Return Daubechies' filter of a length (Daubechies 1988, Comm. Pure Appl. Math. 41, 909).

    Its transfer function is ``((1 + z) / 2)^p Q(z)``, where ``|Q|^2`` is the polynomial
    ``sum C(p-1+k, k) y^k`` in ``y = (2 - z - 1/z) / 4``; Q has the roots inside of the circle.
    """
    p = length // 2
    roots = []
    for y in np.roots([comb(p - 1 + k, k) for k in range(p - 1, -1, -1)]):
        b = 1 - 2 * y
        pair = b + np.sqrt(b * b - 1 + 0j) * np.array([1, -1])
        roots.append(pair[np.argmin(np.abs(pair))])
    polynomial = np.poly([-1.0] * p)
    for root in roots:
        polynomial = np.convolve(polynomial, [1.0, -root])
    real = np.real(polynomial)
    return tuple((real * np.sqrt(2.0) / real.sum()).tolist())


def _filters(family: str, member: int | None, width: int) -> tuple[Doubles, Doubles, int]:
    """Return smoothing and detail filters and the offset."""
    haar = family.startswith("haar")
    length = member if member is not None else (2 if haar else 4)
    allowed = (2,) if haar else tuple(range(4, _LONGEST + 1, 2))
    if length not in allowed:
        msg = f"{family} has the members {', '.join(map(str, allowed))}, not {length}"
        raise QueryError(msg)
    if width < 2 or width & (width - 1):
        msg = f"rows of {width} elements are no power of two; cut or pad them (oph_padding)"
        raise QueryError(msg)
    smooth = np.array(_scaling(length))
    detail = smooth[::-1] * np.resize([1.0, -1.0], length)
    return smooth, detail, length // 2 if family.endswith("_c") else 0


def _places(n: int, length: int, offset: int) -> npt.NDArray[np.intp]:
    return (np.arange(0, n, 2)[:, None] + np.arange(length) - offset) % n


def transform(rows: Doubles, family: str, member: int | None, *, back: bool = False) -> Doubles:
    """Transform rows, or transform them back.

    Parameters
    ----------
    rows : ndarray of float64, shape (number, n)
        n a power of two.
    family : str
    member : int or None
    back : bool

    Returns
    -------
    ndarray of float64, shape (number, n)
        Of the transform: one smooth number, then details from the coarsest on.
    """
    smooth, detail, offset = _filters(family, member, rows.shape[1])
    found = rows.copy()
    sizes = [2**k for k in range(1, rows.shape[1].bit_length())]
    for n in sizes if back else sizes[::-1]:
        places = _places(n, len(smooth), offset)
        half = n // 2
        if not back:
            taken = found[:, places]
            found[:, :n] = np.concatenate([taken @ smooth, taken @ detail], axis=1)
            continue
        whole = np.zeros((len(rows), n))
        for k in range(len(smooth)):
            # The places of one coefficient differ from each other.
            whole[:, places[:, k]] += found[:, :half] * smooth[k] + found[:, half:n] * detail[k]
        found[:, :n] = whole
    return found


def _transformed(value: Value, family: str, member: int | None, *, back: bool) -> Value:
    data = transform(value.data.astype(np.float64), family, member, back=back)
    made = replace(value, data=data, bits=None, noise=None)
    if value.noise is not None:
        return made.remark("the variance is dropped: coefficients mix all of a row")
    return made


@primitive("oph_gsl_dwt", "Wavelet transform of a row of 2^n elements.", "along the row",
           *_PARAMETERS, reach="row",
           example="oph_gsl_dwt('oph_double','oph_double',measure,'HAAR')")  # fmt: skip
def dwt(value: Value, family: str, member: int | None) -> Value:
    """Return one smooth coefficient, and details from the coarsest to the finest."""
    return _transformed(value, family, member, back=False)


@primitive("oph_gsl_idwt", "A row from its wavelet transform.", "along the row", *_PARAMETERS,
           reach="row", example="oph_gsl_idwt(oph_gsl_dwt(measure,'HAAR'),'HAAR')")  # fmt: skip
def idwt(value: Value, family: str, member: int | None) -> Value:
    """Undo `dwt`."""
    return _transformed(value, family, member, back=True)
