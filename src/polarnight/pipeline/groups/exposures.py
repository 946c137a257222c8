"""The exposures of a cycle: which image in which frame is which beam at which angle."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from polarnight.frames import Bit, FrameInfo
from polarnight.pipeline.groups.aperture_losses import RelativeLoss
from polarnight.pipeline.groups.measure import IMAGES, LoadedFrame, measurable, usable
from polarnight.pipeline.groups.records import ApertureRow
from polarnight.polarimetry import PolarimetryRecord, pair_cameras

if TYPE_CHECKING:
    from polarnight.instruments import Instrument

__all__ = ["BeamTable", "Exposure", "beam_table", "exposures_of", "exposures_of_infos", "losses_of"]

FloatArray = npt.NDArray[np.float64]

_LEAST_OWN = 0.2
"""Share of the variance of an aperture that is its own at least."""

GOOD, DOUBTFUL = 2, 1
"""What an aperture is worth: trusted, or finite at least; 0 is nothing."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """One position of polaroid or plate.

    Attributes
    ----------
    angle : float
        Of polaroid or plate in degrees, counted from north through east.
    images : dict
        By beam (``"O"``, ``"E"``) the frame, by its id, and the name of the image in it. Where
        there is one beam only it is ``"O"`` behind a polaroid, ``"E"`` behind a plate: both
        are transmitted along the axis that the angle tells.
    """

    angle: float
    images: Mapping[str, tuple[int, str]]


def exposures_of(instrument: Instrument, frames: Sequence[LoadedFrame]) -> list[Exposure]:
    """Return the exposures of the frames of a cycle, in order of time.

    Frames of two cameras at one angle that overlap in time are one exposure.
    """
    return exposures_of_infos(instrument, {loaded.ref.id: loaded.ref.info for loaded in frames})


def exposures_of_infos(instrument: Instrument, infos: Mapping[int, FrameInfo]) -> list[Exposure]:
    """Return the exposures of a cycle by the headers of its frames; see `exposures_of`."""
    records = [
        PolarimetryRecord(
            key=key,
            ra=None,
            dec=None,
            name="",
            instrument=info.instrument,
            band=info.band,
            exptime=info.exptime,
            angle=float(info.rotangle or 0.0),
            jd=info.jd_mid,
            beam=info.beam if instrument.beams == "cameras" else "",
        )
        for key, info in infos.items()
    ]
    alone = "O" if instrument.polarimeter == "polaroids" else "E"
    found = []
    for members in pair_cameras(records, period=instrument.angle_period):
        images: dict[str, tuple[int, str]] = {}
        for member in members:
            key = int(str(member.key))
            if instrument.beams == "image":
                images |= {"O": (key, "O"), "E": (key, "E")}
            elif instrument.beams == "cameras":
                images[member.beam] = (key, member.beam)
            else:
                images[alone] = (key, "O")
        found.append(Exposure(instrument.angle_sense * members[0].angle, images))
    return found


@dataclass(frozen=True, eq=False)
class BeamTable:
    """Fluxes of one source in the exposures of a cycle, by beam.

    Attributes
    ----------
    angle : ndarray, shape (n,)
    flux, error : dict of str to ndarray, shape (n,)
    quality : dict of str to ndarray of int, shape (n,)
        2 where an aperture can be trusted, 1 where it means something, 0 where not.
    fault : dict of str to tuple of str, length n
        Why it means nothing; ``""`` where it does.
    """

    angle: FloatArray
    flux: Mapping[str, FloatArray]
    error: Mapping[str, FloatArray]
    quality: Mapping[str, npt.NDArray[np.int_]]
    fault: Mapping[str, tuple[str, ...]]

    def without(self, common: Mapping[str, float]) -> BeamTable:
        """Return the table with errors of which a common part is taken off.

        Parameters
        ----------
        common : mapping of str to float
            Variance by beam that all exposures have in common, so that it moves none of them
            with respect to the others.
        """
        error = {
            beam: np.sqrt(np.maximum(own**2 - common.get(beam, 0.0), _LEAST_OWN * own**2))
            for beam, own in self.error.items()
        }
        return replace(self, error=error)

    def faults(self, beams: Sequence[str]) -> str:
        """Return in words what is wrong with the apertures, ``""`` where nothing is."""
        found: dict[str, list[str]] = defaultdict(list)
        for beam in beams:
            which = f"the {IMAGES[beam]} image" if len(beams) > 1 else "the image"
            for angle, fault in zip(self.angle, self.fault[beam], strict=True):
                if fault:
                    found[f"{which} {fault}"].append(f"{angle:g}")
        every = len(self.angle)
        return "; ".join(
            f"{fault} at " + ("every angle" if len(at) == every else f"{', '.join(at)} deg")
            for fault, at in found.items()
        )

    def at_least(self, quality: int, *beams: str) -> npt.NDArray[np.bool_]:
        """Return where all of some beams have a quality."""
        return np.asarray(np.all([self.quality[beam] >= quality for beam in beams], axis=0))

    def angles(self, chosen: npt.NDArray[np.bool_]) -> int:
        """Return the number of different angles of some exposures."""
        return len(set(np.round(self.angle[chosen], 2)))


def beam_table(exposures: Sequence[Exposure], rows: Sequence[ApertureRow]) -> BeamTable:
    """Return the fluxes of one source as arrays; NaN where it was not measured."""
    by_image = {(row.frame, row.pair): row for row in rows}
    flux, error, quality, fault = {}, {}, {}, {}
    for beam in ("O", "E"):
        images = [exposure.images.get(beam) for exposure in exposures]
        found = [by_image.get(image) if image is not None else None for image in images]
        flux[beam] = np.array([row.flux_counts if row else np.nan for row in found])
        error[beam] = np.array([row.flux_counts_err if row else np.nan for row in found])
        quality[beam] = np.array([_quality(row) for row in found])
        fault[beam] = tuple(
            "is on no frame" if image is None else _fault(row)
            for image, row in zip(images, found, strict=True)
        )
    return BeamTable(np.array([e.angle for e in exposures]), flux, error, quality, fault)


def losses_of(
    exposures: Sequence[Exposure], losses: Mapping[int, RelativeLoss]
) -> tuple[FloatArray, FloatArray]:
    """Return light in the aperture of each exposure and its error; 1 and 0 where two beams lose
    alike or nothing is known.
    """
    found = [
        losses.get(next(iter(e.images.values()))[0], RelativeLoss())
        if len(e.images) == 1
        else RelativeLoss()
        for e in exposures
    ]
    return np.array([one.factor for one in found]), np.array([one.error for one in found])


def _quality(row: ApertureRow | None) -> int:
    if row is None or not measurable(row):
        return 0
    return GOOD if usable(row) else DOUBTFUL


def _fault(row: ApertureRow | None) -> str:
    """Return why an aperture means nothing."""
    if row is None:
        return "lies beyond the edge of the detector"
    if measurable(row):
        return ""
    if row.bits_left & Bit.SATURATED:
        return "is saturated"
    if row.bits_left & Bit.NO_DATA:
        return "lies partly beyond the edge or on pixels without data"
    return "has no meaningful flux"
