"""Differential light curves against an ensemble of comparison stars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from polarnight.errors import AlgorithmFailed
from polarnight.photometry.zeropoint import zero_point

__all__ = ["EnsembleLightCurves", "ensemble_light_curves"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_LEAST_STARS, _LEAST_DOF = 3, 3
_CHANCE = 1e-4
_ALIKE = 0.5


@dataclass(frozen=True, eq=False)
class EnsembleLightCurves:
    """Magnitudes of all stars relative to the ensemble.

    Attributes
    ----------
    magnitude, error : ndarray, shape (n_frames, n_stars)
        About the mean level of each star; the error includes that of the frame's offset.
    offset, offset_err : ndarray, shape (n_frames,)
        What the ensemble says each frame is fainter by.
    mean : ndarray, shape (n_stars,)
        Mean instrumental magnitude of each star after the offsets.
    comparison : ndarray of bool, shape (n_stars,)
        The ensemble that was used in the end.
    variable : ndarray of bool, shape (n_stars,)
        Comparison stars that were found to vary, and left out.
    """

    magnitude: FloatArray
    error: FloatArray
    offset: FloatArray
    offset_err: FloatArray
    mean: FloatArray
    comparison: BoolArray
    variable: BoolArray


def ensemble_light_curves(
    magnitude: npt.ArrayLike,
    error: npt.ArrayLike,
    comparison: npt.ArrayLike,
    *,
    rounds: int = 5,
) -> EnsembleLightCurves:
    """Remove from light curves what is common to the comparison stars of each frame.

    Frame offsets and star means are found in turn, each as the robust zero point of the
    other's residuals. A comparison star that scatters by more than its errors and the typical
    scatter of the others explain (less than 1e-4 by chance) is left out, the worst first, while
    three or more are there: of two that disagree nobody knows which one varies.

    Parameters
    ----------
    magnitude, error : array_like, shape (n_frames, n_stars)
        Instrumental magnitudes; NaN where a star was not measured.
    comparison : array_like of bool, shape (n_stars,)
        The ensemble.
    rounds : int

    Returns
    -------
    EnsembleLightCurves
        Offsets are NaN in frames without a comparison star.

    Raises
    ------
    AlgorithmFailed
        Where the ensemble is empty or never measured.
    ValueError
        Arrays of shapes that do not match.
    """
    mags, errs = np.asarray(magnitude, dtype=np.float64), np.asarray(error, dtype=np.float64)
    chosen = np.asarray(comparison, dtype=bool)
    if mags.ndim != 2 or errs.shape != mags.shape or chosen.shape != mags.shape[1:]:
        msg = f"magnitudes {mags.shape}, errors {errs.shape} and stars {chosen.shape} differ"
        raise ValueError(msg)
    measured = np.isfinite(mags) & np.isfinite(errs) & (errs > 0)
    if not np.any(measured[:, chosen]):
        msg = "no comparison star was measured"
        raise AlgorithmFailed(msg, comparison=int(chosen.sum()), frames=len(mags))
    variable = np.zeros(mags.shape[1], dtype=bool)
    while True:
        curves = _curves(mags, errs, measured, chosen & ~variable, variable, rounds)
        found = _variable_stars(curves)
        if not len(found):
            return curves
        variable = variable.copy()
        variable[found] = True


def _curves(
    mags: FloatArray,
    errs: FloatArray,
    measured: BoolArray,
    chosen: BoolArray,
    variable: BoolArray,
    rounds: int,
) -> EnsembleLightCurves:
    n_frames, n_stars = mags.shape
    offset, offset_err = np.zeros(n_frames), np.full(n_frames, np.nan)
    mean = np.zeros(n_stars)
    for _ in range(rounds):
        for star in np.flatnonzero(measured.any(axis=0)):
            ok = measured[:, star] & np.isfinite(offset)
            mean[star] = zero_point((mags[:, star] - offset)[ok], errs[ok, star]).value
        for frame in range(n_frames):
            ok = measured[frame] & chosen
            if not ok.any():
                offset[frame] = offset_err[frame] = np.nan
                continue
            step = zero_point((mags[frame] - mean)[ok], errs[frame, ok])
            offset[frame], offset_err[frame] = step.value, step.err
    mean[~measured.any(axis=0)] = np.nan
    return EnsembleLightCurves(
        magnitude=mags - offset[:, None] - mean,
        error=np.hypot(errs, offset_err[:, None]),
        offset=offset,
        offset_err=offset_err,
        mean=mean,
        comparison=chosen,
        variable=variable,
    )


def _variable_stars(curves: EnsembleLightCurves) -> npt.NDArray[np.int64]:
    """Return the comparison stars that vary beyond doubt, of those of like scatter the worst."""
    stars = np.flatnonzero(curves.comparison)
    if len(stars) < _LEAST_STARS:
        return stars[:0]
    pulls = curves.magnitude[:, stars] / curves.error[:, stars]
    dof = np.isfinite(pulls).sum(axis=0) - 1
    reduced = np.where(dof >= _LEAST_DOF, np.nansum(pulls**2, axis=0) / np.maximum(dof, 1), 0.0)
    worst = float(reduced.max())
    # Clouds of different colour, or a flat: what all stars show is no sign of one that varies.
    typical = max(1.0, float(np.median(np.delete(reduced, int(np.argmax(reduced))))))
    chance = special.chdtrc(np.maximum(dof, 1), reduced * dof / typical)
    # One that varies moves the offsets, and with them the others, by half as much at most: their
    # chi-square is a quarter of its own.
    found: npt.NDArray[np.int64] = stars[(chance < _CHANCE) & (reduced > _ALIKE * worst)]
    return found
