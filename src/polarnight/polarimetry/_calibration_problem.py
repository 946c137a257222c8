"""The least squares behind `fit_calibration`: the observations as arrays, and the fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from polarnight.errors import AlgorithmFailed
from polarnight.polarimetry._star_blocks import LinearFit, StarBlocks
from polarnight.polarimetry._variances import needed_variances
from polarnight.polarimetry.calibration_data import GROUPS, StandardObservation
from polarnight.polarimetry.diattenuation import diattenuate, diattenuation_derivatives
from polarnight.polarimetry.instrumental import PARAMETERS, InstrumentalPolarization

__all__ = ["POLARIZED", "Problem", "State", "multiplication", "vectors"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
ComplexArray = npt.NDArray[np.complex128]

POLARIZED = 0.01
"""Degree of polarization from which a standard counts as a polarized one."""

_LIMITS = {"q0": 0.1, "u0": 0.1, "zero_angle": 20.0, "efficiency": 0.5}
"""Errors above which a parameter counts as not determined."""

_ITERATIONS = 20
_ITERATIONS_OF_SCATTER = 3
_ANGLE_ZERO, _EFFICIENCY = 2, 3
_SIGNIFICANCE = 0.15


@dataclass(frozen=True, eq=False)
class State:
    """Parameters and variances of an iteration, of the observations used.

    Attributes
    ----------
    values : ndarray, shape (6,)
        `PARAMETERS`.
    variances : ndarray, shape (2,)
        From star to star and from cycle to cycle.
    solution : LinearFit
    data : StarBlocks
    """

    values: FloatArray
    variances: FloatArray
    solution: LinearFit
    data: StarBlocks


class Problem:
    """The observations as arrays.

    Parameters
    ----------
    observations : sequence of StandardObservation
    free : tuple of str
        Of `GROUPS`: what is fitted.
    held : InstrumentalPolarization
        The values of the rest.
    scatter : bool
        Whether scatter is estimated.
    """

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
        first = {o.star: o for o in reversed(observations)}
        self.star_names = list(dict.fromkeys(o.star for o in observations))
        number = {name: n for n, name in enumerate(self.star_names)}
        self.star = np.array([number[o.star] for o in observations], dtype=int)
        known = [first[name] for name in self.star_names]
        self.truth = np.array([o.true_q + 1j * o.true_u for o in known])
        self.truth_cov = np.array([o.true_cov for o in known], dtype=np.float64).reshape(-1, 2, 2)
        self.noise = np.array([o.cov for o in observations], dtype=np.float64).reshape(-1, 2, 2)

    def enough(self, used: BoolArray) -> bool:
        """Whether the stars have as many numbers as there are parameters, and of the kind."""
        stars = np.unique(self.star[used])
        polarized = bool(np.any(np.abs(self.truth[stars]) > POLARIZED))
        bent = "angle" in self.free or "efficiency" in self.free
        return 2 * len(stars) >= self._needed() and (polarized or not bent)

    def _needed(self) -> int:
        # What turns is told from the rest by several directions, also of one star.
        return len([name for name in self.names if not name.startswith("telescope")])

    # -- the model ---------------------------------------------------------------------

    def zero(self, values: FloatArray) -> ComplexArray:
        """Return what unpolarized light would show, for each observation."""
        return np.asarray(values[0] + 1j * values[1] + (values[4] + 1j * values[5]) * self.sweep)

    def response(self, values: FloatArray) -> ComplexArray:
        """Return what the sky's z is multiplied with, for each observation."""
        angle = np.exp(-2j * math.radians(values[_ANGLE_ZERO]))
        return np.asarray(values[_EFFICIENCY] * angle * self.turn)

    def model(self, values: FloatArray, truth: ComplexArray) -> ComplexArray:
        """Return what should be measured, where the stars are `truth`."""
        optics, light, _ = self._parts(values, truth)
        return np.asarray(values[_EFFICIENCY] * diattenuate(optics, light))

    def on_sky(self, values: FloatArray) -> ComplexArray:
        """Return what was measured, corrected."""
        optics, _, turn = self._parts(values, self.truth)
        return np.asarray(diattenuate(-optics, self.measured / values[_EFFICIENCY]) / turn)

    def _parts(
        self, values: FloatArray, truth: ComplexArray
    ) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
        """Return what the optics make of unpolarized light, the light ahead of them, its turn."""
        turn = self.response(values) / values[_EFFICIENCY]
        return self.zero(values) / values[_EFFICIENCY], turn * truth[self.star], turn

    def full_jacobian(self, values: FloatArray, truth: ComplexArray) -> FloatArray:
        """Return the derivatives by all `PARAMETERS`, shape (n, 2, 6)."""
        optics, light, _ = self._parts(values, truth)
        efficiency = values[_EFFICIENCY]
        by_light, by_optics = diattenuation_derivatives(optics, light)
        seen = vectors(np.asarray(diattenuate(optics, light)))
        turning = efficiency * by_light @ vectors(-2j * math.radians(1.0) * light)[:, :, None]
        losing = seen[:, :, None] - by_optics @ vectors(optics)[:, :, None]
        swept = by_optics @ multiplication(self.sweep)
        return np.concatenate([by_optics, turning, losing, swept], axis=2)

    def star_design(self, values: FloatArray, truth: ComplexArray) -> FloatArray:
        """Return the derivatives of each observation by its star's q and u, shape (n, 2, 2)."""
        optics, light, _ = self._parts(values, truth)
        by_light, _ = diattenuation_derivatives(optics, light)
        return np.asarray(by_light @ multiplication(self.response(values)))

    # -- the fit -----------------------------------------------------------------------

    def fit(self, used: BoolArray, variances: FloatArray | None = None) -> State:
        """Iterate parameters, stars and variances to their common solution."""
        if not self.enough(used):
            raise self._undetermined(used)
        values = self._first_guess(used)
        truth = self.truth
        found = np.zeros(2) if variances is None else variances
        state: State | None = None
        for iteration in range(_ITERATIONS):
            data = self.data(values, truth, used)
            try:
                # The scatter hardly depends on the parameters once these are near.
                if variances is None and self.scatter and iteration < _ITERATIONS_OF_SCATTER:
                    found = self._estimate(data, used)
                solution = data.solve(found)
            except np.linalg.LinAlgError:
                raise self._undetermined(used) from None
            # The stars themselves, between literature and measurement.
            pull = data.by_star(
                (np.swapaxes(data.design, 1, 2) @ solution.pulled[:, :, None])[:, :, 0]
            )
            spread = self.truth_cov + found[0] * np.eye(2)
            moved = self.truth + _complex((spread @ pull[:, :, None])[:, :, 0])
            state = State(values, found, solution, data)
            size = np.abs(solution.step) / np.sqrt(np.diag(solution.cov))
            change = float(np.max(np.abs(moved - truth), initial=0.0))
            values = values.copy()
            values[self.columns] += solution.step
            if not abs(values[0] + 1j * values[1]) + abs(values[4] + 1j * values[5]) < values[3]:
                raise self._undetermined(used)
            truth = moved
            if size.max() < 1e-5 and change < 1e-9:
                break
        if state is None:
            raise self._undetermined(used)
        return replace(state, values=values)

    def data(self, values: FloatArray, truth: ComplexArray, used: BoolArray) -> StarBlocks:
        """Return the linear problem about some parameters and stars.

        Its residuals are those from the literature values of the stars.
        """
        design = self.star_design(values, truth)
        off = vectors(self.truth - truth)[self.star]
        residuals = vectors(self.measured - self.model(values, truth))
        residuals = residuals - (design @ off[:, :, None])[:, :, 0]
        return StarBlocks(
            self.full_jacobian(values, truth)[used][:, :, self.columns],
            residuals[used],
            self.noise[used],
            design[used],
            self.star[used],
            self.truth_cov,
        )

    def _estimate(self, data: StarBlocks, used: BoolArray) -> FloatArray:
        """Return the variances from star to star and from cycle to cycle that can be known."""
        stars, cycles = len(np.unique(self.star[used])), int(used.sum())
        known_apart = (2 * stars > len(self.names), cycles > stars)
        able = [index for index, can in enumerate(known_apart) if can]
        return needed_variances(data, able, _SIGNIFICANCE)

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
        design = np.column_stack([_flat(column) for column in columns])
        solution = list(np.linalg.lstsq(design, _flat(rest), rcond=None)[0])
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

    # -- whether it says anything --------------------------------------------------------

    def check(self, state: State, used: BoolArray) -> None:
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
        stars = np.unique(self.star[used])
        angles = [self.observations[int(i)].parallactic_angle for i in np.flatnonzero(used)]
        numbers |= {
            "free": len(self.names),
            "stars": len(stars),
            "polarized": int(np.sum(np.abs(self.truth[stars]) > POLARIZED)),
            "cycles": int(used.sum()),
        }
        if "telescope" in self.free:
            numbers["parallactic_angles_deg"] = round(float(np.ptp(angles)), 1) if angles else 0.0
        what = ", ".join(self.free)
        return AlgorithmFailed(f"the standards do not determine {what}; hold some of it", **numbers)


def vectors(values: ComplexArray) -> FloatArray:
    """Return real and imaginary parts, shape (n, 2)."""
    return np.column_stack([values.real, values.imag])


def multiplication(factor: ComplexArray) -> FloatArray:
    """Return the matrices that multiply (q, u) by complex numbers, shape (n, 2, 2)."""
    rows = [[factor.real, -factor.imag], [factor.imag, factor.real]]
    return np.moveaxis(np.array(rows), -1, 0)


def _flat(values: ComplexArray) -> FloatArray:
    """Return real and imaginary parts alternating."""
    return vectors(values).reshape(-1)


def _complex(values: FloatArray) -> ComplexArray:
    return np.asarray(values[:, 0] + 1j * values[:, 1])
