"""Zero, angle zero and efficiency of a polarimeter from observations of standard stars.

The measured Stokes parameters of a standard z (q + i u, on the sky) are, in the frame of the
instrument, whose position angle on the sky is r where a rotator turns it, to first order

    z' = z0 + w exp(2 i (parallactic angle - r)) + e z exp(-2 i (a + r)),

with the zero z0, what a turning telescope adds (w), the efficiency e and the angle zero a. The
first two terms are not just added, but what optics do that polarize (`diattenuation`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from polarnight.errors import AlgorithmFailed
from polarnight.polarimetry._calibration_outcome import outcome
from polarnight.polarimetry._calibration_outliers import worst
from polarnight.polarimetry._calibration_problem import Problem
from polarnight.polarimetry.calibration_data import (
    GROUPS,
    CalibrationFit,
    StandardObservation,
    StarResidual,
)
from polarnight.polarimetry.instrumental import InstrumentalPolarization

__all__ = [
    "GROUPS",
    "CalibrationFit",
    "StandardObservation",
    "StarResidual",
    "choose_free",
    "fit_calibration",
]


_POLARIZED = 0.01


def choose_free(
    observations: Sequence[StandardObservation], *, telescope: bool = False
) -> tuple[str, ...]:
    """Return what the observations can determine.

    Unpolarized stars give the zero; angle zero and efficiency need a polarized star, and all
    together at least one of either kind or three polarized ones.

    Parameters
    ----------
    observations : sequence of StandardObservation
    telescope : bool
        Whether a part that turns with the parallactic angle is wanted.
    """
    polarized = {o.star for o in observations if math.hypot(o.true_q, o.true_u) > _POLARIZED}
    unpolarized = {o.star for o in observations} - polarized
    free = []
    if unpolarized or len(polarized) >= 3:
        free.append("zero")
    if polarized:
        free += ["angle", "efficiency"]
    if telescope:
        free.append("telescope")
    return tuple(free)


def fit_calibration(
    observations: Sequence[StandardObservation],
    *,
    free: Iterable[str] = ("zero", "angle", "efficiency"),
    held: InstrumentalPolarization | None = None,
    clip: float | None = 5.0,
    scatter: bool = True,
) -> CalibrationFit:
    """Fit the instrumental polarization to all observations of standards at once.

    The literature values count with their errors, those of one star once for all its cycles
    (generalized least squares with errors in both measured and true values). Scatter beyond
    the quoted errors is estimated by restricted maximum likelihood, from star to star and
    from cycle to cycle, and the errors grow by Student's t where few observations say how
    large it is. What is held enters the covariance with its error.

    Parameters
    ----------
    observations : sequence of StandardObservation
    free : iterable of str
        Of `GROUPS`; the others are held.
    held : InstrumentalPolarization, optional
        Values and errors of what is held; by default no instrumental polarization.
    clip : float or None
        Observations and stars that lie further (in sigmas of a normal distribution) from what
        the others predict are left out, one at a time.
    scatter : bool
        Whether scatter is estimated; else the quoted errors are taken for all there is.

    Returns
    -------
    CalibrationFit

    Raises
    ------
    AlgorithmFailed
        Where the observations do not determine what is free, with the numbers; or where one of
        them is no finite number.
    ValueError
        Where `free` names something unknown.
    """
    names = tuple(dict.fromkeys(free))
    unknown = [name for name in names if name not in GROUPS]
    if unknown or not names:
        msg = f"free is made of {', '.join(GROUPS)}, not {', '.join(unknown) or 'nothing'}"
        raise ValueError(msg)
    for one in observations:
        numbers = (
            one.q,
            one.u,
            one.true_q,
            one.true_u,
            *np.ravel(one.cov),
            *np.ravel(one.true_cov),
        )
        if not np.isfinite(numbers).all():
            msg = "an observation of a standard is no finite number"
            raise AlgorithmFailed(msg, observation=one.label or one.star)
    problem = Problem(observations, names, held or InstrumentalPolarization(), scatter)
    used = np.ones(len(observations), dtype=bool)
    rejected: list[tuple[int, str]] = []
    state = problem.fit(used)
    while clip is not None:
        found = worst(problem, state, used, clip)
        if found is None:
            break
        indices, reason = found
        used[indices] = False
        rejected += [(int(index), reason) for index in indices]
        state = problem.fit(used)
    problem.check(state, used)
    return outcome(problem, state, used, tuple(rejected))
