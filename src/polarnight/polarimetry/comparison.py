"""All methods on the fluxes of one cycle, side by side: what a result owes to its method."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt

from polarnight.errors import AlgorithmFailed
from polarnight.polarimetry._fit import FloatArray
from polarnight.polarimetry._plate import beam_ratio
from polarnight.polarimetry.half_wave_plate import fit_half_wave_plate, fit_plate_ratios
from polarnight.polarimetry.polaroids import fit_polaroids, fit_single_beam
from polarnight.polarimetry.quarter_wave_plate import fit_quarter_wave_plate, quarter_wave_design
from polarnight.polarimetry.stokes import Stokes

__all__ = ["CycleFluxes", "Method", "Points", "compare_methods", "modulation"]

Polarimeter = Literal["half-wave plate", "quarter-wave plate", "polaroids"]
_NAMES = {"O": "ordinary", "E": "extraordinary"}


@dataclass(frozen=True, eq=False)
class CycleFluxes:
    """Fluxes of one source in a cycle, all on one scale.

    Attributes
    ----------
    polarimeter : str
        ``"half-wave plate"``, ``"quarter-wave plate"`` or ``"polaroids"``.
    angle : ndarray, shape (n,)
        Of plate or polaroid, degrees.
    flux, error : mapping of str to ndarray, shape (n,)
        By beam, ``"O"`` and ``"E"``, NaN where there is none. Behind polaroids all is ``"O"``.
    retardance : float
        Of a quarter-wave plate, degrees.
    """

    polarimeter: Polarimeter
    angle: FloatArray
    flux: Mapping[str, FloatArray]
    error: Mapping[str, FloatArray]
    retardance: float = 90.0

    @property
    def two_beams(self) -> bool:
        """Whether both beams were measured at any angle."""
        both = np.isfinite(self.flux["O"]) & np.isfinite(self.flux["E"])
        return self.polarimeter != "polaroids" and bool(both.any())

    @property
    def period(self) -> float:
        """Degrees after which plate or polaroid does the same again."""
        return 90.0 if self.polarimeter == "half-wave plate" else 180.0


@dataclass(frozen=True, eq=False)
class Points:
    """The modulation that was measured; NaN where it was not.

    Attributes
    ----------
    value, error : ndarray, shape (n,)
        Of two beams ``(E - O)/(E + O)``; of one beam its flux over the mean flux, less one, with
        the sign of the extraordinary one.
    """

    value: FloatArray
    error: FloatArray


@dataclass(frozen=True, eq=False)
class Method:
    """What one method makes of a cycle.

    Attributes
    ----------
    name : str
    stokes : Stokes or None
        In the frame of the instrument; None where the method cannot be applied.
    refused : str
        Why not.
    points : Points or None
        The modulation that it fits.
    residuals : ndarray, shape (n,)
        Points less model.
    """

    name: str
    stokes: Stokes | None = None
    refused: str = ""
    points: Points | None = None
    residuals: FloatArray = field(default_factory=lambda: np.zeros(0))


def modulation(cycle: CycleFluxes, stokes: Stokes, angle: npt.ArrayLike) -> FloatArray:
    """Return the modulation that Stokes parameters make at some angles.

    ``(k + m)/(1 + k m)`` with the imbalance k of the beams where it was fitted, and m the
    modulation of an ideal instrument.

    Parameters
    ----------
    cycle : CycleFluxes
        For the kind of the instrument.
    stokes : Stokes
        In the frame of the instrument.
    angle : array_like
        Of plate or polaroid, degrees.
    """
    angles = np.asarray(angle, dtype=np.float64)
    if cycle.polarimeter == "quarter-wave plate":
        known = np.nan_to_num([stokes.q, stokes.u, stokes.v or 0.0])
        wave = quarter_wave_design(angles, cycle.retardance) @ known
    else:
        turn = np.radians(angles) * (4.0 if cycle.polarimeter == "half-wave plate" else 2.0)
        wave = stokes.q * np.cos(turn) + stokes.u * np.sin(turn)
    k = stokes.k or 0.0
    return np.asarray((k + wave) / (1.0 + k * wave), dtype=np.float64)


def compare_methods(cycle: CycleFluxes, *, clip: float | None = 5.0) -> list[Method]:
    """Apply every method that the instrument allows.

    Parameters
    ----------
    cycle : CycleFluxes
    clip : float, optional
        Limit of outliers, sigmas.

    Returns
    -------
    list of Method
        Those that cannot be applied say why.
    """
    flux, error = cycle.flux, cycle.error
    if cycle.polarimeter == "polaroids":
        wave = partial(fit_polaroids, cycle.angle, flux["O"], error["O"], clip=clip)
        return [
            _method(cycle, "pairs of polaroids", "O", wave),
            _method(cycle, "fit of a wave", "O", partial(wave, pairs=False)),
        ]
    both = (cycle.angle, flux["O"], error["O"], flux["E"], error["E"])
    if cycle.polarimeter == "quarter-wave plate":
        plate = partial(fit_quarter_wave_plate, *both, retardance=cycle.retardance, clip=clip)
        return [
            _method(cycle, "fit with beam gain", "", partial(plate, beam_gain=True)),
            _method(cycle, "fit without beam gain", "", partial(plate, beam_gain=False)),
        ]
    methods = []
    if cycle.two_beams:
        plate = partial(fit_half_wave_plate, *both, clip=clip)
        methods = [
            _method(cycle, "fit with beam gain", "", partial(plate, beam_gain=True)),
            _method(cycle, "fit without beam gain", "", partial(plate, beam_gain=False)),
            _method(cycle, "ratios", "", partial(fit_plate_ratios, *both)),
        ]
    for beam, name in _NAMES.items():
        if np.isfinite(flux[beam]).any():
            one = (cycle.angle, flux[beam], error[beam])
            fit = partial(fit_single_beam, *one, beam=name, clip=clip)
            methods.append(_method(cycle, f"{name} beam alone", beam, fit))
    return methods


def _method(cycle: CycleFluxes, name: str, beam: str, fit: Callable[[], Stokes]) -> Method:
    try:
        stokes = fit()
    except AlgorithmFailed as error:
        return Method(name, refused=str(error))
    points = _points(cycle, beam, stokes)
    return Method(name, stokes, "", points, points.value - modulation(cycle, stokes, cycle.angle))


def _points(cycle: CycleFluxes, beam: str, stokes: Stokes) -> Points:
    if not beam:
        beams = (cycle.flux["O"], cycle.error["O"], cycle.flux["E"], cycle.error["E"])
        with np.errstate(invalid="ignore", divide="ignore"):
            return Points(*beam_ratio(*beams))
    # Of a plate the ordinary beam is modulated with the opposite sign.
    sign = -1.0 if beam == "O" and cycle.polarimeter != "polaroids" else 1.0
    half = 0.5 * stokes.intensity if stokes.intensity > 0 else math.nan
    return Points(sign * (cycle.flux[beam] / half - 1.0), cycle.error[beam] / half)
