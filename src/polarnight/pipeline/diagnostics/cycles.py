"""The fluxes behind a polarimetric result, and what every method makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from polarnight.errors import AlgorithmFailed
from polarnight.instruments import get_instrument
from polarnight.pipeline.groups.exposures import Exposure, exposures_of_infos
from polarnight.polarimetry import (
    CycleFluxes,
    InstrumentalPolarization,
    Method,
    Polarization,
    Stokes,
    compare_methods,
    correct,
)
from polarnight.polarimetry.comparison import Polarimeter

if TYPE_CHECKING:
    from polarnight.db import AperPhotResult, PhotoPolResult

__all__ = ["ResultCycle", "cycle_of"]

FloatArray = npt.NDArray[np.float64]

_DIFFERENT = 0.3
"""Errors by which a value may differ from the one that is kept: weights differ by what all
exposures have in common, which the database does not keep."""


@dataclass(frozen=True, eq=False)
class ResultCycle:
    """What a polarimetric result was made of.

    Attributes
    ----------
    fluxes : CycleFluxes
    files : tuple of str
        Of each exposure; those of two cameras joined by ``+``.
    used : ndarray of bool
        Which exposures entered the result that is kept.
    stored : Stokes
        In the frame of the instrument, as it is kept.
    taken_off : InstrumentalPolarization
        What was taken off these; its errors are not told.
    methods : tuple of Method
    """

    fluxes: CycleFluxes
    files: tuple[str, ...]
    used: npt.NDArray[np.bool_]
    stored: Stokes
    taken_off: InstrumentalPolarization
    methods: tuple[Method, ...]

    @property
    def own(self) -> Method | None:
        """The method of the result that is kept."""
        return next((m for m in self.methods if m.stokes and m.stokes.method == self.stored.method),
                    None)  # fmt: skip

    @property
    def differs(self) -> str:
        """In words how the method of the result, applied now, differs from it; ``""`` if not."""
        own = self.own
        if own is None or own.stokes is None:
            return f"the method of the result, {self.stored.method!r}, cannot be applied now"
        told = [
            f"{name} {100 * new:.3f} % is now, {100 * old:.3f} % is kept"
            for name, new, old, error in (
                ("q", own.stokes.q, self.stored.q, self.stored.q_err),
                ("u", own.stokes.u, self.stored.u, self.stored.u_err),
            )
            if np.isfinite([new, old, error]).all() and abs(new - old) > _DIFFERENT * error
        ]
        return "; ".join(told)

    def on_sky(self, stokes: Stokes) -> Polarization:
        """Return degree and angle of Stokes parameters, corrected for the instrument."""
        return Polarization.from_stokes(correct(stokes, self.taken_off))


def cycle_of(result: PhotoPolResult) -> ResultCycle:
    """Return the cycle of a polarimetric result, with all methods applied to it.

    Parameters
    ----------
    result : PhotoPolResult
        Saved.

    Raises
    ------
    AlgorithmFailed
        Where it is no polarimetry, or its frames or fluxes are no longer in the database.
    """
    if result.reduction != "relpol":
        msg = "only polarimetry has a modulation"
        raise AlgorithmFailed(msg, reduction=result.reduction)
    frames = list(result.reducedfits.select_related("rawfit", "epoch").order_by("juliandate", "pk"))
    infos = {frame.pk: frame.rawfit.frame_info() for frame in frames}
    known = {pk: info for pk, info in infos.items() if info is not None}
    rows = list(result.aperphotresults.filter(is_default=True))
    if not known or not rows:
        msg = "the frames or the fluxes of the result are no longer in the database; reduce again"
        raise AlgorithmFailed(msg, frames=len(known), fluxes=len(rows))
    told: Mapping[str, Any] = (result.evidence or {}).get("polarimetry") or {}
    instrument = get_instrument(result.instrument)
    exposures = exposures_of_infos(instrument, known)
    names = {frame.pk: frame.filename for frame in frames}
    flux, error = _on_one_scale(exposures, rows, list(known), told)
    cycle = CycleFluxes(
        cast("Polarimeter", instrument.polarimeter),
        np.array([exposure.angle for exposure in exposures]),
        flux,
        error,
        instrument.retardance,
    )
    used = np.asarray(told.get("used") or [], dtype=bool)
    return ResultCycle(
        fluxes=cycle,
        files=tuple(
            "+".join(dict.fromkeys(names[frame] for frame, _ in exposure.images.values()))
            for exposure in exposures
        ),
        used=used if len(used) == len(exposures) else np.ones(len(exposures), dtype=bool),
        stored=_stored(result, told),
        taken_off=_taken_off(told),
        methods=tuple(compare_methods(cycle)),
    )


def _on_one_scale(
    exposures: Sequence[Exposure],
    rows: Sequence[AperPhotResult],
    frames: Sequence[int],
    told: Mapping[str, Any],
) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """Return fluxes and errors by beam, divided by what the result was divided by."""
    by_image = {(row.reducedfit_id, row.pairs): row for row in rows}
    losses = told.get("aperture_losses") or []
    by_frame = dict(zip(frames, losses, strict=False)) if len(losses) == len(frames) else {}
    sky = told.get("transparency") or {}
    factor = _column(sky.get("factor"), len(exposures), 1.0)
    factor_err = _column(sky.get("error"), len(exposures), 0.0)
    flux = {beam: np.full(len(exposures), np.nan) for beam in ("O", "E")}
    error = {beam: np.full(len(exposures), np.nan) for beam in ("O", "E")}
    for n, exposure in enumerate(exposures):
        for beam, image in exposure.images.items():
            row = by_image.get(image)
            if row is None or row.flux_counts is None or row.flux_counts_err is None:
                continue
            loss = by_frame.get(image[0], {}) if len(exposure.images) == 1 else {}
            scale = float(loss.get("factor", 1.0)) * factor[n]
            value = row.flux_counts / scale
            relative = np.hypot(float(loss.get("error", 0.0)), factor_err[n]) / scale
            flux[beam][n] = value
            error[beam][n] = np.hypot(row.flux_counts_err / scale, value * relative)
    return flux, error


def _column(values: Any, n: int, otherwise: float) -> FloatArray:
    if not isinstance(values, list) or len(values) != n:
        return np.full(n, otherwise)
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _stored(result: PhotoPolResult, told: Mapping[str, Any]) -> Stokes:
    cov = told.get("measured_cov") or [[np.nan, np.nan], [np.nan, np.nan]]
    return Stokes(
        q=_or_nan(result.q_nocorr),
        u=_or_nan(result.u_nocorr),
        cov=np.array([[_or_nan(value) for value in row] for row in cov]),
        chi2=_or_nan(result.pol_chi2),
        dof=result.pol_dof or 0,
        n_used=result.n_angles or 0,
        method=result.pol_method,
        k=told.get("beam_gain"),
        scale=float(told.get("scale") or 1.0),
        v=result.v,
        v_err=result.v_err,
    )


def _taken_off(told: Mapping[str, Any]) -> InstrumentalPolarization:
    values = told.get("taken_off") or {}
    names = ("q0", "u0", "zero_angle", "efficiency")
    return InstrumentalPolarization(**{name: values[name] for name in names if name in values})


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else float(value)
