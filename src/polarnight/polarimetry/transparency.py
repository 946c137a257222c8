"""How much light came through, exposure by exposure, told by the stars of the field.

Two beams of one exposure are dimmed alike, and their ratio knows nothing of clouds. Fluxes of
one beam, behind polaroids or where the other beam is spoilt, are compared between exposures,
and a cloud looks like polarization. The other stars on the same frames went through the same
cloud: divided by their mean, the fluxes are on one scale again.

Behind polaroids this has a price. The mean of the stars is modulated by *their* mean
polarization, and what is common to source and stars goes with the clouds. The stars are taken
to be unpolarized on the sky as a whole, so that their mean shows the zero of the instrument;
by how much that may be wrong (`field_err`) is an error of the result that no number of stars
or cycles makes smaller. Interstellar polarization common to the field is taken off the source
with it. Where both beams of each star are there, their sum is not modulated, and nothing is
lost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import special

from polarnight.errors import AlgorithmFailed
from polarnight.polarimetry._fit import SIGNIFICANCE
from polarnight.polarimetry.instrumental import InstrumentalPolarization

__all__ = ["MIN_STARS", "Transparency", "field_transparency", "zero_of_field"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

MIN_STARS = 5
"""Fewer stars do not tell an odd one among them, nor their own scatter."""

_OWN_SCATTER = 0.005
"""Relative scatter of bright stars (their own polarization), so that no single one decides."""
_ODD = 5.0  # sigmas in one exposure at which a star is variable or spoilt


@dataclass(frozen=True, eq=False)
class Transparency:
    """Relative transparency of the exposures of a cycle.

    Attributes
    ----------
    factor : ndarray, shape (n,)
        Light that came through, with a mean of one.
    error : ndarray, shape (n,)
        From noise and scatter of the stars.
    n_stars : int
        Stars that told it.
    chi2, dof : float, int
        Of no change at all, the errors of what the stars show behind polaroids included.
    """

    factor: FloatArray
    error: FloatArray
    n_stars: int
    chi2: float
    dof: int

    @property
    def changes(self) -> bool:
        """Whether the light changed by more than chance gives in one of a hundred cases."""
        return bool(special.chdtrc(self.dof, self.chi2) < SIGNIFICANCE)

    @property
    def range(self) -> float:
        """Largest over smallest factor, in magnitudes."""
        return float(2.5 * np.log10(np.nanmax(self.factor) / np.nanmin(self.factor)))


def field_transparency(
    flux: npt.ArrayLike,
    flux_err: npt.ArrayLike,
    *,
    axes_deg: npt.ArrayLike | None = None,
    zero: InstrumentalPolarization | None = None,
    field_err: float = 0.0,
    scale_err: npt.ArrayLike = 0.0,
) -> Transparency:
    """Transparency of exposures from the fluxes of stars.

    The model is ``F_ji = A_j T_i``. Stars count by their noise and a scatter of their own in
    common, which is found from them; one that deviates by more than five sigma in an exposure
    is left out altogether.

    Parameters
    ----------
    flux, flux_err : array_like, shape (stars, exposures)
        Of stars that are constant over a cycle; sums of both beams where there are two.
        A star with a value that is not finite or not positive is left out.
    axes_deg : array_like, shape (exposures,), optional
        Transmission axes of the polaroids where each star has one beam only; the modulation
        by the zero of the instrument is then taken out of the mean of the stars.
    zero : InstrumentalPolarization, optional
        Of the polaroids; none by default.
    field_err : float
        Error of the assumption that the stars are unpolarized as a whole, a fraction, for q
        and for u.
    scale_err : array_like, shape (exposures,)
        Relative error of what all fluxes of an exposure were divided by before (light lost
        outside the aperture). A change has to exceed it to count as one; a source divided by
        the same numbers is free of it.

    Returns
    -------
    Transparency

    Raises
    ------
    AlgorithmFailed
        Where fewer than five stars are left.
    """
    value, error = np.asarray(flux, dtype=np.float64), np.asarray(flux_err, dtype=np.float64)
    whole = np.isfinite(value) & np.isfinite(error) & (value > 0) & (error > 0)
    good: BoolArray = np.zeros(len(value), dtype=bool)
    if value.size:
        good = np.asarray(whole.all(axis=1))
    while True:
        if np.count_nonzero(good) < MIN_STARS:
            msg = "too few constant stars tell how the transparency changed"
            raise AlgorithmFailed(msg, stars=int(np.count_nonzero(good)), needed=MIN_STARS)
        factor, variance, off = _one_scale(value[good], error[good])
        worst = int(np.argmax(off))
        if off[worst] <= _ODD:
            break
        good[np.flatnonzero(good)[worst]] = False
    modulation = np.diag(variance + np.broadcast_to(scale_err, factor.shape) ** 2)
    if axes_deg is not None:
        turn = 2.0 * np.radians(np.asarray(axes_deg, dtype=np.float64))
        design = np.column_stack([np.cos(turn), np.sin(turn)])
        ahead = zero or InstrumentalPolarization()
        factor = factor / (1.0 + design @ (ahead.q0, ahead.u0))
        factor = factor / factor.mean()
        own = ahead.matrix[:2, :2] + field_err**2 * np.eye(2)
        modulation = modulation + design @ own @ design.T
    weights = np.linalg.inv(modulation)
    level = float(weights.sum(axis=0) @ factor / weights.sum())
    chi2 = float((factor - level) @ weights @ (factor - level))
    return Transparency(
        factor, np.sqrt(variance), int(np.count_nonzero(good)), chi2, len(factor) - 1
    )


def _one_scale(flux: FloatArray, error: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Factors of the exposures, their variances, and the largest deviation of each star."""
    n_stars, n = flux.shape
    level = flux.mean(axis=1, keepdims=True)
    relative, noise = flux / level, error / level
    weights = 1.0 / (np.mean(noise**2, axis=1) + _OWN_SCATTER**2)
    weights = weights / weights.sum()
    factor = weights @ relative
    residuals = relative - factor
    # Each star's level and each exposure's factor were taken from the same numbers.
    freedom = n_stars * n / ((n_stars - 1) * max(n - 1, 1))
    excess = float(np.median(residuals**2)) / 0.455 * freedom - float(np.median(noise**2))
    scatter = max(excess, 0.0)
    variance = np.sum(weights[:, None] ** 2 * (noise**2 + scatter), axis=0)
    off = np.max(np.abs(residuals) / np.sqrt(noise**2 + scatter), axis=1)
    return factor / factor.mean(), variance / factor.mean() ** 2, off


def zero_of_field(
    instrument: InstrumentalPolarization, field_err: float
) -> InstrumentalPolarization:
    """Return the constants for fluxes that were compared with the mean of the field.

    The zero was divided out and put back; its error cancels, and that of the polarization of
    the field takes its place.

    Parameters
    ----------
    instrument : InstrumentalPolarization
        With which `field_transparency` was made.
    field_err : float
    """
    matrix = instrument.matrix.copy()
    matrix[:2, :] = matrix[:, :2] = 0.0
    matrix[0, 0] = matrix[1, 1] = field_err**2
    origin = f"{instrument.origin}; zero of the field".strip("; ")
    return replace(
        instrument,
        covariance=tuple(tuple(map(float, row)) for row in matrix),
        origin=origin,
    )
