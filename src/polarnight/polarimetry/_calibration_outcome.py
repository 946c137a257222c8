"""What is to be known of a fit to standards: constants, covariance, and what is left."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from polarnight.polarimetry._calibration_problem import (
    POLARIZED,
    Problem,
    State,
    vectors,
)
from polarnight.polarimetry._variances import student_factors
from polarnight.polarimetry.calibration_data import CalibrationFit, StarResidual
from polarnight.polarimetry.instrumental import PARAMETERS, InstrumentalPolarization

__all__ = ["outcome"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
ComplexArray = npt.NDArray[np.complex128]


def outcome(
    problem: Problem, state: State, used: BoolArray, rejected: tuple[tuple[int, str], ...]
) -> CalibrationFit:
    """Put everything that is to be known of the fit together."""
    values, data = state.values, state.data
    factors = student_factors(state.solution, data, state.variances)
    corrected = problem.on_sky(values)
    residuals = corrected - problem.truth[problem.star]
    back = np.linalg.inv(problem.star_design(values, problem.truth))
    own = back @ problem.noise @ np.swapaxes(back, 1, 2)
    whole = own + problem.truth_cov[problem.star]
    errors = np.sqrt(np.diagonal(whole, axis1=1, axis2=2))
    return CalibrationFit(
        instrumental=_instrumental(problem, state, used, factors),
        free=problem.free,
        chi2=data.solve(np.zeros(2)).chi2,
        dof=2 * int(used.sum()) - len(problem.names),
        star_scatter=math.sqrt(state.variances[0]),
        cycle_scatter=math.sqrt(state.variances[1]),
        used=used,
        rejected=rejected,
        corrected=vectors(corrected),
        residuals=vectors(residuals),
        errors=errors,
        stars=_star_residuals(problem, residuals, own, used),
        factors=dict(zip(problem.names, map(float, factors), strict=True)),
        remarks=_remarks(problem, used),
    )


def _remarks(problem: Problem, used: BoolArray) -> tuple[str, ...]:
    own = np.unique(problem.star[used])
    stars = len(own)
    remarks = []
    if 2 * stars <= len(problem.names):
        remarks.append(
            f"{len(problem.names)} numbers from {stars} star{'s' * (stars > 1)}: none tests "
            "the others, and the scatter of standards is not in the errors"
        )
    if "zero" in problem.free and not np.any(np.abs(problem.truth[own]) < POLARIZED):
        remarks.append("no unpolarized star: the zero is weak and hangs on the others")
    return tuple(remarks)


def _instrumental(
    problem: Problem, state: State, used: BoolArray, factors: FloatArray
) -> InstrumentalPolarization:
    """Return the constants; what was held adds its errors to those of the rest."""
    held = problem.held
    size = 6 if "telescope" in problem.free or held.turns else 4
    held_cov = np.zeros((6, 6))
    if held.covariance is not None and len(held.covariance) == 6:
        held_cov[:] = held.covariance
    else:
        held_cov[:4, :4] = held.matrix
    columns = problem.columns
    fixed = [n for n in range(6) if n not in columns]
    held_cov = held_cov[np.ix_(fixed, fixed)]
    solution = state.solution
    others = problem.full_jacobian(state.values, problem.truth)[used][:, :, fixed]
    pull = -solution.cov @ np.einsum("nik,nil->kl", solution.weighted, others)
    full = np.zeros((6, 6))
    own = solution.cov * np.outer(factors, factors) + pull @ held_cov @ pull.T
    full[np.ix_(columns, columns)] = own
    full[np.ix_(columns, fixed)] = pull @ held_cov
    full[np.ix_(fixed, columns)] = (pull @ held_cov).T
    full[np.ix_(fixed, fixed)] = held_cov
    values = dict(zip(PARAMETERS[:size], map(float, state.values[:size]), strict=True))
    values["zero_angle"] = (values["zero_angle"] + 90.0) % 180.0 - 90.0
    return InstrumentalPolarization(
        **values,
        origin="observations of standards",
        covariance=tuple(tuple(map(float, row)) for row in full[:size, :size]),
    )


def _star_residuals(
    problem: Problem, residuals: ComplexArray, own_cov: FloatArray, used: BoolArray
) -> tuple[StarResidual, ...]:
    """Return the weighted mean of what is left of each star."""
    rows = []
    off = vectors(residuals)
    weights = np.linalg.inv(own_cov)
    for star, name in enumerate(problem.star_names):
        own = np.flatnonzero(problem.star == star)
        chosen = own[used[own]] if used[own].any() else own
        cov = np.linalg.inv(weights[chosen].sum(axis=0))
        mean = cov @ np.einsum("nij,nj->i", weights[chosen], off[chosen])
        errors = np.sqrt(np.diag(cov + problem.truth_cov[star]))
        rows.append(
            StarResidual(
                star=name,
                n=len(chosen),
                q=float(mean[0]),
                u=float(mean[1]),
                q_err=float(errors[0]),
                u_err=float(errors[1]),
                used=bool(used[own].any()),
            )
        )
    return tuple(rows)
