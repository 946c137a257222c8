"""Stokes parameters of one source from the apertures of one cycle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from polarnight.errors import AlgorithmFailed
from polarnight.pipeline.aperture_losses import RelativeLoss
from polarnight.pipeline.measure import LoadedFrame, measurable, usable
from polarnight.pipeline.records import ApertureRow
from polarnight.polarimetry import Stokes, fit_half_wave_plate, fit_polaroids

if TYPE_CHECKING:
    from polarnight.instruments import Instrument

__all__ = ["stokes_of_source"]


def stokes_of_source(
    instrument: Instrument,
    frames: Sequence[LoadedFrame],
    rows: Sequence[ApertureRow],
    *,
    losses: Mapping[int, RelativeLoss],
    clip: float,
    beam_gain: bool,
) -> tuple[Stokes, bool]:
    """Fit the Stokes parameters of one source in the frame of the instrument.

    Parameters
    ----------
    instrument : Instrument
    frames : sequence of LoadedFrame
        The frames of the cycle.
    rows : sequence of ApertureRow
        Every aperture of the source in these frames.
    losses : mapping of int to RelativeLoss
        Light in the aperture of each frame, by its id. Fluxes behind polaroids are divided
        by it; the two beams of a frame lose alike.
    clip : float
        Limit of outliers, sigmas.
    beam_gain : bool
        Whether the gain ratio of two beams is fitted.

    Returns
    -------
    Stokes
        Before the correction for instrumental polarization.
    bool
        Whether apertures with bad or hit pixels had to be used.

    Raises
    ------
    AlgorithmFailed
        Where too few angles have an aperture that means anything.
    """
    by_frame = {(row.frame, row.pair): row for row in rows}
    two_beams = instrument.polarimeter == "half-wave plate"
    needed = ("O", "E") if two_beams else ("O",)

    def chosen(accept: Callable[[ApertureRow], bool]) -> list[LoadedFrame]:
        return [
            loaded
            for loaded in frames
            if all(accept(by_frame[loaded.ref.id, pair]) for pair in needed)
        ]

    good = chosen(usable)
    doubtful = _n_angles(good) < instrument.min_angles
    if doubtful:
        good = chosen(measurable)
    if _n_angles(good) < instrument.min_angles:
        raise AlgorithmFailed(
            "too few angles with apertures that are on the detector and not saturated",
            good=_n_angles(good),
            needed=instrument.min_angles,
        )
    angles = np.array([loaded.ref.info.rotangle for loaded in good], dtype=float)
    flux = {
        pair: np.array([by_frame[loaded.ref.id, pair].flux_counts for loaded in good])
        for pair in needed
    }
    error = {
        pair: np.array([by_frame[loaded.ref.id, pair].flux_counts_err for loaded in good])
        for pair in needed
    }
    if two_beams:
        stokes = fit_half_wave_plate(
            angles, flux["O"], error["O"], flux["E"], error["E"], beam_gain=beam_gain, clip=clip
        )
    else:
        loss = [losses.get(loaded.ref.id, RelativeLoss()) for loaded in good]
        factor = np.array([one.factor for one in loss])
        value = flux["O"] / factor
        noise = np.hypot(error["O"], value * [one.error for one in loss]) / factor
        stokes = fit_polaroids(angles, value, noise, clip=clip)
    return stokes, doubtful


def _n_angles(frames: Sequence[LoadedFrame]) -> int:
    return len({loaded.ref.info.rotangle for loaded in frames})
