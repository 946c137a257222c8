"""Stokes parameters with their covariance."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from polarnight.polarimetry.diattenuation import diattenuate, diattenuation_derivatives
from polarnight.polarimetry.instrumental import InstrumentalPolarization
from polarnight.polarimetry.transparency import zero_of_field

__all__ = [
    "Stokes",
    "common_covariance",
    "correct",
    "rotation_covariance",
]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Stokes:
    """Normalised Stokes parameters of one source.

    Attributes
    ----------
    q, u : float
        Q/I and U/I, fractions; IAU sign (angles north through east) after `correct`.
    cov : ndarray, shape (2, 2)
        Covariance of (q, u), everything included.
    intensity, intensity_err : float
        Flux without polarizer, in the unit of the fluxes fitted.
    chi2 : float
        Of the fit against the photon noise.
    dof : int
        Degrees of freedom of `chi2`.
    n_used : int
        Measurements that entered the fit.
    used : ndarray of bool
        Which of the measurements given entered the fit.
    method : str
        Name of the estimator.
    k : float or None
        Beam-gain ratio as ``(g - 1)/(g + 1)``, g = extraordinary/ordinary gain.
    k_err : float or None
    scale : float
        Factor by which scatter enlarged the photon-noise errors, at least 1.
    rotation_err : float
        Degrees; the part of `cov` that is a common rotation (error of the angle zero).
        A rotation moves chi but not p, so `Polarization` treats it apart.
    corrected : bool
        Whether instrumental polarization was removed.
    common_cov : ndarray, shape (2, 2)
        The part of `cov` that several measurements have in common and that does not average
        down in their mean: the constants of the instrument, after `correct`.
    field_err : float or None
        Where the fluxes were compared with the mean of the stars of the field: how well the
        polarization of that is known. The zero of the instrument then cancels, and its error.
    v, v_err : float or None
        Circular polarization V/I, positive where the position angle of the electric vector
        grows with time (IAU), with its error.
    """

    q: float
    u: float
    cov: FloatArray
    intensity: float = math.nan
    intensity_err: float = math.nan
    chi2: float = 0.0
    dof: int = 0
    n_used: int = 0
    used: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    method: str = ""
    k: float | None = None
    k_err: float | None = None
    scale: float = 1.0
    rotation_err: float = 0.0
    corrected: bool = False
    common_cov: FloatArray = field(default_factory=lambda: np.zeros((2, 2)))
    field_err: float | None = None
    v: float | None = None
    v_err: float | None = None

    @property
    def random_cov(self) -> FloatArray:
        """The part of `cov` that is this measurement's own."""
        return self.cov - self.common_cov

    @property
    def q_err(self) -> float:
        """Standard error of q."""
        return math.sqrt(float(self.cov[0, 0]))

    @property
    def u_err(self) -> float:
        """Standard error of u."""
        return math.sqrt(float(self.cov[1, 1]))

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some values changed."""
        return replace(self, **changes)


def rotation_covariance(
    q: npt.ArrayLike, u: npt.ArrayLike, rotation_err: npt.ArrayLike
) -> FloatArray:
    """Mean square change of (q, u) by an uncertain rotation of the position angle.

    With the error s of twice the angle, normally distributed, a rotation moves (q, u) across
    its direction by ``p sin`` and along it by ``p (cos - 1)``, with mean squares
    ``p^2 (1 - exp(-2 s^2))/2`` and ``p^2 (1 - 2 exp(-s^2/2) + (1 + exp(-2 s^2))/2)``. For small
    errors that is ``(p s)^2`` across and next to nothing along; where nobody knows the angle,
    (q, u) may be anywhere on its circle, and both are of the order of p.

    Parameters
    ----------
    q, u : array_like, shape (...)
    rotation_err : array_like, shape (...)
        Degrees of position angle.

    Returns
    -------
    ndarray, shape (..., 2, 2)
    """
    z = np.stack(np.broadcast_arrays(*np.atleast_1d(q, u)), axis=-1).astype(np.float64)
    square = np.square(2.0 * np.radians(np.asarray(rotation_err, dtype=np.float64)))[
        ..., None, None
    ]
    side = np.stack([-z[..., 1], z[..., 0]], axis=-1)
    across = -0.5 * np.expm1(-2.0 * square)
    along = np.maximum(0.5 * np.expm1(-2.0 * square) - 2.0 * np.expm1(-0.5 * square), 0.0)
    outer = across * (side[..., :, None] * side[..., None, :])
    outer = outer + along * (z[..., :, None] * z[..., None, :])
    return np.asarray(outer.reshape(*np.shape(np.broadcast_arrays(q, u)[0]), 2, 2))


def correct(stokes: Stokes, instrument: InstrumentalPolarization) -> Stokes:
    """Remove instrumental polarization, propagating the whole covariance.

    ``z = D(-z0/e, z'/e) exp(2 i a)`` with z = q + i u, the zero z0, a the angle zero and e the
    efficiency. D is what optics do that polarize (`diattenuation`): to first order the zero is
    subtracted, ``z = (z' - z0) exp(2 i a) / e``. The errors of z' are independent of those of
    the instrument, which have the covariance `InstrumentalPolarization.matrix` among themselves.

    Parameters
    ----------
    stokes : Stokes
        As measured, in the frame of the instrument.
    instrument : InstrumentalPolarization
        For the direction of the source (`InstrumentalPolarization.at`).

    Returns
    -------
    Stokes
        On the sky; `rotation_err` tells the part of the covariance due to the angle zero.

    Raises
    ------
    ValueError
        Where the efficiency is not positive or the zero not below it, a part still turns with
        the parallactic angle, or `stokes` was corrected before.
    """
    _check_correction(stokes, instrument)
    if stokes.field_err is not None:
        instrument = zero_of_field(instrument, stokes.field_err)
    light = complex(stokes.q, stokes.u) / instrument.efficiency
    sky = diattenuate(-_optics(instrument), light) * _turn(instrument)
    q, u = sky.real, sky.imag
    turn = _to_sky(light, instrument)[0]
    common = turn @ stokes.common_cov @ turn.T + common_covariance(q, u, instrument)
    cov = turn @ stokes.random_cov @ turn.T + common
    own = _rotation_part(q, u, instrument)
    # An earlier rotation error is inside stokes.cov already.
    return stokes.replace(
        q=q,
        u=u,
        cov=cov,
        common_cov=common,
        rotation_err=math.hypot(stokes.rotation_err, own),
        corrected=True,
    )


def common_covariance(q: float, u: float, instrument: InstrumentalPolarization) -> FloatArray:
    """Return what the instrument contributes to the covariance of corrected (q, u).

    It is common to all measurements that were corrected with the same numbers, and stays in
    their mean.

    Parameters
    ----------
    q, u : float
        On the sky.
    instrument : InstrumentalPolarization

    Returns
    -------
    ndarray, shape (2, 2)
    """
    jacobian = _instrument_jacobian(q, u, instrument)
    linear = np.asarray(jacobian @ instrument.matrix @ jacobian.T)
    # An angle zero that is hardly known moves (q, u) around its circle, not along a straight line.
    error = _rotation_part(q, u, instrument)
    step = np.array([-u, q]) * 2.0 * math.radians(error)
    return np.asarray(linear - np.outer(step, step) + rotation_covariance(q, u, error))


def _optics(instrument: InstrumentalPolarization) -> complex:
    """Return what the optics make of unpolarized light, ahead of what loses efficiency."""
    return complex(instrument.q0, instrument.u0) / instrument.efficiency


def _turn(instrument: InstrumentalPolarization) -> complex:
    return cmath.exp(2j * math.radians(instrument.zero_angle))


def _to_sky(light: complex, instrument: InstrumentalPolarization) -> tuple[FloatArray, FloatArray]:
    """Return the derivatives of (q, u) on the sky by (q', u') and by (q0, u0), shape (2, 2) each.

    `light` is what was measured over the efficiency.
    """
    by_light, by_optics = diattenuation_derivatives(-_optics(instrument), light)
    turn = _turn(instrument) / instrument.efficiency
    rotation = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    return rotation @ by_light, -rotation @ by_optics


def _instrument_jacobian(q: float, u: float, instrument: InstrumentalPolarization) -> FloatArray:
    """Return d(q, u)/d(q0, u0, zero_angle, efficiency) at (q, u) on the sky, shape (2, 4)."""
    optics = _optics(instrument)
    light = diattenuate(optics, complex(q, u) / _turn(instrument))
    by_seen, by_zero = _to_sky(light, instrument)
    # The efficiency divides both what is measured and the zero.
    by_efficiency = -by_seen @ (light.real, light.imag) - by_zero @ (optics.real, optics.imag)
    return np.column_stack([by_zero, np.array([-u, q]) * 2.0 * math.radians(1.0), by_efficiency])


def _rotation_part(q: float, u: float, instrument: InstrumentalPolarization) -> float:
    """Return the error of the position angle that the uncertain angle zero adds, degrees.

    Where the angle zero is correlated with the other parameters, it is what the variance
    across (q, u) has in excess of that with the angle zero known, so that nothing is counted
    twice; a correlation that makes it smaller leaves none.
    """
    p = math.hypot(q, u)
    if p == 0.0:
        return instrument.zero_angle_err
    across = np.array([-u, q]) / p
    jacobian = _instrument_jacobian(q, u, instrument)
    known = instrument.matrix.copy()
    known[2, :] = known[:, 2] = 0.0
    excess = across @ jacobian @ (instrument.matrix - known) @ jacobian.T @ across
    return min(math.degrees(math.sqrt(max(float(excess), 0.0)) / (2.0 * p)), 90.0)


def _check_correction(stokes: Stokes, instrument: InstrumentalPolarization) -> None:
    if not instrument.efficiency > 0:
        msg = f"efficiency of the polarimeter is {instrument.efficiency}, it must be positive"
        raise ValueError(msg)
    if not abs(_optics(instrument)) < 1.0:
        msg = f"a zero of ({instrument.q0}, {instrument.u0}) is more than all light polarized"
        raise ValueError(msg)
    if instrument.turns:
        msg = "a part turns with the parallactic angle; give InstrumentalPolarization.at(angle)"
        raise ValueError(msg)
    if stokes.corrected:
        msg = "these Stokes parameters were already corrected for instrumental polarization"
        raise ValueError(msg)
