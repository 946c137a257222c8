"""What was detected on a frame: arrays of one length, brightest first."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import IntFlag
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["DetectionFlag", "Detections"]

Floats = npt.NDArray[np.float64]


class DetectionFlag(IntFlag):
    """What is doubtful about a detection."""

    SATURATED = 1 << 0
    """A saturated pixel lies in the core."""
    NEAR_EDGE = 1 << 1
    """The image reaches the border of the frame or of its good region."""
    BLENDED = 1 << 2
    """It was separated from a neighbour."""
    MASKED = 1 << 3
    """A bad pixel or a cosmic ray lies in the core."""
    NOT_STELLAR = 1 << 4
    """Much sharper, wider or longer than the stars of the frame."""
    UNCENTRED = 1 << 5
    """The windowed centroid failed; the position is the isophotal one."""


@dataclass(frozen=True, eq=False)
class Detections:
    """Sources detected on a frame, in order of decreasing flux.

    Attributes
    ----------
    x, y : ndarray of float, shape (n,)
        Windowed centroids, zero-based pixels.
    flux, flux_err : ndarray of float, shape (n,)
        Flux and 1-sigma error in an aperture of radius 1.5 FWHM, in units of the frame.
    peak : ndarray of float, shape (n,)
        Highest pixel above the background.
    fwhm : ndarray of float, shape (n,)
        Pixels: twice the radius that holds half of the flux, which is the full width at half
        maximum of a Gaussian image.
    elongation : ndarray of float, shape (n,)
        Ratio of the axes, at least 1.
    theta : ndarray of float, shape (n,)
        Angle of the long axis from x towards y, degrees.
    npix : ndarray of int, shape (n,)
        Pixels above the threshold.
    flags : ndarray of uint16, shape (n,)
        Bits of `DetectionFlag`.
    background_level, background_rms : float
        Median level and noise of the sky over the frame.
    fwhm_median : float
        Of the clean detections, pixels; NaN where there is none.
    """

    x: Floats
    y: Floats
    flux: Floats
    flux_err: Floats
    peak: Floats
    fwhm: Floats
    elongation: Floats
    theta: Floats
    npix: npt.NDArray[np.int64]
    flags: npt.NDArray[np.uint16]
    background_level: float = 0.0
    background_rms: float = 0.0
    fwhm_median: float = float("nan")

    def __len__(self) -> int:
        return len(self.x)

    @property
    def xy(self) -> Floats:
        """Positions, shape (n, 2)."""
        return np.column_stack([self.x, self.y])

    @property
    def snr(self) -> Floats:
        """Flux over its error."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(self.flux_err > 0, self.flux / self.flux_err, 0.0))

    @property
    def clean(self) -> npt.NDArray[np.bool_]:
        """True for detections without any flag."""
        return np.asarray(self.flags == 0)

    def select(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.integer]) -> Self:
        """Return some of the detections, by mask or by indices."""
        arrays = {name: getattr(self, name)[which] for name in _array_names()}
        return replace(self, **arrays)

    def to_table(self) -> Table:
        """Return an astropy Table; the frame's levels are in its `meta`."""
        from astropy.table import Table

        table = Table({name: getattr(self, name) for name in _array_names()})
        for name in ("x", "y", "fwhm"):
            table[name].unit = "pix"
        table["theta"].unit = "deg"
        for key, name in _META.items():
            # FITS headers cannot hold a NaN.
            if np.isfinite(getattr(self, name)):
                table.meta[key] = getattr(self, name)
        return table

    @classmethod
    def from_table(cls, table: Table) -> Self:
        """Rebuild from `to_table`, also after a round trip through FITS."""
        values: dict[str, Any] = {
            name: np.asarray(table[name]).astype(_DTYPES.get(name, np.float64))
            for name in _array_names()
        }
        for key, name in _META.items():
            if key in table.meta:
                values[name] = float(table.meta[key])
        return cls(**values)

    @classmethod
    def from_positions(cls, x: npt.ArrayLike, y: npt.ArrayLike, flux: npt.ArrayLike) -> Self:
        """Make detections from bare positions and fluxes (of another program, or a test)."""
        order = np.argsort(-np.asarray(flux, dtype=np.float64), kind="stable")
        f = np.asarray(flux, dtype=np.float64)[order]
        unknown = np.full(len(f), np.nan)
        return cls(
            x=np.asarray(x, dtype=np.float64)[order],
            y=np.asarray(y, dtype=np.float64)[order],
            flux=f,
            flux_err=unknown,
            peak=unknown,
            fwhm=unknown,
            elongation=np.ones(len(f)),
            theta=np.zeros(len(f)),
            npix=np.zeros(len(f), dtype=np.int64),
            flags=np.zeros(len(f), dtype=np.uint16),
        )


_META = {"BKGLEVEL": "background_level", "BKGRMS": "background_rms", "FWHM": "fwhm_median"}
_DTYPES = {"npix": np.int64, "flags": np.uint16}


def _array_names() -> list[str]:
    return [f.name for f in fields(Detections) if f.name not in _META.values()]
