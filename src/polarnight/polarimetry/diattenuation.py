"""What optics that polarize do to light that is polarized already.

Optics ahead of the polarimeter that give unpolarized light the polarization d (a complex number,
``q + i u``) transmit light polarized along d better than across it. They are a diattenuator, whose
Mueller matrix for linear polarization is

    ( 1   d^T )
    ( d   k + (1 - k) d d^T / d^2 ),    k = sqrt(1 - d^2)

(Lu and Chipman 1996, J. Opt. Soc. Am. A 13, 1106). To first order d is added to the polarization of
the light; to second order ``d p^2`` and ``d^2 p``. The inverse is the diattenuator of -d.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

__all__ = ["diattenuate", "diattenuation_derivatives"]

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]
Number = TypeVar("Number", complex, ComplexArray)


def diattenuate(d: Number, light: Number) -> Number:
    """Return the polarization of light after optics that polarize.

    Parameters
    ----------
    d : complex or ndarray
        What they make of unpolarized light, less than 1.
    light : complex or ndarray
        ``q + i u`` ahead of them.

    Returns
    -------
    complex or ndarray
        ``q + i u`` behind them. With -d in place of d: ahead of them, from that behind.
    """
    along = (np.conj(d) * light).real
    k = np.sqrt(1.0 - (np.conj(d) * d).real)
    behind: Number = (d + k * light + d * along / (1.0 + k)) / (1.0 + along)
    return behind


def diattenuation_derivatives(
    d: complex | ComplexArray, light: complex | ComplexArray
) -> tuple[FloatArray, FloatArray]:
    """Return the derivatives of `diattenuate`, as matrices of real and imaginary parts.

    Parameters
    ----------
    d, light : complex or ndarray, shape (...)

    Returns
    -------
    by_light, by_d : ndarray, shape (..., 2, 2)
        The second index is that of the real and imaginary part of `light`, or of `d`.
    """
    optics, ahead = np.broadcast_arrays(np.asarray(d, dtype=complex), np.asarray(light))
    x, s = _vector(optics), _vector(ahead)
    behind = _vector(np.asarray(diattenuate(optics, ahead)))
    along = np.sum(x * s, axis=-1)[..., None, None]
    k = np.sqrt(1.0 - np.sum(x * x, axis=-1))[..., None, None]
    unit = np.eye(2)
    slope = -x[..., None, :] / k  # of k, by d
    by_light = k * unit + _outer(x, x) / (1.0 + k) - _outer(behind, x)
    by_d = (
        unit
        + s[..., :, None] * slope
        + (unit * along + _outer(x, s)) / (1.0 + k)
        - along * x[..., :, None] * slope / (1.0 + k) ** 2
        - _outer(behind, s)
    )
    return by_light / (1.0 + along), by_d / (1.0 + along)


def _vector(values: ComplexArray) -> FloatArray:
    return np.stack([values.real, values.imag], axis=-1)


def _outer(first: FloatArray, second: FloatArray) -> FloatArray:
    return np.asarray(first[..., :, None] * second[..., None, :])
