"""The mean of several measurements of one source, with what they have in common."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import special

from polarnight.polarimetry._fit import SIGNIFICANCE, mean_level, scatter_scale
from polarnight.polarimetry.stokes import Stokes, rotation_covariance

__all__ = ["combine_stokes"]

FloatArray = npt.NDArray[np.float64]


def combine_stokes(measured: Sequence[Stokes], common_cov: FloatArray | None = None) -> Stokes:
    """Weighted mean of Stokes parameters of one source, such as the cycles of a night.

    The weights are the inverse covariances of what each measurement has of its own
    (`Stokes.random_cov`). Its error in the mean averages down, and is enlarged where the
    measurements scatter more than chance would in one of a hundred cases; what all have in
    common, the constants of the instrument, stays as it is. Where the angles within the
    measurements scatter, and in all of them alike, the scatter of all is taken for each: what
    the angles of one cycle are too few to say, those of many do.

    Parameters
    ----------
    measured : sequence of Stokes
        All corrected for the instrument, or none.
    common_cov : ndarray, shape (2, 2), optional
        The part of every covariance that all have in common; by default what `correct`
        noted with each.

    Returns
    -------
    Stokes
        `chi2` and `dof` compare the measurements with their mean; `scale` is the factor by
        which scatter enlarged the random errors. `intensity` is the mean, `n_used` the sum.
        `v` is there where all have it; scatter counts for it apart.

    Raises
    ------
    ValueError
        Nothing to combine, some corrected and some not, or a random error that is not
        positive.
    """
    if not measured:
        msg = "there is nothing to combine"
        raise ValueError(msg)
    if len({one.corrected for one in measured}) > 1:
        msg = "some of the Stokes parameters are corrected for the instrument, others are not"
        raise ValueError(msg)
    common = _common(measured) if common_cov is None else np.asarray(common_cov, dtype=float)
    own = [one.cov - common if common_cov is not None else one.random_cov for one in measured]
    if any(np.linalg.eigvalsh(cov).min() <= 0 for cov in own if np.all(np.isfinite(cov))):
        msg = "a random error of the Stokes parameters to combine is not positive"
        raise ValueError(msg)
    factors = _own_scales(measured)
    own = [cov * factor**2 for cov, factor in zip(own, factors, strict=True)]
    values = np.array([(one.q, one.u) for one in measured])
    (q, u), cov, chi2 = _mean(values, own)
    dof = 2 * (len(measured) - 1)
    scale = scatter_scale(chi2, dof)
    rotation = math.sqrt(float(np.mean([one.rotation_err**2 for one in measured])))
    if common_cov is None:
        common = common + rotation_covariance(q, u, rotation)
    level, level_err = _level(measured)
    v, v_err = _circular(measured)
    methods = {one.method for one in measured}
    name = methods.pop() if len(methods) == 1 else "various methods"
    return Stokes(
        q=q,
        u=u,
        cov=cov * scale**2 + common,
        intensity=level,
        intensity_err=level_err,
        chi2=chi2,
        dof=dof,
        n_used=sum(one.n_used for one in measured),
        method=f"{name}, mean of {len(measured)}",
        scale=scale,
        rotation_err=rotation,
        corrected=measured[0].corrected,
        common_cov=common,
        v=v,
        v_err=v_err,
    )


def _common(measured: Sequence[Stokes]) -> FloatArray:
    """Mean of the common parts without that of the angle zero, which follows from the mean."""
    parts = [
        one.common_cov - rotation_covariance(one.q, one.u, one.rotation_err)
        if one.corrected
        else one.common_cov
        for one in measured
    ]
    return np.asarray(np.mean(parts, axis=0))


def _mean(values: FloatArray, covs: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray, float]:
    """Weighted mean of vectors, its covariance and the chi-square about it."""
    weights = np.linalg.inv(np.array(covs))
    cov = np.linalg.inv(weights.sum(axis=0))
    mean = cov @ np.einsum("nij,nj->i", weights, values)
    off = values - mean
    return mean, cov, float(np.einsum("ni,nij,nj->", off, weights, off))


def _own_scales(measured: Sequence[Stokes]) -> FloatArray:
    """Return factors for the errors of each: from their own scatter to that of all of them.

    One that scatters unlike the others keeps its own, and so do all.
    """
    chi2 = np.array([one.chi2 for one in measured])
    dof = np.array([one.dof for one in measured])
    unchanged = np.ones(len(measured))
    if len(measured) < 2 or not (np.all(dof > 0) and np.all(np.isfinite(chi2))):
        return unchanged
    common = scatter_scale(float(chi2.sum()), int(dof.sum()))
    chance = special.chdtrc(dof, chi2 / common**2)
    if common == 1.0 or np.min(chance) < SIGNIFICANCE / len(measured):
        return unchanged
    return common / np.array([one.scale for one in measured])


def _level(measured: Sequence[Stokes]) -> tuple[float, float]:
    levels = np.array([one.intensity for one in measured])
    errors = np.array([one.intensity_err for one in measured])
    if not (np.all(np.isfinite(levels)) and np.all(errors > 0)):
        return math.nan, math.nan
    return mean_level(levels, errors)


def _circular(measured: Sequence[Stokes]) -> tuple[float | None, float | None]:
    pairs = [(one.v, one.v_err) for one in measured if one.v is not None and one.v_err]
    if len(pairs) < len(measured):
        return None, None
    value, error = np.array(pairs, dtype=float).T
    weight = error**-2 / np.sum(error**-2)
    mean = float(weight @ value)
    chi2 = float(np.sum(((value - mean) / error) ** 2))
    return mean, float(np.sum(error**-2) ** -0.5) * scatter_scale(chi2, len(pairs) - 1)
