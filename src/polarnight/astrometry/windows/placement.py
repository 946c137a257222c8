"""Where a window of the chip is expected on a frame of a larger part of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from polarnight.astrometry.detection.images import Images, images_of
from polarnight.astrometry.detection.pairs import PairLike, PairVector
from polarnight.astrometry.geometry import separation

if TYPE_CHECKING:
    from astropy.wcs import WCS

    from polarnight.astrometry.detection.detections import Detections
    from polarnight.frames import FrameInfo

__all__ = ["Placement", "WideFrame", "pair_as_seen", "placements", "wide_images"]

Floats = npt.NDArray[np.float64]

_FARTHEST_DEG = 10.0  # behind the observer a gnomonic projection has pixels too


@dataclass(frozen=True, eq=False)
class WideFrame:
    """A solved frame of a larger part of the chip.

    Attributes
    ----------
    name : str
        For people.
    info : FrameInfo
        As reduced: size and origin are those of the pixels that the WCS counts.
    wcs : astropy.wcs.WCS
        Of the ordinary, or only, beam.
    detections : Detections
    """

    name: str
    info: FrameInfo
    wcs: WCS
    detections: Detections

    @property
    def shape(self) -> tuple[int, int]:
        """(ny, nx)."""
        return self.info.height, self.info.width

    def pixel_of(self, ra: float, dec: float) -> tuple[float, float] | None:
        """Return the pixel of a direction (degrees), None where it is not on the frame."""
        if float(separation(ra, dec, *self.wcs.wcs.crval)) > _FARTHEST_DEG:
            return None
        x, y = (float(v) for v in self.wcs.all_world2pix(ra, dec, 0, quiet=True))
        ny, nx = self.shape
        inside = -0.5 <= x <= nx - 0.5 and -0.5 <= y <= ny - 0.5
        return (x, y) if inside else None


@dataclass(frozen=True, eq=False)
class Placement:
    """Where the pixels of the wide frame are expected in the window.

    ``window = mirror (wide - pivot) + pivot + step``; `label` says what is assumed.
    """

    mirror: Floats
    pivot: Floats
    step: Floats
    centre: Floats
    label: str

    def to_window(self, xy: Floats) -> Floats:
        """Return pixels of the window of pixels of the wide frame."""
        return (xy - self.pivot) * self.mirror + self.pivot + self.step

    def to_wide(self, xy: Floats) -> Floats:
        """Return pixels of the wide frame of pixels of the window."""
        return (xy - self.pivot - self.step) * self.mirror + self.pivot

    def vector(self, of_wide: Floats) -> Floats:
        """Return the displacement of the beams in the window, from that in the wide frame.

        The analyser is fixed to the chip: what turns the sky does not turn its displacement,
        but where the rows of the image were turned over, it was turned over too.
        """
        over = self.mirror[0] != self.mirror[1]
        return np.asarray(of_wide * (self.mirror if over else 1.0))


def pair_as_seen(pair: PairLike | None, wide: Images, place: Placement) -> PairLike | None:
    """Return the displacement of the beams in a window as the pairs of a wide frame show it."""
    if pair is None:
        return None
    dx, dy = (float(v) for v in place.vector(wide.vector))
    if not (wide.beam == 1).any():
        return PairVector(dx, dy, pair.sx, pair.sy)
    return PairVector(dx, dy, min(pair.sx, 0.5), min(pair.sy, 0.5))


def placements(info: FrameInfo, wide: WideFrame) -> list[Placement]:
    """Return the places where a window may be expected on a wide frame.

    Where both frames were taken on the same side of the pier there is one. Else the sky is upside
    down on the chip, or the camera's program has turned the rows over: both are tried.
    """
    ny, nx = wide.shape
    pivot = np.array([(nx - 1) / 2.0, (ny - 1) / 2.0])
    step = np.subtract(wide.info.origin, info.origin).astype(float)
    centre = np.array([(info.width - 1) / 2.0, (info.height - 1) / 2.0])
    if bool(info.extra.get("flipped")) == bool(wide.info.extra.get("flipped")):
        return [Placement(np.array([1.0, 1.0]), pivot, step, centre, "as the wide frame")]
    return [
        Placement(np.array([-1.0, -1.0]), pivot, step, centre, "turned by 180 degrees"),
        Placement(np.array([1.0, -1.0]), pivot, step, centre, "rows turned over"),
    ]


_IMAGES: dict[int, tuple[WideFrame, Images]] = {}


def wide_images(wide: WideFrame, pair: PairLike | None) -> Images:
    """Return the images of a wide frame; found once for all the windows of a cycle."""
    kept = _IMAGES.get(id(wide))
    if kept is None or kept[0] is not wide:
        if len(_IMAGES) > 4:
            _IMAGES.clear()
        kept = _IMAGES[id(wide)] = (wide, images_of(wide.detections, wide.info, pair))
    return kept[1]
