"""Two beams behind a turning plate: their ratio, its model, and the fit of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from polarnight.errors import AlgorithmFailed
from polarnight.polarimetry._fit import (
    SIGNIFICANCE,
    BoolArray,
    FloatArray,
    clip_outliers,
    linear_fit,
    mean_level,
    scatter_scale,
)

__all__ = ["PlateFit", "beam_ratio", "both_beams", "fit_ratio", "intensity"]


def beam_ratio(
    ordinary: FloatArray,
    ordinary_err: FloatArray,
    extraordinary: FloatArray,
    extraordinary_err: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return ``R = (E - O)/(E + O)`` and its error, element by element.

    ``sigma_R = 2 sqrt(E^2 sigma_O^2 + O^2 sigma_E^2)/(E + O)^2``.
    """
    total = extraordinary + ordinary
    ratio = (extraordinary - ordinary) / total
    error = 2.0 * np.hypot(extraordinary * ordinary_err, ordinary * extraordinary_err) / total**2
    return ratio, error


def _model(design: FloatArray, parameters: FloatArray) -> tuple[FloatArray, FloatArray]:
    """R and its derivatives; the last parameter, beyond those of the design, is k."""
    n = design.shape[1]
    wave = design @ parameters[:n]
    if len(parameters) == n:
        return wave, design
    k = parameters[n]
    below = 1.0 + k * wave
    by_wave = (1.0 - k * k) / below**2
    by_gain = (1.0 - wave * wave) / below**2
    return (k + wave) / below, np.column_stack([design * by_wave[:, None], by_gain])


def _solve(
    design: FloatArray, ratio: FloatArray, error: FloatArray, beam_gain: bool
) -> tuple[FloatArray, FloatArray]:
    """Gauss-Newton; without beam gain the model is linear and one step is exact."""
    parameters = np.zeros(design.shape[1] + int(beam_gain))
    for iteration in range(20):
        value, jacobian = _model(design, parameters)
        step, cov, _ = linear_fit(jacobian, ratio - value, error, determined=iteration > 0)
        parameters = parameters + step
        if not np.all(np.abs(parameters) < 2.0):
            msg = "the fit of the plate does not converge"
            raise AlgorithmFailed(msg, largest=float(np.max(np.abs(parameters))))
        if np.max(np.abs(step)) < 1e-8 or not beam_gain:
            break
    return parameters, cov


def both_beams(
    plate_deg: npt.ArrayLike, *beams: npt.ArrayLike
) -> tuple[FloatArray, list[FloatArray], BoolArray]:
    """Angles, the four arrays of fluxes and errors, and where all of them mean something.

    Raises
    ------
    ValueError
        Arrays of different shapes.
    """
    angle = np.asarray(plate_deg, dtype=np.float64)
    arrays = [np.asarray(a, dtype=np.float64) for a in beams]
    if angle.ndim != 1 or any(a.shape != angle.shape for a in arrays):
        msg = f"plate angles {angle.shape} and fluxes {[a.shape for a in arrays]} must be equal"
        raise ValueError(msg)
    o, o_err, e, e_err = arrays
    used = np.isfinite(angle) & np.isfinite(o) & np.isfinite(e) & (o_err > 0) & (e_err > 0)
    with np.errstate(invalid="ignore"):
        used &= np.isfinite(o_err) & np.isfinite(e_err) & (o + e > 0)
    return angle, arrays, used


@dataclass(frozen=True, eq=False)
class PlateFit:
    """A fit of the ratio of two beams.

    Attributes
    ----------
    parameters : ndarray, shape (m,)
        Those of the design.
    cov : ndarray, shape (m, m)
        Enlarged by `scale`.
    k, k_err : float or None
        Imbalance of the beams where it was fitted.
    chi2, dof, scale
        As in `Stokes`.
    used : ndarray of bool
    """

    parameters: FloatArray
    cov: FloatArray
    k: float | None
    k_err: float | None
    chi2: float
    dof: int
    scale: float
    used: BoolArray


def fit_ratio(
    design: FloatArray,
    ratio: FloatArray,
    error: FloatArray,
    used: BoolArray,
    *,
    beam_gain: bool,
    clip: float | None,
    determined: Callable[[BoolArray], bool],
) -> PlateFit:
    """Fit ``R = (k + m)/(1 + k m)``, m linear in the parameters, leaving out outliers.

    Parameters
    ----------
    design : ndarray, shape (n, m)
    ratio, error : ndarray, shape (n,)
    used : ndarray of bool, shape (n,)
    beam_gain : bool
        Fit k; else it is 0.
    clip : float or None
        Sigmas beyond which a measurement is left out.
    determined : callable
        Whether the angles of a selection still determine the parameters.

    Raises
    ------
    AlgorithmFailed
        No convergence, or the parameters are not determined.
    """
    n_parameters = design.shape[1] + int(beam_gain)

    def predict(selection: BoolArray) -> tuple[FloatArray, FloatArray]:
        found, cov = _solve(design[selection], ratio[selection], error[selection], beam_gain)
        value, jacobian = _model(design, found)
        spread = np.einsum("ij,jk,ik->i", jacobian, cov, jacobian)
        return ratio - value, np.sqrt(error**2 + np.where(selection, 0.0, spread))

    def allowed(selection: BoolArray) -> bool:
        return int(selection.sum()) > n_parameters and determined(selection)

    used = clip_outliers(used, predict, clip, allowed)
    found, cov = _solve(design[used], ratio[used], error[used], beam_gain)
    residuals = (ratio[used] - _model(design[used], found)[0]) / error[used]
    chi2, dof = float(residuals @ residuals), int(used.sum()) - n_parameters
    scale = scatter_scale(chi2, dof)
    m = design.shape[1]
    return PlateFit(
        parameters=found[:m],
        cov=cov[:m, :m] * scale**2,
        k=float(found[m]) if beam_gain else None,
        k_err=math.sqrt(float(cov[m, m])) * scale if beam_gain else None,
        chi2=chi2,
        dof=dof,
        scale=scale,
        used=used,
    )


def intensity(beams: list[FloatArray], used: BoolArray) -> tuple[float, float]:
    """Mean of E + O and its error.

    Weighted only where the sums agree. Behind clouds they do not, and weights that follow the
    photons of each source would put sources of one field on different scales.
    """
    total, error = (beams[0] + beams[2])[used], np.hypot(beams[1], beams[3])[used]
    level, level_err = mean_level(total, error)
    chi2 = float(np.sum(((total - level) / error) ** 2))
    if len(total) > 1 and special.chdtrc(len(total) - 1, chi2) < SIGNIFICANCE:
        return float(total.mean()), math.sqrt(float(np.sum(error**2))) / len(total)
    return level, level_err
