"""Standards that stray from what the others predict."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import stats

from polarnight.errors import AlgorithmFailed
from polarnight.polarimetry._calibration_problem import Problem, State

__all__ = ["worst"]

BoolArray = npt.NDArray[np.bool_]
Candidate = tuple[npt.NDArray[np.intp], str, int]

_CANDIDATES = 3
_SUSPICIOUS = 9.0  # squared significance of a shift in two directions
_FEWEST_STARS_TO_CLIP = 4


def worst(
    problem: Problem, state: State, used: BoolArray, clip: float
) -> tuple[npt.NDArray[np.intp], str] | None:
    """Return the observation, or all of a star, that lies beyond `clip` of the others.

    Each candidate is judged by a shift of its own in q and u, with the scatter that the others
    show without it: one that strays would hide in a scatter of its own making.
    """
    worst: tuple[float, npt.NDArray[np.intp], str] | None = None
    limit = 2.0 * float(stats.norm.sf(clip))
    for (indices, what, units), shift in _candidates(problem, state, used):
        freedom = max(2 * (units - 1) - len(problem.names), 1)
        # What strays makes scatter, which hides it, but not below this.
        if shift < min(_SUSPICIOUS, 0.5 * freedom):
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
        distance = _shift(problem, judged, used, indices)
        chance = float(stats.f.sf(distance / 2.0, 2, freedom))
        if chance < limit and (worst is None or distance > worst[0]):
            reason = f"{what} lies {math.sqrt(distance):.1f} sigma from what the others predict"
            worst = distance, indices, reason
    return None if worst is None else worst[1:]


def _candidates(problem: Problem, state: State, used: BoolArray) -> list[tuple[Candidate, float]]:
    """Return the observations and the star that stray most, with the significance of it."""
    cycles = np.flatnonzero(used)
    shifts = state.data.shifts(state.solution)
    found: list[tuple[Candidate, float]] = []
    for position in np.argsort(-shifts, kind="stable")[:_CANDIDATES]:
        n = cycles[position]
        what = f"the cycle of {problem.observations[int(n)].star}"
        found.append(((np.array([n]), what, len(cycles)), float(shifts[position])))
    counts = np.bincount(problem.star[used], minlength=len(problem.star_names))
    n_stars = int(np.count_nonzero(counts))
    if n_stars >= _FEWEST_STARS_TO_CLIP and counts.max() > 1:
        of_stars = np.where(counts > 1, state.data.star_shifts(state.solution), -1.0)
        star = int(np.argmax(of_stars))
        members = np.flatnonzero(used & (problem.star == star))
        found.append(((members, problem.star_names[star], n_stars), float(of_stars[star])))
    return found


def _shift(problem: Problem, state: State, used: BoolArray, indices: npt.NDArray[np.intp]) -> float:
    """Return the squared significance (two degrees of freedom) of a shift of a cycle or star."""
    if len(indices) > 1:
        return float(state.data.star_shifts(state.solution)[problem.star[indices[0]]])
    position = int(np.count_nonzero(used[: indices[0]]))
    return float(state.data.shifts(state.solution)[position])
