"""Linear Stokes parameters with their covariance."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from polarnight.polarimetry.instrumental import InstrumentalPolarization

__all__ = ["Stokes", "correct", "rotation_covariance"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Stokes:
    """Normalised linear Stokes parameters of one source.

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


def rotation_covariance(q: float, u: float, rotation_err: float) -> FloatArray:
    """Covariance of (q, u) from an uncertain rotation of the position angle.

    Parameters
    ----------
    q, u : float
    rotation_err : float
        Degrees of position angle.

    Returns
    -------
    ndarray, shape (2, 2)
    """
    step = np.array([-u, q]) * 2.0 * math.radians(rotation_err)
    return np.outer(step, step)


def correct(stokes: Stokes, instrument: InstrumentalPolarization) -> Stokes:
    """Remove instrumental polarization, propagating the whole covariance.

    ``z = (z' - z0) exp(2 i a) / e`` with z = q + i u, a the angle zero and e the
    efficiency; the errors of z', z0, a and e are taken as independent of each other.

    Parameters
    ----------
    stokes : Stokes
        As measured, in the frame of the instrument.
    instrument : InstrumentalPolarization

    Returns
    -------
    Stokes
        On the sky; `rotation_err` tells the part of the covariance due to the angle zero.

    Raises
    ------
    ValueError
        Where the efficiency is not positive, or `stokes` was corrected before.
    """
    if not instrument.efficiency > 0:
        msg = f"efficiency of the polarimeter is {instrument.efficiency}, it must be positive"
        raise ValueError(msg)
    if stokes.corrected:
        msg = "these Stokes parameters were already corrected for instrumental polarization"
        raise ValueError(msg)
    turn = 2.0 * math.radians(instrument.zero_angle)
    cosine, sine = math.cos(turn), math.sin(turn)
    jacobian = np.array([[cosine, -sine], [sine, cosine]]) / instrument.efficiency
    q, u = jacobian @ (stokes.q - instrument.q0, stokes.u - instrument.u0)
    zero = np.diag([instrument.q0_err**2, instrument.u0_err**2])
    cov = jacobian @ (stokes.cov + zero) @ jacobian.T
    stretch = np.array([q, u]) * (instrument.efficiency_err / instrument.efficiency)
    rotation_err = math.hypot(stokes.rotation_err, instrument.zero_angle_err)
    # An earlier rotation error is inside stokes.cov already; add the instrument's alone.
    cov = cov + np.outer(stretch, stretch)
    cov = cov + rotation_covariance(float(q), float(u), instrument.zero_angle_err)
    return stokes.replace(
        q=float(q), u=float(u), cov=cov, rotation_err=rotation_err, corrected=True
    )
