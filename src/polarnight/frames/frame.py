"""A CCD frame: data, variance, bits, header and sky coordinates together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from astropy.nddata import CCDData
    from astropy.wcs import WCS

    from polarnight.frames.info import FrameInfo

__all__ = ["Frame"]


@dataclass(frozen=True)
class Frame:
    """A CCD frame; immutable, so that threads may share it.

    Parameters
    ----------
    data : ndarray of float32, shape (ny, nx)
        Pixel values in `unit`.
    variance : ndarray of float32, shape (ny, nx), optional
        Variance in the square of `unit`.
    bits : ndarray of uint16, shape (ny, nx), optional
        Flags of `polarnight.frames.Bit`.
    info : FrameInfo, optional
        The normalised header.
    header : astropy.io.fits.Header, optional
        The raw header, carried over to products.
    wcs : astropy.wcs.WCS, optional
        Celestial coordinates of the ordinary (or only) beam.
    wcs_pair : astropy.wcs.WCS, optional
        Celestial coordinates of the extraordinary beam.
    unit : str
        ``"adu"``, ``"adu/s"`` (darks) or ``""`` (flats).
    meta : dict
        JSON-able figures of the reduction (levels, counts, evidence).

    Raises
    ------
    ValueError
        Where shapes differ or a plane has the wrong type.
    """

    data: npt.NDArray[np.float32]
    variance: npt.NDArray[np.float32] | None = None
    bits: npt.NDArray[np.uint16] | None = None
    info: FrameInfo | None = None
    header: Header | None = None
    wcs: WCS | None = None
    wcs_pair: WCS | None = None
    unit: str = "adu"
    meta: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, dtype in (("data", np.float32), ("variance", np.float32), ("bits", np.uint16)):
            plane = getattr(self, name)
            if plane is None:
                continue
            if plane.dtype != dtype:
                msg = f"{name} is {plane.dtype}, a frame needs {np.dtype(dtype)}"
                raise ValueError(msg)
            if plane.ndim != 2 or plane.shape != self.data.shape:
                msg = f"{name} has shape {plane.shape}, data has {self.data.shape}"
                raise ValueError(msg)

    def __repr__(self) -> str:
        """Say what frame it is and which planes it has; pixels and header would fill pages."""
        ny, nx = self.data.shape
        names = ("variance", "bits", "header", "wcs", "wcs_pair")
        parts = [f"{nx} x {ny} pixels", self.unit or "no unit"]
        parts += [name for name in names if getattr(self, name) is not None]
        if self.info is not None:
            parts.insert(0, f"{self.info.telescope}/{self.info.night}/{self.info.filename}")
        return f"<{type(self).__name__} {', '.join(parts)}>"

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and columns."""
        ny, nx = self.data.shape
        return ny, nx

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some planes or values changed."""
        return replace(self, **changes)

    def mask(self, bits: int | None = None) -> npt.NDArray[np.bool_]:
        """Return where the frame must not be used.

        Parameters
        ----------
        bits : int, optional
            The bits that matter; by default `polarnight.frames.UNUSABLE`.

        Returns
        -------
        ndarray of bool, shape (ny, nx)
            True where any of the bits is set or the value is not finite.
        """
        from polarnight.frames.bits import UNUSABLE

        bad = ~np.isfinite(self.data)
        if self.bits is not None:
            bad |= (self.bits & np.uint16(UNUSABLE if bits is None else bits)) != 0
        return bad

    def to_ccddata(self) -> CCDData:
        """Return the frame as `astropy.nddata.CCDData` with uncertainty and boolean mask."""
        from astropy.nddata import CCDData, VarianceUncertainty

        uncertainty = None if self.variance is None else VarianceUncertainty(self.variance)
        return CCDData(
            self.data,
            unit=self.unit or "",
            uncertainty=uncertainty,
            mask=self.mask(),
            meta=self.header,
            wcs=self.wcs,
        )
