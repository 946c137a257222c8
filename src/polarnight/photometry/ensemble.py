"""Differential light curves against an ensemble of comparison stars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from polarnight.errors import AlgorithmFailed
from polarnight.photometry.zeropoint import zero_point

__all__ = ["EnsembleLightCurves", "ensemble_light_curves"]

FloatArray = npt.NDArray[np.float64]


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
    """

    magnitude: FloatArray
    error: FloatArray
    offset: FloatArray
    offset_err: FloatArray
    mean: FloatArray


def ensemble_light_curves(
    magnitude: npt.ArrayLike,
    error: npt.ArrayLike,
    comparison: npt.ArrayLike,
    *,
    rounds: int = 5,
) -> EnsembleLightCurves:
    """Remove from light curves what is common to the comparison stars of each frame.

    Frame offsets and star means are found in turn, each as the robust zero point of the
    other's residuals, so that one variable comparison star spoils neither.

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
    )
