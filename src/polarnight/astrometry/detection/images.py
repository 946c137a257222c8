"""The images of the stars of a frame, each with its star and its beam."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from polarnight.astrometry.detection.detections import DetectionFlag, Detections
from polarnight.astrometry.detection.pairs import PairLike, find_pairs
from polarnight.errors import AlgorithmFailed

if TYPE_CHECKING:
    from polarnight.frames import FrameInfo

__all__ = ["Images", "images_of"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_APERTURE = 1.5  # FWHM, of the fluxes of detections


@dataclass(frozen=True, eq=False)
class Images:
    """Detections as images of stars, brightest first.

    Attributes
    ----------
    xy : ndarray of float, shape (n, 2)
        Pixels.
    mag : ndarray of float, shape (n,)
        -2.5 log10 of electrons per second.
    saturated : ndarray of bool, shape (n,)
    unit : ndarray of int, shape (n,)
        Star: the two images of a pair share a number.
    beam : ndarray of int, shape (n,)
        1 for the extraordinary image of a pair, else 0.
    anchor : ndarray of float, shape (n, 2)
        Place of the ordinary image of the star; of an image without partner its own.
    vector : ndarray of float, shape (2,)
        Extraordinary minus ordinary image of this frame, zero where there are no pairs.
    index : ndarray of int, shape (n,)
        Of the detections.
    fwhm : float
        Pixels; NaN where unknown.
    sky : float
        Noise of the sky in the aperture of a detection, electrons per second; NaN if unknown.
    seconds : float
        Exposure time.
    """

    xy: Floats
    mag: Floats
    saturated: Bools
    unit: Ints
    beam: Ints
    anchor: Floats
    vector: Floats
    index: Ints
    fwhm: float
    sky: float
    seconds: float

    def __len__(self) -> int:
        return len(self.xy)

    @property
    def first(self) -> Bools:
        """True for one image of every star: the ordinary one, or that without partner."""
        return np.asarray(self.beam == 0)

    @property
    def paired(self) -> Bools:
        """True for images whose partner is on the frame, so that their beam is known."""
        return np.asarray(np.isin(self.unit, self.unit[self.beam == 1]))

    def limit(self, snr: float) -> float:
        """Return the magnitude that is detected at a signal to noise, beyond doubt.

        Where the noise is not known, half a magnitude above the faintest image.
        """
        if not np.isfinite(self.sky) or self.sky <= 0:
            return float(self.mag.max() - 0.5) if len(self) else -np.inf
        # Electrons f of a star: f / sqrt(f + s^2) = snr.
        noise = (self.sky * self.seconds) ** 2
        electrons = 0.5 * snr * (snr + np.sqrt(snr**2 + 4.0 * noise))
        return float(-2.5 * np.log10(electrons / self.seconds))

    def anchors(self, vector: Floats, most: int) -> tuple[Floats, Ints, Ints]:
        """Return places where the ordinary images of stars may be, for the brightest images.

        Returns
        -------
        places : ndarray of float, shape (m, 2)
        unit, image : ndarray of int, shape (m,)
            The star, and the image that says so. An image without partner may be of either beam
            where there are pairs.
        """
        some = np.flatnonzero(self.first)[:most]
        alone = some[~np.isin(self.unit[some], self.unit[~self.first])]
        if not np.any(vector):
            alone = alone[:0]
        places = np.concatenate([self.anchor[some], self.xy[alone] - vector])
        image = np.concatenate([some, alone])
        return places, self.unit[image], image


def images_of(detections: Detections, info: FrameInfo, pair: PairLike | None) -> Images:
    """Sort the detections of a frame into stars.

    Parameters
    ----------
    detections : Detections
    info : FrameInfo
        Its gain and exposure time bring fluxes of different frames to one scale.
    pair : PairLike or None
        Known displacement of the two beams; None where there is one beam.

    Returns
    -------
    Images
        Defects are left out.
    """
    defect = int(DetectionFlag.MASKED | DetectionFlag.NOT_STELLAR)
    saturated = (detections.flags & np.uint16(DetectionFlag.SATURATED)) != 0
    good = (((detections.flags & np.uint16(defect)) == 0) | saturated) & (detections.flux > 0)
    index = np.flatnonzero(good)
    chosen = detections.select(index)
    n = len(chosen)
    unit, beam = np.arange(n), np.zeros(n, dtype=np.int64)
    anchor, vector = chosen.xy.copy(), np.zeros(2)
    if pair is not None:
        vector = np.array([pair.dx, pair.dy])
        try:
            found = find_pairs(chosen, pair)
        except AlgorithmFailed:
            pass
        else:
            vector = np.array([found.dx, found.dy])
            unit[found.extraordinary] = unit[found.ordinary]
            beam[found.extraordinary] = 1
            anchor[found.extraordinary] = chosen.xy[found.ordinary]
    rate = info.gain / max(info.exptime, 1e-3)
    fwhm = float(detections.fwhm_median)
    sky = detections.background_rms * rate * np.sqrt(np.pi) * _APERTURE * fwhm
    return Images(
        xy=chosen.xy,
        mag=-2.5 * np.log10(chosen.flux * rate),
        saturated=saturated[index],
        unit=unit,
        beam=beam,
        anchor=anchor,
        vector=vector,
        index=index,
        fwhm=fwhm,
        sky=float(sky),
        seconds=max(info.exptime, 1e-3),
    )
