"""The least squares behind `fit_calibration`: the observations as arrays, and their outliers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import stats

from polarnight.errors import AlgorithmFailed
from polarnight.polarimetry._scatter import (
    LinearFit,
    needed_variances,
    solve,
    student_factors,
)
from polarnight.polarimetry.calibration_data import (
    GROUPS,
    CalibrationFit,
    StandardObservation,
    StarResidual,
)
from polarnight.polarimetry.instrumental import PARAMETERS, InstrumentalPolarization

__all__ = ["Problem", "worst"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
ComplexArray = npt.NDArray[np.complex128]

_LIMITS = {"q0": 0.1, "u0": 0.1, "zero_angle": 20.0, "efficiency": 0.5}
"""Errors above which a parameter counts as not determined."""

_POLARIZED = 0.01
_ITERATIONS = 20
_ITERATIONS_OF_SCATTER = 3
_ANGLE_ZERO, _EFFICIENCY = 2, 3
_CANDIDATES = 3
_SIGNIFICANCE = 0.15
_SUSPICIOUS = 9.0  # squared significance of a shift in two directions
_FEWEST_STARS_TO_CLIP = 4


@dataclass(frozen=True, eq=False)
class _State:
    """Parameters and variances of an iteration, of the observations used."""

    values: FloatArray
    variances: FloatArray
    solution: LinearFit
    jacobian: FloatArray
    residuals: FloatArray


class Problem:
    """The observations as arrays, real and imaginary parts alternating."""

    def __init__(
        self,
        observations: Sequence[StandardObservation],
        free: tuple[str, ...],
        held: InstrumentalPolarization,
        scatter: bool,
    ) -> None:
        self.observations = observations
        self.free = free
        self.held = held
        self.scatter = scatter
        self.names = [name for group in free for name in GROUPS[group]]
        self.columns = [PARAMETERS.index(name) for name in self.names]
        self.start = np.array([getattr(held, name) for name in PARAMETERS], dtype=np.float64)
        self.measured = np.array([o.q + 1j * o.u for o in observations])
        self.turn = np.exp(-2j * np.radians([o.instrument_angle for o in observations]))
        self.sweep = np.exp(
            2j * np.radians([o.parallactic_angle - o.instrument_angle for o in observations])
        )
        self.star_names = list(dict.fromkeys(o.star for o in observations))
        self.star = np.array([self.star_names.index(o.star) for o in observations], dtype=int)
        first = [observations[int(np.flatnonzero(self.star == n)[0])] for n in self._stars()]
        self.truth = np.array([o.true_q + 1j * o.true_u for o in first])
        self.truth_cov = _block_diagonal([np.asarray(o.true_cov) for o in first])
        self.noise = [np.asarray(o.cov) for o in observations]

    def _stars(self) -> range:
        return range(len(self.star_names))

    def enough(self, used: BoolArray) -> bool:
        """Whether the stars have as many numbers as there are parameters, and of the kind."""
        stars = sorted(set(self.star[used]))
        polarized = bool(stars) and bool(np.any(np.abs(self.truth[stars]) > _POLARIZED))
        bent = "angle" in self.free or "efficiency" in self.free
        return 2 * len(stars) >= self._needed() and (polarized or not bent)

    def _needed(self) -> int:
        # What turns is told from the rest by several directions, also of one star.
        return len([name for name in self.names if not name.startswith("telescope")])

    # -- the model ---------------------------------------------------------------------

    def response(self, values: FloatArray) -> ComplexArray:
        """Return what the sky's z is multiplied with, for each observation."""
        angle = np.exp(-2j * math.radians(values[_ANGLE_ZERO]))
        return np.asarray(values[_EFFICIENCY] * angle * self.turn)

    def model(self, values: FloatArray, truth: ComplexArray) -> ComplexArray:
        """Return what should be measured, where the stars are `truth`."""
        zero = values[0] + 1j * values[1] + (values[4] + 1j * values[5]) * self.sweep
        return np.asarray(zero + self.response(values) * truth[self.star])

    def full_jacobian(self, values: FloatArray, truth: ComplexArray) -> FloatArray:
        """Return the derivatives by all `PARAMETERS`, shape (2 n, 6)."""
        seen = self.response(values) * truth[self.star]
        one = np.ones_like(seen)
        columns = [
            one,
            1j * one,
            -2j * math.radians(1.0) * seen,
            seen / values[_EFFICIENCY],
            self.sweep,
            1j * self.sweep,
        ]
        return np.column_stack([_real(column) for column in columns])

    def star_design(self, values: FloatArray) -> FloatArray:
        """Return the derivatives by the stars' q and u, shape (2 n, 2 stars)."""
        response = self.response(values)
        design = np.zeros((2 * len(response), 2 * len(self.star_names)))
        for n, (factor, star) in enumerate(zip(response, self.star, strict=True)):
            design[2 * n : 2 * n + 2, 2 * star : 2 * star + 2] = _multiplication(factor)
        return design

    # -- the fit -----------------------------------------------------------------------

    def fit(self, used: BoolArray, variances: FloatArray | None = None) -> _State:
        """Iterate parameters, stars and variances to their common solution."""
        if not self.enough(used):
            raise self._undetermined(used)
        rows = np.repeat(used, 2)
        values = self._first_guess(used)
        truth = self.truth
        found = np.zeros(2) if variances is None else variances
        noise = _block_diagonal(self.noise)
        state: _State | None = None
        for iteration in range(_ITERATIONS):
            design = self.star_design(values)
            jacobian = self.full_jacobian(values, truth)[rows][:, self.columns]
            residuals = _real(self.measured - self.model(values, self.truth))[rows]
            known = (noise + design @ self.truth_cov @ design.T)[np.ix_(rows, rows)]
            components = self._components(design, used)
            try:
                # The scatter hardly depends on the parameters once these are near.
                if variances is None and self.scatter and iteration < _ITERATIONS_OF_SCATTER:
                    found = self._estimate(jacobian, residuals, known, components, used)
                covariance = known + sum(v * k for v, k in zip(found, components, strict=True))
                solution = solve(jacobian, residuals, covariance)
            except np.linalg.LinAlgError:
                raise self._undetermined(used) from None
            pulled = solution.weight @ (residuals - jacobian @ solution.step)
            spread = self.truth_cov + found[0] * np.eye(len(self.truth_cov))
            # The stars themselves, between literature and measurement.
            moved = self.truth + _complex(spread @ design[rows].T @ pulled)
            state = _State(values, found, solution, jacobian, residuals)
            size = np.abs(solution.step) / np.sqrt(np.diag(solution.cov))
            change = float(np.max(np.abs(moved - truth), initial=0.0))
            values = values.copy()
            values[self.columns] += solution.step
            if values[_EFFICIENCY] <= 0:
                raise self._undetermined(used)
            truth = moved
            if size.max() < 1e-5 and change < 1e-9:
                break
        if state is None:
            raise self._undetermined(used)
        return replace(state, values=values)

    def _components(self, design: FloatArray, used: BoolArray) -> list[FloatArray]:
        rows = np.repeat(used, 2)
        stars = design[rows] @ design[rows].T
        return [stars, np.eye(int(rows.sum()))]

    def _estimate(
        self,
        jacobian: FloatArray,
        residuals: FloatArray,
        known: FloatArray,
        components: Sequence[FloatArray],
        used: BoolArray,
    ) -> FloatArray:
        """Return the variances from star to star and from cycle to cycle that can be known."""
        stars, cycles = len(set(self.star[used])), int(used.sum())
        known_apart = (2 * stars > len(self.names), cycles > stars)
        able = [index for index, can in enumerate(known_apart) if can]
        return needed_variances(jacobian, residuals, known, components, able, _SIGNIFICANCE)

    def _first_guess(self, used: BoolArray) -> FloatArray:
        """Return starting values: a linear fit of zero, telescope and complex response."""
        values = self.start.copy()
        sky = (self.turn * self.truth[self.star])[used]
        columns: list[ComplexArray] = []
        rest = self.measured[used].copy()
        for name, column in (("zero", np.ones_like(sky)), ("telescope", self.sweep[used])):
            first = PARAMETERS.index(GROUPS[name][0])
            if name in self.free:
                columns += [column, 1j * column]
            else:
                rest -= (values[first] + 1j * values[first + 1]) * column
        bent = "angle" in self.free or "efficiency" in self.free
        if bent:
            columns += [sky, 1j * sky]
        else:
            rest -= self.response(values)[used] * self.truth[self.star[used]]
        design = np.column_stack([_real(column) for column in columns])
        solution = list(np.linalg.lstsq(design, _real(rest), rcond=None)[0])
        for name in ("zero", "telescope"):
            if name in self.free:
                first = PARAMETERS.index(GROUPS[name][0])
                values[first : first + 2] = solution.pop(0), solution.pop(0)
        if bent:
            response = complex(solution[0], solution[1])
            if "angle" in self.free:
                values[_ANGLE_ZERO] = math.degrees(-0.5 * np.angle(response))
            if "efficiency" in self.free and abs(response) > 0:
                values[_EFFICIENCY] = abs(response)
        return values

    # -- what comes of it --------------------------------------------------------------

    def check(self, state: _State, used: BoolArray) -> None:
        """Refuse a fit whose parameters are hardly determined.

        Raises
        ------
        AlgorithmFailed
        """
        errors = np.sqrt(np.diag(state.solution.cov))
        for name, error in zip(self.names, errors, strict=True):
            if not error < _LIMITS.get(name, _LIMITS["q0"]):
                raise self._undetermined(used, **{f"{name}_err": round(float(error), 4)})

    def _undetermined(self, used: BoolArray, **numbers: float) -> AlgorithmFailed:
        stars = sorted(set(self.star[used]))
        angles = [self.observations[int(i)].parallactic_angle for i in np.flatnonzero(used)]
        numbers |= {
            "free": len(self.names),
            "stars": len(stars),
            "polarized": int(np.sum(np.abs(self.truth[stars]) > _POLARIZED)) if stars else 0,
            "cycles": int(used.sum()),
        }
        if "telescope" in self.free:
            numbers["parallactic_angles_deg"] = round(float(np.ptp(angles)), 1) if angles else 0.0
        what = ", ".join(self.free)
        return AlgorithmFailed(f"the standards do not determine {what}; hold some of it", **numbers)

    def result(
        self, state: _State, used: BoolArray, rejected: tuple[tuple[int, str], ...]
    ) -> CalibrationFit:
        """Put everything that is to be known of the fit together."""
        values = state.values
        rows = np.repeat(used, 2)
        components = self._components(self.star_design(values), used)
        factors = student_factors(state.solution, state.jacobian, components, state.variances)
        zero = self.model(values, np.zeros_like(self.truth))
        response = self.response(values)
        corrected = (self.measured - zero) / response
        residuals = corrected - self.truth[self.star]
        errors = self._residual_errors(response)
        known = state.residuals  # of the observations used, at the solution
        design = self.star_design(values)
        quoted = _block_diagonal(self.noise) + design @ self.truth_cov @ design.T
        bare = solve(state.jacobian, known, quoted[np.ix_(rows, rows)])
        chi2 = float(known @ bare.projector @ known)
        return CalibrationFit(
            instrumental=self._instrumental(state, used, factors),
            free=self.free,
            chi2=chi2,
            dof=int(rows.sum()) - len(self.names),
            star_scatter=math.sqrt(state.variances[0]),
            cycle_scatter=math.sqrt(state.variances[1]),
            used=used,
            rejected=rejected,
            corrected=np.column_stack([corrected.real, corrected.imag]),
            residuals=np.column_stack([residuals.real, residuals.imag]),
            errors=errors,
            stars=self._star_residuals(residuals, response, used),
            factors=dict(zip(self.names, map(float, factors), strict=True)),
            remarks=self._remarks(used),
        )

    def _remarks(self, used: BoolArray) -> tuple[str, ...]:
        stars = len(set(self.star[used]))
        remarks = []
        if 2 * stars <= len(self.names):
            remarks.append(
                f"{len(self.names)} numbers from {stars} star{'s' * (stars > 1)}: none tests "
                "the others, and the scatter of standards is not in the errors"
            )
        if "zero" in self.free and not np.any(np.abs(self.truth[self.star[used]]) < _POLARIZED):
            remarks.append("no unpolarized star: the zero is weak and hangs on the others")
        return tuple(remarks)

    def _instrumental(
        self, state: _State, used: BoolArray, factors: FloatArray
    ) -> InstrumentalPolarization:
        """Return the constants; what was held adds its errors to those of the rest."""
        size = 6 if "telescope" in self.free or self.held.turns else 4
        rows = np.repeat(used, 2)
        held_cov = np.zeros((6, 6))
        if self.held.covariance is not None and len(self.held.covariance) == 6:
            held_cov[:] = self.held.covariance
        else:
            held_cov[:4, :4] = self.held.matrix
        fixed = [n for n in range(6) if n not in self.columns]
        held_cov = held_cov[np.ix_(fixed, fixed)]
        solution = state.solution
        others = self.full_jacobian(state.values, self.truth)[rows][:, fixed]
        pull = -solution.cov @ state.jacobian.T @ solution.weight @ others
        full = np.zeros((6, 6))
        own = solution.cov * np.outer(factors, factors) + pull @ held_cov @ pull.T
        full[np.ix_(self.columns, self.columns)] = own
        full[np.ix_(self.columns, fixed)] = pull @ held_cov
        full[np.ix_(fixed, self.columns)] = (pull @ held_cov).T
        full[np.ix_(fixed, fixed)] = held_cov
        values = dict(zip(PARAMETERS[:size], map(float, state.values[:size]), strict=True))
        values["zero_angle"] = (values["zero_angle"] + 90.0) % 180.0 - 90.0
        return InstrumentalPolarization(
            **values,
            origin="observations of standards",
            covariance=tuple(tuple(map(float, row)) for row in full[:size, :size]),
        )

    def _residual_errors(self, response: ComplexArray) -> FloatArray:
        errors = []
        for n, factor in enumerate(response):
            back = _multiplication(1.0 / factor)
            star = 2 * self.star[n]
            truth = self.truth_cov[star : star + 2, star : star + 2]
            errors.append(np.sqrt(np.diag(back @ self.noise[n] @ back.T + truth)))
        return np.array(errors)

    def _star_residuals(
        self, residuals: ComplexArray, response: ComplexArray, used: BoolArray
    ) -> tuple[StarResidual, ...]:
        """Return the weighted mean of what is left of each star."""
        rows = []
        for star in self._stars():
            own = np.flatnonzero(self.star == star)
            chosen = own[used[own]] if used[own].any() else own
            weights = []
            for n in chosen:
                back = _multiplication(1.0 / response[n])
                weights.append(np.linalg.inv(back @ self.noise[n] @ back.T))
            cov = np.linalg.inv(np.sum(weights, axis=0))
            vectors = np.column_stack([residuals[chosen].real, residuals[chosen].imag])
            mean = cov @ np.einsum("nij,nj->i", np.array(weights), vectors)
            cov = cov + self.truth_cov[2 * star : 2 * star + 2, 2 * star : 2 * star + 2]
            errors = np.sqrt(np.diag(cov))
            rows.append(
                StarResidual(
                    star=self.star_names[star],
                    n=len(chosen),
                    q=float(mean[0]),
                    u=float(mean[1]),
                    q_err=float(errors[0]),
                    u_err=float(errors[1]),
                    used=bool(used[own].any()),
                )
            )
        return tuple(rows)


def worst(
    problem: Problem, state: _State, used: BoolArray, clip: float
) -> tuple[npt.NDArray[np.intp], str] | None:
    """Return the observation, or all of a star, that lies beyond `clip` of the others.

    Each candidate is judged by a shift of its own in q and u, with the scatter that the others
    show without it: one that strays would hide in a scatter of its own making.
    """
    candidates = _candidates(problem, state, used)
    worst: tuple[float, npt.NDArray[np.intp], str] | None = None
    limit = 2.0 * float(stats.norm.sf(clip))
    for indices, what, units in candidates:
        freedom = max(2 * (units - 1) - len(problem.names), 1)
        # What strays makes scatter, which hides it, but not below this.
        if _shift(state, problem, used, indices) < min(_SUSPICIOUS, 0.5 * freedom):
            continue
        rest = used.copy()
        rest[indices] = False
        if not problem.enough(rest) or 2 * rest.sum() < used.sum():
            continue
        try:
            others = problem.fit(rest)
            problem.check(others, rest)
            judged = problem.fit(used, others.variances)
        except AlgorithmFailed:
            continue
        distance = _shift(judged, problem, used, indices)
        chance = float(stats.f.sf(distance / 2.0, 2, freedom))
        if chance < limit and (worst is None or distance > worst[0]):
            reason = f"{what} lies {math.sqrt(distance):.1f} sigma from what the others predict"
            worst = distance, indices, reason
    return None if worst is None else worst[1:]


def _candidates(
    problem: Problem, state: _State, used: BoolArray
) -> list[tuple[npt.NDArray[np.intp], str, int]]:
    """Return the observations and the star that stray most in the present fit."""
    cycles = np.flatnonzero(used)
    judged = [(_shift(state, problem, used, np.array([n])), n) for n in cycles]
    judged.sort(reverse=True)
    found = [
        (np.array([n]), f"the cycle of {problem.observations[int(n)].star}", len(cycles))
        for _, n in judged[:_CANDIDATES]
    ]
    stars = sorted(set(problem.star[used]))
    if len(stars) >= _FEWEST_STARS_TO_CLIP:
        members = [np.flatnonzero(used & (problem.star == star)) for star in stars]
        several = [m for m in members if len(m) > 1]
        if several:
            worst = max(several, key=lambda m: _shift(state, problem, used, m))
            name = problem.observations[int(worst[0])].star
            found.append((worst, name, len(stars)))
    return found


def _shift(
    state: _State, problem: Problem, used: BoolArray, indices: npt.NDArray[np.intp]
) -> float:
    """Return the squared significance (two degrees of freedom) of a shift of some rows."""
    position = np.cumsum(used) - 1
    response = problem.response(state.values)
    design = np.zeros((len(state.residuals), 2))
    for n in indices:
        row = 2 * int(position[n])
        design[row : row + 2] = _multiplication(response[n])
    projector = state.solution.projector
    pulled = design.T @ projector @ state.residuals
    normal = design.T @ projector @ design
    if np.linalg.matrix_rank(normal) < 2:
        return 0.0
    return float(pulled @ np.linalg.solve(normal, pulled))


def _real(values: ComplexArray) -> FloatArray:
    """Return real and imaginary parts alternating."""
    return np.column_stack([values.real, values.imag]).reshape(-1)


def _complex(values: FloatArray) -> ComplexArray:
    return np.asarray(values[0::2] + 1j * values[1::2])


def _multiplication(factor: complex) -> FloatArray:
    """Return the matrix that multiplies (q, u) by a complex number."""
    return np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])


def _block_diagonal(blocks: Sequence[FloatArray]) -> FloatArray:
    matrix = np.zeros((2 * len(blocks), 2 * len(blocks)))
    for n, block in enumerate(blocks):
        matrix[2 * n : 2 * n + 2, 2 * n : 2 * n + 2] = block
    return matrix
