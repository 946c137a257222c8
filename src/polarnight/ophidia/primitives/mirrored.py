"""Variances of filtered images, whose borders are continued as in a mirror.

Near a border a pixel enters a window more than once. Its weights add up before they are
squared: the variance of ``(w1 + w2) x`` is ``(w1 + w2)^2 v``, not ``(w1^2 + w2^2) v``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Doubles = npt.NDArray[np.float64]

__all__ = ["kernel_variance", "separable_variance"]

_MODE = "reflect"


def separable_variance(plane: Doubles, kernel: Doubles) -> Doubles:
    """Return the variance of an image correlated with a kernel along both axes.

    Parameters
    ----------
    plane : ndarray, shape (ny, nx)
        Variances of independent pixels.
    kernel : ndarray, shape (k,)
        k is odd.
    """
    along = _along_first(plane, kernel)
    return _along_first(along.T, kernel).T


def kernel_variance(plane: Doubles, kernel: Doubles) -> Doubles:
    """Return the variance of an image correlated with a kernel.

    Parameters
    ----------
    plane : ndarray, shape (ny, nx)
        Variances of independent pixels.
    kernel : ndarray, shape (ky, kx)
        Both are odd.
    """
    from scipy import ndimage

    found = ndimage.correlate(plane, kernel**2, mode=_MODE)
    ny, nx = plane.shape
    rows = [(y, *_folded(kernel, y, ny)) for y in _border(ny, len(kernel) // 2)]
    for y, places, weights in rows:
        found[y] = _line(plane[places], weights)
    for x in _border(nx, kernel.shape[1] // 2):
        places, weights = _folded(kernel.T, x, nx)
        found[:, x] = _line(plane.T[places], weights)
        for y, _, _ in rows:
            at, both = _folded(weights.T, y, ny)
            found[y, x] = (both**2 * plane[np.ix_(at, places)]).sum()
    return np.asarray(found)


def _line(lines: Doubles, weights: Doubles) -> Any:
    """Return the variance along lines that enter with weights of their own."""
    from scipy import ndimage

    return sum(
        ndimage.correlate1d(line, one**2, mode=_MODE)
        for line, one in zip(lines, weights, strict=True)
    )


def _along_first(plane: Doubles, kernel: Doubles) -> Doubles:
    from scipy import ndimage

    found = ndimage.correlate1d(plane, kernel**2, axis=0, mode=_MODE)
    for place in _border(len(plane), len(kernel) // 2):
        places, weights = _folded(kernel[:, None], place, len(plane))
        found[place] = weights[:, 0] ** 2 @ plane[places]
    return np.asarray(found)


def _border(n: int, reach: int) -> list[int]:
    """Return the places whose window goes beyond an end."""
    return [place for place in range(n) if place < reach or place >= n - reach]


def _folded(kernel: Doubles, place: int, n: int) -> tuple[npt.NDArray[np.intp], Doubles]:
    """Return the places that a window sees, each once, and their weights (the first axis)."""
    reach = len(kernel) // 2
    seen = np.arange(place - reach, place + reach + 1) % (2 * n)
    places, which = np.unique(np.where(seen < n, seen, 2 * n - 1 - seen), return_inverse=True)
    weights = np.zeros((len(places), kernel.shape[1]))
    np.add.at(weights, which, kernel)
    return places, weights
